"""A patch that is tried out before anybody is offered it, and what came of that."""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Trial:
    """A request to try a unified diff against the commit that failed; `key` names it (a digest of the patch)."""

    key: str
    patch: str


class Step(StrEnum):
    """How far a trial came, in order; each says what was found to hold."""

    REFUSED = "refused"
    """It does what a patch of ours may not do: weakens a test, edits a workflow, silences a tool."""
    DOES_NOT_APPLY = "does_not_apply"
    DOES_NOT_PARSE = "does_not_parse"
    APPLIES = "applies"
    """It applies and parses; it was not run (no `verify-command`, or no sandbox to run it in)."""
    NOT_RED = "not_red"
    """The command passes without it, so that nothing is shown."""
    NOT_GREEN = "not_green"
    VERIFIED = "verified"
    """Red before, green after."""


@dataclass(frozen=True, slots=True)
class TrialReport:
    """What came of a trial; `detail` says why in one sentence.

    `patch` is the diff as git would write it, "" unless it applies. `paths` are the files that it changes.
    """

    key: str
    step: Step
    detail: str = ""
    patch: str = ""
    paths: tuple[str, ...] = ()
    sandbox: str = ""

    @property
    def is_offered(self) -> bool:
        return self.step in {Step.APPLIES, Step.VERIFIED}
