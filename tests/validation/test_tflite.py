"""Quantised TFLite networks of the reference data: captured codes give the runtime's own codes, and its answers."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("ai_edge_litert.interpreter")
pytest.importorskip("PIL")

from ai_edge_litert import schema_py_generated as schema
from PIL import Image

from accelsim.accelerators.base import load_hardware
from accelsim.analyzers.analyze import analyze
from accelsim.layer import Layer
from accelsim.sim import run
from accelsim.sources.tflitegraph.model import Model
from accelsim.trace import Trace
from accelsim.workload import load_workload, open_trace
from tests.integer_products import product, requantized

MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
Feeds = dict[str, Any]


def picture(path: Any, size: int) -> Any:
    """Read the square in the middle of an image at `size` x `size`, (size, size, 3) in 0..255."""
    image = Image.open(path).convert("RGB")
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    box = (left, top, left + side, top + side)
    return np.array(image.crop(box).resize((size, size), Image.Resampling.BILINEAR)).astype(np.float32)


def imagenet(data: Path, size: int, count: int = 2) -> Any:
    return np.stack([picture(p, size) for p in sorted((data / "imagenet500").glob("*.jpg"))[:count]])


def cifar(data: Path, count: int) -> tuple[Any, Any]:
    with np.load(data / "cifar10" / "test_jpeg.npz") as archive:
        offsets, stream, labels = archive["offsets"], archive["jpeg"].tobytes(), archive["labels"]
    files = (io.BytesIO(stream[offsets[i] : offsets[i + 1]]) for i in range(count))
    return np.stack([np.array(Image.open(file).convert("RGB")) for file in files]), labels[:count]


def digits(data: Path) -> Any:
    paths = sorted((data / "mnist10").glob("*.png")) or sorted((data / "mnist10").glob("*.bmp"))
    return np.stack([np.array(Image.open(p).convert("L").resize((28, 28))) for p in paths]).astype(np.float32) / 255


def spectra(data: Path) -> Any:
    """Ten frames of the magnitude spectrum that the noise suppressor sees."""
    import wave

    with wave.open(str(data / "audio" / "vad_speech_30s.wav")) as file:
        sound = np.frombuffer(file.readframes(20000), np.int16).astype(np.float32) / 32768
    frames = np.stack([sound[12000 + 128 * i : 12512 + 128 * i] for i in range(10)])
    return np.abs(np.fft.rfft(frames)).astype(np.float32)[:, None]


def cepstra(data: Path) -> Any:
    """Something with the range of the keyword spotter's cepstra."""
    with np.load(data / "audio" / "speech_commands_300.npz") as archive:
        sound = archive["wave"][:2].astype(np.float32) / 32768
    frames = np.stack([[clip[320 * i : 320 * i + 480] for i in range(49)] for clip in sound])
    energy = np.log(np.abs(np.fft.rfft(frames * np.hanning(480)))[..., 1:201].reshape(2, 49, 40, 5).sum(-1) + 1e-6)
    cosines = np.cos(np.pi / 40 * (np.arange(40) + 0.5)[:, None] * np.arange(10)) * (2 / 40) ** 0.5
    return (energy @ cosines).astype(np.float32)[..., None] * 2


CONVOLUTIONS: dict[str, Callable[[Path], Any]] = {
    "mobilenet_v2_qat/model": lambda d: ((imagenet(d, 224) / 255 - MEAN) / STD).transpose(0, 3, 1, 2),
    "mcunet_imagenet_int8/model": lambda d: (imagenet(d, 144) - 128).astype(np.int8),
    "mobilenet_v1_025_224/model": lambda d: imagenet(d, 224).astype(np.uint8),
    "resnet8_mlperf_tiny/model_int8": lambda d: cifar(d, 2)[0].astype(np.float32),
    "kws_dscnn_mlperf_tiny/model_int8": cepstra,
    "vww_mlperf_tiny/model_int8": lambda d: imagenet(d, 96) / 255,
    "deeplabv3_mnv2_dm05_pascal_uint8/model": lambda d: imagenet(d, 513, 1).astype(np.uint8),
}
LSTMS: dict[str, Callable[[Path], Any]] = {"mnist_lstm_int8/model_int8": digits, "dtln_stage1_int8/model": spectra}
REAL: dict[str, Callable[[Path], Any]] = {
    "resnet8_mlperf_tiny/model_fp32": CONVOLUTIONS["resnet8_mlperf_tiny/model_int8"],
    "kws_dscnn_mlperf_tiny/model_fp32": cepstra,
}
SLOW = ("deeplab", "mobilenet_v2")
EVERY = [pytest.param(n, marks=pytest.mark.slow) if n.startswith(SLOW) else n for n in CONVOLUTIONS]


