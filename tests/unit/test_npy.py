"""Folders of NumPy arrays as workloads: DNNsim's format, the codes they give, and one clear line for a bad one."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import accelsim
from accelsim.errors import AccelsimError, ConfigError, InputError
from accelsim.sources.dnnsim.arrays import Arrays
from accelsim.sources.dnnsim.model import Line, read_model, read_precision
from accelsim.trace import Trace
from accelsim.workload import load_workload, open_trace

RNG = np.random.default_rng(3)
MODEL = "c1,conv,2,1\ng/1,conv,1,0\nfc,fc,1,0\nr,rnn,1,0\n"
PRECISION = "title\n7;6;5;8;\n2;2;3;0;\n3;3;2;1;\n5;6;6;7;\n"
SIZES = {
    "c1": ((2, 3, 7, 5), (4, 3, 3, 3)),
    "g-1": ((2, 6, 5, 5), (8, 3, 2, 2)),
    "fc": ((2, 4, 3, 1), (5, 12)),
    "r": ((2, 3, 6), (4, 6)),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of integer codes: two batches of two images, every kind of layer."""
    return make(tmp_path / "small net")


def make(folder: Path, numbers: Callable[[tuple[int, ...]], np.ndarray] | None = None) -> Path:
    numbers = numbers or (lambda size: RNG.integers(-100, 100, size))
    folder.mkdir(parents=True)
    (folder / "model.csv").write_text(MODEL)
    for layer, (activation, weight) in SIZES.items():
        np.save(folder / f"wgt-{layer}.npy", numbers(weight))
        for batch in (0, 10):
            np.save(folder / f"act-{layer}-{batch}.npy", numbers(activation))
    return folder


def trace_of(folder: Path, *settings: str) -> Trace:
    return open_trace(load_workload(folder, settings))


@pytest.mark.parametrize("name", ["tiny", "resnet20"])
def test_golden_folders_are_bit_identical(name: str, shared: Path) -> None:
    folder = shared / "golden" / "dnnsim" / name
    trace = accelsim.open_trace(accelsim.load_workload(str(folder)))
    lines = [line.split(",") for line in (folder / "model.csv").read_text().split()]
    fields = [line.rstrip(";").split(";") for line in (folder / "precision.txt").read_text().splitlines()[1:]]
    assert [record.name for record in trace.layers] == [line[0] for line in lines]
    with np.load(folder / "trace.npz", allow_pickle=False) as arrays:
        for place, (layer, (label, kind, stride, padding)) in enumerate(zip(trace, lines, strict=True)):
            weight, activation = arrays[f"wgt-{label}"], arrays[f"act-{label}-0"]
            assert np.array_equal(layer.weight.codes.ravel(), weight.ravel())
            assert np.array_equal(layer.activation.codes.ravel(), activation.ravel())
            assert layer.shape.kind == {"conv": "conv", "fc": "linear"}[kind]
            assert (layer.shape.stride[0], layer.shape.padding[0]) == (
                int(stride),
                int(padding) if kind == "conv" else 0,
            )
            assert layer.shape.groups * layer.shape.K == weight.shape[0]
            assert weight.shape[1] == layer.shape.C
            assert layer.activation.precision == int(fields[0][place]) + int(fields[1][place])
            assert layer.weight.precision == int(fields[2][place]) + int(fields[3][place])
            assert layer.output is None


def test_every_image_of_every_batch_is_a_sample(folder: Path) -> None:
    trace = trace_of(folder)
    assert (trace.samples, trace.manifest["name"]) == (4, "small-net")
    first, second = (np.load(folder / f"act-g-1-{batch}.npy") for batch in (0, 10))
    for sample, image in enumerate([*first, *second]):
        assert np.array_equal(trace.layer(1, sample).activation.codes[0], image)
    shapes = [record.shapes[0] for record in trace.layers]
    assert [(s.kind, s.groups, s.K, s.C, s.P, s.Q, s.steps) for s in shapes] == [
        ("conv", 1, 4, 3, 4, 3, 1),
        ("conv", 2, 4, 3, 4, 4, 1),
        ("linear", 1, 5, 12, 1, 1, 1),
        ("recurrent", 1, 4, 6, 1, 1, 3),
    ]
    assert np.array_equal(trace.layer(3, 1).activation.codes[:, :, 0, 0], np.load(folder / "act-r-0.npy")[1])
    assert all(layer.activation.precision == layer.weight.precision == 16 for layer in trace)
    assert any("no precision.txt" in line for line in trace.warnings)
    assert trace_of(folder, "samples=3").samples == 3
    assert trace_of(folder, "samples=3").key != trace.key


