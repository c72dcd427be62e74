"""Trained weights from a file: a state dict as safetensors, or as .pth read without running any code."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from accelsim.errors import InputError, first_line, shortened
from accelsim.files.paths import user_path
from accelsim.sources.torchao_files import import_torchao, only_torchao, rebuilt

UNTRAINED = "the weights are random (untrained): its ineffectual work says nothing about a trained network"

_LARGE_BYTES = 1 << 30
"""Weights up to this size may be packed as tightly as can be."""

_INSIDE = ("state_dict", "model_state_dict", "model", "net", "model_ema")
"""Keys under which training scripts keep the state dict in a checkpoint."""


def is_file(weights: str) -> bool:
    """Whether the key `weights` of a workload names a file, by its ending or a slash."""
    return "/" in weights or Path(weights).suffix.lower() in (".safetensors", ".pth", ".pt", ".bin")


def weight_file(weights: str, folder: Path) -> Path:
    """Return the path of a weight file, relative ones taken from `folder`. Raises InputError when it is missing."""
    path = folder / user_path(weights)
    if not path.is_file():
        raise InputError(f"weights {path} are missing", "give the path of a safetensors or .pth file, or `random`")
    return path


def read_state(path: Path) -> dict[str, Any]:
    """Return the tensors of a state dict by name.

    safetensors, or what torch.save wrote of tensors alone: a pickle with anything else in it is refused, so no code
    of the file ever runs. The state dict may stand inside a checkpoint (under state_dict, model, ...) and under the
    prefix ``module.`` of DataParallel; sparse tensors become dense, and weights that pruning keeps beside their mask
    (NAME_orig and NAME_mask of torch.nn.utils.prune, a parametrisation with a mask) are multiplied by it. Tensors of
    torchao keep their codes. Raises InputError when the file cannot be read.
    """
    from safetensors.torch import load_file

    if path.suffix.lower() == ".safetensors":
        try:
            tensors = dict(load_file(path))
        except Exception as error:  # of the library, of NumPy and of torch, as the file makes them
            raise InputError(f"weights {path} cannot be read: {first_line(error)}") from None
        return _merged(rebuilt(path, tensors), path)
    found = _tensors(unpacked(path), path)
    _refuse_expanding(found, path)
    try:
        return _merged({name: _dense(tensor) for name, tensor in found.items()}, path)
    except (RuntimeError, NotImplementedError) as error:
        raise InputError(f"weights {path} cannot be used: {first_line(error)}") from None


def load_weights(module: Any, path: Path, state: dict[str, Any] | None = None) -> None:
    """Load the file `path` into `module`, every key and shape matched. Raises InputError otherwise.

    state: its content, when it has been read before. Tensors of torchao take the place of the module's parameters.
    """
    expected = module.state_dict()
    state = _apart(read_state(path) if state is None else state, expected)
    problems = [
        f"{label} {_some(keys)}"
        for label, keys in (
            ("missing", [k for k in expected if k not in state and not k.endswith("num_batches_tracked")]),
            ("unexpected", [k for k in state if k not in expected]),
            ("of another shape", [k for k in expected if k in state and state[k].shape != expected[k].shape]),
        )
        if keys
    ]
    if problems:
        raise InputError(f"weights {path} do not fit {type(module).__name__}: {'; '.join(problems)}")
    whole = {name for name, tensor in state.items() if hasattr(tensor, "__tensor_flatten__")}
    try:
        module.load_state_dict({k: v for k, v in state.items() if k not in whole}, strict=False)
        module.load_state_dict({k: state[k] for k in whole}, strict=False, assign=True)
    except (RuntimeError, NotImplementedError) as error:
        raise InputError(f"weights {path} do not fit {type(module).__name__}: {_cause(error)}") from None


def unpacked(path: Path) -> Any:
    """Return what torch.save wrote, if it is tensors and plain collections. Raises InputError for anything else."""
    import pickle

    try:
        _refuse_packed(path)
        try:
            return _loaded(path)
        except pickle.UnpicklingError:
            if not only_torchao(path):
                raise
            import_torchao()
            return _loaded(path)
    except pickle.UnpicklingError:
        reason = "it holds Python objects besides tensors, which could run code, or it is no file of torch.save"
    except InputError:
        raise
    except Exception as error:  # torch's reader follows what the file says, and raises whatever that leads to
        reason = first_line(error)
    hint = "save the state dict alone: safetensors.torch.save_file(model.state_dict(), PATH)"
    raise InputError(f"weights {path} cannot be read: {reason}", hint) from None


def _loaded(path: Path) -> Any:
    import torch

    # unless it is asked to, torch believes the places of a sparse tensor's values and writes to them, wherever they are
    with warnings.catch_warnings(), torch.sparse.check_sparse_tensor_invariants():
        warnings.simplefilter("ignore")  # of what torch will deprecate
        return torch.load(path, map_location="cpu", weights_only=True)


def _refuse_packed(path: Path) -> None:
    """Raise InputError for an archive that says that it holds far more than the file does: its entries would be unpacked."""
    import zipfile

    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        inside = sum(item.file_size for item in archive.infolist())
    if inside > max(_LARGE_BYTES, 4 * path.stat().st_size):
        raise InputError(
            f"weights {path} cannot be read: {inside} bytes in a file of {path.stat().st_size}",
            "save them with torch.save",
        )


def _refuse_expanding(tensors: dict[str, Any], path: Path) -> None:
    """Raise InputError for tensors that are far larger than the file once they are dense, or have no values at all."""
    empty = [name for name, tensor in tensors.items() if tensor.device.type == "meta"]
    if empty:
        raise InputError(f"weights {path} hold tensors without values: {_some(empty)}", "save the trained weights")
    dense = sum(math.prod(tensor.shape) * tensor.element_size() for tensor in tensors.values() if not tensor.is_nested)
    if dense > max(_LARGE_BYTES, 1000 * path.stat().st_size):
        raise InputError(
            f"weights {path} are {dense} bytes when dense, in a file of {path.stat().st_size}", "save them dense"
        )


def _tensors(content: Any, path: Path) -> dict[str, Any]:
    """Return the state dict inside what a file holds."""
    import torch

    for key in _INSIDE:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
            break
    if not isinstance(content, Mapping) or not content:
        raise InputError(f"weights {path} hold a {type(content).__name__}, not a state dict of tensors")
    other = [str(n) for n, value in content.items() if not (isinstance(n, str) and isinstance(value, torch.Tensor))]
    if other:
        raise InputError(f"weights {path} hold more than tensors: {_some(other)}", "save the state dict alone")
    if all(name.startswith("module.") for name in content):
        return {name.removeprefix("module."): tensor for name, tensor in content.items()}
    return dict(content)


def _dense(tensor: Any) -> Any:
    import torch

    return tensor if tensor.layout is torch.strided else tensor.to_dense()


_PRUNED = (
    (re.compile(r"^(?P<name>.*)_orig$"), "{name}_mask", "{name}"),
    (
        re.compile(r"^(?P<name>.*?)parametrizations\.(?P<last>\w+)\.original$"),
        "{name}parametrizations.{last}.0.mask",
        "{name}{last}",
    ),
)
"""Keys under which pruning keeps a weight, its mask, and the weight's own."""


