"""Networks captured in number formats: bundles, what analyses and machines see, what is said and refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

torch = pytest.importorskip("torch")
nn = torch.nn

from accelsim.accelerators.base import load_hardware  # noqa: E402
from accelsim.accelerators.storing import stored  # noqa: E402
from accelsim.analyzers import ANALYZERS  # noqa: E402
from accelsim.analyzers.analyze import analyze  # noqa: E402
from accelsim.analyzers.formats import analyze_formats, format_properties  # noqa: E402
from accelsim.analyzers.potential import potential  # noqa: E402
from accelsim.analyzers.producers import handed_on  # noqa: E402
from accelsim.cli import invoke  # noqa: E402
from accelsim.columns import COLUMNS  # noqa: E402
from accelsim.errors import ConfigError, InputError  # noqa: E402
from accelsim.formats.catalogue import FORMATS  # noqa: E402
from accelsim.formats.patterns import Patterns, to_format  # noqa: E402
from accelsim.layer import Layer, LayerShape, Operand  # noqa: E402
from accelsim.quantize import Quantization, Scheme, calibrate, quantize  # noqa: E402
from accelsim.sim import run  # noqa: E402
from accelsim.sources.capture import capture  # noqa: E402
from accelsim.sources.dnnsim.export import export  # noqa: E402
from accelsim.testing.bundles import write_bundle  # noqa: E402
from accelsim.trace import Trace  # noqa: E402
from accelsim.workload import load_workload, open_trace  # noqa: E402


class Small(nn.Module):
    """A plain, a grouped and a depthwise convolution, a linear layer and the product of two activations."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(2)
        self.a, self.b = nn.Conv2d(3, 80, 3, padding=1), nn.Conv2d(80, 8, 1, groups=2)
        self.c, self.d = nn.Conv2d(8, 8, 3, groups=8), nn.Linear(8, 5)

    def forward(self, x: Any) -> Any:
        y = torch.relu(self.c(torch.relu(self.b(torch.relu(self.a(x))))))
        y = self.d(y.flatten(2).transpose(1, 2))
        return y @ y.transpose(1, 2)


def both(name: str) -> Quantization:
    return Quantization(activations=Scheme(scheme=name), weights=Scheme(scheme=name))


def small(name: str, folder: Path, factor: float = 1.0) -> Trace:
    return capture(Small().eval(), [factor * first_input()], out=folder / name, quantization=both(name))


def first_input() -> Any:
    return torch.randn(1, 3, 6, 5, generator=torch.Generator().manual_seed(4))


def operands(trace: Trace) -> list[tuple[str, str, Operand, int]]:
    found = []
    for layer in trace:
        for role in ("activation", "weight", "output"):
            sets = layer.shape.groups if role == "activation" else 1
            found.append((layer.name, role, getattr(layer, role), sets))
    return found


def test_widths_are_those_of_the_format_and_others_are_refused() -> None:
    assert {name: Scheme(scheme=name).bits for name in FORMATS} == {name: f.bits for name, f in FORMATS.items()}
    assert Scheme(scheme="mxfp6_e3m2", bits=6).bits == 6
    for keys, said in (({"bits": 16}, "has 8 bits, not 16"), ({"per_channel": True}, "no scale per channel")):
        with pytest.raises(ValueError, match=said):
            Scheme(scheme="fp8_e4m3", **keys)
    with pytest.raises(ConfigError, match="layer a: weight: this source gives integer codes, not mxfp4"):
        calibrate(Scheme(scheme="mxfp4"), -1.0, 1.0, None, "layer a: weight")


def test_a_wrong_width_in_a_workload_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="1 problem") as caught:
        load_workload("resnet20", ["quantization.weights.scheme=bfloat16", "quantization.weights.bits=8"])
    assert len(caught.value.problems) == 1
    assert "bfloat16 has 16 bits, not 8" in caught.value.problems[0]


