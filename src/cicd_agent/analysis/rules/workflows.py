"""GitHub Actions workflows: what a change lets a token do, and who else gets to use it."""

import re
from collections.abc import Iterator

from cicd_agent.analysis.rules.context import FileContext
from cicd_agent.analysis.rules.rule import Hit
from cicd_agent.analysis.rules.yaml_source import Node, at, elements, items, last_line, line, scalar
from cicd_agent.domain.finding import Severity
from cicd_agent.domain.repository.diff import Side
from cicd_agent.domain.repository.paths import PathKind

_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_FIRST_PARTY = ("actions/", "github/")
# Contexts that anybody who opens an issue or a pull request writes.
_WRITTEN_BY_ANYBODY = re.compile(
    r"\$\{\{[^}$]{0,300}\b(?:github\.head_ref|github\.event\.(?:issue|pull_request|comment|review|review_comment|"
    r"discussion|head_commit|commits|pages|workflow_run)\b[^}$]{0,200}?"
    r"\.(?:title|body|message|name|email|ref|label|page_name|head_branch|display_title|description)\b)"
)
_INPUT = re.compile(r"\$\{\{[^}$]{0,300}\binputs\.[\w-]+")
_HEAD_OF_PULL = re.compile(
    r"github\.event\.pull_request\.(?:head\.(?:sha|ref)\b|merge_commit_sha\b)|github\.head_ref\b|\brefs/pull/|"
    r"github\.event\.workflow_run\.head_|github\.event\.workflow_run\.pull_requests\b"
)
_HOME_OF_PULL = re.compile(r"github\.event\.(?:pull_request\.head\.repo|workflow_run\.head_repository)\.full_name\b")
_SPACED = re.compile(r"\$\{\{[^}]{0,200}\}\}")
"""An expression, of whose blanks a shell sees none."""
_EXPOSED = ("pull_request_target", "workflow_run", "issue_comment")
"""Events that hold secrets whoever caused them. `issue_comment` knows no head: it is fetched by the number."""
# By hand: `gh pr checkout 7`, `git fetch origin pull/7/head`.
_FETCHED = re.compile(
    r"\bgh\s+pr\s+checkout\b|"
    r"\bgit\s+(?:fetch|pull)\b[^\n;&|]{0,200}?\b(?:refs/)?pull/[^\s/]{1,80}?/(?:head|merge)\b"
)


def _is_workflow(context: FileContext) -> bool:
    return PathKind.WORKFLOW in context.kinds


def _is_action(context: FileContext) -> bool:
    return context.path.rpartition("/")[2] in {"action.yml", "action.yaml"}


def _jobs(root: Node | None) -> dict[str, Node]:
    return {name: job for name, _, job in items(at(root, "jobs"))}


def _steps(root: Node | None) -> Iterator[Node]:
    for steps in (*(at(job, "steps") for job in _jobs(root).values()), at(root, "runs", "steps")):
        yield from elements(steps)


def _grants(root: Node | None) -> dict[tuple[str, str], tuple[str, int]]:
    """Access and line of each scope, by job ("" for the workflow). `*` is write-all, read-all or "" (a list)."""
    grants: dict[tuple[str, str], tuple[str, int]] = {}
    for job, node in {"": root, **_jobs(root)}.items():
        permissions = at(node, "permissions")
        if permissions is not None:
            grants[job, "*"] = (scalar(permissions), line(permissions))
        for scope, _, access in items(permissions):
            grants[job, scope] = (scalar(access), line(access))
    return grants


def workflow_permissions(context: FileContext) -> Iterator[Hit]:
    if not _is_workflow(context) or context.yaml is None:
        return
    # A workflow that granted nothing by name had the repository's default: naming a scope then may well be less.
    before, after = _grants(context.old_yaml), _grants(context.yaml)
    held = {(scope, access) for (_, scope), (access, _) in before.items()}
    for (job, scope), (access, number) in after.items():
        where = f"Job `{job}`" if job else "Every job"
        if number not in context.added_numbers:
            continue
        if access == "write-all":
            yield Hit(number, f"{where} may write everything this repository has: code, releases, packages, settings.")
        # Some job could write this already: moving a permission to where it is used is no gain.
        elif access == "write" and before and held.isdisjoint({(scope, "write"), ("*", "write-all")}):
            yield Hit(number, f"{where} gains `{scope}: write`.", severity=Severity.MEDIUM, confidence=0.95)
    yield from _unlimited(context)


