"""Energy of a word of an on-chip level: as given, scaled to another size, or the SRAM model's."""

from __future__ import annotations

import pytest

from accelsim.errors import ConfigError
from accelsim.hardware.access import word_pj
from accelsim.hardware.energy import sram_pj
from accelsim.hardware.hierarchy import Level

KIB = 1024


def level(**keys: object) -> Level:
    return Level.model_validate({"size": 64 * KIB, "source": "assumed", **keys})


def test_a_figure_of_its_own_size_needs_no_node() -> None:
    assert word_pj(level(word_pj=3.0), 16, None) == 3.0
    assert word_pj(level(word_pj=3.0, word_pj_size=64 * KIB), 16, None) == 3.0


def test_a_figure_of_another_size_follows_the_model_at_the_node_of_the_table() -> None:
    for node in (65.0, 22.0):
        ratio = sram_pj(32 * KIB, 64, node) / sram_pj(8 * KIB, 64, node)
        found = word_pj(level(word_pj=3.0, word_pj_size=16 * KIB, banks=2), 16, node)
        assert found == pytest.approx(3.0 * ratio)


def test_without_a_figure_words_share_an_access() -> None:
    for write in (False, True):
        expected = sram_pj(64 * KIB, 128, 45.0, write) / 8
        assert word_pj(level(width_bits=128), 16, 45.0, write) == pytest.approx(expected)


@pytest.mark.parametrize("keys", [{}, {"word_pj": 3.0, "word_pj_size": 16 * KIB}])
def test_the_model_without_a_node_is_refused(keys: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="names no technology_nm"):
        word_pj(level(**keys), 16, None)
