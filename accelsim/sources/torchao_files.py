"""Weight files that hold torchao tensors, read without running any code of the file."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from accelsim.errors import InputError, first_line
from accelsim.sources.extras import installed

OLDEST = (0, 18)
"""Before this version torchao's configurations made tensors of other classes."""


def import_torchao() -> None:
    """Import torchao, which makes its tensors readable, without its remarks on kernels for other machines.

    Raises InputError when it is missing or too old.
    """
    version = installed("torchao", "torchao")
    numbers = tuple(int(part) for part in version.split("+")[0].split(".")[:2] if part.isdigit())
    if numbers < OLDEST:
        least = ".".join(str(number) for number in OLDEST)
        raise InputError(f"torchao {version} is too old", f"pip install 'torchao>={least}'")
    try:
        with quiet_loggers():
            import torchao.quantization  # noqa: F401
    except (ImportError, OSError, RuntimeError, AttributeError) as error:
        raise InputError(f"torchao {version} cannot be imported beside this torch: {first_line(error)}") from None


def only_torchao(path: Path) -> bool:
    """Whether a checkpoint that torch.load refuses names classes of torchao and no other object; runs nothing of it."""
    import torch

    try:
        names = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    except Exception:  # whatever an arbitrary file makes torch's reader raise: then it is no such checkpoint
        return False
    return bool(names) and all(name.startswith("torchao.") for name in names)


def rebuilt(path: Path, tensors: dict[str, Any]) -> dict[str, Any]:
    """Return `tensors` of a safetensors file with those joined to torchao tensors that torchao took apart.

    Raises InputError when the parts do not fit together.
    """
    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        metadata = file.metadata() or {}
    try:
        names = json.loads(metadata.get("tensor_names", "[]"))
        apart = any(json.loads(metadata[name])["_type"] != "Tensor" for name in names)
    except (ValueError, KeyError, TypeError, RecursionError):
        return tensors
    if not apart:
        return tensors
    import_torchao()
    try:
        with quiet_loggers():
            from torchao.prototype.safetensors.safetensors_support import unflatten_tensor_state_dict

        whole, rest = unflatten_tensor_state_dict(tensors, metadata)
    except Exception as error:  # torchao takes the file's word for everything
        raise InputError(f"weights {path}: torchao cannot put its tensors together: {first_line(error)}") from None
    return {**whole, **rest}


@contextmanager
def quiet_loggers() -> Iterator[None]:
    """Keep loggers silent up to warnings."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
