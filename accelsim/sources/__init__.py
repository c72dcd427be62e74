"""Sources: where a network and its inputs come from; one file each, and capture beside them.

Importing this package, or any module directly inside it, loads no torch; `recording` holds what needs it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

from accelsim.config import Spec
from accelsim.errors import InputError
from accelsim.layer import Layer
from accelsim.quantize import Quantization
from accelsim.registry import Registry
from accelsim.sources.unsupported import Unsupported

SOURCES = Registry("source", "accelsim.sources")
source = SOURCES.register


class Loaded(NamedTuple):
    """A network ready to be captured.

    module: torch.nn.Module. inputs: one tuple of positional arguments per sample. warnings: what the reader of
    a result must know (for example untrained weights). trained: None when the source cannot tell.
    """

    module: Any
    inputs: list[tuple[Any, ...]]
    warnings: list[str] = []  # noqa: RUF012  (a default of a tuple field, never appended to)
    trained: bool | None = True


class Encoded(NamedTuple):
    """Codes of a source that needs no network to be run.

    layers: every sample of the first layer, then of the next; widths of operands and codes of static weights are the
    same for all samples of a layer (scales and zero points may differ). total: number of layers. warnings: complete
    when the last layer is taken. conventions, quantization: JSON-like, for the manifest. unsupported: products of the
    network that are not among the layers. quantized: whether real numbers became codes by the workload's quantisation.
    made: maker and recipe where the codes are made anew when they are read (see `accelsim.trace.made`); only shapes and
    widths of `layers` are then used.
    """

    layers: Iterator[Layer]
    total: int
    warnings: list[str]
    conventions: dict[str, str]
    quantization: dict[str, Any]
    unsupported: Sequence[Unsupported] = ()
    quantized: bool = False
    made: dict[str, Any] | None = None


class Source(Spec):
    """Base of a source; its fields are the keys that a workload YAML of this source adds to the common ones.

    A source gives a network (`load`) or codes (`layers`). A field must not be called name, description, source,
    samples or quantization. every: whether all inputs are taken when the workload does not say how many (else one).
    """

    every: ClassVar[bool] = False

    def beside(self, folder: Path) -> Self:
        """Return the source with its relative paths taken from `folder`, where the workload's file stands."""
        return self

    def choose(self, samples: int) -> Self:
        """Return the source that reads no more than `samples` of its inputs; one with few of them reads all."""
        return self

    def available(self) -> int | None:
        """Return how many inputs there are, when that is known without torch; `samples` is then cut to it."""
        return None

    def fingerprint(self) -> dict[str, Any]:
        """Return JSON-like data that changes whenever the network or its inputs do. Must not load torch."""
        raise NotImplementedError

    def quantizing(self, quantization: Quantization) -> Self:
        """Return the source that turns real numbers into codes by `quantization`, if it gives codes itself."""
        return self

    def rehearse(self, samples: int) -> None:
        """Try on `samples` inputs, in another process, what may end its process. Raises InputError when it does."""

    def layers(self, samples: int) -> Encoded | None:
        """Return the codes of the first `samples` inputs, None for a source of networks.

        Loads torch only where a network in integers has to run to give them. Raises InputError, also while the
        layers are taken, when the inputs cannot be used.
        """
        return None

    def load(self) -> Loaded:
        """Build the network and its inputs. Raises InputError when weights or inputs cannot be used, and for codes alone."""
        raise InputError("its source gives codes, not a network", "accelsim run and analyze work on codes")

    def outline(self) -> Loaded:
        """Build the network for its shapes alone, on one input; its weights and values need not be there.

        By default the network as it is loaded. Raises InputError for a source that has codes and no network.
        """
        if type(self).load is Source.load:
            raise InputError(
                "its source gives codes, not a network whose operations could be counted",
                "accelsim run and analyze work on codes",
            )
        found = self.choose(1).load()
        return found._replace(inputs=found.inputs[:1])
