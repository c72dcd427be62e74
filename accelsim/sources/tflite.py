"""TFLite models, real-numbered or quantised, run by LiteRT with every tensor kept."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from accelsim.sources import Encoded, source
from accelsim.sources.graphs.source import Graph
from accelsim.sources.inputs.items import Item


@source("tflite")
class TFLite(Graph):
    """A TFLite model file: int8, uint8 or int16 codes, per tensor or per channel, or real numbers."""

    version: ClassVar[int] = 2
    packages: ClassVar[tuple[str, ...]] = ("ai-edge-litert",)
    extra: ClassVar[str] = "tflite"

    stream: bool = Field(
        default=False, description="samples are one sequence: recurrent states go on from one to the next"
    )

    def items(self) -> list[Item]:
        """Return the chosen inputs: of one sequence always the first ones."""
        return super().items() if not self.stream else self._all()[: self._samples]

    def fingerprint(self) -> dict[str, object]:
        """Return the digests of the model and of its inputs, and whether states are kept."""
        return {**super().fingerprint(), "stream": self.stream}

    def run(self, samples: int) -> None:
        """Run the first `samples` inputs with every tensor kept, and keep nothing of it."""
        from accelsim.sources.tflitegraph.model import Model

        model = Model.read(self.path)
        for sample, feed in enumerate(self.feeds(model.asked, samples)[0]):
            model.run(feed, sample, self.stream)

    def layers(self, samples: int) -> Encoded:
        """Run the first `samples` inputs and return every product as codes."""
        from accelsim.sources.tflitegraph.model import Model
        from accelsim.sources.tflitegraph.run import record

        self.require()
        model = Model.read(self.path)
        feeds, notes = self.feeds(model.asked, samples)
        return record(model, feeds, self._quantization, notes, self.stream)
