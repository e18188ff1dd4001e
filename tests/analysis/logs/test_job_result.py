from collections.abc import Sequence

import pytest

from cicd_agent.analysis.logs.job_result import passing_line
from cicd_agent.analysis.logs.reader import read

AT = "2026-11-24T10:00:00.0000000Z "


def stated(*lines: str) -> str | None:
    line = passing_line([*read(["\n".join(lines).encode()])])
    return line.text if line else None


@pytest.mark.parametrize(
    "last",
    [
        ["Finished: SUCCESS"],
        ["Finished: SUCCESS", "", " "],
        ["\x1b[0KDone. Your build exited with 0."],
        ["\x1b[32;1mJob succeeded\x1b[0;m"],
        ["Build success"],
        [f"{AT}Cleaning up orphan processes"],
        ["Finished: SUCCESS", *["[WS-CLEANUP] done"] * 20],
    ],
)
def test_a_runner_says_that_a_job_passed(last: Sequence[str]) -> None:
    assert stated("make", "error: ignored", *last)


@pytest.mark.parametrize(
    "lines",
    [
        [""],
        ["make", "12 passed in 0.30s"],
        ["Finished: FAILURE"],
        ["Finished: UNSTABLE"],
        ["Done. Your build exited with 1."],
        ["Finished: SUCCESS", "ERROR: Job failed: exit code 1"],
        ["Finished: SUCCESS", *["and so on"] * 200, "make: *** [all] Error 2"],
        ["it said Finished: SUCCESS"],
        [f"{AT}##[error]Process completed with exit code 1.", f"{AT}Cleaning up orphan processes"],
        [f"{AT}##[command]/usr/bin/docker run --name x", f"{AT}fatal: no", f"{AT}Cleaning up orphan processes"],
        [f"{AT}Cleaning up orphan processes", f"{AT}and then it broke off"],
        ["Cleaning up orphan processes"],
    ],
)
def test_no_other_job_is_said_to_have_passed(lines: Sequence[str]) -> None:
    assert stated(*lines) is None
