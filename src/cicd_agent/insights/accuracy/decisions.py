"""Reads from the audit log what accuracy is about: anybody may have written it, so each part is checked."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from pydantic import TypeAdapter, ValidationError

from cicd_agent.domain.audit_entry import Kind, Row, entry_hash
from cicd_agent.domain.finding import Finding, Origin
from cicd_agent.domain.ports.feedback import OurThread
from cicd_agent.domain.ports.storage import EntryQuery, Store
from cicd_agent.domain.repository.diff import Side
from cicd_agent.domain.text.json_view import Node
from cicd_agent.domain.text.words import count
from cicd_agent.modes.deploy_gate.result import GateResult

SHA: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
MAX_ENTRIES: Final = 5_000
"""Runs of one mode that are read, the newest."""
_MAX_PATH_LENGTH = 1_000
_MAX_FINDINGS = 500
"""Findings of one run that are read."""
_MAX_LINE = 10_000_000
_FINDING = TypeAdapter(Finding)
_GATED = TypeAdapter(GateResult)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ReportedFinding:
    """A finding as it was last reported: in lines `first` to `last` of `path` at commit `sha`; 0 for the whole file.

    `rule` is "model" for a model's. `quote` is the text that it was about, "" where that is not known.
    """

    repository: str
    pull: int
    sha: str
    at: int
    fingerprint: str
    path: str
    first: int
    last: int
    side: Side = Side.RIGHT
    rule: str = ""
    origin: str = ""
    severity: str = ""
    suggestion: str = ""
    quote: str = ""

    @classmethod
    def of_thread(cls, repository: str, pull: int, thread: OurThread) -> "ReportedFinding":
        return cls(
            repository,
            pull,
            thread.commit,
            thread.at,
            thread.fingerprint,
            thread.path,
            thread.first,
            thread.last,
            thread.side,
            thread.rule or "model",
            thread.origin,
            thread.severity,
            thread.suggestion,
        )


@dataclass(frozen=True, slots=True)
class DecidedGate:
    """A gate's decision with its run: `base` is where its change begins, "" when nothing says so."""

    gated: GateResult
    repository: str = ""
    pull: int = 0
    base: str = ""


@dataclass(frozen=True, slots=True)
class DecidedFailure:
    """What was concluded of a failed run: its first failure's fingerprint, and the run that it was about (0: none)."""

    repository: str
    sha: str
    at: int
    cause: str
    fingerprint: str
    run: int = 0
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class Decisions:
    """What the audit log holds; `limits` say what of it could not be read."""

    findings: tuple[ReportedFinding, ...] = ()
    gates: tuple[DecidedGate, ...] = ()
    failures: tuple[DecidedFailure, ...] = ()
    runs: int = 0
    limits: tuple[str, ...] = ()


def read_decisions(store: Store, repository: str, modes: Sequence[str], since: int = 0) -> Decisions:
    """What the audit log holds of these modes, the newest first. Raises StoreRefused."""
    counts: Counter[str] = Counter()

    def rows() -> Iterator[Row]:
        for mode in modes:
            query = EntryQuery(repository=repository, kind=Kind.RUN, mode=mode, since=since, limit=MAX_ENTRIES)
            for row in store.find(query):
                counts[mode] += 1
                yield row

    decisions = parse_decisions(rows())
    cut = [f"only the newest {MAX_ENTRIES:,} runs of {mode} were read" for mode in modes if counts[mode] >= MAX_ENTRIES]
    return replace(decisions, limits=(*cut, *decisions.limits))


