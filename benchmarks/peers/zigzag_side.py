"""Find ZigZag's mapping of layers on a machine: runs in ZigZag's own environment, JSON on standard input and output.

Request: {"machine": ..., "layer": ..., "engine": "loma" or "salsa", "loops": n, "optimise": "energy" or "latency"}, machine
and layer as `benchmarks.peers.machine` writes them. Answer: the layer's CPU seconds, cycles, DRAM bits by operand and
mapping, and the versions. ZigZag's own pipeline runs, without the stages that draw
and save; energies are 1 a DRAM bit and 0 otherwise, so that its search for least energy is one for least DRAM traffic.
"""

import io
import json
import logging
import random
import resource
import sys
import tempfile
import time
from contextlib import redirect_stdout
from importlib.metadata import version
from pathlib import Path

import numpy
import yaml
from zigzag.hardware.architecture.memory_port import DataDirection
from zigzag.mapping.data_movement import DataMoveAttr
from zigzag.mapping.temporal_mapping import TemporalMappingType
from zigzag.stages.evaluation.cost_model_evaluation import CostModelStage
from zigzag.stages.main import MainStage
from zigzag.stages.mapping.salsa import SalsaStage
from zigzag.stages.mapping.spatial_mapping_generation import SpatialMappingGeneratorStage
from zigzag.stages.mapping.temporal_mapping_generator_stage import TemporalMappingGeneratorStage
from zigzag.stages.parser.accelerator_parser import AcceleratorParserStage
from zigzag.stages.parser.workload_parser import WorkloadParserStage
from zigzag.stages.results.reduce_stages import MinimalEnergyStage, MinimalLatencyStage
from zigzag.stages.workload_iterator import WorkloadStage

WIDE = 1 << 20
"""Bits a cycle of ports that shall never hold anything up."""
LINKS = {"O": "O", "W": "I2", "I": "I1"}


def port(number, kind, bits, allocation):
    """Return a port of `bits` a cycle at most, accessed by the byte."""
    return {
        "name": f"{kind}_port_{number}",
        "type": {"r": "read", "w": "write", "rw": "read_write"}[kind],
        "bandwidth_min": 8,
        "bandwidth_max": bits,
        "allocation": allocation,
    }


def memory(size, cost, operands, ports, served):
    """Return a memory of `size` bits whose accesses of a port's full width cost `cost` each."""
    return {
        "size": size, "r_cost": float(cost), "w_cost": float(cost), "area": 0, "latency": 1, "operands": operands,
        "ports": ports, "served_dimensions": served,
    }  # fmt: skip


def accelerator(machine):
    """Return the machine in ZigZag's terms: a register a multiplier for weights, one a column for partial sums, one SRAM."""
    bits, psum = machine["operand_bits"], machine["psum_bits"]
    flow = [f"{operand}, {way}" for operand in ("I1", "I2") for way in ("fh", "tl")]
    flow += [f"O, {way}" for way in ("fh", "tl", "fl", "th")]
    sram_ports = [port(number, "rw", WIDE, [way]) for number, way in enumerate(flow, 1)]
    output_ways = (("r", "tl"), ("r", "th"), ("w", "fh"), ("w", "fl"))
    width = machine["dram_bits_per_cycle"]
    return {
        "name": "peer",
        "memories": {
            "weight_register": memory(
                bits, 0, ["I2"], [port(1, "r", bits, ["I2, tl"]), port(2, "w", bits, ["I2, fh"])], []
            ),
            "sum_register": memory(
                psum, 0, ["O"], [port(n, kind, psum, [f"O, {way}"]) for n, (kind, way) in enumerate(output_ways, 1)], ["D2"]
            ),
            "sram": memory(machine["sram_bytes"] * 8, 0, ["I1", "I2", "O"], sram_ports, ["D1", "D2"]),
            "dram": memory(1 << 40, width, ["I1", "I2", "O"], [port(1, "rw", width, flow)], ["D1", "D2"]),
        },
        "operational_array": {
            "unit_energy": 0.0, "unit_area": 1, "dimensions": ["D1", "D2"],
            "sizes": [machine["columns"], machine["rows"]],
        },
    }  # fmt: skip


def workload(layer, machine):
    """Return one layer in ZigZag's terms, its zero padding declared."""
    height, width = layer["map"]
    down, across = layer["stride"]
    top, bottom, left, right = layer["padding"]
    sizes = {
        "B": layer["N"], "K": layer["K"], "G": layer["groups"], "OX": layer["Q"], "OY": layer["P"], "C": layer["C"],
        "FX": layer["S"], "FY": layer["R"],
    }  # fmt: skip
    bits, psum = machine["operand_bits"], machine["psum_bits"]
    return {
        "id": 0, "name": layer["name"], "operator_type": "Conv",
        "equation": "O[b][g][k][oy][ox]+=W[g][k][c][fy][fx]*I[b][g][c][iy][ix]",
        "loop_dims": list(sizes), "loop_sizes": list(sizes.values()),
        "dimension_relations": [f"ix={across}*ox+1*fx", f"iy={down}*oy+1*fy"],
        "operand_precision": {"W": bits, "I": bits, "O": psum, "O_final": bits},
        "operand_source": {"W": 0, "I": 0},
        "pr_loop_dims": ["IX", "IY"], "pr_loop_sizes": [width, height], "padding": [[left, right], [top, bottom]],
    }  # fmt: skip


