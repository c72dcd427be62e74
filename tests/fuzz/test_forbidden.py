"""What the code must not do with files that others wrote: unpickle, evaluate, follow YAML tags, start a shell."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2] / "accelsim"

UNPICKLING = {"pickle", "cPickle", "_pickle", "dill", "joblib", "shelve", "marshal", "cloudpickle", "jsonpickle"}
COMPILED = "compiled.py"
"""Compiled code of Numba, which Numba itself keeps as pickles: as trusted as the .pyc files it stands beside."""
NAMED_ALONE = "sources/state.py"
"""Catches pickle.UnpicklingError of torch.load(weights_only=True) and calls nothing of the module."""
IMPORTING = {
    "__init__.py", "cli/listing.py", "registry.py", "report/figures/papers/__init__.py", "report/vocabulary.py",
    "sources/graphs/rehearsal.py", "sources/paper_networks/table.py", "sources/python.py", "zoo/__init__.py", "zoo/train.py",
}  # fmt: skip
"""They import what their own tables name; catalogues entry points too; the source `python` runs the user's code, as it says;
a rehearsal the class that the process which started it names."""

SUSPECT = re.compile(
    r"pickle|dill|joblib|shelve|marshal|\b(eval|exec|compile|system|popen|execl|spawnl?|load|NpzFile|extractall)\(|__import__|yaml\."
    r"|read_array|shell=|mktemp|exec_module|import_module|trust_remote_code|unpack_archive|PackageImporter"
)
"""What a file says that has any of it; the others are not parsed."""


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Yield every call of a module with the dotted name of what is called."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield dotted(node.func), node


def dotted(node: ast.AST) -> str:
    """Return a dotted name, "?" for anything that is none."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return "?"


def keyword(call: ast.Call, name: str) -> object:
    """Return the constant that a call gives to a keyword, None without one."""
    found = next((k.value for k in call.keywords if k.arg == name), None)
    return found.value if isinstance(found, ast.Constant) else None


def problems(path: Path, tree: ast.AST) -> Iterator[str]:
    """Yield every forbidden import and call."""
    place = path.relative_to(ROOT).as_posix()
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        if {name.partition(".")[0] for name in names} & UNPICKLING and place not in (COMPILED, NAMED_ALONE):
            yield f"{place}:{node.lineno}: imports {names}"
    for name, call in calls(tree):
        where = f"{place}:{call.lineno}: {name}"
        last = name.rpartition(".")[2]
        if name in ("eval", "exec", "compile", "__import__", "builtins.eval", "builtins.exec"):
            yield f"{where} runs text"
        if name.partition(".")[0] in UNPICKLING and place != COMPILED:
            yield f"{where} unpickles"
        if name in ("torch.load", "torch.serialization.load") and keyword(call, "weights_only") is not True:
            yield f"{where} without weights_only=True"
        if name in (
            "torch.hub.load",
            "torch.jit.load",
            "torch.package.PackageImporter",
            "pd.read_pickle",
            "pandas.read_pickle",
        ):
            yield f"{where} runs what a file says"
        if (name in ("np.load", "numpy.load") or last in ("read_array", "NpzFile")) and keyword(
            call, "allow_pickle"
        ) is not False:
            yield f"{where} without allow_pickle=False"
        if name.startswith("yaml.") and name not in ("yaml.safe_dump", "yaml.compose"):
            yield f"{where} reads YAML beside the strict reader"
        if name == "yaml.compose" and dotted(call.keywords[0].value) != "yaml.SafeLoader":
            yield f"{where} with another loader than SafeLoader"
        if keyword(call, "shell") is True or name in ("os.system", "os.popen", "os.execl", "os.spawnl", "pty.spawn"):
            yield f"{where} starts a shell"
        if last == "mktemp":
            yield f"{where} names a file that another may make first"
        if (last == "exec_module" and place not in IMPORTING) or keyword(call, "trust_remote_code") is True:
            yield f"{where} runs code of a file"
        if (
            last == "import_module"
            and not (call.args and isinstance(call.args[0], ast.Constant))
            and place not in IMPORTING
        ):
            yield f"{where} imports what a variable names"
        if last in ("extractall", "unpack_archive"):
            yield f"{where} writes files where an archive says"


@pytest.fixture(scope="module")
def trees() -> dict[Path, ast.AST]:
    texts = {path: path.read_text(encoding="utf-8") for path in sorted(ROOT.rglob("*.py"))}
    assert len(texts) > 300
    return {path: ast.parse(text, str(path)) for path, text in texts.items() if SUSPECT.search(text)}


def test_nothing_runs_what_a_file_says(trees: dict[Path, ast.AST]) -> None:
    found = [line for path, tree in trees.items() for line in problems(path, tree)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "text",
    [
        "import pickle", "from dill import loads", "eval(text)", "exec(text)", "torch.load(path)", "torch.load(p, weights_only=False)",
        "np.load(p)", "np.load(p, allow_pickle=True)", "yaml.load(t, Loader=yaml.SafeLoader)", "yaml.unsafe_load(t)", "yaml.safe_load(t)",
        "yaml.compose(t, Loader=yaml.Loader)", "subprocess.run(c, shell=True)", "os.system(c)", "tempfile.mktemp()",
        "spec.loader.exec_module(m)", "importlib.import_module(name)", "AutoModel.from_pretrained(p, trust_remote_code=True)",
        "archive.extractall(folder)", "pd.read_pickle(p)",
    ],
)  # fmt: skip
def test_the_audit_sees(text: str) -> None:
    assert list(problems(ROOT / "some" / "module.py", ast.parse(text)))
    assert SUSPECT.search(text)


def test_only_the_word_pickle_is_needed_to_refuse_pickles(trees: dict[Path, ast.AST]) -> None:
    used = {dotted(n) for n in ast.walk(trees[ROOT / NAMED_ALONE]) if isinstance(n, ast.Attribute)}
    assert {name for name in used if name.startswith("pickle.")} == {"pickle.UnpicklingError"}
