"""Files of every kind that accelsim reads, damaged, contradictory or hostile: a clean error or a valid result.

The families run in processes of their own (`tests.fuzz.child`), so that a crash of a library is a failure with the number
of the case: ``python -m tests.fuzz.child FAMILY NUMBER`` repeats it. Each defect that was found stands here by its name.
"""

from __future__ import annotations

import importlib.util
import io
import json
import os
import struct
import wave
from collections.abc import Callable
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from accelsim.errors import AccelsimError, BundleError, InputError
from accelsim.layer import LayerShape
from accelsim.sources.inputs.items import find
from accelsim.sources.inputs.pictures import Preparation, picture
from accelsim.sources.inputs.sentences import encoder
from accelsim.sources.inputs.spec import Inputs
from accelsim.sources.inputs.waves import waveform
from accelsim.trace import Trace, TraceWriter
from accelsim.trace.manifest import digest_of
from tests.fuzz import child, coverage_guided
from tests.fuzz.families.arrays import header, npy

LONG = {
    "arrays": 6000, "array_headers": 6000, "archives": 3000, "labels": 4000, "npy_folders": 3000, "tensor_files": 5000,
    "bundle_bytes": 1500, "bundle_claims": 1500, "safetensors": 3000, "checkpoints": 2500, "shared_weights": 1500,
    "shipped": 300, "pictures": 2500, "sound": 2500, "words": 2000, "study_parts": 500, "result_folders": 400,
    "tflite_bytes": 2500, "tflite_structures": 1500, "onnx_bytes": 2500, "onnx_structures": 2500,
}  # fmt: skip
"""Cases of each family in the long suite."""

GUIDED = {"npy": 4000, "tensors": 3000, "manifest": 4000, "wav": 2000, "model_csv": 2000, "onnx": 3000, "tflite": 3000}
"""Cases of each parser that atheris chooses by the branches they take."""


def needs(*modules: str) -> None:
    """Skip where an extra is not installed."""
    for name in modules:
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed")


def test_forty_thousand_cases_in_the_long_suite() -> None:
    assert sum(LONG.values()) + sum(GUIDED.values()) >= 40_000


def test_bad_files_of_every_kind_in_short() -> None:
    needs("onnx", "onnxruntime", "ai_edge_litert", "PIL", "tokenizers")
    found = child.run("few", 350)
    assert not found.failures, found.failures
    assert found.cases == 350
    assert found.outcomes["InputError"] > 100 < found.cases - found.outcomes["valid"]
    assert found.outcomes["valid"] > 20


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(LONG))
def test_bad_files(name: str) -> None:
    needs("onnx", "onnxruntime", "ai_edge_litert", "PIL", "tokenizers")
    found = child.run(name, LONG[name])
    assert not found.failures, "\n".join(f"{name} {case}: {told}" for case, told in found.failures.items())
    assert found.cases == LONG[name]
    assert found.grown_bytes < child.MOST_RESIDENT_BYTES
    assert found.outcomes["valid"] > 0
    assert found.outcomes["valid"] < found.cases or name == "study_parts"  # of damaged parts the points are run again


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(GUIDED))
def test_bad_files_that_follow_the_branches_of_the_parsers(name: str, tmp_path: Path) -> None:
    pytest.importorskip("atheris")
    needs("onnx", "ai_edge_litert")
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for place, seed in enumerate(seeds(name, tmp_path)):
        (corpus / str(place)).write_bytes(seed)
    told = coverage_guided.run(name, GUIDED[name], corpus)
    assert f"Done {GUIDED[name]} runs" in told


def seeds(name: str, folder: Path) -> list[bytes]:
    """Return good examples of what a parser reads."""
    if name == "npy":
        return [npy(np.ones((2, 3), kind)) for kind in ("f4", "i1", ">i2")]
    if name in ("tensors", "manifest"):
        from tests.fuzz.families.bundles import write

        bundle = write(folder / "bundle")
        files = [bundle / "manifest.json"] if name == "manifest" else sorted(bundle.glob("layers/*"))
        return [
            path.read_bytes()[:4096] if name == "tensors" else json.dumps(json.loads(path.read_text())).encode()
            for path in files
        ]
    if name == "wav":
        return [wav(2, bytes(64))]
    if name == "model_csv":
        return [b"conv1,conv,1,1\nfc,fc,1,0\n"]
    if name == "onnx":
        from tests.fuzz.families.onnx_models import quantised, real, recurrent

        return [make().SerializeToString() for make in (real, quantised, recurrent)]
    from tests.fuzz.families import tflite_models

    makers = (tflite_models.convolutions, tflite_models.lstm, tflite_models.real)
    return [make(folder / "m.tflite") for make in makers]


