"""The config file, entry by entry: a checked value, or a problem that says what to do and costs nothing else."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum

from cicd_agent.domain.finding import Severity
from cicd_agent.domain.modes import MODES
from cicd_agent.settings.document import Block, Entry, InvalidDocument, parse_document
from cicd_agent.settings.schema import Settings
from cicd_agent.settings.values import InvalidValue, Setting, catalogue, describe, hint, printable, quote, reveals

CONFIG_FILE = str(Settings.model_fields["config_file"].default)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in the config file that does not count. `line` is from 1; 0 is the file as a whole."""

    line: int
    message: str
    severity: Severity = Severity.MEDIUM
    file: str = CONFIG_FILE

    def __str__(self) -> str:
        where = printable(self.file) + (f" line {self.line}" if self.line else "")
        return f"{where}: {self.message} Ignored for this run."


class Precedence(IntEnum):
    """Where a value is from; the highest counts."""

    BUILT_IN = 0
    DEFAULTS = 1
    """The organisation's, which a repository may change."""
    FILE = 2
    INPUT = 3
    LOCKED = 4
    """The organisation's, which nobody may change."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """A checked value of a setting; `source` is for people: "input", or a file and its line."""

    setting: Setting
    value: object
    precedence: Precedence
    source: str
    section: str = ""
    """The mode whose section it stands in."""

    def counts_in(self, mode: str) -> bool:
        """Whether a run of that mode goes by it. What no other mode has counts for all, such as a look back."""
        return self.section in ("", mode, self.setting.mode)


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A file of that name. `secrets` occur in no problem; `known_rules` are the ids there are, None when any may be.

    One of the organisation (whose part is not `FILE`) may hold what only inputs may, but no secret, and there a key
    without a value is a slip.
    """

    name: str = CONFIG_FILE
    secrets: Collection[str] = ()
    known_rules: Collection[str] | None = None
    known: Mapping[str, Setting] = field(default_factory=catalogue)
    precedence: Precedence = Precedence.FILE
    part: str = ""
    """What `source` of an assignment says before the line, the file's name when empty."""

    def read(self, raw: str | bytes) -> Iterator[Assignment | Problem]:
        """Its settings and what is wrong with it, in its order."""
        try:
            document = parse_document(raw)
        except InvalidDocument as invalid:
            reason = "not YAML" if reveals(invalid.reason, self.secrets) else printable(invalid.reason)
            yield Problem(invalid.line, f"the file does not count: {reason}.", Severity.HIGH, self.name)
            return
        yield from self.settings(document)

    def settings(self, block: Block) -> Iterator[Assignment | Problem]:
        """What a section says comes last, and so counts more than the same key above all sections."""
        sections: list[tuple[str, Block]] = []
        for entry, first in with_first(block):
            if first is not entry:
                yield self._repeated(entry, first)
            elif entry.key not in MODES:
                yield from self._setting(entry)
            elif isinstance(entry.value, Block):
                sections.append((entry.key, entry.value))
            elif entry.value not in (None, ""):
                got = describe(entry.value, self.secrets)
                yield self._problem(entry, f"`{entry.key}` must be a mapping of settings, got {got}.")
        for mode, section in sections:
            yield from self._section(mode, section)

    def may_set(self, setting: Setting) -> bool:
        return setting.is_for_organisations if self._is_of_organisation else not setting.input_only

    @property
    def _is_of_organisation(self) -> bool:
        return self.precedence is not Precedence.FILE

    def _section(self, mode: str, section: Block) -> Iterator[Assignment | Problem]:
        """The settings of one mode."""
        for entry, first in with_first(section):
            owner = self.known[entry.key].mode if entry.key in self.known else ""
            if first is not entry:
                yield self._repeated(entry, first)
            elif owner not in ("", mode):
                yield self._problem(entry, f"{self._quote(entry.key)} is a setting of `{owner}`, not of `{mode}`.")
            else:
                for read in self._setting(entry):
                    yield read if isinstance(read, Problem) else replace(read, section=mode)

    def _setting(self, entry: Entry) -> Iterator[Assignment | Problem]:
        setting = self.known.get(entry.key)
        key = self._quote(entry.key)
        if setting is None:
            usable = [*MODES, *(name for name, setting in self.known.items() if self.may_set(setting))]
            yield self._problem(entry, f"unknown key {key}{hint(entry.key, usable)}")
        elif not self.may_set(setting):
            severity = Severity.HIGH if setting.is_secret else Severity.MEDIUM
            yield Problem(entry.line, f"{key} is input-only: set it in the workflow.", severity, self.name)
        elif entry.value in (None, "") and not self._is_of_organisation:
            return
        elif setting.keys and isinstance(entry.value, Block):
            yield from self._mapping(setting, entry, entry.value)
        else:
            try:
                yield self._assign(setting, setting.value_of(entry.value), entry)
            except InvalidValue as invalid:
                yield self._problem(entry, self._mismatch(entry, invalid.expected, setting.choices))

    def _mapping(self, setting: Setting, entry: Entry, block: Block) -> Iterator[Assignment | Problem]:
        """Each item by itself: one that is wrong does not undo the others."""
        if self._is_of_organisation and not block.entries:
            yield self._problem(entry, f"`{setting.name}` names no {setting.keys}.")
        known = self.known_rules if setting.field == "rules" else setting.known_keys or None
        chosen: dict[str, object] = {}
        for item, first in with_first(block):
            if first is not item:
                yield self._repeated(item, first)
            elif (
                known is not None
                and item.key not in known
                and not (
                    # A rule of another tool (`bandit/B602`), of which there is no list.
                    setting.field == "rules" and "/" in item.key.strip("/")
                )
            ):
                yield self._problem(
                    item, f"unknown {setting.keys.removesuffix('s')} {self._quote(item.key)}{hint(item.key, known)}"
                )
            else:
                try:
                    chosen[item.key] = setting.item_of(item.key, item.value)
                except InvalidValue as invalid:
                    choices = tuple(setting.shape["additionalProperties"].get("enum", ()))
                    yield self._problem(item, self._mismatch(item, invalid.expected, choices))
        yield self._assign(setting, chosen, entry)

    def _assign(self, setting: Setting, value: object, entry: Entry) -> Assignment:
        source = f"{self.part or self.name} line {entry.line}"
        return Assignment(setting, value, self.precedence, source)

    def _mismatch(self, entry: Entry, expected: str, choices: Collection[str]) -> str:
        near = hint(entry.value, choices) if isinstance(entry.value, str) else "."
        return f"{self._quote(entry.key)} must be {expected}, got {describe(entry.value, self.secrets)}{near}"

    def _repeated(self, entry: Entry, first: Entry) -> Problem:
        return self._problem(entry, f"{self._quote(entry.key)} is set twice: line {first.line} counts.")

    def _problem(self, entry: Entry, message: str) -> Problem:
        return Problem(entry.line, message, file=self.name)

    def _quote(self, text: str) -> str:
        return quote(text, () if text in self.known else self.secrets)


def with_first(block: Block) -> Iterator[tuple[Entry, Entry]]:
    """Each entry with the first of its key."""
    first: dict[str, Entry] = {}
    for entry in block.entries:
        yield entry, first.setdefault(entry.key, entry)