def mapping(machine):
    """Return the spatial mapping: output channels along the columns, input channels along the rows."""
    spread = {"D1": [f"K, {machine['columns']}"], "D2": [f"C, {machine['rows']}"]}
    return [{"name": "default", "spatial_mapping": spread, "memory_operand_links": LINKS}]


def search(request, folder):
    """Return ZigZag's best cost model evaluation of the layer, and the CPU seconds it took."""
    (folder / "accelerator.yaml").write_text(yaml.safe_dump(accelerator(request["machine"]), sort_keys=False))
    (folder / "mapping.yaml").write_text(yaml.safe_dump(mapping(request["machine"]), sort_keys=False))
    reduce = {"energy": MinimalEnergyStage, "latency": MinimalLatencyStage}[request["optimise"]]
    temporal = SalsaStage if request["engine"] == "salsa" else TemporalMappingGeneratorStage
    stages = [
        WorkloadParserStage, AcceleratorParserStage, WorkloadStage, reduce, SpatialMappingGeneratorStage, reduce, temporal,
        CostModelStage,
    ]  # fmt: skip
    start = cpu_s()
    main = MainStage(
        list_of_callables=stages, accelerator=str(folder / "accelerator.yaml"), mapping=str(folder / "mapping.yaml"),
        workload=[workload(request["layer"], request["machine"])], loma_lpf_limit=request["loops"], loma_show_progress_bar=False,
        nb_mappings_generated=1, enable_mix_spatial_mapping_generation=False, access_same_data_considered_as_no_access=True,
        temporal_mapping_type=TemporalMappingType.UNEVEN, salsa_opt_criterion=request["optimise"],
    )  # fmt: skip
    found = main.run()[0][0]
    return found, cpu_s() - start


def cpu_s():
    """Return the CPU seconds of this process and of those it started and waited for (SALSA's workers)."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def described(found):
    """Return what is reported of an evaluation: DRAM bits by operand in ZigZag's two accounts, cycles, mapping.

    dram_bits: elements a period x periods, as its energy counts them. element_bits: its count of moved elements, in which
    partial sums are not read back on their first visit.
    """
    periods, elements = {}, {}
    for operand, levels in found.mapping.unit_mem_data_movement.items():
        top = levels[-1]
        get = {attribute: top.get_attribute(attribute) for attribute in DataMoveAttr}
        units = found.mapping.spatial_mapping.unit_count[operand][len(levels)]
        for way, label in ((DataDirection.RD_OUT_TO_LOW, "read"), (DataDirection.WR_IN_BY_LOW, "written")):
            bits = get[DataMoveAttr.DATA_PRECISION].get(way)
            amount = get[DataMoveAttr.DATA_TRANS_AMOUNT_PER_PERIOD].get(way)
            times = get[DataMoveAttr.DATA_TRANS_PERIOD_COUNT].get(way) * units
            periods[f"{operand.name} {label}"] = amount * bits * times
            elements[f"{operand.name} {label}"] = get[DataMoveAttr.DATA_ELEM_MOVE_COUNT].get(way) * bits
    loops = {
        operand.name: [[[dim.name, size] for dim, size in level] for level in levels]
        for operand, levels in found.temporal_mapping.mapping_dic_origin.items()
    }
    held = {
        operand.name: [float(bits) for bits in sizes]
        for operand, sizes in found.mapping.data_bit_per_level_unrolled.items()
    }
    return {
        "dram_bits": periods, "element_bits": elements,
        "cycles": {
            "compute": found.ideal_temporal_cycle, "stalled": found.stall_slack_comb, "onload": found.data_onloading_cycle,
            "offload": found.data_offloading_cycle, "total": found.latency_total2,
        },
        "double_buffered": {operand.name: flags for operand, flags in found.double_buffer_true.items()},
        "energy": found.energy_total, "loops": loops, "held_bits": held,
        "spatial": str(found.spatial_mapping.mapping_dict_origin),
    }  # fmt: skip


def main():
    """Answer the request."""
    logging.disable(logging.CRITICAL)
    random.seed(0)  # SALSA anneals
    numpy.random.seed(0)  # noqa: NPY002 (the generator it uses)
    request = json.load(sys.stdin)
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()):
        found, seconds = search(request, Path(folder))
    versions = {name: version(name) for name in ("zigzag-dse", "numpy")}
    json.dump({"versions": versions, "cpu_s": seconds, **described(found)}, sys.stdout)


if __name__ == "__main__":
    main()
