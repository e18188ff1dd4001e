"""The page about the report names paths that the report has."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SCHEMA: dict[str, Any] = json.loads((ROOT / "schema/report.schema.json").read_text("utf-8"))
ROWS = (ROOT / "docs/reference/report.md").read_text("utf-8").partition("## Where it stands")[2].splitlines()
PATHS = sorted({path for row in ROWS if row.startswith("| ") for path in re.findall(r"`([^`]+)`", row.split("|")[2])})


def alternatives(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """What a part may be, its references followed."""
    if "$ref" in schema:
        schema = SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]]
    return [each for part in schema["anyOf"] for each in alternatives(part)] if "anyOf" in schema else [schema]


def test_there_are_paths() -> None:
    assert len(PATHS) > 30


@pytest.mark.parametrize("path", PATHS)
def test_a_path_leads_somewhere(path: str) -> None:
    places = [SCHEMA["properties"]["body"]]
    for name in path.split("."):
        places = [
            found
            for place in places
            for each in alternatives(place)
            if name.removesuffix("[]") in each.get("properties", {})
            for found in alternatives(each["properties"][name.removesuffix("[]")])
        ]
        if name.endswith("[]"):
            places = [item for place in places if "items" in place for item in alternatives(place["items"])]
        assert places, f"{path}: nothing has `{name}`"
