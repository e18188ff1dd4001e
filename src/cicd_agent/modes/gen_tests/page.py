"""Generated tests as pages: which were kept and why, what they may have found, and what is still open."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import assert_never

from cicd_agent.domain.events.event import Event
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.text.words import clip, count, line_ranges
from cicd_agent.domain.trials.candidate import Hurdle
from cicd_agent.modes.gen_tests.evidence import Suite, SuiteState
from cicd_agent.modes.gen_tests.failures import failure
from cicd_agent.modes.gen_tests.flaky.experiments import FlakyHunt
from cicd_agent.modes.gen_tests.result import BugGround, Covered, Generated, Open, PossibleBug
from cicd_agent.modes.protocol import Account
from cicd_agent.modes.shared.blocks import account_blocks, details, first_parts, headline, model_parts, place
from cicd_agent.rendering.page import (
    Block,
    CodeBlock,
    Details,
    Footnote,
    Inline,
    Page,
    Paragraph,
    Table,
    code,
    joined,
    strong,
)
from cicd_agent.settings.schema import Settings

MAX_ROWS = 30
MAX_OPEN = 10
MAX_BUGS = 5
MAX_KILLS = 2
MAX_SHARING = 4
MAX_PATCH = 20_000


def sentence(generated: Generated) -> str:
    """The result as plain text in one line, for the log and the `summary` output."""
    suite = generated.suite
    if not suite.can_judge:
        flaky = f", {count(len(generated.hunt.found), 'flaky test')}" if generated.hunt and generated.hunt.runs else ""
        return f"No tests were written: {_state(generated)}{flaky}"
    parts = [_verdict(generated)]
    if suite.set_aside:
        parts.append(f"{count(len(suite.set_aside), 'test')} set aside")
    if generated.hunt is not None and generated.hunt.runs:
        parts.append(count(len(generated.hunt.found), "flaky test"))
        if generated.hunt.shared:
            parts.append(count(len(generated.hunt.shared), "shared temporary file"))
    return ", ".join([*parts, *_unasked(generated)])


def page(generated: Generated, evidence: Evidence, account: Account, _settings: Settings) -> Page:
    """The whole result."""
    event = evidence.event
    blocks = [
        *headline(_heading(generated), account),
        *_result(generated, event),
        *_open(generated, event, MAX_ROWS),
        *_flaky(generated.hunt),
        *_patch(generated),
        *_folded(generated, evidence),
        *account_blocks(account),
        _footnote(generated, evidence, account),
    ]
    return Page(blocks, event.hosts)


def comment(generated: Generated, evidence: Evidence, account: Account, *, with_patch: bool) -> Page:
    """What the pull request is told; `with_patch`: the patch as well."""
    event = evidence.event
    blocks = [
        *headline(_heading(generated), account),
        *_result(generated, event),
        *_open(generated, event, MAX_OPEN),
        *_flaky(generated.hunt),
        *(_patch(generated) if with_patch else ()),
        _footnote(generated, evidence, account),
    ]
    return Page(blocks, event.hosts)


def _state(generated: Generated) -> str:
    suite = generated.suite
    words = {
        SuiteState.BROKEN: "the project's tests cannot be used",
        SuiteState.UNAVAILABLE: "the project's tests cannot be run here",
    }.get(suite.state, str(suite.state))
    return f"{words}: {suite.detail}" if suite.detail else words


def _result(generated: Generated, event: Event) -> Iterator[Block]:
    yield from _numbers(generated)
    yield from _broken(generated.suite)
    yield from _bugs(generated, event)
    yield from _kept_tests(generated, event)


def _unasked(generated: Generated) -> list[str]:
    functions = count(generated.unasked, "function")
    return [f"a model would have been asked for tests of {functions}"] if generated.unasked else []


def _heading(generated: Generated) -> str:
    return " · ".join([_verdict(generated), *_unasked(generated)])


def _verdict(generated: Generated) -> str:
    """The verdict in one line."""
    retained, suite = generated.kept, generated.suite
    if not suite.can_judge:
        return f"No tests were written: {_state(generated)}"
    found = [f"{count(len(suite.failed), 'test')} broken by this change"] if suite.failed else []
    found += [count(len(generated.bugs), "possible bug")] if generated.bugs else []
    if retained:
        found.append(count(len(retained), "new test"))
        gains = [_coverage(generated)] if _coverage(generated) else []
        gains += [f"{count(len(generated.killed), 'mutant')} killed"] if generated.killed else []
        return f"{', '.join(found)}{': ' if gains else ''}{', '.join(gains)}"
    if found:
        return f"{', '.join(found)}, no new tests"
    hunt = generated.hunt
    if not generated.open and hunt is not None and hunt.runs:
        number = count(len(hunt.found), "flaky test") if hunt.found else "No flaky tests"
        return f"{number} in {count(hunt.runs, 'run')} of {count(hunt.tests, 'test')}"
    if not generated.open:
        return "No tests needed: the project's tests cover all of this change"
    tried = f", {count(len(generated.reports), 'candidate')} rejected" if generated.reports else ""
    return f"No new tests: {count(len(generated.open), 'gap')} left{tried}"


def _coverage(generated: Generated) -> str:
    before, after = _changed(generated.before), _changed(generated.after)
    if not (before and after):
        return ""
    return f"changed lines covered {before.removesuffix(' %')} → {after}"


def _numbers(generated: Generated) -> Iterator[Block]:
    parts: list[Inline] = []
    before = _changed(generated.before)
    if before and not (generated.kept and _changed(generated.after)):
        parts.append(("changed lines covered ", strong(before)))
    if before and _below(generated):
        parts.append(f"below the coverage threshold of {generated.threshold:g} %")
    if generated.suite.set_aside:
        kinds = Counter(str(each.kind) for each in generated.suite.set_aside)
        told = ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items()))
        parts.append(f"{count(len(generated.suite.set_aside), 'test')} of the project set aside ({told})")
    if parts:
        yield Paragraph(joined(parts, " · "))


def _below(generated: Generated) -> bool:
    seen = generated.after or generated.before
    share = seen.changed.percent if seen else None
    return share is not None and share < generated.threshold


def _changed(covered: Covered | None) -> str:
    share = covered.changed.percent if covered else None
    return "" if share is None else f"{share:.0f} %"


def _kept_tests(generated: Generated, event: Event) -> Iterator[Block]:
    retained = generated.kept
    mutants = {mutant.id: f"{mutant.words} line {mutant.line}" for mutant in generated.suite.mutants}
    rows = [
        (
            code(report.candidate.name),
            _where(report.candidate.path, 0, event, report.candidate.function),
            report.label or "–",
            first_parts([mutants.get(kill, code(kill)) for kill in report.kills], MAX_KILLS),
            f"{report.passed} of {report.runs}",
        )
        for report in retained[:MAX_ROWS]
    ]
    yield Table(("test", "function", "purpose", "mutants killed", "passed"), rows)
    if len(retained) > MAX_ROWS:
        yield Paragraph(f"{count(len(retained) - MAX_ROWS, 'more test')} in the certificate.")


def _broken(suite: Suite) -> Iterator[Block]:
    if not suite.can_judge:
        return
    for test in suite.failed[:MAX_BUGS]:
        words = " passed before this change and fails now, also alone and in another order: "
        yield Paragraph((strong("Broken test"), ": ", code(clip(test.nodeid, 200)), words, code(failure(test)), "."))
    if (more := len(suite.failed) - MAX_BUGS) > 0:
        yield Paragraph(f"And {count(more, 'more')} in the certificate.")


def _bugs(generated: Generated, event: Event) -> Iterator[Block]:
    for bug in generated.bugs[:MAX_BUGS]:
        yield from _bug(bug, event)
    more = len(generated.bugs) - MAX_BUGS
    if more > 0:
        yield Paragraph(f"And {count(more, 'more')} in the certificate.")


def _bug(bug: PossibleBug, event: Event) -> Iterator[Block]:
    candidate = bug.candidate
    where = _where(candidate.path, bug.line, event, candidate.function)
    match bug.ground:
        case BugGround.DOCUMENTED:
            reason: Inline = ("but its documentation says ", code(clip(bug.said, 200)))
        case BugGround.PASSES_ON_BASE:
            reason = "and it passed before this change"
        case _:
            assert_never(bug.ground)
    fails = code(clip(bug.fails_with, 200))
    yield Paragraph((strong("Possible bug"), " in ", where, ": ", fails, ", ", reason, ". Reproduction:"))
    yield CodeBlock(
        "\n".join([*candidate.imports, "", candidate.code]) if candidate.imports else candidate.code, "python"
    )


def _open(generated: Generated, event: Event, limit: int) -> Iterator[Block]:
    if not generated.open:
        return
    rows = [
        (_where(each.path, each.line, event, each.function), _missing(each), each.advice)
        for each in generated.open[:limit]
    ]
    blocks: list[Block] = [Table(("where", "not covered", "what would cover it"), rows)]
    if (rest := len(generated.open) - limit) > 0:
        blocks.append(Paragraph(f"{count(rest, 'more function')} in the report."))
    yield Details(f"{count(len(generated.open), 'gap')} left", blocks)


def _missing(each: Open) -> Inline:
    parts: list[Inline] = []
    if each.lines:
        parts.append(f"{'line' if len(each.lines) == 1 else 'lines'} {_ranges(each.lines)}")
    if each.branches:
        parts.append("1 branch" if len(each.branches) == 1 else f"{len(each.branches)} branches")
    if each.survivors:
        parts.append(first_parts(each.survivors, MAX_KILLS, "more mutants"))
    return joined(parts, "; ")


def _ranges(lines: Sequence[int]) -> str:
    results = line_ranges(lines)
    return ", ".join([*results[:8], *(["…"] if len(results) > 8 else [])])  # noqa: PLR2004


def _shared_files(hunt: FlakyHunt) -> Iterator[Block]:
    rows = [
        (code(each.path), first_parts([code(name) for name in each.tests], MAX_SHARING))
        for each in hunt.shared[:MAX_ROWS]
    ]
    if rows:
        yield Paragraph("These tests collide when they run at the same time. Write to `tmp_path` instead.")
        yield Table(("shared temporary file", "tests that write it"), rows)


def _flaky(hunt: FlakyHunt | None) -> Iterator[Block]:
    if hunt is None:
        return
    if not hunt.runs:
        if hunt.notes:
            yield Paragraph(f"Flaky tests: no result, because {'; '.join(hunt.notes)}.")
        return
    yield from _shared_files(hunt)
    if not hunt.found:
        yield Paragraph(f"No flaky tests in {count(hunt.runs, 'run')} of {count(hunt.tests, 'test')}.")
        return
    rows = [
        (
            code(each.nodeid),
            each.kind.replace("_", " "),
            f"{each.failures} of {each.runs}",
            (each.shown_by, (" (", joined([code(name) for name in each.polluters[:3]]), ")") if each.polluters else ""),
            each.advice,
        )
        for each in hunt.found[:MAX_ROWS]
    ]
    yield Table(("flaky test", "why", "failed", "shown by", "what to do"), rows)
    if fixes := "".join(each.patch for each in hunt.found):
        yield Details("Fixes that passed 20 runs", [CodeBlock(clip(fixes, MAX_PATCH), "diff")])
    if refused := [(code(each.nodeid), fix.reason) for each in hunt.found for fix in each.refused]:
        yield Details("Rejected fixes", [Table(("flaky test", "why"), refused[:MAX_ROWS])])


def _patch(generated: Generated) -> Iterator[Block]:
    if len(generated.patch) > MAX_PATCH:
        size = count(len(generated.patch), "character")
        yield Paragraph(("The patch has ", size, ": it is in the file that ", code("patch_file"), " names."))
    elif generated.patch:
        yield Details(f"Patch for {count(len(generated.files), 'file')}", [CodeBlock(generated.patch, "diff")])


def _folded(generated: Generated, evidence: Evidence) -> Iterator[Block]:
    sections: list[tuple[str, Sequence[Block]]] = []
    rejected = [report for report in generated.reports if not (report.stands and report.settled)]
    if rejected:
        rows = [
            (code(each.candidate.name), str(each.stopped or Hurdle.TRIED), clip(each.reason, 300))
            for each in rejected[:MAX_ROWS]
        ]
        sections.append((f"{count(len(rejected), 'candidate')} rejected", [Table(("test", "step", "why"), rows)]))
    if aside := generated.suite.set_aside:
        told = [
            (code(clip(each.nodeid, 200)), str(each.kind), code(each.error), each.reason) for each in aside[:MAX_ROWS]
        ]
        more = (
            [Paragraph(f"{count(len(aside) - MAX_ROWS, 'more')} in the certificate.")] if len(aside) > MAX_ROWS else []
        )
        title = f"{count(len(aside), 'test')} of the project set aside"
        sections.append((title, [Table(("test", "by", "raises", "why"), told), *more]))
    limits = [(gap.what or "–", gap.why) for gap in evidence.gaps] + [("–", note) for note in generated.suite.notes]
    limits += [("–", note) for note in generated.hunt.notes] if generated.hunt else []
    if limits:
        sections.append((count(len(limits), "limit"), [Table(("what", "why"), limits[:MAX_ROWS])]))
    yield from details(sections)


def _footnote(generated: Generated, evidence: Evidence, account: Account) -> Footnote:
    suite = generated.suite
    parts: list[Inline] = []
    if suite.tests:
        parts.append(f"{count(suite.tests, 'test')} of the project, Python {suite.python}")
    if suite.sandbox:
        parts.append(f"sandbox {suite.sandbox}")
    if evidence.event.sha:
        parts.append(f"commit {evidence.event.sha[:7]}")
    return Footnote(joined([*parts, *model_parts(account)], " · "))


def _where(path: str, line: int, event: Event, function: str) -> Inline:
    return (place(path, line, event), (" ", code(function)) if function else "")
