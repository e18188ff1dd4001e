"""`cicd-agent accuracy`: how often decisions were right, by what GitHub shows later on."""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

from cicd_agent.adapters.files.atomic import place_file
from cicd_agent.app.context import first_settings, inputs, read
from cicd_agent.app.decision import Report, load
from cicd_agent.app.outputs import REPORT
from cicd_agent.app.reporter import HIDDEN, Outlet
from cicd_agent.app.storage import Opened as Book
from cicd_agent.app.storage import existing_store
from cicd_agent.audit.query import read_book, whose
from cicd_agent.cli.parser import Options
from cicd_agent.domain.period import moment
from cicd_agent.domain.ports.forge import Repository
from cicd_agent.domain.text.json_redaction import redact_json
from cicd_agent.domain.text.words import count
from cicd_agent.errors import ConfigError, Exit
from cicd_agent.insights.accuracy.decisions import DecidedGate, Entered
from cicd_agent.insights.accuracy.deployment_outcome import Judged, aftermaths
from cicd_agent.insights.accuracy.failures import excused_cases
from cicd_agent.insights.accuracy.finding_cases import finding_cases
from cicd_agent.insights.accuracy.gate import gate_cases
from cicd_agent.insights.accuracy.gate_record import GateRecord, record
from cicd_agent.insights.accuracy.labels import Accuracy, Case, Standing, Tally, measure
from cicd_agent.insights.accuracy.outcome_sources import Opened, Outside, opened
from cicd_agent.insights.accuracy.page import render_accuracy, render_gate_record, told_share
from cicd_agent.settings.environment import Environment
from cicd_agent.settings.loader import load

MODES: Final = ("review", "deploy-gate", "analyse-failure")
DEFAULT_SINCE: Final = "30d"


def accuracy(
    options: Options,
    environment: Environment,
    outlet: Outlet,
    now: Callable[[], float],
    outside: Opened = opened,
    *,
    book_of: Callable[[Mapping[str, str], Environment, Path], Book | None] = existing_store,
) -> int:
    """Tell how often decisions were right; exit code 1 where a mode falls short for certain."""
    since, at = _since(options.since or DEFAULT_SINCE, now()), int(now())
    with ExitStack() as closing:
        book = book_of(inputs(options, environment), environment, Path.cwd())
        if book is not None:
            closing.callback(book.store.close)
        name = whose(options, environment, book.store if book else None)
        # On GitHub the name of the chain is known without its server.
        repository = "/".join(name.split("/")[-2:])
        environment = replace(environment, run=replace(environment.run, repository=repository))
        found = outside(options, environment, closing)
        limits = [*found.notices, *([book.note] if book and book.note else [])]
        outlet.progress("reading the account book")
        known = read_book(book.store, name, MODES, since) if book else Entered()
        if not known.runs:
            limits.append("the account book holds no run of that time: only what stands on GitHub was looked at")
        limits += known.limits
        cases, more = _cases(known, found, name, (since, at), outlet)
        thresholds = _thresholds(options, environment, found.repository, limits)
    told = measure(cases, thresholds)
    limits = list(dict.fromkeys((*limits, *more)))
    outlet.progress("")
    record = document(told, since, limits)
    if options.write:
        written = json.dumps({**record, "cases": [asdict(case) for case in cases]}, indent=1)
        place_file(Path.cwd() / options.write, redact_json(written, outlet.redact) + "\n", "Give another --out")
    if options.format == "json":
        outlet.print_json(json.dumps(record, indent=1))
    else:
        outlet.print(render_accuracy(told, limits, colour=outlet.coloured, width=outlet.width))
    for mode in told.below:
        standing = told.modes[mode]
        outlet.warn(f"{mode} is below its threshold of {standing.threshold:.0%}: right in {told_share(standing.tally)}")
    return Exit.STOP if told.below else Exit.OK


def document(told: Accuracy, since: int, limits: Sequence[str]) -> dict[str, object]:
    """The record as JSON, with what it does not know as sentences."""
    return {
        "version": 1,
        "since": since,
        "modes": {mode: _standing(standing) for mode, standing in told.modes.items()},
        "rules": {name: _tally(tally) for name, tally in told.rules.items()},
        "origins": {name: _tally(tally) for name, tally in told.origins.items()},
        "severities": {name: _tally(tally) for name, tally in told.severities.items()},
        "below": list(told.below),
        "limits": list(limits),
    }


def _standing(standing: Standing) -> dict[str, object]:
    grounds = dict(standing.grounds)
    return {**_tally(standing.tally), "threshold": standing.threshold, "below": standing.below, "grounds": grounds}


def _tally(tally: Tally) -> dict[str, object]:
    share = tally.share
    return {
        "n": tally.n,
        **asdict(tally),
        "share": share.times / share.n if share.n else None,
        "low": share.low,
        "high": share.high,
        "unknown_share": tally.unknown_share,
    }


def _cases(
    known: Entered, outside: Outside, name: str, period: tuple[int, int], outlet: Outlet
) -> tuple[tuple[Case, ...], list[str]]:
    findings, limits = finding_cases(known.findings, outside, name, period, outlet)
    gates, unread = (known.gates, ()) if known.gates else _reported(name, period[0], outlet)
    judged = [Judged(each.gated, each.base) for each in gates]
    after, missing = aftermaths(outside, judged, period[1], outlet) if judged else ({}, ())
    outlet.progress("comparing holds with what proceeded next")
    decided = gate_cases(gates, after, lambda old, new: _follows(outside.repository, old, new))
    failed, unasked = excused_cases(known.failures, outside.runs)
    return (*findings, *decided, *failed), [*limits, *unread, *missing, *unasked]


