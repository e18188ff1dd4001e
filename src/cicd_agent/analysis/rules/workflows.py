"""GitHub Actions workflows: what a change lets a token do, and who else gets to use it."""

import re
from bisect import bisect_left
from collections.abc import Iterator
from operator import itemgetter

from cicd_agent.analysis.rules.context import TABLES, FileContext
from cicd_agent.analysis.rules.expressions import find_expressions
from cicd_agent.analysis.rules.rule import Hit
from cicd_agent.analysis.rules.taint import Source, masked, sources, tainted
from cicd_agent.analysis.rules.workflow_source import Scopes, jobs, steps
from cicd_agent.analysis.rules.yaml_source import Node, at, elements, items, scalar
from cicd_agent.domain.finding import Severity
from cicd_agent.domain.repository.diff import Side
from cicd_agent.domain.repository.paths import PathKind

_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_FIRST_PARTY = ("actions/", "github/")
_OWN_RELEASE = re.compile(r"org/cicd-agent(?:/[\w-]+)?@v\d")
"""This program by a version, as `init` writes it: whoever can move that tag decides what reads this change."""
_LISTS = TABLES["workflows"]
_STRANGERS = sources(_LISTS["strangers"])
_INPUTS = Source(sources(["inputs.*"]))
_SCRIPTS: dict[str, list[str]] = _LISTS["scripts"]
_HEADS = sources(_LISTS["heads"])
_MERGED = re.compile(r"\brefs/pull/")
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


def _grants(root: Node | None) -> dict[tuple[str, str], tuple[str, int]]:
    """Access and line of each scope, by job ("" for the workflow). `*` is write-all, read-all or "" (a list)."""
    grants: dict[tuple[str, str], tuple[str, int]] = {}
    by_job = {job: at(node, "permissions") for job, node in {"": root, **jobs(root)}.items()}
    for permissions, job in {permissions: job for job, permissions in reversed(by_job.items())}.items():
        if permissions is not None:
            grants[job, "*"] = (scalar(permissions), permissions.line)
        for scope, _, access in items(permissions):
            grants[job, scope] = (scalar(access), access.line)
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
            message = f"{where} may write everything in this repository: code, releases, packages, settings."
            yield Hit(number, message, title="Workflow gets write-all permissions")
        # Some job could write this already: moving a permission to where it is used is no gain.
        elif access == "write" and before and held.isdisjoint({(scope, "write"), ("*", "write-all")}):
            yield Hit(number, f"{where} gains `{scope}: write`.", severity=Severity.MEDIUM, confidence=0.95)
    yield from _unlimited(context)


def _unlimited(context: FileContext) -> Iterator[Hit]:
    """The workflow's own permissions block is gone, and some job has none either."""
    was = at(context.old_yaml, "permissions")
    if was is None or at(context.yaml, "permissions") is not None:
        return
    bare = [name for name, job in jobs(context.yaml).items() if at(job, "permissions") is None]
    number = next((n for n in range(was.line - 1, was.last_line + 1) if n in context.deleted_numbers), 0)
    if bare and number:
        default = "has the repository's default permissions, which may be to write everything"
        yield Hit(number, f"Without it, job `{bare[0]}` {default}.", side=Side.LEFT, confidence=0.9)


def _used(root: Node | None) -> Iterator[tuple[str, str, int]]:
    for node in (*steps(root), *jobs(root).values()):
        uses = at(node, "uses")
        name, _, version = scalar(uses).partition("@")
        if uses is not None and name and not name.startswith((".", "docker://")):
            yield name, version, uses.line


def unpinned_action(context: FileContext) -> Iterator[Hit]:
    if not _is_workflow(context) and not _is_action(context):
        return
    old = {(name, version) for name, version, _ in _used(context.old_yaml)}
    pinned = {name for name, version in old if _SHA.fullmatch(version)}
    known = {name for name, _ in old}
    for name, version, number in _used(context.yaml):
        if number not in context.added_numbers or _SHA.fullmatch(version) or (name, version) in old:
            continue
        if name not in pinned and _OWN_RELEASE.match(f"{name}@{version}"):
            continue
        ref = f"`{version or 'its default branch'}`"
        if name in pinned:
            yield Hit(number, f"`{name}` was pinned to a commit and now follows {ref}.", confidence=1.0)
        elif name not in known and not name.startswith(_FIRST_PARTY):
            message = f"`{name}` runs at {ref}, which its owner can point at other code."
            yield Hit(number, message, severity=Severity.LOW if re.match(r"v?\d", version) else None, confidence=0.9)


