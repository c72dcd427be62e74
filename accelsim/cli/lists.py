"""Options that take several values: `--hw a b c` means `--hw a --hw b --hw c`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from typer.core import TyperCommand


class ListsCommand(TyperCommand):
    """A command whose repeatable options take every value up to the next option."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Spread the lists out, then parse as ever."""
        names = {name for p in self.params if getattr(p, "multiple", False) for name in p.opts}
        return super().parse_args(ctx, spread(args, names))


def spread(arguments: Sequence[str], names: Collection[str]) -> list[str]:
    """Return `arguments` with the option repeated before each further value of one of `names`.

    >>> spread(["--hw", "a", "b", "--csv", "--set=x=1", "y=2"], {"--hw", "--set"})
    ['--hw', 'a', '--hw', 'b', '--csv', '--set=x=1', '--set', 'y=2']
    """
    found: list[str] = []
    option, waiting = "", False
    for argument in arguments:
        if argument.startswith("-"):
            name, equals, _ = argument.partition("=")
            option, waiting = (name, not equals) if name in names else ("", False)
        elif option:
            found += [] if waiting else [option]
            waiting = False
        found.append(argument)
    return found
