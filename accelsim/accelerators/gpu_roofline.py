"""A GPU as a machine: the roofs of its tensor cores, caches and memory, with tile and wave quantisation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from accelsim.accelerators import accelerator
from accelsim.accelerators.base import Accelerator, Row, batched
from accelsim.accelerators.gpu_columns import declare_columns
from accelsim.analyzers.profile import Profile
from accelsim.config import Bytes, BytesPerSecond, Sourced
from accelsim.dataflows.gpu_tiles import Kernel, Product, direct, product_of, rereads, tiled
from accelsim.hardware.array_energy import Published
from accelsim.layer import Layer, LayerShape

declare_columns()

_SUM_BYTES = 4
_GROUP, _KEPT = 4, 2


class Processors(Sourced):
    """Streaming multiprocessors (SMs) and the kernels of the libraries, as the section `accelerator` of a YAML."""

    type: Literal["gpu_roofline"]
    sms: int = Field(ge=1)
    tensor_macs_16bit: int = Field(ge=0, description="16-bit products a cycle and SM on tensor cores; 0: it has none")
    tensor_macs_8bit: int = Field(ge=0, description="8-bit products a cycle and SM on tensor cores")
    cuda_macs: int = Field(ge=1, description="products a cycle and SM outside the tensor cores")
    direct_macs: int = Field(
        ge=1, description="the same where no tile is kept: both operands of each come from a cache"
    )
    tiles: list[list[int]] = Field(min_length=1, description="[rows, columns] of outputs that kernels are built for")
    depth: int = Field(ge=1, description="part of the reduction that a tile takes at a time")
    most_splits: int = Field(ge=1, description="parts of a reduction that may run as blocks of their own, at most")
    cluster: int = Field(
        ge=1, description="blocks that read one of their operands from the second-level cache together"
    )
    sparsity: bool = Field(description="two of four weights that are zero double the rate of tensor cores")

    @model_validator(mode="after")
    def _pairs(self) -> Self:
        if any(len(tile) != 2 or min(tile) < 1 for tile in self.tiles):
            raise ValueError("tiles: give pairs [rows, columns] of positive numbers")
        return self


class Launch(Sourced):
    """Time between kernels."""

    kernel_s: float = Field(ge=0, description="from the start of a kernel to that of one behind it that does nothing")


class SecondLevelCache(Sourced):
    """The cache that all SMs share."""

    size: Bytes = Field(gt=0)
    bytes_per_cycle: float = Field(gt=0)
    byte_pj: float = Field(ge=0)


class BoardMemory(Sourced):
    """The memory of the board."""

    size: Bytes = Field(gt=0)
    bandwidth: BytesPerSecond = Field(gt=0)
    bit_pj: float = Field(ge=0)
    kind: str = ""


class BoardPower(Sourced):
    """Power of the board; an operation costs what is left of it at the data sheet's peak."""

    tdp_w: float = Field(gt=0)
    idle_w: float = Field(ge=0)
    operation_share: float = Field(ge=0, le=1, description="of TDP without idle power, when all operations run at peak")
    technology_nm: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _more(self) -> Self:
        if self.idle_w >= self.tdp_w:
            raise ValueError(f"idle_w is {self.idle_w}, tdp_w is {self.tdp_w}; it must be less")
        return self


