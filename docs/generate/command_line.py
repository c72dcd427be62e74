"""The page of commands: each with what it does, its arguments and its options."""

from __future__ import annotations

import enum
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import typer.main

from accelsim.cli.app import app
from accelsim.errors import EXIT_CODES
from docs.generate.markdown import code, prose, table, text


def page() -> Iterator[str]:
    """Give the lines of the page."""
    yield from ["# Command line", "", text(app.info.help or ""), "", text(app.info.epilog or ""), ""]
    group: Any = typer.main.get_command(app)
    common = [p for p in group.params if not p.hidden]
    if common:
        yield from [*table(["before the command", "meaning", "default"], map(row, common)), ""]
    for name, command in commands(group):
        yield from [f"## accelsim {name}", "", *prose(command.help or command.callback.__doc__)]
        parameters = [p for p in command.params if not getattr(p, "hidden", False) and p.name != "help"]
        yield from ["```text", usage(name, parameters), "```", ""]
        if parameters:
            yield from table(["", "meaning", "default"], map(row, parameters))
        yield ""
    yield from ["## Exit codes", ""]
    yield from table(["code", "meaning"], ([str(number), text(words)] for number, words in EXIT_CODES.items()))


def commands(group: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """Give every command with its name, those inside groups too."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{before}{name} ")
        elif not command.hidden:
            yield f"{before}{name}", command


def usage(name: str, parameters: list[Any]) -> str:
    """Return how the command is written, what may be left out in brackets."""
    return " ".join(["accelsim", name, *(w if p.required else f"[{w}]" for p in parameters for w in [written(p)])])


def written(p: Any) -> str:
    """Return an argument or option as it is written, with what follows it."""
    many = " ..." if getattr(p, "multiple", False) or p.nargs == -1 else ""
    if p.param_type_name == "argument":
        return f"{p.name.upper().rstrip('_')}{many}"
    return p.opts[0] if p.is_flag else f"{p.opts[0]} {kind(p)}{many}"


def row(p: Any) -> list[str]:
    """Return the row of an argument or option."""
    names = written(p) if p.param_type_name == "argument" else ", ".join([written(p), *p.opts[1:], *p.secondary_opts])
    return [code(names), text(p.help or ""), "required" if p.required else default(p)]


def kind(p: Any) -> str:
    """Return what kind of value an option takes, one of a few words where it does."""
    if p.metavar:
        return str(p.metavar)
    annotation = p.type_descriptor.annotation if hasattr(p, "type_descriptor") else None
    if get_origin(annotation) is Literal:
        return "|".join(map(str, get_args(annotation)))
    if inspect.isclass(annotation) and issubclass(annotation, enum.Enum):
        return "|".join(str(member.value) for member in annotation)
    if inspect.isclass(annotation) and issubclass(annotation, Path):
        return "PATH"
    return {int: "NUMBER", float: "NUMBER"}.get(annotation, "TEXT")


def default(p: Any) -> str:
    """Return the default as one would write it."""
    value = p.default
    if value is None or value is False or value in ((), [], "") or callable(value):
        return ""
    return code(" ".join(map(str, value)) if isinstance(value, list | tuple) else value)