# Arrays


def numbers_of(folder: Path, name: str, data: bytes) -> Any:
    """Find the inputs of a file of arrays."""
    (folder / name).write_bytes(data)
    return find(Inputs(files=[str(folder / name)]), folder)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(
            header("'<f4'", "(1099511627776,)"), "0 bytes of data, expected 4398046511104", id="a_header_alone"
        ),
        pytest.param(header("'<f4'", "(1000000000000, 0)"), "has no rows", id="rows_of_nothing"),
        pytest.param(header("'<f4'", "(True, 2)", body=bytes(8)), r"shape \(True, 2\)", id="truth_for_a_size"),
        pytest.param(header("'<f4'", "(1.5,)", body=bytes(8)), "cannot be read", id="half_a_row"),
        pytest.param(header("'<f4'", "(" * 40), "cannot be read", id="a_header_that_never_ends"),
        pytest.param(header("'|O'", "(3,)", body=bytes(80)), "Python objects", id="objects"),
        pytest.param(header("[('a', '<f4')]", "(2,)", body=bytes(8)), "values of type", id="records"),
        pytest.param(header("'|V0'", "(9999999,)"), "values of type", id="values_without_a_size"),
        pytest.param(
            header("'|i1'", "(3000000,)", body=bytes(3_000_000)), "3000000 inputs, more than", id="millions_of_inputs"
        ),
        pytest.param(npy(np.ones(3))[:30], "cannot be read", id="cut"),
    ],
)
def test_an_array_is_held_against_the_bytes_that_are_there(data: bytes, words: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=words) as caught:
        numbers_of(tmp_path, "x.npy", data)
    assert "\n" not in str(caught.value)


def test_version_3_of_the_npy_format_is_read(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.ones((4, 2), np.int8), (3, 0))
    assert len(numbers_of(tmp_path, "x.npy", buffer.getvalue())) == 4


@pytest.mark.parametrize("kind", [12, 14])
def test_damage_in_an_archive_of_any_packing_is_one_line(kind: int, tmp_path: Path) -> None:
    from tests.fuzz.families.arrays import _archive

    data = bytearray(_archive([("a.npy", npy(np.arange(400.0)))], kind))
    data[60:80] = bytes(20)
    with pytest.raises(InputError, match="cannot be read as an array"):
        numbers_of(tmp_path, "x.npz", bytes(data))


def test_labels_of_one_number_are_refused(tmp_path: Path) -> None:
    from accelsim.sources.sharing.tasks import read_labels

    np.save(tmp_path / "labels.npy", np.array(3))
    (tmp_path / "labels.txt").write_text("99999999999999999999\n")
    for name in ("labels.npy", "labels.txt"):
        with pytest.raises(InputError, match="labels"):
            read_labels(tmp_path / name, 1)


# Pictures, sound, text


def test_a_picture_that_is_a_program_is_never_run(tmp_path: Path) -> None:
    from tests.fuzz.families.media import POSTSCRIPT

    (tmp_path / "x.png").write_bytes(POSTSCRIPT)
    with pytest.raises(InputError, match="no picture"):
        picture(tmp_path / "x.png", Preparation())


@pytest.mark.parametrize(("width", "height"), [(30_000, 30_000), (12_000, 12_000), (2**31 - 1, 2**31 - 1)])
def test_a_picture_of_a_few_bytes_and_millions_of_pixels_is_not_unpacked(
    width: int, height: int, tmp_path: Path
) -> None:
    from tests.fuzz.families.media import png

    (tmp_path / "x.png").write_bytes(png(width, height))
    with pytest.raises(InputError, match=r"pixels|exceeds limit|cannot be read"):
        picture(tmp_path / "x.png", Preparation(resize=256, crop=224))


