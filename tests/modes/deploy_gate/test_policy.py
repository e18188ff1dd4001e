from typing import Any

import pytest

from cicd_agent.modes.deploy_gate.score import BANDS, WEIGHTS, digest, policy
from cicd_agent.settings.schema import Band, Freeze, Settings


def test_the_defaults_are_those_of_the_documents() -> None:
    assert dict(WEIGHTS) == {"tests": 35, "coverage": 20, "review": 25, "failures": 10, "model": 10}
    assert {name: (band.green, band.red) for name, band in BANDS.items()} == {
        "tests": (100, 95),
        "coverage": (0, -5),
        "review": (1, 0),
        "failures": (5, 20),
        "model": (0.85, 0.6),
    }
    assert policy(Settings()).threshold == 75


def test_what_is_set_takes_the_place_of_the_defaults_and_the_rest_stays() -> None:
    judged = policy(Settings(weights={"tests": 60}, thresholds={"failures": Band(green=1, red=2)}))
    assert (judged.weights["tests"], judged.weights["coverage"]) == (60, 20)
    assert judged.bands["failures"] == Band(green=1, red=2)
    assert judged.bands["tests"] == BANDS["tests"]


def test_what_is_not_applicable_has_no_weight_even_where_one_is_set() -> None:
    judged = policy(Settings(not_applicable=("coverage",), weights={"coverage": 50}))
    assert judged.weights["coverage"] == 0
    assert judged.not_applicable == ("coverage",)


@pytest.mark.parametrize(
    "knobs",
    [
        {"threshold": 74},
        {"weights": {"tests": 34}},
        {"thresholds": {"tests": Band(green=100, red=94)}},
        {"not_applicable": ("coverage",)},
        {"required_checks": ("unit",)},
        {"bot_policy": "rules-and-green"},
        {"failure_workflows": ("ci.yml",)},
        {"incident_label": "outage"},
        {"freezes": {"xmas": Freeze(begins="2026-12-20")}},
        {"signal_max_age_hours": 24},
        {"require_model": "on"},
        {"rules": {"sql-injection": "off"}},
        {"paths_ignore": ("legacy/",)},
        {"fail_on": "medium"},
        {"risk": {"floors": {"src/": "high"}}},
        {"risk": {"levels": {"medium": 1, "high": 2, "critical": 3}}},
        {"services": {"shop": {"tier": 1}}},
        {"min_confidence": 0.9},
    ],
    ids=lambda knobs: next(iter(knobs)),
)
def test_the_digest_changes_with_what_can_change_a_decision(knobs: dict[str, Any]) -> None:
    assert digest(Settings(**knobs)) != digest(Settings())


def test_the_digest_does_not_change_with_what_decides_nothing() -> None:
    same = Settings(enforce="shadow", approvers=("rita",), model="other", slack_channel="C1")
    assert digest(same) == digest(Settings())


def test_a_default_that_is_spelt_out_is_the_same_policy() -> None:
    spelt = Settings(
        weights={"model": 10, "tests": 35},
        thresholds={"review": Band(green=1, red=0)},
        threshold=75,
        signal_max_age_hours=168,
    )
    assert digest(spelt) == digest(Settings())
