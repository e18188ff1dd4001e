"""What an entry says of a run, for a table: the few things that every run has, however little of it can be read."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from cicd_agent.domain.audit_entry import Row
from cicd_agent.domain.text.json_view import Node

_LAST: Final = 253_402_300_799
"""The last second of the year 9999."""
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What a cell of a spreadsheet must not begin with: https://owasp.org/www-community/attacks/CSV_Injection."""

COLUMNS: Final = tuple(
    """
    repository seq at event_id event actor mode stage decision conclusion risk_level risk_score confidence iterations
    escalated sha ref pull models requests input_tokens output_tokens cost_usd degraded exit error seconds tool prev
    hash
    """.split()  # noqa: SIM905  a line of words, as the table has them
)
"""Of a run in a table of plain cells."""


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A run as its entry tells it. `cost_usd` is "" when it is not known, `finished` None when nobody has looked."""

    row: Row
    data: Node
    finished: bool | None = None

    @classmethod
    def of(cls, row: Row, *, finished: bool | None = None) -> "RunSummary":
        return cls(row, Node.read(row.text), finished)

    @property
    def models(self) -> tuple[str, ...]:
        return self.data["models"].texts

    @property
    def when(self) -> str:
        return utc_text(self.row.columns.at)

    @property
    def cells(self) -> tuple[str, ...]:
        """It as COLUMNS has it, where nothing is a formula."""
        row, data, usage = self.row, self.data, self.data["usage"]
        own = {
            "repository": row.repository,
            "seq": str(row.seq),
            "at": self.when,
            "escalated": str(data["escalated"].flag).lower(),
            "models": " ".join(self.models),
            "requests": usage["requests"].scalar,
            "input_tokens": usage["input"].scalar,
            "output_tokens": usage["output"].scalar,
            "prev": row.prev,
            "hash": row.hash,
        }
        return tuple(inert(own[name] if name in own else data[name].scalar) for name in COLUMNS)

    def document(self) -> dict[str, object]:
        data, row = self.data, self.row
        return {
            "repository": row.repository,
            "seq": row.seq,
            "hash": row.hash,
            "at": row.columns.at,
            "event_id": row.columns.event_id,
            "mode": row.columns.mode,
            "decision": row.columns.decision,
            "risk_level": row.columns.risk_level,
            "risk_score": data["risk_score"].count,
            "sha": row.columns.sha,
            "pull": row.columns.pull,
            "models": list(self.models),
            "cost_usd": data["cost_usd"].scalar or None,
            "error": data["error"].scalar,
            "finished": self.finished,
        }


def utc_text(at: int) -> str:
    """A moment in UTC, to the second; "" for none."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}" if 0 < at <= _LAST else ""


def inert(text: str) -> str:
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA) else text


def report_anchors(data: Node) -> Iterator[tuple[str, int, str]]:
    """The place in the chain that a report names, as repository, number and hash; nothing where it names none."""
    audit = data["body"]["audit"]
    seq = audit["seq"].count
    if audit["state"].scalar == "recorded" and seq:
        yield audit["repository"].scalar, seq, audit["hash"].scalar
