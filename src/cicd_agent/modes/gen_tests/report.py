"""Turns generated tests into the effects that publish them: patch and certificate always, the rest as it is wanted."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

from cicd_agent import __version__
from cicd_agent.domain.effects import (
    Annotation,
    Artifact,
    Comment,
    Commit,
    Effect,
    Level,
    OpenPull,
    Output,
    Plan,
    Summary,
    TextFile,
)
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.text.markdown import code, prose
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.text.words import clip, count
from cicd_agent.domain.trials.candidate import CandidateReport
from cicd_agent.domain.trials.sandbox import tier_named
from cicd_agent.modes.gen_tests.evidence import SuiteState
from cicd_agent.modes.gen_tests.failures import failure
from cicd_agent.modes.gen_tests.page import comment, page, sentence
from cicd_agent.modes.gen_tests.result import Covered, Generated, PossibleBug, Share
from cicd_agent.modes.protocol import Account
from cicd_agent.rendering.github_markdown import github_markdown
from cicd_agent.settings.schema import Commenting, Settings

OUTPUTS = (
    "tests_added",
    "tests_rejected",
    "coverage_before",
    "coverage_after",
    "changed_coverage_before",
    "changed_coverage_after",
    "mutants_killed",
    "possible_bugs",
    "flaky_tests",
    "tests_set_aside",
    "patch_file",
    "certificate_file",
)
MAX_NOTES = 5
"""Annotations of one kind: the runner shows ten of a step."""
PATCH, CERTIFICATE = "tests.patch", "certificate.json"
VERSION: Final = 1


def report(generated: Generated, evidence: Evidence, account: Account, settings: Settings) -> Plan:
    """The plan. What GitHub is told comes first, so that the rest can say what became of it."""
    return Plan(
        (
            *_delivery(generated, evidence, settings),
            *_comment(generated, evidence, account, settings),
            *_annotations(generated),
            Summary("summary", github_markdown(page(generated, evidence, account, settings))),
            *_files(generated, evidence),
            *_outputs(generated),
        )
    )


def _delivery(generated: Generated, evidence: Evidence, settings: Settings) -> Iterator[Effect]:
    """The tests themselves, on the way that the settings name; onto a fork's branch nothing is put."""
    pull = evidence.event.pull
    if pull is None or not generated.files or evidence.change is None:
        return
    head = evidence.event.sha
    contents = sorted(generated.files.items())
    files = tuple(TextFile(path, text) for path, text in contents)
    title = f"Add {count(len(generated.kept), 'test')} for #{pull.number}"
    # By what is delivered: a head that bears it already needs it no more.
    key = hashlib.sha256(json.dumps(contents).encode()).hexdigest()[:16]
    lines = _purposes(generated)
    message = f"{title}\n\n{lines}"
    if settings.deliver == "commit":
        yield Commit(key, pull.number, head, message, files)
    elif settings.deliver == "pull-request":
        body = f"Tests for #{pull.number}, each tried before it was proposed.\n\n{lines}"
        yield OpenPull(key, pull.number, head, title, body, message, files)


def _purposes(generated: Generated) -> str:
    """What each test is for, a line each."""
    lines = []
    for candidate in (each.candidate for each in generated.kept[:20]):
        # What a candidate says of itself closes no issue and calls nobody, in a commit as little as in a body.
        purpose = clip(" ".join(candidate.why.split()) or f"for `{candidate.function}`", 200)
        lines.append(f"- {code(visible_line(candidate.name))}: {prose(purpose)}")
    if (more := len(generated.kept) - len(lines)) > 0:
        lines.append(f"- and {more} more")
    return "\n".join(lines)


def _comment(generated: Generated, evidence: Evidence, account: Account, settings: Settings) -> Iterator[Effect]:
    """One comment, edited in place; where there is nothing to say none is begun."""
    pull = evidence.event.pull
    if pull is None or settings.comment is Commenting.OFF:
        return
    is_worth_it = bool(generated.kept or generated.bugs or (generated.hunt and generated.hunt.found))
    body = github_markdown(comment(generated, evidence, account, with_patch=settings.deliver == "comment"))
    yield Comment("gen-tests", pull.number, body, only_edit=not is_worth_it)


