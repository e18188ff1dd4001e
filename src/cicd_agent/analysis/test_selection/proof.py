"""How often a choice of tests was compared with a run of all of them, and whether that is proof enough to go by it."""

from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cicd_agent.analysis.test_selection.selection import Selection
from cicd_agent.analysis.test_selection.test_map import TestMap
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.text.words import clip, count
from cicd_agent.domain.trials.test_run import RunResult
from cicd_agent.errors import ConfigError, first_problem

NEEDED: Final = 20
"""Comparisons in a row that missed nothing, before a choice is gone by."""
MAX_RECORDS: Final = 50
MAX_BYTES: Final = 1_000_000

_MAX_MISSED = 20
_MAX_LENGTH = 400
_CONFIG = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)


@dataclass(frozen=True, slots=True)
class Shadow:
    """Of `tests` that ran in `seconds`, the choice would have skipped `skipped`; `missed` are red ones among these.

    What was red in the same way when the map was made is not missed.
    """

    tests: int
    skipped: int
    seconds: float
    skipped_seconds: float
    missed: tuple[str, ...]
    red: int = 0
    """How many are red that were not so when the map was made."""

    @property
    def summary(self) -> str:
        return (
            f"would have run {self.tests - self.skipped:,} of {count(self.tests, 'test')}, would have skipped "
            f"{self.skipped:,} ({self.skipped_seconds:.1f} s of {self.seconds:.1f} s), would have missed: "
            f"{', '.join(map(visible_line, self.missed)) or 'nothing'}"
        )


def shadow(selection: Selection, test_map: TestMap | None, result: RunResult) -> Shadow:
    before = {nodeid: test.outcome for nodeid, test in test_map.tests.items()} if test_map else {}
    skipped = [test for test in result.tests if not selection.selects(test.nodeid)]
    red = {test.nodeid for test in result.failed if before.get(test.nodeid) is not test.outcome}
    return Shadow(
        len(result.tests),
        len(skipped),
        sum(test.seconds for test in result.tests),
        sum(test.seconds for test in skipped),
        tuple(test.nodeid for test in skipped if test.nodeid in red),
        len(red),
    )


class Comparison(BaseModel):
    """A shadow run: what the choice would have skipped and missed; `tree` is git's id of the files that ran."""

    model_config = _CONFIG

    commit: Annotated[str, Field(max_length=64)]
    tree: Annotated[str, Field(max_length=64)]
    tests: Annotated[int, Field(ge=0)]
    skipped: Annotated[int, Field(ge=0)]
    missed: Annotated[tuple[Annotated[str, Field(max_length=_MAX_LENGTH)], ...], Field(max_length=_MAX_MISSED)] = ()


class Proof(BaseModel):
    """The last comparisons, oldest first."""

    model_config = _CONFIG

    version: Literal[1] = 1
    records: Annotated[tuple[Comparison, ...], Field(max_length=MAX_RECORDS)] = ()

    @property
    def in_a_row(self) -> tuple[Comparison, ...]:
        """The last NEEDED comparisons, as far as they lie behind the last miss."""
        row = self.records[-NEEDED:]
        return row[max((at for at, record in enumerate(row, 1) if record.missed), default=0) :]

    @property
    def holds(self) -> bool:
        return len(self.in_a_row) >= NEEDED and any(record.skipped for record in self.in_a_row)

    @property
    def summary(self) -> str:
        row = self.in_a_row
        if self.holds:
            skipped = count(sum(record.skipped for record in row), "test")
            return f"the last {NEEDED} shadow runs missed nothing and left out {skipped}"
        if len(row) >= NEEDED:
            return f"the last {NEEDED} shadow runs left out no test, which proves nothing"
        behind = " since the last miss" if len(row) < len(self.records) else ""
        return f"{len(row)} of {NEEDED} shadow runs without a miss{behind}"


def extended(proof: Proof, shadow: Shadow, *, commit: str, tree: str) -> Proof:
    """The proof with one more comparison. The same files count once, and what was missed with them stays missed."""
    missed = tuple(clip(test, _MAX_LENGTH) for test in shadow.missed[:_MAX_MISSED])
    same = [record for record in proof.records if tree and record.tree == tree]
    missed = missed or next((record.missed for record in same if record.missed), ())
    record = Comparison(commit=commit, tree=tree, tests=shadow.tests, skipped=shadow.skipped, missed=missed)
    return Proof(records=(*(each for each in proof.records if each not in same), record)[-MAX_RECORDS:])


def dump(proof: Proof) -> str:
    return proof.model_dump_json(indent=1) + "\n"


def load(text: str | bytes) -> Proof:
    """The proof that such a text holds. Raises ConfigError for anything else, with what is wrong with it."""
    try:
        return Proof.model_validate_json(text)
    except ValidationError as error:
        what, remedy = "the proof of the test map cannot be used", "Delete it, and begin again with --shadow"
        raise ConfigError(what, why=first_problem(error), remedy=remedy) from None
