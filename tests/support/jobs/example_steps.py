"""The steps of the example workflows that are ours, as a job would run them: with their inputs and permissions."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from cicd_agent.cli.init import FOLDER, Answers, files
from cicd_agent.domain.modes import MODES
from scripts.actions import sub_actions
from scripts.blocks import all_blocks
from scripts.fragments import whole

ROOT = Path(__file__).parents[3]
EXAMPLES = sorted((ROOT / "examples/workflows").glob("*.yml"))
_EXPRESSION = re.compile(r"\$\{\{ (.+?) \}\}")
PERMITTED = dict.fromkeys(("actions", "checks", "contents", "deployments", "issues", "statuses"), "read") | {
    "pull-requests": "write"
}
"""Of steps that a document shows alone: the page says elsewhere what the job needs."""
_CALL = "org/cicd-agent/.github/workflows/"


@dataclass(frozen=True, slots=True)
class Own:
    """One step that is ours. `inputs` and `environ` still hold expressions; `permissions` are the job's."""

    example: str
    job: str
    mode: str
    stage: str
    inputs: Mapping[str, str]
    environ: Mapping[str, str]
    permissions: Mapping[str, str]

    @property
    def name(self) -> str:
        """What tells it from the others."""
        return "/".join(filter(None, (self.example, self.job, self.mode, self.stage)))

    @property
    def grants(self) -> dict[str, str]:
        """The permissions as the API names them; the identity is no right on GitHub."""
        return {name.replace("-", "_"): level for name, level in self.permissions.items() if name != "id-token"}

    def bound(self, contexts: Mapping[str, str]) -> dict[str, str]:
        """The inputs for a command line; an expression that these contexts do not have is an error."""
        return {name.replace("-", "_"): bind(value, contexts) for name, value in self.inputs.items() if name != "mode"}


def bind(text: str, contexts: Mapping[str, str]) -> str:
    """The text with its expressions replaced; secrets and variables that nobody set are empty."""

    def value(match: re.Match[str]) -> str:
        for part in match[1].split(" || "):
            if found := contexts.get(part):
                return found
            if not (part in contexts or part.startswith(("secrets.", "vars."))):
                raise KeyError(part)
        return ""

    return _EXPRESSION.sub(value, text)


def printed_workflows() -> Iterator[tuple[str, str]]:
    """Every workflow that people copy, with its name: examples, what documents show, what `init` writes."""
    for path in EXAMPLES:
        yield path.stem, path.read_text("utf-8")
    for block in all_blocks():
        if block.language in {"yaml", "yml"} and (shown := whole(block)) is not None:
            yield f"{block.page}:{block.line}", shown.text
    for model in ("none", "openai"):
        made = files(Answers(modes=tuple(MODES), model=model))
        yield from ((f"init:{model}:{Path(path).stem}", text) for path, text in made.items() if FOLDER in path)


def own_steps() -> Iterator[Own]:
    """Every step of these that is ours, those of the workflows that an example calls among them."""
    for name, text in printed_workflows():
        workflow: dict[str, Any] = yaml.safe_load(text)
        for job, told in workflow["jobs"].items():
            if str(told.get("uses", "")).startswith(_CALL):
                yield _called(name, job, told)
            for step in told.get("steps", ()):
                if mode := _mode(step):
                    given = {key: _text(value) for key, value in step.get("with", {}).items()}
                    environ = {**told.get("env", {}), **step.get("env", {})}
                    permissions = told.get("permissions", workflow.get("permissions")) or PERMITTED
                    yield Own(name, job, mode, given.get("stage", ""), given, environ, permissions)


def _called(example: str, job: str, told: Mapping[str, Any]) -> Own:
    """The step within a called workflow, with what its caller hands over in the place of its own inputs."""
    name = told["uses"].removeprefix(_CALL).partition("@")[0]
    called: dict[Any, Any] = yaml.safe_load((ROOT / ".github/workflows" / name).read_text("utf-8"))
    [inner] = called["jobs"].values()
    [step] = [step for step in inner["steps"] if _mode(step)]
    handed = {
        f"inputs.{each}": _text(told.get("with", {}).get(each, "")) for each in called[True]["workflow_call"]["inputs"]
    }
    handed |= {f"secrets.{each}": _text(value) for each, value in told.get("secrets", {}).items()}
    given = {each: _handed(_text(value), handed) for each, value in step["with"].items()}
    return Own(example, job, _mode(step), "", given, {}, inner["permissions"])


def _handed(text: str, handed: Mapping[str, str]) -> str:
    parts = text.removeprefix("${{ ").removesuffix(" }}").split(" || ")
    found = next((handed[part] for part in parts if handed.get(part)), "")
    return found or ("${{ github.token }}" if "github.token" in parts else "")


def _mode(step: Mapping[str, Any]) -> str:
    """What the step runs, "" where it is not ours."""
    used = str(step.get("uses", ""))
    if used == "org/cicd-agent@v1":
        return str(step["with"]["mode"])
    own = next((own for name, own in sub_actions().items() if used == f"org/cicd-agent/{name}@v1"), None)
    return (own.mode or str(step["with"]["mode"])) if own else ""


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
