"""`cicd-agent gate-report`: what the gate decided so far, or in shadow would have, and how often that was wrong."""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Final

from cicd_agent.app.context import read
from cicd_agent.app.decision import Report, load
from cicd_agent.app.outputs import REPORT
from cicd_agent.app.reporter import HIDDEN, Outlet
from cicd_agent.cli.parser import Options
from cicd_agent.domain.text.words import count
from cicd_agent.errors import ConfigError, Exit
from cicd_agent.insights.accuracy.deployment_outcome import Judged, aftermaths
from cicd_agent.insights.accuracy.gate_record import GateRecord, record
from cicd_agent.insights.accuracy.outcome_sources import Opened, opened
from cicd_agent.rendering.terminal.gate_record import render_gate_record
from cicd_agent.settings.environment import Environment

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