def test_a_line_of_pixels_is_not_resized_to_millions_of_lines(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    image.new("L", (60_000, 1)).save(tmp_path / "x.png")
    with pytest.raises(InputError, match=r"resized: 15360000 x 256 pixels"):
        picture(tmp_path / "x.png", Preparation(resize=256))


def wav(width: int, data: bytes) -> bytes:
    """Return a WAV file of one channel."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(width)
        file.setframerate(8000)
        file.writeframes(data)
    return buffer.getvalue()


def test_sound_of_odd_widths_and_sizes_is_one_line(tmp_path: Path) -> None:
    data = bytearray(wav(2, bytes(64)))
    data[34:36] = struct.pack("<H", 40)
    (tmp_path / "x.wav").write_bytes(bytes(data))
    with pytest.raises(InputError, match="samples of 5 bytes"):
        waveform(tmp_path / "x.wav", Inputs())
    (tmp_path / "x.wav").write_bytes(wav(1, bytes(100_000)))
    with pytest.raises(InputError, match="50001 frames of 50000 samples are too many"):
        waveform(tmp_path / "x.wav", Inputs(frame=50_000, hop=1))


def test_a_word_that_a_tokenizer_cannot_place_is_one_line(tmp_path: Path) -> None:
    pytest.importorskip("tokenizers")
    model = {"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "[UNK]"}
    (tmp_path / "tokenizer.json").write_text(json.dumps({"version": "1.0", "added_tokens": [], "model": model}))
    with pytest.raises(InputError, match=r"cannot split 'unknown'.*\[UNK\]"):
        encoder(tmp_path / "tokenizer.json")("unknown")


def test_half_a_letter_is_no_sentence() -> None:
    pytest.importorskip("tokenizers")
    from accelsim.zoo.reading import read

    with pytest.raises(InputError, match="is no text"):
        read("bert_lstm", ["a\udcff"])


# Weights


def checkpoint(folder: Path, content: Any) -> Path:
    torch = pytest.importorskip("torch")
    torch.save(content, folder / "w.pth")
    return folder / "w.pth"


def bad_weights() -> dict[str, Callable[[Any], Any]]:
    """Contents of checkpoints by what is wrong with them, given torch."""
    return {
        "names that are no text": lambda torch: {3: torch.ones(2)},
        "far larger when dense": lambda torch: {"a": torch.zeros(1).expand(1 << 40)},
        "sparse and far larger": lambda torch: {
            "a": torch.sparse_coo_tensor(
                torch.zeros((2, 0), dtype=torch.int64), torch.zeros(0), (1 << 20, 1 << 20), check_invariants=True
            )
        },
        "sparse values outside": lambda torch: {
            "a": torch.sparse_coo_tensor(torch.tensor([[5], [7]]), torch.ones(1), (2, 3), check_invariants=False)
        },
        "a mask of another shape": lambda torch: {"a_orig": torch.ones(2), "a_mask": torch.ones(1 << 10, 1)},
        "no values": lambda torch: {"a": torch.zeros(2, device="meta")},
    }


@pytest.mark.parametrize("wrong", sorted(bad_weights()))
def test_weights_that_cannot_be_used_are_one_line(wrong: str, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from accelsim.sources.state import read_state

    with pytest.raises(InputError, match=r"weights .*w\.pth") as caught:
        read_state(checkpoint(tmp_path, bad_weights()[wrong](torch)))
    assert "\n" not in str(caught.value)


def test_weights_packed_a_thousand_times_are_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    from accelsim.sources import state
    from tests.fuzz.families.weights import _repacked

    path = checkpoint(tmp_path, {"a": torch.zeros(1 << 18)})
    path.write_bytes(_repacked(path.read_bytes()))
    monkeypatch.setattr(state, "_LARGE_BYTES", 1 << 16)
    with pytest.raises(InputError, match="bytes in a file of"):
        state.read_state(path)


def test_a_pickle_in_any_file_of_weights_is_never_loaded(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from accelsim.sources.state import read_state
    from tests.fuzz.families.arrays import Canary

    canary = tmp_path / "canary"
    for content in (Canary(canary), {"a": Canary(canary)}, {"state_dict": [Canary(canary)]}):
        with pytest.raises(InputError, match="could run code"):
            read_state(checkpoint(tmp_path, content))
    np.save(tmp_path / "x.npy", np.array([Canary(canary)], object), allow_pickle=True)
    with pytest.raises(InputError, match="Python objects"):
        find(Inputs(files=[str(tmp_path / "x.npy")]), tmp_path)
    assert not canary.exists()


@pytest.mark.parametrize("text", ["[" * 5000, "3", "[]", '{"a": {"shape": [1099511627776], "index_bits": 0}}'])
def test_shared_weights_whose_layers_are_nonsense_are_one_line(text: str, tmp_path: Path) -> None:
    from safetensors.numpy import save

    from accelsim.study.sharing.export import KEY, read_shared

    arrays = {"a.codebook": np.ones((1, 4), np.float32), "a.indices": np.zeros(2, np.uint8)}
    (tmp_path / "s.safetensors").write_bytes(save(arrays, {KEY: text}))
    with pytest.raises(InputError, match="no readable shared weights"):
        read_shared(tmp_path / "s.safetensors")


def test_damaged_weights_of_a_shipped_network_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    from accelsim import zoo

    for name in ("weights.safetensors", "samples.safetensors"):
        (tmp_path / name).write_bytes(b"\x08" + bytes(7) + b"{}      ")
    monkeypatch.setattr(zoo, "folder", lambda _: tmp_path)
    for read in (zoo.load, zoo.samples):
        with pytest.raises(InputError, match=r"damaged or not of this version.*install accelsim again"):
            read("resnet20")


# Bundles


def forged(folder: Path, change: Callable[[dict[str, Any]], Any]) -> Path:
    """Write a bundle whose manifest is changed, its digest right."""
    from tests.fuzz.families.bundles import write

    path = write(folder / "bundle")
    manifest = json.loads((path / "manifest.json").read_text())
    manifest.pop("digest")
    change(manifest)
    (path / "manifest.json").write_text(json.dumps({**manifest, "digest": digest_of(manifest)}))
    return path


def _outside(manifest: dict[str, Any]) -> None:
    name = manifest["layers"][0]["sample_files"][0]
    manifest["layers"][0]["sample_files"][0] = "../secret"
    manifest["files"]["../secret"] = manifest["files"].pop(name)


CONTRADICTIONS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a_file_outside": _outside,
    "no_layers": lambda m: m.pop("layers"),
    "more_samples": lambda m: m.update(samples=3),
    "samples_that_are_text": lambda m: m.update(samples="2"),
    "a_shape_of_another_size": lambda m: m["layers"][0]["shapes"][0].update(C=3),
    "a_shape_beyond_memory": lambda m: m["layers"][1]["shapes"][0].update(N=2**40, C=2**40),
    "codes_of_fewer_bits": lambda m: m["layers"][0]["operands"]["activation"].update(bits=4),
    "codes_without_a_sign": lambda m: m["layers"][0]["operands"]["activation"].update(signed=False),
    "scales_along_no_axis": lambda m: m["layers"][2]["operands"]["weight"].update(axis=None),
    "a_scale_too_few": lambda m: m["layers"][2]["operands"]["weight"]["scale"].pop(),
    "a_scale_that_is_text": lambda m: m["layers"][0]["operands"]["activation"].update(scale="x"),
    "another_format": lambda m: m["layers"][1]["operands"]["weight"].update(format="bfloat16"),
    "an_unknown_format": lambda m: m["layers"][1]["operands"]["weight"].update(format="nothing"),
    "an_operand_too_few": lambda m: m["layers"][0]["operands"].update(weight=None),
    "a_layer_out_of_order": lambda m: m["layers"].reverse(),
    "a_size_that_is_none": lambda m: m["files"][m["layers"][0]["weight_file"]].update(size_bytes=None),
}


@pytest.mark.parametrize("name", sorted(CONTRADICTIONS))
def test_a_bundle_that_contradicts_itself_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    path = forged(tmp_path, CONTRADICTIONS[name])
    with pytest.raises(BundleError, match=r"bundle .*/bundle:") as caught:
        list(Trace(path))
    assert "\n" not in str(caught.value)


def test_a_manifest_of_brackets_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("[" * 100_000)
    with pytest.raises(BundleError, match="not valid JSON"):
        Trace(tmp_path)


def test_a_layer_of_a_long_or_strange_name_stays_in_its_bundle(tmp_path: Path) -> None:
    with TraceWriter(tmp_path / "bundle") as writer:
        for name in ("../../escape", "/etc/passwd", "a" * 3000, "\x00", ".."):
            path = writer.add(f"0000-{name}.weight", {"weight": np.zeros(3, np.int8)})
            assert (writer.folder / path).resolve().parent == (writer.folder / "layers").resolve()
            assert path.endswith(".weight.safetensors")
    assert os.listdir(tmp_path) == []


def test_products_of_a_kernel_as_large_as_its_padding_are_counted_in_no_memory() -> None:
    shape = LayerShape("conv", 1, 1, 1, 1, 1, 1, 60_001, 1, 60_001, 1, (1, 1), (60_000, 60_000, 0, 0))
    assert shape.macs_inside == 60_001
    for taps, size, stride, pad, dilation, transposed in product(
        (1, 2, 3), (2, 5, 9), (1, 2, 3), (0, 1, 4), (1, 2), (False, True)
    ):
        out = (size - 1) * stride + dilation * (taps - 1) + 1 - 2 * pad
        out = out if transposed else (size + 2 * pad - dilation * (taps - 1) - 1) // stride + 1
        if out < 1:
            continue
        around, steps, spread = (pad, pad, 0, 0), (stride, 1), (dilation, 1)
        layer = LayerShape("conv", 1, 1, 1, 1, size, 1, taps, 1, out, 1, steps, around, spread, 1, transposed)
        moved, room = (size, out) if transposed else (out, size)
        hit = [i * stride + r * dilation - pad for i in range(moved) for r in range(taps)]
        assert layer.macs_inside == sum(0 <= place < room for place in hit)


# Results


def test_results_without_their_columns_are_one_line(tmp_path: Path) -> None:
    import pandas as pd

    from accelsim.report.folders import load
    from accelsim.results import RunResult
    from accelsim.tables import parquet

    info = {"hardware": {"name": "h"}, "trace": {"name": "t"}, "warnings": [], "batch": 1, "accelsim": "0"}
    whole = pd.DataFrame({"index": [0], "layer": ["a"], "sample": [0], "total_cycles": [1.0]})
    for table, told in (
        (whole.drop(columns="sample"), "no column sample"),
        (whole.assign(total_cycles="many"), "total_cycles holds no numbers"),
    ):
        (tmp_path / "layers.parquet").write_bytes(parquet(table))
        (tmp_path / "run.json").write_text(json.dumps(info))
        for read in (RunResult.read, lambda folder: load([folder])):
            with pytest.raises(InputError, match=told):
                read(tmp_path)
    for wrong in ({**info, "warnings": 3}, {**info, "files": []}, {**info, "hardware": None}, [info]):
        (tmp_path / "layers.parquet").write_bytes(parquet(whole))
        (tmp_path / "run.json").write_text(json.dumps(wrong))
        with pytest.raises(InputError):
            RunResult.read(tmp_path)


def test_a_table_of_a_few_bytes_and_billions_of_cells_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    import pandas as pd

    from accelsim import tables

    data = tables.parquet(pd.DataFrame({"a": np.zeros(100_000)}))
    monkeypatch.setattr(tables, "MOST_CELLS", 99_999)
    with pytest.raises(ValueError, match="100000 rows of 1 columns"):
        tables.table_of(data, "x.parquet")


# Model files


def onnx_of(folder: Path, change: Callable[[Any], Any], maker: str = "real") -> Callable[[], Any]:
    """Return the capture of a model that is changed."""
    needs("onnx", "onnxruntime")
    from accelsim.quantize import Quantization
    from accelsim.sources.onnx import Onnx
    from tests.fuzz.families import onnx_models

    model = getattr(onnx_models, maker)()
    change(model)
    (folder / "m.onnx").write_bytes(model.SerializeToString())
    source = Onnx(model=str(folder / "m.onnx"), sizes={"n": 1}).quantizing(Quantization())
    return lambda: (source.fingerprint(), list(source.layers(1).layers))


def _node(model: Any, operator: str) -> Any:
    return next(node for node in model.graph.node if node.op_type == operator)


def _tensor(model: Any, name: str) -> Any:
    return next(tensor for tensor in model.graph.initializer if tensor.name == name)


def _beside(model: Any, location: str) -> None:
    from onnx import TensorProto

    tensor = _tensor(model, "w")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)


def _sized(place: int, size: int) -> Callable[[Any], None]:
    return lambda model: setattr(model.graph.input[0].type.tensor_type.shape.dim[place], "dim_value", size)


def _renamed(operator: str, place: int, name: str) -> Callable[[Any], None]:
    """Let an operator read another tensor."""
    return lambda model: _node(model, operator).input.__setitem__(place, name)


def _steps_of_0(model: Any) -> None:
    next(a for a in _node(model, "ConvTranspose").attribute if a.name == "strides").ints[1] = 0


def _functions(calls: list[list[str]]) -> Callable[[Any], None]:
    """Return a change that makes the model call F0; calls: what each of the functions F0, F1, ... calls in turn."""

    def change(model: Any) -> None:
        from onnx import helper

        opsets = [helper.make_opsetid("", 17), helper.make_opsetid("d", 1)]
        for place, called in enumerate(calls):
            names = ["a", *(f"t{i}" for i in range(len(called) - 1)), "b"]
            ends = zip(called, pairwise(names), strict=True)
            nodes = [helper.make_node(name, [x], [y], domain="d") for name, (x, y) in ends]
            model.functions.append(helper.make_function("d", f"F{place}", ["a"], ["b"], nodes, opsets))
        model.opset_import.append(opsets[1])
        node = _node(model, "Relu")
        node.op_type, node.domain = "F0", "d"

    return change


ONNX: dict[str, tuple[str, Callable[[Any], Any], str]] = {
    "a_cycle": ("real", _renamed("Relu", 0, "y"), "reads 'y', which nothing gives before it"),
    "a_name_given_twice": ("real", lambda m: _node(m, "Relu").output.__setitem__(0, "a"), "'a' is given twice"),
    "an_operator_without_results": ("real", lambda m: _node(m, "Relu").output.pop(), "gives nothing"),
    "a_constant_of_2_to_60": ("real", lambda m: _tensor(m, "w").dims.__setitem__(0, 2**60), "bytes of values"),
    "a_negative_size": ("real", lambda m: _tensor(m, "w").dims.__setitem__(0, -3), "of shape"),
    "an_input_of_2_to_60": ("real", _sized(2, 2**60), "in these sizes"),
    "an_input_of_nothing": ("recurrent", _sized(0, 0), "in these sizes"),
    "an_unknown_type": (
        "real",
        lambda m: setattr(m.graph.input[0].type.tensor_type, "elem_type", 121),
        "no tensor of numbers",
    ),
    "steps_of_0": ("real", _steps_of_0, "strides"),
    "weights_of_few_axes": ("real", lambda m: setattr(_node(m, "Gemm"), "op_type", "ConvTranspose"), "axes"),
    "an_equation_of_other_axes": ("real", _renamed("Einsum", 0, "g"), "equation"),
    "an_operand_left_out": ("real", _renamed("Einsum", 1, ""), "lacks an operand"),
    "weights_of_another_recurrence": ("recurrent", lambda m: _node(m, "LSTM").input.pop(1), "is damaged"),
    "a_longer_input_than_weights": ("recurrent", _sized(2, 127), "weights of shape"),
    "a_scale_without_end": (
        "quantised",
        lambda m: setattr(_tensor(m, "s"), "raw_data", np.float32(np.inf).tobytes()),
        "infin|NaN",
    ),
    "a_function_that_calls_itself": ("real", _functions([["F1"], ["F0"]]), "calls itself"),
    "functions_of_2_to_30_operators": (
        "real",
        _functions([[f"F{i + 1}"] * 2 for i in range(30)]),
        "written out are more than",
    ),
    "values_outside": ("real", lambda m: _beside(m, "../secret.bin"), "outside its own folder"),
    "values_in_no_file": ("real", lambda m: _beside(m, "a\x00b"), "which is missing"),
    "values_in_a_folder": ("real", lambda m: _beside(m, "."), "which is missing"),
}


@pytest.mark.parametrize("name", sorted(ONNX))
def test_an_onnx_model_that_contradicts_itself_is_one_line(name: str, tmp_path: Path) -> None:
    maker, change, words = ONNX[name]
    with pytest.raises(AccelsimError, match=words) as caught:
        onnx_of(tmp_path, change, maker)()
    assert "\n" not in str(caught.value)
    assert "m.onnx" in str(caught.value) or "layer " in str(caught.value)


def test_the_examples_of_the_onnx_families_are_sound(tmp_path: Path) -> None:
    for maker in ("real", "quantised", "recurrent"):
        assert onnx_of(tmp_path, lambda _: None, maker)()


def tflite_of(folder: Path, change: Callable[[Any], Any], maker: str = "convolutions") -> Callable[[], Any]:
    """Return the capture of a model that is changed."""
    needs("ai_edge_litert")
    flatbuffers: Any = pytest.importorskip("flatbuffers")
    from ai_edge_litert import schema_py_generated as schema

    from accelsim.quantize import Quantization
    from accelsim.sources.tflite import TFLite
    from tests.fuzz.families import tflite_models

    path = folder / "m.tflite"
    model = schema.ModelT.InitFromPackedBuf(getattr(tflite_models, maker)(path), 0)
    change(model)
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    source = TFLite(model=str(path)).quantizing(Quantization())
    return lambda: list(source.layers(1).layers)


TFLITE: dict[str, tuple[Callable[[Any], Any], str]] = {
    "no_graph": (lambda m: setattr(m, "subgraphs", None), "holds no graph"),
    "no_operators": (lambda m: setattr(m.subgraphs[0], "operators", []), "computes nothing"),
    "a_tensor_that_is_not_there": (
        lambda m: setattr(m.subgraphs[0].operators[0], "inputs", [0, 99, 1]),
        "does not hold",
    ),
    "an_operator_that_is_not_there": (
        lambda m: setattr(m.subgraphs[0].operators[0], "opcodeIndex", 99),
        "does not list",
    ),
    "a_buffer_that_is_not_there": (lambda m: setattr(m.subgraphs[0].tensors[1], "buffer", 99), "has no buffer"),
    "more_shape_than_bytes": (
        lambda m: setattr(m.subgraphs[0].tensors[1], "shape", [3, 3, 3, 2**20]),
        "bytes of values",
    ),
    "a_negative_size": (lambda m: setattr(m.subgraphs[0].tensors[0], "shape", [1, -4, 4, 2]), "has shape"),
    "an_activation_beyond_memory": (
        lambda m: setattr(m.subgraphs[0].tensors[0], "shape", [2**20, 2**20, 4, 2]),
        "would have",
    ),
    "scales_that_are_nan": (
        lambda m: setattr(m.subgraphs[0].tensors[0].quantization, "scale", [float("nan")]),
        "scale",
    ),
    "a_scale_too_few": (
        lambda m: setattr(m.subgraphs[0].tensors[1].quantization, "scale", [0.1, 0.2]),
        "zero points|scales",
    ),
    "scales_along_no_axis": (
        lambda m: setattr(m.subgraphs[0].tensors[1].quantization, "quantizedDimension", 7),
        "axis 7",
    ),
}


@pytest.mark.parametrize("name", sorted(TFLITE))
def test_a_tflite_model_that_contradicts_itself_is_one_line(name: str, tmp_path: Path) -> None:
    change, words = TFLITE[name]
    with pytest.raises(InputError, match=words) as caught:
        tflite_of(tmp_path, change)()
    assert "\n" not in str(caught.value)
    assert "m.tflite" in str(caught.value)


def test_a_tflite_model_without_inputs_and_with_a_name_that_is_no_text(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        tflite_of(tmp_path, lambda m: setattr(m.subgraphs[0], "inputs", None))()

    def rename(model: Any) -> None:
        for tensor in model.subgraphs[0].tensors:
            tensor.name = b"\xff" + (tensor.name or b"")

    assert tflite_of(tmp_path, rename, "lstm")()