def _unlimited(context: FileContext) -> Iterator[Hit]:
    """The workflow's own permissions block is gone, and some job has none either."""
    was = at(context.old_yaml, "permissions")
    if was is None or at(context.yaml, "permissions") is not None:
        return
    bare = [name for name, job in _jobs(context.yaml).items() if at(job, "permissions") is None]
    number = next((n for n in range(line(was) - 1, last_line(was) + 1) if n in context.deleted_numbers), 0)
    if bare and number:
        default = "has the repository's default permissions, which may be to write everything"
        yield Hit(number, f"Without it, job `{bare[0]}` {default}.", side=Side.LEFT, confidence=0.9)


def _used(root: Node | None) -> Iterator[tuple[str, str, int]]:
    for node in (*_steps(root), *_jobs(root).values()):
        uses = at(node, "uses")
        name, _, version = scalar(uses).partition("@")
        if uses is not None and name and not name.startswith((".", "docker://")):
            yield name, version, line(uses)


def unpinned_action(context: FileContext) -> Iterator[Hit]:
    if not _is_workflow(context) and not _is_action(context):
        return
    old = {(name, version) for name, version, _ in _used(context.old_yaml)}
    pinned = {name for name, version in old if _SHA.fullmatch(version)}
    known = {name for name, _ in old}
    for name, version, number in _used(context.yaml):
        if number not in context.added_numbers or _SHA.fullmatch(version) or (name, version) in old:
            continue
        ref = f"`{version or 'its default branch'}`"
        if name in pinned:
            yield Hit(number, f"`{name}` was pinned to a commit and now follows {ref}.", confidence=1.0)
        elif name not in known and not name.startswith(_FIRST_PARTY):
            message = f"`{name}` is run at {ref}, which its owner can move to other code."
            yield Hit(number, message, severity=Severity.LOW if re.match(r"v?\d", version) else None, confidence=0.9)


def untrusted_checkout(context: FileContext) -> Iterator[Hit]:
    if not _is_workflow(context) or context.yaml is None:
        return
    triggers = ((name, _trigger(context.yaml, name)) for name in _EXPOSED)
    event, trigger = next((each for each in triggers if each[1] is not None), ("", None))
    if trigger is None:
        return
    for step in _steps(context.yaml):
        for node in _taking_the_change(step):
            lines = range(line(node), last_line(node) + 1)
            number = next((each for each in lines if each in context.added_numbers), None)
            number = number or context.first_added(line(node), line(trigger))
            if number is not None:
                # Whoever wrote a comment may have been looked at in a step before.
                commented = event == "issue_comment"
                yield Hit(number, severity=Severity.HIGH if commented else None, confidence=0.8 if commented else None)
                break


def _taking_the_change(step: Node) -> Iterator[Node]:
    """What in a step puts the pull request's head, or its merge commit, into the workspace."""
    if scalar(at(step, "uses")).startswith("actions/checkout@"):
        for name, written in (("ref", _HEAD_OF_PULL), ("repository", _HOME_OF_PULL)):
            node = at(step, "with", name)
            if node is not None and written.search(scalar(node)):
                yield node
    script = at(step, "run")
    if script is not None and _FETCHED.search(_SPACED.sub("N", scalar(script))):
        yield script


def _trigger(root: Node, name: str) -> Node | None:
    """Where the workflow names this event: `on: x`, `on: [x]` or `on: {x: …}`."""
    on = at(root, "on")
    if scalar(on) == name:
        return on
    named = [*elements(on), *(key for _, key, _ in items(on))]
    return next((node for node in named if scalar(node) == name), None)


def workflow_injection(context: FileContext) -> Iterator[Hit]:
    if not _is_workflow(context) and not _is_action(context):
        return
    texts = {number: text for number, text in context.added if "${{" in text}
    for step in _steps(context.yaml) if texts else ():
        script = at(step, "with", "script") if scalar(at(step, "uses")).startswith("actions/github-script@") else None
        for node in filter(None, (at(step, "run"), script)):
            for number in range(line(node), last_line(node) + 1):
                text = texts.get(number, "")
                if _WRITTEN_BY_ANYBODY.search(text):
                    yield Hit(number)
                elif _is_action(context) and _INPUT.search(text):
                    message = "An input becomes part of the script before the shell reads it."
                    yield Hit(number, message, severity=Severity.MEDIUM, confidence=0.85)


def secrets_inherited(context: FileContext) -> Iterator[Hit]:
    if not _is_workflow(context):
        return
    for name, job in _jobs(context.yaml).items():
        secrets = at(job, "secrets")
        called = scalar(at(job, "uses"))
        if secrets is None or scalar(secrets) != "inherit" or line(secrets) not in context.added_numbers:
            continue
        if called and not called.startswith("./"):
            yield Hit(line(secrets), f"Job `{name}` hands every secret of this repository to `{called}`.")
