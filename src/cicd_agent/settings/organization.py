"""The organisation's configuration, as text from its central workflow: what nobody may change, and what everybody may.

Nothing of it is ignored when it is wrong: a lock that does not hold must not look like one that does.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Final

from cicd_agent.domain.text.credentials import find_secrets
from cicd_agent.settings.config_file import Assignment, ConfigFile, Precedence, Problem, with_first
from cicd_agent.settings.document import Block, Entry, InvalidDocument, parse_document
from cicd_agent.settings.schema import CONSUMED_EARLIER, Settings
from cicd_agent.settings.values import describe, hint, printable, quote, reveals

INPUT: Final = "organisation-config"
_PARTS: Final = {
    "locked": (Precedence.LOCKED, "organisation, locked,"),
    "defaults": (Precedence.DEFAULTS, "organisation, default,"),
}
_MIN_SECRET: Final = 8
"""Characters of a secret; what is shorter stands in any text."""


@dataclass(frozen=True, slots=True)
class Organization:
    """What the text sets, and what is wrong with it, a line each."""

    assignments: tuple[Assignment, ...] = ()
    problems: tuple[str, ...] = ()


def read_organization(
    text: str,
    secrets: Collection[str] = (),
    known_rules: Collection[str] | None = None,
    schema: type[Settings] = Settings,
) -> Organization:
    try:
        document = parse_document(text)
    except InvalidDocument as invalid:
        reason = "not YAML" if reveals(invalid.reason, secrets) else printable(invalid.reason)
        return Organization(problems=(_line(invalid.line, f"{reason}."),))
    if not document.entries:
        return Organization(problems=(_line(0, "neither `locked` nor `defaults` is there."),))
    file = ConfigFile(INPUT, secrets, known_rules, schema)
    problems = [*_secrets_in(text, secrets)]
    assignments: list[Assignment] = []
    for entry, first in with_first(document):
        for found in _part(entry, is_first=entry is first, file=file):
            if isinstance(found, Problem):
                problems.append(_line(found.line, found.message))
            else:
                assignments.append(found)
    return Organization(tuple(assignments), tuple(problems))


def _secrets_in(text: str, secrets: Collection[str]) -> Iterator[str]:
    """A secret is masked nowhere when it is a part of something else: here none may be, whatever the key above it."""
    long = [secret for secret in secrets if len(secret) >= _MIN_SECRET]
    for number, line in enumerate(text.splitlines(), 1):
        if find_secrets(line) or any(secret in line for secret in long):
            yield _line(number, "a secret stands there: give it as an input of its own.")


def _part(entry: Entry, *, is_first: bool, file: ConfigFile) -> Iterator[Assignment | Problem]:
    if entry.key not in _PARTS:
        yield Problem(entry.line, f"unknown key {quote(entry.key, file.secrets)}{_hint(entry.key)}")
    elif not is_first:
        yield Problem(entry.line, f"`{entry.key}` stands there twice.")
    elif not isinstance(entry.value, Block) or not entry.value.entries:
        got = "nothing" if isinstance(entry.value, Block) else describe(entry.value, file.secrets)
        yield Problem(entry.line, f"`{entry.key}` must be a mapping of settings, got {got}.")
    else:
        precedence, part = _PARTS[entry.key]
        yield from replace(file, precedence=precedence, part=part).settings(entry.value)


def _hint(key: str) -> str:
    """What was meant by a key that is none of the two."""
    if key in CONSUMED_EARLIER:
        return ": it is read before the program is there, set it in the workflow."
    return hint(key, _PARTS)


def _line(line: int, message: str) -> str:
    where = f"`{INPUT}` line {line}" if line else f"`{INPUT}`"
    return f"{where}: {message}"
