"""Dupuis et al., DDECS 2020: weight sharing without retraining, explored layer by layer."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from accelsim.files.cache import cache_folder
from accelsim.outline import outline
from accelsim.papers import paper
from accelsim.papers.report import Listing, PaperReport, with_deviations
from accelsim.study.sharing.candidates import SIZES, Sharing
from accelsim.study.sharing.exploration import Plan
from accelsim.study.sharing.methods import methods
from accelsim.study.sharing.rate import rate, width
from accelsim.study.sharing.share import Share, share
from accelsim.workload import load_workload

DATA = "ACCELSIM_DATA"
"""Variable that names a folder of data/cifar10/, data/imagenet500/ (pictures named by class, and synsets.txt) and
models/squeezenet1_1/weights.safetensors; without it the networks that need them are left out."""
QUANTITIES = {"rate": "x", "loss": "points"}
MACHINES = ("dadiannao", "pragmatic")
METHOD_SIZES = (8, 16, 32)
SHAPES = {"ResNet-18": "torchvision:resnet18", "SqueezeNet 1.0": "squeezenet_v1_0", "SqueezeNet 1.1": "squeezenet_v1_1"}
NOTES = [
    "published figures are of the abstract; tables per layer could not be read, nor which version of SqueezeNet was meant",
    "ours at most loses what is published (0.44 points), of the points that were measured; 500 pictures of ImageNet of one class"
    " each, very probably training images: one picture is 0.2 points, and the baseline is not that of the validation set",
    "ResNet-18: its trained weights are neither shipped nor among the data; what its shapes allow stands below",
    "a later paper of the authors (ASP-DAC 2022) states more than 5x at the loss that MLPerf allows, for other networks",
    "rates are ratios of sums with codebooks counted; the authors' code searches by the mean of the layers' ratios instead,"
    " which is never smaller (column `mean of ratios`)",
    "clusters are optimal, not those of Lloyd's iteration from evenly spread values as in the authors' code; both are compared below",
    "optimal is meant in squared distance of the weights: with few values Lloyd's iteration, whose extremes stand further out, may"
    " lose fewer points",
    "combinations are random around the same k everywhere, not a space-filling design; slopes are not"
    " negative, and the search is by the distance of the outputs, which is less noisy than the loss on few inputs",
    '"biases corrected": beyond the paper, biases take up the mean error of the shared weights, by the means of each layer\'s inputs'
    " over those of the exploration (`--correct-bias` of `accelsim share`; Nagel et al., ICCV 2019)",
]


@dataclass(frozen=True)
class Case:
    """A network that is explored, and how; note: what its name in the tables is followed by."""

    workload: str
    plan: Plan
    sizes: tuple[int, ...] = SIZES
    changes: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    note: str = ""

    @property
    def name(self) -> str:
        """What the tables call it."""
        return f"{self.workload}{self.note}"


@paper("sharing")
def reproduce() -> PaperReport:
    """Dupuis et al., DDECS 2020: compression by shared weights against loss, without retraining."""
    cases = [*shipped(), *with_data()]
    found = {
        case.name: share(
            load_workload(case.workload, case.changes),
            Sharing(sizes=case.sizes),
            None,
            case.plan,
            hw=MACHINES,
            machine_points=0,
            **case.options,
        )
        for case in cases
    }
    fronts = [own.exploration.front.assign(network=name) for name, own in found.items()]
    listings = {
        "networks": _networks(found),
        "front": Listing("Measured points", pd.concat(fronts, ignore_index=True), _FRONT),
        "methods": _methods(found),
        "shapes": _shapes(),
        "machines": _machines(found),
    }
    left_out = (
        []
        if len(cases) > len(shipped())
        else [f"resnet20 and SqueezeNet are left out: set {DATA} to the folder of their data"]
    )
    return PaperReport(
        "Weight sharing, DDECS 2020", _against(found), QUANTITIES, NOTES + left_out, ("network",), listings
    )


def shipped() -> list[Case]:
    """Return the networks that can be judged with what is shipped."""
    return [Case("segmenter", Plan(subset=40, combinations=24)), Case("char_lstm", Plan(subset=8, combinations=24))]


def with_data() -> list[Case]:
    """Return the networks whose data stand in the folder that the environment names."""
    given = os.environ.get(DATA)
    if not given:
        return []
    folder, cases = Path(given), []
    if (folder / "data" / "cifar10" / "test_jpeg.npz").is_file():
        cases.append(Case("resnet20", Plan(subset=500, combinations=24, points=5), options={"data": folder / "data"}))
    weights, pictures = folder / "models" / "squeezenet1_1" / "weights.safetensors", folder / "data" / "imagenet500"
    if weights.is_file() and pictures.is_dir():
        files = sorted(pictures.glob("*.jpg"))
        classes = [line.split()[0] for line in (pictures / "synsets.txt").read_text(encoding="utf-8").splitlines()]
        labels = np.array([classes.index(path.stem) for path in files])
        inputs = f"inputs={{files: '{pictures}', resize: null, crop: null}}"
        plan = Plan(subset=50, combinations=8, points=5, target="distance")
        changes = (f"weights={weights}", inputs, f"samples={len(files)}")
        for note in ("", ", biases corrected"):
            options = {"labels": labels, "correct_bias": bool(note)}
            cases.append(Case("squeezenet1_1", plan, (16, 32, 64, 128), changes, options, note))
    return cases


_FRONT = {
    "network": "network", "kind": "point", "rate": "rate (x)", "mean_of_ratios": "mean of ratios", "rate_of_all": "all parameters (x)",
    "mean_index_bits": "index bits", "metric_value": "metric (%)", "loss": "loss (points)", "loss_error": "standard error",
    "loss_unseen": "loss, unseen", "distance": "distance", "chosen": "chosen",
}  # fmt: skip


def _against(found: dict[str, Share]) -> pd.DataFrame:
    """Return the published rates beside ours at no more than the published loss."""
    table = pd.read_csv(Path(__file__).with_suffix(".csv"), comment="#")
    table = table.rename(columns={q: f"{q}_published" for q in QUANTITIES})
    ours = {"SqueezeNet": found.get("squeezenet1_1")}
    rows = []
    for item in table.to_dict("records"):
        own = ours.get(str(item["network"]))
        best = None if own is None else _best(own, float(item["loss_published"]))
        rows.append({q: float("nan") if best is None else best[q] for q in QUANTITIES})
    return with_deviations(pd.concat([table, pd.DataFrame(rows)], axis=1), QUANTITIES)


def _best(own: Share, most_loss: float) -> dict[str, float] | None:
    front = own.exploration.front
    within = front[front["loss"] <= most_loss]
    return None if within.empty else {q: float(within.sort_values("rate").iloc[-1][q]) for q in QUANTITIES}


def _networks(found: dict[str, Share]) -> Listing:
    rows = []
    for name, own in found.items():
        info, place = own.exploration.info, own.exploration.chosen
        each = info["predictor"]["each"]
        row = {"network": name, "metric": f"{info['metric']} of {info['inputs']:,}", "baseline": info["baseline"]}
        row |= {"weights": info["weights"], "r2_loss": each["loss"], "r2_distance": each["distance"]}
        if place is not None:
            row |= {
                q: own.exploration.front[q][place] for q in ("rate", "rate_of_all", "loss", "loss_error", "loss_unseen")
            }
        rows.append(row)
    heads = {
        "network": "network", "metric": "metric and inputs", "baseline": "unshared (%)", "weights": "weights", "rate": "rate (x)",
        "rate_of_all": "all parameters (x)", "loss": "loss (points)", "loss_error": "standard error", "loss_unseen": "loss, unseen",
        "r2_loss": "R2 of loss", "r2_distance": "R2 of distance",
    }  # fmt: skip
    caption = "the highest rate with at most 0.5 points lost; R2: predictor from the layers' distortions, on held-out combinations"
    return Listing("Ours, without retraining", pd.DataFrame(rows), heads, caption)


def _methods(found: dict[str, Share]) -> Listing:
    tables = []
    for name, own in found.items():
        info = own.exploration.info
        places = [place * info["inputs"] // info["subset"] for place in range(info["subset"])]
        table = methods(own.network, METHOD_SIZES, places, cache_folder() / "sharing" / f"{name}-methods")
        tables.append(table.assign(network=name))
    heads = {
        "network": "network", "k": "k", "method": "method", "mean_distortion": "mean distortion", "loss": "loss (points)",
        "distance": "distance of outputs",
    }  # fmt: skip
    caption = "the same k in every layer, on the inputs of the exploration"
    return Listing(
        "Optimal clusters beside Lloyd's from evenly spread values",
        pd.concat(tables, ignore_index=True),
        heads,
        caption,
    )


def _shapes() -> Listing:
    """Return the rates that the same k in every layer gives by the shapes alone, and the index bits that 4.9x leave."""
    from accelsim.sources.sharing.network import shareable

    rows = []
    for name, reference in SHAPES.items():
        sizes = [value.numel() for _, value in shareable(outline(reference).module)]
        row: dict[str, Any] = {"network": name, "layers": len(sizes), "weights": sum(sizes)}
        for k in (16, 32, 64, 128, 256):
            row[f"k{k}"] = rate(sizes, [size * width(k) + k * 32 for size in sizes])
        rows.append(row)
    heads = {
        "network": "network",
        "layers": "layers",
        "weights": "weights",
        **{f"k{k}": f"k = {k} (x)" for k in (16, 32, 64, 128, 256)},
    }
    caption = "4.85x and 4.91x leave 6.6 and 6.5 bits for a weight, its share of codebooks included"
    return Listing("Rates of the same k in every layer, by shapes alone", pd.DataFrame(rows), heads, caption)


def _machines(found: dict[str, Share]) -> Listing:
    """Return the chosen points beside unshared weights stored plainly."""
    table = pd.concat([own.machines.assign(network=name) for name, own in found.items()], ignore_index=True)
    unshared = table["point"].eq("unshared") & table["weight_storage"].eq("plain")
    table = table[unshared | table["point"].str.contains("chosen")].reset_index(drop=True)
    for name, unit in (("weight_traffic_bytes", 1e3), ("traffic_bytes", 1e3), ("inference_pj", 1e6)):
        table[f"shown_{name}"] = table[name] / unit
    heads = {
        "network": "network", "point": "weights", "machine": "machine", "weight_storage": "stored as",
        "shown_weight_traffic_bytes": "weight traffic (kB)", "shown_traffic_bytes": "all traffic (kB)",
        "shown_inference_pj": "energy (uJ)", "weight_zeros": "zeros (share)", "weight_ones": "one-bits",
        "weight_booth_radix4": "Booth terms",
    }  # fmt: skip
    caption = (
        "per inference, 16-bit codes; a codebook holds each code of a layer once, huffman codes the indices by length"
    )
    return Listing("What shared weights do to machines", table, heads, caption)
