"""The house rules: import contracts, ruff, mypy, dead code, doctests; every constant of a YAML has its source."""

from __future__ import annotations

import ast
import doctest
import importlib
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import accelsim
from accelsim import catalogue, strictyaml

ROOT = Path(__file__).resolve().parents[2]


def run(*command: str) -> None:
    result = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_import_contracts() -> None:
    run("-c", "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())")


def test_ruff() -> None:
    run("-m", "ruff", "check", "accelsim", "tests", "benchmarks", "setup.py")


def test_mypy() -> None:
    run("-m", "mypy")


def test_nothing_is_left_that_nothing_calls() -> None:
    run("-m", "vulture")


def test_doctests() -> None:
    names = [m.name for m in pkgutil.walk_packages(accelsim.__path__, "accelsim.") if not m.name.endswith("__main__")]
    for name in names:
        failures, _ = doctest.testmod(importlib.import_module(name))
        assert failures == 0, name


@pytest.mark.parametrize("name", catalogue.names("hardware"))
def test_every_number_of_a_machine_has_a_source(name: str) -> None:
    document = strictyaml.read(catalogue.find("hardware", name))
    bare = [path for section, value in document.data.items() for path in _without_source(section, value, True)]
    assert not bare, f"{name}: no source beside {bare}"


def _without_source(path: str, value: object, top: bool) -> list[str]:
    """Return the numbers of a section that has no `source` of its own nor one around it."""
    if not isinstance(value, dict):
        return [] if top or not isinstance(value, int | float) else [path]
    if "source" in value:
        return []
    return [found for key, part in value.items() for found in _without_source(f"{path}.{key}", part, False)]


MOST_LINES, MOST_STATEMENTS = 300, 50
"""Of a file, and of a function without its signature and docstring: what can be read in one go."""


def test_files_and_functions_fit() -> None:
    large = []
    for path in sorted((ROOT / "accelsim").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if text.count("\n") > MOST_LINES:
            large.append(f"{path.relative_to(ROOT)}: {text.count(chr(10))} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef) and _body_lines(node) > MOST_STATEMENTS and not _compiled(node):
                large.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}: {_body_lines(node)} lines")
    assert not large, "more than a screen; split by what each part does:\n" + "\n".join(large)


def _body_lines(function: ast.FunctionDef) -> int:
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return (function.end_lineno or 0) - body[0].lineno + 1 if body else 0


def _compiled(function: ast.FunctionDef) -> bool:
    """Tell whether a function is compiled: loops over arrays that would cost a call each if they were cut."""
    return any("njit" in ast.unparse(decorator) for decorator in function.decorator_list)


def test_no_function_unpickles() -> None:
    pattern = re.compile(r"torch\.load\((?!.*weights_only=True)|pickle\.load|allow_pickle=True")
    guilty = [p for p in (ROOT / "accelsim").rglob("*.py") if pattern.search(p.read_text(encoding="utf-8"))]
    assert not guilty
