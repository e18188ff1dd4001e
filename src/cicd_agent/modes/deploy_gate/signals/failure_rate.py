"""How often the workflows of the branch have failed of late: whether what stands behind a deployment is sound."""

from collections.abc import Sequence

from cicd_agent.domain.events.workflow_run import BAD, RunState
from cicd_agent.domain.evidence import Gap
from cicd_agent.domain.gate_evidence import Reading, State
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.text.words import count

NAME = "failures"
DAYS = 7


def failures(
    runs: Sequence[RunState], names: Sequence[str], own: str, read: Reading
) -> tuple[Reading, tuple[Gap, ...]]:
    """Percent of the runs that failed, of the workflows with these names or files (all when there are none).

    `own` is the id of the run that asks; `read` is how reading the runs went. A run that was skipped or cancelled says
    nothing. The gaps name the workflows of which there is no run.
    """
    if read.state is not State.KNOWN:
        return Reading(NAME, read.state, source=read.source, problem=read.problem), ()
    theirs = [run for run in runs if str(run.id) != own and (not names or any(_is(run, name) for name in names))]
    unseen = [name for name in names if not any(_is(run, name) for run in theirs)]
    gaps = tuple(
        Gap("", f"failure-workflows: `{visible_line(name)[:100]}` has not run in {DAYS} days") for name in unseen
    )
    told = [run for run in theirs if run.conclusion == "success" or run.conclusion in BAD]
    if not told:
        return Reading(NAME, State.MISSING, source=read.source, problem=f"no run of {DAYS} days has ended"), gaps
    bad = sum(1 for run in told if run.conclusion in BAD)
    return (
        Reading(
            NAME,
            State.KNOWN,
            100 * bad / len(told),
            f"{bad:,} of {count(len(told), 'run')} in {DAYS} days failed",
            read.source,
            max(run.created for run in told),
        ),
        gaps,
    )


def _is(run: RunState, name: str) -> bool:
    path = run.path.partition("@")[0]
    return bool(name) and name in {run.workflow, path, path.rpartition("/")[2]}
