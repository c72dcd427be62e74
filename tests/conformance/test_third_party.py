"""A machine in a folder of its own passes the conformance kit, and every way of breaking it is caught."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

FILES = {"queue_machine.py": "queue_machine.py", "queue.yaml": "queue.yaml", "queue_tests.py": "test_queue.py"}
"""The project of a third party, and what its files are called there."""

WITHOUT = 'import sys\nsys.modules["torch"] = sys.modules["hypothesis"] = None  # importing either fails\n'

CAUGHT = {
    "LosesAPair": "outputs_follow",
    "RepeatsAPair": "outputs_follow",
    "MixesUpWeights": "outputs_follow",
    "TakesTooMany": "outputs_follow",
    "BeatsTheDenseBound": "ideals_are_never_beaten",
    "SlowerThanDense": "ideals_are_never_beaten",
    "StaleName": "every_parameter_counts",
    "RemembersTheLastLayer": "order_and_threads",
    "LikesZerosLess": "zeros_end",
    "ReadsMemoryOrder": "results_depend_on_values",
    "SlowsDownWithLanes": "larger_is_never_slower",
    "FreeEnergy": "time_traffic_and_energy",
    "ForgetsTheBatch": "a_batch_repeats",
    "WrongCosts": "busy_is_the_pair_sum",
    "LeakyAccount": "account_is_complete",
}
"""The law that each broken machine must fail."""

Results = dict[str, dict[str, tuple[str, str]]]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Run the kit in a project of its own; return outcome and message per test and class."""
    folder = tmp_path_factory.mktemp("third_party")
    (folder / "conftest.py").write_text(WITHOUT)
    for name, copy in FILES.items():
        shutil.copy(Path(__file__).parent / "third_party" / name, folder / copy)
    chosen = " or ".join(["TestQueue", *(f"(Test{name} and {law})" for name, law in CAUGHT.items())])
    command = [sys.executable, "-m", "pytest", "-q", "--junitxml=found.xml", "-k", chosen, "test_queue.py"]
    environment = {**os.environ, "ACCELSIM_CACHE": str(folder / "cache"), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout[-3000:] + done.stderr
    found: Results = {}
    for case in ElementTree.parse(folder / "found.xml").iter("testcase"):
        name = case.get("classname", "").rpartition(".Test")[2]
        bad = [child for child in case if child.tag in ("failure", "error", "skipped")]
        outcome = (bad[0].tag, bad[0].get("message", "")) if bad else ("passed", "")
        found.setdefault(name, {})[case.get("name", "")] = outcome
    return found


@pytest.mark.parametrize("name", ["Queue", "QueueDense", "QueueBytes"])
def test_a_correct_machine_passes_every_law(results: Results, name: str) -> None:
    assert len(results[name]) > 100
    assert {test: outcome for test, outcome in results[name].items() if outcome[0] != "passed"} == {}


@pytest.mark.parametrize(("name", "law"), CAUGHT.items())
def test_a_broken_machine_is_caught(results: Results, name: str, law: str) -> None:
    failed = {test: message for test, (outcome, message) in results[name].items() if outcome == "failure"}
    caught = [message for test, message in failed.items() if law in test]
    assert caught, f"{name} fails {sorted(failed)}"
    if name != "StaleName":
        assert any("layer" in message for message in caught), caught[0]


def test_messages_name_kind_shape_and_seed(results: Results) -> None:
    message = results["LosesAPair"]["test_outputs_follow_from_the_pairs_visited[strided]"][1]
    assert "layer strided-0 (conv, steps 1 N 1 groups 1" in message
    assert "stride (2, 2)" in message
    assert "lost" in message


def test_nothing_breaks_unnoticed(results: Results) -> None:
    assert set(results) == {"Queue", "QueueDense", "QueueBytes", *CAUGHT}
