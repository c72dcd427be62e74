"""Capture a live PyTorch network: `capture(model, inputs)` gives its trace."""

from __future__ import annotations

import hashlib
import inspect
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from accelsim.config import digest
from accelsim.errors import ConfigError, InputError
from accelsim.files.cache import cache_folder, writable_cache
from accelsim.quantize import Quantization
from accelsim.sources.coded import write_codes
from accelsim.trace import FORMAT_VERSION, Trace

CAPTURE_VERSION = 4
"""Raised whenever the same network would give another trace; part of every content key."""

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
"""What a workload or a captured model may be called: it becomes part of a folder's name."""


def capture(
    model: Any,
    inputs: Iterable[Any],
    name: str = "model",
    quantization: Quantization | None = None,
    out: str | Path | None = None,
    warnings: Sequence[str] = (),
) -> Trace:
    """Run `model` (torch.nn.Module) on `inputs` and return the trace of its matrix products.

    inputs: one entry per sample: a tuple of positional arguments, a mapping of arguments by name, or a single tensor.
    quantization: by default 16-bit fixed point. out: folder of the bundle; by default a cached one named by its content key, over the
    parameters and buffers of the model, the source text of its classes, the plain attributes of its parts
    (numbers, words, tensors and collections of them) and the inputs. It does not cover other attributes
    (configuration objects, functions), hooks, global variables and the code that the classes call. A bundle
    that is there is replaced. Raises InputError when the inputs are empty, values are NaN or the model runs no
    product, StorageError when `out` is a folder of something else.
    """
    samples = _samples(model, inputs)
    if not re.fullmatch(NAME, name):
        raise InputError(f"name {name!r} cannot name a bundle", "use letters, digits, dot, dash and underscore")
    scheme = quantization or Quantization()
    found = {
        "model": f"{type(model).__module__}.{type(model).__qualname__}",
        "state": digest(_state(model)),
        "inputs": digest([_describe(sample) for sample in samples]),
    }
    key = digest(trace_key_parts(scheme, len(samples)), found)
    kept = bundle_path(name, key)
    target = Path(out) if out is not None else writable_cache(kept.parent) / kept.name
    return record_to(
        model, samples, target, name, key, scheme, list(warnings), None, replace=True, origin={"fingerprint": found}
    )


def record_to(
    module: Any,
    inputs: list[tuple[Any, ...]],
    target: Path,
    name: str,
    key: str,
    quantization: Quantization,
    warnings: list[str],
    trained: bool | None,
    replace: bool = False,
    origin: dict[str, Any] | None = None,
) -> Trace:
    """Capture `module` on `inputs` into the bundle `target`; loads torch.

    origin: JSON-like entries of the manifest that tell how to repeat the capture (workload, fingerprint). A module of
    PyTorch's eager quantisation gives its own codes. Raises ConfigError when its `quantization` asks for others.
    """
    from accelsim.sources.recording.run import record
    from accelsim.sources.vision.quantised import encode, holds_codes

    if holds_codes(module):
        if quantization != Quantization():
            raise ConfigError(f"{name} is quantised and gives its own codes; `quantization` has no effect")
        extra = {"trained": trained, "capture_version": CAPTURE_VERSION, **(origin or {})}
        return write_codes(encode(module, inputs, warnings), target, name, key, replace, extra)
    manifest = {
        "key": key,
        "name": name,
        "trained": trained,
        "capture_version": CAPTURE_VERSION,
        "warnings": warnings,
        **(origin or {}),
    }
    return record(module, inputs, target, manifest, quantization, replace)


def bundle_path(name: str, key: str, cache: Path | None = None) -> Path:
    """Return the folder of a cached bundle."""
    return (cache or cache_folder()) / "traces" / f"{name}-{key}"


def trace_key_parts(quantization: Quantization, samples: int) -> dict[str, Any]:
    """Return what every content key covers besides the network and its inputs."""
    return {
        "format": FORMAT_VERSION,
        "capture": CAPTURE_VERSION,
        "samples": samples,
        "quantization": quantization.model_dump(mode="json"),
    }


def _state(model: Any) -> dict[str, Any]:
    classes = {c for part in model.modules() for c in type(part).__mro__}
    known = ("torch.", "builtins", "typing", "abc")
    own = sorted(
        (c for c in classes if not c.__module__.startswith(known)), key=lambda c: (c.__module__, c.__qualname__)
    )
    values = {**model.state_dict(), **dict(model.named_buffers())}  # a buffer may be left out of the state
    return {
        "state": {key: _describe(value) for key, value in values.items()},
        "attributes": {name: _attributes(part) for name, part in model.named_modules()},
        "structure": repr(model),
        "source": [_source(c) for c in own],
    }


