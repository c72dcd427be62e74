"""Work statistics of a layer: what depends on the codes alone, counted once per bundle and remembered."""

from __future__ import annotations

from typing import Any, Literal

from accelsim.analyzers import ANALYZERS_VERSION
from accelsim.layer import Layer, Operand
from accelsim.trace import Trace


def layer_statistics(trace: Trace, index: int, sample: int = 0) -> dict[str, Any]:
    """Return the counts that machine models need of layer `index` on input `sample`.

    macs: products, padding zeros included; macs_inside: without them (and without a transposed layer's cropped
    products); macs_activation_nonzero, macs_weight_nonzero, macs_both_nonzero: products whose operand is not 0,
    out of macs (a padding zero is a zero activation), and with suffix _inside out of macs_inside. For activation,
    weight and output (0 when not recorded): _values, _zeros, and _rlc_bits, the run-length compressed size
    (Eyeriss). All samples of the layer are counted at the first call and kept with the bundle.
    """
    result: dict[str, Any] = _remembered(trace, index)[sample]
    return result


def warm(trace: Trace, workers: int = 2) -> None:
    """Count and keep the statistics of every layer now, in `workers` threads, with a progress bar if it is long."""
    from accelsim.analyzers.progress import over_layers

    over_layers(trace, lambda index: _remembered(trace, index), "statistics", workers)


def statistics(layers: list[Layer]) -> list[dict[str, Any]]:
    """Return the statistics of one layer on each of its samples (see `layer_statistics`)."""
    found: list[dict[str, Any]] = []
    weight: tuple[Any, dict[str, int]] | None = None
    for layer in layers:
        if weight is None or layer.dynamic_weight:
            weight = _filters_nonzero(layer), _sizes("weight", layer.weight)
        output = {"output_values": 0, "output_zeros": 0, "output_rlc_bits": 0}
        if layer.output is not None:
            output = _sizes("output", layer.output)
        products = {"macs": layer.shape.macs, "macs_inside": layer.shape.macs_inside, **_products(layer, weight[0])}
        found.append({**products, **_sizes("activation", layer.activation), **weight[1], **output})
    return found


def _remembered(trace: Trace, index: int) -> list[dict[str, Any]]:
    def compute() -> list[dict[str, Any]]:
        return statistics([trace.layer(index, sample) for sample in range(trace.samples)])

    result: list[dict[str, Any]] = trace.remembered(f"layer-v{ANALYZERS_VERSION}-{index}", compute)
    return result


def _products(layer: Layer, filters_nonzero: Any) -> dict[str, int]:
    """Count products by which operands are not zero; filters_nonzero: non-zero weights, (groups, C, R, S)."""
    from accelsim.analyzers.pairs import pair_total, products_per_weight, window_sums

    values, low, table = _nonzero(layer.activation)
    products: dict[str, int] = {}
    conventions: tuple[tuple[Literal["in", "out"], str], ...] = (("in", ""), ("out", "_inside"))
    for padding, suffix in conventions:
        if padding == "in" or layer.shape.transposed:  # a padding zero adds nothing, a cropped product may
            live = window_sums(layer.shape, values, low, [table], padding)[0]
        each = products_per_weight(layer.shape, padding)
        products[f"macs_activation_nonzero{suffix}"] = int(live.sum()) * layer.shape.K
        products[f"macs_weight_nonzero{suffix}"] = pair_total(each, filters_nonzero.sum(axis=(0, 1)))
        products[f"macs_both_nonzero{suffix}"] = pair_total(live, filters_nonzero)
    return products


def _filters_nonzero(layer: Layer) -> Any:
    from accelsim.analyzers.pairs import filter_sums

    values, low, table = _nonzero(layer.weight)
    return filter_sums(layer.shape, values, low, [table])[0]


def _nonzero(operand: Operand) -> tuple[Any, int, Any]:
    """Return centred values, the smallest of them (or 0), and the table that costs 1 for a value that is not 0."""
    import numpy as np

    from accelsim.analyzers.codes import centred_values

    values = centred_values(operand)
    low, high = min(int(values.min()), 0), max(int(values.max()), 0)
    return values, low, (np.arange(low, high + 1) != 0).astype(np.uint16)


def _sizes(role: str, operand: Operand) -> dict[str, int]:
    import numpy as np

    from accelsim.analyzers.codes import centred_values
    from accelsim.analyzers.runlength import run_length_bits

    values = centred_values(operand)
    return {
        f"{role}_values": values.size,
        f"{role}_zeros": values.size - int(np.count_nonzero(values)),
        f"{role}_rlc_bits": run_length_bits(values),
    }
