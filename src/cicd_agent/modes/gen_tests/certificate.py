"""The certificate of generated tests: for each one kept what it is for and what it came through, as JSON."""

import json
from collections.abc import Mapping
from typing import Any, Final

from cicd_agent import __version__
from cicd_agent.domain.candidate import CandidateReport
from cicd_agent.domain.evidence import Evidence
from cicd_agent.modes.gen_tests.result import Covered, Generated, PossibleBug, Share

VERSION: Final = 1


def certificate(generated: Generated, evidence: Evidence) -> str:
    """The same bytes for the same trial: nothing in it depends on when it was made or how long that took."""
    change = evidence.change
    words = {mutant.id: (mutant.line, mutant.words) for mutant in generated.suite.mutants}
    body = {
        "kind": "cicd-agent tests certificate",
        "version": VERSION,
        "tool": f"cicd-agent {__version__}",
        "commit": change.head if change else "",
        "base": change.base if change else "",
        "suite": {
            "state": generated.suite.state,
            "command": generated.suite.command,
            "python": generated.suite.python,
            "sandbox": generated.suite.sandbox,
            "tests": generated.suite.tests,
        },
        "coverage": {"before": _covered(generated.before), "after": _covered(generated.after)},
        "files": sorted(generated.files),
        "tests": [_kept(report, generated, words) for report in generated.kept],
        "rejected": [_rejected(report) for report in generated.reports if not (report.stands and report.settled)],
        "possible_bugs": [_bug(bug) for bug in generated.bugs],
    }
    return json.dumps(body, ensure_ascii=False, indent=1) + "\n"


def _kept(report: CandidateReport, generated: Generated, words: Mapping[str, tuple[int, str]]) -> dict[str, Any]:
    candidate = report.candidate
    return {
        **_named(report),
        "file": generated.homes.get(candidate.key, ""),
        "why": candidate.why,
        "expected_from": candidate.expectation,
        "quote": candidate.quote,
        "label": report.label,
        "lines": list(report.lines),
        "branches": [list(branch) for branch in report.branches],
        "kills": [
            {"id": kill, "line": line, "fault": said}
            for kill in report.kills
            for line, said in [words.get(kill, (0, kill))]
        ],
        "runs": report.runs,
        "passed": report.passed,
    }


def _rejected(report: CandidateReport) -> dict[str, Any]:
    return {**_named(report), "stopped": report.stopped or "", "reason": report.reason}


def _named(report: CandidateReport) -> dict[str, Any]:
    candidate = report.candidate
    return {
        "name": candidate.name,
        "key": candidate.key,
        "subject": f"{candidate.path}::{candidate.function}",
        "origin": candidate.origin,
    }


def _bug(bug: PossibleBug) -> dict[str, Any]:
    candidate = bug.candidate
    return {
        "subject": f"{candidate.path}::{candidate.function}",
        "line": bug.line,
        "ground": bug.ground,
        "said": bug.said,
        "fails_with": bug.fails_with,
        "imports": list(candidate.imports),
        "code": candidate.code,
    }


def _covered(found: Covered | None) -> dict[str, Any] | None:
    return {"files": _share(found.files), "changed": _share(found.changed)} if found else None


def _share(share: Share) -> dict[str, int]:
    return {"executed": share.part, "lines": share.whole}
