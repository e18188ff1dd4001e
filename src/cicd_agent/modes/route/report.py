"""What is published of a plan: outputs that jobs branch on, the files behind them, and a page for people."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict

from cicd_agent.domain.effects import Annotation, Artifact, Effect, Level, Output, Plan, Summary
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.text.words import clip
from cicd_agent.modes.protocol import Account
from cicd_agent.modes.route.page import page, sentence
from cicd_agent.modes.route.result import Cells, RouteResult
from cicd_agent.rendering.github_markdown import github_markdown
from cicd_agent.settings.schema import Settings

OUTPUTS: tuple[str, ...] = (
    *("reasons", "tests", "build", "strategy", "canary_percentage", "monitor_minutes"),
    *("requires_approval", "areas", "skipped_areas", "matrix"),
    *("affected_tests_file", "plan_file"),
)

_MAX_NOTICES = 3
_MAX_REASONS = 50
_MAX_REASON = 500


def report(result: RouteResult, evidence: Evidence, account: Account, settings: Settings) -> Plan:
    """The plan. Nothing is said on the pull request: what is decided here, the jobs after it show."""
    notices = (
        Annotation(f"doubt-{at}", Level.NOTICE, "cicd-agent: the full plan", clip(doubt, 500))
        for at, doubt in enumerate(result.doubts[:_MAX_NOTICES])
    )
    return Plan(
        (
            *notices,
            Summary("summary", github_markdown(page(result, evidence, account, settings))),
            *_files(result, evidence),
            *(Output(f"output-{name}", name, value) for name, value in _outputs(result, evidence).items()),
        )
    )


def cell_texts(cells: Cells) -> Mapping[str, str]:
    return {name: value if isinstance(value, str) else _json(value) for name, value in asdict(cells).items()}


def document(result: RouteResult, evidence: Evidence) -> dict[str, object]:
    base = evidence.change.base if evidence.change is not None else ""
    return {"version": 1, "commit": evidence.event.sha, "base": base, **asdict(result)}


def _files(result: RouteResult, evidence: Evidence) -> Iterator[Effect]:
    text = json.dumps(document(result, evidence), ensure_ascii=False, indent=1)
    yield Artifact("plan", "plan.json", f"{text}\n", output="plan_file")
    if result.cells.tests == "affected":
        arguments = "".join(f"{argument}\n" for argument in result.select)
        yield Artifact("affected-tests", "affected-tests.txt", arguments, output="affected_tests_file")
    else:
        yield Output("output-affected_tests_file", "affected_tests_file", "")


def _outputs(result: RouteResult, evidence: Evidence) -> Mapping[str, str]:
    running = [area.name for area in result.areas if area.run]
    return {
        "summary": sentence(result, evidence),
        "reasons": _json([clip(reason.text, _MAX_REASON) for reason in result.risk.reasons[:_MAX_REASONS]]),
        **cell_texts(result.cells),
        "areas": _json(running),
        "skipped_areas": _json([area.name for area in result.areas if not area.run]),
        "matrix": _json({"include": [{"area": area} for area in running]}),
    }


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