@pytest.mark.parametrize("name", FORMATS)
def test_an_operand_holds_exact_values_and_signed_significands(name: str) -> None:
    values = np.random.default_rng(1).standard_normal((2, 40, 3, 1)).astype(np.float32)
    values[0, :5] = 0
    operand = quantize(values, Scheme(scheme=name))
    patterns = operand.patterns
    assert patterns is not None
    assert np.array_equal(operand.values(), to_format(values, FORMATS[name]).values())
    assert np.array_equal(operand.codes == 0, operand.values() == 0)
    assert np.array_equal(np.sign(operand.codes), np.sign(operand.values()))
    assert int(np.abs(operand.codes.astype(int)).max()) < 1 << (operand.bits - 1)
    assert operand.codes.dtype.kind == "i"
    assert operand.bits == {
        "bfloat16": 9, "float16": 12, "fp8_e4m3": 5, "fp8_e5m2": 4, "mxfp8_e4m3": 5, "mxfp8_e5m2": 4,
        "mxfp6_e2m3": 5, "mxfp6_e3m2": 4, "mxfp4": 3, "mxint8": 8,
    }[name]  # fmt: skip


def test_values_that_are_no_numbers_are_refused_by_name() -> None:
    with pytest.raises(InputError, match="layer a: weight: NaN or infinity"):
        quantize(np.asarray([[1.0, np.nan]]), Scheme(scheme="bfloat16"), where="layer a: weight")


@pytest.mark.parametrize("name", FORMATS)
def test_a_captured_operand_is_the_networks_own_in_the_format(name: str, tmp_path: Path) -> None:
    trace = small(name, tmp_path)
    model = Small().eval()
    with torch.no_grad():
        first = torch.relu(model.a(first_input()))
    weight = model.b.weight.detach().numpy()
    found = {(layer, role): operand for layer, role, operand, _ in operands(trace)}
    # groups of 40 channels: blocks of 32 and 8 in each
    expected = to_format(first.numpy(), FORMATS[name], 2)
    captured = found["b", "activation"].patterns
    assert captured is not None
    assert np.array_equal(found["a", "output"].values(), to_format(first.numpy(), FORMATS[name]).values())
    assert np.array_equal(found["b", "activation"].values(), expected.values())
    assert np.array_equal(captured.codes, expected.codes)
    assert np.array_equal(found["b", "weight"].values(), to_format(weight, FORMATS[name]).values())
    assert [r.shapes[0].kind for r in trace.layers] == ["conv", "conv", "conv", "linear", "matmul"]
    if FORMATS[name].block:
        assert captured.scales is not None
        assert captured.scales.shape == (1, 4, 6, 5)
        depthwise = found["c", "activation"].patterns
        assert depthwise is not None
        assert depthwise.scales is not None
        assert depthwise.scales.shape[1] == 8  # a block does not cross groups


def test_bfloat16_codes_are_those_of_torch(tmp_path: Path) -> None:
    trace = small("bfloat16", tmp_path)
    expected = first_input().bfloat16().view(torch.int16).numpy().view(np.uint16)
    patterns = trace.layer(0).activation.patterns
    assert patterns is not None
    assert np.array_equal(patterns.codes, expected)


def test_bundles_keep_formats_beside_integers(tmp_path: Path) -> None:
    trace = small("mxfp4", tmp_path)
    mixed = [replace(trace.layer(1), weight=Operand(np.ones(trace.layer(1).weight.codes.shape, np.int8), 8))]
    again = write_bundle(tmp_path / "mixed", mixed)
    assert again.formats == ["mxfp4"]
    assert again.layer(0).weight.patterns is None
    assert np.array_equal(again.layer(0).activation.values(), trace.layer(1).activation.values())
    assert set(analyze_formats(again)["operand"]) == {"activation", "output"}


def test_every_result_says_which_integers_were_taken(tmp_path: Path) -> None:
    trace = small("bfloat16", tmp_path)
    view = "bfloat16: analyses and machines take the signed significands (hidden bit included, 9 bits) as integers"
    assert any(line.startswith(view) for line in trace.warnings)
    result = run(load_hardware("pragmatic"), trace)
    assert any(line.startswith(view) for line in result.warnings)
    said = "multiplies the significands of bfloat16 values as integers"
    assert any(line.startswith(f"pragmatic: {said}") for line in result.warnings)
    assert "8-bit elements as integers" in FORMATS["mxint8"].view()


