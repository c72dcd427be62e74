"""A folder of NumPy arrays as DNNsim reads it: operands recorded elsewhere, codes or real numbers."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal, Self

from pydantic import Field, PrivateAttr

from accelsim.config import digest
from accelsim.files.paths import user_path
from accelsim.sources import Encoded, Source, source
from accelsim.sources.digests import digest_file

MODEL, PRECISION = "model.csv", "precision.txt"
NPY_VERSION = 1
"""Raised whenever the same folder would give other codes; part of every content key."""


@source("npy")
class Npy(Source):
    """A DNNsim-style folder: model.csv, act-LAYER-BATCH.npy and wgt-LAYER.npy (or trace.npz), precision.txt.

    Every image of every batch is a sample. Integers are codes as they are; so are floats when those of the whole
    folder are whole numbers. Other floats become codes by precision.txt, or linearly where there is none.
    """

    every: ClassVar[bool] = True
    folder: str = Field(min_length=1, description="folder of model.csv and, if there is one, precision.txt")
    arrays: str | None = Field(
        default=None,
        description="folder of the arrays; by default the same, or DNNsim's net_traces/NAME beside models/",
    )
    values: Literal["auto", "codes", "real"] = Field(
        default="auto", description="what floats hold: codes, real numbers to quantise, or whatever they look like"
    )
    bits: int = Field(default=16, ge=2, le=16, description="width of a code (DNNsim's data_width)")
    _beside: Path = PrivateAttr(default=Path())

    def beside(self, folder: Path) -> Self:
        """Return the source that takes relative paths from `folder`."""
        copy = self.model_copy()
        copy._beside = folder
        return copy

    def available(self) -> int:
        """Return the number of samples: images over all batches."""
        from accelsim.sources.dnnsim.folder import Folder

        return Folder.read(self._model_folder, self._array_folder).samples

    def fingerprint(self) -> dict[str, object]:
        """Return the digests of the model, the precisions and the arrays. Raises InputError when one is missing."""
        from accelsim.sources.dnnsim.folder import Folder

        read = Folder.read(self._model_folder, self._array_folder)
        files = {MODEL: self._model_folder / MODEL, **read.arrays.files(read.names)}
        if (precision := self._precision) is not None:
            files[PRECISION] = precision
        digests = digest({name: digest_file(path) for name, path in files.items()})
        return {"version": NPY_VERSION, "files": digests, "values": self.values, "bits": self.bits}

    def layers(self, samples: int) -> Encoded:
        """Return the codes of the first `samples` images, layer by layer."""
        from accelsim.sources.dnnsim.folder import Folder
        from accelsim.sources.dnnsim.layers import encode

        read = Folder.read(self._model_folder, self._array_folder)
        return encode(read, self._precision, samples, self.bits, self.values)

    @property
    def _model_folder(self) -> Path:
        return self._beside / user_path(self.folder)

    @property
    def _array_folder(self) -> Path:
        model = self._model_folder
        if self.arrays is not None:
            return self._beside / user_path(self.arrays)
        resolved = model.resolve()
        split = resolved.parent.parent / "net_traces" / resolved.name
        return split if resolved.parent.name == "models" and split.is_dir() else model

    @property
    def _precision(self) -> Path | None:
        path = self._model_folder / PRECISION
        return path if path.exists() else None