def parse_decisions(rows: Iterable[Row]) -> Decisions:
    findings: list[ReportedFinding] = []
    gates: list[DecidedGate] = []
    failures: list[DecidedFailure] = []
    runs, left_out = 0, Counter[str]()
    for row in rows:
        if row.columns.kind is not Kind.RUN:
            continue
        record, problem = _record(row)
        if problem:
            left_out[problem] += 1
            continue
        if record["kind"].value != Kind.RUN:
            continue
        runs += 1
        output = record["output"]
        match record["mode"].text:
            case "review" if output["verdict"].value:
                findings += _findings(row.repository, record, left_out)
            case "deploy-gate" if output["gated"].value:
                gates += _gate(row.repository, record, left_out)
            case "analyse-failure" if output["diagnosis"].value:
                failures.append(_failure(row.repository, record))
            case _:
                pass
    limits = tuple(f"{count(number, 'record')} of the audit log {reason}" for reason, number in left_out.items())
    return Decisions(tuple(findings), tuple(gates), tuple(failures), runs, limits)


def _record(row: Row) -> tuple[Node, str]:
    if entry_hash(row.repository, row.seq, row.prev, row.text) != row.hash:
        return Node(), "left out: the hash does not fit (`cicd-agent audit verify` says more)"
    try:
        record = Node(json.loads(row.text))
    except (ValueError, RecursionError):
        record = Node()
    is_own = record["repository"].value == row.repository
    return record, "" if is_own else "left out: of another repository, or not readable"


def _findings(repository: str, record: Node, left_out: Counter[str]) -> Iterator[ReportedFinding]:
    """The findings of a review. A run without a pull request has nothing that later facts could be read from."""
    sha, pull, at = record["sha"].text, record["pull"].number, record["at"].number
    if not pull:
        left_out["left out: a review outside of a pull request, where nothing shows what became of it"] += 1
        return
    listed = list(record["output"]["verdict"]["findings"])
    for each in listed[:_MAX_FINDINGS]:
        finding = _parsed(_FINDING, each.value)
        if finding is None or not SHA.fullmatch(sha) or not is_plain(finding.location.path):
            left_out["in part left out: it held a finding that cannot be read, or whose path is none"] += 1
            continue
        where = finding.location
        if not 0 <= where.first <= where.line <= _MAX_LINE:
            left_out["in part left out: it held a finding whose lines are none"] += 1
            continue
        yield ReportedFinding(
            repository,
            pull,
            sha,
            at,
            finding.fingerprint,
            where.path,
            where.first,
            where.line,
            where.side,
            "model" if finding.origin is Origin.MODEL else finding.id,
            finding.origin,
            finding.severity,
            finding.suggestion if finding.committable else "",
            finding.quote,
        )
    if len(listed) > _MAX_FINDINGS:
        left_out[f"cut: it held more than {_MAX_FINDINGS} findings: the rest was not read"] += 1


def _gate(repository: str, record: Node, left_out: Counter[str]) -> Iterator[DecidedGate]:
    output = record["output"]
    gated = _parsed(_GATED, output["gated"].value)
    if gated is None or not SHA.fullmatch(gated.sha):
        left_out["left out: it held a gate's decision that cannot be read"] += 1
        return
    base = output["seen"]["base"].text
    gated = replace(gated, at=gated.at or record["at"].number)
    yield DecidedGate(gated, repository, record["pull"].number, base if SHA.fullmatch(base) else "")


def _failure(repository: str, record: Node) -> DecidedFailure:
    """A failed run: the event says which, where the diagnosis is of the run that it was about."""
    diagnosis, run = record["output"]["diagnosis"], record["output"]["event"]["run"]
    first = next(iter(diagnosis["failures"]), Node())
    return DecidedFailure(
        repository,
        run["head_sha"].text or record["sha"].text,
        record["at"].number,
        diagnosis["cause"].text,
        first["strict"].text,
        run["id"].number,
        run["attempt"].number,
    )


def is_plain(path: str) -> bool:
    parts = path.split("/")
    return 0 < len(path) <= _MAX_PATH_LENGTH and path.isprintable() and not {"", ".", ".."} & set(parts)


def _parsed(shape: TypeAdapter[T], value: object) -> T | None:
    """The value, None when it is something else. Numbers that are not whole stand as text in the audit log."""
    try:
        return shape.validate_python(value)
    except (ValidationError, RecursionError):
        return None
