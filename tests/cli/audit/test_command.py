import io
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cicd_agent.app.console import Streams
from cicd_agent.audit.page import render_runs
from cicd_agent.audit.summary import RunSummary
from cicd_agent.cli.parser import parse
from cicd_agent.domain.audit_entry import Entry, Row
from cicd_agent.errors import ConfigError
from cicd_agent.settings.environment import Environment
from tests.support.fakes.store import FakeStore
from tests.support.jobs.audit import ask, decided, done, explained, held, reviewed
from tests.support.samples.chains import SHOP
from tests.support.sessions import session_of

OTHER = "acme/other"


@pytest.fixture
def store() -> FakeStore:
    """A review that came to its end, a gate that holds, a failure that was explained, and a run of another project."""
    made = FakeStore()
    made.append(done(1, made.append(reviewed())))
    for entry in (held(), explained(models=[], cost_usd=None), decided(7, OTHER, risk_level="", models=["a", "b"])):
        made.append(entry)
    return made


def listed(store: FakeStore, *arguments: str) -> list[tuple[str, int]]:
    told = json.loads(ask(store, "list", "--format", "json", *arguments).out)
    assert told["version"] == 1
    return [(each["repository"], each["seq"]) for each in told["runs"]]


def test_runs_are_listed_newest_first_with_what_is_not_finished(store: FakeStore) -> None:
    head, *lines = ask(store, "list").out.splitlines()
    assert head.split() == ["repository", "when", "mode", "decision", "risk", "commit", "pull", "model", "cost"]
    assert [line.split()[:2] for line in lines[:4]] == [["#1…", OTHER], ["#4…", SHOP], ["#3…", SHOP], ["#1", SHOP]]
    assert "2026-09-22 14:13  review           request_changes  medium 41  0000001  #1    gpt-5.5" in lines[3]
    assert "a +1" in lines[0]
    assert "it is not recorded what became of it" in lines[4]


def test_the_repository_is_a_column_only_where_there_are_several(store: FakeStore) -> None:
    assert "repository" not in ask(store, "list", "--repository", SHOP).out


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (("--repository", OTHER), [(OTHER, 1)]),
        (("--of", "deploy-gate"), [(SHOP, 3)]),
        (("--decision", "change"), [(SHOP, 4)]),
        (("--pull", "1"), [(SHOP, 1)]),
        (("--sha", "0000002"), [(SHOP, 3)]),
        (("--most", "2"), [(OTHER, 1), (SHOP, 4)]),
        (("--since", "2026-09-24"), [(OTHER, 1), (SHOP, 4)]),
        (("--until", "2026-09-23"), [(SHOP, 1)]),
        (("--of", "route"), []),
        (("--risk", "medium"), [(SHOP, 4), (SHOP, 3), (SHOP, 1)]),
        (("--escalated",), []),
    ],
)
def test_runs_are_found_by_what_is_known_of_them(
    store: FakeStore, arguments: tuple[str, ...], found: list[tuple[str, int]]
) -> None:
    assert listed(store, *arguments) == found


def test_a_run_that_asked_nobody_has_no_cost_and_one_that_did_has_its_own() -> None:
    store = FakeStore()
    nobody = {"requests": 0, "input": 0, "output": 0, "from_cache": 0}
    costs: dict[str, dict[str, Any]] = {
        "–": {"models": [], "usage": nobody, "cost_usd": "0.000000"},
        "not known": {"models": [], "usage": nobody, "cost_usd": None, "error": "it ended"},
        "$12.5000": {"cost_usd": "12.5"},
        "<$0.0001": {"cost_usd": "0.000001"},
        "dear": {"cost_usd": "dear"},
    }
    for number, more in enumerate(costs.values(), 1):
        store.append(decided(number, **more))
    listed = ask(store, "list").out.splitlines()[1:]
    assert [words for words, line in zip(reversed(costs), listed, strict=False) if line.endswith(f"  {words}")] == [
        *reversed(costs)
    ]


def test_a_narrow_terminal_has_the_columns_that_matter_most() -> None:
    row = FakeStore()
    row.append(reviewed())
    runs = [RunSummary.of(each, finished=True) for each in row.rows(SHOP)]
    wide, narrow = (render_runs(runs, "here", is_more=False, width=width) for width in (200, 60))
    assert {"risk", "model", "pull"} <= {*wide.split()}
    assert not {"risk", "model", "pull"} & {*narrow.split()}
    assert max(map(len, narrow.splitlines())) <= 70


