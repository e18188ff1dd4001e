"""The journal tells what was meant and what was done, also of a run that was killed."""

import json
from pathlib import Path

import pytest

from cicd_agent.adapters.performers.local import JournalFile
from cicd_agent.domain.effects import Receipt, ReceiptState
from cicd_agent.domain.text.redaction import MASK, Redactor

KEY = "zk-7QpL9vXw3RtY2mNb8Kc5Hd1Jf6Gs4"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.jsonl"


@pytest.fixture
def journal(path: Path) -> JournalFile:
    return JournalFile(path, Redactor([KEY]).redact)


def unfinished(path: Path) -> tuple[str, ...]:
    """Keys of the intents that have no receipt, as whoever looks into a run that ended early reads them."""
    open_intents: dict[str, None] = {}
    for line in path.read_text("utf-8", errors="replace").split("\n"):
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        match entry:
            case {"intent": str(key)}:
                open_intents[key] = None
            case {"receipt": str(key)}:
                open_intents.pop(key, None)
            case _:
                pass
    return tuple(open_intents)


def done(key: str) -> Receipt:
    return Receipt(key, "comment", ReceiptState.DONE)


def test_an_intent_without_a_receipt_is_unfinished(journal: JournalFile, path: Path) -> None:
    for key in ("a", "b", "c"):
        journal.intend(key, "comment", {"pull": "5"})
    journal.record(done("b"))
    assert unfinished(path) == ("a", "c")


def test_an_intent_repeated_and_then_done_is_finished(journal: JournalFile, path: Path) -> None:
    journal.intend("a", "comment", {})
    journal.intend("a", "comment", {})
    journal.record(done("a"))
    assert unfinished(path) == ()


def test_entries_are_one_json_object_a_line_and_are_appended(journal: JournalFile, path: Path) -> None:
    journal.intend("a\nb", "review", {"detail": "x\ny \ud800"})
    JournalFile(path, str).record(Receipt("a\nb", "review", ReceiptState.DONE, "posted", "https://x.test"))
    first, second = (json.loads(line) for line in path.read_text("utf-8").splitlines())
    assert first == {"intent": "a\nb", "kind": "review", "detail": "x\ny ?"}
    assert second == {
        "receipt": "a\nb",
        "kind": "review",
        "state": "done",
        "detail": "posted",
        "url": "https://x.test",
    }


@pytest.mark.parametrize(
    "torn",
    [
        '{"intent": "c", "ki',
        "{",
        "\x00\x00",
        '{"receipt": "a"',
        "\udcff".encode("utf-8", "surrogatepass").decode("utf-8", "replace"),
    ],
)
def test_half_a_line_left_by_a_crash_hides_nothing(journal: JournalFile, path: Path, torn: str) -> None:
    journal.intend("a", "comment", {})
    with path.open("a") as file:
        file.write(torn)
    journal.intend("b", "comment", {})
    assert unfinished(path) == ("a", "b")


def test_nothing_secret_is_journalled(journal: JournalFile, path: Path) -> None:
    journal.intend("a", "comment", {"detail": f"with {KEY}"})
    journal.record(Receipt("a", "comment", ReceiptState.FAILED, KEY[::-1]))
    text = path.read_text("utf-8")
    assert KEY not in text
    assert KEY[::-1] not in text
    assert text.count(MASK) == 2


def test_a_link_in_the_place_of_the_journal_is_not_followed(journal: JournalFile, path: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    path.symlink_to(victim)
    with pytest.raises(OSError, match="symbolic link"):
        journal.intend("a", "comment", {})
    assert victim.read_text() == "precious"
