"""Networks to time accelerators on: reference folders, a captured SqueezeNet, full-size shapes with random codes."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from accelsim.analyzers.profile import profile
from accelsim.layer import Layer, LayerShape, Operand
from tests import golden_dnnsim

SHARED = Path(os.environ.get("ACCELSIM_SHARED", Path(__file__).resolve().parents[2] / "shared"))
ALEXNET = (  # channels, map, filters, kernel, stride, padding
    (3, 224, 64, 11, 4, 2), (64, 27, 192, 5, 1, 2), (192, 13, 384, 3, 1, 1), (384, 13, 256, 3, 1, 1),
    (256, 13, 256, 3, 1, 1),
)  # fmt: skip
RESNET18 = (
    (3, 224, 64, 7, 2, 3), *[(64, 56, 64, 3, 1, 1)] * 4, (64, 56, 128, 3, 2, 1), (64, 56, 128, 1, 2, 0),
    *[(128, 28, 128, 3, 1, 1)] * 3, (128, 28, 256, 3, 2, 1), (128, 28, 256, 1, 2, 0), *[(256, 14, 256, 3, 1, 1)] * 3,
    (256, 14, 512, 3, 2, 1), (256, 14, 512, 1, 2, 0), *[(512, 7, 512, 3, 1, 1)] * 3,
)  # fmt: skip


def network(name: str) -> list[Layer]:
    """Return the layers of a network on one image: tiny, resnet20, squeezenet, alexnetconv or resnet18.

    The last two have the shapes of the networks and random codes: half of the activations and all weights are not
    zero, magnitudes spread evenly over their logarithms.
    """
    if name in golden_dnnsim.NETWORKS:
        return list(golden_dnnsim.layers(SHARED / "golden" / "dnnsim" / name))
    if name == "squeezenet":
        return _squeezenet()
    table = {"alexnetconv": ALEXNET, "resnet18": RESNET18}[name]
    found = [_shaped(index, *row) for index, row in enumerate(table)]
    if name == "resnet18":
        shape = LayerShape("linear", 1, 1, 1000, 512, 1, 1, 1, 1, 1, 1)
        found.append(_coded(len(found), shape))
    return found


def _shaped(index: int, C: int, H: int, K: int, R: int, stride: int, pad: int) -> Layer:
    P = (H + 2 * pad - R) // stride + 1
    return _coded(index, LayerShape("conv", 1, 1, K, C, H, H, R, R, P, P, (stride,) * 2, (pad,) * 4))


def _coded(index: int, shape: LayerShape) -> Layer:
    rng = np.random.default_rng(index)

    def codes(size: tuple[int, ...], density: float, signed: bool) -> Operand:
        magnitude = np.exp2(rng.uniform(0, 11, size)).astype(np.int16)
        sign = rng.choice((-1, 1), size).astype(np.int16) if signed else np.int16(1)
        return Operand(magnitude * sign * (rng.random(size) < density).astype(np.int16), 16, precision=12)

    activation = codes(shape.activation_shape, 0.5 if index else 1.0, index == 0)
    return Layer(f"layer{index}", index, 0, shape, activation, codes(shape.weight_shape, 1.0, True))


def _squeezenet() -> list[Layer]:
    """Capture the trained SqueezeNet 1.1 of the reference data on a photograph."""
    import accelsim
    from tests.realdata.inputs import imagenet, torchvision_like
    from tests.realdata.networks import load

    inputs = imagenet(SHARED / "realdata" / "data", torchvision_like, 1, 224)
    trace = accelsim.capture(load(SHARED, "squeezenet1_1"), inputs, name="squeezenet")
    return list(trace)


def write_folder(layers: list[Layer], folder: Path) -> None:
    """Write layers as a folder in DNNsim's format: model.csv, precision.txt and one array per operand."""
    folder.mkdir(parents=True, exist_ok=True)
    known = [profile([layer]) for layer in layers]
    lines = []
    for layer in layers:
        name, shape = layer.name.replace("/", "-"), layer.shape
        fc = shape.kind == "linear"
        lines.append(f"{name},{'fc' if fc else 'conv'},{shape.stride[0]},{shape.padding[0]}\n")
        arrays = (layer.activation.codes, layer.weight.codes)
        for stem, codes in zip((f"act-{name}-0", f"wgt-{name}"), arrays, strict=True):
            np.save(folder / f"{stem}.npy", codes.reshape(codes.shape[:2]) if fc else codes)
    (folder / "model.csv").write_text("".join(lines))
    rows = [[k.activation_bits for k in known], [0] * len(known), [k.weight_bits for k in known], [0] * len(known)]
    text = "".join("".join(f"{n};" for n in row) + "\n" for row in rows)
    (folder / "precision.txt").write_text("magnitude, fraction, weight magnitude, weight fraction\n" + text)
