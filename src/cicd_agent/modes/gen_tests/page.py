"""The words of generated tests: which were kept and why, what they may have found, and what is still open."""

from collections.abc import Iterator, Sequence
from typing import assert_never

from cicd_agent.domain.chart import Pie, Slice
from cicd_agent.domain.events.event import Event
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.text.markdown import code, details, escape, fence, link, prose, table
from cicd_agent.domain.text.words import clip, count
from cicd_agent.domain.trials.candidate import CandidateReport, Hurdle
from cicd_agent.modes.gen_tests.evidence import SuiteState
from cicd_agent.modes.gen_tests.flaky.result import FlakyHunt
from cicd_agent.modes.gen_tests.result import BugGround, Covered, Generated, Open, PossibleBug
from cicd_agent.modes.protocol import Account

MAX_ROWS = 30
MAX_OPEN = 10
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
        parts.append(f"{count(len(generated.killed), 'planted fault')} noticed that nothing noticed before")
    if generated.bugs:
        parts.append(count(len(generated.bugs), "possible bug"))
    if generated.hunt is not None and generated.hunt.runs:
        parts.append(count(len(generated.hunt.found), "flaky test"))
    return ", ".join(parts)


def heading(generated: Generated) -> str:
    """The verdict in one line of Markdown."""
    retained, suite = generated.kept, generated.suite
    if not suite.can_judge:
        return f"### No tests were written: {prose(_state(generated))}"
    if generated.bugs:
        return f"### {count(len(generated.bugs), 'possible bug')}, {count(len(retained), 'test')} kept"
    if retained:
        return f"### {count(len(retained), 'test')} kept of {len(generated.reports)}"
    if not generated.open:
        return "### Nothing to add: the project's tests see all of this change"
    return "### No new test earned its place"


def comment(generated: Generated, evidence: Evidence, account: Account, *, with_patch: bool) -> str:
    """What the pull request is told; `with_patch`: the patch as well."""
    parts = [
        heading(generated),
        _numbers(generated),
        _bugs(generated, evidence.event),
        _kept_tests(generated, evidence.event),
        _funnel(generated),
        _open(generated, evidence.event, MAX_OPEN),
        _flaky(generated.hunt),
        _patch(generated) if with_patch else "",
        _foot(generated, evidence, account),
    ]
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def summary(generated: Generated, evidence: Evidence, account: Account) -> str:
    """The whole result as Markdown, for the step summary."""
    parts = [
        heading(generated),
        _numbers(generated),
        _bugs(generated, evidence.event),
        _kept_tests(generated, evidence.event),
        _funnel(generated),
        _price(generated, account),
        _open(generated, evidence.event, MAX_ROWS),
        _flaky(generated.hunt),
        _patch(generated),
        *_folded(generated, evidence),
        *([f"**Degraded:** {prose(account.degraded)}"] if account.degraded else []),
        *(prose(notice) for notice in account.notices),
        _foot(generated, evidence, account),
    ]
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


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
        SuiteState.RED: "the project's tests are red",
        SuiteState.BROKEN: "the project's tests are broken",
        SuiteState.UNAVAILABLE: "the project's tests cannot be run here",
    }.get(suite.state, str(suite.state))
    return f"{words}: {suite.detail}" if suite.detail else words


def _numbers(generated: Generated) -> str:
    parts = []
    before, after = _changed(generated.before), _changed(generated.after)
    if before and after and generated.kept:
        parts.append(f"changed lines executed {before} → **{after}**")
    elif before:
        parts.append(f"changed lines executed **{before}**")
    if before and _below(generated):
        parts.append(f"under the {generated.threshold:g} % that are wanted")
    if generated.killed:
        parts.append(f"{count(len(generated.killed), 'planted fault')} noticed that survived before")
    return " · ".join(parts)


def _below(generated: Generated) -> bool:
    seen = generated.after or generated.before
    share = seen.changed.percent if seen else None
    return share is not None and share < generated.threshold


