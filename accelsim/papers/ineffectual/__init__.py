"""Mahmoud et al., ISPASS 2019: sources of ineffectual computation in four categories of networks."""

from __future__ import annotations

import pandas as pd

from accelsim.papers import paper
from accelsim.papers.ineffectual import beyond, inputs, neighbourhood, potentials, profiles, storage, values
from accelsim.papers.ineffectual.networks import DATA, Opened, all_cases, data_folder, opened, with_data
from accelsim.papers.report import PaperReport

NOTES = [
    "of the paper only the abstract could be read: its questions and its four categories are kept, its figures per network"
    " are not known here and none is printed or compared; its networks and inputs are other ones",
    "the paper's claim, that zeros, excess precision and bit sparsity persist beyond older classifiers, can be checked on the"
    " tables: potential speedups are above 1 in every category, but zeros alone give next to nothing in LSTMs and transformers,"
    " whose activations come of no ReLU",
    "definitions of the potentials follow the simulator of the same group (DNNsim); Booth's recoding has several meanings and is"
    " named in every table",
    "shipped networks are small ones trained by this project on public data; distributions and profiled precisions depend on"
    " them and on the inputs",
    "weights are as the networks hold them (batch normalisation is not folded in); 16 bits: fixed point with a power-of-two"
    " scale per layer; 8 bits: symmetric, per layer, or the codes that a quantised network brings",
]
_EIGHT = "quantization={activations: {scheme: symmetric, bits: 8}, weights: {scheme: symmetric, bits: 8}}"
_AFFINE = "quantization={activations: {scheme: affine, bits: 8}, weights: {scheme: symmetric, bits: 8}}"


@paper("ineffectual")
def reproduce() -> PaperReport:
    """Mahmoud et al., ISPASS 2019: zeros, effectual bits, precision and their potential in four categories."""
    found = opened(all_cases())
    plain = tuple(case for case in found.cases.values() if not case.codes)
    coded = _only(found, [name for name, case in found.cases.items() if case.codes])
    narrow = _joined(opened(plain, (_EIGHT,)), coded)
    affine = opened(tuple(c for c in plain if c.name in ("resnet20", "bert_lstm")), (_AFFINE, "samples=2"))
    profile, layers = profiles.profiles()
    listings = {
        "values": values.properties(found),
        "precision": values.precision(found),
        "potential_16": potentials.potentials(found, 16),
        "potential_8": potentials.potentials(narrow, 8),
        "traffic": storage.formats(found),
        "zero_points": storage.zero_points(_joined(coded, _renamed(affine, " affine"))),
        "inputs": inputs.distribution(found),
        "inputs_needed": inputs.enough(found),
        "profiles": profile,
        "profile_layers": layers,
        "neighbours": neighbourhood.zeros(found),
        "positions": neighbourhood.positions(found),
        "formats": beyond.significands(),
        "pruning": beyond.pruning(),
    }
    notes = [*NOTES, *found.missing]
    if data_folder() is None:
        notes.append(f"shipped networks and inputs alone; {DATA}=DIR adds reference networks and test sets")
    else:
        notes.append(
            f"of the folder that {DATA} names, which is no part of this project: {', '.join(c.name for c in with_data())};"
            " accuracies of resnet20 are of test images there"
        )
    return PaperReport(
        "Sources of ineffectual computation (ISPASS 2019)", pd.DataFrame(), {}, notes, ("network",), listings
    )


def _only(found: Opened, names: list[str]) -> Opened:
    return Opened({name: found.traces[name] for name in names}, {name: found.cases[name] for name in names})


def _joined(first: Opened, second: Opened) -> Opened:
    return Opened(first.traces | second.traces, first.cases | second.cases, [*first.missing, *second.missing])


def _renamed(found: Opened, suffix: str) -> Opened:
    from dataclasses import replace

    cases = {f"{name}{suffix}": replace(case, name=f"{name}{suffix}") for name, case in found.cases.items()}
    return Opened({f"{name}{suffix}": trace for name, trace in found.traces.items()}, cases, found.missing)