def test_a_trace_is_kept_until_the_folder_changes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = trace_of(folder)
    monkeypatch.setattr("accelsim.workload.write_codes", lambda *_: pytest.fail("written again"))
    assert trace_of(folder).path == before.path
    monkeypatch.undo()
    np.save(folder / "wgt-r.npy", np.zeros((4, 6), np.int8))
    assert trace_of(folder).key != before.key
    (folder / "precision.txt").write_text(PRECISION)
    assert trace_of(folder).layer(0).weight.precision == 8


def test_reading_a_folder_loads_no_torch(folder: Path) -> None:
    code = (
        f"import sys, accelsim as a; a.open_trace(a.load_workload({str(folder)!r})); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_archive_gives_the_same_codes(folder: Path, tmp_path: Path) -> None:
    packed = tmp_path / "packed"
    packed.mkdir()
    (packed / "model.csv").write_text(
        "\ufeff<Name>:<Type(conv|fc|lstm)>:<Stride>:<Padding>\n\n" + MODEL.replace(",", ":")
    )
    np.savez_compressed(packed / "trace.npz", **{p.stem: np.load(p) for p in folder.glob("*.npy")})
    for one, other in zip(trace_of(folder), trace_of(packed), strict=True):
        assert np.array_equal(one.activation.codes, other.activation.codes)
        assert np.array_equal(one.weight.codes, other.weight.codes)


def test_types_orders_and_unsigned_codes(folder: Path) -> None:
    given = {path.stem: np.load(path) for path in folder.glob("*.npy")}
    for path, kind in zip(sorted(folder.glob("*.npy")), ("i8", ">i4", "f4", ">f8", "f2", "i2"), strict=False):
        np.save(path, np.asfortranarray(given[path.stem].astype(kind)))
    wide = given["wgt-fc"] + 65535 - given["wgt-fc"].max()
    np.save(folder / "wgt-fc.npy", wide.clip(0).astype(np.uint32))
    for layer in trace_of(folder):
        batch, image = divmod(layer.sample, 2)
        expected = given[f"act-{layer.name}-{10 * batch}"][image]
        assert np.array_equal(layer.activation.codes.ravel(), expected.ravel())
    layer = trace_of(folder).layer(2)
    assert (layer.weight.codes.dtype, layer.weight.signed) == (np.uint16, False)
    assert np.array_equal(layer.weight.codes.reshape(5, 12), wide)


def half_away(numbers: np.ndarray) -> np.ndarray:
    return np.where(numbers < 0, np.ceil(numbers - 0.5), np.floor(numbers + 0.5))


def test_real_numbers_by_the_profile(tmp_path: Path) -> None:
    folder = make(tmp_path / "net", lambda size: RNG.normal(0, 2, size).astype(np.float32))
    (folder / "precision.txt").write_text(PRECISION)
    halves = np.arange(-30, 30, dtype=np.float32).reshape(5, 12) / 128
    np.save(folder / "wgt-fc.npy", halves)
    np.save(folder / "act-fc-0.npy", np.full((2, 12), 3, np.float32))  # whole, yet real like the rest of the folder
    trace = trace_of(folder)
    expected = half_away(halves.astype(float) * 2**6).clip(-127, 127)
    assert np.array_equal(trace.layer(2).weight.codes.reshape(5, 12), expected)
    assert trace.layer(2).weight.scale == 2.0**-6
    assert (trace.layer(2).activation.codes[0] == 24).all()
    codes = half_away(np.load(folder / "act-c1-0.npy").astype(float) * 4).clip(-255, 255)
    assert np.array_equal(trace.layer(0, 1).activation.codes[0], codes[1])
    assert any("layer c1: weight: numbers up to" in line and "clipped to 8 bits" in line for line in trace.warnings)


@pytest.mark.parametrize("bits", [8, 16])
def test_real_numbers_without_a_profile(bits: int, tmp_path: Path) -> None:
    folder = make(tmp_path / "net", lambda size: RNG.normal(0, 2, size).astype(np.float32))
    for batch in (0, 10):
        np.save(folder / f"act-fc-{batch}.npy", np.abs(RNG.normal(0, 1, (2, 12))) * np.arange(12))  # starts at 0
    trace = trace_of(folder, f"bits={bits}")
    weights = np.load(folder / "wgt-c1.npy")
    factor = np.float32(2 ** (bits - 1) - 1) / np.abs(weights).max()
    assert np.array_equal(trace.layer(0).weight.codes, half_away(weights.astype(float) * float(factor)))
    maps = np.concatenate([np.load(folder / f"act-fc-{batch}.npy") for batch in (0, 10)])
    for sample, image in enumerate(maps):
        operand = trace.layer(2, sample).activation
        assert np.array_equal(operand.codes.ravel(), half_away(image * ((2**bits - 1) / maps.max())))
        assert (operand.signed, operand.bits, operand.precision) == (False, bits, bits)
    assert np.allclose(trace.layer(0).weight.values(), weights, atol=0.51 / factor)


def test_what_floats_hold_can_be_said(folder: Path, tmp_path: Path) -> None:
    for path in folder.glob("*.npy"):
        np.save(path, np.load(path).astype(np.float32))
    assert trace_of(folder).layer(0).weight.scale == 1.0
    assert trace_of(folder, "values=codes").layer(0).weight.scale == 1.0
    assert np.abs(trace_of(folder, "values=real").layer(0).weight.codes).max() == 2**15 - 1
    np.save(folder / "wgt-r.npy", np.full((4, 6), 0.5))
    with pytest.raises(InputError, match=r"wgt-r.npy: holds numbers that are not whole"):
        trace_of(folder, "values=codes")


def test_codes_wider_than_their_profile_are_told(folder: Path) -> None:
    (folder / "precision.txt").write_text("t\n4;8;8;8\n0;0;0;0\n9;9;9;9\n0;0;0;0\n")
    trace = trace_of(folder)
    assert any("layer c1: activation: codes need 8 bits, precision.txt gives 4" in line for line in trace.warnings)
    assert trace.layer(0).activation.precision == 4


def test_paths_in_a_yaml_start_beside_it(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "net.yaml").write_text("name: mine\nsource: npy\nfolder: small net\nsamples: 2\n")
    monkeypatch.chdir("/")
    trace = trace_of(tmp_path / "net.yaml")
    assert (trace.samples, trace.manifest["name"]) == (2, "mine")
    monkeypatch.chdir(folder)
    assert load_workload(".").name == "small-net"


def test_dnnsims_own_layout(folder: Path, tmp_path: Path) -> None:
    model, arrays = tmp_path / "models" / "net", tmp_path / "net_traces" / "net"
    model.mkdir(parents=True)
    (folder / "model.csv").rename(model / "model.csv")
    arrays.parent.mkdir()
    folder.rename(arrays)
    assert trace_of(model).samples == 4
    (tmp_path / "w.yaml").write_text("name: w\nsource: npy\nfolder: models/net\narrays: net_traces/net\n")
    assert trace_of(tmp_path / "w.yaml").layer(0).sample == 0


def test_machines_run_on_layers_without_outputs(folder: Path) -> None:
    for machine in ("stripes", "eyeriss"):
        result = accelsim.simulate(accelsim.load_hardware(machine), trace_of(folder))
        assert result.layers["sample"].tolist() == [0, 1, 2, 3] * 4
        assert any("no outputs" in line for line in result.warnings)


def archive(folder: Path, member: bytes, name: str = "wgt-c1") -> None:
    """Replace the arrays of `folder` by an archive whose member `name` is `member`."""
    with zipfile.ZipFile(folder / "trace.npz", "w", zipfile.ZIP_DEFLATED) as file:
        for path in folder.glob("*.npy"):
            file.writestr(path.name, member if path.stem == name else path.read_bytes())
            path.unlink()


def npy_of(shape: tuple[int, ...], data: bytes = b"", descr: str = "<i2") -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": descr, "fortran_order": False, "shape": shape})
    return buffer.getvalue() + data


def damage(place: str, content: object) -> Callable[[Path], None]:
    def act(folder: Path) -> None:
        if isinstance(content, np.ndarray):
            np.save(folder / place, content, allow_pickle=content.dtype.kind == "O")
        elif isinstance(content, bytes):
            (folder / place).write_bytes(content)
        else:
            (folder / place).write_text(str(content))

    return act


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda f: (f / "act-c1-0.npy").unlink(), r"layer c1: .*act-c1-0.npy is missing; other layers have a batch 0"),
        (lambda f: [p.unlink() for p in f.glob("act-fc-*")], r"layer fc: .*act-fc-0.npy is missing"),
        (lambda f: (f / "wgt-g-1.npy").unlink(), r"wgt-g-1.npy is missing"),
        (damage("model.csv", "c1,pool,1,0\n"), r"model.csv:1: unknown kind of layer 'pool'; known: conv, fc, rnn"),
        (damage("model.csv", "c1,conv,1\n"), r"model.csv:1: 3 fields, expected 4"),
        (damage("model.csv", "c1,conv,1,0\nc1,conv,1,0\n"), r"model.csv:2: two layers are called 'c1'"),
        (damage("model.csv", "c1,conv,1,0\nfc,fc,x,0\n"), r"model.csv:2: stride 'x'"),
        (damage("model.csv", "c1,conv,0,0\n"), r"stride 0"),
        (damage("model.csv", "name,type,stride,padding\n"), r"no layer in it"),
        (damage("model.csv", b"\xff\xfe\x00"), r"no UTF-8 text"),
        (damage("act-c1-0.npy", np.zeros((2, 3), int)), r"layer c1: activations of shape \(2, 3\).* \(N, C, H, W\)"),
        (damage("wgt-fc.npy", np.zeros((5, 13), int)), r"layer fc: .*12 channels meet weights of 13"),
        (damage("wgt-c1.npy", np.zeros((4, 2, 3, 3), int)), r"layer c1: .*groups of 2"),
        (damage("wgt-c1.npy", np.zeros((4, 3, 9, 9), int)), r"layer c1: .*kernel is larger"),
        (
            damage("act-c1-0.npy", np.zeros((3, 3, 7, 5), int)),
            r"layer g-1: 2 images in batch 0, layer c1 has 3",
        ),
        (damage("wgt-c1.npy", np.full((4, 3, 3, 3), 40000)), None),
        (damage("wgt-c1.npy", np.full((4, 3, 3, 3), 65536)), r"layer c1: weight: codes from 65536 to 65536"),
        (damage("wgt-c1.npy", np.full((4, 3, 3, 3), np.nan)), r"layer c1: weight: NaN or infinity"),
        (damage("wgt-c1.npy", np.full((4, 3, 3, 3), 1j)), r"wgt-c1.npy: values of type complex128"),
        (damage("wgt-c1.npy", np.full((4, 3, 3, 3), None)), r"wgt-c1.npy: cannot be read"),
        (damage("wgt-c1.npy", np.zeros((0, 3, 3, 3))), r"wgt-c1.npy: .*(empty)"),
        (damage("wgt-c1.npy", np.zeros(())), r"wgt-c1.npy: .*empty"),
        (damage("wgt-c1.npy", npy_of((4, 3, 3, 3), b"\0" * 99)), r"wgt-c1.npy: cannot be read"),
        (damage("wgt-c1.npy", npy_of((2**40, 3, 3, 3))), r"wgt-c1.npy: cannot be read"),
        (damage("wgt-c1.npy", b"no array"), r"wgt-c1.npy: cannot be read"),
        (damage("wgt-c1.npy", b""), r"wgt-c1.npy: cannot be read"),
        (damage("precision.txt", PRECISION.replace("7;6;5;8;", "7;6;5;")), r"line 2 has 3 numbers, model.csv has 4"),
        (damage("precision.txt", PRECISION.replace("7;6;5;8;", "99;6;5;8")), r"layer 1: activations of 99 \+ 2 = 101"),
        (damage("precision.txt", PRECISION.replace("7;6;5;8;", "x;6;5;8")), r"line 2 holds something else"),
        (damage("precision.txt", "title\n"), r"1 lines, expected a title and 4"),
        (lambda f: archive(f, npy_of((4, 3, 3, 3), b"\0" * 99)), r"wgt-c1 in .*trace.npz: .*99 bytes of data"),
        (lambda f: archive(f, npy_of((2**20, 3, 3, 3))), r"wgt-c1 in .*0 bytes of data"),
        (lambda f: archive(f, b"no array"), r"wgt-c1 in .*trace.npz: cannot be read"),
        (lambda f: (archive(f, b""), (f / "trace.npz").write_bytes(b"PK\3\4junk")), r"trace.npz: cannot be read"),
        (lambda f: np.savez(f / "trace.npz", a=np.ones(3)), r"holds trace.npz and .npy files"),
    ],
)
def test_a_bad_folder_is_one_clear_line(
    spoil: Callable[[Path], object], said: str | None, folder: Path, cache: Path
) -> None:
    spoil(folder)
    if said is None:
        assert trace_of(folder).layer(0).weight.codes.max() == 40000
        return
    with pytest.raises(InputError, match=said) as caught:
        trace_of(folder)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500
    assert not list(cache.glob("traces/.small-net*"))


