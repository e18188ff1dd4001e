"""Hypothesis strategies over our strict schema dialect: whatever a model may say, for any Draft class.

`answers(draft)` are JSON values that the schema sent to the model allows; a few of them break a limit that only
pydantic knows (a range, a length), as real models do. `drafts(draft)` are valid ones, as draft objects.
"""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar

from hypothesis import strategies as st
from pydantic import ValidationError

from cicd_agent.agent.schema import strict
from cicd_agent.domain.verdict import Draft

D = TypeVar("D", bound=Draft)
Json = Any

# Short texts with what breaks things: markup, escapes, bidi, NUL, several lines, very long words.
TEXTS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["", " ", "a\nb", "\r\n", "```", "</details>", "<!-- x -->", "@all", "::error::x", "##[error]x", "\u202eabc",
         "\x00", "|", "a" * 300, "src/app.py", "os.system(x)", "Fixes #1", "${{ secrets.X }}", "![x](https://example.org/x.png)"]
    ),
)  # fmt: skip


def answers(draft: type[D]) -> st.SearchStrategy[Json]:
    """Values that the draft's strict schema allows."""
    return _answers(draft)


def drafts(draft: type[D]) -> st.SearchStrategy[D]:
    """Valid drafts. A class whose own validators refuse most of what its schema allows should say so in the schema."""
    return _drafts(draft)


@cache
def _answers(draft: type[Draft]) -> st.SearchStrategy[Json]:
    """Made once for each class: what a strategy has found out about itself is lost with it."""
    return _values(strict(draft), {}, {})


@cache
def _drafts(draft: type[Draft]) -> st.SearchStrategy[Any]:
    loose = draft.model_json_schema()

    def valid(value: Json) -> list[Draft]:
        try:
            return [draft.model_validate_json(json.dumps(value), strict=True)]
        except ValidationError:
            return []

    candidates = _values(strict(draft), loose, loose.get("$defs", {}))
    return candidates.map(valid).filter(bool).map(lambda found: found[0])


def _values(node: Mapping[str, Any], loose: Mapping[str, Any], defs: Mapping[str, Any]) -> st.SearchStrategy[Json]:
    """Values of a strict node; `loose` is pydantic's schema of the same place, with the limits, or empty."""
    if "$ref" in loose:
        loose = {**defs[loose["$ref"].removeprefix("#/$defs/")], **{k: v for k, v in loose.items() if k != "$ref"}}
    match node:
        case {"anyOf": choices}:
            beside = loose.get("anyOf", loose.get("oneOf", [{}] * len(choices)))
            return st.one_of([_values(choice, each, defs) for choice, each in zip(choices, beside, strict=True)])
        case {"enum": values}:
            return st.sampled_from(values)
        case {"type": "object", "properties": properties}:
            inner = loose.get("properties", {})
            fields = {name: _values(value, inner.get(name, {}), defs) for name, value in properties.items()}
            return st.fixed_dictionaries(fields)
        case {"type": "array", "items": items}:
            least = loose.get("minItems", 0)
            most = min(loose.get("maxItems", 4), max(4, least))
            return st.lists(_values(items, loose.get("items", {}), defs), min_size=least, max_size=most)
        case _:
            return _scalars(node["type"], loose)


def _scalars(kind: str, loose: Mapping[str, Any]) -> st.SearchStrategy[Json]:
    match kind:
        case "string" if "pattern" in loose:
            found: st.SearchStrategy[Json] = st.from_regex(loose["pattern"].replace("$", r"\Z"))
        case "string":
            most = loose.get("maxLength", 10_000)
            found = TEXTS.map(lambda text: text[:most].ljust(loose.get("minLength", 0), "x"))
        case "integer":
            low, high = _limits(loose, step=1)
            found = st.integers(low, high)
        case "number":
            low, high = _limits(loose, step=0)
            found = st.floats(
                low,
                high,
                allow_nan=False,
                allow_infinity=False,
                exclude_min="exclusiveMinimum" in loose,
                exclude_max="exclusiveMaximum" in loose,
            )
        case "boolean":
            found = st.booleans()
        case _:
            found = st.none()
    return found


def _limits(loose: Mapping[str, Any], *, step: int) -> tuple[Any, Any]:
    above, below = loose.get("exclusiveMinimum"), loose.get("exclusiveMaximum")
    low = loose.get("minimum") if above is None else above + step
    high = loose.get("maximum") if below is None else below - step
    return low, high
