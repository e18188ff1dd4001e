"""How often the tree is copied: once for all runs that leave it as it was."""

from pathlib import Path
from typing import Any

import pytest

from cicd_agent.adapters.sandbox.sandbox import LocalSandbox
from cicd_agent.domain.trials.sandbox import Ran, Tier
from cicd_agent.domain.trials.test_run import PytestRun
from tests.support.test_runners import CALC, TESTS, pytest_runner, sandbox

WRITES = "from pathlib import Path\n\n\ndef test_leaves_a_file():\n    Path({path!r}).write_text('x')\n"


class CountingSandbox(LocalSandbox):
    """Counts what it runs. Its rooms lie in `scratch`."""

    def __init__(self, scratch: Path | None, only: Tier | None = None) -> None:
        super().__init__(scratch=scratch, only=only)
        self.runs = 0

    def run(self, *args: Any, **options: Any) -> Ran:
        self.runs += 1
        return super().run(*args, **options)


@pytest.mark.parametrize("only", [Tier.BUBBLEWRAP, Tier.LANDLOCK])
def test_runs_that_leave_nothing_share_one_copy(tmp_path: Path, only: Tier) -> None:
    sandbox(only)  # skips where there is none
    # Where rooms lie in /tmp, as they do at a terminal, what the sandbox mounts there cannot be taken away.
    counting = CountingSandbox(None, only)
    runs = [PytestRun(f"run {number}") for number in range(3)]
    results = pytest_runner(tmp_path, {"calc.py": CALC, "test_calc.py": TESTS}, within=counting).run(runs)
    assert [(result.completed, len(result.tests)) for result in results] == [(True, 2)] * 3
    assert counting.runs == 1


def test_a_run_that_changes_the_tree_is_the_last_on_its_copy(tmp_path: Path) -> None:
    sandbox()
    counting = CountingSandbox(None)
    files = {"calc.py": CALC, "test_calc.py": TESTS, "test_writes.py": WRITES.format(path="left.txt")}
    runs = [PytestRun("changes", ("test_writes.py",)), PytestRun("clean", ("test_calc.py",))]
    changes, clean = pytest_runner(tmp_path, files, within=counting).run(runs)
    assert (changes.left, clean.left) == (("left.txt",), ())
    assert counting.runs == 2
