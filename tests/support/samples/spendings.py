"""Entries of runs that cost something, as the audit log holds them."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from cicd_agent.domain.audit_entry import ZERO_HASH, Columns, Entry, Row
from cicd_agent.insights.cost.savings import Rates

START = 1_790_000_000
DAY = 86_400
PRICED = {
    "large": Rates(Decimal(5), Decimal("0.5"), Decimal(30)),
    "small": Rates(Decimal("0.25"), Decimal("0.025"), Decimal(2)),
}


def usage(requests: int | None = 1, tokens_in: int | None = 1_000, tokens_out: int | None = 100, **more: Any) -> Any:
    return {
        "requests": requests,
        "input": tokens_in,
        "output": tokens_out,
        "cached": 0,
        "reasoning": 0,
        "from_cache": 0,
        "spared_input": 0,
        "spared_output": 0,
        **more,
    }


def asked(model: str, used: Mapping[str, Any]) -> dict[str, Any]:
    return {"question": "findings", "prompt": "1", "model": model, "rounds": 1, "usage": dict(used)}


def summed(used: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Unknown plus anything is unknown."""
    columns: dict[str, list[Any]] = {}
    for each in used:
        for name, value in each.items():
            columns.setdefault(name, []).append(value)
    return {name: None if None in values else sum(values) for name, values in columns.items()} or usage(0, 0, 0)


def told(*questions: tuple[str, Mapping[str, Any]], cost: str | None = "0", **more: Any) -> dict[str, Any]:
    """What the entry of a run says that put these questions."""
    return {
        "version": 1,
        "kind": "run",
        "repository": "acme/shop",
        "event_id": "1.1",
        "at": START,
        "mode": "review",
        "stage": "all",
        "decision": "approve",
        "models": list(dict.fromkeys(model for model, _ in questions)),
        "usage": summed(used for _, used in questions),
        "cost_usd": cost,
        "error": "",
        "output": {"asked": [asked(*each) for each in questions], "account": {"notices": []}},
        **more,
    }


def row(said: Mapping[str, Any], seq: int = 1) -> Row:
    repository = str(said.get("repository", "acme/shop"))
    entry = Entry.of(repository, said)
    return Row(repository, seq, ZERO_HASH, ZERO_HASH, entry.text, entry.columns)


def raw(text: str, seq: int = 1) -> Row:
    """A row whose text anybody may have written."""
    return Row("acme/shop", seq, ZERO_HASH, ZERO_HASH, text, Columns())
