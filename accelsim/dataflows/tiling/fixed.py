"""Mappings as text: printed with results, and read back when a user fixes one."""

from __future__ import annotations

import re

from accelsim.dataflows.tiling.problem import DIMS, Problem
from accelsim.errors import ConfigError, shortened

_TILE = re.compile(r"([A-Z])([0-9]{1,12})")
_LONGEST = 200
_FORM = (
    "write tile sizes and loop order, outermost first, like 'K64 C16 P7 / N Q P C K' (sizes left out: the whole loop)"
)


def written(
    problem: Problem, tile: tuple[int, ...], order: tuple[int, ...], outside: tuple[int, ...] | None = None
) -> str:
    """Return a tiling as text: sizes of the loops that are cut, then these loops from the outermost to the innermost.

    outside: tile of the level around, by default the whole loops. `whole` where no loop is cut.
    """
    around = outside or problem.sizes
    cut = [d for d in order if tile[d] < around[d]]
    sizes = " ".join(f"{DIMS[d]}{tile[d]}" for d in range(7) if d in cut)
    return f"{sizes} / {' '.join(DIMS[d] for d in cut)}" if cut else "whole"


def parse(text: str, problem: Problem) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return (tile sizes, loop order) of a mapping written like `written`. Raises ConfigError."""
    if len(text) > _LONGEST:
        raise ConfigError(f"mapping {shortened(text)!r} is longer than {_LONGEST} letters", _FORM)
    sizes, slash, order = text.partition("/")
    tile = list(problem.sizes)
    tile[0] = 1
    given: list[str] = []
    for word in [] if text.strip() == "whole" else sizes.split():
        found = _TILE.fullmatch(word)
        if found is None or found[1] not in DIMS:
            raise ConfigError(f"mapping {text!r}: {word!r} is no tile size", _FORM)
        if found[1] in given:
            raise ConfigError(f"mapping {text!r}: {found[1]} has two tile sizes", _FORM)
        given.append(found[1])
        dim = DIMS.index(found[1])
        if not 1 <= int(found[2]) <= problem.sizes[dim]:
            raise ConfigError(f"mapping {text!r}: {word} is outside 1 to {problem.sizes[dim]}", _FORM)
        if dim == 0 and int(found[2]) != 1:
            raise ConfigError(f"mapping {text!r}: sequential steps (T) follow one another", "leave T out")
        tile[dim] = int(found[2])
    named = order.split() if slash else []
    unknown = [word for word in named if word not in DIMS] + [w for w in named if named.count(w) > 1]
    if unknown:
        raise ConfigError(f"mapping {text!r}: {unknown[0]!r} is no loop, or named twice", _FORM)
    if problem.sizes[0] > 1 and "T" in named[1:]:
        raise ConfigError(f"mapping {text!r}: sequential steps (T) must be the outermost loop", _FORM)
    places = [DIMS.index(word) for word in named if word != "T"]
    rest = [d for d in range(7) if d and d not in places]  # T outermost, then groups, then what is not cut
    return tuple(tile), (0, *rest, *places)
