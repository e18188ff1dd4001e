"""All settings of a run, in the order of the documents."""

from collections.abc import Mapping
from functools import cache
from typing import Final

from cicd_agent.domain.modes import MODES, mode_module
from cicd_agent.settings.modes import (
    RERUNS,
    AnalyseFailureSettings,
    Band,
    DeployGateSettings,
    Freeze,
    GenTestsSettings,
    ReviewSettings,
    Route,
    RouteSettings,
    TeamSignal,
)
from cicd_agent.settings.risk import RiskSettings
from cicd_agent.settings.run import (
    DENY_PATHS,
    OFF,
    Api,
    Commenting,
    FindingSettings,
    ModelSettings,
    RunSettings,
    Stage,
    TestRunSettings,
    TokenPrice,
    path_denier,
)
from cicd_agent.settings.section import ModeName, Section, kebab

__all__ = [
    "CONSUMED_EARLIER",
    "DENY_PATHS",
    "OFF",
    "RERUNS",
    "Api",
    "Band",
    "Commenting",
    "Freeze",
    "ModeName",
    "Route",
    "Settings",
    "Stage",
    "TeamSignal",
    "TokenPrice",
    "field_order",
    "kebab",
    "path_denier",
    "settings_type",
]

CONSUMED_EARLIER = frozenset({"mode", "runtime", "index-url"})
"""Inputs of action.yml that choose and install the program, and so are no settings of it."""

_ORDER: Final = str.split("""
    github_token working_directory config_file organisation_config timeout_minutes openai_api_key base_url
    model_headers api model fast_model fallback_model service_tier max_cost_usd max_input_tokens
    max_rounds cache_dir state_dir metrics_file instructions comment review_event fail_on
    fail_on_model on_unavailable max_comments min_severity min_confidence paths_ignore sarif_files pull_request stage
    evidence_file decision_file test_command python coverage_threshold deliver detect_flaky allow_unsandboxed
    run_id rerun verify_command environment sha threshold enforce signals_file test_reports
    coverage_reports base_coverage_reports needs jobs slack_webhook_url slack_token slack_channel prices
    judge labels keep_unchanged characterisation check_run replies commit_comment failure_issue areas routes
    risk services weights thresholds signals not_applicable required_checks ignore_checks bot_policy wait_for_checks
    failure_workflows environment_aliases incident_label freezes signal_max_age_hours require_audit require_model
    approvals approvers approval_hours traffic_per_minute baseline_error_rate record_deployment
    cache_max_mb cache_max_days daily_cost_usd daily_runs accuracy rules own_rules deny_paths
""")
"""The order of the documents. What is not here comes last."""


class Settings(
    RunSettings,
    ModelSettings,
    FindingSettings,
    RiskSettings,
    TestRunSettings,
    ReviewSettings,
    GenTestsSettings,
    AnalyseFailureSettings,
    DeployGateSettings,
    RouteSettings,
):
    """All sections."""


def settings_type() -> type[Settings]:
    """Settings, with the sections (SECTION in `settings.py`) of modes that bring one."""
    parts = [mode_module(name, "settings") for name in MODES]
    return _composed(tuple(part.SECTION for part in parts if part))


@cache
def _composed(sections: tuple[type[Section], ...]) -> type[Settings]:
    return type("Settings", (Settings, *sections), {"__module__": __name__}) if sections else Settings


@cache
def only_mode(field: str) -> str:
    """The mode whose section declares the field, "" where it is for several."""
    declared = {
        "review": ReviewSettings,
        "gen-tests": GenTestsSettings,
        "analyse-failure": AnalyseFailureSettings,
        "deploy-gate": DeployGateSettings,
        "route": RouteSettings,
        **{name: part.SECTION for name in MODES if (part := mode_module(name, "settings"))},
    }
    return next((mode for mode, section in declared.items() if field in section.model_fields), "")


def field_order(settings: type[Settings]) -> list[str]:
    known = {name: position for position, name in enumerate(_ORDER)}
    return sorted(settings.model_fields, key=lambda name: known.get(name, len(known)))


Limits = Mapping[ModeName, float]

USD: Final[Limits] = {"review": 0.50, "gen-tests": 1, "analyse-failure": 0.25, "deploy-gate": 0.10, "route": 0}
MINUTES: Final[Limits] = {"review": 5, "gen-tests": 15, "analyse-failure": 5, "deploy-gate": 5, "route": 5}

BY_MODE: Final[Mapping[str, Limits]] = {"max_cost_usd": USD, "timeout_minutes": MINUTES}
"""The settings that are None until somebody says otherwise, and what holds then."""


def usd(settings: Settings, mode: str) -> float:
    return limit_of(mode, USD) if settings.max_cost_usd is None else settings.max_cost_usd


def minutes(settings: Settings, mode: str) -> float:
    return limit_of(mode, MINUTES) if settings.timeout_minutes is None else settings.timeout_minutes


def list_limits(limits: Limits) -> str:
    """Each with its mode; one that several share comes first and stands for all of them."""
    common = max(limits.values(), key=[*limits.values()].count)
    if [*limits.values()].count(common) == 1:
        return ", ".join(f"{mode} {limit:g}" for mode, limit in limits.items())
    others = (f"{mode} {limit:g}" for mode, limit in limits.items() if limit != common)
    return ", ".join([f"{common:g}", *others])


def limit_of(mode: str, limits: Limits) -> float:
    return limits.get(mode, limits["review"])
