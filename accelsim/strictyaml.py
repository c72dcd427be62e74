"""Strict YAML: duplicate keys are errors, 1e-9 is a number, `no` is a word, every key knows its line."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from accelsim.errors import ConfigError, shortened

MOST_BYTES = 1 << 20
"""Size of a file; a longer one is no configuration."""
MOST_VALUES = 100_000
"""Values of a file once aliases stand for what they name."""
MOST_DEPTH = 64
"""Sections inside one another."""
SMALLEST, LARGEST = 1e-30, 1e30
"""Sizes of numbers other than 0, so that products of a few physical quantities are finite."""

_INT = re.compile(r"[-+]?(0|[1-9][0-9_]*)")
_HEX = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?([0-9][0-9_]*(\.[0-9_]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")
_INF = {".inf": math.inf, "+.inf": math.inf, "-.inf": -math.inf, ".nan": math.nan}


@dataclass
class Document:
    """Plain data of a YAML file, the line (from 1) on which each key path stands, and the origin of replaced ones."""

    path: str
    data: dict[str, Any]
    lines: dict[tuple[str | int, ...], int] = field(default_factory=dict)
    origins: dict[tuple[str | int, ...], str] = field(default_factory=dict)

    def where(self, location: tuple[str | int, ...]) -> str:
        """Return ``file:line`` of the deepest part of `location` that stands in the file, or the setting it is from."""
        for end in range(len(location), -1, -1):
            if location[:end] in self.origins:
                return self.origins[location[:end]]
            if location[:end] in self.lines:
                return f"{self.path}:{self.lines[location[:end]]}"
        return self.path


def scalar(text: str) -> Any:
    """Read a plain YAML scalar: null, true/false, integers, floats (1e-9 too), else the text itself.

    Raises ValueError for an integer of more than 64 bits and a fraction out of the range of physical quantities.

    >>> scalar("1e-9"), scalar("no"), scalar("true"), scalar("0x10"), scalar("4_096")
    (1e-09, 'no', True, 16, 4096)
    """
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text in ("true", "True", "TRUE"):
        return True
    if text in ("false", "False", "FALSE"):
        return False
    if _INT.fullmatch(text):
        return _integer(text.replace("_", ""), 10)
    if _HEX.fullmatch(text):
        return _integer(text, 16)
    if _FLOAT.fullmatch(text):
        return _fraction(text.replace("_", ""))
    return _INF.get(text.lower(), text)


def _integer(text: str, base: int) -> int:
    found = int(text, base) if len(text) < 32 else 1 << 64
    if not -(1 << 63) <= found < 1 << 63:
        raise ValueError(f"{shortened(text)} is an integer of more than 64 bits")
    return found


def _fraction(text: str) -> float:
    found = float(text)
    if found and not SMALLEST <= abs(found) <= LARGEST:
        raise ValueError(f"{shortened(text)} is out of range: {SMALLEST:g} to {LARGEST:g}, or 0")
    return found


def read(path: Path) -> Document:
    """Read one strict YAML mapping from `path`; every problem in the file is reported at once.

    Raises ConfigError naming file and line.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        text = data[:MOST_BYTES].decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not a UTF-8 text file ({error.reason})") from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from None
    if len(data) > MOST_BYTES:
        raise ConfigError(f"{path}: longer than {MOST_BYTES:,} bytes, which is no configuration")
    return parse(text, str(path))


def parse(text: str, name: str = "<text>") -> Document:
    """Parse YAML `text`; `name` stands for the file in messages. Raises ConfigError listing every problem with its line."""
    if len(text) > MOST_BYTES:
        raise ConfigError(f"{name}: longer than {MOST_BYTES:,} letters, which is no configuration")
    node = _composed(text, name)
    if node is None:
        raise ConfigError(f"{name}: the file is empty")
    building = _Building(Document(name, {}))
    data = building.built(node, (), ())
    problems = building.problems
    if not isinstance(data, dict):
        problems.append(f"{name}:1: expected a mapping (key: value lines) at the top")
    if problems:
        raise ConfigError(f"{name}: {len(problems)} problem{'s' if len(problems) > 1 else ''}", problems=problems)
    building.document.data = data
    return building.document


def _composed(text: str, name: str) -> yaml.Node | None:
    """Return the graph of `text` as PyYAML reads it, None for an empty file. Raises ConfigError."""
    try:
        node: yaml.Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise ConfigError(f"{name}{line}: not valid YAML: {error.problem}") from None
    except yaml.reader.ReaderError as error:
        line = f":{text.count(chr(10), 0, error.position) + 1}"
        raise ConfigError(f"{name}{line}: not valid YAML: the letter {error.character:#06x} is not allowed") from None
    except RecursionError:
        raise ConfigError(f"{name}: sections are nested too deeply", f"at most {MOST_DEPTH}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{name}: not valid YAML: {str(error).splitlines()[0]}") from None
    except (ValueError, OverflowError):  # of PyYAML's own int() and chr()
        raise ConfigError(f"{name}: not valid YAML: a number in an escape or a directive is out of range") from None
    return node


class _Building:
    """Turns the nodes of a file into plain data; lines go to the `document`, everything wrong to `problems`."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.problems: list[str] = []
        self._values = 0

    def built(self, node: yaml.Node, at: tuple[str | int, ...], around: tuple[yaml.Node, ...]) -> Any:
        """Return the plain data of `node`, which stands at key path `at` inside the nodes `around`."""
        self._values += 1
        if self._values > MOST_VALUES:  # aliases of aliases: gigabytes from a few lines
            raise ConfigError(
                f"{self.document.path}: more than {MOST_VALUES:,} values, aliases counted as what they name"
            )
        line = node.start_mark.line + 1
        self.document.lines.setdefault(at, line)
        if any(node is outer for outer in around):
            return self._problem(line, "an alias stands inside its own anchor")
        if node.tag not in _PLAIN_TAGS:
            return self._problem(line, f"YAML tag {shortened(node.tag)!r} is not allowed")
        if len(around) > MOST_DEPTH:
            raise ConfigError(f"{self.document.path}:{line}: sections are nested too deeply", f"at most {MOST_DEPTH}")
        around = (*around, node)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, at, around)
        if isinstance(node, yaml.SequenceNode):
            return [self.built(item, (*at, i), around) for i, item in enumerate(node.value)]
        if not isinstance(node, yaml.ScalarNode):
            return self._problem(line, "unsupported YAML construct")
        if not is_text(node.value):
            return self._problem(line, f"{shortened(node.value)!r} holds half of a letter (a surrogate)")
        try:
            return scalar(node.value) if node.style is None else node.value
        except ValueError as error:
            return self._problem(line, str(error))

    def _mapping(
        self, node: yaml.MappingNode, at: tuple[str | int, ...], around: tuple[yaml.Node, ...]
    ) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
            if key is None or not is_text(key):
                self._problem(line, "a key must be a plain word")
            elif key in result:
                first = self.document.lines[(*at, key)]
                self._problem(line, f"duplicate key {shortened(key)!r} (first on line {first})")
            else:
                self.document.lines[(*at, key)] = line
                result[key] = self.built(value_node, (*at, key), around)
        return result

    def _problem(self, line: int, text: str) -> None:
        self.problems.append(f"{self.document.path}:{line}: {text}")


def is_text(text: str) -> bool:
    """Whether `text` can be written: escapes and command lines may hold lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


_PLAIN_TAGS = {
    f"tag:yaml.org,2002:{t}"
    for t in ("map", "seq", "str", "int", "float", "bool", "null", "timestamp", "merge", "value")
}
