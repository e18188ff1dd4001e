"""Which events each mode serves: asked of the modes themselves, with a plain event of each kind."""

from typing import Final

from cicd_agent.domain.events.event import Comment, Event, EventKind, PullRequest, Ref, WorkflowRun
from cicd_agent.domain.modes import MODES
from cicd_agent.modes import mode_named
from cicd_agent.modes.deploy_gate.subject import unserved
from cicd_agent.settings.schema import ModeName, Settings
from scripts.pages.rows import table

_SHA: Final = "0" * 39 + "1"
_PULLS: Final = frozenset(
    {
        EventKind.PULL_REQUEST,
        EventKind.PULL_REQUEST_TARGET,
        EventKind.WORKFLOW_RUN,  # the one that the run came from
        EventKind.ISSUE_COMMENT,
        EventKind.REVIEW_COMMENT,
    }
)
_COMMENTS: Final = frozenset({EventKind.ISSUE_COMMENT, EventKind.REVIEW_COMMENT})

PAGE: Final = """\
# Events

{mark}

What each mode does when it is started by an event of GitHub and no setting is changed.

{served}

**no** means declined: one line says why, the exit code is 0 and `conclusion` is `skipped`. `deploy-gate`
declines nothing but comments; what it does not serve it **holds**.

Some answers depend on the event itself, or on a setting. Here a pull request is open and no draft, a run that ended
was that of a pull request and failed, and a comment says nothing to us.

{reasons}

Where a mode has the input `pull-request` or `run-id`, it makes any event one about that pull request or run.
"""


def page(mark: str) -> str:
    """docs/reference/events.md."""
    modes = [*MODES]
    kinds = [kind for kind in EventKind if kind not in (EventKind.LOCAL, EventKind.OTHER)]
    served = ((f"`{kind}`", *(answer(mode, kind) for mode in modes)) for kind in kinds)
    reasons = ((f"`{mode}`", f"`{kind}`", said) for mode in modes for kind in kinds if (said := declined(mode, kind)))
    return PAGE.format(
        mark=mark,
        served=table(("event", *(f"`{mode}`" for mode in modes)), served),
        reasons=table(("mode", "event", "what is said"), reasons),
    )


def answer(mode: ModeName, kind: EventKind) -> str:
    """Whether the mode serves a plain event of the kind, in a word."""
    if not declined(mode, kind):
        return "yes"
    return "holds" if mode == "deploy-gate" and kind not in _COMMENTS else "no"


def declined(mode: ModeName, kind: EventKind) -> str:
    """Why the mode does nothing for a plain event of the kind, or holds it; "" when it is served."""
    slice_, event, settings = mode_named(mode), plain_event(kind), Settings()
    if slice_ is None:
        return ""
    held = unserved(event, settings) if slice_.fails_closed and kind not in _COMMENTS else ""
    return slice_.declines(event, settings) or held


def plain_event(kind: EventKind) -> Event:
    """An event of the kind with nothing special in it."""
    head = Ref("topic", _SHA, "octo/parcel")
    return Event(
        kind,
        name=kind.value,
        action="completed" if kind is EventKind.WORKFLOW_RUN else "created" if kind in _COMMENTS else "",
        repo="octo/parcel",
        default_branch="main",
        sha=_SHA,
        base=Ref("main", _SHA, "octo/parcel"),
        head=head,
        pull=PullRequest(7) if kind in _PULLS else None,
        run=WorkflowRun(5, event="pull_request", conclusion="failure", head_sha=_SHA, pulls=(7,))
        if kind is EventKind.WORKFLOW_RUN
        else None,
        comment=Comment(3, "Thank you.") if kind in _COMMENTS else None,
        delivery="9.1",
    )