def test_values_that_a_format_cannot_hold_are_counted(tmp_path: Path) -> None:
    trace = small("fp8_e4m3", tmp_path, factor=2000.0)
    activation = trace.layer(0).activation.values()
    beyond = int(np.count_nonzero(np.abs(2000 * first_input().numpy()) > 448))
    assert beyond > 0
    assert np.abs(activation).max() == 448
    lines = [w for w in trace.warnings if "activation values beyond its largest number saturate" in w]
    assert len(lines) == 1
    assert int(lines[0].split()[1].replace(",", "")) >= beyond
    assert any("weight values other than 0" in w and "become 0" in w for w in trace.warnings)
    assert not any("saturate" in w for w in small("bfloat16", tmp_path, factor=2000.0).warnings)


@pytest.mark.parametrize(("name", "factor"), [("bfloat16", 2.0), ("mxfp8_e4m3", 0.5), ("bfloat16", 1.0)])
def test_a_scaled_output_is_not_the_tensor_that_the_next_layer_takes(name: str, factor: float, tmp_path: Path) -> None:
    shape = LayerShape("linear", 1, 1, 32, 32, 1, 1, 1, 1, 1, 1)
    values = np.linspace(-3.0, 3.0, 32).reshape(1, 32, 1, 1)
    made, taken = (Operand.of(to_format(v, FORMATS[name])) for v in (values, factor * values))
    assert np.array_equal(made.codes, taken.codes)  # significands alone
    weight = Operand.of(to_format(np.ones(shape.weight_shape), FORMATS[name]))
    layers = [Layer("a", 0, 0, shape, made, weight, made), Layer("b", 1, 0, shape, taken, weight)]
    found = handed_on(write_bundle(tmp_path / "b", layers), 0)[1]
    assert found["taken"] is (factor == 1.0)


def test_integer_workloads_are_as_before(tmp_path: Path) -> None:
    trace = capture(Small().eval(), [torch.randn(1, 3, 6, 5)], out=tmp_path / "plain")
    assert trace.formats == []
    assert trace.layer(0).activation.patterns is None
    assert analyze_formats(trace).empty
    assert not any("significand" in line for line in run(load_hardware("pragmatic"), trace).warnings)


@pytest.mark.parametrize(("hardware", "reason"), [
    ("diffy", "subtracts neighbouring activations"), ("ucnn", "equal significands are no equal weights"),
    ("nvdla_full", "Winograd adds operands"),
])  # fmt: skip
def test_machines_that_need_integers_refuse(hardware: str, reason: str, tmp_path: Path) -> None:
    trace = small("mxfp8_e4m3", tmp_path)
    with pytest.raises(ConfigError, match=f"needs integer codes: .*{reason}.*the workload has mxfp8_e4m3 ones"):
        run(load_hardware(hardware), trace)


def test_a_word_holds_a_whole_pattern(tmp_path: Path) -> None:
    trace = small("bfloat16", tmp_path)
    with pytest.raises(ConfigError, match=r"16-bit codes, the words of tpu_v1 have 8 bits"):
        run(load_hardware("tpu_v1"), trace)
    eight = small("fp8_e5m2", tmp_path)
    assert run(load_hardware("tpu_v1"), eight).total("total_cycles") > 0


@pytest.mark.parametrize("name", ["bfloat16", "mxfp6_e2m3"])
def test_stored_widths_of_significands_leave_room_for_exponents(name: str, tmp_path: Path) -> None:
    trace, machine = small(name, tmp_path), load_hardware("stripes")
    layer = trace.layer(0)
    plain = replace(layer, activation=replace(layer.activation, patterns=None))
    profile: Any = pytest.importorskip("accelsim.analyzers.profile").profile([layer])
    narrowed = machine.model_copy(update={"storage": machine.storage.model_copy(update={"activation": "groups"})})
    wide, narrow = (stored(narrowed, item, profile)["activation"] for item in (layer, plain))
    assert wide - narrow == layer.shape.activations * FORMATS[name].element.exponent_bits


