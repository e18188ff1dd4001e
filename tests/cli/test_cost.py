"""`cicd-agent cost`, from its options to its page."""

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from cicd_agent.agent.prices import PRICES, READ_ON
from cicd_agent.app.console import Streams
from cicd_agent.cli.parser import parse
from cicd_agent.domain.audit_entry import Entry
from cicd_agent.domain.ports.storage import Store
from cicd_agent.errors import ConfigError, StoreRefused
from cicd_agent.rendering.money import NANO, money
from cicd_agent.settings.environment import Environment
from tests.support.fakes.store import FakeStore
from tests.support.samples.spendings import DAY, START, told, usage
from tests.support.sessions import session_of

NOW = START + 40 * DAY
RECENT = NOW - DAY


def book(*said: Mapping[str, Any], refuses: str = "") -> FakeStore:
    store = FakeStore()
    for each in said:
        store.append(Entry.of(str(each["repository"]), each))
    store.refuses = refuses
    return store


def ask(store: FakeStore | None, *arguments: str, environment: Environment | None = None) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    invocation = parse(["cost", *arguments])
    session = session_of(invocation, environment or Environment(), Streams(out, err), lambda: float(NOW))

    def opened(_inputs: Mapping[str, str], _environment: Environment, _cwd: Path) -> Store | None:
        return store

    assert invocation.run(session, open_log=opened) == 0
    assert store is None or store.closed
    return out.getvalue(), err.getvalue()