def _reported(name: str, since: int, outlet: Outlet) -> tuple[tuple[DecidedGate, ...], tuple[str, ...]]:
    """What reports of the gate say, where no book holds its decisions."""
    judged, limits = read_reports((HIDDEN,), outlet) if Path(HIDDEN).is_dir() else ([], ())
    recent = [each for each in judged if each.gated.at >= since]
    undated = sum(not each.gated.at for each in judged)
    told = [f"{count(undated, 'report')} of the gate did not say when it decided, and did not count"] if undated else []
    # Of reports beside those of the gate nobody has to hear here.
    return tuple(DecidedGate(each.gated, name, 0, each.gated.at, each.base) for each in recent), (
        *(limit for limit in limits if "could not be read" in limit),
        *told,
    )


def _follows(repository: Repository | None, old: str, new: str) -> bool:
    """Whether the second commit is built on the first, as far as this clone knows."""
    if repository is None or not (repository.resolve(old) and repository.resolve(new)):
        return False
    return old != new and not repository.between(new, old, 1)


def _thresholds(
    options: Options, environment: Environment, repository: Repository | None, limits: list[str]
) -> dict[str, float]:
    """What the configuration at HEAD asks of each mode."""
    early = first_settings(options, environment)
    head = repository.resolve("HEAD") if repository else None
    text = repository.blob(head, early.config_file) if repository and head else None
    loaded = load(inputs(options, environment), text, early.config_file, fallbacks=environment.fallbacks)
    limits += [str(problem) for problem in loaded.problems]
    return {str(mode): threshold for mode, threshold in loaded.settings.accuracy.items()}


def _since(text: str, now: float) -> int:
    try:
        return moment(text, now)
    except ValueError:
        remedy = "Write it as `30d`, `12h`, or a date such as 2026-11-01"
        raise ConfigError("--since is no time", why=text[:50], remedy=remedy) from None


_MOST_BYTES: Final = 20_000_000
_MOST_FILES: Final = 10_000
_SHOWN: Final = 10


def gate_report(
    options: Options,
    environment: Environment,
    outlet: Outlet,
    now: Callable[[], float],
    outside: Opened = opened,
) -> int:
    """Print the record of the reports that the options name."""
    judged, unread = read_reports(options.paths or (HIDDEN,), outlet)
    if not judged:
        raise ConfigError(
            "there is no report of a deployment gate",
            why=unread[0] if unread else f"looked in {', '.join(options.paths or (HIDDEN,))}",
            remedy=f"Give {REPORT} files of `cicd-agent deploy-gate`, or folders with them",
        )
    with ExitStack() as closing:
        found = outside(options, environment, closing)
        after, limits = aftermaths(found, judged, int(now()), outlet)
    told = record([each.gated for each in judged], after)
    limits = (*found.notices, *limits, *unread)
    outlet.progress("")
    if options.format == "json":
        outlet.print_json(json.dumps(document(told, limits), indent=1))
    else:
        outlet.print(render_gate_record(told, limits, colour=outlet.coloured))
    return Exit.OK


def document(told: GateRecord, limits: Sequence[str]) -> dict[str, object]:
    """The record as JSON, with what it does not know as sentences."""
    return {"version": 1, **asdict(told), "limits": list(limits)}


def read_reports(paths: Sequence[str], outlet: Outlet) -> tuple[list[Judged], tuple[str, ...]]:
    """The decisions in all reports, in the order of their paths, and what could not be read as sentences."""
    judged: list[Judged] = []
    others: Counter[str] = Counter()
    broken: list[str] = []
    files = list(_files(paths))
    for number, path in enumerate(files[:_MOST_FILES], 1):
        outlet.progress(f"reading report {number:,} of {len(files):,}")
        try:
            report = load(Report, read(path, "the report", _MOST_BYTES), str(path))
        except ConfigError as error:
            broken.append(f"{error.what} ({error.why})" if error.why else error.what)
            continue
        if report.gated is None:
            others[report.mode or "no mode"] += 1
        else:
            judged.append(Judged(report.gated, report.seen.base if report.seen else ""))
    limits = [f"{count(len(broken), 'file')} could not be read: {'; '.join(broken[:_SHOWN])}"] if broken else []
    if others:
        modes = ", ".join(f"{mode} ({number:,})" for mode, number in sorted(others.items())[:_SHOWN])
        limits.append(f"{count(others.total(), 'report')} held no decision of the gate: {modes}")
    if len(files) > _MOST_FILES:
        limits.append(f"only the first {_MOST_FILES:,} of {len(files):,} files were read")
    return judged, tuple(limits)


def _files(paths: Iterable[str]) -> Iterator[Path]:
    """The files that are named, and the reports below the folders that are; no link to a folder is followed."""
    for name in paths:
        path = Path.cwd() / name
        if not path.is_dir():
            yield path
            continue
        for folder, below, files in os.walk(path):
            below.sort()
            if REPORT in files:
                yield Path(folder) / REPORT
