"""`cicd-agent audit`: the record of decisions, for a person or a program."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path
from typing import Any, Final

import click

from cicd_agent.adapters.files import read_file, streamed_file
from cicd_agent.app.context import inputs
from cicd_agent.app.options import RunOptions
from cicd_agent.app.session import Invocation, Session
from cicd_agent.app.storage import existing_store
from cicd_agent.audit.entry_page import render_entry
from cicd_agent.audit.export import ALL, FORMATS, export_rows
from cicd_agent.audit.page import WIDE, render_pruned, render_runs, render_verified
from cicd_agent.audit.prune import prune_chain
from cicd_agent.audit.query import (
    MIN_SHA,
    RunFilter,
    counted,
    entry_document,
    find_entry,
    receipts_of,
    select_chains,
    unfinished,
)
from cicd_agent.audit.recorded_facts import check_chain
from cicd_agent.audit.summary import RunSummary, report_anchors
from cicd_agent.audit.tampering import Verification
from cicd_agent.audit.verification import parse_anchor
from cicd_agent.cli.options import (
    audit_options,
    composed,
    format_option,
    invocation,
    out_option,
    repository_option,
)
from cicd_agent.cli.step_summary import summarized
from cicd_agent.domain.audit_entry import Kind, Link, entry_hash
from cicd_agent.domain.period import moment
from cicd_agent.domain.ports.storage import EntryQuery, Store
from cicd_agent.domain.text.json_view import Node
from cicd_agent.domain.verdict import RiskLevel
from cicd_agent.errors import ConfigError, Exit
from cicd_agent.settings.environment import Environment

_SHA: Final = re.compile(r"[0-9a-f]+")
_MAX_REPORT: Final = 20_000_000
"""Bytes."""
_LIKE_AN_ANCHOR: Final = re.compile(r"#\d+:[0-9A-Fa-f]*$")


Verb = Callable[..., int]
"""Takes the audit log, the session and the values of its options."""


class _Group(click.Group):
    """Without a verb, `verify`: `mode: audit` of the action names none."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return [*self.commands]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0].startswith("-") and args[0] not in ("-h", "--help")):
            args = ["verify", *args]
        return super().parse_args(ctx, args)


audit = _Group("audit")


def _verb(name: str, *options: Callable[[Any], Any]) -> Callable[[Verb], Verb]:
    """Makes a function a verb of `audit`, described by its docstring, with these options."""

    def decorated(verb: Verb) -> Verb:
        @summarized
        def run(
            session: Session,
            *,
            opened: Callable[[RunOptions, Environment], AbstractContextManager[Store]] = stored_log,
            **values: Any,
        ) -> int:
            with opened(session.options, session.environment) as store:
                return verb(store, session, **values)

        @composed(audit_options, *options)
        def understood(**values: Any) -> Invocation:
            return invocation("audit", run, values)

        audit.add_command(click.command(name, help=verb.__doc__)(understood))
        return verb

    return decorated


_filters = composed(
    repository_option,
    click.option("--sha", metavar="SHA", help="of this commit, or its beginning"),
    click.option("--of", metavar="MODE", help="of this mode"),
    click.option("--decision", metavar="WORD", help="that came to this decision"),
    click.option("--risk", metavar="LEVEL", type=click.Choice([each.value for each in RiskLevel]), help="of this risk"),
    click.option("--escalated", is_flag=True, help="that asked for a person"),
    click.option("--max-confidence", metavar="N", type=click.FloatRange(0, 1), help="not more confident, 0 to 1"),
    click.option("--pull", metavar="N", type=int, help="of this pull request"),
    click.option("--since", metavar="WHEN", help="not older than `30d`, `12h`, or a date"),
    click.option("--until", metavar="WHEN", help="older than that"),
)
_one_chain = click.option("--repository", metavar="OWNER/NAME", help="only this chain")
_anchor = click.option(
    "--anchor",
    "anchors",
    metavar="ANCHOR",
    multiple=True,
    help="an anchor as a step summary shows it, or a report.json; may be repeated",
)


@contextmanager
def stored_log(options: RunOptions, environment: Environment) -> Iterator[Store]:
    """The audit log that is there to be read. Raises ConfigError when there is none, and makes none."""
    store = existing_store(inputs(options, environment), environment, Path.cwd())
    if store is None:
        raise ConfigError(
            "there is no audit log to look into",
            remedy="Give --state-dir DIR, or set DATABASE_URL",
        )
    try:
        yield store
    finally:
        store.close()


