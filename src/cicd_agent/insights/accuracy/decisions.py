"""Reads from the account book what accuracy is about: anybody may have written it, so each part is checked."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeVar

from pydantic import TypeAdapter, ValidationError

from cicd_agent.domain.audit_entry import Kind, Row, entry_hash
from cicd_agent.domain.finding import Finding, Origin
from cicd_agent.domain.ports.storage import EntryQuery, Store
from cicd_agent.domain.text.words import count
from cicd_agent.insights.accuracy.findings import ReportedFinding
from cicd_agent.modes.deploy_gate.result import Gated

SHA: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
MAX_ENTRIES: Final = 5_000
"""Runs of one mode that are read, the newest."""
_MAX_PATH_LENGTH = 1_000
_MAX_FINDINGS = 500
"""Findings of one run that are read."""
_MAX_LINE = 10_000_000
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class DecidedGate:
    """A gate's decision with its run: `base` is where its change begins, "" when nothing says so."""

    gated: Gated
    repository: str = ""
    pull: int = 0
    at: int = 0
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
    reran: bool = False


@dataclass(frozen=True, slots=True)
class Decisions:
    """What a book holds; `limits` say what of it could not be read."""

    findings: tuple[ReportedFinding, ...] = ()
    gates: tuple[DecidedGate, ...] = ()
    failures: tuple[DecidedFailure, ...] = ()
    runs: int = 0
    limits: tuple[str, ...] = ()


@dataclass
class _Result:
    findings: list[ReportedFinding] = field(default_factory=list)
    gates: list[DecidedGate] = field(default_factory=list)
    failures: list[DecidedFailure] = field(default_factory=list)
    runs: int = 0
    left_out: Counter[str] = field(default_factory=Counter)


def read_decisions(store: Store, repository: str, modes: Sequence[str], since: int = 0) -> Decisions:
    """What the book holds of these modes, the newest first. Raises StoreRefused."""
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
    """What the rows say of decisions."""
    result = _Result()
    for row in rows:
        if row.columns.kind is Kind.RUN:
            _read(row, result)
    limits = tuple(f"{count(number, 'record')} of the account book {why}" for why, number in result.left_out.items())
    return Decisions(tuple(result.findings), tuple(result.gates), tuple(result.failures), result.runs, limits)


def _read(row: Row, result: _Result) -> None:
    if entry_hash(row.repository, row.seq, row.prev, row.text) != row.hash:
        result.left_out["left out: the hash does not fit (`cicd-agent audit verify` says more)"] += 1
        return
    try:
        record = json.loads(row.text)
    except (ValueError, RecursionError):
        record = None
    if not isinstance(record, dict) or record.get("repository") != row.repository:
        result.left_out["left out: of another repository, or not readable"] += 1
        return
    if record.get("kind") != Kind.RUN:
        return
    result.runs += 1
    output = _mapping(record.get("output"))
    match record.get("mode"):
        case "review" if output.get("verdict"):
            _findings(row.repository, record, _mapping(output["verdict"]), result)
        case "deploy-gate" if output.get("gated"):
            _gate(row.repository, record, output, result)
        case "analyse-failure" if output.get("diagnosis"):
            _failure(row.repository, record, output, result)
        case _:
            pass


def _findings(repository: str, record: Mapping[str, Any], verdict: Mapping[str, Any], result: _Result) -> None:
    """The findings of a review. A run without a pull request has nothing that later facts could be read from."""
    sha, pull, at = _text(record.get("sha")), _whole(record.get("pull")), _whole(record.get("at"))
    if not pull:
        result.left_out["left out: a review outside of a pull request, where nothing shows what became of it"] += 1
        return
    listed = verdict.get("findings")
    listed = listed if isinstance(listed, list) else []
    for one in listed[:_MAX_FINDINGS]:
        parsed = _parsed(Finding, one)
        where = parsed.location if parsed else None
        if parsed is None or where is None or not SHA.fullmatch(sha) or not is_plain(where.path):
            result.left_out["in part left out: it held a finding that cannot be read, or whose path is none"] += 1
            continue
        if not 0 <= where.first <= where.line <= _MAX_LINE:
            result.left_out["in part left out: it held a finding whose lines are none"] += 1
            continue
        result.findings.append(
            ReportedFinding(
                repository,
                pull,
                sha,
                at,
                parsed.fingerprint,
                where.path,
                where.first,
                where.line,
                where.side,
                "model" if parsed.origin is Origin.MODEL else parsed.id,
                parsed.origin,
                parsed.severity,
                parsed.suggestion if parsed.committable else "",
                parsed.quote,
            )
        )
    if len(listed) > _MAX_FINDINGS:
        result.left_out[f"cut: it held more than {_MAX_FINDINGS} findings: the rest was not read"] += 1


def _gate(repository: str, record: Mapping[str, Any], output: Mapping[str, Any], result: _Result) -> None:
    gated = _parsed(Gated, output["gated"])
    if gated is None or not SHA.fullmatch(gated.sha):
        result.left_out["left out: it held a gate's decision that cannot be read"] += 1
        return
    base = _text(_mapping(output.get("seen")).get("base"))
    at = gated.at or _whole(record.get("at"))
    base = base if SHA.fullmatch(base) else ""
    gated = replace(gated, at=at)
    result.gates.append(DecidedGate(gated, repository, _whole(record.get("pull")), at, base))


def _failure(repository: str, record: Mapping[str, Any], output: Mapping[str, Any], result: _Result) -> None:
    """A failed run: the event says which, where the diagnosis is of the run that it was about."""
    diagnosis = _mapping(output["diagnosis"])
    failures = diagnosis.get("failures")
    first = _mapping(failures[0]) if isinstance(failures, list) and failures else {}
    about = _mapping(_mapping(output.get("event")).get("run"))
    result.failures.append(
        DecidedFailure(
            repository,
            _text(about.get("head_sha")) or _text(record.get("sha")),
            _whole(record.get("at")),
            _text(diagnosis.get("cause")),
            _text(first.get("strict")),
            _whole(about.get("id")),
            _whole(about.get("attempt")),
            diagnosis.get("rerun") is True,
        )
    )


def is_plain(path: str) -> bool:
    parts = path.split("/")
    return 0 < len(path) <= _MAX_PATH_LENGTH and path.isprintable() and not {"", ".", ".."} & set(parts)


def _parsed(shape: type[T], record: object) -> T | None:
    """The value, None when it is something else. Numbers that are not whole stand as text in the book."""
    try:
        parsed: T = TypeAdapter(shape).validate_python(record)
    except (ValidationError, RecursionError):
        return None
    return parsed


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _whole(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else 0
