"""Trained networks of the reference data: as PyTorch modules, and as TFLite files run by accelsim's reader of these."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image

from accelsim.sources.torchvision_ops import import_torchvision
from tests.realdata import sound
from tests.realdata.inputs import MEAN, STD, long_speech, speech

Array = np.ndarray[Any, Any]


class SparseGRU(torch.nn.Module):
    """A recurrent layer of 1024 units of which only the weights of the state are known, run from a given state."""

    def __init__(self, weights: Array, bias: Array) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.from_numpy(weights).reshape(3072, 1024))
        self.bias = torch.nn.Parameter(torch.from_numpy(bias))

    def forward(self, state: Any, steps: int = 8) -> Any:
        for _ in range(steps):
            update, reset, new = torch.nn.functional.linear(state, self.weight, self.bias).chunk(3, 1)
            update = torch.sigmoid(update)
            state = update * state + (1 - update) * torch.tanh(torch.sigmoid(reset) * new)
        return state


def load(shared: Path, name: str) -> Any:
    """Return the network `name`, ready to run."""
    if name == "lyra_wavegru_sparse":
        with np.load(shared / "realdata" / "models" / name / "gru_layer.npz") as archive:
            return SparseGRU(archive["weights"], archive["bias"]).eval()
    import_torchvision()  # some definitions are torchvision's
    folder = str(shared / "realdata")
    if folder not in sys.path:
        sys.path.insert(0, folder)
    import loaders

    return loaders.load(name)


class Lite:
    """A TFLite file, called with the real numbers or the codes of its input, gives its first output as real numbers.

    keep: recurrent states go on from one call to the next.
    """

    def __init__(self, path: Path, keep: bool = False) -> None:
        from accelsim.sources.tflitegraph.model import Model

        self.model, self.keep = Model.read(path), keep
        self.asked = self.model.asked[0]
        self._output = str(self.model.proto.subgraphs[0].outputs[0])

    def __call__(self, array: Array) -> Array:
        """Run one input, without its batch axis."""
        form, array = self.asked.format, array[None]
        codes = form.codes(array) if form is not None and array.dtype.kind == "f" else array
        run = self.model.run({self.asked.name: np.ascontiguousarray(codes)}, 0, self.keep)
        return run.values(self._output).real()[0]


class File(NamedTuple):
    """A TFLite file of the reference data and its inputs, (samples, ...); stream: samples are one sequence."""

    folder: str
    file: str
    inputs: Callable[[Path], Array]
    stream: bool = False


def pixels(path: Path, size: int | None = None) -> Array:
    """Read a picture as uint8 (H, W, 3), made `size` pixels square."""
    image = Image.open(path).convert("RGB")
    return np.array(image.resize((size, size), Image.Resampling.BILINEAR) if size else image)


def centred(picture: Array) -> Array:
    """Return the int8 codes that some networks take for pixels."""
    return (picture.astype(np.int16) - 128).astype(np.int8)


def torchvision_like(picture: Array) -> Array:
    """Return a picture as networks of torchvision take it, channels first."""
    mean, std = (v.numpy().reshape(3).astype(np.float32) for v in (MEAN, STD))
    return ((picture.astype(np.float32) / 255 - mean) / std).transpose(2, 0, 1)


def digits(data: Path) -> Array:
    """Return ten handwritten digits, 0 to 9, as real numbers (10, 28, 28)."""
    paths = [data / "mnist10" / f"sample{digit}.png" for digit in range(10)]
    return np.stack([np.array(Image.open(path).convert("L"), np.float32) / 255 for path in paths])


def keywords(waves: Any) -> Array:
    """Return the cepstra of clips whose largest sample is made one, (clips, 49, 10, 1)."""
    return sound.cepstra(waves / waves.max(1, keepdim=True).values, 640, 320, 1e-6).numpy()[..., None]


def magnitudes(waves: Any) -> Array:
    """Return the magnitude spectra of frames of sound, (frames, 1, 257)."""
    return torch.fft.rfft(waves.unfold(0, 512, 128)).abs().numpy()[:, None]


def _imagenet(data: Path, size: int | None = None) -> Array:
    return np.stack([pixels(path, size) for path in sorted((data / "imagenet500").glob("*.jpg"))[:1]])


def _cifar(data: Path) -> Array:
    from tests.realdata.inputs import cifar

    images = [image[0].permute(1, 2, 0).numpy() for (image,) in cifar(data, lambda x: x)]
    return np.stack(images).astype(np.uint8)


def _picture(data: Path, name: str, size: int | None = None) -> Array:
    return pixels(data / "misc_images" / name, size)[None]


def _voice(data: Path) -> Array:
    return magnitudes(long_speech(data)[16000:17408])  # eight frames


FILES = {
    "mobilenet_v1_025_224_uint8": File("mobilenet_v1_025_224", "model.tflite", _imagenet),
    "mobilenet_v2_qat_int8": File(
        "mobilenet_v2_qat", "model.tflite", lambda d: np.stack([torchvision_like(p) for p in _imagenet(d)])
    ),
    "mcunet_imagenet_int8": File("mcunet_imagenet_int8", "model.tflite", lambda d: centred(_imagenet(d, 144))),
    "resnet8_mlperf_tiny_fp32": File(
        "resnet8_mlperf_tiny", "model_fp32.tflite", lambda d: _cifar(d).astype(np.float32)
    ),
    "resnet8_mlperf_tiny_int8": File("resnet8_mlperf_tiny", "model_int8.tflite", lambda d: centred(_cifar(d))),
    "deeplabv3_mnv2_dm05_pascal_uint8": File(
        "deeplabv3_mnv2_dm05_pascal_uint8", "model.tflite", partial(_picture, name="bird_segmentation.png")
    ),
    "vww_mlperf_tiny_int8": File(
        "vww_mlperf_tiny", "model_int8.tflite", lambda d: _picture(d, "grace_hopper.png", 96).astype(np.float32) / 255
    ),
    "kws_dscnn_mlperf_tiny_fp32": File("kws_dscnn_mlperf_tiny", "model_fp32.tflite", lambda d: keywords(speech(d))),
    "kws_dscnn_mlperf_tiny_int8": File("kws_dscnn_mlperf_tiny", "model_int8.tflite", lambda d: keywords(speech(d))),
    "dtln_stage1_int8": File("dtln_stage1_int8", "model.tflite", _voice, stream=True),
    "mnist_lstm_fp32": File("mnist_lstm_int8", "model_fp32.tflite", lambda d: digits(d)[:2]),
    "mnist_lstm_int8": File("mnist_lstm_int8", "model_int8.tflite", lambda d: digits(d)[:2]),
}
"""TFLite files by the name of the entry, with its number format where the entry has others."""
NOTES = {
    "dtln": "fft",
    "lyra_wavegru_sparse": "drawn at random",
    "kws_dscnn_mlperf_tiny_fp32": "real numbers in a quantised model",
}
"""What the warnings of some captures say; the others have none."""


def module_trace(module: Any, name: str, inputs: Any, folder: Path, scheme: str = "fixed_point") -> Any:
    """Capture a network in PyTorch into `folder` and return the trace."""
    from accelsim.quantize import Quantization, Scheme
    from accelsim.sources.capture import capture

    drawn = ["the state to start from is drawn at random: there are no inputs of this network"]
    warnings = drawn if name == "lyra_wavegru_sparse" else []
    both = Quantization(activations=Scheme(scheme=scheme), weights=Scheme(scheme=scheme))
    return capture(module, inputs, name, both, folder / name, warnings)


def file_trace(shared: Path, name: str, folder: Path, overrides: Sequence[str] = ()) -> Any:
    """Capture a TFLite file on its inputs as a workload of its own in `folder`, and return the trace."""
    from accelsim.workload import load_workload, open_trace

    entry = FILES[name]
    arrays = entry.inputs(shared / "realdata" / "data")
    np.savez(folder / f"{name}.npz", input=arrays)
    lines = {
        "name": name, "source": "tflite", "model": shared / "realdata" / "models" / entry.folder / entry.file,
        "inputs": f"{name}.npz", "samples": len(arrays), "stream": str(entry.stream).lower(),
    }  # fmt: skip
    workload = folder / f"{name}.yaml"
    workload.write_text("\n".join(f"{key}: {value}" for key, value in lines.items()))
    return open_trace(load_workload(workload, overrides), cache=folder)


def file_macs(shared: Path, name: str) -> int:
    """Count the multiply-accumulates of one run of a TFLite file from the shapes that the file declares."""
    entry = FILES[name]
    model = Lite(shared / "realdata" / "models" / entry.folder / entry.file).model
    total = 0
    for node in model.nodes:
        shapes = [model.tensors[int(n)].shape if n else () for n in node.inputs]
        outputs = int(np.prod(model.tensors[int(node.outputs[0])].shape))
        if node.operator == "CONV_2D":
            total += outputs * int(np.prod(shapes[1][1:]))
        elif node.operator == "DEPTHWISE_CONV_2D":
            total += outputs * int(np.prod(shapes[1][1:3]))
        elif node.operator == "FULLY_CONNECTED":
            total += outputs * shapes[1][1]
        elif node.operator == "UNIDIRECTIONAL_SEQUENCE_LSTM":
            steps = int(np.prod(shapes[0][:2]))
            total += steps * sum(int(np.prod(shape)) for shape in shapes[1:9])
    return total
