"""Jha, Mittal, Mattela, VLSID 2019: compact networks have few parameters, many activations and little reuse."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from accelsim.compactness.profile import NetworkProfile, profile
from accelsim.outline import Outline, outline
from accelsim.papers import paper
from accelsim.papers.compact import correlations, narrowness
from accelsim.papers.compact.counts import QUANTITIES, consistency, counted
from accelsim.papers.compact.published import published
from accelsim.papers.report import Listing, PaperReport, with_deviations
from accelsim.study.efficiency import simulated

NOTES = [
    "counts follow the rules of the tool Netscope, with which the printed ones agree, at 224 x 224 (Inception-V2: at its Caffe file's"
    " own 231 x 231), batch 1: activations are the outputs of all layers, in-place ones and the input included; MACs include one per"
    " output of a Scale and five per output of an LRN",
    "MACs/Param and MACs/Act are printed in whole numbers and were formed from rounded counts: they agree within one",
    "InceptionV2: 2,220 M MACs are printed; 197 a parameter at 11.2 M parameters, both rounded, allow 2,191 to 2,222 M. Ours meets 197 and"
    " 122",
    "the four correlations of memory equal the printed ones when our counts stand beside the printed memory; from the printed"
    " columns alone, whose MACs/Act are rounded, 0.755 and 0.966 are printed as 0.75 and 0.96",
    "the printed memory (M-F, Tesla P100, 587 to 1,405 MB) is far above the tensors at batch 1 (3 to 312 MB): presumably what the"
    " driver reports, buffers of the framework included; it is not compared number by number",
    "the range 15 to 443 of memory / model size cannot be recomputed: with 4 B a parameter the printed memory gives 22 to 472"
    " (AlexNet, 4.2, left out), so another size of the model was presumably meant",
    "energy efficiencies are not printed network by network: -0.18 and 0.88 cannot be recomputed. Throughputs of the same GPU, and"
    " energies of simulated machines that skip nothing, stand in; no GPU run is recorded with accelsim. The machine p100 is a"
    " roofline of that GPU whose launch times and shares of power are assumed, not a measurement",
    "batch of the published energy measurement: not stated in what could be read. At batch 1 AlexNet's fully connected weights"
    " dominate its energy and turn the sign of the correlation with MACs/Act; at batch 16 Eyeriss comes near the published pair",
    "shares of GEMM and GEMV kernels, stall reasons and utilisation of the GPU are measurements that need one: not reproduced",
    "top-1 accuracies are properties of published weights, which are not run here",
]

MACHINES = ("eyeriss", "p100")
"""Eyeriss, and the GPU of the paper's measurements."""

BATCHES = (1, 16)


@paper("compact")
def reproduce() -> PaperReport:
    """Jha, Mittal, Mattela, VLSID 2019: parameters, activations, MACs, memory and efficiency of twelve compact networks."""
    outlines = networks()
    profiles = {name: profile(name, item.network) for name, item in outlines.items()}
    counts = counted(profiles)
    energies = simulated(outlines, MACHINES, BATCHES)
    listings = {
        "digits": consistency(counts),
        "networks": footprints(profiles),
        "memory": correlations.memory(profiles),
        "efficiency": correlations.efficiency(profiles, energies),
        "factorisation": narrowness.factorisation(),
        "efficiencies": _efficiencies(energies),
        "machines": _machines(energies),
        "blocks": _blocks(narrowness.block_layers()),
    }
    title = "Compact networks, VLSID 2019"
    return PaperReport(title, with_deviations(counts, QUANTITIES), QUANTITIES, NOTES, ("network",), listings)


def networks() -> dict[str, Outline]:
    """Return the twelve networks by their names in the paper."""
    table = published()
    return {
        str(name): outline(str(workload)) for name, workload in zip(table["network"], table["workload"], strict=True)
    }


