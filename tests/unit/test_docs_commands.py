"""The commands that README and the documentation tell are commands of this version; cheap ones are run."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

from accelsim import catalogue
from accelsim.cli import invoke
from accelsim.cli.app import app
from accelsim.cli.modes import parse
from tests.doc_commands import told

COMMANDS = {line: words for line, words in told().items() if not parse(words).arguments[0].startswith("-")}
OWN = {"mynet.yaml", "gratings.yaml", "broadcast.yaml", "mine.yaml"}
"""Files that the text says how to write."""
ELSEWHERE = (*OWN, "cuda", "gpu record", "gpuruns", "reproduce", "precision", "share", "search", "sweep")
"""Words of commands that need a file, a device, records or more time; tests of their own run the last ones."""


def quick() -> list[str]:
    """Return the lines of the commands to run, each once."""
    lines = {" ".join(arguments): line for line, arguments in COMMANDS.items()}
    return [line for words, line in lines.items() if not any(word in words for word in ELSEWHERE)]


def test_there_are_commands() -> None:
    assert len(COMMANDS) > 60
    assert len(quick()) > 30


@pytest.mark.parametrize("line", COMMANDS, ids=range(len(COMMANDS)))
def test_every_command_is_understood(line: str) -> None:
    words = parse(COMMANDS[line]).arguments
    group = typer.main.get_command(app)
    context = typer.Context(group, info_name="accelsim")
    while isinstance(group, typer.core.TyperGroup):
        command = group.get_command(context, words[0])
        assert command is not None, words[0]
        group, words = command, words[1:]
    parameters = group.make_context("accelsim", list(words), parent=context).params
    for option, kind in (("hw", "hardware"), ("workload", "workload")):
        value = parameters.get(option) or ()
        for name in [value] if isinstance(value, str) else value:
            assert name in OWN or catalogue.find(kind, name).is_file()


@pytest.mark.slow
def test_quick_commands_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    failed = {}
    for line in quick():
        code = invoke(COMMANDS[line])
        told = capsys.readouterr()
        if code:
            failed[line] = told.err
    assert not failed
