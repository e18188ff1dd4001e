"""Inputs and the base branch's config file, made into one Settings: who said what, and everything that is wrong."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from cicd_agent.errors import ConfigError
from cicd_agent.settings.document import encodable
from cicd_agent.settings.file import CONFIG_FILE, ConfigFile, Problem, Reading
from cicd_agent.settings.layers import Given, Overridden, Rank, stacked
from cicd_agent.settings.organization import INPUT, Organised, read_organisation
from cicd_agent.settings.schema import CONSUMED_EARLIER, Settings
from cicd_agent.settings.values import Unfit, catalogue, described, hint, printable, quoted

__all__ = ["CONFIG_FILE", "ConfigStatus", "Loaded", "Problem", "Rank", "lint", "load"]

ConfigStatus = Literal["ok", "invalid", "absent"]
_MOST_NAMED: Final = 50
"""Problems of one line of output; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings, and the account of where they come from.

    `origins` says for every field "default", "input", "environment", the file and its line, or the organisation's
    line. `ranks` says whose word it is, by field, and by `field.key` for the keys of a mapping. `overridden` is what
    the organisation's locks put aside.
    """

    settings: Settings
    config_status: ConfigStatus = "absent"
    problems: tuple[Problem, ...] = ()
    origins: Mapping[str, str] = field(default_factory=dict)
    ranks: Mapping[str, Rank] = field(default_factory=dict)
    overridden: tuple[Overridden, ...] = ()

    def rank(self, name: str) -> Rank:
        """Whose word a setting is, by its field."""
        return self.ranks.get(name, Rank.BUILT_IN)

    @property
    def notices(self) -> tuple[str, ...]:
        """What whoever configured it should know, a sentence each, though nothing is wrong."""
        if not self.overridden:
            return ()
        names = (f"`{printable(each.name)}` ({printable(each.where)})" for each in self.overridden)
        return (f"the organisation has locked what is set here, which does not count: {', '.join(names)}",)


def load(
    inputs: Mapping[str, str],
    file_text: str | bytes | None,
    file_name: str = CONFIG_FILE,
    *,
    fallbacks: Mapping[str, str] | None = None,
    known_rules: Collection[str] | None = None,
) -> Loaded:
    """The organisation's locks over the inputs over the file over the organisation's defaults over our own.

    `fallbacks` stand in for inputs that are not set. What is wrong in the file (None: there is none) becomes a Problem,
    and the rest of it stands. What is wrong among the inputs, of which the organisation's text is one, raises
    ConfigError, all of it at once. `known_rules` are the ids that `rules` may name, None when any.
    """
    stated = {name: encodable(text).strip() for name, text in inputs.items() if text.strip()}
    given = {**(fallbacks or {}), **stated}
    secrets = [text for name, text in given.items() if name in catalogue() and catalogue()[name].is_secret]

    layers: list[Given] = []
    problems: list[Problem] = []
    if file_text is not None:
        for read in ConfigFile(file_name, secrets, known_rules).read(file_text):
            match read:
                case Problem():
                    problems.append(read)
                case Reading(setting, value, line):
                    layers.append(Given(setting, value, Rank.FILE, f"{file_name} line {line}"))
    organised = read_organisation(given[INPUT], secrets, known_rules) if INPUT in given else Organised()
    wrong: list[str] = []
    for name, text in given.items():
        one = None if name in CONSUMED_EARLIER else _read_input(name, text, secrets)
        if isinstance(one, str):
            wrong.append(one)
        elif one is not None:
            layers.append(replace(one, where="input" if name in stated else "environment"))
    _refuse(wrong, organised)
    stack = stacked([*layers, *organised.given])
    status: ConfigStatus = "absent" if file_text is None else "invalid" if problems else "ok"
    return Loaded(
        Settings.model_validate(stack.values),
        status,
        tuple(problems),
        stack.origins,
        stack.ranks,
        stack.overridden,
    )


def lint(
    file_text: str | bytes, file_name: str = CONFIG_FILE, *, known_rules: Collection[str] | None = None
) -> tuple[Problem, ...]:
    """Everything that is wrong with a config file."""
    file = ConfigFile(file_name, known_rules=known_rules)
    return tuple(read for read in file.read(file_text) if isinstance(read, Problem))


def _read_input(name: str, text: str, secrets: Collection[str]) -> Given | str:
    """The checked value of an input, or what is wrong with it."""
    setting = catalogue().get(name)
    if setting is None:
        usable = (name for name, setting in catalogue().items() if not setting.file_only)
        return f"unknown input {quoted(name, secrets)}{hint(name, usable)}"
    if setting.file_only:
        return f"`{name}` is no input: set it in the config file"
    try:
        return Given(setting, setting.value_of(setting.split(text)), Rank.INPUT, "input")
    except Unfit as unfit:
        got = described(text, secrets) + hint(text, setting.choices)
        return f"`{name}` must be {unfit.expected}, got {got}"


def _refuse(wrong: Collection[str], organised: Organised) -> None:
    """Raise ConfigError when anything is wrong among the inputs."""
    lines = [line.rstrip(".") for line in (*wrong, *organised.problems)]
    if not lines:
        return
    if organised.problems:
        what = "the inputs are wrong" if wrong else "the organisation's configuration is wrong"
    else:
        what = "an input is wrong" if len(lines) == 1 else f"{len(lines)} inputs are wrong"
    more = [f"and {len(lines) - _MOST_NAMED:,} more"] if len(lines) > _MOST_NAMED else []
    page = "docs/fleet.md says" if organised.problems and not wrong else "docs/configuration.md lists"
    raise ConfigError(what, why="; ".join([*lines[:_MOST_NAMED], *more]), remedy=f"{page} what each may be")
