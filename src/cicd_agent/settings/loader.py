"""Inputs and the base branch's config file, made into one Settings: where each value is from, and all that is wrong."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from cicd_agent.domain.text.credentials import find_secrets
from cicd_agent.errors import ConfigError
from cicd_agent.settings.config_file import CONFIG_FILE, Assignment, ConfigFile, Precedence, Problem, with_first
from cicd_agent.settings.document import Block, Entry, InvalidDocument, encodable, parse_document
from cicd_agent.settings.schema import CONSUMED_EARLIER, Settings, settings_type
from cicd_agent.settings.values import InvalidValue, catalogue, describe, hint, printable, quote, reveals

__all__ = ["CONFIG_FILE", "ConfigStatus", "Loaded", "Precedence", "Problem", "lint", "load"]

ConfigStatus = Literal["ok", "invalid", "absent"]
_MAX_NAMED: Final = 50
"""Problems of one line of output; the rest is counted."""
_REPOSITORY: Final = frozenset({Precedence.FILE, Precedence.INPUT})
INPUT: Final = "organisation-config"
_PARTS: Final = {
    "locked": (Precedence.LOCKED, "organisation, locked,"),
    "defaults": (Precedence.DEFAULTS, "organisation, default,"),
}
_MIN_SECRET: Final = 8
"""Characters of a secret; what is shorter stands in any text."""


@dataclass(frozen=True, slots=True)
class Override:
    """A value that a lock has put aside: of a setting, or of one key of a mapping as `rules.http-timeout`."""

    name: str
    source: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """`origins` has for every field "default", "input", "environment", or the line of the file or the organisation.

    `precedences` are by field, and by `field.key` for the keys of a mapping. `overridden` is what the organisation's
    locks put aside.
    """

    settings: Settings
    config_status: ConfigStatus = "absent"
    problems: tuple[Problem, ...] = ()
    origins: Mapping[str, str] = field(default_factory=dict)
    precedences: Mapping[str, Precedence] = field(default_factory=dict)
    overridden: tuple[Override, ...] = ()

    def precedence(self, name: str) -> Precedence:
        return self.precedences.get(name, Precedence.BUILT_IN)

    @property
    def notices(self) -> tuple[str, ...]:
        """What whoever configured it should know, a sentence each, though nothing is wrong."""
        names = ", ".join(f"`{printable(each.name)}` ({printable(each.source)})" for each in self.overridden)
        return (f"the organisation has locked what is set here, which does not count: {names}",) if names else ()


@dataclass(frozen=True, slots=True)
class Organization:
    """What the organisation's text sets, and what is wrong with it, a line each."""

    assignments: tuple[Assignment, ...] = ()
    problems: tuple[str, ...] = ()


def load(
    inputs: Mapping[str, str],
    file_text: str | bytes | None,
    file_name: str = CONFIG_FILE,
    *,
    fallbacks: Mapping[str, str] | None = None,
    known_rules: Collection[str] | None = None,
    mode: str = "",
) -> Loaded:
    """The organisation's locks over the inputs over the file over the organisation's defaults over our own.

    Of the sections of the file and the organisation that of `mode` counts.

    `fallbacks` stand in for inputs that are not set. What is wrong in the file (None: there is none) becomes a Problem,
    and the rest of it stands. What is wrong among the inputs, of which the organisation's text is one, raises
    ConfigError, all of it at once. `known_rules` are the ids that `rules` may name, None when any.
    """
    stated = {name: encodable(text).strip() for name, text in inputs.items() if text.strip()}
    given = {**(fallbacks or {}), **stated}
    known = catalogue()
    secrets = [text for name, text in given.items() if name in known and known[name].is_secret]
    read = [] if file_text is None else [*ConfigFile(file_name, secrets, known_rules).read(file_text)]
    problems = tuple(sorted((each for each in read if isinstance(each, Problem)), key=lambda each: each.line))
    assignments = [each for each in read if isinstance(each, Assignment)]
    organization = read_organization(given[INPUT], secrets, known_rules) if INPUT in given else Organization()
    wrong: list[str] = []
    for name, text in given.items():
        if name not in CONSUMED_EARLIER:
            try:
                value = _read_input(name, text, secrets)
                source = "input" if name in stated else "environment"
                assignments.append(Assignment(known[name], value, Precedence.INPUT, source))
            except InvalidValue as invalid:
                wrong.append(invalid.expected)
    _refuse(wrong, organization.problems)
    status: ConfigStatus = "absent" if file_text is None else "invalid" if problems else "ok"
    assignments += organization.assignments
    return _merge([each for each in assignments if each.counts_in(mode)], status, problems)


def _read_input(name: str, text: str, secrets: Collection[str]) -> object:
    """The checked value of an input. Raises InvalidValue with the whole sentence."""
    known = catalogue()
    setting = known.get(name)
    if setting is None:
        usable = (name for name, setting in known.items() if not setting.file_only)
        raise InvalidValue(f"unknown input {quote(name, secrets)}{hint(name, usable)}")
    if setting.file_only:
        raise InvalidValue(f"`{name}` is no input: set it in the config file")
    try:
        return setting.value_of(setting.split(text))
    except InvalidValue as invalid:
        shown = describe(text, secrets) + hint(text, setting.choices)
        raise InvalidValue(f"`{name}` must be {invalid.expected}, got {shown}") from None