def test_without_a_verb_a_book_is_verified(store: FakeStore) -> None:
    assert ask(store, "--repository", SHOP).out == ask(store, "verify", "--repository", SHOP).out


def test_a_list_says_when_there_is_more(store: FakeStore) -> None:
    assert "there are more: --most, --since" in ask(store, "list", "--most", "2").out
    assert "there are more" not in ask(store, "list", "--most", "4").out
    assert ask(store, "list", "--of", "route").out == "no run in memory is as asked\n"


def test_a_list_for_a_program_knows_the_unknown(store: FakeStore) -> None:
    runs = json.loads(ask(store, "list", "--format", "json").out)["runs"]
    assert [each["cost_usd"] for each in runs] == ["0.0123", None, "0.0123", "0.0123"]
    assert [each["finished"] for each in runs] == [False, False, False, True]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("list", "--sha", "12345"), "--sha is no commit"),
        (("list", "--sha", "topic-1"), "--sha is no commit"),
        (("list", "--since", "yesterday"), "--since is no time"),
        (("list", "--until", "9999999999999w"), "--until is no time"),
        (("list", "--most", "0"), "--most is no count"),
        (("list", "--pull", "-1"), "--pull is no number"),
        (("show", "77"), "nothing recorded is called `77`"),
        (("show", ""), "nothing recorded is called"),
        (("show", "1", "--repository", "acme/nobody"), "there is no chain of acme/nobody. Give one that is there"),
        (("prune", "--older-than", "2999-01-01"), "--older-than lies in the future"),
        (("prune", "--older-than", " "), "--older-than is no time"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(store: FakeStore, arguments: tuple[str, ...], words: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(words)) as caught:
        ask(store, *arguments)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["901.1", "0000001", "acme/shop#1", "acme/shop#2", "{hash}", "{short}", "{anchor}"])
def test_an_entry_goes_by_several_names(store: FakeStore, name: str) -> None:
    row = store.chains[SHOP][0]
    named = name.format(hash=row.hash, short=row.hash[:8].upper(), anchor=row.link.anchor)
    assert json.loads(ask(store, "show", named, "--format", "json").out)["anchor"] == row.link.anchor


def test_a_name_of_several_entries_is_answered_with_them(store: FakeStore) -> None:
    with pytest.raises(ConfigError, match="is the name of 2 entries") as caught:
        ask(store, "show", "1")
    assert f"{SHOP}#1 (review " in str(caught.value)
    assert f"{OTHER}#1 (review " in str(caught.value)
    assert f"{SHOP}#1:" in ask(store, "show", "#1", "--repository", SHOP).out


def test_a_review_is_shown_whole(store: FakeStore) -> None:
    out = ask(store, "show", "901.1").out
    for words in (
        "request_changes  risk medium (41 of 100)  confidence 0.91  conclusion success",
        "  by      octocat",
        "  commit  0000001000000000000000000000000000000000, from bbbbbbbbbbbb",
        "high · src/a b.py:12 · request without a timeout (http-timeout)",
        "its quote is not in the diff",
        "asked gpt-5.5; prompts findings 3",
        "2 requests, 1,200 tokens in, unknown out, 1 answer from the cache, $0.0123, 3.21 s",
        "done · comment review-summary · edited https://x.test/1",
        "tape tape.jsonl  sha256 cccc",
        "its hash holds",
    ):
        assert words in out
    assert "it is not recorded" not in out


def test_a_gate_and_a_failure_are_shown_with_their_grounds(store: FakeStore) -> None:
    gate = ask(store, "show", "902.1").out
    assert "production  score 61.5 of 75 needed" in gate
    assert "tests · 20 of 35 · amber · 410 of 412" in gate
    assert "stop · the score is below the threshold · Approve it" in gate
    assert "lifted · it is Friday · octocat: a hotfix" in gate
    failure = ask(store, "show", "903.1").out
    assert "change (meets change): test_retry_limit expects 3, gets 5" in failure
    assert "asked nobody" in failure
    assert "cost not known" in failure


def test_a_run_that_was_killed_is_shown_with_what_it_would_have_done(store: FakeStore) -> None:
    out = ask(store, "show", "902.1").out
    assert "not known to have been done · comment review-summary" in out
    assert "it is not recorded what became of it: it was ended, or is still at work" in out


