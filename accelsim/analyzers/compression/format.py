"""What a storage format is: total size of a tensor, and its bits pixel by pixel or filter by filter."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from accelsim.analyzers.compression.tensor import Coding, Tensor
from accelsim.errors import ConfigError

Bits = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Costs:
    """Bits of each value: per_value one number for all, or an entry per bin of the tensor's histogram; fixed: tables."""

    per_value: int | npt.NDArray[np.int64] | npt.NDArray[np.float64]
    fixed: int = 0


ValueCosts = Callable[[Tensor, Coding], Costs]
Charge = Callable[[Tensor, Coding, Bits], None]


@dataclass(frozen=True)
class StorageFormat(ABC):
    """A storage format of the catalogue.

    decodes: the values can be had back from the stored bits. significands: it takes the signed significands of a
    tensor in a number format (exponents beside them where it narrows values), not its words. integers: it cannot take
    a tensor in a number format at all.
    """

    name: str
    decodes: bool
    significands: bool
    integers: bool

    def __post_init__(self) -> None:
        object.__setattr__(self, "__doc__", self.function.__doc__)

    @property
    @abstractmethod
    def function(self) -> Callable[..., object]:
        """The function in the catalogue."""

    @abstractmethod
    def total(self, tensor: Tensor, coding: Coding) -> int:
        """Return the stored bits of `tensor`."""

    @abstractmethod
    def charges(self, tensor: Tensor, coding: Coding, pixels: bool) -> Bits:
        """Return the stored bits of each pixel (N, plane), or of each item of the first axis (N, 1).

        Bits of an entry belong to its value, fields of a group to the pixel of the group, tables to the first pixel.
        """

    def check(self, coding: Coding) -> None:
        """Raise ConfigError when the format cannot hold values stored like that."""
        if self.integers and coding.exponent_bits:
            raise ConfigError(f"{self.name} subtracts codes, which values with exponents do not allow", "use another")


@dataclass(frozen=True)
class ValueWise(StorageFormat):
    """A format whose size is a sum over values."""

    costs: ValueCosts = field(repr=False)

    @property
    def function(self) -> ValueCosts:
        """The function in the catalogue."""
        return self.costs

    def total(self, tensor: Tensor, coding: Coding) -> int:
        """Return the stored bits of `tensor`; those of a bound are rounded up to whole bits."""
        self.check(coding)
        found = self.costs(tensor, coding)
        if isinstance(found.per_value, int):
            return tensor.values.size * found.per_value + found.fixed
        bits = tensor.histogram.counts @ found.per_value
        # a bound in real numbers may not exceed, by rounding errors, the whole number that it bounds
        return found.fixed + (int(bits) if found.per_value.dtype.kind == "i" else int(np.ceil(bits * (1 - 1e-12))))

    def charges(self, tensor: Tensor, coding: Coding, pixels: bool) -> Bits:
        """Return the stored bits of each pixel or item. Raises ConfigError for a bound."""
        self.check(coding)
        found = self.costs(tensor, coding)
        out = tensor.no_bits(pixels)
        _, channels, plane = tensor.flat.shape
        if isinstance(found.per_value, int):
            out += found.per_value * channels * (1 if pixels else plane)
        elif found.per_value.dtype.kind != "i":
            raise ConfigError(f"{self.name} is a bound, it has no bits of single values", "use it in whole tensors")
        else:
            from accelsim.analyzers.kernels.charges import charge_costs

            charge_costs(tensor.flat, tensor.histogram.low, found.per_value.astype(np.int64), out)
        out[0, 0] += found.fixed
        return out


@dataclass(frozen=True)
class Ordered(StorageFormat):
    """A format that sees the order of the values."""

    charge: Charge = field(repr=False)

    @property
    def function(self) -> Charge:
        """The function in the catalogue."""
        return self.charge

    def total(self, tensor: Tensor, coding: Coding) -> int:
        """Return the stored bits of `tensor`."""
        return int(self.charges(tensor, coding, pixels=False).sum())

    def charges(self, tensor: Tensor, coding: Coding, pixels: bool) -> Bits:
        """Return the stored bits of each pixel or item."""
        self.check(coding)
        out = tensor.no_bits(pixels)
        self.charge(tensor, coding, out)
        return out
