"""The corpus of the worst files, at small sizes: growth is counted in calls, not timed."""

import sys
from collections import Counter
from types import FrameType

import pytest

from benchmarks.worst_files import CASES, change_of, judge

SMALL = 20_000
GROWTH = 2.6
"""Calls of our functions at twice the size; what every file costs once is in them."""


def has_long_line(name: str) -> bool:
    """Whether a line of the case is searched in windows: a step, which only the benchmark sees beyond."""
    return any(len(line) > SMALL / 4 for text in CASES[name][1](SMALL).values() for line in text.split("\n"))


def calls_for(name: str, size: int) -> int:
    """How often a function of ours is called while a case of this size is judged."""
    change = change_of(CASES[name][1](size))
    calls: Counter[str] = Counter()

    def count(frame: FrameType, event: str, _argument: object) -> None:
        if event == "call" and "cicd_agent" in frame.f_code.co_filename:
            calls[frame.f_code.co_qualname] += 1

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        judge(change)
    finally:
        sys.setprofile(before)
    return calls.total()


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in CASES if not has_long_line(name)])
def test_the_work_for_a_file_grows_with_its_size(name: str) -> None:
    judge(change_of({"a.py": "import os\n", "a.yml": "a: b\n"}))
    assert calls_for(name, 2 * SMALL) <= GROWTH * calls_for(name, SMALL)


@pytest.mark.slow
def test_the_worst_file_hides_no_finding_of_another() -> None:
    files = {"shell.py": "import os\ndef go(name):\n    os.system(f'echo {name}')\n"}
    files |= {f"worst/{path}": text for path, text in CASES["20 files of f-strings"][1](240_000).items()}
    assert "shell-injection" in {each.id for each in judge(change_of(files)).findings}
