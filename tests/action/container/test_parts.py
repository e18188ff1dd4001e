"""What holds whatever a container writes: the outputs, the log, the mounts; and that its time is limited."""

import csv
import signal
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from launch.contained import Ended, named, run, seconds
from launch.given import Mount
from launch.heard import LONGEST_LINE, MOST_BYTES, OURS, Hearing, harmless
from launch.returned import DECISIONS, LEVELS, MODES, Doubtful, Expected, consistent, outputs
from launch.telling import tell_outputs
from tests.support.jobs.container import contained_job
from tests.support.jobs.hostile import ROOT
from tests.support.runner import parse_outputs

NAMES = named(ROOT)[1]
WORDS = st.sampled_from(
    ["conclusion", "decision", "risk_level", "report_file", "run_x", "<<", "=", "E", "\n", "proceed"]
)
TEXTS = st.lists(WORDS | st.text(max_size=8), max_size=30).map("".join)


def expected(mode: str) -> Expected:
    return Expected(mode, NAMES, (Path("/nonexistent/folder"),))


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(MODES)), TEXTS.map(str.encode) | st.binary(max_size=80))
def test_outputs_are_read_as_the_runner_reads_them_or_not_at_all(mode: str, raw: bytes) -> None:
    try:
        found = outputs(raw, expected(mode))
    except Doubtful:
        return
    assert found == parse_outputs(raw.decode())
    assert {name for name in found if not name.startswith("run_")} <= NAMES
    assert found.get("decision", "") in {"", *DECISIONS.get(mode, ())}
    assert found.get("risk_level", "") in {"", *LEVELS}
    assert found.get("report_file", "") == ""


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(NAMES)), st.text(max_size=40), max_size=4))
def test_what_is_handed_on_is_what_was_checked(values: dict[str, str]) -> None:
    for name, value in values.items():
        try:
            expected("review").value(name, value)
        except Doubtful:
            continue
        assert "\n" not in value or name in {"flaky_tests", "matrix"} or name.endswith("s")
        assert not name.endswith("_file") or value == ""


def test_outputs_go_on_with_a_delimiter_that_no_value_can_know(tmp_path: Path) -> None:
    values = {"summary": "x\nEOF\nrisk_level=low\nz<<EOF", "model": "ü"}
    for _ in range(2):
        tell_outputs({"GITHUB_OUTPUT": str(tmp_path / "output")}, values)

    text = (tmp_path / "output").read_text("utf-8")
    assert parse_outputs(text) == values
    delimiters = [line.partition("<<")[2] for line in text.splitlines() if "<<cicd_agent_" in line]
    assert len({*delimiters}) == 4


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(["::", "##[", "error", "add-mask", " ", "\t", "\u200b", "x=", ",", "set-output", "]"])))
def test_a_line_is_a_command_of_ours_or_none(parts: list[str]) -> None:
    line = harmless("".join(parts))

    assert "##[" not in line
    assert "::" not in line or OURS.match(line)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=6))
def test_it_does_not_matter_in_which_pieces_a_log_comes(raw: bytes, cuts: list[int]) -> None:
    def heard(*pieces: bytes) -> str:
        hearing = Hearing()
        return "\n".join([line for piece in pieces for line in hearing.feed(piece)] + [*hearing.end()])

    # The two halves of a line's end may come apart; then there is an empty line more.
    raw = raw.replace(b"\r", b"")
    ends = sorted({0, *cuts, len(raw)})
    assert heard(raw) == heard(*(raw[a:b] for a, b in pairwise(ends)))


def test_a_log_without_an_end_is_cut_and_a_long_line_keeps_its_beginning() -> None:
    hearing = Hearing()
    long = [*hearing.feed(b"x" * (LONGEST_LINE + 1)), *hearing.feed(b"::error::x\nnext\n")]
    assert long == ["x" * LONGEST_LINE, "next"]

    rest = [line for _ in range(MOST_BYTES // 60_000 + 2) for line in hearing.feed(b"y" * 59_999 + b"\n")]
    assert rest[-1] == "cicd-agent: the log goes on, and was cut after 10,485,760 bytes"
    assert sum(map(len, rest)) < MOST_BYTES + LONGEST_LINE


@given(st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=20))
def test_a_mount_says_its_path_and_nothing_else(name: str) -> None:
    path = Path("/data") / name.replace("/", "_")
    [fields] = csv.reader([str(Mount(path, path))])

    assert fields == ["type=bind", f"source={path}", f"target={path}", "readonly"]


def test_exit_codes_and_words_belong_together() -> None:
    for code, said in ((0, "failure"), (1, "success"), (2, "neutral"), (7, "failure"), (0, "")):
        with pytest.raises(Doubtful):
            consistent(code, {"conclusion": said}, "review")
    consistent(130, {"conclusion": "failure"}, "review")
    consistent(0, {}, "cost")


@pytest.fixture
def signals() -> Iterator[None]:
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    yield
    for each, handler in before.items():
        signal.signal(each, handler)


@pytest.mark.usefixtures("signals")
def test_a_container_that_runs_too_long_is_ended(tmp_path: Path) -> None:
    job = contained_job(tmp_path)
    env = job.environ("import signal\nsignal.pause()") | {"GITHUB_OUTPUT": "/dev/null"}

    ended = run(["docker", "run", "--env", "RUNNER_TEMP", "--env", "GITHUB_OUTPUT"], env, "cicd-agent-x", 1)

    assert ended == Ended(5, "the container ran longer than 1 s, and was ended. Raise `timeout-minutes`.")
    assert ["kill", "cicd-agent-x"] in [each["argv"] for each in job.told]


@pytest.mark.usefixtures("signals")
def test_what_the_kernel_does_not_take_is_one_line() -> None:
    ended = run([sys.executable], {"PATH": "/bin", "INPUT_INSTRUCTIONS": "x" * 140_000}, "cicd-agent-x", 5)

    assert ended.code == 2
    assert "too long" in ended.why


def test_the_limit_lies_above_the_agents_own() -> None:
    assert [seconds(each) for each in ("", "10", "0.5", "-3", "nonsense", "99999")] == [390, 690, 120, 390, 390, 21_690]
