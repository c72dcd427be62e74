"""Recording on a test double: what is in a record, resuming, and every refusal in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from accelsim.cli import invoke
from accelsim.errors import ConfigError, InputError
from accelsim.gpu.files import read_record, record_path
from accelsim.gpu.measure import ENERGY_RUNS, LEAST_ENERGY_S, PASSES, record
from accelsim.gpu.records import Absent, Energy, Measured, Mode, OutOfMemory, Record
from tests.gpu.fake_device import FakeDevice

ROOT = Path(__file__).resolve().parents[2]
NAME = "SYNTHETIC-conv"


def test_a_record_holds_what_was_measured(tmp_path: Path) -> None:
    device = FakeDevice()
    path = record(device, NAME, tmp_path, Mode(number="float16"), (4, 1))
    assert path == tmp_path / "synthetic-h100" / "SYNTHETIC-conv-float16-real.json"
    found = read_record(path)
    assert found.synthetic
    assert [point.batch for point in found.points] == [1, 4]
    for point in found.measured:
        assert point.time_s.runs == PASSES
        assert point.time_s.low <= point.time_s.median <= point.time_s.high
        assert {m.module for m in point.modules} == {layer.module for layer in found.counts.layers}
        assert sum(kernel.share for kernel in point.kernels) == pytest.approx(1.0)
        assert {kernel.kind for kernel in point.kernels} == {"convolution", "elementwise"}
        assert sum(kernel.count for kernel in point.kernels) == 2 * len(found.counts.layers)
        assert point.flops == 2 * found.counts.macs * point.batch
        assert point.flop_per_s == point.flops / point.time_s.median
        assert 0 < point.gaps.share < 1


def test_idle_power_is_subtracted_from_energy(tmp_path: Path) -> None:
    device = FakeDevice()
    point = read_record(record(device, NAME, tmp_path, Mode(number="float16"), (1,))).measured[0]
    energy = point.energy
    assert isinstance(energy, Energy)
    assert energy.window_s >= LEAST_ENERGY_S
    assert energy.batch_j.runs == ENERGY_RUNS
    assert energy.idle_w.median == pytest.approx(70.0)
    assert energy.batch_j.median == pytest.approx(400.0 * point.time_s.median, rel=0.03)


def test_what_cannot_be_read_is_absent_with_its_reason(tmp_path: Path) -> None:
    device = FakeDevice(
        energy="NVML gives no access to the energy counter: no permission", counters="ncu is not installed"
    )
    point = read_record(record(device, NAME, tmp_path, batches=(1,))).measured[0]
    assert point.energy == Absent(absent="NVML gives no access to the energy counter: no permission")
    assert point.dram_bytes == Absent(absent="ncu is not installed")
    other = read_record(record(device, NAME, tmp_path / "none", batches=(1,), energy_s=0)).measured[0]
    assert other.energy == Absent(absent="not asked for")


def test_batches_beyond_the_memory_are_recorded_and_the_rest_goes_on(tmp_path: Path) -> None:
    told: list[str] = []
    device = FakeDevice(memory_bytes=200_000)
    found = read_record(record(device, NAME, tmp_path, batches=(1, 4, 8, 16), tell=told.append))
    assert [type(point) for point in found.points] == [Measured, Measured, OutOfMemory, OutOfMemory]
    assert device.prepared == [1, 4, 8], "batches above one that does not fit are not tried"
    assert told[-1] == "SYNTHETIC-conv, batch 16: out of memory"


def test_a_recording_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    class Stopped(FakeDevice):
        def prepare(self, reference, mode, batch):
            if batch == 4:
                raise KeyboardInterrupt
            return super().prepare(reference, mode, batch)

    with pytest.raises(KeyboardInterrupt):
        record(Stopped(), NAME, tmp_path, batches=(1, 2, 4))
    path = record_path(tmp_path, "SYNTHETIC H100", NAME, Mode())
    before = read_record(path)
    assert [point.batch for point in before.points] == [1, 2]
    device = FakeDevice()
    record(device, NAME, tmp_path, batches=(1, 2, 4))
    after = read_record(path)
    assert device.prepared == [4]
    assert after.points[:2] == before.points
    assert [point.batch for point in after.points] == [1, 2, 4]
    record(device, NAME, tmp_path, batches=(2,), again=True)
    assert [point.batch for point in read_record(path).points] == [2]


def test_a_record_of_other_software_is_not_gone_on_with(tmp_path: Path) -> None:
    class Newer(FakeDevice):
        def versions(self):
            return {"driver": "SYNTHETIC 2", "torch": "SYNTHETIC 2"}

    record(FakeDevice(), NAME, tmp_path, batches=(1,))
    with pytest.raises(ConfigError, match="its versions differ"):
        record(Newer(), NAME, tmp_path, batches=(2,))


@pytest.mark.parametrize(("batches", "energy"), [((), 5.0), ((0, 1), 5.0), ((1,), 2.0)])
def test_batches_and_energies_that_cannot_be(tmp_path: Path, batches: tuple[int, ...], energy: float) -> None:
    with pytest.raises(ConfigError):
        record(FakeDevice(), NAME, tmp_path, batches=batches, energy_s=energy)


def _broken(path: Path, change) -> Path:
    data = json.loads(path.read_text())
    change(data)
    other = path.with_name("broken.json")
    other.write_text(json.dumps(data))
    return other


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.update(version=99), "record version 99, known up to 1"),
        (lambda d: d.pop("device"), "device: Field required"),
        (lambda d: d["points"][0].update(batch=0), "batch: Input should be greater than or equal to 1"),
        (lambda d: d["points"][0].update(colour="red"), "colour: Extra inputs are not permitted"),
        (lambda d: d["points"][0]["time_s"].update(low=9.0), "low, median and high must be in this order"),
        (
            lambda d: d["points"][0]["energy"].update(window_s=1.0),
            "window_s: Input should be greater than or equal to 5",
        ),
        (lambda d: d["counts"]["layers"][0]["shape"].update(P=99), "does not follow from the input"),
        (lambda d: d["points"].append(d["points"][0]), "a batch size occurs twice"),
        (lambda d: d.update(synthetic=False), "begin with SYNTHETIC"),
        (lambda d: d["device"].update(name="NVIDIA H100"), "begin with SYNTHETIC"),
    ],
)
def test_schema_violations_are_one_line(tmp_path: Path, change, message: str) -> None:
    path = _broken(record(FakeDevice(), NAME, tmp_path, batches=(1,)), change)
    with pytest.raises(InputError, match=message) as caught:
        read_record(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_files_that_are_no_records(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.json").write_text("{")
    assert invoke(["gpu", "check", str(tmp_path / "a.json")]) == 5
    assert "no JSON" in capsys.readouterr().err
    assert invoke(["gpu", "check", str(tmp_path / "none.json")]) == 5
    assert "cannot be read" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert invoke(["gpu", "check", str(tmp_path / "empty")]) == 5
    assert "no record in this folder; accelsim gpu record makes them" in capsys.readouterr().err


def test_the_schema_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["gpu", "schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert set(schema["required"]) >= {"format", "version", "synthetic", "device", "points"}
    assert schema["properties"].keys() == Record.model_fields.keys()


def test_committed_records_are_real() -> None:
    """Nothing synthetic is ever among the records of the repository."""
    paths = sorted((ROOT / "gpuruns").rglob("*.json"))
    assert not [path for path in paths if read_record(path).synthetic]
    if not paths:
        assert "no records yet" in (ROOT / "gpuruns" / "README.md").read_text(encoding="utf-8")


def test_recording_without_a_device_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    assert invoke(["gpu", "record", "--workload", "resnet20", "--out", str(tmp_path)]) == 5
    assert capsys.readouterr().err.startswith("accelsim: no CUDA device is available; `gpu record` runs on")
    assert invoke(["gpu", "record", "--workload", "resnet20", "--values", "zero"]) == 4
    assert "did you mean 'zeros'" in capsys.readouterr().err