def document(store: FakeStore, *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(ask(store, "--format", "json", *arguments)[0])
    return found


def recent(*questions: tuple[str, Mapping[str, Any]], **more: Any) -> dict[str, Any]:
    return told(*questions, at=RECENT, **more)


@pytest.fixture
def store() -> FakeStore:
    return book(
        recent(("gpt-5.5", usage(2, 900_000, 30_000, cached=400_000)), ("gpt-5-mini", usage()), cost="3.600450"),
        recent(("gpt-5.5", usage()), cost="0.008", mode="analyse-failure", repository="acme/web"),
        recent(("local", usage()), cost=None, mode="analyse-failure"),
        recent(cost=None, mode="route", decision="full"),
        told(("gpt-5.5", usage()), cost="9"),
    )


def test_only_the_last_thirty_days_count_unless_somebody_says_otherwise(store: FakeStore) -> None:
    assert document(store)["total"]["cost_usd"] == "3.60845"
    assert document(store, "--since", "60d")["total"]["cost_usd"] == "12.60845"
    assert document(store, "--since", "2026-10-29")["total"]["runs"] == 4
    assert document(store, "--repository", "acme/web")["total"]["cost_usd"] == "0.008"


def test_the_document_holds_the_groupings_that_were_asked_for(store: FakeStore) -> None:
    found = document(store, "--by", "day", "--by", "model")
    assert found["version"] == 1
    assert list(found["by"]) == ["model", "day"]
    assert [(each["name"], each["cost_usd"]) for each in found["by"]["model"]][:2] == [
        ("gpt-5.5", "3.608"),
        ("gpt-5-mini", "0.00045"),
    ]
    assert found["total"]["dearest"] == {"repository": "acme/shop", "seq": 1, "cost_usd": "3.60045"}
    assert found["unknown"] == [{"why": "a model without a price", "runs": 1}]
    assert found["prices"] == f"the table of {READ_ON}"
    assert [each["means"] for each in found["saved"]] == ["prompt_cache", "answers", "tiers", "nobody"]
    assert found["saved"][0]["estimate_usd"] == "1.8"


def test_the_page_says_what_it_costs_by_what_and_what_is_not_known(store: FakeStore) -> None:
    page = ask(store)[0]
    assert page.startswith("at least $3.6085 for 4 runs since 2026-10-01\n")
    for words in (
        "3 asked a model: 5 requests, 903,000 tokens in (400,000 cached)",
        "the dearest: $3.6005, see `audit show --repository acme/shop 1`",
        "by mode",
        "by model",
        "by repository",
        "~$1.8000  prompt cache",
        "the cost of 1 run is not known: a model without a price",
    ):
        assert words in page
    assert "\x1b" not in page


def test_every_row_of_a_table_is_as_long_as_its_heading_up_to_the_bar(store: FakeStore) -> None:
    lines = ask(store, "--by", "mode")[0].split("\n")
    start = next(index for index, line in enumerate(lines) if line.startswith("by mode"))
    heading, *rows = lines[start : start + 4]
    end = heading.index("p95") + len("p95")
    assert [row.split()[0] for row in rows] == ["review", "analyse-failure", "route"]
    assert all(row[:end].rstrip()[-1] in "0123456789–" and len(row[:end].rstrip()) == end for row in rows)
    assert rows[0].endswith("█" * 12)


def test_names_from_outside_do_no_harm_on_the_page() -> None:
    hostile = recent(("\x1b]0;owned\x07::error::" + "x" * 250, usage()), cost="1", mode="\u202ereview\n::warning::")
    page = ask(book(hostile))[0]
    assert "\x1b" not in page
    assert "\u202e" not in page
    assert not any(line.startswith("::") for line in page.split("\n"))


def test_what_saved_nothing_is_not_on_the_page_and_what_cannot_be_told_is_no_amount() -> None:
    page = ask(book(recent(cost=None, mode="route"), recent(("gpt-5.5", usage()), cost="1")))[0]
    assert "unknown  nobody asked, 1 run without an estimate: " in page
    assert "prompt cache" not in page
    assert "saved" not in ask(book(recent(("gpt-5.5", usage()), cost="1")))[0]


def test_where_no_model_was_asked_there_is_no_table_of_zeros() -> None:
    page = ask(book(recent(cost=None, mode="route"), recent(cost=None, mode="route")))[0]
    assert page == "$0.00: no model was asked in 2 runs since 2026-10-01\n  route 2\n"


def test_many_groups_are_cut_to_the_dearest_and_the_rest_is_told() -> None:
    many = [recent((f"model {number}", usage()), cost=f"{number}") for number in range(1, 31)]
    page = ask(book(*many), "--by", "model")[0]
    assert "model 30" in page
    assert "model 10 " not in page
    assert "and 10 more, $55.0000 together" in page


def test_an_empty_book_says_so() -> None:
    assert ask(book())[0] == "no runs since 2026-10-01 in memory\n"
    assert document(book())["total"]["median_usd"] is None


def test_prices_of_the_config_file_count(tmp_path: Path, store: FakeStore) -> None:
    file = tmp_path / ".github" / "cicd-agent.yml"
    file.parent.mkdir()
    file.write_text("prices:\n  gpt-5.5: {input: 10, cached-input: 0, output: 1}\nno-such-key: 1\n")
    found = json.loads(ask(store, "--format", "json", environment=Environment(workspace=str(tmp_path)))[0])
    assert found["saved"][0]["estimate_usd"] == "4"
    assert "gpt-5.5" in found["prices"]
    assert "no-such-key" in found["limits"][0]


@pytest.mark.parametrize("since", ["yesterday", "-3d", "2026-99-01", "9999999d9", "inf"])
def test_a_time_that_is_none_is_refused_in_a_line(since: str) -> None:
    with pytest.raises(ConfigError, match=r"--since.*is no time.*30d"):
        ask(book(), f"--since={since}")


def test_without_a_book_the_line_says_how_to_keep_one() -> None:
    with pytest.raises(ConfigError, match=r"no audit log.*--state-dir.*DATABASE_URL"):
        ask(None)


def test_a_book_that_cannot_be_read_is_closed_and_said() -> None:
    store = book(refuses="the audit log is locked")
    with pytest.raises(StoreRefused, match="locked"):
        ask(store)
    assert store.closed


@pytest.mark.parametrize(
    ("nano", "words"),
    [
        (0, "$0.00"),
        (1, "<$0.0001"),
        (NANO // 20_000, "$0.0001"),
        (-NANO, "-$1.0000"),
        (99_999_950_000, "$100.0000"),
        (1_234_567_890_000, "$1,234.57"),
    ],
)
def test_money_is_never_nothing_when_it_is_something(nano: int, words: str) -> None:
    assert money(nano) == words


def test_every_price_of_the_table_is_exact_in_billionths() -> None:
    for price in PRICES.values():
        rates: Sequence[float] = (price.input, price.cached, price.output)
        assert all(float(round(rate * 1_000)) == pytest.approx(rate * 1_000, abs=1e-9) for rate in rates)
