"""What the audit log says is read as anybody's words: what does not fit is left out, and said to be."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import to_jsonable_python

from cicd_agent.domain.audit_entry import ZERO_HASH, Entry, Row, entry_hash
from cicd_agent.domain.finding import Category, Finding, Location, Origin, Severity
from cicd_agent.domain.repository.diff import Side
from cicd_agent.insights.accuracy.decisions import Decisions, is_plain, parse_decisions
from tests.insights.accuracy.test_gate import HELD

SHA = "a" * 40
FINDING = Finding(
    "py-shell",
    "a shell",
    "why",
    Severity.HIGH,
    Category.SECURITY,
    Location("a.py", 4, 3),
    "run(x)",
    0.91,
    suggestion="run([x])",
    committable=True,
)
VERDICT = {"findings": [to_jsonable_python(FINDING)]}
RUN = {"kind": "run", "mode": "review", "sha": SHA, "pull": 5, "at": 1_700_000_000, "event_id": "1.1"}


def row(told: Mapping[str, Any], repository: str = "o/r", seq: int = 1) -> Row:
    entry = Entry.of(repository, told)
    return Row(
        repository, seq, ZERO_HASH, entry_hash(repository, seq, ZERO_HASH, entry.text), entry.text, entry.columns
    )


def review(verdict: object = VERDICT, **more: Any) -> Row:
    return row({**RUN, "output": {"verdict": verdict}, **more})


def read(*rows: Row) -> Decisions:
    return parse_decisions(rows)


def test_findings_are_read_with_their_place_and_fingerprint() -> None:
    (told,) = read(review()).findings
    assert (told.repository, told.pull, told.sha, told.at) == ("o/r", 5, SHA, 1_700_000_000)
    assert (told.path, told.first, told.last, told.side) == ("a.py", 3, 4, Side.RIGHT)
    assert told.fingerprint == FINDING.fingerprint, "numbers that are not whole stand as text, which changes nothing"
    assert (told.rule, told.origin, told.severity, told.suggestion) == ("py-shell", "rule", "high", "run([x])")
    model = replace(FINDING, origin=Origin.MODEL, id="model", committable=False)
    (told,) = read(review({"findings": [to_jsonable_python(model)]})).findings
    assert (told.rule, told.suggestion) == ("model", ""), "what nobody could commit was not committed"


def test_a_gates_decision_is_read_with_its_base_and_time() -> None:
    gated = {**to_jsonable_python(HELD.gated), "at": 0}
    told = read(row({**RUN, "mode": "deploy-gate", "output": {"gated": gated, "seen": {"base": "b" * 40}}}))
    (found,) = told.gates
    assert (found.gated.sha, found.gated.decision, found.base) == (SHA, "hold", "b" * 40)
    assert found.gated.at == 1_700_000_000


def test_a_failure_is_read_with_the_run_that_it_was_of() -> None:
    diagnosis = {"cause": "flaky", "rerun": True, "failures": [{"strict": "print"}]}
    event = {"run": {"id": 9, "attempt": 2, "head_sha": "b" * 40}}
    told = read(row({**RUN, "mode": "analyse-failure", "output": {"diagnosis": diagnosis, "event": event}}))
    (found,) = told.failures
    assert (found.run, found.attempt, found.fingerprint, found.sha) == (9, 2, "print", "b" * 40)


@pytest.mark.parametrize(
    ("forged", "limit"),
    [
        (replace(review(), hash="0" * 64), "the hash does not fit"),
        (replace(review(), seq=2), "the hash does not fit"),
        (replace(review(), repository="o/other"), "the hash does not fit"),
        (review(pull=0), "outside of a pull request"),
        (review(sha="main"), "cannot be read"),
        (review(sha="a" * 40 + "/../x"), "cannot be read"),
        (review({"findings": [7, None, {}, []]}), "cannot be read"),
        (review({"findings": [{**VERDICT["findings"][0], "severity": "worst"}]}), "cannot be read"),
    ],
)
def test_what_was_forged_or_is_none_is_left_out_and_said_to_be(forged: Row, limit: str) -> None:
    told = read(forged)
    assert told.findings == ()
    assert limit in told.limits[0]


@pytest.mark.parametrize(
    "path", ["../../etc/passwd", "/etc/passwd", "a/../b", "a//b", "", ".", "a\0b", "a\nb", "x" * 5_000]
)
def test_a_path_that_leads_elsewhere_is_none(path: str) -> None:
    assert not is_plain(path)
    where = {"path": path, "line": 1, "start": 0, "side": "RIGHT"}
    assert read(review({"findings": [{**VERDICT["findings"][0], "location": where}]})).findings == ()


@pytest.mark.parametrize(("line", "start"), [(-1, 0), (1, 5), (10**12, 0), (5, -3)])
def test_lines_that_are_none_are_left_out(line: int, start: int) -> None:
    where = {"path": "a.py", "line": line, "start": start, "side": "RIGHT"}
    told = read(review({"findings": [{**VERDICT["findings"][0], "location": where}]}))
    assert told.findings == ()
    assert "lines are none" in told.limits[0]


def test_more_findings_than_anybody_reads_are_cut() -> None:
    told = read(review({"findings": VERDICT["findings"] * 600}))
    assert len(told.findings) == 500
    assert "more than 500 findings" in told.limits[0]


def test_an_entry_of_another_repository_in_this_chain_is_left_out() -> None:
    text = review().text
    other = Row("o/x", 1, ZERO_HASH, entry_hash("o/x", 1, ZERO_HASH, text), text, review().columns)
    assert read(other) == Decisions(
        limits=("1 record of the audit log left out: of another repository, or not readable",)
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.floats(allow_nan=False),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["verdict", "findings", "location", "path", "line", "gated", "event", "run", "failures"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=60)
@given(JSON, st.sampled_from(["review", "deploy-gate", "analyse-failure", "route"]))
def test_whatever_an_entry_holds_is_read_or_left_out(output: object, mode: str) -> None:
    told = read(row({**RUN, "mode": mode, "output": output}))
    assert told.runs == 1
    for shape in ({"verdict": output}, {"gated": output, "seen": output}, {"diagnosis": output, "event": output}):
        read(row({**RUN, "mode": mode, "output": shape}))
