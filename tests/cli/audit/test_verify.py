import json
from dataclasses import replace
from pathlib import Path

import pytest

from cicd_agent.app.run_record import RunRecord
from cicd_agent.app.serialization import dump
from cicd_agent.audit.page import render_verified
from cicd_agent.audit.verification import verify
from cicd_agent.domain.audit_entry import Link
from cicd_agent.errors import ConfigError, StoreRefused
from tests.support.fakes.store import FakeStore
from tests.support.jobs.audit import ask
from tests.support.samples.chains import SHOP, START, book, edited, pruning, rewritten

OTHER = "acme/other"


@pytest.fixture
def store() -> FakeStore:
    made, other = book(6), book(4, OTHER)
    made.chains |= other.chains
    made.heads |= other.heads
    return made


def test_whole_chains_hold_and_say_what_to_keep(store: FakeStore) -> None:
    found = ask(store, "verify")
    assert found.code == 0
    assert found.out.splitlines() == [
        "holds   acme/other  4 entries, #1 to #4",
        f"  keep this anchor: {store.heads[OTHER].anchor}",
        "holds   acme/shop  6 entries, #1 to #6",
        f"  keep this anchor: {store.heads[SHOP].anchor}",
    ]
    assert "checking acme/shop …" in found.err


def test_a_chain_that_holds_is_green_at_a_terminal(store: FakeStore) -> None:
    text = render_verified([verify(store.rows(SHOP), head=store.heads[SHOP])], (), "", colour=True)
    assert text.startswith("\x1b[32mholds\x1b[0m   \x1b[1macme/shop\x1b[0m  6 entries")


def test_one_chain_can_be_checked_by_itself(store: FakeStore) -> None:
    del store.chains[OTHER][1]
    assert ask(store, "verify").code == 1
    assert ask(store, "verify", "--repository", SHOP).code == 0


def test_what_was_done_to_a_chain_is_named_and_ends_in_1(store: FakeStore) -> None:
    rows = store.chains[SHOP]
    rows[2] = edited(rows[2], actor="nobody")
    del rows[4]
    found = ask(store, "verify", "--repository", SHOP)
    assert found.code == 1
    head, first, second = found.out.splitlines()
    assert head == "broken  acme/shop  5 entries, #1 to #6: 2 places"
    assert first.startswith("  #3 text: its text was changed")
    assert second == "  #5 deleted: it is missing"


def test_a_rewritten_chain_is_shown_by_an_anchor(store: FakeStore) -> None:
    kept = [row.link for row in store.chains[SHOP]]
    store.chains[SHOP] = rewritten([edited(row, actor="x") if row.seq == 4 else row for row in store.chains[SHOP]], 3)
    store.heads[SHOP] = store.chains[SHOP][-1].link
    assert ask(store, "verify").code == 0
    found = ask(store, "verify", "--anchor", kept[1].anchor, "--anchor", kept[5].anchor)
    assert found.code == 1
    assert "#6 rewritten: it is not what its anchor says: it, or anything after #2, whose anchor" in found.out
    assert "  the anchor of #2 holds\n  the anchor of #6 does not hold" in found.out


def test_anchors_of_what_was_pruned_are_told_from_broken_ones(store: FakeStore) -> None:
    kept = store.chains[SHOP][1].link
    store.prune(SHOP, START + 4 * 86_400, pruning(7))
    found = ask(store, "verify", "--repository", SHOP, "--anchor", kept.anchor)
    assert found.code == 0
    assert "everything up to #3 was removed, as #7 records" in found.out
    assert "the anchor of #2 is of an entry that was removed, as #7 records" in found.out


def test_an_anchor_of_a_chain_that_is_gone_fails(store: FakeStore) -> None:
    anchor = Link("acme/gone", 7, "a" * 64).anchor
    found = ask(store, "verify", "--anchor", anchor)
    assert found.code == 1
    assert "broken  acme/gone: there is no such chain any more" in found.out
    told = json.loads(ask(store, "verify", "--anchor", anchor, "--format", "json").out)
    assert (told["holds"], told["lost"]) == (False, [anchor])
    assert ask(store, "verify", "--anchor", anchor, "--repository", "acme/gone").code == 1