def _samples(model: Any, inputs: Any) -> list[tuple[Any, ...]]:
    """Return one tuple of arguments per sample. Raises InputError when `model` or `inputs` is something else."""
    import torch

    if not isinstance(model, torch.nn.Module):
        raise InputError(
            f"the model is of type {type(model).__name__}, not a torch.nn.Module", "give the module itself"
        )
    if hasattr(inputs, "shape") or isinstance(inputs, str | bytes | Mapping) or not isinstance(inputs, Iterable):
        raise InputError(f"the inputs are one {type(inputs).__name__}", "give a list of samples, for example [(x,)]")
    return [_arguments(model, entry) for entry in inputs]


def _arguments(model: Any, entry: Any) -> tuple[Any, ...]:
    """Return the positional arguments of one call; a mapping is by name where all its keys name parameters of `forward`.

    Raises InputError when a parameter before the last named one is neither named nor has a default.
    """
    if isinstance(entry, tuple):
        return entry
    if not isinstance(entry, Mapping) or not entry:
        return (entry,)
    form = inspect.signature(model.forward)
    order = [p.name for p in form.parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    if not set(entry) <= set(order):
        return (entry,)
    given = form.bind_partial(**entry)
    given.apply_defaults()
    asked = order[: 1 + max(order.index(name) for name in entry)]
    for name in asked:
        if name not in given.arguments:
            raise InputError(f"a sample lacks the argument {name} of {type(model).__name__}.forward")
    return tuple(given.arguments[name] for name in asked)


def _attributes(part: Any) -> dict[str, Any]:
    """Return the plain attributes of a module, those that torch itself keeps left out."""
    import torch

    internal = {*torch.nn.Module().__dict__, "_flat_weights"}
    found: dict[str, Any] = {}
    for name, value in sorted(part.__dict__.items()):
        if name not in internal and _is_plain(value):
            found[name] = _describe(value)
    return found


def _is_plain(value: Any, depth: int = 0) -> bool:
    import torch

    if isinstance(value, list | tuple | set | frozenset | dict):
        inside = [*value, *value.values()] if isinstance(value, dict) else value
        return depth < 8 and all(_is_plain(item, depth + 1) for item in inside)
    scalar = isinstance(value, bool | int | float | complex | str | bytes | torch.dtype)
    if isinstance(value, torch.Tensor):
        return value.layout is torch.strided and value.device.type != "meta" and not value.is_quantized
    return value is None or scalar


def _source(cls: type) -> str:
    try:
        return inspect.getsource(cls)
    except (OSError, TypeError):
        return f"{cls.__module__}.{cls.__qualname__}"


def _describe(value: Any) -> Any:
    """Return JSON-like data that identifies a tensor, or a nest of them."""
    import torch

    if isinstance(value, torch.Tensor) and hasattr(value, "__tensor_flatten__"):  # a tensor made of others
        names, rest = value.__tensor_flatten__()
        return [type(value).__qualname__, repr(rest), [[name, _describe(getattr(value, name))] for name in names]]
    if isinstance(value, torch.Tensor) and value.is_quantized:
        one = value.qscheme() in (torch.per_tensor_affine, torch.per_tensor_symmetric)
        scales = value.q_scale() if one else value.q_per_channel_scales()
        zeros = value.q_zero_point() if one else value.q_per_channel_zero_points()
        return [str(value.qscheme()), _describe(value.int_repr()), _describe(scales), _describe(zeros)]
    if torch.nn.parameter.is_lazy(value):
        return "lazy"
    if isinstance(value, torch.Tensor) and value.layout is not torch.strided:
        return [str(value.layout), _describe(value.to_dense())]
    if isinstance(value, torch.Tensor):
        data = value.detach().cpu().resolve_conj().resolve_neg().contiguous().flatten().view(torch.uint8).numpy()
        return [str(value.dtype), list(value.shape), hashlib.sha256(data).hexdigest()]
    if isinstance(value, list | tuple):
        return [_describe(item) for item in value]
    if isinstance(value, dict):
        return [[_describe(key), _describe(item)] for key, item in value.items()]
    if isinstance(value, set | frozenset):
        return sorted(repr(item) for item in value)
    return repr(value)
