"""Texts that once hung, broke or took the machine's memory, and their kin: each one line now, at once."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from accelsim import config, strictyaml
from accelsim.accelerators.base import described
from accelsim.dataflows.tiling.fixed import parse as mapping
from accelsim.dataflows.tiling.problem import Problem
from accelsim.errors import MOST_LETTERS, AccelsimError, ConfigError, InputError, printable, shortened
from accelsim.files.paths import user_path
from accelsim.gpu.device import NotMeasurable
from accelsim.gpu.files import read_record
from accelsim.gpu.ncu import parsed
from accelsim.hardware.dram import load_dram, read_trace
from accelsim.layer import LayerShape
from accelsim.study.cluster import _count, _job
from accelsim.study.limits import limits
from accelsim.study.values import number, values
from accelsim.units import parse_bytes
from accelsim.workload import load_workload
from tests.fuzz import examples
from tests.fuzz.harness import bounded_memory, check_message, in_time

LAUGHS = "a: &a [1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{','.join([f'*{chr(97 + i)}'] * 9)}]\n" for i in range(9)
)
YAML = {
    "billion laughs": (LAUGHS, "more than 100,000 values"),
    "laughs in keys": (
        "a: &a {" + ", ".join(f"x{i}: 1" for i in range(400)) + "}\n" + "".join(f"b{i}: *a\n" for i in range(300)),
        "more than 100,000 values",
    ),
    "nested lists": ("- " * 50_000, "too deeply"),
    "nested mappings": ("? " * 50_000, "too deeply"),
    "nested blocks": ("".join(" " * i + "a:\n" for i in range(600)), "too deeply"),
    "nested a little too much": ("a: " + "[" * 70 + "]" * 70, "too deeply"),
    "an alias in its anchor": ("&a {b: *a}", "inside its own anchor"),
    "5,000 digits": ("a: " + "9" * 5000, "more than 64 bits"),
    "an integer of 65 bits": (f"a: {2**63}", "more than 64 bits"),
    "a hexadecimal one": ("a: 0x" + "f" * 5000, "more than 64 bits"),
    "no physical quantity": ("a: 1e308", "out of range"),
    "nor its inverse": ("a: 1e-308", "out of range"),
    "a number that is infinite": ("a: 1e999", "out of range"),
    "a letter beyond Unicode": ('a: "\\UFFFFFFFF"', "out of range"),
    "half a letter": ('a: "\\uD800"', "half of a letter"),
    "half a letter in a key": ('"\\uD800": 1', "plain word"),
    "a directive of 5,000 digits": ("%YAML " + "9" * 5000 + ".1\n---\na: 1", "out of range"),
    "a zero byte": ("a: \0", "the letter 0x0000 is not allowed"),
    "a function of Python": ("a: !!python/object/apply:os.system ['true']", "is not allowed"),
    "a long tag": ("a: !" + "x" * 100_000 + " 1", "is not allowed"),
    "300 problems": ("a: {" + "{b: 1}: 1," * 300 + "}", "and 250 more"),
    "a mebibyte": ("a: 1\n" + "#" * (1 << 20), "longer than"),
    "no mapping": ("- 1", "expected a mapping"),
    "two documents": ("a: 1\n---\nb: 2", "another document"),
    "terminal codes in a key": ('"\\e[31m": 1\n"\\e[31m": 2', r"\x1b[31m"),
}  # fmt: skip


@pytest.mark.parametrize("name", YAML)
def test_yaml(name: str) -> None:
    text, said = YAML[name]
    with in_time(20), bounded_memory(2**28), pytest.raises(ConfigError) as refused:
        strictyaml.parse(text, "file.yaml")
    check_message(refused.value)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "word", ["9" * 60_000 + "x", "9_" * 30_000 + "x", "1" * 60_000 + ".x", "1." + "0" * 60_000 + "y"]
)
def test_words_like_numbers_are_read_at_once(word: str) -> None:
    with in_time(2):
        assert strictyaml.scalar(word) == word
        assert number(word) is None
        assert len(values(word)) == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text.encode() + b"\xff\xfe", "not a UTF-8"),
        (lambda text: text.encode("utf-16"), "not a UTF-8"),
        (lambda text: text.encode() + b"\0", "not allowed"),
        (lambda text: b"", "empty"),
        (lambda text: b"x" * (2 << 20), "longer than"),
    ],
)  # fmt: skip
def test_files_that_are_no_text(change: Callable[[str], bytes], said: str, tmp_path: Path) -> None:
    path = tmp_path / "w.yaml"
    path.write_bytes(change(examples.TINY))
    with pytest.raises(ConfigError, match=said):
        load_workload(path)


@pytest.mark.parametrize("ends", ["\r\n", "\r", "\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_and_byte_order_marks_do_not_matter(ends: str, mark: str, tmp_path: Path) -> None:
    path = tmp_path / "w.yaml"
    path.write_bytes((mark + examples.TINY.replace("\n", ends)).encode())
    plain = tmp_path / "plain.yaml"
    plain.write_text(examples.TINY)
    assert load_workload(path).key == load_workload(plain).key


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("memory.buffer.size=" + "9" * 400 + "KiB", "too large"),
        ("memory.buffer.size=1e29", "or equal to 1125899906842624"),
        ("accelerator.pes=65537", "accelerator.pes: at most 65,536, got 65,537"),
        ("dram.bandwidth=1e308", "out of range"),
        ("batch.size=1\naccelerator: 2", "one setting changes one key"),
        ("." * 300 + "=1", "not of the form"),
        ("a." * 300 + "b=1", "nested too deeply"),
        ("memory.\udc80=1", "not of the form"),
        ("memory.buffer.word=1", "did you mean 'word_pj'"),
        ("storage.weight=" + "x" * 100_000, "Input should be"),
    ],
)  # fmt: skip
def test_settings(setting: str, said: str) -> None:
    document = strictyaml.parse(examples.shipped("hardware")["eie"], "eie")
    with in_time(5), pytest.raises(AccelsimError) as refused:
        described(config.override(document, [setting]))
    check_message(refused.value)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "text", ["1e-300..1e300:x2", "-1e308..1e308:+1e300", "1..9e999KiB", "1e-300..1e299:x1e100", "1..1e300:x1.0001"]
)
def test_axes_that_reach_too_far(text: str) -> None:
    with in_time(2), pytest.raises(ConfigError):
        values(text)
    with pytest.raises(ConfigError):
        limits(["sram=1e999KiB"])
    with pytest.raises(ValueError, match="too large"):
        parse_bytes("9" * 400 + "KiB")


@pytest.mark.parametrize("count", ["²", "1" * 5000, "0", "-1", "1_0", "٣"])
def test_counts_of_jobs(count: str) -> None:
    with pytest.raises(ConfigError, match="no whole number"):
        _count(_job(f"q,jobs={count}")[1], "jobs")


NCU = examples.NCU_CSV[0]


@pytest.mark.parametrize(
    "text",
    [
        NCU.replace("Metric Value", "Value"), NCU.replace("Metric Unit", "Unit"), NCU.replace("1,234", "many"), NCU.replace("5.5", "1e400"),
        NCU.replace("5.5", "-1"), NCU.replace("5.5", "nan"), NCU.replace("Kbyte", "furlong"), NCU.replace('"1,234"', "1" * 200_000),
    ],
)  # fmt: skip
def test_what_ncu_never_prints(text: str) -> None:
    with pytest.raises(NotMeasurable, match=r"not counts of bytes|no values"):
        parsed(text)


@pytest.mark.parametrize(
    "line", ["LD " + "9" * 5000, "LD 0x" + "f" * 17, f"ST {2**63}", "LD 1_0", "LD ٣", "x" * 100_000, "LD  1", ""]
)
def test_dram_traces(line: str, tmp_path: Path) -> None:
    path = tmp_path / "t.trace"
    path.write_text(f"LD 0\n{line}\nLD 64\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"t\.trace"):
        read_trace(path, 64)


@pytest.mark.parametrize("text", ["K" + "9" * 5000, "K " * 50_000, "/" + " K" * 50_000])
def test_mappings(text: str) -> None:
    with in_time(2), pytest.raises(ConfigError, match="mapping"):
        mapping(text, Problem.of(LayerShape("conv", 1, 1, 8, 4, 6, 6, 3, 3, 4, 4)))


@pytest.mark.parametrize(
    "changes",
    [{"stride": (0, 1)}, {"dilation": (1, 0)}, {"K": 10**30}, {"K": 1 << 30, "C": 1 << 30}, {"kind": "linear", "N": 10**400}],
)  # fmt: skip
def test_shapes(changes: dict[str, Any]) -> None:
    given = {"kind": "conv", "N": 1, "groups": 1, "K": 1, "C": 1, "H": 1, "W": 1, "R": 1, "S": 1, "P": 1, "Q": 1}
    with pytest.raises(ValueError, match=r"at least 1|larger than any"):
        LayerShape(**{**given, **changes})


@pytest.mark.parametrize(("key", "value"), [("K", 10**30), ("stride", [0, 1]), ("N", -1), ("kind", "x" * 5000)])
def test_records(key: str, value: object, tmp_path: Path) -> None:
    found = copy.deepcopy(examples.record())
    found["counts"]["layers"][0]["shape"][key] = value
    path = tmp_path / "r.json"
    path.write_text(json.dumps(found), encoding="utf-8")
    with pytest.raises(InputError) as refused:
        read_record(path)
    check_message(refused.value)


@pytest.mark.parametrize(
    "change", [("channels: 1", "channels: 1048576"), ("rows: 65536", f"rows: {2**62}"), ("banks: 8", "banks: 65536")]
)
def test_dram_parts(change: tuple[str, str], tmp_path: Path) -> None:
    path = tmp_path / "d.yaml"
    text = examples.shipped("dram")["ddr3"]
    assert change[0] in text
    path.write_text(text.replace(*change).replace("ranks: 1", "ranks: 2"), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"more than|or equal"):
        load_dram(str(path))


@pytest.mark.parametrize("text", ["zero\0byte", "a/" * 5000, "x" * 300, "~nobodyxx/x", "\udfff\ud800"])
def test_paths_that_no_file_can_have(text: str) -> None:
    with pytest.raises(InputError) as refused:
        user_path(text)
    check_message(refused.value)


def test_messages_are_printable_and_bounded() -> None:
    told = str(ConfigError("a\x1b[2J\ud800" + "x" * 100_000, problems=[f"p{i}\a" for i in range(1000)]))
    assert told.splitlines()[0].startswith(r"a\x1b[2J\ud800xxx")
    assert told.splitlines()[-1] == "  and 950 more"
    assert max(map(len, told.splitlines())) <= MOST_LETTERS
    assert printable("plain\nlines") == "plain\nlines"
    assert shortened("é" * 100, 11) == "éééé...éééé"