def test_a_corrupt_member_of_an_archive_is_refused(folder: Path) -> None:
    archive(folder, (folder / "wgt-c1.npy").read_bytes())
    data = bytearray((folder / "trace.npz").read_bytes())
    with zipfile.ZipFile(folder / "trace.npz") as file:
        info = file.getinfo("wgt-c1.npy")
    for place in range(info.header_offset + 80, info.header_offset + 30 + info.compress_size):
        data[place] ^= 255
    (folder / "trace.npz").write_bytes(bytes(data))
    with pytest.raises(InputError, match=r"wgt-c1 in .*cannot be read"):
        trace_of(folder)


def test_a_huge_member_is_never_unpacked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive(folder, npy_of((4, 3, 3, 3 * 10**5), b"\0" * (2 * 36 * 3 * 10**5)))
    assert (folder / "trace.npz").stat().st_size < 100_000
    monkeypatch.setattr("accelsim.files.npy.LARGEST_BYTES", 10**6)
    monkeypatch.setattr(np.lib.format, "read_array", lambda *_, **__: pytest.fail("unpacked"))
    with pytest.raises(InputError, match=r"21600000 bytes when unpacked are more than 1000000; unpack the archive"):
        Arrays(folder).open("wgt-c1")


def test_folders_that_are_no_workload(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(InputError, match=r"holds no model.csv; a workload is such a folder"):
        load_workload(tmp_path)
    (tmp_path / "w.yaml").write_text("name: w\nsource: npy\nfolder: nowhere\n")
    with pytest.raises(InputError, match="no such folder"):
        trace_of(tmp_path / "w.yaml")
    with pytest.raises(ConfigError, match="`quantization` has no effect"):
        trace_of(folder, "quantization.weights.bits=8")
    with pytest.raises(ConfigError, match="unknown key"):
        load_workload(folder, ["bitz=8"])
    with pytest.raises(AccelsimError, match="samples"):
        load_workload(folder, ["samples=0"])


def test_model_files(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("a/b/c , CONV , 2 , 3\r\n\r\nx,lstm,1,0\r\n")
    assert read_model(tmp_path / "m.csv") == [Line("a-b-c", "conv", 2, 3), Line("x", "rnn", 1, 0)]
    (tmp_path / "p.txt").write_text("title\n9;-1;\n-1;3;\n2;1\n7;8\n\n")
    found = read_precision(tmp_path / "p.txt", 2, 16)
    assert [(p.activation.bits, p.weight.bits) for p in found] == [(8, 9), (2, 9)]
