"""The published schema and the generated pages say what the code does."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from cicd_agent.settings.document import parse_document
from cicd_agent.settings.loader import lint, load
from cicd_agent.settings.values import catalogue, config_schema
from scripts import docs

ROOT = Path(__file__).parents[2]
VALIDATOR = jsonschema.Draft202012Validator(config_schema())


def test_the_generated_files_are_current() -> None:
    assert docs.stale() == [], "run `make docs`"
    assert json.loads((ROOT / "schema/config.schema.json").read_text("utf-8")) == config_schema()


def test_the_page_names_every_setting() -> None:
    page = docs.configuration()
    for setting in catalogue().values():
        assert f"| `{setting.name}` |" in page
        assert setting.description in page


def test_the_example_on_the_page_is_a_good_file() -> None:
    example = docs.configuration().partition("```yaml\n")[2].partition("```")[0]
    assert parse_document(example).entries
    assert lint(example) == ()


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(config_schema())


@pytest.mark.parametrize("name", [name for name, setting in catalogue().items() if setting.input_only])
def test_what_only_inputs_may_say_is_not_in_the_schema(name: str) -> None:
    assert not VALIDATOR.is_valid({name: "x"})


BAD: list[Any] = [
    [],
    {"min_severity": "high"},
    {"min-severity": "hgh"},
    {"max-comments": 31},
    {"max-comments": "many"},
    {"max-rounds": 0},
    {"min-confidence": -0.1},
    {"timeout-minutes": 0},
    {"fail-on-model": "yes"},
    {"paths-ignore": "docs/**"},
    {"paths-ignore": [["a"]]},
    {"rules": {"sql": "loud"}},
    {"rules": ["sql"]},
    {"review": {"threshold": 5}},
    {"prices": {"m": "5"}},
    {"prices": {"m": {"input": 5}}},
    {"prices": {"m": {"input": -5, "output": 1}}},
    {"prices": {"m": {"input": 5, "output": 1, "per": 1}}},
    {"instructions": "x" * 8_001},
]


@pytest.mark.parametrize("config", BAD, ids=lambda config: json.dumps(config)[:30])
def test_what_is_wrong_for_the_schema_is_wrong_for_us(config: object) -> None:
    assert not VALIDATOR.is_valid(config)
    assert lint(json.dumps(config))


TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=30)
RULES = st.from_regex("[a-z][a-z-]{0,19}", fullmatch=True)


def values(shape: dict[str, Any]) -> st.SearchStrategy[Any]:
    """What fits a part of the schema."""
    least, above = shape.get("minimum"), shape.get("exclusiveMinimum")
    most, below = shape.get("maximum"), shape.get("exclusiveMaximum")
    whole_least = least if least is not None else -(10**6) if above is None else above + 1
    fractions = st.floats(
        above if least is None else least,
        below if most is None else most,
        exclude_min=least is None and above is not None,
        exclude_max=most is None and below is not None,
        allow_nan=False,
        allow_infinity=False,
    )
    strategies: dict[str, Callable[[], st.SearchStrategy[Any]]] = {
        "boolean": st.booleans,
        "integer": lambda: st.integers(whole_least, 10**6 if most is None else most),
        "number": lambda: fractions,
        "array": lambda: st.lists(values(shape["items"]).filter(lambda item: "\\" not in str(item)), max_size=3),
        "object": lambda: mappings(shape),
        "string": lambda: st.sampled_from([r"\bprint\(", "TODO"]) if shape.get("format") == "regex" else TEXT,
    }
    return st.sampled_from(shape["enum"]) if "enum" in shape else strategies[shape["type"]]()


def _rising(levels: dict[str, int]) -> tuple[int, int, int]:
    first = min(levels["medium"], 98)
    return first, first + 1, first + 2


def mappings(shape: dict[str, Any]) -> st.SearchStrategy[Any]:
    if "properties" in shape:
        inner = {name: values(each) for name, each in shape["properties"].items()}
        needed = set(shape.get("required", ()))
        drawn = st.fixed_dictionaries(
            {name: each for name, each in inner.items() if name in needed},
            optional={name: each for name, each in inner.items() if name not in needed},
        )
        # Of what has to rise JSON Schema has no word.
        levels = ("medium", "high", "critical")
        rises = needed.issuperset(levels)
        return drawn.map(lambda item: {**item, **dict(zip(levels, _rising(item), strict=True))}) if rises else drawn
    keys = shape.get("propertyNames", {}).get("enum")
    return st.dictionaries(st.sampled_from(keys) if keys else RULES, values(shape["additionalProperties"]), max_size=3)


CONFIGS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {}, optional={name: values(dict(setting.shape)) for name, setting in catalogue().items() if not setting.input_only}
)


@given(CONFIGS)
def test_what_the_schema_allows_is_loaded_as_it_stands(config: dict[str, Any]) -> None:
    VALIDATOR.validate(config)
    loaded = load({}, json.dumps(config))
    assert loaded.problems == ()
    for name, value in config.items():
        assert as_written(getattr(loaded.settings, name.replace("-", "_"))) == value


def as_written(value: object) -> object:
    """A setting as it stands in a file."""
    match value:
        case BaseModel():
            return as_written(value.model_dump(by_alias=True, exclude_unset=True))
        case dict():
            return {key: as_written(each) for key, each in value.items()}
        case tuple():
            return list(value)
        case _:
            return value
