"""What of a project's own arguments to pytest stays in a run of ours."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.pytest_worker.command_line import adapted, fitting


@pytest.mark.parametrize(
    ("given_", "kept"),
    [
        ("-n 2 --dist worksteal -k fast", "-k fast"),
        ("-n2 -nauto -ra -xvs -q", ""),
        ("--cov=src --cov-report term --cov-fail-under=80 --no-cov", ""),
        ("-p xdist -p randomly -p my.plugin", "-p my.plugin"),
        ("--maxfail=1 --junitxml out.xml --import-mode=importlib", "--import-mode=importlib"),
        ("-m not_slow --strict-markers -W error -o xfail_strict=true", None),
        ("-n", ""),
        ("-k", "-k"),
    ],
)
def test_what_fits_stays(given_: str, kept: str | None) -> None:
    assert fitting(given_.split()) == (given_ if kept is None else kept).split()


def test_paths_are_from_the_root_or_left_out(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "setup.ini").touch()
    line = ["tests", "tests/x.py::test", "-c", "setup.ini", "-k", "tests", "--ignore=tests", "gone"]
    top = str(tmp_path)
    assert adapted(line, top, paths=True) == [
        f"{top}/tests", "tests/x.py::test", "-c", f"{top}/setup.ini", "-k", "tests", f"--ignore={top}/tests", "gone",
    ]  # fmt: skip
    assert adapted(line, top, paths=False) == ["-c", f"{top}/setup.ini", "-k", "tests", f"--ignore={top}/tests"]


@given(st.lists(st.sampled_from(["-n", "-p", "-k", "--cov", "x", "-n2", "--tb=no", "-", "--", "=", "-c"]) | st.text()))
def test_no_arguments_break_it(arguments: list[str]) -> None:
    kept = fitting(arguments)
    assert len(kept) <= len(arguments) + 1
