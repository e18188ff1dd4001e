"""Makes the sub-actions (`review/action.yml` and the others) out of action.yml: what means something to one mode."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from cicd_agent.app.run_record import COMMON_OUTPUTS
from cicd_agent.domain.modes import MODES
from cicd_agent.modes import contract_of, mode_named
from cicd_agent.modes.contract import Permission
from cicd_agent.settings.schema import ModeName
from cicd_agent.settings.values import catalogue

ROOT = Path(__file__).resolve().parent.parent
HEADER = "# Made by scripts/docs.py from action.yml and the contracts of the modes: change these, then `make docs`."


@cache
def action() -> Mapping[str, Any]:
    """What action.yml says: everything else is made of it."""
    said: Mapping[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
    return said


def sub_action(mode: ModeName) -> str:
    """The text of `<mode>/action.yml`."""
    whole = action()
    words = MODES[mode]
    lines = [
        HEADER,
        "#",
        "# Permissions of the job:",
        *(f"#   {line}" for line in permission_lines(mode)),
        f"name: cicd-agent {mode}",
        f"description: {json.dumps(words[0].upper() + words[1:] + '.', ensure_ascii=False)}",
        f"author: {whole['author']}",
        "",
        "inputs:",
        *(line for name, given in inputs(mode).items() for line in _declared(name, given)),
        "",
        "outputs:",
        *(line for name, given in outputs(mode).items() for line in _declared(name, given)),
        "",
        "runs:",
        "  using: composite",
        "  steps:",
        *(line for step in whole["runs"]["steps"] for line in _step(step, mode)),
    ]
    return "\n".join(lines) + "\n"


def inputs(mode: ModeName) -> Mapping[str, Mapping[str, Any]]:
    """Every input of a mode with its declaration: those of action.yml first, then those that it alone brings."""
    names, whole = contract_of(mode).inputs, action()["inputs"]
    known = catalogue()
    own = {name: {"description": known[name].description} for name in names if name not in whole}
    return {name: given for name, given in whole.items() if name in names} | own


def outputs(mode: ModeName) -> Mapping[str, Mapping[str, Any]]:
    """Every output of a mode with its declaration: those of action.yml first, then those that it alone has."""
    named, described = mode_named(mode), contract_of(mode).outputs
    own = {*named.outputs} if named else set[str]()
    whole = {name: given for name, given in action()["outputs"].items() if name in own or name in COMMON_OUTPUTS}
    alone = ((name, text) for name, text in described.items() if name not in whole)
    return whole | {
        name: {"description": text, "value": f"${{{{ steps.run.outputs.{name} }}}}"} for name, text in alone
    }


def output_names(mode: ModeName) -> Iterator[str]:
    return iter(outputs(mode))


def permission_lines(mode: ModeName) -> Iterator[str]:
    """`name: access`, each with why."""
    for each in contract_of(mode).permissions:
        when = needed_for(each)
        yield f"{each.name}: {each.access} # {each.why}" + (f", {when}" if when else "")


def needed_for(permission: Permission) -> str:
    """What asks for it, "" where the mode does."""
    if permission.only_for:
        return f"with `{permission.only_for}`"
    return "if you like" if permission.optional else ""


def _declared(name: str, given: Mapping[str, Any]) -> Iterator[str]:
    yield f"  {name}:"
    for key, value in given.items():
        yield f"    {key}: {_plain(value)}"


def _step(step: Mapping[str, Any], mode: ModeName) -> Iterator[str]:
    yield f"    - name: {step['name']}"
    for key in ("id", "if", "shell"):
        if key in step:
            yield f"      {key}: {_plain(step[key])}"
    yield "      env:"
    for variable, value in step["env"].items():
        named = str(value).removeprefix("${{ inputs.").removesuffix(" }}")
        if value == "${{ inputs.mode }}":
            yield f"        {variable}: {mode}"
        elif not str(value).startswith("${{ inputs.") or named in contract_of(mode).inputs:
            yield f"        {variable}: {value}"
    if step.get("id") == "run":
        for name in inputs(mode).keys() - action()["inputs"].keys():
            yield f"        INPUT_{name.upper().replace('-', '_')}: ${{{{ inputs.{name} }}}}"
    yield f"      run: {step['run'].replace('$GITHUB_ACTION_PATH/', '$GITHUB_ACTION_PATH/../')}"


def _plain(value: object) -> str:
    """A scalar: an expression or a word as it is, anything else quoted."""
    text = str(value)
    return text if text.startswith("${{") or text.isalnum() else json.dumps(text, ensure_ascii=False)
