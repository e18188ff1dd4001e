"""A patch that is tried out before anybody is offered it, and what came of that."""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class FailureSignature:
    """By what a failure is known again: its test ("": none), its fingerprints, the lines that prove it."""

    test: str = ""
    fingerprints: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Trial:
    """A request to try a unified diff against the commit that failed; `key` names it (a digest of the patch).

    `fixes` are the failures that it is meant to fix: what fails for another reason where it is tried proves nothing.
    """

    key: str
    patch: str
    fixes: tuple[FailureSignature, ...] = ()


class Step(StrEnum):
    """How far a trial came, in order; each says what was found to hold."""

    REFUSED = "refused"
    """It does what a patch of ours may not do: weakens a test, edits a workflow, silences a tool."""
    DOES_NOT_APPLY = "does_not_apply"
    DOES_NOT_PARSE = "does_not_parse"
    APPLIES = "applies"
    """It applies and parses; it was not run (no `verify-command`, or no sandbox to run it in)."""
    CANNOT_BE_TRIED = "cannot_be_tried"
    """Where it would be tried, the command fails for another reason than the run did, or is ended."""
    NOT_RED = "not_red"
    """The command passes without it, so that nothing is shown."""
    NOT_GREEN = "not_green"
    PARTLY_VERIFIED = "partly_verified"
    """The failure that it is for is gone; others fail where it is tried, with and without it."""
    VERIFIED = "verified"
    """Red before, by the failure that it is for, and green after."""


@dataclass(frozen=True, slots=True)
class TrialReport:
    """What came of a trial; `detail` says why in one sentence, `remedy` what can be done where it could not be tried.

    `patch` is the diff as git would write it, "" unless it applies. `paths` are the files that it changes.
    """

    key: str
    step: Step
    detail: str = ""
    patch: str = ""
    paths: tuple[str, ...] = ()
    sandbox: str = ""
    remedy: str = ""

    @property
    def is_offered(self) -> bool:
        return self.step in {Step.APPLIES, Step.CANNOT_BE_TRIED, Step.PARTLY_VERIFIED, Step.VERIFIED}
