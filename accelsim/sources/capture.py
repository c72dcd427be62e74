"""Capture a live PyTorch network: `capture(model, inputs)` gives its trace."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from accelsim.config import digest
from accelsim.quantize import Quantization
from accelsim.trace import FORMAT_VERSION, Trace, cache_folder

CAPTURE_VERSION = 1
"""Raised whenever the same network would give another trace; part of every content key."""


def capture(
    model: Any,
    inputs: Iterable[Any],
    name: str = "model",
    quantization: Quantization | None = None,
    out: str | Path | None = None,
    warnings: Sequence[str] = (),
) -> Trace:
    """Run `model` (torch.nn.Module) on `inputs` and return the trace of its matrix products.

    inputs: one entry per sample, a tuple of positional arguments or a single tensor. quantization: by default
    16-bit fixed point. out: folder of the bundle; by default a cached one named by its content key, over the
    state of the model, the source text of its classes and the inputs. A bundle that is there is replaced.
    Raises InputError when the inputs are empty, values are NaN or the model runs no product.
    """
    samples = [entry if isinstance(entry, tuple) else (entry,) for entry in inputs]
    scheme = quantization or Quantization()
    key = digest(trace_key_parts(scheme, len(samples)), _state(model), [_describe(sample) for sample in samples])
    target = Path(out) if out is not None else bundle_path(name, key)
    return record_to(model, samples, target, name, key, scheme, list(warnings), None, replace=True)


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
) -> Trace:
    """Capture `module` on `inputs` into the bundle `target`; loads torch."""
    from accelsim.sources.recording.run import record

    manifest = {"key": key, "name": name, "trained": trained, "capture_version": CAPTURE_VERSION, "warnings": warnings}
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
    classes = {type(part) for part in model.modules()}
    own = sorted((c for c in classes if not c.__module__.startswith("torch.")), key=lambda c: c.__qualname__)
    return {
        "state": {key: _describe(value) for key, value in model.state_dict().items()},
        "structure": repr(model),
        "source": [_source(c) for c in own],
    }


def _source(cls: type) -> str:
    try:
        return inspect.getsource(cls)
    except (OSError, TypeError):
        return f"{cls.__module__}.{cls.__qualname__}"


def _describe(value: Any) -> Any:
    """Return JSON-like data that identifies a tensor, or a nest of them."""
    import torch

    if isinstance(value, torch.Tensor):
        data = value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy()
        return [str(value.dtype), list(value.shape), hashlib.sha256(data).hexdigest()]
    if isinstance(value, list | tuple):
        return [_describe(item) for item in value]
    return repr(value)