def footprints(profiles: Mapping[str, NetworkProfile]) -> Listing:
    """Return activations in both conventions, A/P and memory of each network, ours beside the printed memory."""
    printed_mb = dict(zip(published()["network"], published()["memory_mb"], strict=True))
    rows = []
    for name, item in profiles.items():
        netscope, unique = item.total("netscope"), item.total("unique-tensors")
        printed = float(printed_mb[name])
        rows.append(
            {
                "network": name, "activations_m": netscope["activations"] / 1e6, "unique_m": unique["activations"] / 1e6,
                "activations_per_parameter": netscope["activations_per_parameter"],
                "arithmetic_intensity": netscope["arithmetic_intensity"], "model_mb": unique["model_bytes"] / 1e6,
                "peak_mb": unique["footprint_bytes"] / 1e6, "peak_ratio": unique["footprint_per_model_size"],
                "kept_mb": netscope["kept_footprint_bytes"] / 1e6, "kept_ratio": netscope["kept_footprint_per_model_size"],
                "memory_mb": printed, "memory_ratio": printed / (unique["model_bytes"] / 1e6),
            }
        )  # fmt: skip
    heads = {
        "network": "network", "activations_m": "act. M (netscope)", "unique_m": "(unique)",
        "activations_per_parameter": "act/param", "arithmetic_intensity": "MACs/(P+A)", "model_mb": "model MB",
        "peak_mb": "peak MB", "peak_ratio": "/ model", "kept_mb": "all kept MB", "kept_ratio": "/ model",
        "memory_mb": "printed MB", "memory_ratio": "/ model",
    }  # fmt: skip
    found = pd.DataFrame(rows)
    ratios = found.loc[found["network"].ne("AlexNet"), "activations_per_parameter"]
    caption = (
        f"values of 4 B; activations / parameters without AlexNet: {ratios.min():.1f} to {ratios.max():.1f} (published: 1.4 to"
        " 32.8); peak: model and live activations, layer by layer; printed: memory footprint on a Tesla P100"
    )
    return Listing("Activations and memory of one input", found, heads, caption)


def _machines(energies: pd.DataFrame) -> Listing:
    table = energies.assign(
        energy_mj=energies["energy_pj"] * 1e-9, gmacs_per_joule=energies["macs_per_joule"] * 1e-9,
        dram_mb=energies["dram_bytes"] / 1e6, time_ms=energies["time_s"] * 1e3,
    )  # fmt: skip
    heads = {
        "machine": "machine", "batch": "batch", "network": "network", "energy_mj": "mJ a batch", "time_ms": "ms a batch",
        "dram_mb": "DRAM MB a batch", "gmacs_per_joule": "GMAC/J",
    }  # fmt: skip
    caption = "matrix products only; energy tables are those of the machines' files (accelsim list energy)"
    return Listing("Simulated machines, nothing skipped", table, heads, caption, shown=False)


def _efficiencies(energies: pd.DataFrame) -> Listing:
    names = energies["machine"] + ", batch " + energies["batch"].astype(str)
    wide = energies.assign(name=names, gmacs=energies["macs_per_joule"] * 1e-9)
    table = wide.pivot(index="network", columns="name", values="gmacs")
    table = table.loc[list(dict.fromkeys(wide["network"])), list(dict.fromkeys(names))].reset_index()
    table.columns.name = None
    caption = (
        "machines that skip nothing; matrix products only; energies from the machines' files (accelsim list energy)"
    )
    return Listing("Simulated efficiency, GMAC/J", table, {str(n): str(n) for n in table.columns}, caption)


def _blocks(table: pd.DataFrame) -> Listing:
    heads = {
        "form": "body", "block": "block", "parameters": "parameters", "counted_macs": "MACs",
        "activations": "activations", "macs_per_activation": "MACs/Act",
    }  # fmt: skip
    caption = "netscope counts of each block's layers"
    return Listing("Blocks of 2.0-SqNxt-23, factorised and not", table, heads, caption, shown=False)
