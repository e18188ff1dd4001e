"""Makes the workflows that others call (`.github/workflows/call-review.yml` and the others), one for each mode."""

import json
from collections.abc import Iterator
from typing import Final

from cicd_agent.cli.init import DOWNLOAD, SETUP_PYTHON, checkout_step
from cicd_agent.domain.modes import MODES
from cicd_agent.modes import contract_of
from cicd_agent.settings.schema import ModeName
from cicd_agent.settings.values import catalogue
from scripts.actions import HEADER, output_names

SECRETS: Final = ("openai-api-key", "model-headers", "slack-webhook-url", "slack-token")
"""What a caller hands over as a secret; the token is the job's own."""
HANDED: Final = {
    "app-token": "Token of a GitHub App, in place of the job's own.",
    "database-url": "Where the audit log is kept, postgresql://…; without it, none is kept.",
}
"""Secrets that are no input of the action under that name."""
APART: Final = frozenset(
    {*SECRETS, "github-token", "stage", "evidence-file", "decision-file", "metrics-file", "cache-dir", "state-dir"}
)
"""Inputs that mean nothing in a job whose other steps the caller cannot write."""
RUNS_ON: Final = (
    "${{ startsWith(inputs.runs-on, '[') && fromJSON(inputs.runs-on) || inputs.runs-on || 'ubuntu-latest' }}"
)
MINUTES: Final = {"gen-tests": 30}
EXTRA: Final[dict[str, dict[str, str]]] = {
    "gen-tests": {
        "python-version": "Version of Python for the project's tests. Default: 3.13.",
        "install": "Command that installs what the project's tests need. Default: none.",
    },
    "deploy-gate": {"reports-artifact": "Name of the artifact with test and coverage reports, laid into `reports/`."},
}
"""Inputs of the workflow itself, beside those of the action."""


def called(mode: ModeName) -> str:
    """The text of `.github/workflows/call-<mode>.yml`."""
    words = MODES[mode]
    return "\n".join([*_head(mode, words), *_job(mode)]) + "\n"


def _head(mode: ModeName, words: str) -> Iterator[str]:
    yield HEADER.replace("action.yml and ", "")
    yield "#"
    yield f"# {words[0].upper() + words[1:]}. To be called by another workflow:"
    yield "#"
    yield "#     jobs:"
    yield f"#       {mode}:"
    yield "#         permissions:"
    yield from (f"#           {each.name}: {each.access}" for each in contract_of(mode).needed)
    yield f"#         uses: org/cicd-agent/.github/workflows/call-{mode}.yml@v1"
    if mode != "route":
        yield "#         secrets:"
        yield "#           openai-api-key: ${{ secrets.OPENAI_API_KEY }} # optional"
    yield f"name: call {mode}"
    yield ""
    yield "on:"
    yield "  workflow_call:"
    yield "    inputs:"
    yield from _input("runs-on", "Label of the runner, or a JSON list of labels. Default: ubuntu-latest.")
    for name, description in EXTRA.get(mode, {}).items():
        yield from _input(name, description)
    for name in _inputs(mode):
        yield from _input(name, _description(name))
    yield "    secrets:"
    for name in (*_secrets(mode), *HANDED):
        yield f"      {name}:"
        yield f"        description: {json.dumps(HANDED.get(name) or _description(name), ensure_ascii=False)}"
        yield "        required: false"
    yield "    outputs:"
    for name in output_names(mode):
        yield f"      {name}:"
        yield f"        description: Output `{name}` of the action."
        yield f"        value: ${{{{ jobs.agent.outputs.{name} }}}}"
    yield ""


def _job(mode: ModeName) -> Iterator[str]:
    yield "permissions: {}"
    yield ""
    yield "concurrency:"
    yield f"  group: call-{mode}-${{{{ github.workflow }}}}-${{{{ github.run_id }}}}"
    yield "  cancel-in-progress: false # the caller decides which of its runs are worth their end"
    yield ""
    yield "jobs:"
    yield "  agent:"
    yield f"    name: {mode}"
    yield f"    runs-on: {RUNS_ON}"
    yield f"    timeout-minutes: {MINUTES.get(mode, 15)}"
    yield "    permissions:"
    yield from (f"      {each.name}: {each.access} # {each.why}" for each in contract_of(mode).needed)
    yield "    outputs:"
    yield from (f"      {name}: ${{{{ steps.agent.outputs.{name} }}}}" for name in output_names(mode))
    yield "    steps:"
    yield from checkout_step(contract_of(mode).history)
    if mode == "gen-tests":
        yield f"      - uses: {SETUP_PYTHON}"
        yield "        with:"
        yield "          python-version: ${{ inputs.python-version || '3.13' }}"
        yield "      - name: Install what the tests need"
        yield "        if: inputs.install != ''"
        yield '        run: bash -e -c "$INSTALL"'
        yield "        env:"
        yield "          INSTALL: ${{ inputs.install }}"
    if mode == "deploy-gate":
        yield f"      - uses: {DOWNLOAD}"
        yield "        if: inputs.reports-artifact != ''"
        yield "        continue-on-error: true # a report that is missing is red, and the gate says so"
        yield "        with:"
        yield "          name: ${{ inputs.reports-artifact }}"
        yield "          path: reports"
    yield f"      - uses: org/cicd-agent/{mode}@v1"
    yield "        id: agent"
    yield "        env:"
    yield "          DATABASE_URL: ${{ secrets.database-url }}"
    yield "        with:"
    yield "          github-token: ${{ secrets.app-token || github.token }}"
    yield from (f"          {name}: ${{{{ inputs.{name} }}}}" for name in _inputs(mode))
    yield from (f"          {name}: ${{{{ secrets.{name} }}}}" for name in _secrets(mode))


def _inputs(mode: ModeName) -> list[str]:
    return [name for name in contract_of(mode).inputs if name not in APART]


def _secrets(mode: ModeName) -> list[str]:
    return [name for name in SECRETS if name in contract_of(mode).inputs]


def _input(name: str, description: str) -> Iterator[str]:
    yield f"      {name}:"
    yield f"        description: {json.dumps(description, ensure_ascii=False)}"
    yield "        type: string"
    yield "        required: false"


def _description(name: str) -> str:
    launched = {
        "runtime": "Where the agent runs: auto, container or host. Default: auto.",
        "index-url": "Package index to install from, PyPI when empty, or a folder of wheels.",
    }
    return launched.get(name) or catalogue()[name].description