def _query(
    now: float,
    *,
    of: str = "",
    sha: str = "",
    risk: str = "",
    pull: int = 0,
    since: str = "",
    until: str = "",
    **columns: Any,
) -> EntryQuery:
    """Which runs the options ask for. Raises ConfigError."""
    sha = sha.strip().lower()
    if sha and (len(sha) < MIN_SHA or not _SHA.fullmatch(sha)):
        raise ConfigError("--sha is no commit", why=f"`{sha}`", remedy=f"Give {MIN_SHA} of its hex digits or more")
    if pull < 0:
        raise ConfigError("--pull is no number of a pull request", remedy="Give the number that GitHub shows")
    begin, end = _time(since, now, "--since"), _time(until, now, "--until")
    return EntryQuery(kind=Kind.RUN, mode=of, sha=sha, risk_level=risk, pull=pull, since=begin, until=end, **columns)


def _time(text: str, now: float, option: str) -> int:
    """Seconds since the epoch, 0 for an option that was not given. Raises ConfigError."""
    if not text.strip():
        return 0
    try:
        return moment(text, now)
    except ValueError:
        remedy = "Give `30d`, `12h`, or a date such as 2026-11-01"
        raise ConfigError(f"{option} is no time", why=f"`{text}`", remedy=remedy) from None


@_verb(
    "list",
    format_option(),
    _filters,
    click.option("--most", "limit", metavar="N", type=int, help="how many (default: 20)"),
)
def _list(
    store: Store,
    session: Session,
    *,
    limit: int = 20,
    escalated: bool = False,
    max_confidence: float | None = None,
    **filters: Any,
) -> int:
    """The newest runs, a line each."""
    console = session.console
    if limit < 1:
        raise ConfigError("--most is no count", remedy="Give a whole number from 1 on")
    query = _query(session.now(), **filters)
    select_chains(store, query.repository)
    picked = RunFilter(escalated, max_confidence)
    # Of what an entry says there is no index: where it matters, all that match otherwise are read.
    found = store.find(replace(query, limit=ALL if picked else limit + 1))
    if picked:
        found = filter(picked.picks, counted(found, console.progress, "reading runs"))
    rows = list(islice(found, limit + 1))
    shown, is_more = rows[:limit], len(rows) > limit
    open_runs = unfinished(store, query, shown)
    runs = [RunSummary.of(row, finished=(row.repository, row.seq) not in open_runs) for row in shown]
    console.progress("")
    document = {"version": 1, "place": store.location, "more": is_more, "runs": [each.document() for each in runs]}
    width, colour = console.width if console.coloured else WIDE, console.coloured
    console.print_result(
        document, lambda: render_runs(runs, store.location, is_more=is_more, colour=colour, width=width)
    )
    return Exit.OK


@_verb(
    "show",
    format_option(),
    click.argument("entry", metavar="ID"),
    click.option("--repository", metavar="OWNER/NAME", help="where there are several"),
)
def _show(store: Store, session: Session, *, entry: str, repository: str = "") -> int:
    """One run, whole: ID is its number, its event, its commit, or the beginning of its hash."""
    console = session.console
    row = find_entry(store, entry, repository, console.progress)
    console.progress("")
    data = Node.read(row.text)
    if row.columns.kind is Kind.RECEIPTS and (of := data["of"].count) and (run := store.row(row.repository, of)):
        row, data = run, Node.read(run.text)
    is_run = row.columns.kind is Kind.RUN
    receipts = receipts_of(store, row) if is_run else ()
    holds = entry_hash(row.repository, row.seq, row.prev, row.text) == row.hash
    document = {
        "version": 1,
        "anchor": row.link.anchor,
        "holds": holds,
        "finished": bool(receipts) if is_run else None,
        "entry": entry_document(row),
        "receipts": [entry_document(each) for each in receipts],
    }
    texts = [Node.read(each.text) for each in receipts]
    console.print_result(
        document,
        lambda: render_entry(row, data, texts, holds=holds, colour=console.coloured, width=console.width),
    )
    return Exit.OK


@_verb("verify", format_option(), _one_chain, _anchor)
def _verify(store: Store, session: Session, *, anchors: tuple[str, ...] = (), repository: str = "") -> int:
    """Prove that nothing was changed; exit code 1 when something was (the default)."""
    console = session.console
    links = [anchor_of(text) for text in anchors]
    if repository and (others := {each.repository for each in links} - {repository}):
        raise ConfigError(
            "--anchor is of another chain than --repository",
            why=", ".join(sorted(others)),
            remedy="Leave --repository out, or give anchors of it",
        )
    known = store.repositories()
    lost = [each for each in links if each.repository not in known]
    named = repository if repository in known or not lost else ""
    results = []
    for chain in select_chains(store, named) if named or not repository else ():
        console.progress(f"checking {chain}")
        anchors_of_chain = [each for each in links if each.repository == chain]
        results.append(check_chain(store, chain, console.progress, anchors_of_chain))
    console.progress("")
    console.print_result(
        document(results, lost, location=store.location),
        lambda: render_verified(results, lost, store.location, colour=console.coloured, width=console.width),
    )
    return Exit.STOP if lost or not all(each.holds for each in results) else Exit.OK


