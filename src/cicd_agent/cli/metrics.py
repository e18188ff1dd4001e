"""`cicd-agent metrics`: the totals of the audit log as Prometheus text."""

import json
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import click

from cicd_agent.adapters.files import read_file, write_file
from cicd_agent.app.console import Console
from cicd_agent.app.context import inputs
from cicd_agent.app.session import Session
from cicd_agent.app.storage import OpenLog, existing_store
from cicd_agent.audit.query import select_chains
from cicd_agent.cli.options import audit_options, command, format_option, out_option, repository_option
from cicd_agent.cli.step_summary import summarized
from cicd_agent.domain.metric import Sample, Tally, added
from cicd_agent.domain.modes import MODES
from cicd_agent.domain.period import moment
from cicd_agent.domain.ports.storage import EntryQuery, Store
from cicd_agent.domain.text.json_view import Node
from cicd_agent.domain.text.words import count
from cicd_agent.errors import ConfigError, Exit
from cicd_agent.insights.metrics import registry
from cicd_agent.insights.metrics.prometheus_text import exposition
from cicd_agent.insights.metrics.run_samples import cleaned, nothing_yet, of_entry

_MAX_BYTES: Final = 5_000_000
_ALL: Final = 2**31 - 1
_EVERY: Final = 1_000
"""Entries after which the progress is shown."""


def accuracy_samples(raw: bytes, name: str) -> tuple[Sample, ...]:
    """The samples of what `cicd-agent accuracy --out` wrote. Raises ConfigError when it is not that."""
    try:
        record = Node(json.loads(raw))
    except (ValueError, RecursionError):
        record = Node()
    modes = record["modes"].value
    if record["version"].value != 1 or not isinstance(modes, dict):
        raise ConfigError(f"{name} is no account of decisions", remedy="Give what `cicd-agent accuracy --out` wrote")
    return tuple(sample for mode in MODES for sample in _accuracy(mode, record["modes"][mode]))


def _accuracy(mode: str, record: Node) -> Iterator[Sample]:
    for outcome in registry.label_values("accuracy_decisions", "outcome") if record.value is not None else ():
        yield registry.sample("accuracy_decisions", record[outcome].number, mode=mode, outcome=outcome)
    for metric, name in (("accuracy_ratio", "share"), ("accuracy_threshold_ratio", "threshold")):
        share = record[name].value
        if isinstance(share, int | float) and not isinstance(share, bool) and 0 <= share <= 1:
            yield registry.sample(metric, share, mode=mode)


@command
@summarized
@audit_options
@format_option()
@click.option(
    "--since",
    metavar="WHEN",
    help="count only what is not older than `30d`, `12h`, or a date (default: all, so that counts only grow)",
)
@repository_option
@click.option("--accuracy", "judged_file", metavar="FILE", help="add what `cicd-agent accuracy --out FILE` has judged")
@out_option("write them there, at once")
def metrics(
    session: Session,
    *,
    since: str = "",
    repository: str = "",
    judged_file: str = "",
    out: str = "",
    open_log: OpenLog = existing_store,
) -> int:
    options, environment, console = session.options, session.environment, session.console
    try:
        begin = moment(since, session.now()) if since else 0
    except ValueError:
        raise ConfigError(
            f"--since is no time: `{since}`", remedy="Write `30d`, `12h`, or a date such as 2026-11-01"
        ) from None
    accuracy = (
        accuracy_samples(read_file(Path(judged_file), "--accuracy", _MAX_BYTES), judged_file) if judged_file else ()
    )
    opened = open_log(inputs(options, environment), environment, Path.cwd())
    if opened is None:
        raise ConfigError(
            "there is no audit log", remedy="Give --state-dir, or set DATABASE_URL, as the runs did that wrote it"
        )
    with closing(opened) as store:
        select_chains(store, repository)
        samples = (*_totals(store, EntryQuery(repository=repository, since=begin, limit=_ALL), console), *accuracy)
    console.progress("")
    samples = added((), [cleaned(each, console.redact) for each in samples])
    text = json.dumps(document(samples), indent=1) if options.format == "json" else exposition(samples)
    if out:
        _write(Path.cwd() / out, text)
        console.warn(f"{count(len(samples), 'count')} written to {out}")
    elif options.format == "json":
        console.print_json(text)
    elif text:
        console.print(text)
    if not samples:
        console.warn("nothing of that is in the audit log")
    return Exit.OK


def document(samples: Iterable[Sample]) -> dict[str, object]:
    """The samples as JSON; of a histogram the value is the sum, beside the observations up to each bound."""
    return {
        "version": 1,
        "samples": [
            {
                "name": each.metric.name,
                "kind": each.metric.kind,
                "labels": dict(zip((label.name for label in each.metric.labels), each.labels, strict=True)),
                "value": each.value,
            }
            | ({"bounds": list(each.metric.buckets), "counts": list(each.cumulative)} if each.counts else {})
            for each in samples
        ],
    }


def _totals(store: Store, query: EntryQuery, console: Console) -> tuple[Sample, ...]:
    """One pass over the entries, the newest first: memory does not grow with their number."""
    tally, unread = Tally(), 0
    for number, row in enumerate(store.find(query), 1):
        if number % _EVERY == 0:
            console.progress(f"read {number:,} entries")
        try:
            tally.add(tuple(of_entry(row.text)))
        except ValueError:
            unread += 1
    for mode in {sample.labels[1] for sample in tally.samples if sample.metric.name == "cicd_agent_runs_total"}:
        tally.add(nothing_yet(mode))
    if unread:
        console.warn(
            f"{count(unread, 'line')} of the audit log could not be read and did not count: `cicd-agent audit verify`"
        )
    return tally.samples


def _write(path: Path, text: str) -> None:
    try:
        write_file(path, text, exact=True)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no path"
        raise ConfigError(f"{path} cannot be written", why=why or "", remedy="Give another path to --out") from None
