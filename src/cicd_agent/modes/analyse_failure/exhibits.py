"""What a model is shown of a failed run: its logs under names that can be cited, and what there is beside them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from cicd_agent.agent.prompt import estimate
from cicd_agent.agent.sharding import PART
from cicd_agent.analysis.logs.extract import Elision, Extract, ExtractLine
from cicd_agent.analysis.logs.test_results import passes
from cicd_agent.analysis.test_reports.cases import Case
from cicd_agent.domain.evidence import Evidence, Exhibit
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.text.words import clip, count
from cicd_agent.modes.analyse_failure.evidence import FailedJob, FailedRun, LogSource, Role
from cicd_agent.modes.analyse_failure.result import Diagnosis, Overlap
from cicd_agent.modes.analyse_failure.runs.previous_failures import previous_lines, with_saved_traces
from cicd_agent.modes.shared.change_reader import showable, unshown
from cicd_agent.modes.shared.diff_exhibits import pieces
from cicd_agent.settings.schema import Settings

MAX_LOGS = 5
"""Jobs whose lines are shown: whoever reads five without the cause does not find it in the sixth."""
MAX_CASES = 20
MAX_COMMITS = 30
MAX_FILES = 200
SHORT_SHA = 12
"""Digits by which a commit is named; a model copies them without a mistake."""

_CHANGE = PART // 2 - 500
"""Tokens of the change that are shown, by estimate: the other half of what a model reads well belongs to the logs."""
_MAX_TRACES = 12
_MAX_OVERLAPS = 20
_MAX_PATHS = 8
_MAX_TEXT = 500
_MAX_DETAIL = 12
_HEADING = 16


def exhibits(diagnosis: Diagnosis, evidence: Evidence, settings: Settings) -> tuple[Exhibit, ...]:
    """Everything that is shown, in order; () when no line of a log is there."""
    failed = with_saved_traces(evidence)
    shown = logs(diagnosis, failed)
    if not shown:
        return ()
    near = {overlap.path for overlap in diagnosis.meetings}
    near |= {location.path for job in failed.jobs for location in job.places}
    hunks = tuple(_hunks(evidence.change, near, settings)) if evidence.change else ()
    change = evidence.change
    files = _files(change, hunks, settings) if change else ()
    earlier = (*previous_lines(evidence, diagnosis.fingerprint), *_traces(failed))
    parts = (
        Exhibit("house-rules", "what this repository says of itself", settings.instructions, priority=40),
        Exhibit("FOUND", "what rules have found", _lines(_findings(diagnosis, failed, shown)), priority=30),
        *(_log(name, job, 20 - rank) for rank, (name, job) in enumerate(shown.items())),
        Exhibit("TESTS", "failing cases of test reports", _lines(_cases(failed.cases)), priority=12),
        Exhibit("COMMITS", "commits since the last green run", _lines(_commits(diagnosis, failed)), priority=9),
        Exhibit("EARLIER", "the same jobs elsewhere", _lines(earlier), priority=8),
        Exhibit("FILES", "all files of the change", _lines(files), priority=7),
    )
    return (*(each for each in parts if each.text), *hunks)


def logs(diagnosis: Diagnosis, failed: FailedRun) -> Mapping[str, FailedJob]:
    """The jobs whose lines are shown, by the name of their exhibit: the most decisive first, of siblings one."""
    ranks = {failure.job: -rank for rank, failure in reversed([*enumerate(diagnosis.failures)])}
    siblings = {name for failure in diagnosis.failures for name in failure.siblings} - ranks.keys()
    jobs = [each for each in readable(failed) if each.job.name not in siblings]
    # Jobs that no failure names come last, and keep their order.
    jobs.sort(key=lambda each: -ranks.get(each.job.name, -len(ranks) - len(failed.jobs)))
    return {f"LOG{number}": job for number, job in enumerate(jobs[:MAX_LOGS], 1)}


def readable(failed: FailedRun) -> Sequence[FailedJob]:
    return [each for each in failed.jobs if each.role in {Role.FAILED, Role.TOLERATED} and each.extract.kept]


def _log(name: str, failed: FailedJob, priority: int) -> Exhibit:
    """The shown lines behind their numbers in the raw log, and between them how many are missing: those have none."""
    texts, gutter = [], []
    for row in _rows(failed.extract):
        if isinstance(row, ExtractLine):
            # Each row is one line, whoever has written the evidence.
            texts.append(row.text.replace("\n", " "))
            gutter.append(f"{row.number} ×{row.times}" if row.times > 1 else str(row.number))
        else:
            repeated = f", {row.folded:,} of them like lines that are" if row.folded else ""
            texts.append(f"{count(row.lines, 'line')} not shown{repeated}")
            gutter.append("…")
    where = f"{failed.job.name}, {failed.step}" if failed.step else failed.job.name
    kind = "annotations" if failed.source is LogSource.ANNOTATIONS else "log"
    tolerated = " (it may fail)" if failed.role is Role.TOLERATED else ""
    title = f"{kind} of {where}{tolerated}"
    return Exhibit(name, title, "\n".join(texts), priority=priority, gutter=tuple(gutter))


def _rows(extract: Extract) -> Iterator[ExtractLine | Elision]:
    """All rows, with the lines about tests that passed among those that are not shown."""
    messages = {problem.line for problem in extract.problems}
    hidden: Elision | None = None
    for row in extract.rows:
        if isinstance(row, ExtractLine):
            if row.number in messages or not passes(row.text):
                yield from (hidden, row) if hidden else (row,)
                hidden = None
                continue
            row = Elision(row.number, row.number)  # noqa: PLW2901  it is one now
        if hidden and hidden.last + 1 == row.first:
            row = replace(row, first=hidden.first, folded=hidden.folded + row.folded)  # noqa: PLW2901  as long as both
        elif hidden:
            yield hidden
        hidden = row
    if hidden:
        yield hidden


def _findings(diagnosis: Diagnosis, failed: FailedRun, shown: Mapping[str, FailedJob]) -> Iterator[str]:
    cause = f"cause {diagnosis.cause} (by {diagnosis.rung})"
    yield f"failure_type {diagnosis.kind}, {cause}, confidence {diagnosis.confidence:.2f}"
    yield from (f"because {ground.text}" for ground in diagnosis.grounds)
    for failure in diagnosis.failures[:MAX_LOGS]:
        others = f", and in {count(len(failure.siblings), 'other job')}" if failure.siblings else ""
        yield f"failed in {failure.job}{others}: {clip(failure.title, _MAX_TEXT)}"
    if diagnosis.tests.count > 1:
        yield f"{count(diagnosis.tests.count, 'test')} failed"
        for group in diagnosis.tests.alike[:MAX_LOGS]:
            first = ", ".join(test.name for test in group.first)
            yield f"{count(group.count, 'test')} failed alike: {clip(group.message, _MAX_TEXT)} (first {first})"
    yield from map(_overlap, diagnosis.meetings[:_MAX_OVERLAPS])
    hidden = len(readable(failed)) - len(shown)
    if hidden > 0:
        yield f"not shown: {count(hidden, 'more log')}, most of them like those that are"


def _overlap(overlap: Overlap) -> str:
    named = overlap.via or overlap.path
    where = f"line {overlap.number} of the log names {named}" if overlap.number else f"the log names {named}"
    imported = f", which imports {overlap.path}" if overlap.via else ""
    line = f" (line {overlap.line} of it{', which is a changed one' if overlap.exact else ''})" if overlap.line else ""
    by = f" by {overlap.sha[:SHORT_SHA]}" if overlap.sha else ""
    return f"{where}{imported}{line}: it was changed{by}"


def _cases(cases: Sequence[Case]) -> Iterator[str]:
    broken = [case for case in cases if case.failed]
    for case in broken[:MAX_CASES]:
        where = f" ({case.file}{f':{case.line}' if case.line else ''})" if case.file else ""
        yield f"{case.outcome}: {' '.join(filter(None, (case.suite, case.name)))}{where}"
        if case.message:
            yield f"  {clip(' '.join(case.message.split()), _MAX_TEXT)}"
        yield from (f"  {clip(line, _MAX_TEXT)}" for line in case.detail.split("\n")[:_MAX_DETAIL] if line.strip())
    yield from _more(broken, MAX_CASES)


def _commits(diagnosis: Diagnosis, failed: FailedRun) -> Iterator[str]:
    ranks = {suspect.sha: rank for rank, suspect in enumerate(diagnosis.suspects) if suspect.meetings}
    ranked = sorted(failed.candidates, key=lambda each: ranks.get(each.commit.sha, len(ranks)))
    for each in ranked[:MAX_COMMITS]:
        overlapping = " (meets the failure)" if each.commit.sha in ranks else ""
        paths = each.files or tuple(each.lines)
        more = f" and {len(paths) - _MAX_PATHS:,} more" if len(paths) > _MAX_PATHS else ""
        files = f"{', '.join(paths[:_MAX_PATHS])}{more}" or "no files"
        yield f"{each.commit.sha[:SHORT_SHA] or '-'} {clip(each.commit.subject, _MAX_TEXT)}{overlapping}: {files}"
    yield from _more(ranked, MAX_COMMITS)


def _more(items: Sequence[object], limit: int) -> Iterator[str]:
    if len(items) > limit:
        yield f"and {len(items) - limit:,} more"


def _traces(failed: FailedRun) -> Iterator[str]:
    ours = {problem.strict for job in failed.jobs for problem in job.extract.problems} - {""}
    for trace in sorted(failed.traces, key=lambda each: not ours & {*each.strict})[:_MAX_TRACES]:
        where = f"pull request {trace.pull}" if trace.pull else trace.branch or "a branch"
        alike = ", with a message of this run" if ours & {*trace.strict} else ""
        fixed = f", passed again from {trace.fixed_by[:SHORT_SHA]} on" if trace.fixed_by else ""
        yield f"{trace.job} on {where} at {trace.sha[:SHORT_SHA]}: {trace.conclusion or 'unknown'}{alike}{fixed}"


def _files(change: Change, hunks: Sequence[Exhibit], settings: Settings) -> Iterator[str]:
    may = {file.path for file in showable(change, settings)}
    rows = Counter(each.source for each in hunks for mark in each.gutter if not mark.endswith("="))
    for file in change.files[:MAX_FILES]:
        moved = f" from {file.old_path}" if file.old_path != file.path else ""
        reason = unshown(file) or ("" if file.path in may else "not to be shown")
        if not reason and rows[file.path] < sum(1 for _ in file.lines):
            reason = "shown in part for its size" if rows[file.path] else "not shown for its size"
        size = f"+{file.added_count} -{file.deleted_count}"
        yield f"{file.kind} {file.path}{moved}: {size}{f', {reason}' if reason else ''}"
    yield from _more(change.files, MAX_FILES)


def _hunks(change: Change, near: set[str], settings: Settings) -> Iterator[Exhibit]:
    """The pieces of the diff that fit, first of files that the log names. The question can do without them."""
    budget = _CHANGE
    for piece in sorted(pieces(change, settings), key=lambda each: each.source not in near):
        size = estimate(piece.text) + 4 * len(piece.gutter) + estimate(piece.source) + _HEADING
        if size <= budget:
            budget -= size
            yield replace(piece, whole=False, priority=6 if piece.source in near else piece.priority)


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(" ".join(line.splitlines()) for line in lines)
