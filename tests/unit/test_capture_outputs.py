"""The stored output of a product, range and codes over samples, what is noted and what is refused."""

from __future__ import annotations

from collections import UserDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
nn = torch.nn

from accelsim.errors import InputError, StorageError  # noqa: E402
from accelsim.quantize import Codec, Quantization, Scheme, calibrate  # noqa: E402
from accelsim.sources.capture import capture  # noqa: E402
from accelsim.sources.recording import passes  # noqa: E402
from accelsim.sources.recording.encode import encode, extremes  # noqa: E402
from accelsim.trace import Trace  # noqa: E402


class Function(nn.Module):
    """Two convolutions and a linear layer, put together by a function."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.a, self.b = nn.Conv2d(2, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.norm.running_mean.normal_()
        self.norm.running_var.uniform_(0.5, 2)
        self.c = nn.Linear(4, 3)
        self.function = function

    def forward(self, x: Any) -> Any:
        return self.function(self, x)


def run(function: Any, tmp_path: Path, **options: Any) -> tuple[Trace, Any, Any]:
    module = Function(function).eval()
    x = torch.randn(2, 2, 5, 6)
    return capture(module, [x], out=tmp_path / "bundle", **options), module, x


def stored(trace: Trace, index: int) -> Any:
    layer = trace.layer(index)
    assert layer.output is not None
    return layer.output.values(), float(np.max(layer.output.scale))


def check(trace: Trace, index: int, expected: Any) -> None:
    found, step = stored(trace, index)
    assert np.abs(found - expected.detach().double().numpy()).max() <= 0.51 * step + 1e-6


def test_element_wise_operators_are_followed(tmp_path: Path) -> None:
    def function(m: Any, x: Any) -> Any:
        y = torch.relu(m.norm(m.a(x))) * 2 + 1
        return nn.functional.max_pool2d(y, 2)

    trace, m, x = run(function, tmp_path)
    check(trace, 0, torch.relu(m.norm(m.a(x))) * 2 + 1)


def test_operators_in_place_are_followed(tmp_path: Path) -> None:
    trace, m, x = run(lambda m, x: m.b(m.a(x).relu_().add_(1)).mean((2, 3)), tmp_path)
    check(trace, 0, torch.relu(m.a(x)) + 1)
    check(trace, 1, m.b(torch.relu(m.a(x)) + 1))


def test_a_residual_sum_belongs_to_the_later_product(tmp_path: Path) -> None:
    def function(m: Any, x: Any) -> Any:
        short = m.a(x)
        return m.b(torch.sigmoid(m.a(x))) + short

    trace, m, x = run(function, tmp_path)
    inner = torch.sigmoid(m.a(x))
    assert [r.name for r in trace.layers] == ["a", "b"]
    check(trace, 1, m.b(inner) + m.a(x))
    both, step = stored(trace, 0)  # the shared convolution ran twice: raw the first time, sigmoid the second
    assert np.abs(both - torch.cat([m.a(x), inner]).detach().numpy()).max() <= 0.51 * step + 1e-6


def test_the_first_reader_decides(tmp_path: Path) -> None:
    def function(m: Any, x: Any) -> Any:
        y = m.a(x)
        z = y[:, :2]
        return torch.relu(y).sum() + z.sum()

    trace, m, x = run(function, tmp_path)
    check(trace, 0, m.a(x))


def test_a_permutation_stops_the_chain_and_a_view_does_not(tmp_path: Path) -> None:
    def function(m: Any, x: Any) -> Any:
        y = m.a(x).permute(0, 2, 3, 1)
        return torch.tanh(m.c(y).flatten(0, 1))

    trace, m, x = run(function, tmp_path)
    check(trace, 0, m.a(x))
    check(trace, 1, torch.tanh(m.c(m.a(x).permute(0, 2, 3, 1))).reshape(-1, 3, 1, 1))


def test_a_broadcast_to_more_elements_stops_the_chain(tmp_path: Path) -> None:
    trace, m, x = run(lambda m, x: m.a(x)[None] + torch.ones(3, 1, 1, 1, 1), tmp_path)
    check(trace, 0, m.a(x))


@pytest.mark.parametrize("low", [-torch.inf, torch.finfo(torch.float32).min])
def test_a_mask_saturates_and_is_noted(tmp_path: Path, low: float) -> None:
    layer = nn.TransformerEncoderLayer(4, 1, 4, batch_first=True).eval()
    mask = torch.full((3, 3), low).triu(1)
    trace = capture(layer, [(torch.randn(1, 3, 4), mask)], out=tmp_path / "bundle")
    assert any("self_attn.qk" in w and "saturate" in w for w in trace.warnings)
    scores = next(layer for layer in trace if layer.name == "self_attn.qk").output
    assert scores is not None
    assert scores.codes[0, 1] == scores.codes[0, 2] == -32767
    assert np.abs(scores.codes).max() > 16000  # the range is that of the scores
    assert scores.scale < 1e-2


@pytest.mark.parametrize("scheme", [
    Scheme(), Scheme(scheme="symmetric", bits=8, per_channel=True), Scheme(scheme="affine", bits=8),
    Scheme(scheme="affine", bits=16), Scheme(scheme="symmetric", bits=4),
])  # fmt: skip
def test_all_samples_share_a_quantiser_over_their_common_range(scheme: Scheme, tmp_path: Path) -> None:
    module = Function(lambda m, x: m.b(torch.relu(m.a(x)))).eval()
    inputs = [torch.randn(1, 2, 4, 4), 5 * torch.randn(2, 2, 6, 3)]
    quantization = Quantization(activations=scheme, weights=scheme)
    trace = capture(module, inputs, quantization=quantization, out=tmp_path / "bundle")
    first = [trace.layer(0, sample).activation for sample in (0, 1)]
    assert np.array_equal(first[0].scale, first[1].scale)
    for operand, x in zip(first, inputs, strict=True):
        step = np.asarray(operand.scale).reshape(1, -1, 1, 1) if operand.axis is not None else float(operand.scale)
        assert np.all(np.abs(operand.values() - x.numpy()) <= 0.5001 * step + 1e-7)
        assert operand.axis == (1 if scheme.per_channel else None)
    assert trace.layer(0).weight.axis == (0 if scheme.per_channel else None)
    assert trace.manifest["quantization"]["weights"]["bits"] == scheme.bits


def test_a_second_pass_writes_the_same_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU(inplace=True), nn.Flatten(0, 2), nn.LSTM(4, 3)).eval()
    inputs = [torch.randn(1, 2, 6, 6), torch.randn(2, 2, 5, 6)]
    one = capture(module, inputs, out=tmp_path / "one")
    monkeypatch.setattr(passes.Planning.__init__, "__defaults__", (1000,))
    two = capture(module, inputs, out=tmp_path / "two")
    assert one.manifest["files"] == two.manifest["files"]
    assert one.manifest["layers"] == two.manifest["layers"]


@pytest.mark.parametrize("codec", [
    calibrate(Scheme(), -3.0, 2.0, None, "x"), calibrate(Scheme(bits=5), -1e-3, 0.7, None, "x"),
    calibrate(Scheme(scheme="symmetric", bits=8), -3.0, 2.0, None, "x"),
    calibrate(Scheme(scheme="affine", bits=16), -3.0, 2.0, None, "x"),
    calibrate(Scheme(scheme="affine", bits=8), -3.0, 2.0, None, "x"), calibrate(Scheme(), -1e-40, 1e-40, None, "x"),
])  # fmt: skip
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_encoding_in_pieces_gives_the_codes_of_the_codec(codec: Codec, dtype: Any) -> None:
    values = torch.randn(3, 20000).to(dtype).t()
    wide = values.float() if dtype == torch.bfloat16 else values
    assert np.array_equal(encode(codec, values), codec.encode(wide.numpy()))
    assert encode(codec, values).dtype == codec.dtype
    low, high = extremes(values)
    assert (low, high) == (float(values.min()), float(values.max()))
    assert np.isnan(extremes(torch.where(values == values.max(), torch.nan, values))[0])


def test_unsupported_products_are_listed_with_their_share(tmp_path: Path) -> None:
    class Mixed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.volume = nn.Conv3d(1, 1, 3, padding=1)
            self.head = nn.Linear(8, 2)

        def forward(self, x: Any) -> Any:
            y = self.volume(x)
            z = torch.fft.rfft(y.flatten(0, 3)).abs()
            matrix = torch.ones(2, 2, dtype=torch.int64)
            s = torch.addbmm(z.new_zeros(4, 4), z[:, :4].reshape(1, -1, 4)[:, :4], z[:, :4].reshape(1, -1, 4)[:, :4])
            return self.head(y[..., :8]).sum() + z.sum() + (matrix @ matrix).sum() + s.sum()

    trace = capture(Mixed().eval(), [torch.randn(1, 1, 4, 4, 8)], out=tmp_path / "bundle")
    found = {(u["module"], u["operator"]): u["macs"] for u in trace.manifest["unsupported"]}
    assert found == {("volume", "aten.convolution"): 27 * 128, ("", "aten.addbmm"): 64, ("", "aten.mm"): 8}
    total = trace.manifest["macs_total"]
    assert total == trace.manifest["captured_macs"] + 27 * 128 + 64 + 8
    assert sum(u["share"] for u in trace.manifest["unsupported"]) == pytest.approx(1 - 256 / total)
    assert any("fft" in w and "not simulated" in w for w in trace.warnings)
    assert any("volume" in w and "3,456 MACs" in w for w in trace.warnings)


def test_a_buffer_written_by_the_network_is_no_weight_and_is_put_back(tmp_path: Path) -> None:
    class Cache(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("cache", torch.zeros(4, 4))
            self.register_buffer("constant", torch.randn(4, 4))

        def forward(self, x: Any) -> Any:
            self.cache.copy_(x)
            return (x @ self.cache) @ self.constant

    module = Cache().eval()
    trace = capture(module, [torch.randn(4, 4)], out=tmp_path / "bundle")
    assert [(r.name, r.shapes[0].kind) for r in trace.layers] == [("matmul0", "matmul"), ("constant", "linear")]
    assert not module.cache.any()


@pytest.mark.skipif(not hasattr(torch, "_grouped_mm"), reason="this torch has no grouped products")
def test_grouped_products_of_experts_have_their_share(tmp_path: Path) -> None:
    class Experts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.randn(2, 16, 24, dtype=torch.bfloat16))
            self.router = nn.Linear(16, 2, dtype=torch.bfloat16)

        def forward(self, x: Any) -> Any:
            return (
                self.router(x).sum() + torch._grouped_mm(x, self.weight, torch.tensor([3, 8], dtype=torch.int32)).sum()
            )

    trace = capture(Experts(), [torch.randn(8, 16, dtype=torch.bfloat16)], out=tmp_path / "bundle")
    (missing,) = trace.manifest["unsupported"]
    assert (missing["operator"], missing["macs"]) == ("aten._grouped_mm", 8 * 16 * 24)
    assert trace.manifest["macs_total"] == 8 * 16 * (24 + 2)


class Counts(nn.Module):
    """Holds a number in a buffer, in a plain tensor, in a list and in an attribute, all changed by every run."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 3, bias=False)
        self.register_buffer("runs", torch.ones(1))
        self.register_buffer("last", torch.zeros(3))
        self.plain, self.before, self.state = torch.ones(1), [0.0], None

    def forward(self, x: Any) -> Any:
        self.runs += 1
        self.plain.mul_(2)
        self.before.append(self.before[-1] + 1)
        x = x if self.state is None else x + self.state
        self.last = self.layer(x * self.runs * self.plain + self.before[-1] + self.last)
        self.state = self.last.sum()
        return self.last


