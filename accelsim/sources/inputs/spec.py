"""The keys of a workload's `inputs`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_serializer, model_validator

from accelsim.config import Spec

Size = int | list[int]


class Inputs(Spec):
    """Which inputs a network is given and how they are prepared; ``inputs: PATH`` and ``inputs: [..]`` are short forms.

    A key of the preparation that is left out is taken from the network's own metadata where it has some; a key set
    to null is none at all.
    """

    files: list[str] = Field(
        default=[],
        description="pictures, folders of pictures or WAV files, .npy, .npz, .wav, .txt (an input a line), sentences",
    )
    seed: int | None = Field(
        default=0, ge=0, description="seed of the choice of `samples` inputs among more; null: the first ones"
    )
    resize: Size | None = Field(default=None, description="shorter side of a picture, or [height, width], in pixels")
    crop: Size | None = Field(default=None, description="side of the square in the middle, or [height, width]")
    interpolation: Literal["nearest", "bilinear", "bicubic", "lanczos", "box", "hamming"] = "bilinear"
    color: Literal["rgb", "bgr", "gray"] = Field(default="rgb", description="channels of a picture and their order")
    scale: float = Field(default=255.0, gt=0, description="pixels are divided by it")
    mean: list[float] | None = Field(default=None, description="taken off each channel, after `scale`")
    std: list[float] | None = Field(default=None, description="each channel is divided by it, after `mean`")
    array: str | None = Field(default=None, description="name of the array in an .npz of several; rows are inputs")
    rate: int | None = Field(default=None, ge=1, description="sampling rate that a WAV file must have, in Hz")
    length: int | None = Field(
        default=None, ge=1, description="sound: samples, cut or filled with zeros; text: the most tokens"
    )
    frame: int | None = Field(default=None, ge=1, description="cut sound into frames of so many samples")
    hop: int | None = Field(default=None, ge=1, description="samples from a frame to the next; by default `frame`")
    tokenizer: str | None = Field(default=None, description="tokenizer.json, or vocab.txt of WordPieces, for text")

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"files": [value]}
        if isinstance(value, list):
            return {"files": value}
        if isinstance(value, dict) and isinstance(value.get("files"), str):
            return {**value, "files": [value["files"]]}
        return value

    @field_validator("resize", "crop")
    @classmethod
    def _pixels(cls, value: Size | None) -> Size | None:
        if isinstance(value, list) and len(value) != 2:
            raise ValueError("expected one number or [height, width]")
        if any(side < 1 for side in (value if isinstance(value, list) else [1 if value is None else value])):
            raise ValueError("must be at least 1 pixel")
        return value

    @field_validator("std")
    @classmethod
    def _positive(cls, value: list[float] | None) -> list[float] | None:
        if value is not None and (not value or min(value) <= 0):
            raise ValueError("every channel's must be above 0")
        return value

    @model_serializer
    def _given(self) -> dict[str, Any]:
        return {"files": self.files, **self.declared} if self.model_fields_set else {}

    @property
    def declared(self) -> dict[str, Any]:
        """The keys that the workload gives, besides the files, as JSON-like data."""
        return {name: getattr(self, name) for name in sorted(self.model_fields_set - {"files"})}
