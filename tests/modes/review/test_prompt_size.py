"""What a question costs beside the diff that it is about."""

import json

import pytest

from cicd_agent.agent.conversation import fixed_tokens
from cicd_agent.agent.prompt import compose, estimate, render
from cicd_agent.agent.schema import strict
from cicd_agent.agent.tools.repository import lookups
from cicd_agent.domain.events.event import Event, EventKind
from cicd_agent.domain.evidence import Evidence
from cicd_agent.modes.review.questions.sequence import questions
from cicd_agent.settings.schema import Settings
from tests.support.fakes.library import FakeLibrary
from tests.support.samples.changes import change_of

METHOD = """
    def total_{n}(self, rows):
        \"\"\"Sum the amounts of the rows that are open.\"\"\"
        found = [row.amount for row in rows if row.is_open and row.owner == self.owner]
        return sum(found) * self.rate(rows[0].currency) if found else 0
"""
SOURCE = "class Ledger:\n" + "".join(METHOD.format(n=n) for n in range(40))


def sized(files: int, edits: int) -> Evidence:
    """A change that edits every so many methods of some files."""
    after = SOURCE
    for number in range(0, 40, 40 // edits):
        after = after.replace(f"total_{number}(self, rows)", f"total_{number}(self, rows, *, limit=None)")
        after = after.replace(
            f"total_{number}(self, rows, *, limit=None):\n",
            f"total_{number}(self, rows, *, limit=None):\n        rows = rows[:limit]\n",
        )
    return Evidence(
        Event(EventKind.LOCAL), change_of(*((f"src/ledger/part_{n}.py", SOURCE, after) for n in range(files)))
    )


@pytest.mark.parametrize(("files", "edits"), [(2, 4), (6, 5), (22, 8)])
def test_the_prompt_is_hardly_longer_than_the_numbered_diff(files: int, edits: int) -> None:
    evidence = sized(files, edits)
    [question] = questions(evidence, (), Settings())
    assert evidence.change
    numbered = "".join(
        f"{file.path}\n" + "".join(f"{line.new or line.old} {line.kind.value}{line.text}\n" for line in file.lines)
        for file in evidence.change.files
    )
    packed = render(question.evidence, key=b"k", tokens=150_000, redact=str)
    assert not packed.left_out
    assert estimate(compose(question.instructions)) + packed.tokens <= 1.35 * estimate(numbered) + 900


def test_what_every_request_carries_stays_small() -> None:
    [question] = questions(sized(1, 1), (), Settings())
    tools = lookups(change_of(), FakeLibrary(), lambda _: False)
    signatures = [(tool.name, tool.description, strict(tool.arguments)) for tool in tools]
    assert estimate(compose(question.instructions)) < 990
    assert len(json.dumps(strict(question.draft), separators=(",", ":"))) < 1_550
    assert len(json.dumps(signatures, separators=(",", ":"))) < 2_600
    assert fixed_tokens(question) < 2_600


def test_a_file_of_three_lines_costs_little_more_than_its_lines() -> None:
    two, one = (
        render(
            questions(Evidence(Event(EventKind.LOCAL), change_of(*files)), (), Settings())[0].evidence,
            key=b"k",
            tokens=9_000,
            redact=str,
        )
        for files in (
            [("src/a.py", None, "a\nb\nc\n"), ("src/b.py", None, "a\nb\nc\n")],
            [("src/a.py", None, "a\nb\nc\n")],
        )
    )
    assert two.tokens - one.tokens <= 40
