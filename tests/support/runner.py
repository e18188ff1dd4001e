"""The part of the Actions runner that a composite action meets: steps by bash, expressions in `env:`, output files."""

import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}")


@dataclass(frozen=True)
class Job:
    """Where a job runs. `environ` is what its earlier steps left behind."""

    workspace: Path
    temp: Path
    environ: Mapping[str, str]
    token: str = "ghs_sixteenCharacters"


@dataclass(frozen=True)
class Ran:
    """What one use of the action left behind; `outputs` are those that action.yml declares."""

    exit: int
    outputs: Mapping[str, str]
    written: Mapping[str, Mapping[str, str]]
    log: str
    summary: str
    environment_file: str
    path_file: str


@dataclass
class Contexts:
    """What expressions can name. Only the forms that action.yml uses are known."""

    inputs: Mapping[str, str]
    token: str
    steps: dict[str, Mapping[str, str]] = field(default_factory=dict)

    def evaluate(self, text: object) -> str:
        return EXPRESSION.sub(lambda match: self.expression(match[1].strip()), str(text))

    def expression(self, source: str) -> str:
        values = [self.name(part.strip()) for part in source.split("||")]
        return next((value for value in values if value), "")

    def name(self, source: str) -> str:
        match source.split("."):
            case ["inputs", name]:
                return self.inputs[name]
            case ["github", "token"]:
                return self.token
            case ["steps", step, "outputs", name]:
                return self.steps.get(step, {}).get(name, "")
            case _:
                raise NotImplementedError(source)


def parse_outputs(text: str) -> dict[str, str]:
    """GITHUB_OUTPUT as the runner reads it: NAME=VALUE, or NAME<<DELIMITER and lines up to it."""
    outputs: dict[str, str] = {}
    lines = iter(text.split("\n"))
    for line in lines:
        if "<<" in line and (heredoc := re.match(r"([^=]*?)<<(.+)", line)) and "=" not in heredoc[1]:
            value: list[str] = []
            for part in lines:
                if part == heredoc[2]:
                    break
                value.append(part)
            else:
                msg = f"no line ends the value of {heredoc[1]}"
                raise ValueError(msg)
            outputs[heredoc[1]] = "\n".join(value)
        elif line:
            name, equals, plain = line.partition("=")
            if not equals:
                msg = f"neither a value nor a delimiter: {line}"
                raise ValueError(msg)
            outputs[name] = plain
    return outputs


def use(action: Path, job: Job, inputs: Mapping[str, str], **github: str) -> Ran:
    """Run the action once, as a step of the job. Inputs that are not given arrive empty, like the runner's."""
    definition: dict[str, Any] = yaml.safe_load((action / "action.yml").read_text("utf-8"))
    unknown = set(inputs) - set(definition["inputs"])
    assert not unknown, f"the runner would warn of {unknown}"
    contexts = Contexts({}, job.token)
    contexts.inputs = {
        name: inputs.get(name) or contexts.evaluate(declared.get("default", ""))
        for name, declared in definition["inputs"].items()
    }

    files = job.temp / "_runner_file_commands"
    files.mkdir(parents=True, exist_ok=True)
    paths = {name: files / name.lower() for name in ("GITHUB_ENV", "GITHUB_PATH", "GITHUB_STEP_SUMMARY")}
    for path in paths.values():
        path.write_text("")
    bash = shutil.which("bash") or "bash"
    log, code = "", 0
    for number, step in enumerate(definition["runs"]["steps"]):
        assert step["shell"] == "bash"
        assert "${{" not in step["run"], "an expression in a script is an injection"
        output = files / f"output_{number}"
        output.write_text("")
        script = job.temp / f"step_{number}.sh"
        script.write_text(step["run"])
        done = subprocess.run(
            [bash, "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)],
            cwd=job.workspace,
            env={
                **job.environ,
                "CI": "true",
                "GITHUB_ACTIONS": "true",
                "GITHUB_ACTION_PATH": str(action),
                "GITHUB_WORKSPACE": str(job.workspace),
                "GITHUB_OUTPUT": str(output),
                "RUNNER_TEMP": str(job.temp),
                **{name: str(path) for name, path in paths.items()},
                **github,
                **{name: contexts.evaluate(value) for name, value in step.get("env", {}).items()},
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        log += done.stdout.decode("utf-8", "replace")
        contexts.steps[step["id"]] = parse_outputs(output.read_text("utf-8"))
        if code := done.returncode:
            break

    return Ran(
        exit=code,
        outputs={name: contexts.evaluate(declared["value"]) for name, declared in definition["outputs"].items()},
        written=contexts.steps,
        log=log,
        summary=paths["GITHUB_STEP_SUMMARY"].read_text("utf-8"),
        environment_file=paths["GITHUB_ENV"].read_text("utf-8"),
        path_file=paths["GITHUB_PATH"].read_text("utf-8"),
    )