def _changed(covered: Covered | None) -> str:
    share = covered.changed.percent if covered else None
    return "" if share is None else f"{share:.0f} %"


def _kept_tests(generated: Generated, event: Event) -> str:
    retained = generated.kept
    if not retained:
        return ""
    words = {mutant.id: f"{code(mutant.words)} line {mutant.line}" for mutant in generated.suite.mutants}
    rows = (
        (
            code(report.candidate.name),
            _where(report.candidate.path, 0, event, report.candidate.function),
            report.label or "–",
            ", ".join(words.get(kill, code(kill)) for kill in report.kills[:MAX_KILLS])
            + (f" and {len(report.kills) - MAX_KILLS} more" if len(report.kills) > MAX_KILLS else ""),
            f"{report.passed} of {report.runs}",
        )
        for report in retained[:MAX_ROWS]
    )
    more = f"\n{count(len(retained) - MAX_ROWS, 'more test')} in the certificate." if len(retained) > MAX_ROWS else ""
    return table(("test", "of", "does what", "notices", "runs"), rows) + more


def _bugs(generated: Generated, event: Event) -> str:
    if not generated.bugs:
        return ""
    shown = "\n\n".join(_bug(bug, event) for bug in generated.bugs[:5])
    more = len(generated.bugs) - 5
    return shown + (f"\n\nAnd {count(more, 'more')} in the certificate." if more > 0 else "")


def _bug(bug: PossibleBug, event: Event) -> str:
    candidate = bug.candidate
    where = _where(candidate.path, bug.line, event, candidate.function)
    match bug.ground:
        case BugGround.DOCUMENTED:
            reason = f"it is said to be otherwise: {code(clip(bug.said, 200))}"
        case BugGround.PASSES_ON_BASE:
            reason = "it was otherwise before this change"
        case _:
            assert_never(bug.ground)
    text = "\n".join([*candidate.imports, "", candidate.code]) if candidate.imports else candidate.code
    head = f"**Possible bug** in {where}: {code(clip(bug.fails_with, 200))}, and {reason}. This test shows it:"
    return f"{head}\n\n{fence(text, 'python')}"


def _funnel(generated: Generated) -> str:
    if not generated.reports:
        return ""
    return " → ".join(f"{word} {number}" for word, number in funnel(generated)) + "."


def _price(generated: Generated, account: Account) -> str:
    """What a kept test has cost."""
    retained = len(generated.kept)
    if not retained:
        return ""
    parts = [f"{generated.seconds / retained:.1f} s of trial together" if generated.seconds else ""]
    total = account.usage.total
    if account.usage.requests and total is not None:
        parts.append(f"{total / retained:,.0f} tokens")
    text = " and ".join(part for part in parts if part)
    return f"For each kept test: {text}." if text else ""


def _open(generated: Generated, event: Event, limit: int) -> str:
    if not generated.open:
        return ""
    rows = (
        (
            _where(each.path, each.line, event, each.function),
            _missing(each),
            prose(each.advice),
        )
        for each in generated.open[:limit]
    )
    rest = len(generated.open) - limit
    body = table(("where", "what no test sees", "what would"), rows)
    if rest > 0:
        body += f"\n{count(rest, 'more function')} in the report."
    return details(f"Still open in {count(len(generated.open), 'place')}", body)


def _missing(each: Open) -> str:
    parts = []
    if each.lines:
        parts.append(f"{'line' if len(each.lines) == 1 else 'lines'} {_ranges(each.lines)}")
    if each.branches:
        parts.append("1 branch" if len(each.branches) == 1 else f"{len(each.branches)} branches")
    if each.survivors:
        shown = ", ".join(map(code, each.survivors[:MAX_KILLS]))
        more = len(each.survivors) - MAX_KILLS
        parts.append(f"{shown}{f' and {more} more faults' if more > 0 else ''}")
    return "; ".join(parts)


