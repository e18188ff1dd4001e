import datetime as dt
import json
from typing import Any, Literal

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, RootModel

from cicd_agent.agent.schema import NotExpressible, schema_name, strict
from cicd_agent.domain.verdict import Draft
from tests.agent.drafts import DRAFTS, Limited, Nested, Note, Optional, Union
from tests.support.servers.openai.rules import unfit
from tests.support.strategies import answers, drafts


@pytest.mark.parametrize("draft", DRAFTS)
def test_a_schema_is_accepted_by_the_strict_dialect(draft: type[Draft]) -> None:
    assert list(unfit(strict(draft))) == []
    jsonschema.Draft202012Validator.check_schema(strict(draft))


@pytest.mark.parametrize("draft", DRAFTS)
def test_a_schema_is_the_same_bytes_each_time(draft: type[Draft]) -> None:
    assert json.dumps(strict(draft)) == json.dumps(strict(draft))


def test_a_schema_in_full() -> None:
    assert strict(Note) == {
        "type": "object",
        "properties": {
            "summary": {"type": "string"},
            "confidence": {"type": "number", "description": "How sure you are. (at least 0; at most 1)"},
        },
        "required": ["summary", "confidence"],
        "additionalProperties": False,
    }


def test_an_optional_field_is_required_and_nullable() -> None:
    schema = strict(Optional)
    assert schema["required"] == ["spot", "colour", "limit", "defaulted"]
    assert schema["properties"]["colour"] == {"anyOf": [{"type": "string", "enum": ["red", "blue"]}, {"type": "null"}]}
    assert schema["properties"]["spot"]["anyOf"][0]["required"] == ["path", "line"]
    assert "default" not in json.dumps(schema).replace("defaulted", "")


def test_limits_that_the_dialect_lacks_are_said_in_words() -> None:
    properties = strict(Limited)["properties"]
    assert properties["short"]["description"] == "(characters: at least 1; characters: at most 5)"
    assert properties["few"]["description"] == "(items: at least 1; items: at most 2)"
    assert properties["share"] == {"type": "number", "description": "(more than 0; less than 1)"}


def test_references_are_written_out_and_keep_the_description_of_the_field() -> None:
    spots = strict(Nested)["properties"]["spots"]
    assert spots["description"] == "All of them. (items: at most 3)"
    assert "description" not in spots["items"], "a docstring is for us"
    assert "$ref" not in json.dumps(strict(Nested))


def test_a_tagged_union_becomes_a_plain_choice() -> None:
    choices = strict(Union)["properties"]["shape"]["anyOf"]
    assert [choice["properties"]["kind"]["enum"] for choice in choices] == [["circle"], ["square"]]


class Tree(BaseModel):
    children: list["Tree"]


REFUSED: dict[str, Any] = {
    "open mapping": dict[str, int],
    "any value": Any,
    "fixed tuple": tuple[int, str],
    "set": frozenset[str],
    "date": dt.date,
    "mixed words": Literal["a", 1],
    "recursion": Tree,
    "bytes": bytes,
    "list of anything": list[Any],
    "open model": RootModel[dict[str, str]],
}


@pytest.mark.parametrize("kind", REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_said_is_refused_by_name(kind: Any) -> None:
    draft: type[Draft] = type("Bad", (Draft,), {"__annotations__": {"field": kind}, "__module__": __name__})
    with pytest.raises(NotExpressible, match=r"Bad\.field"):
        strict(draft)


def test_a_draft_that_contains_itself_is_refused() -> None:
    class Loop(Draft):
        inner: "Loop | None"

    with pytest.raises(NotExpressible, match="contains itself"):
        strict(Loop)


def test_a_name_has_only_the_letters_that_servers_allow() -> None:
    class Long(Draft):
        field: int = Field(default=1)

    Long.__name__ = "Answer[int] " * 20
    assert len(schema_name(Long)) == 64
    assert schema_name(Long).startswith("Answer_int_Answer")


@given(st.data())
@settings(max_examples=60)
def test_generated_answers_fit_the_schema_and_generated_drafts_are_valid(data: st.DataObject) -> None:
    draft = data.draw(st.sampled_from(DRAFTS))
    jsonschema.validate(data.draw(answers(draft)), strict(draft))
    made = data.draw(drafts(draft))
    jsonschema.validate(json.loads(made.model_dump_json()), strict(draft))