def test_an_emptied_book_is_no_sound_one(store: FakeStore) -> None:
    assert ask(FakeStore(), "verify").out == "there is no chain in memory\n"
    for rows in store.chains.values():
        rows.clear()
    found = ask(store, "verify")
    assert found.code == 1
    assert found.out.count("truncated: the chain ends with #0, the store has noted") == 2


def test_the_check_for_a_program_has_every_break(store: FakeStore) -> None:
    store.chains[SHOP][1] = replace(store.chains[SHOP][1], hash="0" * 64)
    told = json.loads(ask(store, "verify", "--repository", SHOP, "--format", "json").out)
    (chain,) = told["chains"]
    assert (told["version"], told["holds"], chain["holds"], chain["more"]) == (1, False, False, 0)
    assert chain["breaks"] == [{"seq": 2, "kind": "hash", "words": "its hash was changed, its text was not"}]
    assert chain["head"] == store.heads[SHOP].anchor


def test_a_report_is_an_anchor(store: FakeStore, tmp_path: Path) -> None:
    head = store.heads[SHOP]
    told = json.loads(dump(RunRecord("review", 0)))
    told["body"]["audit"] = {"state": "recorded", "repository": SHOP, "seq": head.seq, "hash": head.hash, "why": ""}
    path = tmp_path / "report.json"
    path.write_text(json.dumps(told))
    assert "the anchor of #6 holds" in ask(store, "verify", "--anchor", str(path)).out
    del store.chains[SHOP][-1]
    store.heads[SHOP] = store.chains[SHOP][-1].link
    assert ask(store, "verify", "--anchor", str(path)).code == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is no report of cicd-agent"),
        ("[" * 100_000, "is no report of cicd-agent"),
        ('{"kind":"decision"}', "is no report of cicd-agent"),
        ('{"kind":"report"}', "was not recorded (audit: not told)"),
        ('{"kind":"report","body":{"audit":{"state":"failed","why":"the disk is full"}}}', "failed, the disk is full"),
        ('{"kind":"report","body":{"audit":{"state":"recorded","seq":"1"}}}', "was not recorded"),
        (
            '{"kind":"report","body":{"audit":{"state":"recorded","seq":1,"hash":"x","repository":[]}}}',
            "names no place",
        ),
    ],
)
def test_a_report_that_names_no_place_is_no_anchor(store: FakeStore, tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "report.json"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        ask(store, "verify", "--anchor", str(path))
    assert words in str(caught.value)


@pytest.mark.parametrize("text", ["acme/shop#4:abc", "missing.json", "acme/shop", "\0"])
def test_what_is_neither_an_anchor_nor_a_report_is_refused(store: FakeStore, text: str) -> None:
    with pytest.raises(ConfigError, match="--anchor"):
        ask(store, "verify", "--anchor", text)


def test_an_anchor_of_another_chain_than_the_one_asked_for_is_refused(store: FakeStore) -> None:
    with pytest.raises(ConfigError, match="of another chain than --repository"):
        ask(store, "verify", "--repository", SHOP, "--anchor", store.heads[OTHER].anchor)


def test_a_store_that_refuses_is_one_line() -> None:
    with pytest.raises(StoreRefused, match="locked"):
        ask(FakeStore(refuses="the book is locked"), "verify")


def test_anchors_may_be_repeated(store: FakeStore) -> None:
    anchors = [Link(name, 7, "a" * 64).anchor for name in ("acme/gone", "acme/lost")]
    found = ask(store, "verify", "--anchor", anchors[0], "--anchor", anchors[1], "--format", "json")
    assert json.loads(found.out)["lost"] == anchors
