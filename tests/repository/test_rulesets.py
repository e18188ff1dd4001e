"""The rulesets that the examples offer, judged by GitHub's own description of the request that creates them."""

import json
from pathlib import Path

import pytest
import yaml

from tests.support.servers.openapi import Description, github

ROOT = Path(__file__).parents[2]
RULESETS = ROOT / "examples/rulesets"


@pytest.fixture(scope="module")
def described() -> Description:
    return github()


@pytest.mark.parametrize(
    ("name", "path"), [("required-review", "/orgs/acme/rulesets"), ("release-tags", "/repos/acme/shop/rulesets")]
)
def test_github_would_take_the_ruleset(described: Description, name: str, path: str) -> None:
    body = json.loads((RULESETS / f"{name}.json").read_text("utf-8"))
    assert described.request("POST", path, {}, body) == []
    assert described.request("POST", path, {}, body | {"rules": [{"type": "no-such-rule"}]}) != []


def test_the_required_workflow_is_the_one_that_lies_beside_it() -> None:
    [rule] = json.loads((RULESETS / "required-review.json").read_text("utf-8"))["rules"]
    [workflow] = rule["parameters"]["workflows"]
    example = ROOT / "examples/workflows" / Path(workflow["path"]).name
    assert "pull_request" in yaml.safe_load(example.read_text("utf-8"))[True]


def test_a_ruleset_that_requires_a_workflow_begins_by_watching() -> None:
    assert json.loads((RULESETS / "required-review.json").read_text("utf-8"))["enforcement"] == "evaluate"
