"""Inputs and the base branch's config file, made into one Settings: who said what, and everything that is wrong."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal

from cicd_agent.config.document import encodable
from cicd_agent.config.file import CONFIG_FILE, ConfigFile, Problem, Reading
from cicd_agent.config.values import Setting, Unfit, catalogue, described, hint, quoted
from cicd_agent.errors import ConfigError
from cicd_agent.settings import CONSUMED_EARLIER, Settings

__all__ = ["CONFIG_FILE", "ConfigStatus", "Loaded", "Problem", "lint", "load"]

ConfigStatus = Literal["ok", "invalid", "absent"]


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings, and the account of where they come from.

    `origins` says for every field "default", "input", "environment", or the file and its line.
    """

    settings: Settings
    config_status: ConfigStatus = "absent"
    problems: tuple[Problem, ...] = ()
    origins: Mapping[str, str] = field(default_factory=dict)


def load(
    inputs: Mapping[str, str],
    file_text: str | bytes | None,
    file_name: str = CONFIG_FILE,
    *,
    fallbacks: Mapping[str, str] | None = None,
    known_rules: Collection[str] | None = None,
) -> Loaded:
    """Put the inputs over the file and the file over the defaults; `fallbacks` stand in for inputs that are not set.

    What is wrong in the file (None: there is none) becomes a Problem, and the rest of it stands. What is wrong among
    the inputs raises ConfigError, all of it at once. `known_rules` are the ids that `rules` may name, None when any.
    """
    given = {name: encodable(text).strip() for name, text in inputs.items() if text.strip()}
    told = {**(fallbacks or {}), **given}
    secrets = [text for name, text in told.items() if name in catalogue() and catalogue()[name].is_secret]

    values: dict[str, object] = {}
    problems: list[Problem] = []
    origins = dict.fromkeys(Settings.model_fields, "default")
    if file_text is not None:
        for read in ConfigFile(file_name, secrets, known_rules).read(file_text):
            match read:
                case Problem():
                    problems.append(read)
                case Reading(setting, value, line):
                    values[setting.field], origins[setting.field] = value, f"{file_name} line {line}"
    for setting, value in _read_inputs(told, secrets):
        values[setting.field], origins[setting.field] = value, "input" if setting.name in given else "environment"

    status: ConfigStatus = "absent" if file_text is None else "invalid" if problems else "ok"
    return Loaded(Settings.model_validate(values), status, tuple(problems), origins)


def lint(
    file_text: str | bytes, file_name: str = CONFIG_FILE, *, known_rules: Collection[str] | None = None
) -> tuple[Problem, ...]:
    """Everything that is wrong with a config file."""
    file = ConfigFile(file_name, known_rules=known_rules)
    return tuple(read for read in file.read(file_text) if isinstance(read, Problem))


def _read_inputs(told: Mapping[str, str], secrets: Collection[str]) -> list[tuple[Setting, object]]:
    """The checked value of each input."""
    values: list[tuple[Setting, object]] = []
    wrong: list[str] = []
    for name, text in told.items():
        setting = catalogue().get(name)
        if name in CONSUMED_EARLIER:
            continue
        if setting is None:
            usable = (name for name, setting in catalogue().items() if not setting.file_only)
            wrong.append(f"unknown input {quoted(name, secrets)}{hint(name, usable)}")
        elif setting.file_only:
            wrong.append(f"`{name}` is no input: set it in the config file")
        else:
            try:
                values.append((setting, setting.value_of(setting.split(text))))
            except Unfit as unfit:
                got = described(text, secrets) + hint(text, setting.choices)
                wrong.append(f"`{name}` must be {unfit.expected}, got {got}")
    if wrong:
        raise ConfigError(
            "an input is wrong" if len(wrong) == 1 else f"{len(wrong)} inputs are wrong",
            why="; ".join(line.rstrip(".") for line in wrong),
            remedy="docs/configuration.md lists what each may be",
        )
    return values