def untrusted_checkout(context: FileContext) -> Iterator[Hit]:
    if not _is_workflow(context) or context.yaml is None:
        return
    triggers = ((name, _trigger(context.yaml, name)) for name in _EXPOSED)
    event, trigger = next((each for each in triggers if each[1] is not None), ("", None))
    if trigger is None:
        return
    for nodes in _taking_the_change(context.yaml):
        number = _first_added(context, *((node.line, node.last_line) for node in nodes))
        number = number or context.first_added(nodes[0].line, trigger.line)
        if number is not None:
            # Whoever wrote a comment may have been looked at in a step before.
            commented = event == "issue_comment"
            yield Hit(number, severity=Severity.HIGH if commented else None, confidence=0.8 if commented else None)


def _first_added(context: FileContext, *lines: tuple[int, int]) -> int | None:
    """The first added line that is in one of these ranges of lines."""
    for first, last in lines:
        index = bisect_left(context.added, first, key=itemgetter(0))
        if index < len(context.added) and context.added[index][0] <= last:
            return context.added[index][0]
    return None


def _taking_the_change(root: Node) -> Iterator[list[Node]]:
    """What in a step puts the pull request's head, or its merge commit, into the workspace, and where that is from."""
    met: set[Node] = set()
    for step, node, contexts in Scopes(root, _HEADS, _MERGED).texts(_checked_out):
        named = [source for _, found in tainted(scalar(node), contexts) for source in found]
        if step not in met and (named or _MERGED.search(masked(scalar(node)))):
            met.add(step)
            yield [node, *(source.origin for source in named if source.origin)]
    for script in dict.fromkeys(at(step, "run") for step in steps(root)):
        if script is not None and _FETCHED.search(masked(scalar(script))):
            yield [script]


def _trigger(root: Node, name: str) -> Node | None:
    """Where the workflow names this event: `on: x`, `on: [x]` or `on: {x: …}`."""
    on = at(root, "on")
    if scalar(on) == name:
        return on
    named = [*elements(on), *(key for _, key, _ in items(on))]
    return next((node for node in named if scalar(node) == name), None)


def workflow_injection(context: FileContext) -> Iterator[Hit]:
    if not context.added or not (_is_workflow(context) or _is_action(context)):
        return
    for _, node, contexts in Scopes(context.yaml, _STRANGERS).texts(_scripts):
        strangers = list(tainted(scalar(node), contexts))
        inputs = list(tainted(scalar(node), _INPUTS)) if _is_action(context) else []
        lines = _lines_of_expressions(node) if strangers or inputs else []
        for index, found in strangers:
            origins = ((source.origin.line, source.origin.last_line) for source in found if source.origin)
            number = _first_added(context, lines[index], *origins)
            if number is not None:
                yield Hit(number)
        for index, _ in inputs:
            number = _first_added(context, lines[index])
            if number is not None:
                message = "An input becomes part of the script before the shell reads it."
                yield Hit(number, message, severity=Severity.MEDIUM, confidence=0.85)


def _lines_of_expressions(node: Node) -> list[tuple[int, int]]:
    """First and last line of each expression in a scalar."""
    raw = node.raw
    lines, number, end = [], node.line, 0
    for first, last in find_expressions(raw):
        start = number + raw.count("\n", end, first)
        number, end = start + raw.count("\n", first, last), last
        lines.append((start, number))
    count = sum(1 for _ in find_expressions(scalar(node)))
    # Written with escapes, there are more or fewer than seem to be there.
    return lines if len(lines) == count else [(node.line, node.last_line)] * count


def _scripts(scopes: Scopes, step: Node) -> Iterator[Node]:
    """What a step runs as a program: its expressions are replaced before any program reads it."""
    names = _SCRIPTS.get(scalar(at(step, "uses")).partition("@")[0].lower())
    inputs = scopes.inputs_of(step) if names else {}
    yield from filter(None, (at(step, "run"), *(inputs.get(name) for name in names or ())))


def _checked_out(scopes: Scopes, step: Node) -> Iterator[Node]:
    if scalar(at(step, "uses")).lower().startswith("actions/checkout@"):
        inputs = scopes.inputs_of(step)
        yield from filter(None, (inputs.get("ref"), inputs.get("repository")))


def secrets_inherited(context: FileContext) -> Iterator[Hit]:
    if not _is_workflow(context):
        return
    for name, job in jobs(context.yaml).items():
        secrets = at(job, "secrets")
        called = scalar(at(job, "uses"))
        if secrets is None or scalar(secrets) != "inherit" or secrets.line not in context.added_numbers:
            continue
        if called and not called.startswith("./"):
            yield Hit(secrets.line, f"Job `{name}` passes every secret of this repository to `{called}`.")
