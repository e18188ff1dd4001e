import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from cicd_agent.domain.metric import MetricKind, Sample
from cicd_agent.insights.metrics.page import page
from cicd_agent.insights.metrics.prometheus_text import exposition
from cicd_agent.insights.metrics.registry import METRICS

ROOT = Path(__file__).parents[2]
PLACE = ROOT / "deploy/monitoring"
PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed (Debian: prometheus)")
SELECTED = re.compile(r"(cicd_agent_\w+)(?:\{([^}]*)\})?")
MATCHED = re.compile(r'(\w+)(?:=~|!~|=|!=)"([^"]*)"')


def promtool(*arguments: str, text: str = "") -> str:
    assert PROMTOOL
    done = subprocess.run([PROMTOOL, *arguments], input=text, cwd=PLACE, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def rules() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load((PLACE / "alerts.yml").read_text())["groups"][0]["rules"]
    return found


def board() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((PLACE / "dashboard.json").read_text())
    return found


def queries() -> list[str]:
    return [target["expr"] for panel in board()["panels"] for target in panel.get("targets", ())]


def asked(expression: str) -> Iterator[tuple[str, str]]:
    """The metrics that an expression names, with what it selects of their labels."""
    for name, inside in SELECTED.findall(expression):
        base = name if name in METRICS else re.sub(r"_(bucket|sum|count)$", "", name)
        assert base in METRICS, f"{name} is not in the registry"
        assert (base == name) is (METRICS[base].kind is not MetricKind.HISTOGRAM), f"{name} is not how it is exposed"
        yield base, inside


def every_sample() -> Iterator[Sample]:
    for metric in METRICS.values():
        yield metric.sample(2, **{label.name: (*label.values, "x")[0] for label in metric.labels})


@needs_promtool
def test_prometheus_has_nothing_to_say_against_the_metrics() -> None:
    assert promtool("check", "metrics", text=exposition(every_sample())) == ""


@needs_promtool
def test_every_alert_fires_and_is_silent_when_it_should() -> None:
    assert "SUCCESS" in promtool("test", "rules", "alerts.test.yml")


@needs_promtool
def test_rules_and_queries_are_well_formed(tmp_path: Path) -> None:
    found = []
    for index, query in enumerate(queries()):
        plain = query.replace("$__interval", "1h").replace("$__rate_interval", "1h")
        found.append({"record": f"query:{index}", "expr": plain})
    made = tmp_path / "queries.yml"
    made.write_text(yaml.dump({"groups": [{"name": "queries", "rules": found}]}))
    said = promtool("check", "rules", "alerts.yml", str(made))
    assert f"{len(rules())} rules found" in said
    assert f"{len(found)} rules found" in said


@pytest.mark.parametrize("expression", [*(rule["expr"] for rule in rules()), *queries()])
def test_every_expression_asks_for_what_there_is(expression: str) -> None:
    found = list(asked(expression))
    assert found
    for name, inside in found:
        labels = {label.name: label for label in METRICS[name].labels}
        for label, value in MATCHED.findall(inside):
            assert label in labels, f"{name} has no label {label}"
            words = [] if value.startswith("$") else value.split("|")
            assert set(words) <= {*labels[label].values}, f"{label} of {name} is never that"


def test_every_metric_is_shown() -> None:
    assert {name for query in queries() for name, _ in asked(query)} == set(METRICS)


def test_every_alert_is_tested_both_ways_and_described() -> None:
    names = {rule["alert"] for rule in rules()}
    groups = yaml.safe_load((PLACE / "alerts.test.yml").read_text())["tests"]
    tested = [
        (test["alertname"], bool(test.get("exp_alerts"))) for group in groups for test in group["alert_rule_test"]
    ]
    assert {name for name, fires in tested if fires} == {name for name, fires in tested if not fires} == names
    assert set(re.findall(r"^\| `(CicdAgent\w+)` \|", (PLACE / "README.md").read_text(), re.MULTILINE)) == names
    assert all(rule["labels"]["severity"] in {"info", "warning", "critical"} for rule in rules())


def test_the_dashboard_can_be_imported_with_any_data_source() -> None:
    found = board()
    assert (found["id"], found["uid"]) == (None, "cicd-agent")
    assert found["schemaVersion"] >= 36
    assert [each["name"] for each in found["templating"]["list"] if each["type"] == "datasource"] == ["datasource"]
    panels = [panel for panel in found["panels"] if panel["type"] != "row"]
    assert {panel["datasource"]["uid"] for panel in panels} == {"${datasource}"}
    assert len({panel["id"] for panel in found["panels"]}) == len(found["panels"])
    places = [
        (x, y)
        for panel in found["panels"]
        for place in [panel["gridPos"]]
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(places) == len(set(places)), "no panel lies over another"
    assert max(x for x, _ in places) < 24


def test_the_page_of_the_metrics_is_current() -> None:
    assert (ROOT / "docs/reference/metrics.md").read_text("utf-8") == page()
    assert all(f"| `{metric.name}` |" in page() for metric in METRICS.values())
