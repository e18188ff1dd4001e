"""Labels and check runs on GitHub: nothing is put on twice, though a check run's annotations can only be added to."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from cicd_agent.adapters.github.channel import PER_PAGE, Channel, unless_missing
from cicd_agent.adapters.github.errors import Call
from cicd_agent.adapters.github.payloads import CheckRun as PostedRun
from cicd_agent.adapters.github.payloads import Named, Page
from cicd_agent.domain.effects import Annotation, CheckRun, Level
from cicd_agent.domain.ports.forge import PostedCheck

LABELS = "pull-requests: write"
"""Enough for a label that the repository has; to create one takes `issues: write` as well, and GitHub says so."""
CHECKS = "checks: write"
LEVELS = {Level.NOTICE: "notice", Level.WARNING: "warning", Level.ERROR: "failure"}


@dataclass(frozen=True, slots=True)
class GitHubMarks:
    channel: Channel

    def labels(self, number: int) -> tuple[str, ...]:
        task, query = f"list the labels of pull request {number}", {"per_page": PER_PAGE}
        named = self.channel.get(task, f"/issues/{number}/labels", list[Named], LABELS, query)
        return tuple(label.name for label in named)

    def add_label(self, number: int, name: str) -> None:
        task, body = f"add the label {name!r}", {"labels": [name]}
        self.channel.send(task, "POST", f"/issues/{number}/labels", LABELS, body)

    def remove_label(self, number: int, name: str) -> None:
        path = f"/issues/{number}/labels/{quote(name, safe='')}"
        unless_missing(lambda: self.channel.send(f"remove the label {name!r}", "DELETE", path, LABELS), None)

    def find_check(self, check: CheckRun) -> PostedCheck | None:
        """The newest check run of ours with this name and commit, if it has this key.

        GitHub lists one of each suite, and each run of a workflow may have a suite of its own.
        """
        query: dict[str, str | int] = {"check_name": check.name, "filter": "latest", "per_page": PER_PAGE}
        task, path = f"list the check runs of {check.commit[:7]}", f"/commits/{check.commit}/check-runs"
        listed = self.channel.get(task, path, Page[PostedRun], CHECKS, query).entries
        alike = [one for one in listed if one.name == check.name and one.app]
        ours = [one for one in alike if one.app == self.channel.me.removesuffix("[bot]")]
        newest = max(ours, key=lambda one: one.id, default=None)
        return newest.to(PostedCheck) if newest is not None and newest.external_id == check.key else None

    def start_check(self, check: CheckRun) -> PostedCheck:
        body = {"name": check.name, "head_sha": check.commit, "external_id": check.key, **_content(check)}
        call = self.channel.call("create the check run", "POST", "/check-runs", CHECKS, body, repeatable=False)
        return self._once(call, lambda: self.find_check(check))

    def extend_check(self, posted: PostedCheck, check: CheckRun) -> PostedCheck:
        """Give it this conclusion, title and summary, and these annotations on top of those it has."""
        path, repeatable = f"/check-runs/{posted.id}", not check.annotations
        call = self.channel.call("update the check run", "PATCH", path, CHECKS, _content(check), repeatable=repeatable)

        def extended() -> PostedCheck | None:
            standing = self.find_check(check)
            return standing if standing is not None and standing.annotations > posted.annotations else None

        return self._once(call, extended)

    def _once(self, call: Call, find: Callable[[], PostedCheck | None]) -> PostedCheck:
        return self.channel.once(lambda: self.channel.read(call, PostedRun).to(PostedCheck), find)


def _content(check: CheckRun) -> dict[str, Any]:
    output: dict[str, Any] = {"title": check.title, "summary": check.summary}
    if check.annotations:
        output["annotations"] = [_annotation(annotation) for annotation in check.annotations]
    return {"status": "completed", "conclusion": str(check.conclusion), "output": output}


def _annotation(annotation: Annotation) -> dict[str, Any]:
    return {
        "path": annotation.path,
        "start_line": annotation.start or annotation.line,
        "end_line": annotation.line,
        "annotation_level": LEVELS[annotation.level],
        "title": annotation.title,
        "message": annotation.message,
    }