def document(results: Sequence[Verification], lost: Iterable[Link], *, location: str) -> dict[str, object]:
    """The results as JSON; `lost` are anchors of chains that are not there."""
    gone = [each.anchor for each in lost]
    return {
        "version": 1,
        "place": location,
        "holds": not gone and all(each.holds for each in results),
        "chains": [
            {
                **asdict(each),
                "holds": each.holds,
                "head": each.head.anchor if each.head else None,
                "anchored": [{"anchor": one.link.anchor, "met": one.met, "by": one.by} for one in each.anchored],
            }
            for each in results
        ],
        "lost": gone,
    }


def anchor_of(text: str) -> Link:
    """The place that an anchor names, or a report.json at that path. Raises ConfigError."""
    try:
        return parse_anchor(text)
    except ValueError as error:
        if _LIKE_AN_ANCHOR.search(text.strip()):
            raise ConfigError("--anchor is none", why=str(error), remedy="Copy it whole from a step summary") from None
    raw = read_file(Path.cwd() / text, f"--anchor {text}", _MAX_REPORT)
    report = Node.read(raw.decode("utf-8", "replace"))
    remedy = "Give a report.json of a run whose decision was recorded, or OWNER/NAME#NUMBER:HASH"
    if report["kind"].scalar != "report":
        raise ConfigError(f"--anchor {text} is no report of cicd-agent", remedy=remedy)
    for repository, seq, hashed in report_anchors(report):
        try:
            return parse_anchor(Link(repository, seq, hashed).anchor)
        except ValueError:
            raise ConfigError(f"--anchor {text} names no place in a chain", remedy=remedy) from None
    section = report["body"]["audit"]
    state = section["state"].scalar or "not told"
    reason = f"audit: {state}" + (f", {section['why'].scalar[:200]}" if section["why"].scalar else "")
    raise ConfigError(f"--anchor {text} is of a run that was not recorded", why=reason, remedy=remedy)


@_verb(
    "export",
    format_option("jsonl", "csv", "sarif", text="jsonl, csv or sarif"),
    _filters,
    out_option("where to write it (default: standard output)"),
)
def _export(
    store: Store,
    session: Session,
    *,
    out: str = "",
    escalated: bool = False,
    max_confidence: float | None = None,
    **filters: Any,
) -> int:
    """Runs for other tools."""
    console, kind = session.console, session.options.format or "jsonl"
    rows = export_rows(
        store, _query(session.now(), **filters), RunFilter(escalated, max_confidence), runs_only=kind != "jsonl"
    )
    lines = FORMATS[kind](counted(rows, console.progress, "exporting"))
    if out:
        try:
            with streamed_file(Path.cwd() / out) as write:
                for line in lines:
                    write(f"{console.redact(line)}\n")
        except (OSError, ValueError) as error:
            reason = (error.strerror if isinstance(error, OSError) else "") or str(error)
            remedy = "Give another path"
            raise ConfigError(f"--out {out} cannot be written", why=reason, remedy=remedy) from None
    else:
        for line in lines:
            console.print_json(line)
    console.progress("")
    return Exit.OK


@_verb(
    "prune",
    format_option(),
    click.option("--older-than", metavar="WHEN", required=True, help="`400d`, or a date"),
    _one_chain,
    click.option("--dry-run", is_flag=True, help="only say what would be removed"),
)
def _prune(store: Store, session: Session, *, older_than: str, repository: str = "") -> int:
    """Remove what is old; the removal is itself entered."""
    console, now, is_dry = session.console, session.now(), session.options.dry_run
    before = _time(older_than, now, "--older-than")
    if before > int(now):
        raise ConfigError("--older-than lies in the future", remedy="Give `400d`, or a date that has passed")
    if not before:
        raise ConfigError("--older-than is no time", remedy="Give `400d`, or a date such as 2025-11-01")
    pruned = [
        prune_chain(store, each, before, int(now), console.progress, is_dry=is_dry)
        for each in select_chains(store, repository)
    ]
    console.progress("")
    shown = {"version": 1, "dry_run": is_dry, "before": before, "chains": [each.document() for each in pruned]}
    console.print_result(
        shown, lambda: render_pruned(pruned, before, dry_run=is_dry, colour=console.coloured, width=console.width)
    )
    return Exit.OK
