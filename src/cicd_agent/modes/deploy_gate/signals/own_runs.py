"""What a gate itself has made red: its earlier holds are no failures of the project."""

from collections.abc import Sequence

from cicd_agent.domain.events.workflow_run import BAD, RunState
from cicd_agent.domain.gate_evidence import CheckState
from cicd_agent.domain.ports.forge import Forge, Repository
from cicd_agent.errors import ForgeRefused, RateLimited
from cicd_agent.modes.deploy_gate.signals.gate_jobs import are_holds, base_name, text_at

MAX_READ = 10
"""Failed runs of the own workflow whose jobs are read, a request each; older ones count neither way."""


def gate_job(checks: Sequence[CheckState]) -> str:
    """The name of the gate's job, "" where it is not known: the only one of the run that asks that goes on."""
    names = {base_name(check.name) for check in checks if check.own and check.status == "in_progress"}
    return names.pop() if len(names) == 1 else ""


def without_holds(
    forge: Forge, repository: Repository | None, runs: Sequence[RunState], workflow: str, job: str
) -> tuple[RunState, ...]:
    """The runs without those of the workflow in this file of which nothing failed but the gate's job.

    Where the file is at hand as it was for the run, it has to show that the gate failed there: tests may have its name.
    """
    failed = [run for run in runs if run.conclusion in BAD and workflow and run.path.partition("@")[0] == workflow]
    if not job or not failed:
        return tuple(runs)
    held = {run.id for run in failed[MAX_READ:]}
    try:
        for run in failed[:MAX_READ]:
            bad = [each for each in forge.runs.jobs(run.id, run.attempt) if each.conclusion in BAD]
            text = text_at(repository, run.sha, workflow)
            is_hold = text is None or are_holds(text, bad)
            held |= {run.id} if is_hold and {base_name(each.name) for each in bad} == {job} else set()
    except RateLimited:
        raise
    except ForgeRefused:
        # Those that nobody could look at count as what they say they are.
        held -= {run.id for run in failed[MAX_READ:]}
    return tuple(run for run in runs if run.id not in held)