@accelerator("gpu_roofline")
class GpuRoofline(Accelerator):
    """Kernel by kernel: launch + the longest of arithmetic, second-level cache and memory (a roofline with corners).

    Arithmetic is that of the best kernel: each tile size and split of the reduction on tensor cores or CUDA cores, and
    one thread an output; blocks pass through the SMs in waves. Zeros save nothing, but for weights of which two of four
    consecutive channels are zero everywhere (2:4) on tensor cores. Every operand crosses the memory bus once, more often where two
    do not fit the cache. Operands have 16 or 8 bits as word_bits says.
    """

    accelerator: Processors
    launch: Launch
    l2: SecondLevelCache
    dram: BoardMemory
    energy: BoardPower
    published: Published | None = None

    counts_products = False

    @model_validator(mode="after")
    def _widths(self) -> Self:
        if self.word_bits not in (8, 16):
            raise ValueError(f"word_bits is {self.word_bits}; a GPU multiplies 8 or 16 bits")
        return self

    def dense(self) -> Self:
        """Return the same machine without sparse tensor cores."""
        plain = self.accelerator.model_copy(update={"sparsity": False})
        return self.model_copy(update={"accelerator": plain})

    def measurement(self) -> str:
        """Name what is measured: whether weights keep to 2:4."""
        return "gpu-two-of-four"

    def measure(self, layer: Layer, profile: Profile) -> dict[str, Any]:
        """Return whether no more than two of four consecutive channels of any weight are other than zero.

        Never of attention products, whose second operand is not known before, nor where channels are no multiple of 4.
        """
        from accelsim.analyzers.codes import centred_values
        from accelsim.analyzers.structure import n_of_m

        fits = not layer.dynamic_weight and layer.shape.C % _GROUP == 0
        return {"two_of_four": bool(fits and n_of_m(centred_values(layer.weight), _KEPT, _GROUP) == 1.0)}

    def notes(self) -> list[str]:
        """Return what this model approximates."""
        return [
            f"{self.name}: a roofline with tile and wave quantisation, not a simulation of kernels; the best tile is"
            " chosen, one block an SM at a time, each layer one kernel a step, element-wise operators are left out",
            f"{self.name}: energy is idle power and what {self.energy.operation_share:.0%} of the rest of the data sheet's"
            " power leaves an operation at peak rate; zeros and repeated bits save none of it",
        ]

    def replay(self, shape: LayerShape, statistics: Mapping[str, Any]) -> Row:
        """Return time, traffic and energy of one layer for a batch."""
        whole = batched(shape, self.batch.size)
        product = product_of(whole)
        sparse = bool(statistics.get("two_of_four", False)) and self.accelerator.sparsity
        kernel, cycles = self._best(product, whole, sparse)
        moved = self._moved(whole, sparse and kernel.tensor)
        cached = product.steps * self._cached_bytes(kernel, whole)
        hertz = self.clock.frequency_mhz * 1e6
        parts = {
            "arithmetic": product.steps * cycles,
            "l2": cached / self.l2.bytes_per_cycle,
            "dram": sum(moved.values()) / self.dram.bandwidth * hertz,
        }
        launch = product.steps * self.launch.kernel_s * hertz
        longest = max(parts, key=lambda name: parts[name])
        total = launch + parts[longest]
        row: Row = {
            "macs": whole.macs, "kernel": kernel.label, "kernels": product.steps, "two_of_four": sparse and kernel.tensor,
            "bound_by": "launch" if launch > parts[longest] else longest,
            "compute_cycles": parts["arithmetic"], "l2_cycles": parts["l2"], "dram_cycles": parts["dram"],
            "launch_cycles": launch, "total_cycles": total, "time_s": self.seconds(total),
            "bound_s": self.bound_s(whole), "tile_efficiency": kernel.tile_efficiency,
            "wave_efficiency": kernel.wave_efficiency, "peak_share": whole.macs / (total * self.peak_macs),
            **moved, "dram_bytes": sum(moved.values()), "l2_bytes": cached,
        }  # fmt: skip
        return row | self._energy(row, kernel)

    @property
    def peak_macs(self) -> float:
        """Products a cycle of the whole GPU at the width of its words, without sparsity."""
        return self.accelerator.sms * max(self._tensor_rate, self.accelerator.cuda_macs)

    def peak(self) -> dict[str, float]:
        """Return MACs per second of the whole GPU without sparsity, and bytes per second of its memory."""
        return {
            "macs_per_second": self.peak_macs * self.clock.frequency_mhz * 1e6,
            "dram_bytes_per_second": float(self.dram.bandwidth),
        }

    def bound_s(self, shape: LayerShape) -> float:
        """Return the roofline of a layer of a whole batch: peak arithmetic, or every value moved once."""
        values = shape.activations + shape.weights + shape.outputs
        return max(self.seconds(shape.macs / self.peak_macs), values * self.word_bits / 8 / self.dram.bandwidth)

    @property
    def _tensor_rate(self) -> int:
        return self.accelerator.tensor_macs_8bit if self.word_bits == 8 else self.accelerator.tensor_macs_16bit

    def _best(self, product: Product, shape: LayerShape, sparse: bool) -> tuple[Kernel, float]:
        """Return the kernel whose arithmetic and cached traffic take least time, and its cycles of arithmetic a step."""
        parameters = self.accelerator
        values = shape.activations // shape.steps + shape.weights
        kernels = [direct(product, parameters.sms, values)]
        splits = [2**n for n in range(parameters.most_splits.bit_length()) if 2**n <= parameters.most_splits]
        for rows, columns in parameters.tiles:
            for split in splits:
                cut = (rows, columns, parameters.depth, split, parameters.sms)
                units = (True, False) if self._tensor_rate else (False,)
                kernels += [tiled(product, *cut, tensor, parameters.cluster if tensor else 1) for tensor in units]
        found = [(kernel, self._arithmetic(kernel, sparse)) for kernel in kernels]
        return min(found, key=lambda pair: max(pair[1], self._cached_bytes(pair[0], shape) / self.l2.bytes_per_cycle))

    def _arithmetic(self, kernel: Kernel, sparse: bool) -> float:
        given = self.accelerator
        rate = self._tensor_rate * (2 if sparse else 1) if kernel.tensor else given.cuda_macs
        rate = rate if kernel.rows else min(given.direct_macs, given.cuda_macs)
        return kernel.waves * kernel.block_macs / rate

    def _cached_bytes(self, kernel: Kernel, shape: LayerShape) -> float:
        """Return the bytes of a step that blocks read from and write to the second-level cache."""
        values = kernel.cached_values + shape.outputs / shape.steps
        return values * self.word_bits / 8 + kernel.sums * _SUM_BYTES

    def _moved(self, shape: LayerShape, sparse: bool) -> dict[str, float]:
        """Return the bytes that cross the memory bus; of 2:4 weights the kept ones and 2 bits each."""
        word = self.word_bits / 8
        kept = _KEPT / _GROUP * (self.word_bits + 2) / self.word_bits if sparse else 1.0
        weights = shape.weights * word * kept
        a_step = shape.activations * word / shape.steps
        again = (
            shape.steps if weights > self.l2.size else 1
        )  # a recurrent layer's weights stay in the cache if they fit
        times = rereads(a_step, weights, self.l2.size)
        return {
            "dram_activation_bytes": shape.steps * a_step * times[0],
            "dram_weight_bytes": again * weights * times[1],
            "dram_output_bytes": shape.outputs * word,
        }

    def _energy(self, row: Row, kernel: Kernel) -> Row:
        budget = (self.energy.tdp_w - self.energy.idle_w) * self.energy.operation_share
        rate = self._tensor_rate if kernel.tensor else self.accelerator.cuda_macs
        operation_pj = 1e12 * budget / (rate * self.accelerator.sms * self.clock.frequency_mhz * 1e6)
        done = float(row["macs"]) * (_KEPT / _GROUP if row["two_of_four"] else 1.0)
        parts = {
            "operation": operation_pj * done,
            "l2": self.l2.byte_pj * float(row["l2_bytes"]),
            "dram": 8 * self.dram.bit_pj * float(row["dram_bytes"]),
            "static": 1e12 * self.energy.idle_w * float(row["time_s"]),
        }
        found: Row = {f"energy_{name}_pj": pj for name, pj in parts.items()}
        return found | {"energy_pj": sum(parts.values())}
