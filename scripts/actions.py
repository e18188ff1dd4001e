"""Makes the sub-actions (`review/action.yml` and the others) out of action.yml: what means something to one purpose."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from cicd_agent.app.run_record import COMMON_OUTPUTS
from cicd_agent.cli.gate_result import OUTPUTS as GATE_RESULT_OUTPUTS
from cicd_agent.domain.modes import MODES
from cicd_agent.modes import contract_of, mode_named
from cicd_agent.modes.contract import RUN_INPUTS, Permission
from cicd_agent.settings.schema import ModeName
from cicd_agent.settings.values import catalogue

ROOT = Path(__file__).resolve().parent.parent
HEADER = "# Made by scripts/docs.py from action.yml and the contracts of the modes: change these, then `make docs`."
STAGED: Final = ("review", "gen-tests")
"""The modes whose work may be split between jobs."""


@dataclass(frozen=True, slots=True)
class SubAction:
    """An action in a folder of its own. It runs `mode`, which is an input of it where this is empty."""

    description: str
    mode: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    permissions: tuple[Permission, ...] = ()
    described: Mapping[str, str] = field(default_factory=dict)
    """Its outputs that action.yml has not."""


def _outputs_of(modes: Iterable[str]) -> tuple[str, ...]:
    found = [mode for name in modes if (mode := mode_named(name))]
    return (*COMMON_OUTPUTS, *dict.fromkeys(name for mode in found for name in mode.outputs))


def _of_mode(mode: ModeName) -> SubAction:
    contract, words = contract_of(mode), MODES[mode]
    outputs = (*_outputs_of([mode]), *contract.outputs)
    description = words[0].upper() + words[1:] + "."
    return SubAction(description, mode, contract.inputs, outputs, contract.permissions, contract.outputs)


@cache
def sub_actions() -> Mapping[str, SubAction]:
    """All of them by folder: one for each mode, and those for a part of what a mode does."""
    staged = dict.fromkeys(name for mode in STAGED for name in contract_of(mode).inputs)
    answering = (
        Permission("actions", "write", "start the held job again"),
        Permission("contents", "read", "the configuration"),
        Permission("issues", "write", "answer in an issue in which the gate has asked"),
        Permission("pull-requests", "write", "answer on the pull request"),
    )
    return {
        **{mode: _of_mode(mode) for mode in MODES},
        "stage": SubAction(
            "One job of a workflow that keeps secrets, the project's code and the right to write apart.",
            "",
            ("mode", "stage", "evidence-file", "decision-file", *staged),
            _outputs_of(STAGED),
        ),
        "approve-deploy": SubAction(
            "Starts a held deployment again when somebody who may do so asks for it in a comment.",
            "deploy-gate",
            tuple(name for name in RUN_INPUTS if name != "metrics-file"),
            (*COMMON_OUTPUTS, "decision"),
            answering,
        ),
        "gate-result": SubAction(
            "One check to require: green when every job ended as the plan of `route` wants it.",
            "gate-result",
            ("needs", "jobs", "runtime", "index-url"),
            GATE_RESULT_OUTPUTS,
        ),
    }


@cache
def action() -> Mapping[str, Any]:
    """What action.yml says: everything else is made of it."""
    said: Mapping[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
    return said


def sub_action(name: str) -> str:
    """The text of `<name>/action.yml`."""
    whole, own = action(), sub_actions()[name]
    lines = [HEADER, "#"]
    if own.permissions:
        lines += ["# Permissions of the job:", *(f"#   {line}" for line in permission_lines(name))]
    lines += [
        f"name: cicd-agent {name}",
        f"description: {json.dumps(own.description, ensure_ascii=False)}",
        f"author: {whole['author']}",
        "",
        "inputs:",
        *(line for name, given in inputs(name).items() for line in _declared(name, given)),
        "",
        "outputs:",
        *(line for name, given in outputs(name).items() for line in _declared(name, given)),
        "",
        "runs:",
        "  using: composite",
        "  steps:",
        *(line for step in whole["runs"]["steps"] for line in _step(step, name)),
    ]
    return "\n".join(lines) + "\n"


def inputs(name: str) -> Mapping[str, Mapping[str, Any]]:
    """Every input of a sub-action with its declaration: those of action.yml first, then those that it alone brings."""
    names, whole = sub_actions()[name].inputs, action()["inputs"]
    own = {name: {"description": described(name)} for name in names if name not in whole}
    return {name: given for name, given in whole.items() if name in names} | own


def described(name: str) -> str:
    """What an input that is a setting says in an action, with its choices and its default."""
    setting = catalogue()[name]
    text, default = setting.description, getattr(setting.schema(), setting.field)
    if setting.choices:
        text += f" One of: {', '.join(setting.choices)}. Default: {default}."
    return text


def outputs(name: str) -> Mapping[str, Mapping[str, Any]]:
    """Every output of a sub-action with its declaration: those of action.yml first, then those that it alone has."""
    own = sub_actions()[name]
    whole = {name: given for name, given in action()["outputs"].items() if name in own.outputs}
    alone = ((name, text) for name, text in own.described.items() if name not in whole)
    return whole | {
        name: {"description": text, "value": f"${{{{ steps.run.outputs.{name} }}}}"} for name, text in alone
    }


def output_names(name: str) -> Iterator[str]:
    return iter(outputs(name))


def permission_lines(name: str) -> Iterator[str]:
    """`name: access`, each with why."""
    for each in sub_actions()[name].permissions:
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
        yield f"    {key}: {'true' if value is True else _plain(value)}"


def _step(step: Mapping[str, Any], name: str) -> Iterator[str]:
    own = sub_actions()[name]
    yield f"    - name: {step['name']}"
    for key in ("id", "if", "shell"):
        if key in step:
            yield f"      {key}: {_plain(step[key])}"
    yield "      env:"
    for variable, value in step["env"].items():
        named = str(value).removeprefix("${{ inputs.").removesuffix(" }}")
        if value == "${{ inputs.mode }}" and own.mode:
            yield f"        {variable}: {own.mode}"
        elif not str(value).startswith("${{ inputs.") or named in own.inputs:
            yield f"        {variable}: {value}"
    if step.get("id") == "run":
        for each in inputs(name):
            if each not in action()["inputs"]:
                yield f"        INPUT_{each.upper().replace('-', '_')}: ${{{{ inputs.{each} }}}}"
    yield f"      run: {step['run'].replace('$GITHUB_ACTION_PATH/', '$GITHUB_ACTION_PATH/../')}"


def _plain(value: object) -> str:
    """A scalar: an expression or a word as it is, anything else quoted."""
    text = str(value)
    return text if text.startswith("${{") or text.isalnum() else json.dumps(text, ensure_ascii=False)
