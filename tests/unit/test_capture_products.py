"""Captured products: MACs as FlopCounterMode counts them, operands that reproduce each layer, results untouched."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
F = torch.nn.functional
nn = torch.nn

from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from accelsim.errors import InputError  # noqa: E402
from accelsim.layer import Layer  # noqa: E402
from accelsim.sources.capture import capture  # noqa: E402
from accelsim.sources.recording import passes  # noqa: E402
from accelsim.sources.recording.context import decomposed  # noqa: E402


class Convolutions(nn.Module):
    """Grouped, depthwise, dilated, strided, transposed and one-dimensional convolutions, none followed by anything."""

    def __init__(self) -> None:
        super().__init__()
        self.plain = nn.Conv2d(4, 8, 3, padding=1)
        self.strided = nn.Conv2d(8, 8, (3, 2), stride=(2, 3), padding=(1, 0), groups=2)
        self.depthwise = nn.Conv2d(8, 16, 3, padding=2, dilation=2, groups=8)
        self.up = nn.ConvTranspose2d(16, 6, 3, stride=2, padding=1, output_padding=(1, 0), groups=2)
        self.up_dilated = nn.ConvTranspose2d(6, 5, (2, 3), stride=(1, 2), dilation=(2, 1), bias=False)
        self.line = nn.Conv1d(5, 4, 5, stride=2, padding=3, bias=False)
        self.line_up = nn.ConvTranspose1d(4, 3, 4, stride=3, padding=1, output_padding=2)
        self.same = nn.Conv1d(3, 3, 4, padding="same")

    def forward(self, x: Any) -> Any:
        x = self.depthwise(self.strided(self.plain(x)))
        x = self.up_dilated(self.up(x))
        return self.same(self.line_up(self.line(x.flatten(2))))


class Recurrent(nn.Module):
    def __init__(self, kind: Any) -> None:
        super().__init__()
        self.rnn = kind(6, 5, num_layers=2, bidirectional=True, batch_first=True)
        self.head = nn.Linear(10, 3)

    def forward(self, x: Any) -> Any:
        return self.head(self.rnn(x)[0])


class Loop(nn.Module):
    """A cell called in a Python loop, and a convolution shared by three steps."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 3, padding=1)
        self.cell = nn.GRUCell(18, 4)

    def forward(self, x: Any) -> Any:
        state = x.new_zeros(x.shape[0], 4)
        for _ in range(3):
            x = torch.relu(self.conv(x))
            state = self.cell(x.flatten(1), state)
        return state


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(8, 2, 12, batch_first=True), 2, enable_nested_tensor=False
        )
        self.cross = nn.MultiheadAttention(8, 4, batch_first=True)

    def forward(self, x: Any) -> Any:
        y = self.encoder(x)
        return self.cross(x[:, :3], y, y)[0]


class BertLstm(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.word = nn.Embedding(30, 8)
        self.encoder = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(8, 2, 16, activation="gelu", batch_first=True), 2, enable_nested_tensor=False
        )
        self.lstm = nn.LSTM(8, 6, batch_first=True, bidirectional=True)
        self.classifier = nn.Linear(12, 2)

    def forward(self, ids: Any) -> Any:
        return self.classifier(self.lstm(self.encoder(self.word(ids)))[0].amax(1))


class Matrices(nn.Module):
    """Weights on the left, expanded, sliced, batched, computed; products with vectors."""

    def __init__(self) -> None:
        super().__init__()
        self.left = nn.Parameter(torch.randn(5, 6))
        self.both = nn.Parameter(torch.randn(8, 6))
        self.heads = nn.Parameter(torch.randn(3, 6, 4))
        self.normed = nn.utils.parametrizations.weight_norm(nn.Linear(6, 4))
        self.register_buffer("mix", torch.randn(6, 6))

    def forward(self, x: Any) -> Any:  # (3, 7, 6)
        a = self.left @ x[0].t()  # (5, 7)
        b = x[1] @ self.both[:3].t() + x[1] @ self.both[3:6].t()  # (7, 3)
        c = torch.bmm(x, self.heads)  # (3, 7, 4)
        d = torch.bmm(self.heads.transpose(1, 2), x.transpose(1, 2))  # (3, 4, 7)
        e = torch.matmul(self.mix, x.transpose(1, 2))  # (3, 6, 7)
        f = self.normed(x) + self.normed(x * 0.5)
        g = x[0] @ self.left[0] + x[1] @ x[2, 0]  # (7,)
        h = torch.baddbmm(c, x, x[:, :4].transpose(1, 2))
        return (
            a.sum() + b.sum() + c.sum() + d.sum() + e.sum() + f.sum() + g.sum() + h.sum() + torch.dot(x[0, 0], x[1, 0])
        )


