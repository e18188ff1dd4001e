"""Where a failure stands on the ladder: its cause, the rung that it was found on, and what that rests on."""

from dataclasses import dataclass

from cicd_agent.domain.facts import Cause
from cicd_agent.modes.analyse_failure.groups import Group
from cicd_agent.modes.analyse_failure.result import Ground, Meeting, Rung

_NOT_THE_CHANGE = frozenset({Rung.RUNNER, Rung.PASSED_ELSEWHERE, Rung.SEEN_BEFORE, Rung.SIGNATURE, Rung.OUT_OF_REACH})


@dataclass(frozen=True, slots=True)
class Standing:
    """What the ladder says of one failure; `group` is that failure, None when there was none to judge.

    `rerun_kind` is `infrastructure` or `flaky`, what the input `rerun` has to allow; "" when that is no use.
    `fixed_by` is the commit that ended the same failure elsewhere, "" when that is not known.
    """

    cause: Cause
    rung: Rung
    confidence: float
    grounds: tuple[Ground, ...] = ()
    rerun_kind: str = ""
    group: Group | None = None
    meetings: tuple[Meeting, ...] = ()
    fixed_by: str = ""

    @property
    def not_this_change(self) -> bool:
        """Whether the change is shown not to be at fault, or meets the failure nowhere."""
        return self.rung in _NOT_THE_CHANGE
