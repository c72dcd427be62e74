"""What README states is what the cards, the recorded pages and the files say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from accelsim import catalogue

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def cells(name: str) -> list[str]:
    """Return the cells of the line of README's table of networks that begins with `name`."""
    (line,) = re.findall(rf"^\| `{name}` \|.*$", README, re.MULTILINE)
    return [cell.strip() for cell in line.split("|")[1:-1]]


@pytest.mark.parametrize(
    "path", sorted((ROOT / "accelsim/zoo/weights").glob("*/card.yaml")), ids=lambda p: p.parent.name
)
def test_networks_are_as_good_as_their_cards_say(path: Path) -> None:
    card = yaml.safe_load(path.read_text(encoding="utf-8"))
    figure = cells(card["name"])[2]
    stated = float(re.search(r"\d+\.\d+", figure)[0])
    share = "%" in figure
    digits = len(re.search(r"\.(\d+)", figure)[1])
    assert stated == pytest.approx(card["value"] * (100 if share else 1), abs=0.5001 * 10**-digits)
    for word in re.findall(r"\((?:noisy|bicubic|n-grams) (\d+\.\d+)\)", figure):
        assert float(word) in [value for value in card["baselines"].values() if isinstance(value, float)]


def test_every_network_of_the_zoo_is_listed() -> None:
    for path in (ROOT / "accelsim/zoo/weights").iterdir():
        assert cells(path.name)


def test_links_and_workloads_are_there() -> None:
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "gpuruns/README.md"):
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert target.startswith("http") or (page.parent / target).exists(), (page.name, target)
    for quoted in re.findall(r"`(docs/[\w/]+\.md|tests/[\w/]+\.py|hwconfigs/[\w/]+\.yaml|accelsim/[\w/]+/)`", README):
        assert (ROOT / quoted).exists(), quoted
    torchvision = [
        n for n in catalogue.names("workload") if "source: torchvision" in catalogue.find("workload", n).read_text()
    ]
    assert f"{len(torchvision)} are shipped workloads" in README


def test_deviations_from_the_chip_are_the_recorded_ones() -> None:
    page = (ROOT / "docs/validation/eyeriss.md").read_text(encoding="utf-8")
    (head,) = (line for line in page.split("\n") if line.startswith("| item |"))
    (worst,) = (line for line in page.split("\n") if line.startswith("| **worst"))
    found = dict(zip(re.findall(r"(\w+)[^|]*\|", head.replace("\\_", "_")), re.findall(r"([^|]+)\|", worst)))
    assert f"time within {found['processing'].strip()} on each of 18 layers" in README
    assert f"(CONV1 {found['global_buffer'].strip()})" in README
    power = [100 + float(row) for row in re.findall(r"\(([-+][\d.]+) %\) \|$", page, re.MULTILINE)]
    assert f"power comes out\nat {min(power):.0f} to {max(power):.0f} % of the chip's" in README


def test_the_notice_names_files_and_modules_that_are_there() -> None:
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    paths = re.findall(r"\b(?:accelsim|workloads|tests|hwconfigs)/[\w/.]*\w", notice)
    assert len(paths) > 6
    for path in paths:
        assert (ROOT / path).exists(), path
    for module in re.findall(r"\baccelsim\.[a-z.]+[a-z]\b", notice):
        assert (ROOT / f"{module.replace('.', '/')}.py").is_file(), module
    for samples in (ROOT / "accelsim/zoo/weights").glob("*/samples.safetensors"):
        card = yaml.safe_load((samples.parent / "card.yaml").read_text(encoding="utf-8"))
        generated = "generated" in " ".join(card["limits"]) or "generated" in card["data"]
        assert generated or samples.parent.name in notice