NETWORKS = {
    "convolutions": (Convolutions, [(2, 4, 12, 13), (1, 4, 10, 11)]),
    "lstm": (lambda: Recurrent(nn.LSTM), [(2, 7, 6), (1, 4, 6)]),
    "gru": (lambda: Recurrent(nn.GRU), [(2, 7, 6), (1, 4, 6)]),
    "rnn": (lambda: Recurrent(nn.RNN), [(2, 7, 6)]),
    "loop": (Loop, [(2, 2, 3, 3)]),
    "attention": (Attention, [(2, 5, 8), (1, 9, 8)]),
    "bert_lstm": (BertLstm, [(1, 7), (1, 4)]),
    "matrices": (Matrices, [(3, 7, 6)]),
}


def make(name: str) -> tuple[Any, list[tuple[Any, ...]]]:
    torch.manual_seed(3)
    build, sizes = NETWORKS[name]
    ids = name == "bert_lstm"
    return build().eval(), [(torch.randint(0, 30, size) if ids else torch.randn(size),) for size in sizes]


def flops(module: Any, inputs: list[tuple[Any, ...]]) -> int:
    with decomposed(), FlopCounterMode(display=False) as counter:
        for arguments in inputs:
            module(*arguments)
    return int(counter.get_total_flops())


@pytest.mark.parametrize("name", [n for n in NETWORKS if n != "matrices"])
def test_captured_macs_are_those_of_the_flop_counter(name: str, tmp_path: Path) -> None:
    module, inputs = make(name)
    trace = capture(module, inputs, out=tmp_path / "bundle")
    assert 2 * trace.manifest["captured_macs"] == flops(module, inputs)
    assert trace.manifest["macs_total"] == trace.manifest["captured_macs"]
    assert trace.manifest["unsupported"] == []
    assert sum(layer.shape.macs for layer in trace) == trace.manifest["captured_macs"]


