"""Records of runs on a GPU: their schema; `accelsim.gpu.files` reads and writes them. Nothing here loads torch."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import Field, model_validator

from accelsim.config import Spec
from accelsim.layer import LayerShape

VERSION = 1
"""Version of the schema; a reader refuses newer ones."""

SYNTHETIC = "SYNTHETIC"
"""What every name in a synthetic record begins with."""

Values = Literal["real", "random", "zeros"]
Number = Literal["float32", "tf32", "float16", "bfloat16", "int8", "fp8"]
Sparsity = Literal["none", "2:4"]
Kind = Literal["gemm", "gemv", "convolution", "elementwise", "normalisation", "memory", "other"]
KINDS: tuple[Kind, ...] = get_args(Kind)

Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0)]


class Mode(Spec):
    """What ran: values of inputs and weights, number format of the products, zeros in weights.

    values: real ones of the network; normal random numbers of the same spread; zeros. sparsity "2:4": the two smallest of
    four consecutive weights of linear layers are zero, and sparse tensor cores multiply them.
    """

    values: Values = "real"
    number: Number = "float32"
    sparsity: Sparsity = "none"

    @property
    def label(self) -> str:
        """The mode as part of a file name, for example `float16-real` or `float16-zeros-2of4`."""
        return "-".join([self.number, self.values, *(["2of4"] if self.sparsity == "2:4" else [])])


class Spread(Spec):
    """Several measurements of one quantity: median, 10th and 90th percentile, and how many."""

    median: float
    low: float
    high: float
    runs: int = Field(ge=1)

    @model_validator(mode="after")
    def _ordered(self) -> Spread:
        if not self.low <= self.median <= self.high:
            raise ValueError("low, median and high must be in this order")
        return self


class Absent(Spec):
    """A quantity that could not be measured, and why."""

    absent: str = Field(min_length=1)


class DeviceInfo(Spec):
    """The device as it names itself."""

    name: str
    multiprocessors: int = Field(ge=1)
    memory_bytes: int = Field(ge=1)
    l2_bytes: Count
    capability: str
    power_limit_w: float | None = None


class Clocks(Spec):
    """Clocks while the network ran, MHz; None where they cannot be read."""

    sm_mhz: int | None
    memory_mhz: int | None


class ShapeRecord(Spec):
    """Loop bounds of a layer on one input: the fields of `accelsim.layer.LayerShape`."""

    kind: str
    N: int
    groups: int
    K: int
    C: int
    H: int
    W: int
    R: int
    S: int
    P: int
    Q: int
    stride: list[int] = Field(min_length=2, max_length=2)
    padding: list[int] = Field(min_length=4, max_length=4)
    dilation: list[int] = Field(min_length=2, max_length=2)
    steps: int
    transposed: bool

    @model_validator(mode="after")
    def _consistent(self) -> ShapeRecord:
        self.shape()
        return self

    def shape(self) -> LayerShape:
        """Return the layer's shape. Raises ValueError for one that cannot be."""
        fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in self.model_dump().items()}
        return LayerShape(**fields)


class LayerInfo(Spec):
    """A layer of the network: its name, the module that runs it, its shape on one input, whether weights are 2:4."""

    name: str
    module: str
    shape: ShapeRecord
    two_of_four: bool


class NetworkInfo(Spec):
    """The network on one input, counted as `accelsim profile` does (unique tensors)."""

    parameters: Count
    activations: Count
    macs: Count
    layers: list[LayerInfo]


class KernelTime(Spec):
    """Kernels of one name: kind, how many ran, their summed time, and their share of the time of all kernels."""

    name: str
    kind: Kind
    count: int = Field(ge=1)
    time_s: Seconds
    share: float = Field(ge=0, le=1)


class Gaps(Spec):
    """Time between kernels: how many gaps, their sum, their median, and their share of the span of all kernels."""

    count: Count
    time_s: Seconds
    median_s: Seconds
    share: float = Field(ge=0, le=1)


class Memory(Spec):
    """Bytes: most allocated and reserved by the framework, and what the process takes beside it (context)."""

    allocated_bytes: Count
    reserved_bytes: Count
    context_bytes: int | Absent


class Energy(Spec):
    """Energy of one batch from the NVML total-energy counter, idle power subtracted; joules and watts.

    window_s: shortest run that was measured.
    """

    batch_j: Spread
    idle_w: Spread
    window_s: float = Field(ge=5.0)


class ModuleTime(Spec):
    """Time of a module that runs layers: seconds of a batch, between two events around it."""

    module: str
    time_s: Spread


class Measured(Spec):
    """A network on one batch size."""

    batch: int = Field(ge=1)
    status: Literal["ok"]
    time_s: Spread
    modules: list[ModuleTime]
    kernels: list[KernelTime]
    gaps: Gaps
    memory: Memory
    energy: Energy | Absent
    flops: Count = Field(description="floating-point operations of a batch by the framework's own counter")
    flop_per_s: float = Field(ge=0)
    dram_bytes: Count | Absent
    clocks: Clocks


class OutOfMemory(Spec):
    """A batch that the device had no memory for."""

    batch: int = Field(ge=1)
    status: Literal["out_of_memory"]


Point = Annotated[Measured | OutOfMemory, Field(discriminator="status")]


class Record(Spec):
    """One network in one mode on one device, over batch sizes.

    synthetic: made up for tests of the software; then every name begins with SYNTHETIC. versions: driver, CUDA,
    framework and accelsim. notes: what differs from what was asked for.
    """

    format: Literal["accelsim-gpu-record"]
    version: int = Field(ge=1)
    synthetic: bool
    network: str
    workload: str
    mode: Mode
    device: DeviceInfo
    versions: dict[str, str]
    date: str
    counts: NetworkInfo
    points: list[Point]
    notes: list[str] = Field(default=[])

    @model_validator(mode="after")
    def _marked(self) -> Record:
        marked = [name.startswith(SYNTHETIC) for name in self._names()]
        if any(marked) != self.synthetic or all(marked) != self.synthetic:
            raise ValueError(f"names in a synthetic record, and in no other, begin with {SYNTHETIC}")
        batches = [point.batch for point in self.points]
        if len(set(batches)) != len(batches):
            raise ValueError(f"points: a batch size occurs twice in {batches}")
        return self

    def _names(self) -> list[str]:
        """Return every name in the record: network, device, versions, day, notes, layers, modules and kernels."""
        found = [self.network, self.workload, self.device.name, self.device.capability, self.date, *self.notes]
        found += [
            *self.versions.values(),
            *(n for layer in self.counts.layers for n in (layer.name, layer.module) if n),
        ]
        for point in self.measured:
            found += [*(item.module for item in point.modules), *(kernel.name for kernel in point.kernels)]
        return found

    @property
    def measured(self) -> list[Measured]:
        """The batches that ran."""
        return [point for point in self.points if isinstance(point, Measured)]

    def with_point(self, point: Measured | OutOfMemory) -> Record:
        """Return the record with another batch, in place of one of the same size, in order of size."""
        others = [known for known in self.points if known.batch != point.batch]
        return self.model_copy(update={"points": sorted([*others, point], key=lambda p: p.batch)})
