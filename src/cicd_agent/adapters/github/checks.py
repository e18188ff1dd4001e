"""Labels and check runs on GitHub: nothing is put on twice, though a check run's annotations can only be added to."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from cicd_agent.adapters.github.channel import made_once
from cicd_agent.adapters.github.errors import Call
from cicd_agent.adapters.github.payloads import Check, Checks, Named, read
from cicd_agent.adapters.github.transport import Wire
from cicd_agent.domain.effects import Annotation, CheckRun, Level
from cicd_agent.domain.ports.forge import PostedCheck
from cicd_agent.errors import ForgeRefused

LABELS = "pull-requests: write"
"""Enough for a label that the repository has; to create one takes `issues: write` as well, and GitHub says so."""
CHECKS = "checks: write"
LEVELS = {Level.NOTICE: "notice", Level.WARNING: "warning", Level.ERROR: "failure"}
PER_PAGE = 100
"""GitHub lets a pull request have no more labels than this."""
NOT_FOUND = 404


class GitHubMarks:
    """What GitHubForge shows of one repository beside words.

    In requests:

    | | |
    |---|---|
    | labels | 1, and 1 for each that changes |
    | check run | 1 to look, 1 for each 50 annotations; 1 more for who we are, when there is one |

    `me` is our login, asked for only when it matters; `settle` waits before we look whether a request without an
    answer was carried out.
    """

    def __init__(self, wire: Wire, root: str, *, me: Callable[[], str], settle: Callable[[], None]) -> None:
        self._wire = wire
        self._root = root
        self._me = me
        self._settle = settle

    def labels(self, number: int) -> tuple[str, ...]:
        task, path = f"list the labels of pull request {number}", self._labels_of(number)
        call = Call(task, "GET", path, LABELS, query={"per_page": PER_PAGE})
        return tuple(label.name for label in read(call, self._wire.ask(call), list[Named]))

    def add_label(self, number: int, name: str) -> None:
        """Put a label on; the same request creates one that the repository does not have, in a grey of GitHub's."""
        path = self._labels_of(number)
        self._wire.ask(Call(f"add the label {name!r}", "POST", path, LABELS, body={"labels": [name]}))

    def remove_label(self, number: int, name: str) -> None:
        path = f"{self._labels_of(number)}/{quote(name, safe='')}"
        try:
            self._wire.ask(Call(f"remove the label {name!r}", "DELETE", path, LABELS))
        except ForgeRefused as refusal:
            if refusal.status != NOT_FOUND:
                raise

    def find_check(self, check: CheckRun) -> PostedCheck | None:
        """The newest check run of ours with this name and commit, if it has this key.

        GitHub lists one of each suite, and each run of a workflow may have a suite of its own.
        """
        query: dict[str, str | int] = {"check_name": check.name, "filter": "latest", "per_page": PER_PAGE}
        path = f"{self._root}/commits/{check.commit}/check-runs"
        call = Call(f"list the check runs of {check.commit[:7]}", "GET", path, CHECKS, query=query)
        listed = read(call, self._wire.ask(call), Checks).check_runs
        alike = [one for one in listed if one.name == check.name and one.app is not None]
        slug = self._me().removesuffix("[bot]") if alike else ""
        ours = [one for one in alike if one.app is not None and one.app.slug == slug]
        newest = max(ours, key=lambda one: one.id, default=None)
        return newest.as_posted() if newest is not None and newest.external_id == check.key else None

    def start_check(self, check: CheckRun) -> PostedCheck:
        """Create a completed check run, with at most 50 annotations: cut off after this, it still has its result."""
        body = {"name": check.name, "head_sha": check.commit, "external_id": check.key, **_content(check)}
        call = Call("create the check run", "POST", f"{self._root}/check-runs", CHECKS, body=body, repeatable=False)
        return self._once(call, lambda: self.find_check(check))

    def extend_check(self, posted: PostedCheck, check: CheckRun) -> PostedCheck:
        """Give it this conclusion, title and summary, and these annotations on top of those it has."""
        path = f"{self._root}/check-runs/{posted.id}"
        repeatable = not check.annotations
        call = Call("update the check run", "PATCH", path, CHECKS, body=_content(check), repeatable=repeatable)

        def extended() -> PostedCheck | None:
            found = self.find_check(check)
            return found if found is not None and found.annotations > posted.annotations else None

        return self._once(call, extended)

    def _once(self, call: Call, find: Callable[[], PostedCheck | None]) -> PostedCheck:
        return made_once(lambda: read(call, self._wire.ask(call), Check).as_posted(), find, self._settle)

    def _labels_of(self, number: int) -> str:
        return f"{self._root}/issues/{number}/labels"


def _content(check: CheckRun) -> dict[str, Any]:
    """What may change of a check run, in the words of the API."""
    output: dict[str, Any] = {"title": check.title, "summary": check.summary}
    if check.annotations:
        output["annotations"] = [_note(annotation) for annotation in check.annotations]
    return {"status": "completed", "conclusion": str(check.conclusion), "output": output}


def _note(annotation: Annotation) -> dict[str, Any]:
    return {
        "path": annotation.path,
        "start_line": annotation.start or annotation.line,
        "end_line": annotation.line,
        "annotation_level": LEVELS[annotation.level],
        "title": annotation.title,
        "message": annotation.message,
    }