def _merged(state: dict[str, Any], path: Path) -> dict[str, Any]:
    """Multiply the weights that pruning keeps beside their mask by it. Raises InputError where the two differ in shape."""
    for key in list(state):
        for pattern, mask, own in _PRUNED:
            found = pattern.match(key)
            if found and (beside := mask.format(**found.groupdict())) in state:
                if state[key].shape != state[beside].shape:
                    raise InputError(f"weights {path}: {_some([key])} and its mask differ in shape")
                state[own.format(**found.groupdict())] = state.pop(key) * state.pop(beside)
    return state


def _apart(state: dict[str, Any], expected: dict[str, Any]) -> dict[str, Any]:
    """Give a module that itself prunes a weight (expects NAME_orig and NAME_mask) its parts: the weight and where it is not 0."""
    state = dict(state)
    for key in expected:
        for pattern, mask, own in _PRUNED:
            found = pattern.match(key)
            if found and (name := own.format(**found.groupdict())) in state:
                beside = mask.format(**found.groupdict())
                if beside in expected:
                    state[key] = state.pop(name)
                    state[beside] = (state[key] != 0).to(expected[beside].dtype)
    return state


def _cause(error: BaseException) -> str:
    """Return what load_state_dict complains of: its first line names the class alone."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[:2])[:200] if lines else type(error).__name__


def _some(keys: list[str], most: int = 6) -> str:
    return ", ".join(shortened(key) for key in keys[:most]) + (
        f" and {len(keys) - most} more" if len(keys) > most else ""
    )
