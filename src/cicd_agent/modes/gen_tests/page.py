"""Generated tests as pages: which were kept and why, what they may have found, and what is still open."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import assert_never

from cicd_agent.domain.chart import Pie, Slice
from cicd_agent.domain.events.event import Event
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.text.words import clip, count, line_ranges
from cicd_agent.domain.trials.candidate import CandidateReport, Hurdle
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
MAX_PATCH = 20_000
STAGES = (
    ("parsed", Hurdle.PARSES),
    ("sound", Hurdle.STATIC),
    ("collected", Hurdle.COLLECTS),
    ("passed", Hurdle.PASSES),
    ("covers", Hurdle.COVERS),
    ("kills", Hurdle.KILLS),
    ("stable", Hurdle.STABLE),
)
"""The funnel: its words, and the hurdle that has to be taken for each."""
_ORDER = tuple(Hurdle)
_NOT_TRIED = Hurdle.TRIED


def sentence(generated: Generated) -> str:
    """The result as plain text in one line, for the log and the `summary` output."""
    suite, retained = generated.suite, generated.kept
    if not suite.can_judge:
        flaky = f", {count(len(generated.hunt.found), 'flaky test')}" if generated.hunt and generated.hunt.runs else ""
        return f"No tests were written: {_state(generated)}{flaky}"
    parts = [
        f"{count(len(retained), 'test')} kept of {len(generated.reports)}" if generated.reports else "No new tests"
    ]
    before, after = _changed(generated.before), _changed(generated.after)
    if retained and before and after:
        parts.append(f"changed lines executed {before} → {after}")
    elif before:
        parts.append(f"changed lines executed {before}")
    if generated.killed:
        parts.append(f"{count(len(generated.killed), 'mutant')} killed that survived before")
    if generated.bugs:
        parts.append(count(len(generated.bugs), "possible bug"))
    if suite.failed:
        parts.append(f"{count(len(suite.failed), 'test')} broken by the change")
    if suite.set_aside:
        parts.append(f"{count(len(suite.set_aside), 'test')} set aside")
    if generated.hunt is not None and generated.hunt.runs:
        parts.append(count(len(generated.hunt.found), "flaky test"))
    return ", ".join([*parts, *_unasked(generated)])


def page(generated: Generated, evidence: Evidence, account: Account, _settings: Settings) -> Page:
    """The whole result."""
    event = evidence.event
    blocks = [
        *headline(_heading(generated), account),
        *_result(generated, event),
        *_price(generated, account),
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


def pictures(generated: Generated) -> tuple[Pie, ...]:
    """What the changed lines are worth, at a glance."""
    before, after = generated.before, generated.after or generated.before
    if before is None or after is None or not before.changed.whole:
        return ()
    old, new = before.changed.part, max(after.changed.part, before.changed.part)
    parts = (
        Slice("executed before", old),
        Slice("executed by new tests", new - old),
        Slice("never executed", before.changed.whole - new),
    )
    return (Pie("Changed lines", parts),)


def funnel(generated: Generated) -> tuple[tuple[str, int], ...]:
    """How many candidates came how far, in the order of the hurdles."""
    tried = [report for report in generated.reports if report.stopped is not _NOT_TRIED]
    rows = [("asked", len(generated.reports))]
    rows += [(word, sum(_took(report, hurdle) for report in tried)) for word, hurdle in STAGES]
    return (*rows, ("kept", len(generated.kept)))


def _took(report: CandidateReport, hurdle: Hurdle) -> bool:
    return report.stopped is None or _ORDER.index(report.stopped) > _ORDER.index(hurdle)


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
    if generated.reports:
        yield Paragraph(" → ".join(f"{step} {number}" for step, number in funnel(generated)) + ".")


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
    if found:
        return f"{', '.join(found)}, {count(len(retained), 'test')} kept"
    if retained:
        return f"{count(len(retained), 'test')} kept of {len(generated.reports)}"
    if not generated.open:
        return "Nothing to add: the project's tests see all of this change"
    return "No new test earned its place"


def _numbers(generated: Generated) -> Iterator[Block]:
    parts: list[Inline] = []
    before, after = _changed(generated.before), _changed(generated.after)
    if before and after and generated.kept:
        parts.append((f"changed lines executed {before} → ", strong(after)))
    elif before:
        parts.append(("changed lines executed ", strong(before)))
    if before and _below(generated):
        parts.append(f"under the {generated.threshold:g} % that are wanted")
    if generated.killed:
        parts.append(f"{count(len(generated.killed), 'mutant')} killed that survived before")
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
    mutants = {mutant.id: (code(mutant.words), f" line {mutant.line}") for mutant in generated.suite.mutants}
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
    yield Table(("test", "of", "does what", "notices", "runs"), rows)
    if len(retained) > MAX_ROWS:
        yield Paragraph(f"{count(len(retained) - MAX_ROWS, 'more test')} in the certificate.")


def _broken(suite: Suite) -> Iterator[Block]:
    if not suite.can_judge:
        return
    for test in suite.failed[:MAX_BUGS]:
        words = " passes before this change and fails after it, also alone and in another order: "
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
            reason: Inline = ("it is said to be otherwise: ", code(clip(bug.said, 200)))
        case BugGround.PASSES_ON_BASE:
            reason = "it was otherwise before this change"
        case _:
            assert_never(bug.ground)
    fails = code(clip(bug.fails_with, 200))
    yield Paragraph((strong("Possible bug"), " in ", where, ": ", fails, ", and ", reason, ". This test shows it:"))
    yield CodeBlock(
        "\n".join([*candidate.imports, "", candidate.code]) if candidate.imports else candidate.code, "python"
    )


def _price(generated: Generated, account: Account) -> Iterator[Block]:
    """What a kept test has cost."""
    retained = len(generated.kept)
    if not retained:
        return
    parts = [f"{generated.seconds / retained:.1f} s of trial together"] if generated.seconds else []
    total = account.usage.total
    if account.usage.requests and total is not None:
        parts.append(f"{total / retained:,.0f} tokens")
    if parts:
        yield Paragraph(f"For each kept test: {' and '.join(parts)}.")


def _open(generated: Generated, event: Event, limit: int) -> Iterator[Block]:
    if not generated.open:
        return
    rows = [
        (_where(each.path, each.line, event, each.function), _missing(each), each.advice)
        for each in generated.open[:limit]
    ]
    blocks: list[Block] = [Table(("where", "what no test sees", "what would"), rows)]
    if (rest := len(generated.open) - limit) > 0:
        blocks.append(Paragraph(f"{count(rest, 'more function')} in the report."))
    yield Details(f"Still open in {count(len(generated.open), 'place')}", blocks)


def _missing(each: Open) -> Inline:
    parts: list[Inline] = []
    if each.lines:
        parts.append(f"{'line' if len(each.lines) == 1 else 'lines'} {_ranges(each.lines)}")
    if each.branches:
        parts.append("1 branch" if len(each.branches) == 1 else f"{len(each.branches)} branches")
    if each.survivors:
        parts.append(first_parts([code(survivor) for survivor in each.survivors], MAX_KILLS, "more faults"))
    return joined(parts, "; ")


def _ranges(lines: Sequence[int]) -> str:
    results = line_ranges(lines)
    return ", ".join([*results[:8], *(["…"] if len(results) > 8 else [])])  # noqa: PLR2004


def _flaky(hunt: FlakyHunt | None) -> Iterator[Block]:
    if hunt is None:
        return
    if not hunt.runs:
        if hunt.notes:
            yield Paragraph(f"Nothing is known of flaky tests: {'; '.join(hunt.notes)}.")
        return
    if not hunt.found:
        yield Paragraph(f"No flaky test in {count(hunt.runs, 'run')} of {count(hunt.tests, 'test')}.")
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
        yield Details("fixes that came through 20 runs", [CodeBlock(clip(fixes, MAX_PATCH), "diff")])
    if refused := [(code(each.nodeid), fix.reason) for each in hunt.found for fix in each.refused]:
        yield Details("fixes that are not offered", [Table(("flaky test", "why"), refused[:MAX_ROWS])])


def _patch(generated: Generated) -> Iterator[Block]:
    if len(generated.patch) > MAX_PATCH:
        size = count(len(generated.patch), "character")
        yield Paragraph(("The patch has ", size, ": it is in the file that ", code("patch_file"), " names."))
    elif generated.patch:
        yield Details(f"patch for {count(len(generated.files), 'file')}", [CodeBlock(generated.patch, "diff")])


def _folded(generated: Generated, evidence: Evidence) -> Iterator[Block]:
    sections: list[tuple[str, Sequence[Block]]] = []
    rejected = [report for report in generated.reports if not (report.stands and report.settled)]
    if rejected:
        rows = [
            (code(each.candidate.name), str(each.stopped or _NOT_TRIED), clip(each.reason, 300))
            for each in rejected[:MAX_ROWS]
        ]
        sections.append((f"{count(len(rejected), 'test')} not kept", [Table(("test", "at", "why"), rows)]))
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
    return Footnote(joined([*parts, *model_parts(account, "by rule")], " · "))


def _where(path: str, line: int, event: Event, function: str) -> Inline:
    return (place(path, line, event), (" ", code(function)) if function else "")
