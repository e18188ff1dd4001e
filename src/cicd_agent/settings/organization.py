"""The organisation's configuration, as text from its central workflow: what nobody may change, and what everybody may.

Nothing of it is ignored when it is wrong: a lock that does not hold must not look like one that does.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from cicd_agent.domain.text.credentials import find_secrets
from cicd_agent.settings.document import Block, Entry, Unreadable, parse_document
from cicd_agent.settings.file import ConfigFile, Problem, Reading, with_first
from cicd_agent.settings.layers import Given, Rank
from cicd_agent.settings.schema import CONSUMED_EARLIER
from cicd_agent.settings.values import described, hint, printable, quoted, reveals

INPUT: Final = "organisation-config"
PARTS: Final = {"locked": Rank.LOCKED, "defaults": Rank.DEFAULTS}
_LEAST: Final = 8
"""Characters of a secret; what is shorter stands in any text."""
_WHERE: Final = {"locked": "organisation, locked", "defaults": "organisation, default"}


@dataclass(frozen=True, slots=True)
class Organised:
    """What the text says, and what is wrong with it, a line each."""

    given: tuple[Given, ...] = ()
    problems: tuple[str, ...] = ()


def read_organisation(
    text: str, secrets: Collection[str] = (), known_rules: Collection[str] | None = None
) -> Organised:
    """Everything that the text says, and everything that is wrong with it."""
    try:
        document = parse_document(text)
    except Unreadable as unreadable:
        why = "not YAML" if reveals(unreadable.why, secrets) else printable(unreadable.why)
        return Organised(problems=(_line(unreadable.line, f"{why}."),))
    if not document.entries:
        return Organised(problems=(_line(0, "neither `locked` nor `defaults` is there."),))
    file = ConfigFile(INPUT, secrets, known_rules, organised=True)
    parts = [_part(entry, is_first=entry is first, file=file) for entry, first in with_first(document)]
    return Organised(
        tuple(each for part in parts for each in part.given),
        (*_secrets_in(text, secrets), *(each for part in parts for each in part.problems)),
    )


def _secrets_in(text: str, secrets: Collection[str]) -> Iterator[str]:
    """A secret is masked nowhere when it is a part of something else: here none may be, whatever the key above it."""
    long = [secret for secret in secrets if len(secret) >= _LEAST]
    for number, line in enumerate(text.splitlines(), 1):
        if find_secrets(line) or any(secret in line for secret in long):
            yield _line(number, "a secret stands there: give it as an input of its own.")


def _part(entry: Entry, *, is_first: bool, file: ConfigFile) -> Organised:
    """One key of the text with what is in it."""
    if entry.key not in PARTS:
        return Organised(
            problems=(_line(entry.line, f"unknown key {quoted(entry.key, file.secrets)}{_hint(entry.key)}"),)
        )
    if not is_first:
        return Organised(problems=(_line(entry.line, f"`{entry.key}` stands there twice."),))
    if not isinstance(entry.value, Block) or not entry.value.entries:
        got = "nothing" if isinstance(entry.value, Block) else described(entry.value, file.secrets)
        return Organised(problems=(_line(entry.line, f"`{entry.key}` must be a mapping of settings, got {got}."),))
    given: list[Given] = []
    problems: list[str] = []
    for read in file.settings(entry.value):
        match read:
            case Problem():
                problems.append(_line(read.line, read.message))
            case Reading(setting, value, line):
                given.append(Given(setting, value, PARTS[entry.key], f"{_WHERE[entry.key]}, line {line}"))
    return Organised(tuple(given), tuple(problems))


def _hint(key: str) -> str:
    """What was meant by a key that is none of the two."""
    if key in CONSUMED_EARLIER:
        return ": it is read before the program is there, set it in the workflow."
    return hint(key, PARTS)


def _line(line: int, message: str) -> str:
    where = f"`{INPUT}` line {line}" if line else f"`{INPUT}`"
    return f"{where}: {message}"