def _annotations(generated: Generated) -> Iterator[Effect]:
    """Where the change may be wrong, and where no test sees it, for those who read the diff."""
    for number, bug in enumerate(generated.bugs[:MAX_NOTES], 1):
        message = f"`{bug.candidate.name}` fails: {clip(bug.fails_with, 300)}. It may be right: {bug.ground}."
        location = bug.candidate.path
        yield Annotation(f"bug-{number}", Level.WARNING, "cicd-agent: possible bug", message, location, bug.line)
    for number, each in enumerate(generated.open[:MAX_NOTES], 1):
        line = each.lines[0] if each.lines else each.branches[0][0] if each.branches else each.line
        key = f"open-{number}"
        yield Annotation(key, Level.NOTICE, "cicd-agent: no test sees this", each.advice, each.path, line)
    for number, test in enumerate(generated.suite.failed[:MAX_NOTES] if generated.suite.can_judge else (), 1):
        message = f"{clip(test.nodeid, 200)} passes before the change and fails after it: {failure(test)}"
        path, _, number_of_line = test.where.rpartition(":")
        where = (
            (path, int(number_of_line)) if path and number_of_line.isdigit() else (test.nodeid.partition("::")[0], 0)
        )
        yield Annotation(f"broken-{number}", Level.WARNING, "cicd-agent: broken test", message, *where)
    if not generated.suite.can_judge:
        level = Level.WARNING if generated.suite.state is not SuiteState.UNAVAILABLE else Level.NOTICE
        yield Annotation("suite", level, "cicd-agent: no tests were written", sentence(generated))
    for number, item in enumerate(generated.hunt.found[:MAX_NOTES] if generated.hunt else (), 1):
        message = f"{clip(item.nodeid, 200)} is flaky ({item.kind}): {item.shown_by}"
        path = item.nodeid.partition("::")[0]
        yield Annotation(f"flaky-{number}", Level.WARNING, "cicd-agent: flaky test", message, path)


def _files(generated: Generated, evidence: Evidence) -> Iterator[Effect]:
    fixes = "".join(each.patch for each in generated.hunt.found) if generated.hunt else ""
    patch = generated.patch or fixes
    if patch:
        yield Artifact("patch", PATCH, patch, output="patch_file")
    else:
        yield Output("output-patch_file", "patch_file", "")
    if generated.patch and fixes:
        yield Artifact("flaky-patch", "flaky.patch", fixes)
    yield Artifact("certificate", CERTIFICATE, certificate(generated, evidence), output="certificate_file")


def _outputs(generated: Generated) -> Iterator[Output]:
    before, after = generated.before, generated.after or generated.before
    suite, judged, hunt = generated.suite, generated.suite.can_judge, generated.hunt
    values = {
        "summary": sentence(generated),
        "tests_added": str(len(generated.kept)) if judged else "",
        "tests_rejected": str(len(generated.reports) - len(generated.kept)) if judged else "",
        "coverage_before": _percent(before.files if before else None),
        "coverage_after": _percent(after.files if after else None),
        "changed_coverage_before": _percent(before.changed if before else None),
        "changed_coverage_after": _percent(after.changed if after else None),
        "mutants_killed": str(len(generated.killed)) if judged else "",
        "possible_bugs": str(len(generated.bugs)) if judged else "",
        "flaky_tests": json.dumps([each.nodeid for each in hunt.found], ensure_ascii=False) if hunt else "",
        "tests_set_aside": json.dumps(Counter(str(each.kind) for each in suite.set_aside)) if judged else "",
    }
    yield from (Output(f"output-{name}", name, value) for name, value in values.items())


def _percent(share: Share | None) -> str:
    return "" if share is None or share.percent is None else f"{share.percent:.1f}"


def certificate(generated: Generated, evidence: Evidence) -> str:
    """The same bytes for the same trial: nothing in it depends on when it was made or how long that took."""
    change = evidence.change
    faults = {mutant.id: (mutant.line, mutant.words) for mutant in generated.suite.mutants}
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
            "sandbox": tier_named(generated.suite.sandbox),
            "tests": generated.suite.tests,
            "set_aside": [
                {"test": each.nodeid, "kind": each.kind, "error": each.error, "reason": each.reason}
                for each in generated.suite.set_aside
            ],
            "broken": [{"test": test.nodeid, "error": failure(test)} for test in generated.suite.failed]
            if generated.suite.can_judge
            else [],
        },
        "coverage": {"before": _covered(generated.before), "after": _covered(generated.after)},
        "files": sorted(generated.files),
        "tests": [_test_entry(report, generated, faults) for report in generated.kept],
        "rejected": [_rejected_entry(report) for report in generated.reports if not (report.stands and report.settled)],
        "possible_bugs": [_bug(bug) for bug in generated.bugs],
    }
    return json.dumps(body, ensure_ascii=False, indent=1) + "\n"


def _test_entry(report: CandidateReport, generated: Generated, faults: Mapping[str, tuple[int, str]]) -> dict[str, Any]:
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
            {"id": kill, "line": line, "fault": text}
            for kill in report.kills
            for line, text in [faults.get(kill, (0, kill))]
        ],
        "runs": report.runs,
        "passed": report.passed,
    }


def _rejected_entry(report: CandidateReport) -> dict[str, Any]:
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


def _covered(result: Covered | None) -> dict[str, Any] | None:
    if result is None:
        return None
    shares = {"files": result.files, "changed": result.changed}
    return {name: {"executed": share.part, "lines": share.whole} for name, share in shares.items()}
