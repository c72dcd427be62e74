"""Choose a row-stationary mapping for a layer and count what it costs.

Rules, the same for every layer (Chen et al., ISCA 2016 section V; JSSC 2017 section V for the limits):
a mapping must fit the scratchpads, the array, the banks of the global buffer and the filter buffer; several
images go together only as whole maps; m divides M (or pads it slightly). Of these, keep those that use nearly
the most PEs reachable; of these, those near the least DRAM input traffic; of these, take the least time, then
the least global-buffer traffic, then the first in the order of enumeration (e falling, the others rising).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from accelsim.dataflows.convolution import Convolution
from accelsim.dataflows.row_stationary.array import Counts, Mapping, RowStationaryArray
from accelsim.errors import MappingError


def best(
    forms: list[Convolution], machine: RowStationaryArray, compression: float
) -> tuple[Convolution, Mapping, Counts]:
    """Map a layer so that filter rows stay in the PEs: least DRAM input traffic first, then least time.

    Return the form, its mapping and its counts. forms: equivalent convolutions (see `dataflows.convolution`).
    compression: stored size of the input feature map over its plain size. Raises MappingError naming the limit that
    is missed and by how much.
    """
    return _best(tuple(forms), machine, round(compression, 4))


@lru_cache(maxsize=4096)
def _best(
    forms: tuple[Convolution, ...], machine: RowStationaryArray, compression: float
) -> tuple[Convolution, Mapping, Counts]:
    found: list[tuple[float, Convolution, Mapping, Counts]] = []
    reasons: list[str] = []
    for form in forms:
        try:
            mapping, input_words = _search(form, machine, compression)
        except MappingError as error:
            reasons.append(error.message)
            continue
        found.append((input_words, form, mapping, counts(form, mapping, machine)))
    if not found:
        raise MappingError(reasons[0])
    limit = min(words for words, *_ in found) * (1 + machine.rules.dram_tolerance)
    _, form, mapping, count = min((f for f in found if f[0] <= limit), key=lambda f: (f[3].cycles, f[0]))
    return form, mapping, count


def counts(form: Convolution, mapping: Mapping, machine: RowStationaryArray) -> Counts:
    """Count cycles and accesses of one run of `form` (not its repeats) under `mapping`."""
    from accelsim.dataflows.row_stationary.cost import RESULTS, cost

    out = np.zeros(RESULTS)
    m = mapping
    cost(_bounds(form), machine.packed(), m.n, m.e, m.f, m.m, m.p, m.q, m.r, m.t, out)
    return Counts(*(float(v) for v in out))


def _search(form: Convolution, machine: RowStationaryArray, compression: float) -> tuple[Mapping, float]:
    from accelsim.dataflows.row_stationary.enumeration import enumerate_mappings

    _check_storage(machine)
    packed, bounds = machine.packed(), _bounds(form)
    tiles = -(-form.F // machine.rules.longest_row)
    while True:  # the fewest column tiles that fit at all
        width = -(-form.F // tiles)
        choice = np.zeros(10, np.int64)
        words = enumerate_mappings(bounds, packed, compression, width, choice)
        if choice[0]:
            n, e, f, m, p, q, r, t, ifmap_banks, psum_banks = (int(v) for v in choice)
            active = r * t * min(form.R, machine.array.rows) * e
            return Mapping(n, e, f, m, p, q, r, t, ifmap_banks, psum_banks, active), float(words)
        if width == 1:
            raise _too_small(form, machine)
        tiles = -(-form.F // (width - 1))


def _bounds(form: Convolution) -> tuple[int, ...]:
    f = form
    return (f.G, f.N, f.C, f.M, f.E, f.F, f.R, f.S, *f.stride, *f.dilation, f.H, f.W, *f.padding)


def _check_storage(machine: RowStationaryArray) -> None:
    for name in ("filter_words", "ifmap_words", "psum_words"):
        if getattr(machine.scratchpads, name) < 1:
            raise MappingError(f"the {name.split('_')[0]} scratchpad holds 0 words, 1 is needed (scratchpads.{name})")
    if machine.buffer.banks < 1:
        raise MappingError(
            f"the global buffer of {machine.buffer.size} B holds no bank of {machine.buffer.bank_size} B (memory.global_buffer.size)"
        )


def _too_small(form: Convolution, machine: RowStationaryArray) -> MappingError:
    rows = min(form.R, machine.array.rows)
    columns = min(form.S, machine.scratchpads.filter_words, machine.scratchpads.ifmap_words)
    plane = int(machine.word_bytes * rows * columns)
    if plane > machine.buffer.filter_size:
        have = machine.buffer.filter_size
        return MappingError(
            f"one filter plane takes {plane} B of the filter buffer, which has {have} B (memory.global_buffer.filter_size)"
        )
    window = machine.word_bytes * ((rows - 1) * form.dilation[0] + 1) * ((columns - 1) * form.dilation[1] + 1)
    ifmap, psum = int(-(-window // machine.buffer.bank_size)), machine.rules.psum_bank_group
    return MappingError(
        f"at least {ifmap} bank(s) for an input window and {psum} for partial sums are needed, the global buffer has"
        f" {machine.buffer.banks} of {machine.buffer.bank_size} B (memory.global_buffer.size)"
    )
