"""A trained network under torchao's quantisations: codes give its layers' outputs, and it still tells good from bad."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("torchao")

from torch import nn  # noqa: E402

import accelsim  # noqa: E402
from accelsim import zoo  # noqa: E402
from accelsim.analyzers.analyze import analyze  # noqa: E402
from accelsim.sources.torchao_files import import_torchao  # noqa: E402

import_torchao()
from torchao.quantization import (  # noqa: E402
    Int8DynamicActivationInt8WeightConfig,
    Int8DynamicActivationIntxWeightConfig,
    Int8WeightOnlyConfig,
    IntxWeightOnlyConfig,
    PerGroup,
    quantize_,
)

CONFIGS = {
    "int8": (Int8WeightOnlyConfig(), 16, 8),
    "int4": (IntxWeightOnlyConfig(weight_dtype=torch.int4, granularity=PerGroup(32)), 16, 4),
    "dynamic int8": (Int8DynamicActivationInt8WeightConfig(), 8, 8),
    "dynamic int8 by int4": (
        Int8DynamicActivationIntxWeightConfig(weight_dtype=torch.int4, weight_granularity=PerGroup(32)), 8, 4,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CONFIGS)
def test_codes_of_a_trained_network_give_the_outputs_of_its_layers(name: str, tmp_path: Path) -> None:
    config, activation_bits, weight_bits = CONFIGS[name]
    net, inputs = zoo.load("bert_lstm"), list(zoo.samples("bert_lstm"))[:2]
    real = [net(*sample).detach() for sample in inputs]
    quantize_(net, config)
    linear = {path: part for path, part in net.named_modules() if isinstance(part, nn.Linear)}
    seen: dict[str, list[Any]] = {path: [] for path in linear}
    hooks = [
        part.register_forward_hook(lambda _, __, out, path=path: seen[path].append(out))
        for path, part in linear.items()
    ]
    trace = accelsim.capture(net, inputs, out=tmp_path / "bundle")  # a step apart in another order of sums
    for hook in hooks:
        hook.remove()
    for before, sample in zip(real, inputs, strict=True):
        after = net(*sample).detach()
        assert (before - after).abs().max() < 0.1 * before.abs().max() + 0.4
        assert torch.equal(before.argmax(-1), after.argmax(-1))
    float_trace = accelsim.capture(zoo.load("bert_lstm"), inputs, out=tmp_path / "float")
    assert [record.shapes for record in trace.layers] == [record.shapes for record in float_trace.layers]
    assert trace.manifest["unsupported"] == []
    found = [record for record in trace.layers if record.name in linear]
    assert len(found) == len(linear)
    for record in found:
        module = linear[record.name]
        for sample in range(len(inputs)):
            layer = trace.layer(record.index, sample)
            assert (layer.activation.bits, layer.weight.bits) == (activation_bits, weight_bits)
            assert np.array_equal(layer.weight.codes.reshape(module.weight.shape), module.weight.qdata.numpy())
            rows, filters = layer.activation.values()[:, :, 0, 0], layer.weight.values()[:, :, 0, 0]
            product = rows @ filters.T + (0 if module.bias is None else module.bias.detach().numpy())
            out = seen[record.name][sample].reshape(product.shape).numpy()
            step = 0.0 if activation_bits == 8 else float(layer.activation.scale) / 2
            bound = step * np.abs(filters).sum(1).max() + 1e-4 * max(1.0, np.abs(out).max())
            assert np.abs(product - out).max() <= bound
    rest = [record for record in trace.layers if record.name not in linear]
    assert all(record.operands["weight"]["bits"] == 16 for record in rest)  # type: ignore[index]


def test_tables_and_machines_see_the_codes(tmp_path: Path) -> None:
    net, inputs = zoo.load("bert_lstm"), list(zoo.samples("bert_lstm"))[:1]
    quantize_(net, CONFIGS["dynamic int8 by int4"][0])
    linear = {path: part for path, part in net.named_modules() if isinstance(part, nn.Linear)}
    trace = accelsim.capture(net, inputs, out=tmp_path / "bundle")
    weights = analyze(trace).query("operand == 'weight'")
    rows = weights[weights["layer"].isin(linear)].to_dict("records")
    assert len(rows) == len(linear)
    for row in rows:
        assert row["zeros"] == int((linear[row["layer"]].weight.qdata == 0).sum())
    assert 0.05 < sum(row["zeros"] for row in rows) / sum(row["values"] for row in rows) < 0.3
    result = accelsim.simulate(accelsim.load_hardware("pragmatic"), trace)
    assert len(result.layers) == len(trace.layers)
