"""Which commit brought the failure, and when that is not known."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from cicd_agent.domain.events.workflow_run import RunState
from cicd_agent.modes.analyse_failure.attribution.cascade import rank
from cicd_agent.modes.analyse_failure.evidence import Candidate
from cicd_agent.modes.analyse_failure.result import Overlap
from tests.modes.analyse_failure.builders import candidate, failed_run

GREEN = RunState(6, conclusion="success")
AT = Overlap("src/client.py", 41, 40, strength=0.9)
NEAR = Overlap("src/codec.py", 0, 40, via="tests/test_client.py", strength=0.7)
FAR = Overlap("src/far.py", 0, 40, via="src/codec.py", strength=0.5)
LINE = candidate("1", {"src/client.py": ((40, 42),)})
FILE = candidate("2", {"src/client.py": ((1, 2),)})
OTHER = candidate("3", {"docs/x.md": ((1, 9),)})
UNKNOWN_LINES = candidate("4", {"src/client.py": None})
IMPORT = candidate("5", {"src/codec.py": ((1, 2),)})
DISTANT = candidate("6", {"src/far.py": ((1, 2),)})


@pytest.mark.parametrize(
    ("candidates", "order", "responsible"),
    [
        ([FILE, LINE, OTHER], "123", "1"),
        ([OTHER, FILE], "23", "2"),
        ([OTHER, IMPORT], "53", "5"),
        ([FILE, UNKNOWN_LINES], "24", ""),
        ([LINE, candidate("7", {"src/client.py": ((41, 41),)})], "17", ""),
        ([FILE, IMPORT], "25", ""),
        ([OTHER, DISTANT], "63", ""),
        ([DISTANT], "6", "6"),
        ([OTHER], "3", ""),
        ([], "", ""),
    ],
)
def test_a_commit_is_responsible_only_if_it_stands_clearly_above(
    candidates: Sequence[Candidate], order: str, responsible: str
) -> None:
    suspects, found = rank(failed_run(candidates=tuple(candidates), green=GREEN), (AT, NEAR, FAR))
    assert "".join(suspect.sha[0] for suspect in suspects) == order
    assert found[:1] == responsible


def test_a_suspect_is_told_with_what_it_shares() -> None:
    suspects, _ = rank(failed_run(candidates=(LINE,)), (AT, NEAR))
    assert [(each.path, each.exact, each.sha) for each in suspects[0].meetings] == [("src/client.py", True, "1" * 40)]


def test_the_only_commit_is_not_responsible_when_nothing_is_known_to_have_passed() -> None:
    assert rank(failed_run(candidates=(DISTANT,)), (FAR,))[1] == ""


NAMED = Overlap("src/client.py", 0, 40, strength=0.8, named=("decode", "retry"))


def commit(sha: str, **fields: Any) -> Candidate:
    return replace(candidate(sha, {"src/client.py": None}), **fields)


@pytest.mark.parametrize(
    ("candidates", "responsible"),
    [
        ([commit("1", gone=("decode",)), commit("2", names={"src/client.py": ("retry",)})], "1"),
        ([commit("1"), commit("2", names={"src/client.py": ("retry",)})], "2"),
        ([commit("1"), commit("2", aside=("src/client.py",))], "1"),
        ([commit("1"), candidate("2", {"src/client.py": ()})], "1"),
        ([commit("1"), commit("2")], ""),
        ([commit("1", gone=("decode",)), commit("2", gone=("decode",))], ""),
    ],
)
def test_the_nearest_edit_of_a_file_is_responsible(candidates: Sequence[Candidate], responsible: str) -> None:
    assert rank(failed_run(candidates=tuple(candidates), green=GREEN), (NAMED,))[1][:1] == responsible
