"""Inputs and the base branch's config file, made into one Settings: where each value is from, and all that is wrong."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from cicd_agent.errors import ConfigError
from cicd_agent.settings.config_file import CONFIG_FILE, Assignment, ConfigFile, Precedence, Problem
from cicd_agent.settings.document import encodable
from cicd_agent.settings.organization import INPUT, Organization, read_organization
from cicd_agent.settings.schema import CONSUMED_EARLIER, Settings
from cicd_agent.settings.values import InvalidValue, catalogue, describe, hint, printable, quote

__all__ = ["CONFIG_FILE", "ConfigStatus", "Loaded", "Precedence", "Problem", "lint", "load"]

ConfigStatus = Literal["ok", "invalid", "absent"]
_MAX_NAMED: Final = 50
"""Problems of one line of output; the rest is counted."""
_REPOSITORY: Final = frozenset({Precedence.FILE, Precedence.INPUT})


@dataclass(frozen=True, slots=True)
class Override:
    """A value that a lock has put aside: of a setting, or of one key of a mapping as `rules.http-timeout`."""

    name: str
    source: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings, and where they come from.

    `origins` says for every field "default", "input", "environment", the file and its line, or the organisation's
    line. `precedences` are by field, and by `field.key` for the keys of a mapping. `overridden` is what the
    organisation's locks put aside.
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
        if not self.overridden:
            return ()
        names = (f"`{printable(each.name)}` ({printable(each.source)})" for each in self.overridden)
        return (f"the organisation has locked what is set here, which does not count: {', '.join(names)}",)


def load(
    inputs: Mapping[str, str],
    file_text: str | bytes | None,
    file_name: str = CONFIG_FILE,
    *,
    fallbacks: Mapping[str, str] | None = None,
    known_rules: Collection[str] | None = None,
    schema: type[Settings] = Settings,
) -> Loaded:
    """The organisation's locks over the inputs over the file over the organisation's defaults over our own.

    `fallbacks` stand in for inputs that are not set. What is wrong in the file (None: there is none) becomes a Problem,
    and the rest of it stands. What is wrong among the inputs, of which the organisation's text is one, raises
    ConfigError, all of it at once. `known_rules` are the ids that `rules` may name, None when any.
    """
    stated = {name: encodable(text).strip() for name, text in inputs.items() if text.strip()}
    given = {**(fallbacks or {}), **stated}
    known = catalogue(schema)
    secrets = [text for name, text in given.items() if name in known and known[name].is_secret]
    read = [] if file_text is None else [*ConfigFile(file_name, secrets, known_rules, schema).read(file_text)]
    problems = tuple(each for each in read if isinstance(each, Problem))
    assignments = [each for each in read if isinstance(each, Assignment)]
    organization = read_organization(given[INPUT], secrets, known_rules, schema) if INPUT in given else Organization()
    wrong: list[str] = []
    for name, text in given.items():
        if name in CONSUMED_EARLIER:
            continue
        source = "input" if name in stated else "environment"
        found = _read_input(name, text, source, secrets, schema)
        if isinstance(found, str):
            wrong.append(found)
        else:
            assignments.append(found)
    _refuse(wrong, organization)
    status: ConfigStatus = "absent" if file_text is None else "invalid" if problems else "ok"
    return _merge([*assignments, *organization.assignments], status, problems, schema)


def _merge(
    assignments: Iterable[Assignment], status: ConfigStatus, problems: tuple[Problem, ...], schema: type[Settings]
) -> Loaded:
    """One over the other. Mappings are merged key by key; lists are not."""
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
    file_text: str | bytes,
    file_name: str = CONFIG_FILE,
    *,
    known_rules: Collection[str] | None = None,
    schema: type[Settings] = Settings,
) -> tuple[Problem, ...]:
    file = ConfigFile(file_name, known_rules=known_rules, schema=schema)
    return tuple(read for read in file.read(file_text) if isinstance(read, Problem))


def _read_input(
    name: str, text: str, source: str, secrets: Collection[str], schema: type[Settings]
) -> Assignment | str:
    """The checked value of an input, or what is wrong with it."""
    setting = catalogue(schema).get(name)
    if setting is None:
        usable = (name for name, setting in catalogue(schema).items() if not setting.file_only)
        return f"unknown input {quote(name, secrets)}{hint(name, usable)}"
    if setting.file_only:
        return f"`{name}` is no input: set it in the config file"
    try:
        return Assignment(setting, setting.value_of(setting.split(text)), Precedence.INPUT, source)
    except InvalidValue as invalid:
        got = describe(text, secrets) + hint(text, setting.choices)
        return f"`{name}` must be {invalid.expected}, got {got}"


def _refuse(wrong: Collection[str], organization: Organization) -> None:
    """Raise ConfigError when anything is wrong among the inputs."""
    lines = [line.rstrip(".") for line in (*wrong, *organization.problems)]
    if not lines:
        return
    if organization.problems:
        what = "the inputs are wrong" if wrong else "the organisation's configuration is wrong"
    else:
        what = "an input is wrong" if len(lines) == 1 else f"{len(lines)} inputs are wrong"
    more = [f"and {len(lines) - _MAX_NAMED:,} more"] if len(lines) > _MAX_NAMED else []
    page = "docs/fleet.md says" if organization.problems and not wrong else "docs/configuration.md lists"
    raise ConfigError(what, why="; ".join([*lines[:_MAX_NAMED], *more]), remedy=f"{page} what each may be")
