"""A document without its secrets is still a document."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from cicd_agent.domain.text.json_redaction import redact_json
from cicd_agent.domain.text.redaction import MASK, Redactor

KEY = "zk-7QpL9vXw3RtY2mNb8Kc5Hd1Jf6Gs4"
PIECES = [KEY[at : at + 7] for at in range(0, len(KEY), 7)]
REDACT = Redactor([KEY]).redact


def redacted(value: Any) -> Any:
    return json.loads(redact_json(json.dumps(value, indent=1, ensure_ascii=False) + "\n", REDACT))


def test_a_text_is_masked_where_it_stands() -> None:
    assert redacted({"a": f"my {KEY}", "b": ["fine", 1, None]}) == {"a": f"my {MASK}", "b": ["fine", 1, None]}


def test_pieces_in_several_values_go_and_what_is_around_them_stays() -> None:
    found = redacted({"said": ["first", *PIECES], "kept": {"n": 7, "words": "as they were"}})
    assert found["kept"] == {"n": 7, "words": "as they were"}
    assert len(found["said"]) == len(PIECES) + 1
    assert not [piece for piece in PIECES if piece in json.dumps(found)]


def test_what_holds_no_secret_is_the_same_to_the_byte() -> None:
    text = json.dumps({"a": ["x", 1.0, {"b": "ü"}]}, indent=1, ensure_ascii=False) + "\n"
    assert redact_json(text, REDACT) == text


leaves = st.one_of(st.sampled_from([*PIECES, KEY, KEY[:14], KEY[14:], KEY[::-1], "fine", '"', "\\"]), st.integers())
documents = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=6), st.dictionaries(st.sampled_from(["a", "b", "c"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@settings(max_examples=150)
@given(documents)
def test_it_is_json_of_the_same_shape_and_holds_no_secret_however_that_is_split(value: Any) -> None:
    found = redacted(value)
    assert shape(found) == shape(value)
    text = json.dumps(found, indent=1, ensure_ascii=False)
    assert REDACT(text) == text


def shape(value: Any) -> Any:
    match value:
        case dict():
            return {name: shape(inner) for name, inner in value.items()}
        case list():
            return [shape(inner) for inner in value]
        case _:
            return type(value)


def test_what_is_no_document_is_redacted_all_the_same() -> None:
    assert redact_json(f'{{"a": "{KEY}"}}\n{{"b": 1}}\n', REDACT) == f'{{"a": "{MASK}"}}\n{{"b": 1}}\n'


def test_a_name_is_masked_too_where_the_whole_is_no_document_any_more() -> None:
    found = redacted({KEY: 1, "said": PIECES})
    assert list(found) == [MASK, "said"]