def test_captured_macs_of_products_with_vectors_come_on_top(tmp_path: Path) -> None:
    module, inputs = make("matrices")
    trace = capture(module, inputs, out=tmp_path / "bundle")
    vectors = 7 * 6 + 7 * 6 + 6  # mv, mv and dot, which the flop counter leaves out
    assert 2 * (trace.manifest["captured_macs"] - vectors) == flops(module, inputs)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_network_computes_the_same_under_capture(name: str, tmp_path: Path) -> None:
    module, inputs = make(name)
    seen: list[Any] = []
    with torch.no_grad():
        plain = [module(*arguments) for arguments in inputs]
    hook = module.register_forward_hook(lambda m, a, out: seen.append(out))
    capture(module, inputs, out=tmp_path / "bundle")
    hook.remove()
    assert len(seen) == len(inputs)
    for expected, found in zip(plain, seen, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
    assert torch.backends.mkldnn.is_available() == torch._C._get_mkldnn_enabled()
    assert torch.backends.mha.get_fastpath_enabled()


def multiply(layer: Layer) -> Any:
    """Return the layer's product from its dequantised operands, step by step, with torch's own operators."""
    shape = layer.shape
    x, w = torch.from_numpy(layer.activation.values()), torch.from_numpy(layer.weight.values())
    if shape.transposed:
        groups, k, c = shape.groups, shape.K, shape.C
        w = w.reshape(groups, k, c, shape.R, shape.S).transpose(1, 2).reshape(groups * c, k, shape.R, shape.S)
        base = [
            (n - 1) * u - 2 * p + d * (r - 1) + 1
            for n, u, p, d, r in zip(
                (shape.H, shape.W),
                shape.stride,
                (shape.padding[0], shape.padding[2]),
                shape.dilation,
                (shape.R, shape.S),
            )
        ]
        extra = (shape.P - base[0], shape.Q - base[1])
        padding = (shape.padding[0], shape.padding[2])
        return F.conv_transpose2d(x, w, None, shape.stride, padding, extra, groups, shape.dilation)
    top, bottom, left, right = shape.padding
    return F.conv2d(F.pad(x, (left, right, top, bottom)), w, None, shape.stride, 0, shape.dilation, shape.groups)


def biases(module: Any) -> dict[str, Any]:
    return {name: p.detach().double() for name, p in module.named_parameters() if "bias" in name}


def bias_of(layer: Layer, module: Any) -> Any:
    found = biases(module)
    base = layer.name.split("#")[0]
    for guess in (f"{base}.bias", re.sub(r"\.(ih|hh)", r".bias_\1", base), f"{base}_bias"):
        if guess in found:
            return found[guess].reshape(1, -1, 1, 1)
    return 0.0


def tolerance(layer: Layer) -> float:
    """Bound the error of a product of rounded operands, plus half a step of the rounded output."""
    shape = layer.shape
    depth = shape.C * shape.R * shape.S
    a, w = layer.activation, layer.weight
    largest = float(np.abs(a.values()).max()), float(np.abs(w.values()).max())
    assert layer.output is not None
    steps = [float(np.max(o.scale)) / 2 for o in (a, w, layer.output)]
    return depth * (largest[0] * steps[1] + largest[1] * steps[0] + steps[0] * steps[1]) + steps[2] + 1e-5


SUMS = ("both[3:6]", "normed", "matmul0", "matmul1", "matmul2")
"""Layers of `Matrices` whose stored output is a sum with something else; matmul1 is baddbmm's."""


@pytest.mark.parametrize("name", ["convolutions", "matrices"])
def test_operands_reproduce_every_product(name: str, tmp_path: Path) -> None:
    module, inputs = make(name)
    for layer in capture(module, inputs, out=tmp_path / "bundle"):
        product = multiply(layer)
        assert tuple(product.shape) == layer.shape.output_shape
        assert layer.output is not None
        if layer.name in SUMS:
            continue
        found = layer.output.values() - np.asarray(bias_of(layer, module))
        assert np.abs(product.numpy() - found).max() <= tolerance(layer), layer.name


CHECKED = {
    "lstm": {"linear"},
    "gru": {"linear", "recurrent"},
    "loop": {"recurrent"},
    "attention": {"linear", "matmul"},
    "bert_lstm": {"linear", "matmul"},
}


@pytest.mark.parametrize("name", ["lstm", "gru", "loop", "attention", "bert_lstm"])
def test_operands_reproduce_recurrent_linear_and_attention_products(name: str, tmp_path: Path) -> None:
    module, inputs = make(name)
    checked = set()
    for layer in capture(module, inputs, out=tmp_path / "bundle"):
        assert layer.output is not None
        product = multiply(layer).numpy()
        if "hh_" in layer.name and name in ("lstm", "bert_lstm"):
            continue  # the gates add the input's product to it: covered by the GRU
        if any(part in layer.name for part in ("linear1", "linear2", "out_proj", "conv")):
            continue  # activation functions and residual sums follow
        checked.add(layer.shape.kind)
        found = layer.output.values() - np.asarray(bias_of(layer, module))
        assert np.abs(product - found).max() <= tolerance(layer), layer.name
    assert checked == CHECKED[name]


def test_repeated_use_of_a_weight_is_one_recurrent_layer(tmp_path: Path) -> None:
    module, inputs = make("lstm")
    trace = capture(module, inputs, out=tmp_path / "bundle")
    names = [record.name for record in trace.layers]
    assert names[:4] == ["rnn.ih_l0", "rnn.hh_l0", "rnn.ih_l0_reverse", "rnn.hh_l0_reverse"]
    first, second = trace.layers[1].shapes
    assert (first.kind, first.steps, first.N, first.C, first.K) == ("recurrent", 7, 2, 5, 20)
    assert (second.kind, second.steps, second.N) == ("recurrent", 4, 1)
    assert trace.layers[0].shapes[0].kind == "linear"
    assert trace.layers[0].shapes[0].N == 14
    loop = capture(*make("loop"), out=tmp_path / "loop")
    assert [(r.name, r.shapes[0].kind, r.shapes[0].steps) for r in loop.layers] == [
        ("conv", "conv", 3), ("cell.ih", "recurrent", 3), ("cell.hh", "recurrent", 3)
    ]  # fmt: skip


def test_a_slice_of_rows_uses_the_weight_of_a_plain_product(tmp_path: Path) -> None:
    """torch multiplies a slice of a batched activation as a batch of matrices, the same values copied as one matrix."""
    head = nn.Linear(4, 3, bias=False).requires_grad_(False)

    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = head

        def forward(self, x: Any) -> Any:
            return self.head(x[:, -1:]) + self.head(x[:, :1].clone())

    trace = capture(Twice(), [torch.randn(1, 5, 4)], out=tmp_path / "bundle")
    assert [(r.name, r.shapes[0].kind, r.shapes[0].steps) for r in trace.layers] == [("head", "recurrent", 2)]


def test_steps_are_stacked_in_the_order_they_ran(tmp_path: Path) -> None:
    module, inputs = make("loop")
    trace = capture(module, inputs, out=tmp_path / "bundle")
    conv = trace.layer(0)
    x = inputs[0][0]
    for step in range(3):
        codes = conv.activation.values()[2 * step : 2 * step + 2]
        assert np.abs(codes - x.numpy()).max() <= 0.5001 * float(conv.activation.scale)
        x = torch.relu(module.conv(x)).detach()
        stored = conv.output.values()[2 * step : 2 * step + 2]  # type: ignore[union-attr]
        assert np.abs(stored - x.numpy()).max() <= 0.5001 * float(conv.output.scale)  # type: ignore[union-attr]


def test_attention_products_are_named_after_the_softmax(tmp_path: Path) -> None:
    trace = capture(*make("attention"), out=tmp_path / "bundle")
    names = [record.name for record in trace.layers]
    assert names[:3] == [
        "encoder.layers.0.self_attn.in_proj",
        "encoder.layers.0.self_attn.qk",
        "encoder.layers.0.self_attn.pv",
    ]
    assert names[-5:] == ["cross.in_proj.q", "cross.in_proj.kv", "cross.qk", "cross.pv", "cross.out_proj"]
    scores = trace.layers[1].shapes[0]
    assert (scores.kind, scores.groups, scores.N, scores.C, scores.K) == ("matmul", 4, 5, 4, 5)
    assert trace.layers[1].weight_file is None
    assert trace.layer(1).dynamic_weight


def test_weights_are_found_in_any_arrangement(tmp_path: Path) -> None:
    trace = capture(*make("matrices"), out=tmp_path / "bundle")
    shapes = {record.name: record.shapes[0] for record in trace.layers}
    assert (shapes["left"].N, shapes["left"].K, shapes["left"].C) == (7, 5, 6)
    assert {"both[0:3]", "both[3:6]", "left[0:1]"} <= set(shapes)
    assert [shapes[n].groups for n in ("heads", "heads#2")] == [3, 3]
    assert (shapes["mix"].groups, shapes["mix"].N) == (1, 21)
    assert (shapes["normed"].kind, shapes["normed"].steps) == ("recurrent", 2)
    assert [n for n in shapes if shapes[n].kind == "matmul"] == ["matmul0", "matmul1", "matmul2"]


class Held(nn.Module):
    """A tensor of weights by its activation, on either side."""

    def __init__(self, weight: Any, left: bool) -> None:
        super().__init__()
        self.weight, self.left = nn.Parameter(weight), left

    def forward(self, x: Any) -> Any:
        return self.weight @ x if self.left else x @ self.weight


@pytest.mark.parametrize("left", [False, True])
@pytest.mark.parametrize(
    ("dynamic", "held", "groups"),
    [
        ((6, 3, 1, 4), (3, 4, 5), 3),
        ((2, 3, 7, 4), (3, 4, 5), 3),
        ((2, 6, 3, 7, 4), (2, 1, 3, 4, 5), 6),
        ((1, 1, 7, 4), (3, 4, 5), 1),
        ((7, 4), (2, 3, 4, 5), 1),
    ],
)
def test_weights_that_broadcasting_repeats_are_there_once(
    left: bool, dynamic: tuple[int, ...], held: tuple[int, ...], groups: int, tmp_path: Path
) -> None:
    torch.manual_seed(2)
    x, weight = torch.randn(dynamic), torch.randn(held)
    if left:
        x, weight = x.transpose(-1, -2), weight.transpose(-1, -2).contiguous()
    trace = capture(Held(weight, left), [x], out=tmp_path / "bundle")
    (layer,) = trace
    assert (layer.shape.kind, layer.shape.groups, layer.shape.weights) == ("linear", groups, weight.numel())
    assert layer.output is not None
    assert np.abs(multiply(layer).numpy() - layer.output.values()).max() <= tolerance(layer)


def test_samples_of_different_length_repeat_the_same_weights(tmp_path: Path) -> None:
    inputs = [torch.randn(1, length, 3, 1, 4) for length in (6, 2)]
    trace = capture(Held(torch.randn(3, 4, 5), False), inputs, out=tmp_path / "bundle")
    assert [shape.N for shape in trace.layers[0].shapes] == [6, 2]


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
@pytest.mark.parametrize("way", ["script", "trace"])
def test_torchscript_is_captured_like_the_network_it_comes_from(way: str, tmp_path: Path) -> None:
    module, x = nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(12, 4)), torch.randn(1, 2, 4, 4)
    same = torch.jit.script(module) if way == "script" else torch.jit.trace(module, x)
    one, two = (capture(m, [x], out=tmp_path / n) for n, m in (("module", module), ("script", same)))
    assert one.manifest["layers"] == two.manifest["layers"]
    assert one.manifest["files"] == two.manifest["files"]


