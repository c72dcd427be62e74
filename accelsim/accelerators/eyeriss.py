"""Eyeriss v1: a row-stationary array that gates zero activations and run-length codes its feature maps."""

from __future__ import annotations

from collections.abc import Mapping as Dictionary
from typing import Any, Self

from pydantic import PrivateAttr, model_validator

from accelsim import config
from accelsim.accelerators import accelerator
from accelsim.accelerators.base import Accelerator, Row, batched
from accelsim.accelerators.eyeriss_columns import declare_columns
from accelsim.analyzers.profile import Profile
from accelsim.config import Sourced
from accelsim.dataflows.convolution import Convolution, convolutions, is_approximate
from accelsim.dataflows.row_stationary.array import Array, Buses, Counts, Mapping, MappingRules, RowStationaryArray
from accelsim.dataflows.row_stationary.search import best
from accelsim.hardware.coding import RunLength
from accelsim.hardware.energy import EnergyTable
from accelsim.hardware.spatial_memory import Link, Scratchpads, SpatialMemory
from accelsim.layer import Layer, LayerShape

declare_columns()


class Gating(Sourced):
    """Which operand values keep a multiplier idle (energy only, never time)."""

    zero_activations: bool


@accelerator("eyeriss")
class Eyeriss(Accelerator):
    """Row-stationary array of Chen et al. (ISCA 2016, JSSC 2017): zeros save energy and traffic, no processing.

    Time is the sum over processing passes of loading the scratchpads and of windows at the pace of the slowest
    of multipliers, psum bus and ifmap bus; feature maps cross the DRAM link while the array waits, filters are
    prefetched behind processing. See `dataflows.row_stationary` for mapping and counts.
    """

    accelerator: str
    array: Array
    scratchpads: Scratchpads
    memory: SpatialMemory
    buses: Buses
    mapping: MappingRules
    compression: RunLength
    gating: Gating
    dram: Link
    energy: EnergyTable
    _planned_with: RunLength | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _pairs_fit(self) -> Self:
        c = self.compression
        if c.format == "rlc" and c.value_bits != self.word_bits:
            raise ValueError(
                f"compression.value_bits is {c.value_bits}, word_bits is {self.word_bits}; they must agree"
            )
        need = c.pairs_per_word * (c.run_bits + c.value_bits) + 1
        if c.format == "rlc" and need > c.word_bits:
            raise ValueError(
                f"compression: {c.pairs_per_word} pairs and a flag take {need} bits, word_bits is {c.word_bits}"
            )
        return self

    def peak(self) -> dict[str, float]:
        """Return MACs per second of all PEs, and bytes per second of the DRAM link."""
        pes = self.array.rows * self.array.columns
        return {
            "macs_per_second": pes * self.clock.frequency_mhz * 1e6,
            "dram_bytes_per_second": float(self.dram.bandwidth),
        }

    def dense(self) -> Self:
        """Return the same machine, mapping each layer alike, but storing maps plainly and never gating."""
        plain = self.compression.model_copy(update={"format": "none"})
        always = self.gating.model_copy(update={"zero_activations": False})
        machine = self.model_copy(update={"compression": plain, "gating": always})
        machine._planned_with = self.compression
        return machine

    def notes(self) -> list[str]:
        """Return the approximations of the model."""
        return [
            f"{self.name}: groups of a grouped or depthwise convolution run one after another; weights are fetched again in"
            " every step of a recurrent layer; element-wise operators and pooling are not simulated",
            f"{self.name}: the mapping rules imitate the chip and were inferred from its published tables (hwconfigs/eyeriss.yaml,"
            " mapping); on small maps fewer active PEs can be faster: try --set mapping.least_pe_share=0.5",
        ]

    def sram_bytes(self) -> float:
        """Return the bytes of the global buffer, the filter buffer and the scratchpads of all processing elements."""
        buffer, pads = self.memory.global_buffer, self.scratchpads
        words = pads.filter_words + pads.ifmap_words + pads.psum_words
        return buffer.size + buffer.filter_size + words * self.word_bits / 8 * self.array.size

    def measurement(self) -> str:
        """Name the compressed sizes by the parameters of the code."""
        return "row-rlc-" + config.digest(self.compression.model_dump(exclude={"source", "format"}))[:12]

    def measure(self, layer: Layer, profile: Profile) -> dict[str, Any]:
        """Return the run-length coded bits of the layer's input and output maps."""
        from accelsim.analyzers.codes import centred_values
        from accelsim.analyzers.runlength import row_run_length_bits

        c = self.compression
        sizes: dict[str, Any] = {}
        for role, operand in (("activation", layer.activation), ("output", layer.output)):
            if operand is not None:
                values = centred_values(operand)
                bits = row_run_length_bits(values, c.run_bits, c.value_bits, c.pairs_per_word, c.word_bits)
                sizes[f"{role}_share"] = bits / (values.size * c.value_bits)
        return sizes

    def replay(self, shape: LayerShape, statistics: Dictionary[str, Any]) -> Row:
        """Return cycles, accesses, traffic and energy of one layer for a batch."""
        whole = batched(shape, self.batch.size)
        planned = _stored_share(self._planned_with or self.compression, statistics, "activation")
        form, mapping, counts = best(convolutions(whole), self._machine(), planned)
        live = statistics["macs_activation_nonzero"] / statistics["macs"] if self.gating.zero_activations else 1.0
        row = self._work(form, mapping, counts, whole, live)
        shares = (_stored_share(self.compression, statistics, role) for role in ("activation", "output"))
        row |= self._traffic(form, counts, whole, *shares)
        row |= self._time(row, counts, form)
        row |= self._energy(row)
        return row | {"mapping": f"E{form.E} F{form.F} {mapping}", "approximate": is_approximate(shape)}

    def _machine(self) -> RowStationaryArray:
        parts = (self.array, self.scratchpads, self.memory.global_buffer, self.buses, self.mapping)
        return RowStationaryArray(*parts, self.word_bits / 8)

    def _work(self, form: Convolution, mapping: Mapping, counts: Counts, shape: LayerShape, live: float) -> Row:
        times, done = form.repeats, round(live * shape.macs)
        return {
            "macs": shape.macs,
            "macs_done": done,
            "macs_gated": shape.macs - done,
            "active_pes": mapping.active_pes,
            "spad_ifmap_reads": shape.macs,
            "spad_filter_reads": done,
            "spad_psum_reads": done,
            "spad_psum_writes": done,
            "spad_ifmap_writes": times * counts.ifmap_delivered,
            "spad_filter_writes": times * counts.filter_delivered,
            "array_ifmap_words": times * counts.ifmap_delivered,
            "array_filter_words": times * counts.filter_delivered,
            "array_psum_words": times * counts.psum_hops,
        }

    def _traffic(
        self, form: Convolution, counts: Counts, shape: LayerShape, ifmap_share: float, ofmap_share: float
    ) -> Row:
        times, word = form.repeats, self.word_bits / 8
        real = shape.weights / (form.G * form.M * form.C * form.R * form.S)  # 1 unless a transposed layer is padded
        reads = {"ifmap": counts.glb_ifmap, "psum": 2 * counts.glb_psum, "filter": counts.glb_filter}
        row: Row = {f"global_buffer_{name}_bytes": times * word * words for name, words in reads.items()}
        row["global_buffer_bytes"] = sum(float(v) for v in row.values())
        fills = {"ifmap": counts.dram_ifmap, "filter": real * counts.dram_filter, "ofmap": shape.outputs / times}
        row |= {f"global_buffer_fill_{name}_bytes": times * word * words for name, words in fills.items()}
        shares = {"ifmap": ifmap_share, "filter": 1.0, "ofmap": ofmap_share}
        row |= {f"dram_{name}_bytes": times * word * words * shares[name] for name, words in fills.items()}
        row["dram_bytes"] = sum(float(row[f"dram_{name}_bytes"]) for name in fills)
        return row

    def _time(self, row: Row, counts: Counts, form: Convolution) -> Row:
        """Join processing and DRAM: maps are moved while the array waits, filters behind processing."""
        per_byte = self.clock.frequency_mhz * 1e6 / self.dram.bandwidth
        processing = form.repeats * counts.cycles
        maps = (float(row["dram_ifmap_bytes"]) + float(row["dram_ofmap_bytes"])) * per_byte
        late = max(0.0, float(row["dram_filter_bytes"]) * per_byte - processing)
        return {
            "processing_cycles": processing,
            "map_stall_cycles": maps,
            "filter_stall_cycles": late,
            "total_cycles": processing + maps + late,
            "compute_bound_cycles": form.repeats * counts.bound_compute,
            "psum_bus_bound_cycles": form.repeats * counts.bound_psum_bus,
            "ifmap_bus_bound_cycles": form.repeats * counts.bound_ifmap_bus,
            "fill_cycles": form.repeats * counts.fill_cycles,
            "pe_cycles": processing * self.array.size,
            "utilisation": float(row["macs"]) / (processing * self.array.size),
            "time_s": self.seconds(processing + maps + late),
        }

    def _energy(self, row: Row) -> Row:
        """Charge every access; a gated MAC keeps `gated_fraction` of its energy and reads only its activation."""
        table, word = self.energy.scaled(self.word_bits), self.word_bits / 8

        def value(name: str) -> float:
            return float(row[name])

        parts: dict[str, float] = {
            "mac": table.mac_pj * (value("macs_done") + table.gated_fraction * value("macs_gated")),
            "static": table.static_mw * 1e9 * value("time_s"),
        }
        for name in ("ifmap", "filter"):
            parts[f"scratchpad_{name}"] = table.scratchpad_pj * (
                value(f"spad_{name}_reads") + value(f"spad_{name}_writes")
            )
        parts["scratchpad_psum"] = table.scratchpad_pj * (value("spad_psum_reads") + value("spad_psum_writes"))
        for name in ("ifmap", "filter", "psum"):
            parts[f"array_{name}"] = table.array_pj * value(f"array_{name}_words")
            stored = "ofmap" if name == "psum" else name
            bytes_moved = value(f"global_buffer_{name}_bytes") + value(f"global_buffer_fill_{stored}_bytes")
            parts[f"global_buffer_{name}"] = table.global_buffer_pj * bytes_moved / word
            parts[f"dram_{stored}"] = table.dram_pj * value(f"dram_{stored}_bytes") / word
        row_out: Row = {f"energy_{name}_pj": pj for name, pj in parts.items()}
        for level in ("scratchpad", "array", "global_buffer", "dram"):
            row_out[f"energy_{level}_pj"] = sum(pj for name, pj in parts.items() if name.startswith(level))
        row_out["energy_pj"] = sum(parts.values())
        return row_out


def _stored_share(code: RunLength, statistics: Dictionary[str, Any], role: str) -> float:
    """Return the stored size of a feature map over its plain size."""
    return float(statistics.get(f"{role}_share", 1.0)) if code.format == "rlc" else 1.0
