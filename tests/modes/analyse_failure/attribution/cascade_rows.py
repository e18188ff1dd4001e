"""A row of the ladder's table: what is known of a failed run, and where that has to stand."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from cicd_agent.domain.facts import Cause
from cicd_agent.domain.repository.change import Change
from cicd_agent.modes.analyse_failure.attribution.cascade import Attribution, attribute
from cicd_agent.modes.analyse_failure.evidence import FailedRun
from cicd_agent.modes.analyse_failure.groups import groups
from cicd_agent.modes.analyse_failure.result import CascadeStep
from tests.modes.analyse_failure.builders import change

EDITED = change("src/client.py")
UNRELATED = change("src/unrelated.py")

LOST_RUNNER = (Cause.INFRASTRUCTURE, CascadeStep.RUNNER)
PASSED = (Cause.FLAKY, CascadeStep.PASSED_ELSEWHERE)
OLD = (Cause.PRE_EXISTING, CascadeStep.SEEN_BEFORE)
TROUBLED = (Cause.INFRASTRUCTURE, CascadeStep.SIGNATURE)
MEETS = (Cause.CHANGE, CascadeStep.MEETS_CHANGE)
APART = (Cause.UNKNOWN, CascadeStep.OUT_OF_REACH)
NOTHING = (Cause.UNKNOWN, CascadeStep.NONE)
INFRA = "infrastructure"


@dataclass(frozen=True)
class Row:
    """`least` and `most` bound the confidence; `links` are addresses that the grounds have to lead to."""

    name: str
    failed: FailedRun
    change: Change | None
    cause: Cause
    rung: CascadeStep
    least: float = 0.0
    most: float = 1.0
    rerun: str = ""
    links: Sequence[str] = field(default=())


def stand(failed: FailedRun, of: Change | None) -> Attribution:
    """Where a run stands."""
    return attribute(failed, groups(failed), of)


def check(row: Row) -> None:
    """Hold a row against the ladder."""
    standing = stand(row.failed, row.change)
    assert (standing.step, standing.cause) == (row.rung, row.cause)
    assert row.least <= standing.confidence <= row.most
    assert standing.rerun_kind == row.rerun
    assert standing.grounds, "each rung names its evidence"
    assert {ground.url for ground in standing.grounds} >= set(row.links)
    assert standing.not_this_change == (row.rung not in {CascadeStep.NONE, CascadeStep.MEETS_CHANGE})