def test_layers_in_a_number_format_are_left_out_of_an_export(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no layer") as caught:
        export(small("bfloat16", tmp_path), tmp_path / "out")
    assert "layer a is left out: its codes are bfloat16, not integers" in str(caught.value)


def test_the_width_of_a_potential_is_that_of_significands(tmp_path: Path) -> None:
    trace = small("bfloat16", tmp_path)
    table = potential(trace, width=9)
    assert set(table["width"]) == {9}
    with pytest.raises(ConfigError, match="codes have 9 bits, the baseline 8"):
        potential(trace, width=8)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("sets", [1, 2])
def test_properties_are_those_counted_value_by_value(name: str, sets: int) -> None:
    rng = np.random.default_rng(11)
    values = rng.standard_normal((2, 70, 2, 3)) * 2.0 ** rng.integers(-9, 3, (2, 70, 2, 3))
    values *= rng.random(values.shape) > 0.4
    values[0, :, 1, 1] = 0
    patterns = to_format(values, FORMATS[name], sets)
    extra = 17
    found = format_properties(patterns, sets, extra)
    expected = _by_hand(patterns, sets, extra)
    for key, value in expected.items():
        assert found[key] == pytest.approx(value, nan_ok=True), key
    assert set(found) == set(expected)


def test_a_tensor_of_zeros_has_no_exponent() -> None:
    for name in ("bfloat16", "mxfp4"):
        found = format_properties(to_format(np.zeros((1, 40, 2, 2)), FORMATS[name]))
        assert found["zero_fraction"] == found["significand_zero_bits"] == 1
        assert np.isnan(found["exponent_minimum"])
        assert found["exponent_width"] == found["exponent_width_mean_16"] == 0
        assert found["zero_blocks"] == found["blocks"] == (8 if name == "mxfp4" else 0)


@pytest.mark.parametrize("name", ["bfloat16", "mxint8"])
def test_the_zoos_resnet20_in_a_number_format(name: str, tmp_path: Path) -> None:
    trace = open_trace(load_workload(f"resnet20_{name}", ["samples=1"]))
    plain = open_trace(load_workload("resnet20", ["samples=1"]))
    table = analyze_formats(trace, padding="out")
    assert len(table) == 3 * len(trace.layers)
    assert set(table["format"]) == {name}
    usual = analyze(trace, padding="out")
    assert np.array_equal(table["zeros"], usual["zeros"])
    for encoding in ("ones", "naf"):
        assert np.allclose(table[f"significand_{encoding}_mean"], usual[f"{encoding}_mean"])
    relative = 2.0**-8 if name == "bfloat16" else None
    for index in range(0, len(trace.layers), 5):
        exact, fixed = trace.layer(index).activation.values(), plain.layer(index).activation.values()
        step = float(np.max(plain.layer(index).activation.scale))
        bound = np.abs(fixed) * relative if relative else np.abs(fixed).max(axis=1, keepdims=True) * 2.0**-6
        assert np.all(np.abs(exact - fixed) <= bound + step)
    live = table[table["zeros"] < table["values"]]
    if name == "bfloat16":
        assert np.all(live["exponent_width_mean_16"] <= live["exponent_width"])
        assert np.all(live["exponent_entropy"] < 8)
        assert np.all(live["fraction_zero_bits"] > live["significand_zero_bits"])
    else:
        assert live["exponent_minimum"].isna().all()
        assert np.all(live["scale_entropy"] < 8)
        assert np.all(live["blocks"] > 0)
    totals = run(load_hardware("pragmatic"), trace), run(load_hardware("pragmatic"), plain)
    assert totals[0].total("compute_cycles") < totals[1].total("compute_cycles")  # 8 and 7 bits against 15


def test_analyze_prints_and_writes_the_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["analyze", "--workload", "resnet20_mxint8", "--set", "samples=1", "--out", str(tmp_path), "--csv"]
    assert invoke(arguments) == 0
    said = " ".join(capsys.readouterr().out.split())
    for words in ("Significands of resnet20_mxint8", "Exponents of resnet20_mxint8", "entropy of scales"):
        assert words in said
    assert "take the 8-bit elements as integers" in said
    written = {path.name for path in tmp_path.iterdir()}
    assert written == {f"{stem}.{end}" for stem in ("analysis", "formats") for end in ("parquet", "csv")}
    assert not set(pd.read_parquet(tmp_path / "formats.parquet").columns) - set(COLUMNS)
    assert invoke(["explain", "exponent_width_mean_16"]) == 0
    assert "distance to the smallest exponent among 16 channels" in capsys.readouterr().out


def _by_hand(patterns: Patterns, sets: int, extra: int) -> dict[str, Any]:
    """Return `format_properties` from the decoded values, one at a time."""
    element, codes = patterns.format.element, patterns.codes
    batch, channels, height, width = codes.shape
    elements = to_format(np.zeros((1, 1)), patterns.format).format.element
    plain = Patterns(replace(patterns.format, block=0), codes).values()
    hidden = not element.integer
    rows: list[tuple[int, int, int | None]] = []  # significand, fraction, exponent
    places: dict[tuple[int, ...], tuple[int, int | None]] = {}
    for where in np.ndindex(codes.shape):
        value = abs(float(plain[where]))
        power = 0 if element.integer else element.least_exponent
        while not element.integer and value >= 2.0 ** (power + 1):
            power += 1
        significand = int(value * 2.0 ** (element.fraction_bits - power))
        fraction = significand & ((1 << element.fraction_bits) - 1) if hidden else significand
        exponent = power if significand and hidden else None
        rows.append((significand, fraction, exponent))
        places[where] = significand, exponent
    count = len(rows) + extra
    zeros = sum(s == 0 for s, _, _ in rows) + extra
    width_bits = element.fraction_bits + 1
    width_bits = 7 if element.integer else width_bits
    expected: dict[str, Any] = {
        "format": patterns.format.name,
        "values": count,
        "zeros": zeros,
        "zero_fraction": zeros / count,
        "subnormals": sum(hidden and 0 < s < 1 << element.fraction_bits for s, _, _ in rows),
        "significand_bits": width_bits,
        "significand_zero_bits": 1 - sum(s.bit_count() for s, _, _ in rows) / count / width_bits,
        "fraction_zero_bits": 1 - sum(f.bit_count() for _, f, _ in rows) / count / (width_bits - hidden),
        "exponent_bits": elements.exponent_bits,
    }
    for name in ("ones", "naf", "booth_radix4", "run_recoding"):
        cost = ANALYZERS.get(name)(np.asarray([s for s, _, _ in rows]), 16)
        expected[f"significand_{name}_mean"] = int(cost.sum()) / count

    def trimmed(union: int) -> int:
        return union.bit_length() - (union & -union).bit_length() + 1 if union else 1

    expected["significand_width_mean"] = (sum(trimmed(s) for s, _, _ in rows) + extra) / count
    for size in (16, 32):
        shared = distance = 0
        for n, h, w in np.ndindex(batch, height, width):
            for first in range(0, channels, channels // sets):
                for start in range(first, first + channels // sets, size):
                    group = [places[n, c, h, w] for c in range(start, min(start + size, first + channels // sets))]
                    union = int(np.bitwise_or.reduce([s for s, _ in group]))
                    shared += len(group) * trimmed(union)
                    powers = [e for _, e in group if e is not None]
                    distance += len(group) * ((max(powers) - min(powers)).bit_length() if powers else 0)
        expected[f"significand_width_mean_{size}"] = (shared + extra) / count
        expected[f"exponent_width_mean_{size}"] = distance / count if hidden else np.nan
    powers = [e for _, _, e in rows if e is not None]
    expected |= _spread("exponent", powers)
    expected["exponent_width"] = (max(powers) - min(powers)).bit_length() if powers else np.nan
    scales: list[int] = []
    blocks = 0
    if patterns.scales is not None:
        for n, h, w in np.ndindex(batch, height, width):
            block = 0
            for first in range(0, channels, channels // sets):
                for start in range(first, first + channels // sets, 32):
                    members = range(start, min(start + 32, first + channels // sets))
                    if any(places[n, c, h, w][0] for c in members):
                        scales.append(int(patterns.scales[n, block, h, w]) - 127)
                    block += 1
        blocks = patterns.scales.size
    return expected | _spread("scale", scales) | {"blocks": blocks, "zero_blocks": blocks - len(scales)}


def _spread(name: str, numbers: list[int]) -> dict[str, float]:
    if not numbers:
        return {f"{name}_{what}": np.nan for what in ("minimum", "maximum", "entropy")}
    share = np.unique(numbers, return_counts=True)[1] / len(numbers)
    return {
        f"{name}_minimum": min(numbers),
        f"{name}_maximum": max(numbers),
        f"{name}_entropy": -float(np.sum(share * np.log2(share))),
    }
