"""Strict YAML: duplicate keys are errors, 1e-9 is a number, `no` is a word, every key knows its line."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from accelsim.errors import ConfigError

_INT = re.compile(r"^[-+]?(0|[1-9][0-9_]*)$")
_HEX = re.compile(r"^0x[0-9a-fA-F]+$")
_FLOAT = re.compile(r"^[-+]?([0-9][0-9_]*\.?[0-9_]*|\.[0-9]+)([eE][-+]?[0-9]+)?$")
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

    >>> scalar("1e-9"), scalar("no"), scalar("true"), scalar("0x10"), scalar("4_096")
    (1e-09, 'no', True, 16, 4096)
    """
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text in ("true", "True", "TRUE"):
        return True
    if text in ("false", "False", "FALSE"):
        return False
    if _INT.match(text):
        return int(text.replace("_", ""))
    if _HEX.match(text):
        return int(text, 16)
    if _FLOAT.match(text):
        return float(text.replace("_", ""))
    return _INF.get(text.lower(), text)


def read(path: Path) -> Document:
    """Read one strict YAML mapping from `path`; every problem in the file is reported at once.

    Raises ConfigError naming file and line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not a UTF-8 text file ({error.reason})") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    return parse(text, str(path))


def parse(text: str, name: str = "<text>") -> Document:
    """Parse YAML `text`; `name` stands for the file in messages."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise ConfigError(f"{name}{line}: not valid YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{name}: not valid YAML: {error}") from None
    except RecursionError:
        raise ConfigError(f"{name}: sections are nested too deeply") from None
    if node is None:
        raise ConfigError(f"{name}: the file is empty")
    document = Document(name, {})
    problems: list[str] = []
    data = _build(node, (), document, problems, ())
    if not isinstance(data, dict):
        problems.append(f"{name}:1: expected a mapping (key: value lines) at the top")
    if problems:
        raise ConfigError(f"{name}: {len(problems)} problem{'s' if len(problems) > 1 else ''}", problems=problems)
    document.data = data
    return document


def _build(
    node: yaml.Node, at: tuple[str | int, ...], document: Document, problems: list[str], around: tuple[yaml.Node, ...]
) -> Any:
    """Return the plain data of `node`, which stands at key path `at` inside the nodes `around`."""
    document.lines.setdefault(at, node.start_mark.line + 1)
    if any(node is outer for outer in around):
        problems.append(f"{document.path}:{node.start_mark.line + 1}: an alias stands inside its own anchor")
        return None
    if node.tag not in _PLAIN_TAGS:
        problems.append(f"{document.path}:{node.start_mark.line + 1}: YAML tag {node.tag!r} is not allowed")
        return None
    around = (*around, node)
    if isinstance(node, yaml.MappingNode):
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
            if key is None:
                problems.append(f"{document.path}:{line}: a key must be a plain word")
                continue
            if key in result:
                first = document.lines[(*at, key)]
                problems.append(f"{document.path}:{line}: duplicate key {key!r} (first on line {first})")
                continue
            document.lines[(*at, key)] = line
            result[key] = _build(value_node, (*at, key), document, problems, around)
        return result
    if isinstance(node, yaml.SequenceNode):
        return [_build(item, (*at, i), document, problems, around) for i, item in enumerate(node.value)]
    if not isinstance(node, yaml.ScalarNode):
        problems.append(f"{document.path}:{node.start_mark.line + 1}: unsupported YAML construct")
        return None
    return scalar(node.value) if node.style is None else node.value


_PLAIN_TAGS = {
    f"tag:yaml.org,2002:{t}"
    for t in ("map", "seq", "str", "int", "float", "bool", "null", "timestamp", "merge", "value")
}
