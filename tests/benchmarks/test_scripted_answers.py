"""What the models of the benchmarks answer has the shape that gen-tests asks for, and the toy's tests can be tried."""

import json

import pytest

from benchmarks.real_change import _SAID, proposed
from benchmarks.toy_project import CHANGED, FUNCTIONS, MODULE, draft
from cicd_agent.analysis.python_tests.static.check import objection
from cicd_agent.analysis.python_tests.static.scope import Surroundings
from cicd_agent.modes.gen_tests.questions import TestsDraft, candidates

ANSWERS = [*map(draft, FUNCTIONS), *map(proposed, (*_SAID, "what the script does not have"))]


@pytest.mark.parametrize("said", ANSWERS)
def test_an_answer_comes_through_the_schema(said: TestsDraft) -> None:
    assert TestsDraft.model_validate_json(json.dumps(said.model_dump(mode="json"))) == said
    assert bool(said.tests) != bool(said.unreachable)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_static_check_has_nothing_against_the_tests_of_the_toy(function: str) -> None:
    around = Surroundings(CHANGED[MODULE], modules={}, paths=(MODULE,), module="parcels", fixtures=set())
    found = candidates(draft(function), MODULE, function)
    assert len(found) == 2
    assert [objection(each, around) for each in found] == [None, None]
