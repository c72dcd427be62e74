"""Configuration errors: every problem of a file at once, with file, line and key path."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import Field

from accelsim import catalogue, config, strictyaml
from accelsim.errors import ConfigError, UnknownNameError
from accelsim.units import engineering, parse_bytes


class Inner(config.Sourced):
    size_bytes: int = Field(ge=1)
    ratio: float = 1.0


class Outer(config.Spec):
    name: str
    buffer: Inner
    enabled: bool = True


GOOD = "name: x\nbuffer:\n  size_bytes: 4\n  ratio: 1e-9\n  source: assumed\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "file.yaml"
    path.write_text(text)
    return path


def test_good_file_is_typed(tmp_path: Path) -> None:
    spec = config.load(Outer, write(tmp_path, GOOD))
    assert spec.buffer.ratio == 1e-9
    assert spec.enabled is True


def test_every_problem_is_reported_at_once_with_line_and_path(tmp_path: Path) -> None:
    text = "name: 3\nbuffer:\n  size_bytes: 0\n  siez: 2\n  ratio: fast\nenabled: no\n"
    with pytest.raises(ConfigError) as caught:
        config.load(Outer, write(tmp_path, text))
    problems = "\n".join(caught.value.problems)
    for fragment in (
        ":1: name:",
        ":3: buffer.size_bytes:",
        ":4: buffer.siez: unknown key; known: ratio, size_bytes, source",
        ":5: buffer.ratio:",
        ":6: enabled:",
        ":2: buffer.source: required key is missing",
    ):
        assert fragment in problems
    assert caught.value.exit_code == 3


def test_duplicate_keys_are_errors_with_both_lines(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r":2: duplicate key 'name' \(first on line 1\)"):
        config.load(Outer, write(tmp_path, "name: a\nname: b\n"))


@pytest.mark.parametrize(
    ("text", "fragment"),
    [
        ("", "empty"),
        ("- 1\n", "expected a mapping"),
        ("a: [1, 2", "not valid YAML"),
        ("a: !!python/object/apply:os.system [ls]\n", "problem"),
        ("a: !custom 3\n", "not allowed"),
    ],
)
def test_unusable_files(tmp_path: Path, text: str, fragment: str) -> None:
    with pytest.raises(ConfigError, match=fragment):
        strictyaml.read(write(tmp_path, text))


def test_binary_file(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="UTF-8"):
        strictyaml.read(path)


def test_override_replaces_and_adds(tmp_path: Path) -> None:
    spec = config.load(Outer, write(tmp_path, GOOD), ["buffer.size_bytes=8", "enabled=false"])
    assert (spec.buffer.size_bytes, spec.enabled) == (8, False)


@pytest.mark.parametrize("setting", ["buffer", "=3", "name.x=3", "buffer..x=1"])
def test_malformed_override(tmp_path: Path, setting: str) -> None:
    with pytest.raises(ConfigError, match="--set"):
        config.load(Outer, write(tmp_path, GOOD), [setting])


def test_override_error_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"buffer\.size_bytes"):
        config.load(Outer, write(tmp_path, GOOD), ["buffer.size_bytes=-1"])


@pytest.mark.parametrize("reference", ["eyeriss", "configs/eyeriss.yaml", "hwconfigs/eyeriss.yaml", "eyeriss.yaml"])
def test_shipped_machine_is_found_by_stem(reference: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert catalogue.find("hardware", reference).name == "eyeriss.yaml"


def test_existing_path_wins_over_the_catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    mine = tmp_path / "eyeriss.yaml"
    mine.write_text("name: mine\n")
    assert catalogue.find("hardware", "eyeriss.yaml").resolve() == mine


def test_unknown_name_suggests() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'eyeriss'"):
        catalogue.find("hardware", "eyeris")
    with pytest.raises(UnknownNameError, match="bert_lstm"):
        catalogue.find("workload", "bert-lstm")


def test_digest_depends_on_content_only() -> None:
    assert config.digest({"a": 1, "b": [2]}) == config.digest({"b": [2], "a": 1})
    assert config.digest({"a": 1}) != config.digest({"a": 2})


@pytest.mark.parametrize("text", ["480 Mb/s", "64Kib", "8b", "25.6Gb/s"])
def test_numbers_of_bits_are_no_numbers_of_bytes(text: str) -> None:
    with pytest.raises(ValueError, match="number of bits"):
        parse_bytes(text)


def test_a_bandwidth_is_no_size(tmp_path: Path) -> None:
    class Buffer(config.Spec):
        size: config.Bytes
        bandwidth: config.BytesPerSecond

    assert config.load(Buffer, write(tmp_path, "size: 64KiB\nbandwidth: 1.5GB/s\n")) == Buffer(
        size=65536, bandwidth=1.5e9
    )
    with pytest.raises(ConfigError, match="size: '64KiB/s' is a bandwidth"):
        config.load(Buffer, write(tmp_path, "size: 64KiB/s\nbandwidth: 1.5GB/s\n"))


def test_less_than_a_pico_is_not_shown_as_nothing() -> None:
    assert engineering(4.5e-15, "J") == "4.50 fJ"