def _ranges(lines: Sequence[int]) -> str:
    """12-14, 20."""
    results: list[tuple[int, int]] = []
    for line in lines:
        if results and results[-1][1] == line - 1:
            results[-1] = (results[-1][0], line)
        else:
            results.append((line, line))
    shown = [f"{first}-{last}" if last > first else str(first) for first, last in results[:8]]
    return ", ".join([*shown, *(["…"] if len(results) > 8 else [])])  # noqa: PLR2004


def _flaky(hunt: FlakyHunt | None) -> str:
    if hunt is None:
        return ""
    if not hunt.runs:
        return f"Nothing is known of flaky tests: {prose('; '.join(hunt.notes))}." if hunt.notes else ""
    if not hunt.found:
        return f"No flaky test in {count(hunt.runs, 'run')} of {count(hunt.tests, 'test')}."
    rows = (
        (
            code(each.nodeid),
            each.kind.replace("_", " "),
            f"{each.failures} of {each.runs}",
            prose(each.shown_by) + (f" ({', '.join(map(code, each.polluters[:3]))})" if each.polluters else ""),
            prose(each.advice),
        )
        for each in hunt.found[:MAX_ROWS]
    )
    fixes = "".join(each.patch for each in hunt.found)
    parts = [table(("flaky test", "why", "failed", "shown by", "what to do"), rows)]
    if fixes:
        parts.append(details("fixes that came through 20 runs", fence(clip(fixes, MAX_PATCH), "diff")))
    refused = [(code(each.nodeid), prose(fix.reason)) for each in hunt.found for fix in each.refused]
    if refused:
        parts.append(details("fixes that are not offered", table(("flaky test", "why"), refused[:MAX_ROWS])))
    return "\n\n".join(parts)


def _patch(generated: Generated) -> str:
    if not generated.patch:
        return ""
    if len(generated.patch) > MAX_PATCH:
        return f"The patch has {count(len(generated.patch), 'character')}: it is in the file that `patch_file` names."
    return details(f"patch for {count(len(generated.files), 'file')}", fence(generated.patch, "diff"))


def _folded(generated: Generated, evidence: Evidence) -> Iterator[str]:
    sections: list[tuple[str, str]] = []
    rejected = [report for report in generated.reports if not (report.stands and report.settled)]
    if rejected:
        rows = (
            (code(each.candidate.name), str(each.stopped or _NOT_TRIED), escape(clip(each.reason, 300)))
            for each in rejected[:MAX_ROWS]
        )
        sections.append((f"{count(len(rejected), 'test')} not kept", table(("test", "at", "why"), rows)))
    notes = [*((gap.what, gap.why) for gap in evidence.gaps), *(("", note) for note in generated.suite.notes)]
    notes += [("", note) for note in generated.hunt.notes] if generated.hunt else []
    if notes:
        shown = ((escape(what) or "–", escape(reason)) for what, reason in notes[:MAX_ROWS])
        sections.append((count(len(notes), "limit"), table(("what", "why"), shown)))
    if sections:
        yield details(" · ".join(title for title, _ in sections), "\n\n".join(body for _, body in sections))


def _foot(generated: Generated, evidence: Evidence, account: Account) -> str:
    suite = generated.suite
    parts = []
    if suite.tests:
        parts.append(f"{count(suite.tests, 'test')} of the project, Python {escape(suite.python)}")
    if suite.sandbox:
        parts.append(f"sandbox {escape(suite.sandbox)}")
    if evidence.event.sha:
        parts.append(f"commit {evidence.event.sha[:7]}")
    if account.model:
        parts += [f"{escape(account.model)}, {account.usage.words}", account.price]
    else:
        parts.append("by rule, no model asked")
    return f"<sub>{' · '.join(parts)}</sub>"


def _where(path: str, line: int, event: Event, function: str) -> str:
    label = code(f"{path}:{line}" if line else path)
    named = f" {code(function)}" if function else ""
    return f"{link(label, event.blob(event.sha, path, line), event.hosts)}{named}"
