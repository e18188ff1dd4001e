"""`cicd-agent audit` run on an audit log in memory, and runs to put into it as each mode enters them."""

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from cicd_agent.app.console import Streams
from cicd_agent.cli.parser import parse
from cicd_agent.domain.audit_entry import Entry, Link
from cicd_agent.domain.ports.storage import Store
from cicd_agent.settings.environment import Environment
from tests.support.samples.chains import DAY, SHOP, START
from tests.support.sessions import session_of

NOW: Final = START + 500 * DAY
FINDING: Final[Mapping[str, Any]] = {
    "id": "http-timeout",
    "title": "request without a timeout",
    "message": "it waits forever",
    "severity": "high",
    "category": "reliability",
    "location": {"path": "src/a b.py", "line": 12, "start": 10, "side": "RIGHT"},
    "quote": "get(url)",
    "confidence": "0.91",
    "origin": "rule",
}


@dataclass(frozen=True, slots=True)
class Printed:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


def ask(store: Store, *arguments: str, environment: Environment | None = None) -> Printed:
    """What `cicd-agent audit` answers."""
    out, err = io.StringIO(), io.StringIO()
    invocation = parse(["audit", *arguments])
    session = session_of(invocation, environment or Environment(), Streams(out, err), lambda: NOW)

    @contextmanager
    def opened(*_: object) -> Iterator[Store]:
        yield store

    code = invocation.run(session, opened=opened)
    return Printed(code, out.getvalue(), err.getvalue())


def decided(number: int, repository: str = SHOP, **more: Any) -> Entry:
    """A run as it is entered; `more` is put in place of its fields."""
    told = {
        "kind": "run",
        "event_id": f"90{number}.1",
        "at": START + number * DAY,
        "tool": "cicd-agent 0.1.0",
        "event": "pull_request",
        "action": "opened",
        "actor": "octocat",
        "ref": "topic",
        "base": "b" * 40,
        "sha": f"{number:07x}".ljust(40, "0"),
        "pull": number,
        "mode": "review",
        "stage": "all",
        "decision": "approve",
        "conclusion": "success",
        "risk_level": "medium",
        "risk_score": 41,
        "confidence": "0.91",
        "iterations": 3,
        "escalated": False,
        "escalate": [],
        "actions": [{"kind": "comment", "key": "review-summary"}],
        "models": ["gpt-5.5"],
        "prompts": {"findings": "3"},
        "usage": {"requests": 2, "input": 1200, "output": None, "cached": 0, "reasoning": 0, "from_cache": 1},
        "cost_usd": "0.0123",
        "degraded": "",
        "exit": 0,
        "error": "",
        "seconds": "3.21",
        "tape": {"path": "tape.jsonl", "sha256": "c" * 64},
        "output": {"verdict": {"risk": {"reasons": [{"text": "touches a migration", "points": "12"}]}}},
    }
    return Entry.of(repository, told | more)


def done(number: int, of: Link, *, state: str = "done") -> Entry:
    """What became of it."""
    receipt = {
        "key": "review-summary",
        "kind": "comment",
        "state": state,
        "detail": "edited",
        "url": "https://x.test/1",
    }
    told = {
        "kind": "receipts",
        "of": of.seq,
        "event_id": f"90{number}.1",
        "at": START + number * DAY,
        "mode": "review",
        "sha": f"{number:07x}".ljust(40, "0"),
        "receipts": [receipt],
    }
    return Entry.of(of.repository, told)


def reviewed(**more: Any) -> Entry:
    """A review with a finding."""
    found = {"findings": [FINDING], "rejected": [{"claim": FINDING, "reason": "its quote is not in the diff"}]}
    return decided(1, decision="request_changes", output={"verdict": found}, **more)


def held(**more: Any) -> Entry:
    """A gate that holds."""
    stop = {"id": "score", "text": "the score is below the threshold", "remedy": "Approve it", "lifted": ""}
    lifted = {"id": "freeze", "text": "it is Friday", "lifted": "octocat: a hotfix"}
    factor = {"name": "tests", "points": "20", "weight": "35", "band": "amber", "words": "410 of 412"}
    gated = {
        "environment": "production",
        "score": "61.5",
        "threshold": 75,
        "factors": [factor],
        "stops": [stop, lifted],
    }
    return decided(2, mode="deploy-gate", decision="hold", output={"gated": gated}, **more)


def explained(**more: Any) -> Entry:
    """A failed run that was explained."""
    diagnosis = {
        "cause": "change",
        "rung": "meets_change",
        "root_cause": "test_retry_limit expects 3, gets 5",
        "next_step": "Set the limit back",
        "failures": [{"title": "test_retry_limit", "strict": "7c1e"}],
        "meetings": [{"path": "src/client.py", "line": 41}],
        "grounds": [{"text": "the very line was changed"}],
    }
    return decided(3, mode="analyse-failure", decision="change", output={"diagnosis": diagnosis}, **more)