def test_questions_and_escalations_are_shown() -> None:
    store = FakeStore()
    action = {"tool": "read_file", "arguments": "a.py"}
    asked = [{"question": "findings", "model": "gpt-5.5", "rounds": 2, "actions": [action] * 3, "failure": "cut off"}]
    output = {"asked": asked, "generated": {"reports": [{}, {}], "homes": {"a": "test_a.py"}}}
    store.append(decided(1, escalated=True, escalate=["a migration"], output=output, error="GitHub said no"))
    out = ask(store, "show", "1").out
    assert "human review is needed\n  a migration" in out
    assert "findings, model gpt-5.5, 2 rounds, 3 look-ups, failed: cut off" in out
    assert "1 of 2 tests kept" in out
    assert "failed: GitHub said no" in out


def test_a_changed_entry_is_shown_as_changed(store: FakeStore) -> None:
    row = store.chains[SHOP][2]
    store.chains[SHOP][2] = replace(row, text=row.text.replace('"hold"', '"proceed"'))
    assert "its hash does not hold" in ask(store, "show", "902.1").out
    assert json.loads(ask(store, "show", "902.1", "--format", "json").out)["holds"] is False


def test_prune_says_what_it_removes_and_enters_it(store: FakeStore) -> None:
    would = ask(store, "prune", "--older-than", "2026-09-24", "--dry-run").out
    assert "acme/shop  3 entries would be removed, #1 to #3; it begins with #4" in would
    assert "acme/other  nothing is older than 2026-09-24T00:00:00Z" in would
    assert len(store.chains[SHOP]) == 4
    told = json.loads(ask(store, "prune", "--older-than", "2026-09-24", "--format", "json").out)
    assert told["chains"][1] | {"anchor": "", "hash": ""} == {
        "repository": SHOP,
        "removed": 3,
        "first": 1,
        "last": 3,
        "hash": "",
        "broken": [],
        "anchor": "",
    }
    assert [row.seq for row in store.chains[SHOP]] == [4, 5]
    assert ask(store, "verify").code == 0
    assert "#1 to #3 were removed on 2028-" in ask(store, "show", "acme/shop#5").out


def test_prune_keeps_to_the_chain_that_is_named(store: FakeStore) -> None:
    out = ask(store, "prune", "--older-than", "1d", "--repository", OTHER).out
    assert "acme/other  1 entry removed, #1; it begins with #2" in out
    assert "keep this anchor: acme/other#2:" in out
    assert len(store.chains[SHOP]) == 4


@pytest.mark.parametrize("told", [None, "nowhere", "file.txt/below", "\0", "~nobody-of-this-name/x"])
def test_without_a_book_a_line_names_what_to_give(
    told: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file.txt").write_text("")
    assert "state-dir" in str(_refused(*([] if told is None else ["--state-dir", told])))
    assert [each.name for each in tmp_path.iterdir()] == ["file.txt"]


def _refused(*arguments: str) -> ConfigError:
    invocation = parse(["audit", "list", *arguments])
    session = session_of(invocation, Environment(), Streams(io.StringIO(), io.StringIO()))
    with pytest.raises(ConfigError) as caught:
        invocation.run(session)
    return caught.value


def test_an_entry_that_says_nothing_is_shown_all_the_same() -> None:
    store = FakeStore()
    store.append(Entry.of(SHOP, {"kind": "run"}))
    row = store.chains[SHOP][0]
    store.chains[SHOP].append(Row(SHOP, 2, row.hash, "f" * 64, "no JSON", row.columns))
    assert "(no decision)" in ask(store, "show", "1").out
    assert "what it says cannot be read" in ask(store, "show", "2").out
    told: dict[str, Any] = json.loads(ask(store, "show", "2", "--format", "json").out)
    assert told["entry"]["told"] == "no JSON"


def test_runs_are_picked_by_what_they_say_of_their_confidence_however_many_there_are() -> None:
    store = FakeStore()
    for number in range(1, 40):
        store.append(decided(number, confidence=f"{number / 40:g}", escalated=number % 2 == 0, risk_level="high"))
    store.append(decided(40, confidence=None, escalated=True))
    store.append(decided(41, confidence="high", escalated=True))
    arguments = ("--escalated", "--max-confidence", "0.1", "--risk", "high")
    assert listed(store, *arguments) == [(SHOP, 4), (SHOP, 2)]
    assert listed(store, *arguments, "--most", "1") == [(SHOP, 4)]
    exported = ask(store, "export", "--escalated", "--max-confidence", "0.1").out.splitlines()
    assert [json.loads(line)["seq"] for line in exported] == [4, 2]
    with pytest.raises(ConfigError, match="--max-confidence"):
        ask(store, "list", "--max-confidence", "7")
    with pytest.raises(ConfigError, match="--risk"):
        ask(store, "list", "--risk", "dire")
