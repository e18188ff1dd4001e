"""`cicd-agent accuracy`: how often decisions were right, by what GitHub shows later on."""

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

import click

from cicd_agent.adapters.files import read_file, save_file
from cicd_agent.app.console import Console
from cicd_agent.app.context import first_settings, inputs
from cicd_agent.app.options import RunOptions
from cicd_agent.app.run_folder import HIDDEN
from cicd_agent.app.run_record import REPORT, RunRecord
from cicd_agent.app.serialization import load as load_report
from cicd_agent.app.session import Session
from cicd_agent.app.storage import OpenLog, existing_store
from cicd_agent.audit.query import chain_for
from cicd_agent.cli.options import audit_options, command, format_option, out_option, period_options, repo_dir_option
from cicd_agent.cli.outcome_sources import OpenSources, open_sources
from cicd_agent.cli.step_summary import summarized
from cicd_agent.domain.period import moment
from cicd_agent.domain.ports.forge import Repository
from cicd_agent.domain.ports.storage import Store
from cicd_agent.domain.text.json_redaction import redact_json
from cicd_agent.domain.text.words import count
from cicd_agent.errors import ConfigError, Exit
from cicd_agent.insights.accuracy.decisions import DecidedGate, Decisions, read_decisions
from cicd_agent.insights.accuracy.deployment_outcome import OutcomeSources, deployment_outcomes
from cicd_agent.insights.accuracy.failures import rerun_cases
from cicd_agent.insights.accuracy.findings import finding_cases
from cicd_agent.insights.accuracy.gate import GateRecord, gate_cases, gate_record
from cicd_agent.insights.accuracy.labels import Accuracy, Case, Tally, measure
from cicd_agent.insights.accuracy.page import render_accuracy, share_text
from cicd_agent.modes.deploy_gate.result import GateResult
from cicd_agent.settings.environment import Environment
from cicd_agent.settings.loader import load

MODES: Final = ("review", "deploy-gate", "analyse-failure")
DEFAULT_SINCE: Final = "30d"
_MAX_BYTES: Final = 20_000_000
_MAX_FILES: Final = 10_000
_SHOWN: Final = 10


@command
@summarized
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@audit_options
@format_option()
@period_options
@repo_dir_option("GITHUB_WORKSPACE, else here")
@out_option("write all of it there as JSON, with each case that was labelled")
def accuracy(
    session: Session,
    *,
    paths: tuple[str, ...],
    since: str = "",
    repository: str = "",
    out: str = "",
    sources_of: OpenSources = open_sources,
    open_log: OpenLog = existing_store,
) -> int:
    """With PATH only the gate's decisions in these report.json files, or folders of them, count.

    Exit code 1 where a mode falls short for certain.
    """
    options, environment, console = session.options, session.environment, session.console
    at = int(session.now())
    begin = _since(since or ("" if paths else DEFAULT_SINCE), at)
    with ExitStack() as closing:
        store = None if paths else open_log(inputs(options, environment), environment, Path.cwd())
        if store is not None:
            closing.callback(store.close)
        name = chain_for(repository, environment, store)
        # On GitHub the name of the chain is known without its server.
        repository = "/".join(name.split("/")[-2:])
        environment = replace(environment, run=replace(environment.run, repository=repository))
        sources = sources_of(options, environment, closing)
        limits = [*sources.notices]
        decisions = (
            _of_reports(paths, name, begin, console) if paths else _of_store(store, name, begin, limits, console)
        )
        limits += decisions.limits
        thresholds = _thresholds(options, environment, sources.repository, limits)
        cases: list[Case] = []
        if not paths:
            findings, unread = finding_cases(decisions.findings, sources, name, (begin, at), console.progress)
            cases += findings
            limits += unread
            if not decisions.gates:
                decisions = replace(decisions, gates=_of_hidden_reports(name, begin, limits, console))
        more, gate, missing = _gate(decisions.gates, sources, at, console)
        reruns, unread = rerun_cases(decisions.failures, sources.runs)
        cases += [*more, *reruns]
        limits += [*missing, *unread]
    record = measure(cases, thresholds)
    limits = list(dict.fromkeys(limits))
    console.progress("")
    shown = document(record, gate, begin, limits)
    if out:
        text = json.dumps({**shown, "cases": [asdict(case) for case in cases]}, indent=1)
        save_file(Path.cwd() / out, redact_json(text, console.redact) + "\n", "Give another --out")
    console.print_result(
        shown, lambda: render_accuracy(record, gate, limits, colour=console.coloured, width=console.width)
    )
    for mode in record.below:
        result = record.modes[mode]
        console.warn(f"{mode} is below its threshold of {result.threshold:.0%}: right in {share_text(result.tally)}")
    return Exit.STOP if record.below else Exit.OK


def document(record: Accuracy, gate: GateRecord | None, since: int, limits: Sequence[str]) -> dict[str, object]:
    """The record as JSON, with what it does not know as sentences."""
    return {
        "version": 1,
        "since": since,
        "modes": {
            mode: _tally(each.tally) | {"threshold": each.threshold, "below": each.below, "grounds": dict(each.grounds)}
            for mode, each in record.modes.items()
        },
        "rules": {name: _tally(tally) for name, tally in record.rules.items()},
        "origins": {name: _tally(tally) for name, tally in record.origins.items()},
        "severities": {name: _tally(tally) for name, tally in record.severities.items()},
        "gate": asdict(gate) if gate else None,
        "below": list(record.below),
        "limits": list(limits),
    }


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


