"""Which plugins of pytest are loaded: those that the project mentions, and all where it cannot do without."""

from dataclasses import replace
from pathlib import Path

import pytest

from cicd_agent.domain.trials.test_run import Outcome, PytestRun
from cicd_agent.pytest_worker.plugins import _mentioned
from tests.support.test_runners import TOOLCHAIN, pytest_runner

PLUGIN = "import pytest\n\n@pytest.fixture\ndef gift():\n    return 1\n"
LOADED = "import sys\n\ndef test_it():\n    assert 'pytest_gift' in sys.modules\n"
RUNS = [PytestRun("chosen", ("test_it.py",)), PytestRun("all")]


@pytest.fixture
def overlay(tmp_path: Path) -> Path:
    """A folder of packages with one plugin."""
    folder = tmp_path / "packages"
    (folder / "pytest_gift-1.dist-info").mkdir(parents=True)
    (folder / "pytest_gift-1.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: pytest-gift\nVersion: 1\n")
    (folder / "pytest_gift-1.dist-info/entry_points.txt").write_text("[pytest11]\npresents = pytest_gift\n")
    (folder / "pytest_gift.py").write_text(PLUGIN)
    return folder


def ends(tmp_path: Path, overlay: Path, files: dict[str, str]) -> list[list[Outcome]]:
    tool = replace(TOOLCHAIN, overlay=overlay, readable=(*TOOLCHAIN.readable, overlay))
    results = pytest_runner(tmp_path / "tree", files, toolchain=tool).run(RUNS)
    return [[test.outcome for test in result.tests] for result in results]


def test_a_plugin_that_nothing_mentions_is_loaded_for_the_whole_suite_alone(tmp_path: Path, overlay: Path) -> None:
    assert ends(tmp_path, overlay, {"test_it.py": LOADED.replace("'pytest_gift'", "'pytest_' + 'gi' + 'ft'")}) == [
        [Outcome.FAILED],
        [Outcome.PASSED],
    ]


@pytest.mark.parametrize("text", ["pytest-gift==1", "Pytest_Gift", "-p presents"])
def test_a_plugin_that_is_mentioned_is_loaded(tmp_path: Path, overlay: Path, text: str) -> None:
    files = {"test_it.py": LOADED.replace("'pytest_gift'", "'pytest_' + 'gi' + 'ft'"), "Dockerfile": f"# {text}\n"}
    assert ends(tmp_path, overlay, files) == [[Outcome.PASSED], [Outcome.PASSED]]


def test_a_test_that_needs_a_plugin_by_its_fixture_alone_has_it(tmp_path: Path, overlay: Path) -> None:
    files = {"test_it.py": "def test_it(gift):\n    assert gift == 1\n"}
    assert ends(tmp_path, overlay, files) == [[Outcome.PASSED], [Outcome.PASSED]]


def test_the_tree_is_searched_for_words_without_what_is_no_text(tmp_path: Path) -> None:
    for path, content in {"a/x.txt": b"One", "b.bin": b"\0two", "node_modules/x.js": b"three"}.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(content)
    words = {word: {word} for word in ("one", "two", "three")}
    assert _mentioned(str(tmp_path), words) == {"one"}