def _refuse(wrong: Collection[str], organization: Collection[str]) -> None:
    """Raise ConfigError when anything is wrong among the inputs, or in the organisation's text."""
    lines = [line.rstrip(".") for line in (*wrong, *organization)]
    if not lines:
        return
    if organization:
        what = "the inputs are wrong" if wrong else "the organisation's configuration is wrong"
    else:
        what = "an input is wrong" if len(lines) == 1 else f"{len(lines)} inputs are wrong"
    more = [f"and {len(lines) - _MAX_NAMED:,} more"] if len(lines) > _MAX_NAMED else []
    page = (
        "docs/reference/organisations.md says"
        if organization and not wrong
        else "docs/reference/configuration.md lists"
    )
    raise ConfigError(what, why="; ".join([*lines[:_MAX_NAMED], *more]), remedy=f"{page} what each may be")


def _merge(assignments: Iterable[Assignment], status: ConfigStatus, problems: tuple[Problem, ...]) -> Loaded:
    """One over the other. Mappings are merged key by key; lists are not."""
    schema = settings_type()
    values: dict[str, object] = {}
    sources: dict[str, list[str]] = {}
    last: dict[str, Assignment] = {}
    overridden: list[Override] = []
    for each in sorted(assignments, key=lambda each: each.precedence):
        name, before = each.setting.field, values.get(each.setting.field)
        if isinstance(each.value, Mapping):
            merged = dict(before) if isinstance(before, Mapping) else {}
            for key, item in each.value.items():
                if _puts_aside(each, last.get(f"{name}.{key}")) and merged[key] != item:
                    overridden.append(Override(f"{each.setting.name}.{key}", last[f"{name}.{key}"].source))
                last[f"{name}.{key}"] = each
            values[name] = {**merged, **each.value}
            sources[name] = [each.source, *sources.get(name, ())]
        else:
            if _puts_aside(each, last.get(name)) and before != each.value:
                overridden.append(Override(each.setting.name, last[name].source))
            values[name], sources[name] = each.value, [each.source]
        last[name] = each
    origins = {name: "; ".join(sources[name]) if name in sources else "default" for name in schema.model_fields}
    precedences = {name: each.precedence for name, each in last.items()}
    return Loaded(schema.model_validate(values), status, problems, origins, precedences, tuple(overridden))


def _puts_aside(each: Assignment, before: Assignment | None) -> bool:
    return each.precedence is Precedence.LOCKED and before is not None and before.precedence in _REPOSITORY


def lint(
    file_text: str | bytes, file_name: str = CONFIG_FILE, *, known_rules: Collection[str] | None = None
) -> tuple[Problem, ...]:
    file = ConfigFile(file_name, known_rules=known_rules)
    return tuple(
        sorted((read for read in file.read(file_text) if isinstance(read, Problem)), key=lambda read: read.line)
    )


def read_organization(
    text: str, secrets: Collection[str] = (), known_rules: Collection[str] | None = None
) -> Organization:
    """Nothing of it is ignored when it is wrong: a lock that does not hold must not look like one that does."""
    try:
        document = parse_document(text)
    except InvalidDocument as invalid:
        reason = "not YAML" if reveals(invalid.reason, secrets) else printable(invalid.reason)
        return Organization(problems=(_line(invalid.line, f"{reason}."),))
    if not document.entries:
        return Organization(problems=(_line(0, "neither `locked` nor `defaults` is there."),))
    # A secret is masked nowhere when it is a part of something else: here none may be, whatever the key above it.
    long = [secret for secret in secrets if len(secret) >= _MIN_SECRET]
    problems = [
        _line(number, "a secret stands there: give it as an input of its own.")
        for number, line in enumerate(text.splitlines(), 1)
        if find_secrets(line) or any(secret in line for secret in long)
    ]
    file = ConfigFile(INPUT, secrets, known_rules)
    read = [each for entry, first in with_first(document) for each in _part(entry, is_first=entry is first, file=file)]
    problems += [_line(each.line, each.message) for each in read if isinstance(each, Problem)]
    return Organization(tuple(each for each in read if isinstance(each, Assignment)), tuple(problems))


def _part(entry: Entry, *, is_first: bool, file: ConfigFile) -> Iterator[Assignment | Problem]:
    if entry.key in CONSUMED_EARLIER:
        key = quote(entry.key, file.secrets)
        message = f"unknown key {key}: it is read before the program is there, set it in the workflow."
        yield Problem(entry.line, message)
    elif entry.key not in _PARTS:
        yield Problem(entry.line, f"unknown key {quote(entry.key, file.secrets)}{hint(entry.key, _PARTS)}")
    elif not is_first:
        yield Problem(entry.line, f"`{entry.key}` stands there twice.")
    elif not isinstance(entry.value, Block) or not entry.value.entries:
        got = "nothing" if isinstance(entry.value, Block) else describe(entry.value, file.secrets)
        yield Problem(entry.line, f"`{entry.key}` must be a mapping of settings, got {got}.")
    else:
        precedence, part = _PARTS[entry.key]
        yield from replace(file, precedence=precedence, part=part).settings(entry.value)


def _line(line: int, message: str) -> str:
    return f"`{INPUT}` line {line}: {message}" if line else f"`{INPUT}`: {message}"