@pytest.fixture(scope="session")
def captured(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Trace, Path]]:
    """Return a function that captures a network through a workload file, once: its trace and its file."""
    known: dict[str, tuple[Trace, Path]] = {}

    def once(name: str) -> tuple[Trace, Path]:
        if name not in known:
            model = shared / "realdata" / "models" / f"{name}.tflite"
            if not model.is_file():
                pytest.skip(f"reference network not found at {model}")
            folder = tmp_path_factory.mktemp("tflite")
            feeds = (CONVOLUTIONS | LSTMS | REAL)[name](shared / "realdata" / "data")
            np.savez(folder / "inputs.npz", x=feeds)
            lines = [f"name: {name.replace('/', '-')}", "source: tflite", f"model: {model}", "inputs: inputs.npz"]
            stream = "dtln" in name
            text = "\n".join([*lines, f"samples: {len(feeds)}", f"stream: {'true' if stream else 'false'}"])
            (folder / "net.yaml").write_text(text)
            known[name] = open_trace(load_workload(folder / "net.yaml"), cache=folder / "cache"), model
        return known[name]

    return once


def operators(model: Path) -> list[tuple[str, Any, float, float]]:
    """Return name, bias in real numbers and limits of the fused activation of each product operator, read here."""
    proto = schema.ModelT.InitFromPackedBuf(model.read_bytes(), 0)
    graph, found = proto.subgraphs[0], []
    names = {number: name for name, number in vars(schema.BuiltinOperator).items()}
    for operator in graph.operators:
        code = proto.operatorCodes[operator.opcodeIndex]
        name = names[max(code.builtinCode, code.deprecatedBuiltinCode)]
        if name not in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"):
            continue
        tensor = graph.tensors[operator.inputs[2]]
        whole = tensor.type == schema.TensorType.INT32
        real = np.frombuffer(proto.buffers[tensor.buffer].data.tobytes(), np.int32 if whole else np.float32)
        real = real * (np.asarray(tensor.quantization.scale, np.float64) if whole else 1.0)
        low, high = {0: (-np.inf, np.inf), 1: (0.0, np.inf), 3: (0.0, 6.0)}[
            operator.builtinOptions.fusedActivationFunction
        ]
        found.append((name, real, low, high))
    return found


@pytest.mark.parametrize("name", EVERY)
def test_codes_through_an_integer_convolution_give_the_codes_of_the_runtime(name: str, captured: Any) -> None:
    trace, model = captured(name)
    assert trace.warnings == []
    assert trace.manifest["unsupported"] == []
    assert trace.manifest["quantization"] == {"values": "the model's own codes"}
    expected = operators(model)
    assert len(trace.layers) == len(expected)
    exact = total = 0
    for layer in trace:
        assert layer.output is not None
        assert layer.activation.bits == layer.weight.bits == layer.output.bits == 8
        kind, bias, low, high = expected[layer.index]
        assert layer.shape.kind == ("linear" if kind == "FULLY_CONNECTED" else "conv")
        assert (kind == "DEPTHWISE_CONV_2D") == (layer.shape.groups > 1)
        off = np.abs(requantized(layer, bias, low, high) - layer.output.codes)
        assert off.max() <= 1, layer.name
        exact, total = exact + int((off == 0).sum()), total + off.size
    assert exact / total > 0.97  # older kernels round twice


@pytest.mark.parametrize("name", LSTMS)
def test_states_of_an_integer_lstm_follow_from_its_captured_gates(name: str, captured: Any) -> None:
    trace, _ = captured(name)
    assert trace.warnings == []
    count = sum(record.name.partition("#")[0].endswith(".hh") for record in trace.layers)
    assert count == (2 if "dtln" in name else 1)
    for number in range(count):
        carried, biases = 0.0, []
        for sample in range(trace.samples):
            first, second = trace.layer(2 * number, sample), trace.layer(2 * number + 1, sample)
            assert first.activation.bits == second.activation.bits == first.weight.bits == 8
            assert second.output is not None
            sums = gates(first) + gates(second)
            steps, hidden = second.shape.steps, second.shape.C
            held = second.output.values()[:, :, 0, 0]
            assert first.output is not None
            inside = (np.abs(held) < 7.9) & (np.abs(first.output.values()[:, :, 0, 0]) < 7.9)  # what does not saturate
            biases.append(np.where(inside, held - sums, np.nan))
            i, f, c, o = np.split(held, 4, axis=1)
            states = second.activation.codes.reshape(steps, hidden).astype(int)
            for step in range(steps):
                if "dtln" in name and step + sample == 0:
                    assert (states[0] == second.activation.zero_point).all()
                carried = carried / (1 + np.exp(-f[step])) + np.tanh(c[step]) / (1 + np.exp(-i[step]))
                state = np.tanh(carried) / (1 + np.exp(-o[step])) / second.activation.scale
                following = states[step + 1] if step + 1 < steps else None
                if following is None and "dtln" in name and sample + 1 < trace.samples:
                    following = trace.layer(2 * number + 1, sample + 1).activation.codes.reshape(-1).astype(int)
                if following is not None:
                    codes = np.clip(np.rint(state) + second.activation.zero_point, -128, 127)
                    assert np.abs(codes - following).max() <= 2
            if "dtln" not in name:
                carried = 0.0
        bias = np.concatenate(biases)  # no operand: what the gates hold beyond the two sums, the same at every step
        known = [column[~np.isnan(column)] for column in bias.T]
        assert max(np.ptp(column) for column in known if column.size) < 4e-3


