"""Whatever somebody has put into an audit log, looking at it does no harm and ends in no traceback."""

import io
import json
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from cicd_agent.app.console import Streams
from cicd_agent.cli.parser import parse
from cicd_agent.domain.audit_entry import Columns, Row, entry_hash, parse_columns
from cicd_agent.settings.environment import Environment
from tests.support.fakes.store import FakeStore
from tests.support.jobs.audit import Printed, ask, decided, done, explained, held, reviewed
from tests.support.samples.chains import SHOP
from tests.support.sessions import session_of

NASTY = (
    "\x1b[31m\x1b]0;owned\x07\r\n::error::a\n  ::set-output name=a::b\n##[error]c\x9b31m\x00\u202e\u2028"
    "<!-- x --> **b** @octocat [l](https://evil.test) =1+1\ud800"
)
VALUES: tuple[object, ...] = (NASTY, None, True, -1, 2**70, 1.5, [], [NASTY], [[1]], {}, {NASTY: NASTY}, "9" * 400)
ON_ACTIONS = Environment(on_actions=True)


def changed(told: Any, value: object) -> Iterator[Any]:
    """The JSON with this value in each of its places, one after the other."""
    yield value
    if isinstance(told, dict):
        for name, inner in told.items():
            yield from ({**told, name: other} for other in changed(inner, value))
    if isinstance(told, list):
        for at, inner in enumerate(told):
            yield from ([*told[:at], other, *told[at + 1 :]] for other in changed(inner, value))


def put(store: FakeStore, text: str, repository: str = SHOP) -> None:
    """A row with this text, whatever it is, with a hash that is right: as a database that others write to has it."""
    try:
        found = parse_columns(text)
    except (ValueError, RecursionError):
        found = Columns()
    rows = store.chains.setdefault(repository, [])
    seq, prev = (rows[-1].seq + 1, rows[-1].hash) if rows else (1, "0" * 64)
    rows.append(Row(repository, seq, prev, entry_hash(repository, seq, prev, text), text, found))


def harmless(printed: Printed) -> None:
    for text in (printed.out, printed.err):
        assert not {"\x1b", "\x07", "\x9b", "\x00", "\u202e", "\u2028", "\ud800"} & set(text)
        for line in text.split("\n"):
            assert not line.lstrip().startswith("::")
            assert "##[" not in line


def look(store: FakeStore, folder: Path, *, environment: Environment = ON_ACTIONS) -> None:
    """Look at it in every way."""
    for arguments in (
        ("list", "--most", "10000"),
        ("list", "--most", "10000", "--format", "json"),
        ("verify",),
        ("verify", "--format", "json"),
        ("export",),
        ("export", "--format", "csv"),
        ("export", "--format", "sarif"),
        ("prune", "--older-than", "2020-01-01", "--dry-run"),
    ):
        printed = ask(store, *arguments, environment=environment)
        harmless(printed)
        if "json" in arguments or "sarif" in arguments:
            json.loads(printed.out)
    for form in ("jsonl", "csv", "sarif"):
        path = folder / form
        ask(store, "export", "--format", form, "--out", str(path), environment=environment)
        harmless(Printed(0, path.read_text(), ""))


def show_all(store: FakeStore, repository: str = SHOP) -> None:
    for form in ("text", "json"):
        out, err = io.StringIO(), io.StringIO()
        for row in store.chains[repository]:
            invocation = parse(["audit", "show", str(row.seq), "--repository", repository, "--format", form])
            session = session_of(invocation, ON_ACTIONS, Streams(out, err))
            invocation.run(session, opened=lambda *_: nullcontext(store))
        harmless(Printed(0, out.getvalue(), err.getvalue()))


@pytest.mark.parametrize("first", [0, 1, 2])
def test_a_wrong_value_in_any_field_shows_harmlessly(first: int, tmp_path: Path) -> None:
    store, number = FakeStore(), first
    link = FakeStore().append(decided(1))
    for entry in (reviewed(), held(), explained(), done(1, link)):
        for place in zip(*(changed(json.loads(entry.text), value) for value in VALUES), strict=True):
            put(store, json.dumps(place[number % len(VALUES)]))
            number += 5  # has nothing in common with how many there are: each place meets another value
    look(store, tmp_path)
    show_all(store)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\ufeff",
        NASTY.replace("\ud800", ""),
        "[" * 200_000,
        '{"kind":"run","output":' + "[" * 900 + "]" * 900 + "}",
        '{"kind":"run","output":' + '{"verdict":' * 400 + "1" + "}" * 401,
        '{"kind":"run","at":' + "9" * 5_000 + "}",
        '{"kind":"run","seconds":NaN,"cost_usd":1e999}',
        '{"kind":"run","kind":"prune"}',
    ],
)
def test_a_text_that_is_hardly_one_shows_harmlessly(text: str, tmp_path: Path) -> None:
    store = FakeStore()
    put(store, text)
    look(store, tmp_path)
    show_all(store)


def test_an_entry_of_four_million_characters_shows_as_a_page() -> None:
    store = FakeStore()
    finding = {"title": "x" * 4_000_000, "id": "y" * 100_000, "severity": "high"}
    told = {"kind": "run", "decision": "approve", "output": {"verdict": {"findings": [finding] * 3}}}
    put(store, json.dumps(told))
    assert len(ask(store, "show", "1").out) < 10_000
    assert len(ask(store, "list").out) < 1_000
    assert ask(store, "verify").code == 0


def test_a_repository_of_any_name_shows_harmlessly(tmp_path: Path) -> None:
    store = FakeStore()
    for name in (NASTY.replace("\ud800", ""), "::error::x", ""):
        put(store, json.dumps({"kind": "run", "repository": name, "event_id": NASTY}), name)
    look(store, tmp_path)
    harmless(ask(store, "show", "::error::x#1", "--repository", "::error::x", environment=ON_ACTIONS))
