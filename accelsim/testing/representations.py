"""The same values in other memory: mapped from a file, in another layout, with a zero point."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from accelsim.layer import Layer, Operand
from accelsim.testing.bundles import write_bundle


def representations(layer: Layer, folder: Path) -> Iterator[tuple[str, Layer]]:
    """Yield `layer` again with equal values: what differs, and the layer. folder: where a file may be written."""
    yield "a second time", layer
    yield "memory mapped", replace(write_bundle(folder / "mapped", [layer]).layer(0), index=layer.index)
    yield "in Fortran order", _changed(layer, lambda o: replace(o, codes=np.asfortranarray(o.codes)))
    yield "as a view with strides", _changed(layer, _strided)
    yield "with a zero point", _changed(layer, _shifted)
    yield "with a zero point per channel", replace(layer, weight=_shifted_channels(layer.weight))


def _changed(layer: Layer, change: Callable[[Operand], Operand]) -> Layer:
    output = None if layer.output is None else change(layer.output)
    return replace(layer, activation=change(layer.activation), weight=change(layer.weight), output=output)


def _strided(operand: Operand) -> Operand:
    codes = operand.codes
    room = np.zeros((*codes.shape[:-1], 2 * codes.shape[-1]), codes.dtype)
    room[..., ::2] = codes
    return replace(operand, codes=room[..., ::2])


def _room(operand: Operand) -> int:
    """Return by how much the codes can be raised within their type."""
    return int(np.iinfo(operand.codes.dtype).max) - int(operand.codes.max())


def _shifted(operand: Operand) -> Operand:
    zero = min(5, _room(operand))
    return replace(operand, codes=operand.codes + operand.codes.dtype.type(zero), zero_point=zero)


def _shifted_channels(operand: Operand) -> Operand:
    zero = np.arange(operand.codes.shape[0], dtype=np.int64) % (min(5, _room(operand)) + 1)
    codes = (operand.codes + zero[:, None, None, None]).astype(operand.codes.dtype)
    return replace(operand, codes=codes, zero_point=zero, axis=0)
