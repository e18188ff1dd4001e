"""The workflows and the configuration that `cicd-agent init` writes: text made of answers, always the same."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from cicd_agent.modes import contract_of
from cicd_agent.settings.schema import ModeName

CHECKOUT: Final = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1"
SETUP_PYTHON: Final = "actions/setup-python@5fda3b95a4ea91299a34e894583c3862153e4b97 # v7.0.0"
UPLOAD: Final = "actions/upload-artifact@043fb46d1a93c77aae656e7c1c64a875d1fc6a0a # v7.0.1"
DOWNLOAD: Final = "actions/download-artifact@3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c # v8.0.1"
FOLDER: Final = ".github/workflows"
CONFIG: Final = ".github/cicd-agent.yml"
_HERE: Final = "github.event.pull_request.head.repo.full_name == github.repository"
_MINUTES: Final[Mapping[ModeName, int]] = {"gen-tests": 20}


@dataclass(frozen=True, slots=True)
class Answers:
    """What somebody wants: `model` is "none", "openai", or the address of a compatible server.

    `branch` is the default branch, `watched` are the names of the workflows whose failures are explained.
    """

    modes: tuple[ModeName, ...] = ("review",)
    forks: bool = False
    model: str = "none"
    branch: str = "main"
    watched: tuple[str, ...] = ("ci",)

    @property
    def asks(self) -> bool:
        return self.model != "none"


def files(answers: Answers) -> dict[str, str]:
    """Every file by its path from the top of the repository."""
    made = {f"{FOLDER}/cicd-agent-{mode}.yml": _workflow(mode, answers) for mode in answers.modes}
    if "review" in answers.modes and answers.forks and answers.asks:
        made[f"{FOLDER}/cicd-agent-fork-gather.yml"] = _lines(_gather())
        made[f"{FOLDER}/cicd-agent-fork-post.yml"] = _lines(_post(answers))
    return made | {CONFIG: _lines(_config(answers))}


def _workflow(mode: ModeName, answers: Answers) -> str:
    told: Mapping[ModeName, Iterator[str]] = {
        "review": _review(answers),
        "gen-tests": _gen_tests(answers),
        "analyse-failure": _analyse_failure(answers),
        "deploy-gate": _deploy_gate(answers),
        "route": _route(answers),
    }
    return _lines(told[mode])


def _review(answers: Answers) -> Iterator[str]:
    yield "# Reviews each pull request. Findings stand at lines that were checked; nothing blocks as yet."
    if answers.forks and answers.asks:
        yield "# Those from forks are reviewed by cicd-agent-fork-gather.yml and cicd-agent-fork-post.yml."
    elif answers.forks:
        yield "# On those from forks the token can only read: the result is in annotations and the step summary."
    yield from _top("cicd-agent review", ["  pull_request:"], "review-${{ github.event.pull_request.number }}")
    yield from _job("review", "review", condition=_HERE if answers.forks and answers.asks else "")
    yield "    outputs:"
    yield "      risk_level: ${{ steps.agent.outputs.risk_level }}"
    yield from _steps("review", answers)


def _gen_tests(answers: Answers) -> Iterator[str]:
    yield "# Writes tests for what a pull request brings and no test sees, as a patch. Only for branches of this"
    yield "# repository: their tests run here. docs/gen-tests.md has the form that is split into jobs."
    yield from _top("cicd-agent gen-tests", ["  pull_request:"], "gen-tests-${{ github.event.pull_request.number }}")
    yield from _job("gen-tests", "tests", condition=_HERE)
    install = [
        f"      - uses: {SETUP_PYTHON}",
        "        with:",
        '          python-version: "3.13"',
        "      - run: python -m pip install -r requirements.txt # yours: what the project's own tests need",
    ]
    yield from _steps("gen-tests", answers, between=install)


def _analyse_failure(answers: Answers) -> Iterator[str]:
    yield "# Explains failed runs of other workflows after they have ended. Checks nothing out and runs nothing of the"
    yield "# change: the log and the diff are data, read from GitHub."
    trigger = [
        "  workflow_run:",
        f"    workflows: [{', '.join(_quoted(name) for name in answers.watched)}] # whose failures are explained",
        "    types: [completed]",
    ]
    group = "explain-${{ github.event.workflow_run.id }}-${{ github.event.workflow_run.run_attempt }}"
    why = "no checkout, nothing of the run's commit is run, logs and diffs are data"
    yield from _top("cicd-agent analyse-failure", trigger, group, ignored=why, cancels=False)
    yield from _job("analyse-failure", "explain", condition="github.event.workflow_run.conclusion == 'failure'")
    yield from _steps("analyse-failure", answers, checkout=False)


def _deploy_gate(answers: Answers) -> Iterator[str]:
    yield "# Decides before a deployment: proceed, hold or rollback. In shadow for now: it records and stops nothing."
    yield "# `cicd-agent accuracy` says what it would have done; then delete `enforce: false`."
    trigger = ["  push:", f"    branches: [{_quoted(answers.branch)}]"]
    yield from _top("cicd-agent deploy-gate", trigger, "deploy-production", cancels=False)
    yield from _job("deploy-gate", "gate")
    yield "    outputs:"
    yield "      decision: ${{ steps.agent.outputs.decision }}"
    yield from _steps("deploy-gate", answers, inputs={"environment": "production", "enforce": '"false"'})
    yield ""
    yield "  # Your deployment comes after it. Against the safe value: an output that is missing is empty."
    yield "  # deploy:"
    yield "  #   needs: [gate]"
    yield "  #   if: needs.gate.outputs.decision == 'proceed'"


def _route(answers: Answers) -> Iterator[str]:
    yield "# Says how much care a change needs: which tests, which build, which way out. It asks no model."
    yield "# Copy the job into your own workflow, and let its other jobs ask for the outputs (docs/route.md)."
    trigger = ["  pull_request:", "  push:", f"    branches: [{_quoted(answers.branch)}]"]
    yield from _top("cicd-agent route", trigger, "route-${{ github.event.pull_request.number || github.ref }}")
    yield from _job("route", "route")
    yield "    outputs:"
    for name in ("risk_level", "tests", "build", "run_code"):
        yield f"      {name}: ${{{{ steps.agent.outputs.{name} }}}}"
    yield from _steps("route", answers)


def _gather() -> Iterator[str]:
    yield "# Reviews of pull requests from forks, first half: reads the change, where there is nothing to steal."
    yield from _top(
        "cicd-agent fork, gather", ["  pull_request:"], "fork-gather-${{ github.event.pull_request.number }}"
    )
    yield from _head("gather", ["contents: read # the change"], _HERE.replace("==", "!="))
    yield "    steps:"
    yield from checkout_step("the merge base has to be there")
    yield "      - uses: org/cicd-agent/review@v1"
    yield "        with:"
    yield "          stage: gather"
    yield "          evidence-file: ${{ runner.temp }}/evidence.json"
    yield f"      - uses: {UPLOAD}"
    yield "        with:"
    yield "          name: review-evidence"
    yield "          path: ${{ runner.temp }}/evidence.json"
    yield "          if-no-files-found: error"
    yield "          retention-days: 1"


def _post(answers: Answers) -> Iterator[str]:
    yield "# Reviews of pull requests from forks, second half: asks the model and posts, from data alone."
    trigger = ["  workflow_run:", '    workflows: ["cicd-agent fork, gather"]', "    types: [completed]"]
    repository = "github.event.workflow_run.head_repository.id"
    group = f"fork-post-${{{{ {repository} }}}}-${{{{ github.event.workflow_run.head_branch }}}}"
    why = "no checkout, nothing of the change is run, the artifact is data that is proved"
    yield from _top("cicd-agent fork, post", trigger, group, ignored=why)
    run = "github.event.workflow_run"
    permissions = [
        "actions: read # download the artifact of the other run",
        "contents: read # the configuration of the base branch",
        "pull-requests: write # find the pull request, post the review",
    ]
    yield from _head("post", permissions, f"{run}.event == 'pull_request' && {run}.conclusion == 'success'")
    yield "    steps:"
    yield f"      - uses: {DOWNLOAD}"
    yield "        with:"
    yield "          name: review-evidence"
    yield "          path: ${{ runner.temp }}/review-evidence"
    yield "          run-id: ${{ github.event.workflow_run.id }}"
    yield "          github-token: ${{ github.token }}"
    evidence = {"evidence-file": "${{ runner.temp }}/review-evidence/evidence.json"}
    yield from _agent("review", answers, evidence)


def _config(answers: Answers) -> Iterator[str]:
    yield "# What cicd-agent does here. A pull request is judged by what stands here on its base branch."
    yield "# Nothing has to stand here; `cicd-agent config explain` prints every value and where it comes from."
    yield ""
    yield "min-severity: medium # of inline comments; the rest is folded in the summary"
    yield "min-confidence: 0.7"
    yield "max-comments: 5"
    if "review" in answers.modes:
        yield "fail-on: never # later: high, or critical"
    yield "# paths-ignore: [vendor/**]"
    yield "# rules:"
    yield "#   http-timeout: off"
    yield "# instructions: What a reviewer should know about this code base."


def _top(name: str, trigger: list[str], group: str, *, ignored: str = "", cancels: bool = True) -> Iterator[str]:
    yield f"name: {name}" if "," not in name else f'name: "{name}"'
    yield ""
    yield f"on: # zizmor: ignore[dangerous-triggers] {ignored}" if ignored else "on:"
    yield from trigger
    yield ""
    yield "permissions: {}"
    yield ""
    yield "concurrency:"
    yield f"  group: {group}"
    yield "  cancel-in-progress: true" if cancels else "  cancel-in-progress: false # each run is worth its end"
    yield ""
    yield "jobs:"


def _job(mode: ModeName, name: str, *, condition: str = "") -> Iterator[str]:
    permissions = [f"{each.name}: {each.access} # {each.why}" for each in contract_of(mode).needed]
    yield from _head(name, permissions, condition, _MINUTES.get(mode, 10))


def _head(name: str, permissions: Iterable[str], condition: str, minutes: int = 10) -> Iterator[str]:
    """A job up to what its permissions are."""
    yield f"  {name}:"
    yield f"    name: {name}"
    if condition:
        yield f"    if: {condition}"
    yield "    runs-on: ubuntu-latest"
    yield f"    timeout-minutes: {minutes}"
    yield "    permissions:"
    yield from (f"      {line}" for line in permissions)


def _steps(
    mode: ModeName,
    answers: Answers,
    *,
    checkout: bool = True,
    between: list[str] | None = None,
    inputs: Mapping[str, str] | None = None,
) -> Iterator[str]:
    yield "    steps:"
    if checkout:
        yield from checkout_step(contract_of(mode).history)
    yield from between or ()
    yield from _agent(mode, answers, inputs or {})


def checkout_step(why: str) -> Iterator[str]:
    """The step that every job of ours begins with, by its lines."""
    yield f"      - uses: {CHECKOUT}"
    yield "        with:"
    yield f"          fetch-depth: 0 # {why}"
    yield "          persist-credentials: false"


def _agent(mode: ModeName, answers: Answers, inputs: Mapping[str, str]) -> Iterator[str]:
    yield f"      - uses: org/cicd-agent/{mode}@v1"
    yield "        id: agent"
    given = {**inputs, **(_model(answers) if mode != "route" else {})}
    if given:
        yield "        with:"
        yield from (f"          {name}: {value}" for name, value in given.items())


def _model(answers: Answers) -> Mapping[str, str]:
    key = "${{ secrets.OPENAI_API_KEY }} # empty on forks: rules only"
    if answers.model == "none":
        return {"provider": "none # rules only; a model says more"}
    if answers.model == "openai":
        return {"openai-api-key": key}
    return {
        "base-url": answers.model,
        "openai-api-key": key,
        "model": "your-model # as the server calls it",
        "api": "chat",
    }


def _quoted(name: str) -> str:
    return json.dumps(name)


def _lines(lines: Iterator[str]) -> str:
    return "\n".join(lines) + "\n"
