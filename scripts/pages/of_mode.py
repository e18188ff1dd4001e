"""What the page of a mode shows as tables: its inputs, its outputs, its permissions."""

from collections.abc import Iterable, Iterator

from cicd_agent.modes import contract_of, mode_named
from cicd_agent.modes.contract import SHARED_INPUTS
from cicd_agent.settings.schema import ModeName
from cicd_agent.settings.values import catalogue, one_of
from scripts.actions import inputs as declared_inputs
from scripts.actions import needed_for, output_names
from scripts.actions import outputs as declared_outputs
from scripts.pages.rows import default, table


def inputs(mode: ModeName) -> str:
    """The inputs of a mode: first those that other modes have not or not all, then those of every mode."""
    own = [name for name in contract_of(mode).inputs if name not in SHARED_INPUTS]
    shared = [name for name in contract_of(mode).inputs if name in SHARED_INPUTS]
    head = ("input", "default", "in the file", "meaning")
    first, rest = (table(head, input_rows(names, mode)) for names in (own, shared))
    filed = list(file_rows(mode))
    in_file = f"In the config file alone:\n\n{table(('setting', 'default', 'meaning'), filed)}\n\n" if filed else ""
    return f"{first}\n\n{in_file}{_folded('inputs', rest)}"


def file_rows(mode: ModeName) -> Iterator[tuple[str, str, str]]:
    """A row for each setting that no other mode has, and that is no input."""
    for setting in catalogue().values():
        if setting.mode == mode and not setting.input_only and setting.name not in contract_of(mode).inputs:
            choices = f" {one_of(setting.choices)}." if setting.choices else ""
            yield f"`{setting.name}`", default(setting, mode), setting.description + choices


def input_rows(names: Iterable[str], mode: ModeName) -> Iterator[tuple[str, str, str, str]]:
    """A row for each input; what only action.yml knows is consumed before there are settings."""
    for name in names:
        declared, setting = declared_inputs(mode)[name], catalogue().get(name)
        if setting is None:
            meaning, _, value = declared["description"].partition(" Default: ")
            yield f"`{name}`", f"`{value.removesuffix('.')}`" if value else "–", "no", meaning
        else:
            value = f"`{declared['default']}`" if "default" in declared else default(setting, mode)
            choices = f" {one_of(setting.choices)}." if setting.choices else ""
            yield f"`{name}`", value, "no" if setting.input_only else "yes", setting.description + choices


def outputs(mode: ModeName) -> str:
    """The outputs of a mode: its own, then those of every mode."""
    slice_ = mode_named(mode)
    own = {*slice_.outputs} if slice_ else set[str]()
    names = [*output_names(mode)]
    head = ("output", "what it is")
    first, rest = (
        table(head, output_rows(mode, (name for name in names if (name in own) is mine))) for mine in (True, False)
    )
    return f"{first}\n\n{_folded('outputs', rest)}"


def output_rows(mode: ModeName, names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """A row for each output."""
    return ((f"`{name}`", declared_outputs(mode)[name]["description"]) for name in names)


def permissions(mode: ModeName) -> str:
    """The least that the job has to be given, then what more a setting asks for."""
    rows = (
        (f"`{each.name}: {each.access}`", needed_for(each) or "always", each.why)
        for each in contract_of(mode).permissions
    )
    return table(("permission", "when", "for"), rows)


def _folded(what: str, text: str) -> str:
    return f"<details><summary>The {what} that other modes have, too</summary>\n\n{text}\n\n</details>"