def test_a_pruned_weight_stays_the_weight_of_learned_queries(tmp_path: Path) -> None:
    from torch.nn.utils import prune

    class Queries(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.queries, self.layer = nn.Parameter(torch.randn(5, 4)), nn.Linear(4, 3, bias=False)
            prune.random_unstructured(self.layer, "weight", 0.5)

        def forward(self, x: Any) -> Any:
            return self.layer(self.queries) @ x

    module = Queries()
    trace = capture(module, [torch.randn(3, 2)], out=tmp_path / "bundle")
    assert trace.layers[0].name == "layer"
    assert np.allclose(trace.layer(0).weight.values()[:, :, 0, 0], module.layer.weight.detach(), atol=1e-3)
    assert np.allclose(trace.layer(0).activation.values()[:, :, 0, 0], module.queries.detach(), atol=1e-3)


@pytest.mark.parametrize("kept_bytes", [0, passes.KEPT_BYTES])
def test_a_tensor_in_a_plain_attribute_is_a_weight(
    kept_bytes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Filters(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.filters, self.state = torch.randn(4, 3), torch.zeros(1, 4)

        def forward(self, x: Any) -> Any:
            self.state += x
            return self.state @ self.filters

    monkeypatch.setattr(passes.Planning.__init__, "__defaults__", (kept_bytes,))
    module, x = Filters(), torch.randn(1, 4)
    trace = capture(module, [x, x], out=tmp_path / "bundle")
    assert [(record.name, record.shapes[0].kind) for record in trace.layers] == [("filters", "linear")]
    for sample in range(2):
        assert np.allclose(trace.layer(0, sample).activation.values()[:, :, 0, 0], (sample + 1) * x, atol=1e-3)
    assert not module.state.any()


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_a_frozen_module_is_refused(tmp_path: Path) -> None:
    frozen = torch.jit.freeze(torch.jit.script(nn.Sequential(nn.Linear(4, 3)).eval()))
    with pytest.raises(InputError, match="frozen module"):
        capture(frozen, [torch.randn(2, 4)], out=tmp_path / "bundle")
