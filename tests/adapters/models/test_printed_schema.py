"""The type that is printed for a model says what the schema says that the server is given."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from cicd_agent.adapters.models.capabilities import printed
from cicd_agent.agent.schema import strict
from cicd_agent.domain.verdict import Draft
from cicd_agent.modes.review.questions.description_check import DescriptionDraft
from cicd_agent.modes.review.questions.draft import ReviewDraft
from cicd_agent.modes.review.questions.judge import JudgeDraft
from cicd_agent.modes.review.questions.reply import ReplyDraft
from tests.agent.drafts import DRAFTS

OURS = (ReviewDraft, JudgeDraft, DescriptionDraft, ReplyDraft)


def said(node: Mapping[str, Any]) -> Iterator[str]:
    """Every name, word and type of a schema, in its order."""
    for choice in node.get("anyOf", [node]):
        if "properties" in choice:
            for name, inner in choice["properties"].items():
                yield json.dumps(name)
                yield from said(inner)
        elif "items" in choice:
            yield from said(choice["items"])
        else:
            yield from map(json.dumps, choice["enum"]) if "enum" in choice else [choice["type"]]


@pytest.mark.parametrize("draft", [*OURS, *DRAFTS])
def test_every_name_word_and_type_is_printed_in_its_place(draft: type[Draft]) -> None:
    schema = strict(draft)
    line = re.sub(r" /\*.*?\*/", "", printed(schema).split("\n", 1)[1])
    assert re.findall(r'"(?:[^"\\]|\\.)*"|[a-z]+', line) == list(said(schema))


def test_it_costs_less_than_half_of_the_schema() -> None:
    schema = strict(ReviewDraft)
    assert len(printed(schema)) < 0.5 * len(json.dumps(schema))


def test_lists_of_choices_are_no_choices_of_lists() -> None:
    schema = {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}}
    assert printed(schema).endswith('("a"|"b")[]')
    assert printed({"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "null"}]}}).endswith(
        "(string|null)[]"
    )
