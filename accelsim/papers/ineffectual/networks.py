"""The networks of the four categories: shipped ones, and those of a folder of reference data."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from accelsim.errors import AccelsimError
from accelsim.files.cache import cache_folder, writable_cache
from accelsim.files.writing import write_atomically
from accelsim.trace import Trace
from accelsim.workload import load_workload, open_trace

DATA = "ACCELSIM_DATA"
"""Variable that names a folder of data/cifar10/, data/imagenet500/ (pictures) and models/NAME/weights.safetensors or
model.tflite; without it the networks that need them are left out."""

PICTURES = 40
"""Test images of CIFAR-10 that resnet20 is taken on, so that its distribution over inputs is known well."""

IMAGES, IMAGING, LANGUAGE, QUANTISED = CATEGORIES = (
    "image classification", "segmentation, imaging", "LSTM, language", "quantised classification",
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A network of a category: its workload and the changes to it. codes: whether it brings codes of 8 bits."""

    name: str
    category: str
    workload: str
    changes: tuple[str, ...] = ()
    codes: bool = False


SHIPPED = (
    Case("resnet20", IMAGES, "resnet20"),
    Case("resnet20_pruned", IMAGES, "resnet20_pruned", ("samples=4",)),
    Case("vit_tiny", IMAGES, "vit_tiny"),
    Case("segmenter", IMAGING, "segmenter"),
    Case("denoiser", IMAGING, "denoiser"),
    Case("superres", IMAGING, "superres"),
    Case("char_lstm", LANGUAGE, "char_lstm"),
    Case("bert_lstm", LANGUAGE, "bert_lstm"),
    Case("minilm", LANGUAGE, "minilm", ("samples=2",)),
    Case("resnet20_int8", QUANTISED, "resnet20_int8", codes=True),
    Case("resnet20_onnx", QUANTISED, "resnet20_onnx", codes=True),
    Case("denoiser_tflite", IMAGING, "denoiser_tflite", codes=True),
)


@dataclass
class Opened:
    """The cases whose traces could be had. missing: a line for each of the others, with the reason."""

    traces: dict[str, Trace] = field(default_factory=dict)
    cases: dict[str, Case] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)

    def __iter__(self) -> Iterator[tuple[Case, Trace]]:
        """Iterate over cases and traces, by category."""
        order = sorted(self.traces, key=lambda name: CATEGORIES.index(self.cases[name].category))
        return iter((self.cases[name], self.traces[name]) for name in order)


def opened(cases: tuple[Case, ...], changes: tuple[str, ...] = ()) -> Opened:
    """Capture the networks of `cases`, or find them captured; one that cannot be is noted and left out.

    changes: further ones to every workload.
    """
    found = Opened()
    for case in cases:
        try:
            trace = open_trace(load_workload(case.workload, [*case.changes, *changes]))
        except AccelsimError as error:
            found.missing.append(
                f"{case.name} is left out: {error.message}" + (f"; {error.hint}" if error.hint else "")
            )
            continue
        found.traces[case.name], found.cases[case.name] = trace, case
    return found


def all_cases() -> tuple[Case, ...]:
    """Return the shipped networks, then those of the reference data where the variable names a folder of it."""
    return (*SHIPPED, *with_data())


def with_data() -> tuple[Case, ...]:
    """Return what the folder that the variable names adds: more pictures for resnet20, classifiers of ImageNet."""
    folder = data_folder()
    if folder is None:
        return ()
    found = _more_pictures(folder / "data")
    pictures = sorted((folder / "data" / "imagenet500").glob("*.jpg"))[::125][:4]
    given = "inputs=[" + ", ".join(f'"{path}"' for path in pictures) + "]"
    for name, file in (
        ("squeezenet1_1", "weights.safetensors"),
        ("squeezenet1_0_deepcompressed", "weights.safetensors"),
    ):
        weights = folder / "models" / name / file
        if weights.is_file() and pictures:
            workload = name.removesuffix("_deepcompressed")
            few = f"samples={len(pictures)}"
            found.append(Case(name, IMAGES, workload, (f"name={name}", f"weights={weights}", given, few)))
    tflite = folder / "models" / "mobilenet_v1_025_224" / "model.tflite"
    if tflite.is_file() and pictures:
        changes = ("name=mobilenet_v1_025_224_uint8", f"model={tflite}", given, "samples=2")
        found.append(Case("mobilenet_v1_025_224_uint8", QUANTISED, "denoiser_tflite", changes, codes=True))
    return tuple(found)


def _more_pictures(data: Path) -> list[Case]:
    """Return resnet20 on test images of CIFAR-10, which are written as files into the cache at first; none without them."""
    try:
        from PIL import Image

        from accelsim.zoo.data.cifar import read

        images, _ = read(data, "test")
    except (ImportError, FileNotFoundError):
        return []
    kept = writable_cache(cache_folder() / "ineffectual")
    paths = [kept / f"cifar10-{place:05d}.png" for place in range(0, len(images), len(images) // PICTURES)][:PICTURES]
    for path in paths:
        pixels = images[int(path.stem.rpartition("-")[2])].permute(1, 2, 0).numpy()
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, "png")
        if not path.is_file() or path.read_bytes() != stream.getvalue():
            write_atomically(path, stream.getvalue())
    given = "inputs=[" + ", ".join(f'"{path}"' for path in paths) + "]"
    name = f"resnet20_on_{len(paths)}"
    return [Case(name, IMAGES, "resnet20", (f"name={name}", given, f"samples={len(paths)}"))]


def data_folder() -> Path | None:
    """Return the folder that the variable names, None where it names none."""
    folder = os.environ.get(DATA)
    return Path(folder).expanduser() if folder and Path(folder).expanduser().is_dir() else None
