"""Every module, public class and public function says in its docstring what it does and which errors a caller meets."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from accelsim import errors

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "accelsim").rglob("*.py"))
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md")] + sorted((ROOT / "docs").glob("*.md"))
ERRORS = {name for name, found in vars(errors).items() if isinstance(found, type)}
HELPERS = {"unknown_name": "UnknownNameError"}
"""Functions whose result is raised, with the error that they return."""

Documented = ast.Module | ast.ClassDef | ast.FunctionDef


def public(tree: ast.Module) -> Iterator[Documented]:
    """Yield the module, its public classes and functions, and the public methods of those classes."""
    yield tree
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and _public(node):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from (found for found in node.body if isinstance(found, ast.FunctionDef) and _public(found))


def _public(node: ast.ClassDef | ast.FunctionDef) -> bool:
    return not node.name.startswith("_") and not any(ast.unparse(d) == "overload" for d in node.decorator_list)


def raised(node: ast.AST) -> Iterator[str]:
    """Yield the errors that a function raises itself, those of functions inside it left out."""
    for part in ast.iter_child_nodes(node):
        if isinstance(part, ast.FunctionDef | ast.Lambda):
            continue
        if isinstance(part, ast.Raise) and isinstance(part.exc, ast.Call):
            name = ast.unparse(part.exc.func).rpartition(".")[2]
            yield HELPERS.get(name, name)
        yield from raised(part)


def name_of(path: Path, node: Documented) -> str:
    """Return where a docstring belongs, as an editor opens it."""
    place = path.relative_to(ROOT)
    return str(place) if isinstance(node, ast.Module) else f"{place}:{node.lineno} {node.name}"


@cache
def documented() -> list[tuple[str, Documented, str]]:
    """Return place, node and docstring of everything that is public."""
    trees = ((path, ast.parse(path.read_text(encoding="utf-8"))) for path in FILES)
    return [(name_of(p, node), node, ast.get_docstring(node) or "") for p, tree in trees for node in public(tree)]


def test_first_lines_are_sentences() -> None:
    wrong = [place for place, _, text in documented() if not text.split("\n")[0].endswith((".", "?"))]
    assert not wrong, "no docstring, or its first line is no whole sentence:\n" + "\n".join(wrong)


def test_errors_that_are_raised_are_named() -> None:
    missing = []
    for place, node, text in documented():
        if isinstance(node, ast.FunctionDef) and not place.startswith("accelsim/cli/"):  # those become exit codes
            missing += [
                f"{place}: {name}" for name in dict.fromkeys(raised(node)) if name in ERRORS and name not in text
            ]
    assert not missing, "raised, but not in the docstring:\n" + "\n".join(missing)


def test_names_of_this_package_in_prose_exist() -> None:
    texts = [(place, text) for place, _, text in documented()]
    texts += [(str(page.relative_to(ROOT)), page.read_text(encoding="utf-8")) for page in PAGES]
    name = re.compile(r"(?<![\w./-])accelsim(?:\.[A-Za-z_]\w*)+(?![\w-])")
    file = re.compile(r"(?<![\w./-])(?:accelsim|benchmarks|docs|tests)/[\w/]+\.py\b")
    wrong = [f"{place}: {found}" for place, text in texts for found in set(name.findall(text)) if not exists(found)]
    wrong += [
        f"{place}: {found}" for place, text in texts for found in file.findall(text) if not (ROOT / found).exists()
    ]
    assert not wrong, "named, but not there:\n" + "\n".join(wrong)


def exists(name: str) -> bool:
    """Tell whether a dotted name is a module, or stands in the text of one."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        place = ROOT.joinpath(*parts[:length])
        file = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
        if file.is_file():
            words = re.findall(r"\w+", file.read_text(encoding="utf-8"))
            return all(part in words for part in parts[length:])
    return False


@pytest.mark.parametrize(("name", "there"), [("accelsim.layer.Layer", True), ("accelsim.layer.Lair", False)])
def test_names_are_looked_up(name: str, there: bool) -> None:
    assert exists(name) is there
