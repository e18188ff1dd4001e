"""The changes of this folder: what each does, what is wrong with it, and what models answer when they review it."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from cicd_agent.domain.finding import Category, Severity
from cicd_agent.domain.verdict import RiskLevel

CHANGES = Path(__file__).with_name("changes")
NEAR = 5
"""Lines between a finding and the lines of the bug, up to which it is about that bug."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Passage(_Strict):
    """Lines of a file as it is after the change."""

    path: str
    quote: str


class Bug(Passage):
    """A known bug. A comment is right when it stands near `quote`, or near `second`, and has one of `names` in it."""

    id: str
    category: Category
    names: Annotated[tuple[str, ...], Field(min_length=1)]
    second: Passage | None = None


class Claim(Passage):
    """What a model claims of a change."""

    severity: Severity
    category: Category
    confidence: float
    title: str
    explanation: str
    advice: str | None = None
    second: Passage | None = None
    shown_by: str = ""
    """What its judge quotes, where the `second` place is not that."""


class LookUp(_Strict):
    """A look-up that a model makes, unless it has been sent already what the look-up `shows`."""

    shows: str
    tool: str
    arguments: dict[str, object]


class Strong(_Strict):
    """What a strong model answers."""

    summary: str
    risk: RiskLevel
    confidence: float
    lookups: tuple[LookUp, ...] = ()
    findings: tuple[Claim, ...] = ()


class Weak(_Strict):
    """What a weak model claims beside that, all of it wrong."""

    findings: Annotated[tuple[Claim, ...], Field(min_length=3, max_length=3)]


class _Description(_Strict):
    title: str
    description: str
    language: str
    cause: str
    bugs: tuple[Bug, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """One change: its files before and after, its bugs (none when it is clean), and the recorded answers."""

    name: str
    title: str
    description: str
    language: str
    cause: str
    before: Mapping[str, str]
    after: Mapping[str, str]
    """Only what it adds or edits."""
    bugs: Sequence[Bug]
    strong: Strong
    weak: Weak

    def bug_of(self, path: str, line: int, text: str) -> str:
        """The id of the bug that a finding is about, "" when there is none."""
        texts = {**self.before, **self.after}
        for bug in self.bugs:
            passages = [each for each in (bug, bug.second) if each is not None and each.path == path]
            lines = [number for each in passages for number in lines_of(texts[path], each.quote)]
            if any(abs(line - each) <= NEAR for each in lines) and any(
                name.casefold() in text.casefold() for name in bug.names
            ):
                return bug.id
        return ""


def lines_of(text: str, quote: str) -> tuple[int, ...]:
    """The numbers of the lines that a quote begins at, white space at the ends of lines apart; () where it is not."""
    quoted, lines = [line.strip() for line in quote.split("\n")], [line.strip() for line in text.split("\n")]
    return tuple(
        number + offset + 1
        for number in range(len(lines) - len(quoted) + 1)
        if all(part in line for part, line in zip(quoted, lines[number:], strict=False))
        for offset in range(len(quoted))
    )


@cache
def corpus() -> tuple[Change, ...]:
    """All changes, by name."""
    return tuple(_change(each) for each in sorted(CHANGES.iterdir()))


def _change(folder: Path) -> Change:
    described = _Description.model_validate(_toml(folder / "change.toml"))
    return Change(
        folder.name,
        described.title,
        described.description.strip(),
        described.language,
        described.cause,
        dict(_files(folder / "before")),
        dict(_files(folder / "after")),
        described.bugs,
        Strong.model_validate(_toml(folder / "strong.toml")),
        Weak.model_validate(_toml(folder / "weak.toml")),
    )


def _toml(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text("utf-8"))


def _files(top: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(each for each in top.rglob("*") if each.is_file()):
        yield path.relative_to(top).as_posix(), path.read_text("utf-8")
