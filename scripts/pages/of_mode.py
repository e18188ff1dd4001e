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
    return f"{table(head, input_rows(own, mode))}\n\n{_folded('inputs', table(head, input_rows(shared, mode)))}"


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
