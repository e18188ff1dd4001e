"""The schema that is printed for a model says what the schema says that the server is given."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from cicd_agent.adapters.models_shape import printed
from cicd_agent.agent.schema import strict
from cicd_agent.agent.turns import Draft
from cicd_agent.modes.review.describe import DescriptionDraft
from cicd_agent.modes.review.draft import ReviewDraft
from cicd_agent.modes.review.judge import JudgeDraft
from cicd_agent.modes.review.reply import ReplyDraft

DRAFTS = (ReviewDraft, JudgeDraft, DescriptionDraft, ReplyDraft)


def leaves(node: dict[str, Any], at: str = "") -> Iterator[tuple[str, frozenset[str], tuple[str, ...]]]:
    """Each place in a schema with the types and the words that it allows."""
    if "properties" in node:
        for name, inner in node["properties"].items():
            yield from leaves(inner, f"{at}.{name}")
    elif "items" in node:
        yield from leaves(node["items"], f"{at}[]")
    else:
        choices = node.get("anyOf", [node])
        kinds = [
            kind for each in choices for kind in ([each["type"]] if isinstance(each["type"], str) else each["type"])
        ]
        yield at, frozenset(kinds), tuple(word for each in choices for word in each.get("enum", ()))


@pytest.mark.parametrize("draft", DRAFTS)
def test_every_place_allows_the_same(draft: type[Draft]) -> None:
    schema = strict(draft)
    line = printed(schema).splitlines()[1]
    assert list(leaves(json.loads(line))) == list(leaves(schema))
    assert len(line) < 0.9 * len(json.dumps(schema))
