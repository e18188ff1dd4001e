"""Reads from the account book what accuracy is about: anybody may have written it, so each part is checked."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Final, TypeVar

from pydantic import TypeAdapter, ValidationError

from cicd_agent.domain.audit_entry import Kind, Row, chained
from cicd_agent.domain.finding import Finding, Origin
from cicd_agent.domain.gate_decision import Gated
from cicd_agent.domain.text.words import count
from cicd_agent.insights.accuracy.findings import Told

SHA: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_LONGEST_PATH = 1_000
_MOST_FINDINGS = 500
"""Findings of one run that are read."""
_MOST_LINE = 10_000_000
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
class Entered:
    """What a book holds; `limits` say what of it could not be read."""

    findings: tuple[Told, ...] = ()
    gates: tuple[DecidedGate, ...] = ()
    failures: tuple[DecidedFailure, ...] = ()
    runs: int = 0
    limits: tuple[str, ...] = ()


@dataclass
class _Reading:
    findings: list[Told] = field(default_factory=list)
    gates: list[DecidedGate] = field(default_factory=list)
    failures: list[DecidedFailure] = field(default_factory=list)
    runs: int = 0
    left: Counter[str] = field(default_factory=Counter)


def entered(rows: Iterable[Row]) -> Entered:
    """What the rows say of decisions."""
    reading = _Reading()
    for row in rows:
        if row.columns.kind is Kind.RUN:
            _read(row, reading)
    limits = tuple(f"{count(number, 'record')} of the account book {why}" for why, number in reading.left.items())
    return Entered(tuple(reading.findings), tuple(reading.gates), tuple(reading.failures), reading.runs, limits)


def _read(row: Row, reading: _Reading) -> None:
    if chained(row.repository, row.seq, row.prev, row.text) != row.hash:
        reading.left["left out: the hash does not fit (`cicd-agent audit verify` says more)"] += 1
        return
    try:
        told = json.loads(row.text)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict) or told.get("repository") != row.repository:
        reading.left["left out: of another repository, or not readable"] += 1
        return
    if told.get("kind") != Kind.RUN:
        return
    reading.runs += 1
    output = _mapping(told.get("output"))
    match told.get("mode"):
        case "review" if output.get("verdict"):
            _findings(row.repository, told, _mapping(output["verdict"]), reading)
        case "deploy-gate" if output.get("gated"):
            _gate(row.repository, told, output, reading)
        case "analyse-failure" if output.get("diagnosis"):
            _failure(row.repository, told, output, reading)
        case _:
            pass


def _findings(repository: str, told: Mapping[str, Any], verdict: Mapping[str, Any], reading: _Reading) -> None:
    """The findings of a review. A run without a pull request has nothing that later facts could be read from."""
    sha, pull, at = _text(told.get("sha")), _whole(told.get("pull")), _whole(told.get("at"))
    if not pull:
        reading.left["left out: a review outside of a pull request, where nothing shows what became of it"] += 1
        return
    listed = verdict.get("findings")
    listed = listed if isinstance(listed, list) else []
    for one in listed[:_MOST_FINDINGS]:
        found = _shaped(Finding, one)
        where = found.location if found else None
        if found is None or where is None or not SHA.fullmatch(sha) or not is_plain(where.path):
            reading.left["in part left out: it held a finding that cannot be read, or whose path is none"] += 1
            continue
        if not 0 <= where.first <= where.line <= _MOST_LINE:
            reading.left["in part left out: it held a finding whose lines are none"] += 1
            continue
        reading.findings.append(
            Told(
                repository,
                pull,
                sha,
                at,
                found.fingerprint,
                where.path,
                where.first,
                where.line,
                where.side,
                "model" if found.origin is Origin.MODEL else found.id,
                found.origin,
                found.severity,
                found.suggestion if found.committable else "",
                found.quote,
            )
        )
    if len(listed) > _MOST_FINDINGS:
        reading.left[f"cut: it held more than {_MOST_FINDINGS} findings: the rest was not read"] += 1


def _gate(repository: str, told: Mapping[str, Any], output: Mapping[str, Any], reading: _Reading) -> None:
    gated = _shaped(Gated, output["gated"])
    if gated is None or not SHA.fullmatch(gated.sha):
        reading.left["left out: it held a gate's decision that cannot be read"] += 1
        return
    base = _text(_mapping(output.get("seen")).get("base"))
    at = gated.at or _whole(told.get("at"))
    base = base if SHA.fullmatch(base) else ""
    gated = replace(gated, at=at)
    reading.gates.append(DecidedGate(gated, repository, _whole(told.get("pull")), at, base))


def _failure(repository: str, told: Mapping[str, Any], output: Mapping[str, Any], reading: _Reading) -> None:
    """A failed run: the event says which, where the diagnosis is of the run that it was about."""
    diagnosis = _mapping(output["diagnosis"])
    failures = diagnosis.get("failures")
    first = _mapping(failures[0]) if isinstance(failures, list) and failures else {}
    about = _mapping(_mapping(output.get("event")).get("run"))
    reading.failures.append(
        DecidedFailure(
            repository,
            _text(about.get("head_sha")) or _text(told.get("sha")),
            _whole(told.get("at")),
            _text(diagnosis.get("cause")),
            _text(first.get("strict")),
            _whole(about.get("id")),
            _whole(about.get("attempt")),
            diagnosis.get("rerun") is True,
        )
    )


def is_plain(path: str) -> bool:
    """Whether it can be the path of a file in a repository, and leads to nowhere else."""
    parts = path.split("/")
    return 0 < len(path) <= _LONGEST_PATH and path.isprintable() and not {"", ".", ".."} & set(parts)


def _shaped(shape: type[T], told: object) -> T | None:
    """The value, None when it is something else. Numbers that are not whole stand as text in the book."""
    try:
        found: T = TypeAdapter(shape).validate_python(told)
    except (ValidationError, RecursionError):
        return None
    return found


@cache
def _adapter(shape: Any) -> TypeAdapter[Any]:
    return TypeAdapter(shape)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _whole(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else 0