def gates(layer: Layer) -> Any:
    """Return the real sums of a gate product, (rows, gates)."""
    scale = np.asarray(layer.weight.scale).reshape(1, -1, 1, 1)
    return (product(layer) * layer.activation.scale * scale)[:, :, 0, 0]


@pytest.mark.parametrize(
    ("name", "sums"), [("resnet8_mlperf_tiny/model_fp32", 3), ("kws_dscnn_mlperf_tiny/model_fp32", 0)]
)
def test_networks_of_real_numbers_are_reproduced_by_their_operands(name: str, sums: int, captured: Any) -> None:
    trace, model = captured(name)
    assert trace.manifest["unsupported"] == []
    mixed = ["real numbers in a quantised model"] if "kws" in name else []  # its depthwise weights are real numbers
    assert [line.partition(",")[0] for line in trace.warnings] == mixed
    expected = operators(model)
    off = set()
    for layer in trace:
        assert layer.output is not None
        _, bias, low, high = expected[layer.index]
        real = product(layer, layer.activation.values(), layer.weight.values()) + bias.reshape(1, -1, 1, 1)
        error = np.abs(np.clip(real, low, high) - layer.output.values()).max() / np.abs(layer.output.values()).max()
        assert layer.activation.bits == (8 if layer.weight.bits == 8 else 16)  # hybrid kernels quantise inside
        if error > 1e-3:
            off.add(layer.name)
    assert len(off) == sums  # the stored output of a residual block's last product is the sum


@pytest.mark.parametrize("name", ["mobilenet_v1_025_224/model", "resnet8_mlperf_tiny/model_int8", *LSTMS])
def test_a_quantised_network_is_analysed_raw_and_centred_and_run(name: str, captured: Any) -> None:
    trace, _ = captured(name)
    table = analyze(trace, padding="out")
    machine = load_hardware("eyeriss")
    result = run(machine, trace)
    assert len(result.layers) == len(trace.layers) * trace.samples
    assert result.total("macs") == machine.batch.size * trace.manifest["captured_macs"] / trace.samples
    activations = table[table["operand"] == "activation"]
    for layer, row in zip(trace, activations.to_dict("records"), strict=True):
        assert row["zeros"] == (layer.activation.codes == layer.activation.zero_point).sum()
        assert row["raw_zero_fraction"] == (layer.activation.codes == 0).mean()


@pytest.mark.slow
def test_an_int8_network_answers_as_its_reference_says(shared: Path) -> None:
    folder = shared / "realdata"
    model = Model.read(folder / "models" / "resnet8_mlperf_tiny" / "model_int8.tflite")
    pictures, labels = cifar(folder / "data", 10000)
    codes = (pictures.astype(int) - 128).astype(np.int8)
    answers = [answer(model, code[None], sample) for sample, code in enumerate(codes)]
    # 75.4 % with the kernels of the runtime's XNNPACK delegate, which round other results than the built-in ones
    assert np.mean(np.array(answers) == labels) == pytest.approx(0.754, abs=0.002)


@pytest.mark.parametrize("name", ["model_int8", "model_fp32"])
def test_an_lstm_reads_at_least_nine_of_ten_digits(name: str, shared: Path) -> None:
    folder = shared / "realdata"
    model = Model.read(folder / "models" / "mnist_lstm_int8" / f"{name}.tflite")
    form = model.asked[0].format
    rows = [row[None] if form is None else form.codes(row[None]) for row in digits(folder / "data")]
    assert sum(answer(model, row, number) == number for number, row in enumerate(rows)) >= 9


def answer(model: Model, values: Any, sample: int) -> int:
    """Return the class that a network of one input and one output chooses."""
    output = str(model.proto.subgraphs[0].outputs[0])
    return int(model.run({model.asked[0].name: values}, sample, False).array(output).argmax())
