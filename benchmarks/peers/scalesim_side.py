"""Simulate layers on a machine with SCALE-Sim v3: runs in SCALE-Sim's own environment, JSON on standard input and output.

Request: {"machine": ..., "layer": ..., "dataflow": "ws", "mode": "CALC"}, machine and layer as `benchmarks.peers.machine`
writes them; in mode CALC DRAM keeps up and nothing stalls. Answer: CPU seconds, cycles and DRAM bits by operand, and the
versions. No trace is saved. SCALE-Sim has one SRAM an operand, each of a whole number of units of 1,024 words, used as
two halves: the capacity of the one shared SRAM is split 3:3:2 over inputs, weights and outputs.
"""

import io
import json
import os
import sys
import tempfile
import time
from contextlib import redirect_stderr, redirect_stdout
from importlib.metadata import version
from pathlib import Path

from scalesim.scale_sim import scalesim

SHARES = {"ifmapsramszkB": 3, "filtersramszkB": 3, "ofmapsramszkB": 2}
"""Eighths of the shared SRAM's capacity."""
LAYOUT = (
    "Layer,ifmap rows,ifmap columns,filter rows,filter columns,channels,filters,stride,"
    "ifmap row order,ifmap column order,channel order,filter order\n"
)


def configuration(machine, dataflow, mode, bandwidth):
    """Return SCALE-Sim's configuration file for the machine; bandwidths in words a cycle, the same on every interface."""
    units = machine["sram_bytes"] * 8 // machine["operand_bits"] // 1024
    sizes = "\n".join(f"{name}: {units * eighths // 8}" for name, eighths in SHARES.items())
    return f"""[general]
run_name = peer

[architecture_presets]
ArrayHeight: {machine["rows"]}
ArrayWidth: {machine["columns"]}
{sizes}
IfmapOffset: 0
FilterOffset: 100000000
OfmapOffset: 200000000
Bandwidth: {bandwidth}
Dataflow: {dataflow}
ReadRequestBuffer: 512
WriteRequestBuffer: 512

[layout]
IfmapCustomLayout: False
IfmapSRAMBankBandwidth: {bandwidth}
IfmapSRAMBankNum: 1
IfmapSRAMBankPort: 1
FilterCustomLayout: False
FilterSRAMBankBandwidth: {bandwidth}
FilterSRAMBankNum: 1
FilterSRAMBankPort: 1

[sparsity]
SparsitySupport: false
SparseRep: ellpack_block
OptimizedMapping: false
BlockSize: 8
RandomNumberGeneratorSeed: 40

[run_presets]
InterfaceBandwidth: {mode}
UseRamulatorTrace: False
"""


def topology(layer):
    """Return SCALE-Sim's line for a layer: it knows no padding, so the padded map stands for the map."""
    top, bottom, left, right = layer["padding"]
    height, width = layer["map"]
    sizes = (
        height + top + bottom,
        width + left + right,
        layer["R"],
        layer["S"],
        layer["C"],
        layer["K"],
        layer["stride"][0],
    )
    if layer["groups"] != 1 or layer["N"] != 1 or layer["stride"][0] != layer["stride"][1]:
        raise ValueError(f"{layer['name']}: SCALE-Sim has no groups, batches or unequal strides")
    return f"{layer['name']},{','.join(str(size) for size in sizes)},\n"


def simulate(request, folder):
    """Return what SCALE-Sim finds for the layer."""
    layer, machine = request["layer"], request["machine"]
    words = max(1, machine["dram_bits_per_cycle"] // machine["operand_bits"])
    (folder / "scale.cfg").write_text(configuration(machine, request["dataflow"], request["mode"], words))
    (folder / "topology.csv").write_text(
        "Layer,rows,columns,filter rows,filter columns,channels,filters,stride,\n" + topology(layer)
    )
    (folder / "layout.csv").write_text(LAYOUT + f"{layer['name']}," + "1," * 20 + "\n")
    start = time.process_time()
    tool = scalesim(
        save_disk_space=True, verbose=False, config=str(folder / "scale.cfg"), topology=str(folder / "topology.csv"),
        layout=str(folder / "layout.csv"),
    )  # fmt: skip
    tool.run_scale(top_path=str(folder / "out"))
    seconds = time.process_time() - start
    run = tool.runner.single_layer_sim_object_list[0]
    total, compute, stalled, *_ = (float(item) for item in run.get_compute_report_items())
    detail = [int(item) for item in run.get_detail_report_items()]
    bits = machine["operand_bits"]
    return {
        "cpu_s": seconds,
        "dram_bits": {"I read": detail[11] * bits, "W read": detail[14] * bits, "O written": detail[17] * bits},
        "cycles": {"total": total, "compute": compute, "stalled": stalled},
    }  # fmt: skip


def main():
    """Answer the request."""
    request = json.load(sys.stdin)
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        os.chdir(folder)
        answer = simulate(request, Path(folder))
        os.chdir("/")
    versions = {name: version(name) for name in ("scalesim", "numpy", "pandas")}
    json.dump({"versions": versions, **answer}, sys.stdout)


if __name__ == "__main__":
    main()
