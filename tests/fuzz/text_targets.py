"""Every parser of text as a function of one text, its good examples, and how many cases the tests give it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from accelsim import catalogue, config, strictyaml
from accelsim.accelerators.base import described
from accelsim.cli.lists import spread
from accelsim.cli.modes import parse as options
from accelsim.cli.options import addressed
from accelsim.dataflows.tiling.fixed import parse as mapping
from accelsim.dataflows.tiling.problem import Problem
from accelsim.errors import AccelsimError, InputError
from accelsim.gpu.device import NotMeasurable
from accelsim.gpu.files import read_record
from accelsim.gpu.ncu import parsed
from accelsim.hardware.dram import load_dram, read_trace
from accelsim.hardware.energy import load_energy
from accelsim.layer import LayerShape
from accelsim.sources.dnnsim.model import read_model, read_precision
from accelsim.sources.sharing.tasks import read_labels
from accelsim.study import cluster
from accelsim.study.executors import open_workers
from accelsim.study.grid import grid
from accelsim.study.limits import limits
from accelsim.study.template import Template
from accelsim.study.values import number, values
from accelsim.units import parse_bytes
from accelsim.workload import load_workload
from tests.fuzz import examples
from tests.fuzz.harness import check_message

Parser = Callable[[str], Any]


@dataclass(frozen=True)
class Family:
    """A parser of text, good examples of what it reads, and the cases of the fast and the slow test."""

    parse: Parser
    examples: Sequence[str]
    few: int
    many: int


@cache
def folder() -> Path:
    """Return the folder of this process into which cases are written that are read from files."""
    found = Path(tempfile.mkdtemp(prefix="fuzz-"))
    (found / "files").symlink_to(catalogue.folder("workload") / "files")  # that shipped workloads name
    return found


def from_file(name: str, read: Callable[[Path], Any]) -> Parser:
    """Return `read` as a function of the text of the file that it reads."""

    def parse(text: str) -> Any:
        path = folder() / name
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
        return read(path)

    return parse


def workload(path: Path) -> Any:
    """Read a workload and name its content, for which the files that it names are read."""
    return load_workload(path).key


def axis(text: str) -> Any:
    """Read the values of an axis, each as a number where it is one."""
    return [number(value) for value in values(text)]


@cache
def _template() -> Template:
    return Template.of("eie")


def setting(text: str) -> Any:
    """Apply a setting as one run and as a study does, which must agree."""
    template = _template()
    found: list[Any] = []
    for make in (lambda: described(config.override(template.document, [text])), lambda: template.machine([text])):
        try:
            found.append(make())
        except AccelsimError as error:
            found.append(error)
    assert repr(found[0]) == repr(found[1]), "a study takes another machine than a run"
    if isinstance(found[0], AccelsimError):
        raise found[0]
    return found[0]


def bytes_of(text: str) -> float:
    """Read a number of bytes."""
    try:
        return parse_bytes(text)
    except ValueError as error:
        raise InputError(str(error)) from None


def executor(text: str) -> None:
    """Read the name of an executor; nothing is connected to, and no process is started."""
    kind, _, rest = text.partition(":")
    if kind == "slurm":
        _, given = cluster._job(rest)
        cluster._count(given, "jobs")
        cluster._count(given, "cores")
    elif not (kind in ("dask", "tcp", "tls") and rest.startswith("//")):
        with open_workers(text):
            pass


def ncu(text: str) -> int:
    """Read what ncu printed."""
    try:
        return parsed(text)
    except NotMeasurable as error:
        raise InputError(str(error)) from None


def command_line(text: str) -> Any:
    """Take a command line apart: common options, lists, settings by address."""
    words = options(text.split()).arguments
    spread(words, {"--hw", "--set"})
    return addressed(words, ["eyeriss", "hwconfigs/scnn.yaml"], ["alexnet", "a/b.yaml"])


_SETTINGS = (
    "clock.frequency_mhz=250", "memory.buffer.size=64KiB", "accelerator.pes=32", "storage.weight=plain", "dram.bandwidth=25.6GB/s",
    "memory.buffer={size: 1MiB, source: assumed}", "mapping.layers={conv1: K2 / K}", "batch.size=2", "mapping.objective=energy",
)  # fmt: skip
_GRID = (
    "eyeriss:batch.size=1..4",
    "workload.samples=1,2",
    "a.b=[1,2],[3]",
    "alexnet:seed=3",
    "dram.bandwidth=5e9,10e9",
)
_AXES = (
    "16KiB..1MiB:x2", "8..32:+8", "1..64", "5e9,10e9", "[1, 2],[3]", "0.1..0.9:+0.2", "a,b,'c,d'", "1e-9..1e-3:x10", "-5..5:+1",
)  # fmt: skip
_SMALL = (
    "a: 1\nb: [1, 2.5, x]\nc: {d: yes, e: 'f'}\n", "a: &x {b: 1}\nc: *x\n", "a: |\n  text\n  more\nb: >\n  folded\n",
    "? a\n: b\n", '"k": "\\x41\\u00e9"\n# remark\n', "a: 1e-9\nb: 0x10\nc: 4_096\nd: ~\ne: .inf\n",
)  # fmt: skip
_PROBLEM = Problem.of(LayerShape("conv", 2, 2, 8, 4, 6, 6, 3, 3, 4, 4))


@cache
def families() -> dict[str, Family]:
    """Return every family by name."""
    hardware, loads = list(examples.shipped("hardware").values()), list(examples.shipped("workload").values())
    import json

    return {
        "hardware": Family(lambda text: described(strictyaml.parse(text)), hardware, 40, 6000),
        "workload": Family(
            from_file("w.yaml", workload), [*loads, *[examples.TINY, examples.OWN, examples.FOLDER] * 8], 40, 5000
        ),
        "dram": Family(
            from_file("d.yaml", lambda p: load_dram(str(p))), list(examples.shipped("dram").values()), 20, 2500
        ),
        "energy": Family(
            from_file("e.yaml", lambda p: load_energy(str(p))), list(examples.shipped("energy").values()), 20, 2500
        ),
        "yaml": Family(strictyaml.parse, _SMALL, 60, 10_000),
        "setting": Family(setting, _SETTINGS, 40, 4000),
        "override": Family(lambda text: config.override(strictyaml.parse("a: {b: 1}"), [text]), _SETTINGS, 30, 4000),
        "axis": Family(axis, _AXES, 40, 8000),
        "grid": Family(lambda text: len(grid(["eyeriss", "a.yaml"], ["alexnet"], [text])), _GRID, 30, 5000),
        "limit": Family(lambda text: limits([text]), ("sram=1MiB", "bandwidth=20e9", "area=10"), 20, 3000),
        "bytes": Family(bytes_of, ("64KiB", "25.6GB/s", "512", "1e3 MB"), 20, 3000),
        "executor": Family(executor, ("local:1", "local", "slurm:q,jobs=8,cores=16,memory=32GB"), 20, 1500),
        "mapping": Family(
            partial(mapping, problem=_PROBLEM), ("K2 C4 P3 / N Q P C K", "whole", "K2 G1 / T N G", "C2"), 20, 4000
        ),
        "command line": Family(
            command_line, ("run --json --hw a b --set x=1 eyeriss:y=2", "--set=workload.a=1 alexnet:b=2 a/b.yaml:c=3"), 20, 3000
        ),
        "model.csv": Family(from_file("model.csv", read_model), examples.MODEL_CSV, 20, 3000),
        "precision.txt": Family(
            from_file("precision.txt", lambda p: read_precision(p, 2, 16)), examples.PRECISION_TXT, 20, 3000
        ),
        "ncu": Family(ncu, examples.NCU_CSV, 20, 4000),
        "DRAM trace": Family(from_file("t.trace", lambda p: read_trace(p, 64)), examples.DRAM_TRACE, 20, 3000),
        "labels": Family(from_file("l.txt", lambda p: read_labels(p, 3)), examples.LABELS_TXT, 20, 2000),
        "record": Family(from_file("r.json", read_record), [json.dumps(examples.record(), indent=1)], 20, 2000),
    }  # fmt: skip


def quietly(name: str) -> Callable[[bytes], None]:
    """Return the parser of a family as a function of bytes that forgives clean errors alone."""

    def one(data: bytes) -> None:
        try:
            families()[name].parse(data.decode("utf-8", "surrogateescape"))
        except AccelsimError as error:
            check_message(error)

    return one


TARGETS: dict[str, Callable[[bytes], None]] = {
    name: quietly(name) for name in ("yaml", "axis", "grid", "mapping", "ncu", "model.csv", "record")
}
