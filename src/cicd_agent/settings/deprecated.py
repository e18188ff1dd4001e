"""Names that have changed: an old one works for two minor versions, and says which takes its place."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from cicd_agent.settings.document import Block, Entry

Kind = Literal["setting", "rule", "output"]


@dataclass(frozen=True, slots=True)
class Deprecated:
    """An old name, which `since` a minor version (`0.2`) is no longer the name, and is `gone` in another.

    A setting is an input and a key of the config file alike.
    """

    kind: Kind
    old: str
    new: str
    since: str
    gone: str

    def __str__(self) -> str:
        """The notice that whoever uses the old name gets."""
        return f"the {self.kind} `{self.old}` is now called `{self.new}`: the old name goes in {self.gone}"


Table = Sequence[Deprecated]

DEPRECATED: Final[Table] = ()
"""Every old name that works. tests/settings/test_deprecated.py holds it against CHANGELOG.md and the version."""


def old_names(kind: Kind, table: Table = DEPRECATED) -> Mapping[str, Deprecated]:
    """The old names of a kind."""
    return {each.old: each for each in table if each.kind == kind}


def renamed_inputs(told: Mapping[str, str], table: Table = DEPRECATED) -> tuple[dict[str, str], tuple[Deprecated, ...]]:
    """The inputs by their names of today, and the old names among them; where both are given the new one counts."""
    known = old_names("setting", table)
    used = tuple(known[name] for name in told if name in known)
    plain = {name: text for name, text in told.items() if name not in known}
    return {**{each.new: told[each.old] for each in used}, **plain}, used


def renamed_keys(block: Block, table: Table = DEPRECATED) -> tuple[Block, tuple[Deprecated, ...]]:
    """The same of a mapping of settings, and of the rules that it names."""
    plain, used = _renamed(block, old_names("setting", table))
    entries: list[Entry] = []
    for entry in plain.entries:
        value = entry.value
        if entry.key == "rules" and isinstance(value, Block):
            value, rules = _renamed(value, old_names("rule", table))
            used = (*used, *rules)
        entries.append(Entry(entry.key, entry.line, value))
    return Block(tuple(entries)), used


def renamed_outputs(values: Mapping[str, str], table: Table = DEPRECATED) -> dict[str, str]:
    """The outputs, each under its old name as well: who reads it cannot be told, so that the page of the mode does."""
    olds = {each.old: values[each.new] for each in old_names("output", table).values() if each.new in values}
    return {**values, **olds}


def _renamed(block: Block, known: Mapping[str, Deprecated]) -> tuple[Block, tuple[Deprecated, ...]]:
    there = {entry.key for entry in block.entries}
    used = tuple(known[entry.key] for entry in block.entries if entry.key in known)
    entries = (
        Entry(known[entry.key].new if entry.key in known else entry.key, entry.line, entry.value)
        for entry in block.entries
        if entry.key not in known or known[entry.key].new not in there
    )
    return Block(tuple(entries)), tuple(dict.fromkeys(used))
