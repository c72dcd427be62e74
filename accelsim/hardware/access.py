"""Energy of a word in an on-chip level: as given, or from the model of SRAM energy for its size and width."""

from __future__ import annotations

from functools import lru_cache

from accelsim.errors import ConfigError
from accelsim.hardware.hierarchy import Level


def word_pj(level: Level, word_bits: int, technology_nm: float | None, write: bool = False) -> float:
    """Return the energy of reading or writing a word of `word_bits`, in pJ.

    A level without `word_pj` takes the SRAM model at `technology_nm` for one of its banks, shared out over the words
    of an access; one with `word_pj` takes as much to write as to read, with `word_pj_size` scaled as the model scales reads.
    Raises ConfigError when the model is needed and the energy table names no technology.
    """
    reference = level.word_pj_size or level.total_bytes
    if level.word_pj is not None and reference == level.total_bytes:
        return level.word_pj
    if technology_nm is None:
        raise ConfigError(
            "the energy of a level of memory is that of the SRAM model, and the section energy names no technology_nm",
            "give technology_nm, or word_pj without word_pj_size",
        )
    size = level.total_bytes / level.banks
    if level.word_pj is None:
        return _sram(size, level.width_bits, technology_nm, write) * word_bits / level.width_bits
    given = _sram(reference / level.banks, level.width_bits, technology_nm, False)
    return level.word_pj * _sram(size, level.width_bits, technology_nm, False) / given


def leakage_mw(level: Level, technology_nm: float | None) -> float:
    """Return the leakage of a level in mW: as given, or by the SRAM model; 0 where the node is not known to it."""
    if level.leakage_mw is not None:
        return level.leakage_mw
    return _leakage(level.total_bytes / level.banks, technology_nm) * level.banks


def beyond_model(level: Level) -> str:
    """Return a warning where the energy of a level is extrapolated beyond the points of the SRAM model, else nothing."""
    from accelsim.hardware.energy import sram_beyond

    if level.word_pj is not None and level.word_pj_size in (None, level.total_bytes):
        return ""
    return sram_beyond(level.total_bytes / level.banks, level.width_bits)


@lru_cache(maxsize=1 << 16)
def _leakage(size_bytes: float, technology_nm: float | None) -> float:
    from accelsim.hardware.energy import sram_leakage_mw

    if technology_nm is None:
        return 0.0
    try:
        return float(sram_leakage_mw(size_bytes, technology_nm))
    except ConfigError:
        return 0.0


@lru_cache(maxsize=1 << 16)
def _sram(size_bytes: float, width_bits: int, technology_nm: float, write: bool) -> float:
    from accelsim.hardware.energy import sram_pj

    return float(sram_pj(size_bytes, width_bits, technology_nm, write))
