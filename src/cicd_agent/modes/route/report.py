"""What is published of a plan: outputs that jobs branch on, the files behind them, and a page for people."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Final

from cicd_agent.domain.effects import Annotation, Artifact, Effect, Level, Output, Plan, Summary
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.text.words import clip
from cicd_agent.modes.protocol import Account
from cicd_agent.modes.route.job_results import slug
from cicd_agent.modes.route.page import page, pictures, sentence
from cicd_agent.modes.route.result import Routed
from cicd_agent.modes.route.table import DEFAULT_AREAS
from cicd_agent.rendering.github_markdown import github_markdown
from cicd_agent.settings.schema import Settings

RUNS: Final = tuple(f"run_{slug(area)}" for area in DEFAULT_AREAS)
OUTPUTS: tuple[str, ...] = (
    "risk_percentile",
    "reasons",
    "tests",
    "build",
    "strategy",
    "canary_percentage",
    "monitor_minutes",
    "areas",
    "skipped_areas",
    *RUNS,
    "matrix",
    "has_jobs",
    "affected_tests_file",
    "plan_file",
)
PLAN: Final = "plan.json"
VERSION: Final = 1

_MAX_NOTICES = 3
_MAX_REASONS = 50
_MAX_REASON = 500


def report(routed: Routed, evidence: Evidence, account: Account, _settings: Settings) -> Plan:
    """The plan. Nothing is said on the pull request: what is decided here, the jobs after it show."""
    return Plan(
        (
            *_notices(routed),
            Summary("summary", github_markdown(page(routed, evidence, account)), pictures(routed.risk)),
            *_files(routed, evidence),
            *_outputs(routed, evidence),
        )
    )


def document(routed: Routed, evidence: Evidence) -> dict[str, object]:
    """The plan as JSON, for programs that need more than outputs hold."""
    change = evidence.change
    return {
        "version": VERSION,
        "commit": evidence.event.sha,
        "base": change.base if change is not None else "",
        **asdict(routed),
    }


def _notices(routed: Routed) -> Iterator[Effect]:
    for at, doubt in enumerate(routed.doubts[:_MAX_NOTICES]):
        yield Annotation(f"doubt-{at}", Level.NOTICE, "cicd-agent: the full plan", clip(doubt, 500))


def _files(routed: Routed, evidence: Evidence) -> Iterator[Effect]:
    text = json.dumps(document(routed, evidence), ensure_ascii=False, indent=1)
    yield Artifact("plan", PLAN, f"{text}\n", output="plan_file")
    if routed.cells.tests == "affected":
        chosen = "".join(f"{argument}\n" for argument in routed.select)
        yield Artifact("affected-tests", "affected-tests.txt", chosen, output="affected_tests_file")
    else:
        yield Output("output-affected_tests_file", "affected_tests_file", "")


def _outputs(routed: Routed, evidence: Evidence) -> Iterator[Effect]:
    cells, risk = routed.cells, routed.risk
    touched = [area.name for area in routed.areas if area.run]
    running = {slug(area.name) for area in routed.areas if area.run}
    runs = {f"run_{name}": _flag(name in running) for name in (slug(area.name) for area in routed.areas)}
    values = {
        "summary": sentence(routed, evidence),
        "risk_percentile": "" if risk.percentile is None else str(risk.percentile),
        "reasons": _json([clip(reason.text, _MAX_REASON) for reason in risk.reasons[:_MAX_REASONS]]),
        "tests": cells.tests,
        "build": cells.build,
        "strategy": cells.strategy,
        "canary_percentage": str(cells.canary_percentage),
        "monitor_minutes": str(cells.monitor_minutes),
        "areas": _json(touched),
        "skipped_areas": _json([area.name for area in routed.areas if not area.run]),
        # Those of an area that the config does not have are empty: nobody knows whether they should run.
        **dict.fromkeys(RUNS, ""),
        **runs,
        "matrix": _json({"include": [{"area": area} for area in touched]}),
        "has_jobs": _flag(bool(touched)),
    }
    for name, value in values.items():
        yield Output(f"output-{name}", name, value)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _flag(value: bool) -> str:  # noqa: FBT001  it is the value
    return "true" if value else "false"