def _of_store(store: Store | None, name: str, since: int, limits: list[str], console: Console) -> Decisions:
    console.progress("reading the audit log")
    decisions = read_decisions(store, name, MODES, since) if store else Decisions()
    if not decisions.runs:
        limits.append("the audit log holds no run of that time: only what stands on GitHub was looked at")
    return decisions


def _of_reports(paths: Sequence[str], name: str, since: int, console: Console) -> Decisions:
    """What the named reports hold. Raises ConfigError when none is of a gate."""
    gates, unread = read_reports(paths, name, console)
    if not gates:
        raise ConfigError(
            "there is no report of a deployment gate",
            why=unread[0] if unread else f"looked in {', '.join(paths)}",
            remedy=f"Give {REPORT} files of `cicd-agent deploy-gate`, or folders with them",
        )
    return Decisions(gates=tuple(each for each in gates if each.gated.at >= since), limits=unread)


def _of_hidden_reports(name: str, since: int, limits: list[str], console: Console) -> tuple[DecidedGate, ...]:
    """What reports of the gate in this folder hold, where the audit log has none of its decisions."""
    gates, unread = read_reports((HIDDEN,), name, console) if Path(HIDDEN).is_dir() else ([], ())
    # That there are reports of other modes is of no interest here.
    limits += [limit for limit in unread if "could not be read" in limit]
    if undated := sum(not each.gated.at for each in gates):
        limits.append(f"{count(undated, 'report')} of the gate did not say when it decided, and did not count")
    return tuple(each for each in gates if each.gated.at >= since)


def _gate(
    gates: Sequence[DecidedGate], sources: OutcomeSources, now: int, console: Console
) -> tuple[tuple[Case, ...], GateRecord | None, tuple[str, ...]]:
    """A case for each decision of the gate, the counts of all, and what is not known of them."""
    if not gates:
        return (), None, ()
    outcomes, limits = deployment_outcomes(sources, gates, now, console.progress)
    console.progress("comparing holds with what proceeded next")
    cases = gate_cases(gates, outcomes, lambda old, new: _follows(sources.repository, old, new))
    return cases, gate_record([each.gated for each in gates], outcomes), limits


def read_reports(paths: Sequence[str], repository: str, console: Console) -> tuple[list[DecidedGate], tuple[str, ...]]:
    """The decisions in all reports, in the order of their paths, and what could not be read as sentences."""
    gates: list[DecidedGate] = []
    others: Counter[str] = Counter()
    broken: list[str] = []
    files = list(_files(paths))
    for number, path in enumerate(files[:_MAX_FILES], 1):
        console.progress(f"reading report {number:,} of {len(files):,}")
        try:
            report = load_report(RunRecord, read_file(path, "the report", _MAX_BYTES), str(path))
        except ConfigError as error:
            broken.append(f"{error.what} ({error.why})" if error.why else error.what)
            continue
        if not isinstance(report.result, GateResult):
            others[report.mode or "no mode"] += 1
        else:
            base = report.seen.base if report.seen else ""
            gates.append(DecidedGate(report.result, repository, 0, base))
    limits = [f"{count(len(broken), 'file')} could not be read: {'; '.join(broken[:_SHOWN])}"] if broken else []
    if others:
        modes = ", ".join(f"{mode} ({number:,})" for mode, number in sorted(others.items())[:_SHOWN])
        limits.append(f"{count(others.total(), 'report')} held no decision of the gate: {modes}")
    if len(files) > _MAX_FILES:
        limits.append(f"only the first {_MAX_FILES:,} of {len(files):,} files were read")
    return gates, tuple(limits)


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


def _follows(repository: Repository | None, old: str, new: str) -> bool:
    """Whether the second commit is built on the first, as far as this clone knows."""
    if repository is None or not (repository.resolve(old) and repository.resolve(new)):
        return False
    return old != new and not repository.between(new, old, 1)


def _thresholds(
    options: RunOptions, environment: Environment, repository: Repository | None, limits: list[str]
) -> dict[str, float]:
    """What the configuration at HEAD requires of each mode."""
    early = first_settings(options, environment)
    head = repository.resolve("HEAD") if repository else None
    text = repository.blob(head, early.config_file) if repository and head else None
    loaded = load(inputs(options, environment), text, early.config_file, fallbacks=environment.fallbacks)
    limits += [str(problem) for problem in loaded.problems]
    return {str(mode): threshold for mode, threshold in loaded.settings.accuracy.items()}


def _since(text: str, now: float) -> int:
    """Seconds since the epoch, 0 for no limit."""
    try:
        return moment(text, now) if text else 0
    except ValueError:
        remedy = "Write it as `30d`, `12h`, or a date such as 2026-11-01"
        raise ConfigError("--since is no time", why=text[:50], remedy=remedy) from None
