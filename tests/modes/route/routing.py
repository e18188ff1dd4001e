"""Evidence for routing as the tests write it: a push of given files, with all that is known of it."""

from dataclasses import replace
from typing import Any

from cicd_agent.domain.events.event import Event, EventKind, Ref
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.history import History
from cicd_agent.domain.trials.test_run import AffectedTests
from cicd_agent.modes.route.evidence import ROUTE_EVIDENCE, RouteEvidence
from cicd_agent.modes.route.mode import MODE as ROUTE
from cicd_agent.modes.route.result import RouteResult
from cicd_agent.settings.schema import Settings
from tests.support.samples.changes import change_of

BASE, HEAD = "b" * 40, "h" * 40
PUSH = Event(
    EventKind.PUSH, "push", repo="o/r", default_branch="main", sha=HEAD, base=Ref("main", BASE), head=Ref("main", HEAD)
)

CODE = ("src/app/api.py", "a = 1\n", "a = 2\n")
DOCS = ("README.md", "Words.\n", "Other words.\n")
COMMENT = ("src/app/api.py", "# a\na = 1\n", "# b\na = 1\n")
DEPENDENCIES = ("pyproject.toml", "a = 1\n", "a = 2\n")
LOGIN = ("src/app/auth/login.py", "a = 1\n", "a = 2\n")
MIGRATION = ("db/migrations/0002_more.py", None, "a = 1\n")
SECRET = ("src/app/config.py", "a = 1\n", f'a = "{"ghp_" + "q9Wz3kLm7TpX2vRb8NcY4hJd6sGf1aKe5uQo"}"\n')

PROVED = AffectedTests(("tests/test_api.py::test_a",), (), 12, proved=True, proof="20 of 20")
UNPROVED = replace(PROVED, proved=False, proof="3 of 20 shadow runs without a miss")


def evidence(
    *files: tuple[str, str | None, str | None],
    affected: AffectedTests | None = None,
    doubts: tuple[str, ...] = (),
    change: Change | None = None,
) -> Evidence:
    """All that is known of a push of these files."""
    return Evidence(PUSH, change or change_of(*files), history=History(commits=10)).put(
        ROUTE_EVIDENCE, RouteEvidence(doubts, affected)
    )


def settings(**known: Any) -> Settings:
    """Settings of a config file."""
    return Settings.model_validate(known)


def route(found: Evidence, known: Settings | None = None) -> RouteResult:
    """The plan for the evidence."""
    known = known or Settings()
    return ROUTE.verify(ROUTE.rules(found, known), (), found, known)
