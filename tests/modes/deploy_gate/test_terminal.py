"""What a person at a terminal sees of a gate's decision and of a plan."""

from dataclasses import replace
from typing import Any
from unicodedata import category

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cicd_agent.domain.evidence import Evidence, Gap
from cicd_agent.domain.gate_evidence import Deployed, Incident, Match
from cicd_agent.modes.deploy_gate.result import Gated
from cicd_agent.modes.deploy_gate.terminal import render_gate
from cicd_agent.modes.protocol import Account
from cicd_agent.modes.route.terminal import render_route
from tests.modes.deploy_gate import evidences as given_by
from tests.modes.route import routing

HOSTILE = st.text(max_size=60) | st.sampled_from(
    ["\x1b[2J\x1b]0;x\x07", "a\n::error::b", "a\nproceed", "\u202eevil", "x" * 5_000]
)


def shown(gated: Gated, seen: Evidence, **shape: Any) -> str:
    return render_gate(gated, seen, Account(), report="report.json", **shape)


def held(**gate: Any) -> tuple[Gated, Evidence]:
    seen = given_by.evidence(pulls=(replace(given_by.PULL, reviews=()),), **gate)
    return given_by.decide(seen), seen


def test_a_decision_begins_with_its_word_and_where_it_is_about() -> None:
    seen = given_by.evidence()
    first, *rest = shown(given_by.decide(seen), seen).splitlines()
    assert first == "proceed  production ← aaaaaaaaaaaa  score 100 of 75 needed"
    assert any(line.split()[0] == "tests" and "green" in line for line in rest)
    assert not any("-deploy" in line for line in rest)


def test_a_hold_says_what_would_lift_it() -> None:
    gated, seen = held()
    text = shown(gated, seen)
    assert text.startswith("hold  production")
    assert f"to lift it: /approve-deploy {gated.hash}\n" in text
    gated, seen = held(checks=(given_by.check("unit", "failure"),))
    assert f"to lift it: /override-deploy {gated.hash} REASON\n" in shown(gated, seen)


def test_a_score_that_misses_by_a_hair_does_not_look_as_if_it_had_reached() -> None:
    gated, seen = held()
    assert "score 74.9 of 75 needed" in shown(replace(gated, score=74.99), seen)


def test_a_rollback_says_where_to() -> None:
    seen = given_by.evidence(
        deployments=(given_by.deployment(given_by.SHA, "failure"), given_by.deployment(given_by.OLDER, id=6))
    )
    text = shown(given_by.decide(seen), seen)
    assert text.startswith("rollback  production")
    assert f"roll back to {given_by.OLDER}" in text


def test_a_stop_that_a_person_lifted_says_who() -> None:
    gated, seen = held()
    seen = given_by.with_gate(seen, words=(given_by.word(gated.hash),))
    text = shown(given_by.decide(seen), seen)
    assert text.startswith("proceed")
    assert "lifted  " in text
    assert "approved by rita" in text


@given(text=HOSTILE)
@settings(max_examples=25)
def test_what_others_wrote_moves_no_cursor_and_begins_no_line(text: str) -> None:
    seen = given_by.evidence(
        checks=(given_by.check(text, "failure"),),
        required=(text,),
        incidents=(Incident(3, text, given_by.AT),),
        commits=(Deployed(given_by.SHA, text, Match.NONE, 12),),
        environment=text or "x",
    )
    seen = replace(seen, gaps=(Gap(text, text),))
    gated = given_by.decide(seen, given_by.draft((text, "limit = 5"), summary=text))
    for colour in (False, True):
        page = shown(gated, seen, colour=colour)
        plain = page.replace("\x1b[", "") if colour else page
        assert not [char for char in plain if category(char) in {"Cc", "Cf"} and char != "\n"]
        assert len(page.split("\n")) == len(page.splitlines()) + 1
        assert not any(line.startswith((":", "proceed")) for line in page.split("\n"))


@pytest.mark.parametrize(
    ("files", "tests", "area"),
    [((routing.DOCS,), "tests     none", "run   docs"), ((routing.CODE,), "tests     full", "run   code")],
)
def test_a_plan_says_its_tests_and_what_runs(files: Any, tests: str, area: str) -> None:
    seen = routing.evidence(*files)
    text = render_route(routing.route(seen), seen, Account(), report="report.json")
    assert text.startswith(tests)
    assert area in text


def test_a_plan_that_is_in_doubt_says_so() -> None:
    seen = routing.evidence(routing.DOCS, doubts=("the clone is shallow",))
    text = render_route(routing.route(seen), seen, Account(), report="report.json")
    assert text.startswith("tests     full")
    assert "in doubt, so the full plan: the clone is shallow" in text
