"""The config file, entry by entry: a checked value, or a problem that says what to do and costs nothing else."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from cicd_agent.domain.finding import Severity
from cicd_agent.settings.document import Block, Entry, Unreadable, parse_document
from cicd_agent.settings.schema import Settings
from cicd_agent.settings.values import Setting, Unfit, catalogue, described, hint, printable, quoted, reveals

CONFIG_FILE = str(Settings.model_fields["config_file"].default)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in the config file that does not count. `line` is from 1; 0 is the file as a whole."""

    line: int
    message: str
    severity: Severity = Severity.MEDIUM
    file: str = CONFIG_FILE

    def __str__(self) -> str:
        """The line that a user of the run sees."""
        where = printable(self.file) + (f" line {self.line}" if self.line else "")
        return f"{where}: {self.message} Ignored for this run."


@dataclass(frozen=True, slots=True)
class Reading:
    """A value as it counts, and the line of its key."""

    setting: Setting
    value: object
    line: int


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A file of that name. `secrets` occur in no problem; `known_rules` are the ids there are, None when any may be.

    With `organised` it is the organisation's: it may say what only inputs may, but no secret, and a key without a value
    is a slip.
    """

    name: str = CONFIG_FILE
    secrets: Collection[str] = ()
    known_rules: Collection[str] | None = None
    organised: bool = False

    def read(self, raw: str | bytes) -> Iterator[Reading | Problem]:
        """Everything that it says, in its order."""
        try:
            document = parse_document(raw)
        except Unreadable as unreadable:
            why = "not YAML" if reveals(unreadable.why, self.secrets) else printable(unreadable.why)
            yield Problem(unreadable.line, f"the file does not count: {why}.", Severity.HIGH, self.name)
            return
        yield from self.settings(document)

    def settings(self, block: Block) -> Iterator[Reading | Problem]:
        """The same of a mapping that is read already."""
        for entry, first in with_first(block):
            if first is entry:
                yield from self._setting(entry)
            else:
                yield self._again(entry, first)

    def may_set(self, setting: Setting) -> bool:
        """Whether it is this file's to say."""
        return setting.is_for_organisations if self.organised else not setting.input_only

    def _setting(self, entry: Entry) -> Iterator[Reading | Problem]:
        setting = catalogue().get(entry.key)
        key = self._quoted(entry.key)
        if setting is None:
            usable = (name for name, setting in catalogue().items() if self.may_set(setting))
            yield self._problem(entry, f"unknown key {key}{hint(entry.key, usable)}")
        elif not self.may_set(setting):
            severity = Severity.HIGH if setting.is_secret else Severity.MEDIUM
            yield Problem(entry.line, f"{key} is input-only: set it in the workflow.", severity, self.name)
        elif entry.value in (None, "") and not self.organised:
            return
        elif setting.shape["type"] == "object" and isinstance(entry.value, Block):
            yield from self._mapping(setting, entry, entry.value)
        else:
            try:
                yield Reading(setting, setting.value_of(entry.value), entry.line)
            except Unfit as unfit:
                yield self._problem(entry, self._unfit(entry, unfit.expected, setting.choices))

    def _mapping(self, setting: Setting, entry: Entry, block: Block) -> Iterator[Reading | Problem]:
        """Each item by itself: one that is wrong does not undo the others."""
        if self.organised and not block.entries:
            yield self._problem(entry, f"`{setting.name}` names no {setting.keys}.")
        known = self.known_rules if setting.field == "rules" else setting.known_keys or None
        chosen: dict[str, object] = {}
        for item, first in with_first(block):
            if first is not item:
                yield self._again(item, first)
            elif known is not None and item.key not in known and not _is_foreign(setting, item.key):
                yield self._problem(
                    item, f"unknown {setting.keys.removesuffix('s')} {self._quoted(item.key)}{hint(item.key, known)}"
                )
            else:
                try:
                    chosen[item.key] = setting.item_of(item.key, item.value)
                except Unfit as unfit:
                    choices = tuple(setting.shape["additionalProperties"].get("enum", ()))
                    yield self._problem(item, self._unfit(item, unfit.expected, choices))
        yield Reading(setting, chosen, entry.line)

    def _unfit(self, entry: Entry, expected: str, choices: Collection[str]) -> str:
        near = hint(entry.value, choices) if isinstance(entry.value, str) else "."
        return f"{self._quoted(entry.key)} must be {expected}, got {described(entry.value, self.secrets)}{near}"

    def _again(self, entry: Entry, first: Entry) -> Problem:
        return self._problem(entry, f"{self._quoted(entry.key)} is set twice: line {first.line} counts.")

    def _problem(self, entry: Entry, message: str) -> Problem:
        return Problem(entry.line, message, file=self.name)

    def _quoted(self, text: str) -> str:
        """A key, unless it is a secret in the wrong place; our own words are none."""
        return quoted(text, () if text in catalogue() else self.secrets)


def with_first(block: Block) -> Iterator[tuple[Entry, Entry]]:
    """Each entry with the first of its key."""
    first: dict[str, Entry] = {}
    for entry in block.entries:
        yield entry, first.setdefault(entry.key, entry)


def _is_foreign(setting: Setting, key: str) -> bool:
    """Whether a key names a rule of another tool (`bandit/B602`), of which there is no list."""
    return setting.field == "rules" and "/" in key.strip("/")