@pytest.mark.parametrize("kept_bytes", [0, passes.KEPT_BYTES])
def test_every_pass_begins_with_the_same_state_and_leaves_it(
    kept_bytes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passes.Planning.__init__, "__defaults__", (kept_bytes,))
    module, inputs = Counts().eval(), [torch.randn(2, 3), torch.randn(2, 3)]
    trace = capture(module, inputs, out=tmp_path / "bundle")
    assert (module.runs, module.plain, module.before, module.state) == (1, 1, [0.0], None)
    assert not module.last.any()
    with torch.no_grad():
        for sample, x in enumerate(inputs):
            expected = module(x).reshape(2, 3, 1, 1)
            output = trace.layer(0, sample).output
            assert output is not None
            assert np.abs(output.values() - expected.numpy()).max() <= 0.51 * float(output.scale) + 1e-5


@pytest.mark.parametrize("kept_bytes", [0, passes.KEPT_BYTES])
def test_inputs_that_the_network_writes_into_are_the_same_in_every_pass(
    kept_bytes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Centres(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3, 2)

        def forward(self, batch: Any) -> Any:
            return self.layer(batch["x"].sub_(1))

    monkeypatch.setattr(passes.Planning.__init__, "__defaults__", (kept_bytes,))
    x = torch.arange(6.0).reshape(2, 3)
    trace = capture(Centres(), [({"x": x},), ({"x": x},)], out=tmp_path / "bundle")
    assert torch.equal(x, torch.arange(6.0).reshape(2, 3))
    for sample in range(2):
        assert np.allclose(trace.layer(0, sample).activation.values()[:, :, 0, 0], x - 1, atol=1e-3)


def test_a_pass_that_fails_leaves_the_state_too(tmp_path: Path) -> None:
    class Breaks(Counts):
        def forward(self, x: Any) -> Any:
            super().forward(x)
            self.runs.add_(x.sum())
            raise ValueError("no more")

    module = Breaks()
    with pytest.raises(InputError, match="no more"):
        capture(module, [torch.randn(2, 3)], out=tmp_path / "bundle")
    assert (module.runs, module.plain, module.before, module.state) == (1, 1, [0.0], None)


@pytest.mark.parametrize("out", [False, True])
def test_a_weight_that_every_run_changes_is_none(out: bool, tmp_path: Path) -> None:
    class Decays(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("weight", torch.randn(3, 4))

        def forward(self, x: Any) -> Any:
            torch.mul(self.weight, 0.5, out=self.weight) if out else self.weight.mul_(0.5)
            return x @ self.weight

    module, x = Decays(), torch.randn(2, 3)
    before = module.weight.clone()
    trace = capture(module, [x, x], out=tmp_path / "bundle")
    assert torch.equal(module.weight, before)
    for sample, factor in enumerate((0.5, 0.25)):
        output = trace.layer(0, sample).output
        assert output is not None
        assert np.allclose(output.values()[:, :, 0, 0], x @ before * factor, atol=1e-3)
        weight = trace.layer(0, sample).weight.values()[:, :, 0, 0]
        assert np.allclose(weight.T, before * factor, atol=1e-3)


@pytest.mark.parametrize("kept_bytes", [0, passes.KEPT_BYTES])
def test_a_mask_put_on_a_weight_leaves_it_a_weight(
    kept_bytes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Masked(nn.Conv2d):
        def forward(self, x: Any) -> Any:
            self.weight.data *= self.mask
            return super().forward(x)

    monkeypatch.setattr(passes.Planning.__init__, "__defaults__", (kept_bytes,))
    module = Masked(1, 2, 3, bias=False)
    module.register_buffer("mask", torch.tensor([1.0, 0, 1]).expand(2, 1, 3, 3).clone())
    trace = capture(module, [torch.randn(1, 1, 5, 5)] * 2, out=tmp_path / "bundle")
    assert trace.layers[0].weight_file is not None
    assert not trace.layer(0).weight.codes[..., 1].any()
    assert module.weight[..., 1].all()


def test_a_network_in_inference_mode_is_captured(tmp_path: Path) -> None:
    class Inference(Function):
        @torch.inference_mode()
        def forward(self, x: Any) -> Any:
            return self.c(self.norm(self.a(x)).relu().permute(0, 2, 3, 1))

    module, x = Inference(None).eval(), torch.randn(1, 2, 5, 6)
    trace = capture(module, [x], out=tmp_path / "bundle")
    assert [r.name for r in trace.layers] == ["a", "c"]
    assert not trace.manifest["unsupported"]
    check(trace, 0, torch.relu(module.norm(module.a(x))))


def test_training_mode_is_given_back(tmp_path: Path) -> None:
    module = nn.Sequential(nn.Linear(3, 3), nn.Dropout(0.9)).train()
    module[1].eval()
    x = torch.randn(2, 3)
    trace = capture(module, [x], out=tmp_path / "bundle")
    check(trace, 0, module[0](x).reshape(2, 3, 1, 1))
    assert (module.training, module[0].training, module[1].training) == (True, True, False)


def bad_weights() -> Any:
    module = nn.Linear(3, 2)
    with torch.no_grad():
        module.weight[0, 0] = torch.nan
    return module


class Explodes(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(3, 3)

    def forward(self, x: Any) -> Any:
        return self.inner(x / torch.zeros(1))


class Paths(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(3, 3), nn.Linear(3, 3)

    def forward(self, x: Any) -> Any:
        return self.one(x) if x.sum() > 0 else self.two(x)


@pytest.mark.parametrize(("module", "inputs", "words"), [
    (lambda: nn.Linear(3, 2), [], ["no input samples"]),
    (lambda: nn.Linear(3, 2), [torch.ones(0, 3)], ["input 0 of sample 0 is empty"]),
    (lambda: nn.Linear(3, 2), [torch.full((1, 3), torch.nan)], ["input 0 of sample 0 holds NaN"]),
    (lambda: nn.Sequential(nn.Linear(3, 2)), [torch.full((1, 3), torch.inf)], ["layer 0: activation", "infinity"]),
    (bad_weights, [torch.ones(1, 3)], ["weight", "NaN"]),
    (lambda: nn.ReLU(), [torch.ones(1, 3)], ["no matrix product"]),
    (lambda: nn.Linear(3, 2), [torch.ones(1, 4)], ["sample 0", "RuntimeError", "mat1 and mat2"]),
    (Explodes, [torch.ones(1, 3)], ["layer inner", "NaN or infinity"]),
    (Paths, [torch.ones(1, 3), -torch.ones(1, 3)], ["layer one", "sample 0", "sample 1", "different paths"]),
])  # fmt: skip
def test_what_cannot_be_captured_is_refused_in_one_line(
    module: Any, inputs: Any, words: list[str], tmp_path: Path
) -> None:
    with pytest.raises(InputError) as caught:
        capture(module(), inputs, out=tmp_path / "bundle")
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_one_tensor_a_function_and_nothing_are_refused(tmp_path: Path) -> None:
    module, x = nn.Linear(3, 2), torch.ones(4, 3)
    bad: list[tuple[Any, Any, str]] = [
        (module, x, r"the inputs are one Tensor; give a list of samples, for example \[\(x,\)\]"),
        (module, None, "the inputs are one NoneType"),
        (module, {"x": x}, "the inputs are one dict"),
        (None, [(x,)], "NoneType, not a torch.nn.Module"),
        (lambda x: x, [(x,)], "function, not a torch.nn.Module"),
        (nn.Linear, [(x,)], "type type, not a torch.nn.Module"),
    ]
    for model, inputs, words in bad:
        with pytest.raises(InputError, match=words) as caught:
            capture(model, inputs, out=tmp_path / "bundle")
        assert "\n" not in str(caught.value)


def test_parameters_without_values_or_stored_sparsely_are_refused(tmp_path: Path) -> None:
    class Sparse(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("adjacent", torch.eye(3).to_sparse())

        def forward(self, x: Any) -> Any:
            return torch.sparse.mm(self.adjacent, x)

    for module, words in ((Sparse(), "adjacent is not stored dense"), (nn.LazyLinear(2), "weight has neither shape")):
        with pytest.raises(InputError, match=words):
            capture(module, [torch.ones(3, 3)], out=tmp_path / "bundle")


class Named(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(3, 2), nn.Linear(4, 2)

    def forward(self, a: Any, scale: float = 1.0, b: Any = None) -> Any:
        return self.one(a) * scale + (0 if b is None else self.two(b))


class Batch(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(3, 2)

    def forward(self, batch: Any) -> Any:
        return self.inner(batch["x"])


def test_a_mapping_names_the_arguments_unless_it_is_one(tmp_path: Path) -> None:
    a, b = torch.ones(1, 3), torch.ones(1, 4)
    trace = capture(Named(), [{"b": b, "a": a}, UserDict(a=2 * a, b=b)], out=tmp_path / "named")
    assert [record.name for record in trace.layers] == ["one", "two"]
    assert np.allclose(trace.layer(0, 1).activation.values().ravel(), 2, atol=1e-3)
    assert len(capture(Named(), [{"a": a}], out=tmp_path / "one").layers) == 1
    with pytest.raises(InputError, match=r"a sample lacks the argument a of Named\.forward"):
        capture(Named(), [{"b": b}], out=tmp_path / "bundle")
    assert len(capture(Batch(), [{"x": a}], out=tmp_path / "batch").layers) == 1


@pytest.mark.parametrize("name", ["../../evil/x", "/etc/x", "", "a b", ".hidden", "x\n"])
def test_a_name_that_leaves_the_cache_is_refused(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCELSIM_CACHE", str(tmp_path / "cache"))
    with pytest.raises(InputError, match="cannot name a bundle"):
        capture(nn.Linear(3, 2), [torch.ones(1, 3)], name=name)
    assert not list(tmp_path.iterdir())


def test_a_folder_of_results_is_refused_before_the_network_runs(tmp_path: Path) -> None:
    (tmp_path / "results.txt").write_text("mine")
    ran: list[int] = []
    module = Function(lambda m, x: ran.append(1) or m.a(x))
    with pytest.raises(StorageError, match=r"results\.txt"):
        capture(module, [torch.randn(1, 2, 5, 6)], out=tmp_path)
    assert not ran
    assert (tmp_path / "results.txt").read_text() == "mine"


def test_a_network_of_unsupported_products_lists_them(tmp_path: Path) -> None:
    class Volumes(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.volume, self.pair = nn.Conv3d(1, 1, 3), nn.Bilinear(2, 2, 1)

        def forward(self, x: Any) -> Any:
            y = self.volume(x).flatten()[:2]
            return self.pair(y, y)

    with pytest.raises(InputError) as caught:
        capture(Volumes(), [torch.randn(1, 1, 4, 4, 4)], out=tmp_path / "bundle")
    text = str(caught.value)
    assert "aten.convolution in volume (216 MACs)" in text
    assert "in pair" in text
    assert "\n" not in text


def test_a_sample_of_several_rows_is_noted_once(tmp_path: Path) -> None:
    module = nn.Linear(3, 2)
    rows = [torch.ones(1, 3), torch.ones(2, 3), torch.ones(5, 3)]
    noted = [w for w in capture(module, rows, out=tmp_path / "bundle").warnings if "rows" in w]
    assert noted == ["sample 1 holds 2 rows in its first dimension: an 'input' of the results is the whole sample"]
    assert capture(module, rows[:1], out=tmp_path / "one").warnings == []


class Gated(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.Linear(3, 3))
        self.inner.gate = 1.0
        self.register_buffer("mask", torch.ones(3), persistent=False)
        self.plain = [torch.ones(3)]
        self.other = Gated  # not a plain value

    def forward(self, x: Any) -> Any:
        return self.inner(x) * self.inner.gate * self.mask * self.plain[0]


def test_the_key_of_a_live_network_follows_its_plain_attributes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACCELSIM_CACHE", str(tmp_path))
    torch.manual_seed(0)
    module = Gated()
    x = [(torch.ones(1, 3),)]
    keys = [capture(module, x).key]
    assert capture(module, x).key == keys[0]
    for change in (
        lambda: setattr(module.inner, "gate", 0.0), lambda: setattr(module.inner, "gate", (0.5, None, True)[0]),
        lambda: module.mask.zero_(), lambda: module.plain[0].zero_(), lambda: setattr(module.inner[0], "note", "x"),
        lambda: setattr(module, "table", {"a": (1, "2")}), lambda: setattr(module, "table", {"a": (1, 2)}),
    ):  # fmt: skip
        change()
        keys.append(capture(module, x).key)
    assert len(set(keys)) == len(keys)
