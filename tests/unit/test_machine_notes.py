"""What a machine says with every result: one line each, behind the machine's own name."""

from __future__ import annotations

import pytest

from accelsim import catalogue, load_hardware


@pytest.mark.parametrize("name", catalogue.names("hardware"))
def test_every_note_begins_with_the_name_of_the_machine(name: str) -> None:
    for given in (name, "mine"):
        notes = load_hardware(name, [f"name={given}"]).notes()
        assert all(note.startswith(f"{given}: ") and "\n" not in note for note in notes), notes
        assert len(set(notes)) == len(notes)
