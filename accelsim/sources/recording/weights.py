"""Tell which operand of a product is a weight, and what to call it."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch.utils.weak import WeakTensorKeyDictionary

from accelsim.sources.recording.torchao_tensors import Held, held, is_torchao, parts

_NOT_FROM_VALUES = re.compile(r"(_like|^new_.*|^zeros|^ones|^empty|^full|^rand.*|^bernoulli|dropout)$")


class Identity(NamedTuple):
    """What a weight operand is.

    rank: 3 parameter, 2 buffer, 1 computed from them alone; of two weights the higher rank is the weight. What is computed
    from one value by value (a mask put on it, another type, another arrangement) has its rank. key: the same for every
    use of the same values in the same arrangement. name: for the layer. passing: whether the values are gone after the run.
    """

    rank: int
    key: Hashable
    name: str
    passing: bool = False


class Repeated(NamedTuple):
    """A batch of weights that broadcasting has written out.

    sizes: of the batch's axes, before they became one. own: the axes along which the weights differ. key: the same
    however often they are repeated.
    """

    sizes: tuple[int, ...]
    own: tuple[int, ...]
    key: Hashable


_Before = list[tuple[torch.Tensor, torch.Tensor]]
"""Parameters and buffers of one memory, each with the values that it had."""


class _Entry(NamedTuple):
    name: str
    tensor: torch.Tensor
    rank: int


class Weights:
    """The parameters, buffers and plain tensors of a module, these as buffers, found again through views of their storage.

    Tensors computed from parameters alone (weight normalisation, masks) count as weights too; they are told
    apart by the computation that made them. A buffer written during the forward pass (a cache) is no weight, unless it is
    written once from weights alone and before anything reads it (a mask put on it). A torchao tensor is found by the plain
    tensors inside it.
    """

    def __init__(self, module: torch.nn.Module) -> None:
        self._entries: dict[int, list[_Entry]] = {}
        self._derived: Any = WeakTensorKeyDictionary()
        self._repeated: Any = WeakTensorKeyDictionary()
        self._deriving = False  # the length of a weak dictionary is slow to ask for
        self.written: dict[int, _Before] = {}
        self._altered: dict[int, _Before] = {}  # written in this pass from weights alone, and weights still
        self._read: set[int] = set()
        named = [(n, p, 3) for n, p in module.named_parameters()] + [(n, b, 2) for n, b in module.named_buffers()]
        named += [(f"{path}.{n}".lstrip("."), t, 2) for path, part in module.named_modules() for n, t in _plain(part)]
        self._held: dict[int, tuple[torch.Tensor, Held | None]] = {}
        for name, tensor, rank in named:
            if is_torchao(tensor):
                self._held[id(tensor)] = tensor, held(tensor)
            for part in parts(tensor) if is_torchao(tensor) else [tensor]:
                if part.numel():
                    self._entries.setdefault(_pointer(part), []).append(_Entry(name, part, rank))

    @property
    def torchao(self) -> bool:
        """Whether some of them are torchao tensors."""
        return bool(self._held)

    def held(self, tensor: torch.Tensor) -> tuple[Identity, Held] | None:
        """Return what a torchao tensor is, and its codes; None when it is no weight or its class is not known."""
        _, found = self._held.get(id(tensor)) or (tensor, held(tensor))
        identity = self.find(parts(tensor)[0]) if found is not None else None
        return None if identity is None or found is None else (identity, found)

    def find(self, tensor: torch.Tensor) -> Identity | None:
        """Return the identity of a weight or view of one, None for an activation."""
        pointer = _pointer(tensor)
        entries = self._entries.get(pointer)
        if entries is None or pointer in self.written:
            return self._derived.get(tensor) if self._deriving else None
        self._read.add(pointer)
        start = tensor.storage_offset()
        entry = (
            entries[0]
            if len(entries) == 1
            else next((e for e in entries if e.tensor.storage_offset() <= start < _end(e.tensor)), entries[0])
        )
        key = (pointer, start, tuple(tensor.shape), tensor.stride())
        name = layer_name(entry.name) + _part(entry, tensor)
        return Identity(entry.rank, key, name, passing=pointer in self._altered)

    def constant(self, arguments: Sequence[torch.Tensor]) -> bool:
        """Whether every tensor argument of an operator is a weight or comes from weights alone."""
        for tensor in arguments:  # noqa: SIM110  (run for every operator: all() costs more)
            if not self._constant(tensor):
                return False
        return True

    def _constant(self, tensor: torch.Tensor) -> bool:
        pointer = _pointer(tensor)
        if pointer in self._entries and pointer not in self.written:
            return True
        return self._deriving and tensor in self._derived

    def derive(self, function: Any, args: Sequence[Any], tensors: Sequence[torch.Tensor], result: Any) -> None:
        """Note that `result` comes from the weights `tensors` alone, by `function`."""
        random = torch.Tag.nondeterministic_seeded in function.tags
        if random or _NOT_FROM_VALUES.search(function.overloadpacket.__name__):
            return
        for place, value in enumerate(result if isinstance(result, tuple | list) else [result]):
            if isinstance(value, torch.Tensor) and _pointer(value) not in self._entries:
                origins = [(t.numel(), found) for t in tensors if (found := self.find(t))]
                rank = max((found.rank for size, found in origins if size == value.numel()), default=1)
                _, origin = max(origins, key=lambda item: item[1].rank)
                self._deriving = True
                self._derived[value] = Identity(rank, (str(function), place, self._signature(args)), origin.name, True)
                if (repeated := self._written_out(function.overloadpacket.__name__, tensors[0], value)) is not None:
                    self._repeated[value] = repeated

    def repeated(self, tensor: torch.Tensor) -> Repeated | None:
        """Return how broadcasting wrote out a batch of weights, given as (batch, rows, columns); None where it did not."""
        return self._repeated.get(tensor) if self._deriving else None

    def _written_out(self, operator: str, source: torch.Tensor, result: torch.Tensor) -> Repeated | None:
        if operator == "clone" and source.dim() > 3 and 0 in source.stride()[:-2]:
            batch = list(zip(source.shape[:-2], source.stride()[:-2]))
            own = tuple(place for place, (size, stride) in enumerate(batch) if size > 1 and stride)
            once = (*(batch[place] for place in own), *zip(source.shape[-2:], source.stride()[-2:]))
            return Repeated(tuple(source.shape[:-2]), own, (_pointer(source), source.storage_offset(), once))
        if operator in ("view", "_unsafe_view") and result.dim() == 3 and result.shape[1:] == source.shape[-2:]:
            return self._repeated.get(source)
        return None

    def note_write(self, tensor: torch.Tensor) -> None:
        """Note that an operator is about to write `tensor`: no weight from here on, and put back later."""
        pointer = _pointer(tensor)
        if pointer in self._entries and pointer not in self.written:
            self.written[pointer] = self._altered.pop(pointer, []) or self._values(pointer)
        if self._deriving:
            for other in [t for t in self._derived if _pointer(t) == pointer]:
                del self._derived[other]

    def about_to_alter(self, tensors: Sequence[torch.Tensor]) -> dict[int, _Before]:
        """Return the values of the weights that an operator is about to write in `tensors` from weights alone."""
        pointers = {_pointer(tensor) for tensor in tensors}
        return {pointer: self._values(pointer) for pointer in pointers & self._entries.keys() - self.written.keys()}

    def altered(self, before: dict[int, _Before]) -> None:
        """Note what an operator has written, after `about_to_alter`: values that differ are put back later.

        A weight that was read before, or is altered a second time, has several values: it is none from here on.
        """
        for pointer, pairs in before.items():
            if all(torch.equal(tensor, values) for tensor, values in pairs):
                continue
            if pointer in self._read or pointer in self._altered:
                self.written[pointer] = self._altered.pop(pointer, pairs)
            else:
                self._altered[pointer] = pairs

    def restore(self) -> None:
        """Give every parameter and buffer that was written the values that it had, at the end of a pass."""
        for pairs in (*self.written.values(), *self._altered.values()):
            for tensor, before in pairs:
                tensor.copy_(before)
        self._altered.clear()
        self._read.clear()

    def _values(self, pointer: int) -> _Before:
        return [(entry.tensor, entry.tensor.detach().clone()) for entry in self._entries[pointer]]

    def _signature(self, value: Any) -> Hashable:
        if isinstance(value, torch.Tensor):
            found = self.find(value)
            return found.key if found else None
        if isinstance(value, tuple | list):
            return tuple(self._signature(item) for item in value)
        return repr(value)


def _plain(part: torch.nn.Module) -> list[tuple[str, torch.Tensor]]:
    """Return the tensors of floats that a module holds in plain attributes, by name."""
    return [(n, v) for n, v in part.__dict__.items() if type(v) is torch.Tensor and v.is_floating_point()]


@lru_cache(maxsize=4096)
def layer_name(parameter: str) -> str:
    """Return the name of the layer whose weight is the parameter called `parameter`.

    >>> layer_name("conv1.weight"), layer_name("lstm.weight_hh_l0_reverse"), layer_name("attn.in_proj_weight")
    ('conv1', 'lstm.hh_l0_reverse', 'attn.in_proj')
    >>> layer_name("conv.parametrizations.weight.original0"), layer_name("weight"), layer_name("head.kernel")
    ('conv', 'weight', 'head.kernel')
    >>> layer_name("conv.weight_orig"), layer_name("lstm.weight_hh_l0_orig")
    ('conv', 'lstm.hh_l0')
    """
    parameter = re.sub(r"(weight\w*)_orig$", r"\1", parameter)
    parameter = re.sub(r"\.?parametrizations\.(\w+)\.original\d*$", r".\1", parameter).lstrip(".")
    path, _, last = parameter.rpartition(".")
    rest = re.sub(r"(^|_)weight(_[vg])?(?=_|$)", "", last).strip("_")
    return ".".join(part for part in (path, rest) if part) or parameter


def _part(entry: _Entry, tensor: torch.Tensor) -> str:
    """Suffix of a slice of a parameter: .q, .k, .v of an attention's projection, else the first rows."""
    whole = entry.tensor
    values = tensor.numel()
    if 0 in tensor.stride():  # expanded: count the values, not their repetitions
        values = 1
        for size, stride in zip(tensor.shape, tensor.stride()):
            values *= size if stride else 1
    if values == whole.numel():
        return ""
    row = max(whole.stride(0), 1) if whole.dim() else 1
    first, rows = divmod(tensor.storage_offset() - whole.storage_offset(), row)[0], max(values // row, 1)
    if entry.name.endswith("in_proj_weight") and whole.shape[0] % 3 == 0 and first % (whole.shape[0] // 3) == 0:
        third = whole.shape[0] // 3
        return "." + "qkv"[first // third : (first + rows) // third]
    return f"[{first}:{first + rows}]"


def _pointer(tensor: torch.Tensor) -> int:
    try:
        return int(tensor.untyped_storage().data_ptr())
    except RuntimeError:  # a tensor made of others has no storage of its own
        return _pointer(parts(tensor)[0]) if is_torchao(tensor) else -1


def _end(tensor: torch.Tensor) -> int:
    return int(tensor.storage_offset() + sum((n - 1) * s for n, s in zip(tensor.shape, tensor.stride())) + 1)
