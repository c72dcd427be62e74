"""Write the shipped denoiser as a TFLite model in 8-bit integers and say how well it does.

    python -m accelsim.zoo.export_tflite --data DIR --out workloads/files

Batch normalisation is folded into the weights, which are symmetric with a scale per filter; activations have one scale and
zero point each, from their ranges on noisy training photographs. `denoiser_noisy.npz` beside it holds the codes of the
sample pictures. Needs `accelsim[tflite]` and pillow.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from accelsim.zoo import load, samples
from accelsim.zoo.data import photographs
from accelsim.zoo.networks.denoiser import SIGMA, Denoiser
from accelsim.zoo.recipes.denoiser import measure
from accelsim.zoo.tflite_builder import Builder

CALIBRATION = 50
"""Training photographs whose ranges choose the scales."""
Range = tuple[float, float]


def folded(net: Denoiser) -> list[tuple[Tensor, Tensor]]:
    """Return weight (K, C, 3, 3) and bias (K,) of each convolution with its batch normalisation in them."""
    found = [(net.first.weight, cast(Tensor, net.first.bias))]
    for conv, norm in zip(net.convs, net.norms, strict=True):
        assert isinstance(conv, nn.Conv2d)
        assert isinstance(norm, nn.BatchNorm2d)
        mean, variance = cast(Tensor, norm.running_mean), cast(Tensor, norm.running_var)
        gain = norm.weight / torch.sqrt(variance + norm.eps)
        found.append((conv.weight * gain.view(-1, 1, 1, 1), norm.bias - mean * gain))
    return [*found, (net.last.weight, cast(Tensor, net.last.bias))]


@torch.no_grad()
def ranges(layers: list[tuple[Tensor, Tensor]], noisy: Tensor) -> list[Range]:
    """Return the range of the input, of what each convolution leaves and of the result on pictures (N, 1, H, W)."""
    values = [noisy]
    for index, (weight, bias) in enumerate(layers):
        x = F.conv2d(values[-1], weight, bias, padding=1)
        values.append(x if index == len(layers) - 1 else F.relu(x))
    values.append(noisy - values[-1])
    return [(min(float(x.min()), 0.0), max(float(x.max()), 0.0)) for x in values]


def form(limits: Range) -> tuple[float, int]:
    """Return scale and zero point of int8 codes for a range that holds 0."""
    scale = (limits[1] - limits[0]) / 255
    return scale, int(np.clip(round(-128 - limits[0] / scale), -128, 127))


@torch.no_grad()
def export(path: Path, net: Denoiser, noisy: Tensor, size: int) -> None:
    """Write `net` for pictures of `size` pixels square, its activations quantised by their ranges on `noisy`."""
    layers = folded(net)
    forms = [form(limits) for limits in ranges(layers, noisy)]
    b = Builder()
    start = last = b.tensor("noisy", [1, size, size, 1], "INT8", forms[0])
    for index, (weight, bias) in enumerate(layers):
        scales = weight.abs().amax((1, 2, 3)).double().numpy() / 127
        codes = np.rint(weight.double().numpy() / scales[:, None, None, None]).astype(np.int8).transpose(0, 2, 3, 1)
        units = forms[index][0] * scales
        none = np.zeros(len(scales))
        w = b.constant(f"conv{index}/weights", codes, (scales, none, 0))
        offsets = b.constant(
            f"conv{index}/bias", np.rint(bias.double().numpy() / units).astype(np.int32), (units, none, 0)
        )
        found = b.tensor(f"conv{index}", [1, size, size, len(scales)], "INT8", forms[index + 1])
        relu = int(index < len(layers) - 1)
        options: dict[str, Any] = {"padding": 0, "strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}
        b.operator("CONV_2D", [last, w, offsets], [found], "Conv2DOptions", fusedActivationFunction=relu, **options)
        b.version(3)
        last = found
    clean = b.tensor("clean", [1, size, size, 1], "INT8", forms[-1])
    b.operator("SUB", [start, last], [clean], "SubOptions", fusedActivationFunction=0)
    b.version(2)
    b.save(path, [start], [clean])


class Runtime(nn.Module):
    """The model at `path` as a module: noisy pictures (1, 1, H, W), one at a time, to clean ones."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        from ai_edge_litert.interpreter import Interpreter

        self.interpreter: Any = Interpreter(model_path=str(path))

    def forward(self, noisy: Tensor) -> Tensor:
        """Quantise, run and return real numbers."""
        model = self.interpreter
        (asked,), (given,) = model.get_input_details(), model.get_output_details()
        model.resize_tensor_input(asked["index"], [1, *noisy.shape[2:], 1])
        model.allocate_tensors()
        model.set_tensor(asked["index"], coded(noisy.numpy(), asked["quantization"]).transpose(0, 2, 3, 1))
        model.invoke()
        scale, zero = given["quantization"]
        real = (model.get_tensor(given["index"]).astype(np.float32) - zero) * scale
        return torch.from_numpy(real.transpose(0, 3, 1, 2).copy())


def coded(values: Any, quantization: tuple[float, int]) -> Any:
    """Return the int8 codes of real numbers."""
    scale, zero = quantization
    return np.clip(np.rint(values / scale) + zero, -128, 127).astype(np.int8)


def main(arguments: list[str] | None = None) -> None:
    """Write denoiser_int8.tflite and denoiser_noisy.npz into a folder; see `--help`."""
    parser = argparse.ArgumentParser(prog="python -m accelsim.zoo.export_tflite", description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder that holds imagenet500/ and set12/")
    parser.add_argument("--out", type=Path, required=True, help="folder to write into")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    clean = torch.cat(photographs.read(options.data / photographs.TRAINING)[:CALIBRATION]).float() / 255
    noisy = clean + SIGMA / 255 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(1))
    model, pictures = options.out / "denoiser_int8.tflite", torch.cat([x for (x,) in samples("denoiser")])
    net = cast(Denoiser, load("denoiser"))
    export(model, net, noisy, pictures.shape[2])
    runtime = Runtime(model)
    (asked,) = runtime.interpreter.get_input_details()
    np.savez_compressed(
        options.out / "denoiser_noisy.npz", noisy=coded(pictures.numpy(), asked["quantization"]).transpose(0, 2, 3, 1)
    )
    held_out = photographs.read(options.data / "set12")
    value, before, _ = measure(runtime, held_out)
    print(f"{value:.2f} dB on Set12 (noisy {before:.2f}, in real numbers {measure(net, held_out)[0]:.2f})")


if __name__ == "__main__":
    main()
