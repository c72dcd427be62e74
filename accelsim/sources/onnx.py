"""ONNX models, real-numbered or quantised, run by onnxruntime with every operand exposed."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from accelsim.sources import Encoded, source
from accelsim.sources.graphs.source import Graph


@source("onnx")
class Onnx(Graph):
    """An ONNX model file: real numbers, or codes in any of ONNX's forms (QDQ, QLinear, integer, dynamic)."""

    version: ClassVar[int] = 2
    packages: ClassVar[tuple[str, ...]] = ("onnx", "onnxruntime")
    extra: ClassVar[str] = "onnx"

    def files(self) -> list[Path]:
        """Return the model file and the files beside it that hold its values."""
        path = self.path
        if b"location" not in path.read_bytes():  # the key under which a tensor names a file of its own
            return [path]
        from accelsim.sources.onnxgraph.model import external_files

        self.require()
        return [path, *external_files(path)]

    def run(self, samples: int) -> None:
        """Run the first `samples` inputs with the operands exposed, and keep nothing."""
        from accelsim.sources.onnxgraph.model import Model
        from accelsim.sources.onnxgraph.run import Plan

        model = Model.read(self.path)
        session = model.session(Plan(model).wanted)
        for sample, feed in enumerate(self.feeds(model.asked, samples)[0]):
            session.run(feed, sample)

    def layers(self, samples: int) -> Encoded:
        """Run the first `samples` inputs and return every product as codes."""
        from accelsim.sources.onnxgraph.model import Model
        from accelsim.sources.onnxgraph.run import record

        self.require()
        path = self.path
        model = Model.read(path)
        feeds, notes = self.feeds(model.asked, samples)
        return record(path, feeds, self._quantization, notes, model)
