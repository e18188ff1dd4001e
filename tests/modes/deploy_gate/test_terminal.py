"""What a person at a terminal sees of a gate's decision and of a plan."""

from dataclasses import replace
from typing import Any
from unicodedata import category

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cicd_agent.domain.evidence import Evidence, Gap
from cicd_agent.domain.gate_evidence import Deployed, Incident, Match
from cicd_agent.modes.deploy_gate.page import page as gate_page
from cicd_agent.modes.deploy_gate.result import GateResult
from cicd_agent.modes.protocol import Account
from cicd_agent.modes.route.page import page as route_page
from cicd_agent.rendering.terminal import terminal
from cicd_agent.settings.schema import Settings
from tests.modes.deploy_gate import evidences as given_by
from tests.modes.route import routing

HOSTILE = st.text(max_size=60) | st.sampled_from(
    ["\x1b[2J\x1b]0;x\x07", "a\n::error::b", "a\nproceed", "\u202eevil", "x" * 5_000]
)


def shown(gated: GateResult, seen: Evidence, **shape: Any) -> str:
    return terminal(gate_page(gated, seen, Account(), Settings()), Account(), report="report.json", **shape)


def held(**gate: Any) -> tuple[GateResult, Evidence]:
    seen = given_by.evidence(pulls=(replace(given_by.PULL, reviews=()),), **gate)
    return given_by.decide(seen), seen


def test_a_decision_begins_with_its_word_and_where_it_is_about() -> None:
    seen = given_by.evidence()
    first, *rest = shown(given_by.decide(seen), seen).splitlines()
    assert first == "Deploy aaaaaaa to production · score 100 of 75 needed"
    assert any(line.split()[:4] == ["tests", "known", "39", "39"] for line in rest)
    assert not any("-deploy" in line for line in rest)


def test_a_hold_says_what_would_lift_it() -> None:
    gated, seen = held()
    text = shown(gated, seen)
    assert text.startswith("Approval needed to deploy aaaaaaa to production")
    assert "To approve: comment /approve-deploy on pull request 12." in " ".join(text.split())
    gated, seen = held(checks=(given_by.check("unit", "failure"),))
    order = f"To override: comment /override-deploy {gated.hash} REASON on pull request 12."
    assert order in " ".join(shown(gated, seen).split())


def test_a_score_that_misses_by_a_hair_does_not_look_as_if_it_had_reached() -> None:
    gated, seen = held()
    assert "Score 74.9 of 75 needed" in shown(replace(gated, score=74.99), seen)


def test_a_rollback_says_where_to() -> None:
    seen = given_by.evidence(
        deployments=(given_by.deployment(given_by.SHA), given_by.deployment(given_by.OLDER, id=6)),
        incidents=(Incident(5, "down", given_by.AT - 60),),
    )
    text = shown(given_by.decide(seen), seen)
    assert text.startswith("Roll back aaaaaaa on production")
    assert f"Roll back to {given_by.OLDER[:7]}, the last" in text


def test_a_stop_that_a_person_lifted_says_who() -> None:
    gated, seen = held()
    seen = given_by.with_gate(seen, words=(given_by.word(gated.hash),))
    text = shown(given_by.decide(seen), seen)
    assert text.startswith("Deploy aaaaaaa")
    assert " lifted: approved by rita" in text


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
    [
        ((routing.DOCS,), "no tests", "docs "),
        ((routing.CODE,), "full tests", "code "),
    ],
)
def test_a_plan_says_its_tests_and_what_runs(files: Any, tests: str, area: str) -> None:
    seen = routing.evidence(*files)
    text = terminal(route_page(routing.route(seen), seen, Account(), Settings()), Account(), report="report.json")
    assert tests in text.split("\n")[0]
    assert area in text


def test_a_plan_that_is_in_doubt_says_so() -> None:
    seen = routing.evidence(routing.DOCS, doubts=("the clone is shallow",))
    text = terminal(route_page(routing.route(seen), seen, Account(), Settings()), Account(), report="report.json")
    assert "full tests" in text.split("\n")[0]
    assert "In doubt, so everything runs:\n\n- the clone is shallow\n" in text
