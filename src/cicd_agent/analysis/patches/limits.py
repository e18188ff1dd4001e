"""Says which patches nobody is offered: too large, in the wrong place, or green because less is looked at."""

import re
from collections.abc import Callable, Iterator

from cicd_agent.analysis.patches.apply import Texts
from cicd_agent.analysis.patches.edit import Edit, edits
from cicd_agent.analysis.patches.lowered_settings import loosened
from cicd_agent.analysis.patches.parser import Patch
from cicd_agent.analysis.patches.silencing import silenced
from cicd_agent.analysis.patches.weakened_tests import changes_product, expects_otherwise, weakened
from cicd_agent.domain.paths import PathKind, kinds
from cicd_agent.domain.text.quote import shown

MOST_FILES = 10
MOST_LINES = 200
"""Lines added and deleted."""
MOST_WIDTH = 2_000
"""Characters of a line that is added or deleted: the patterns see no more of it."""


def objection(patch: Patch, before: Texts, denied: Callable[[str], bool] = lambda _: False) -> str:
    """The first of the objections, "" when there is none."""
    return next(objections(patch, before, denied), "")


def objections(patch: Patch, before: Texts, denied: Callable[[str], bool] = lambda _: False) -> Iterator[str]:
    """Why nobody is offered this patch of these texts: clauses that begin with a verb.

    `denied` are the paths that no model is shown (deny-paths). A patch that does not apply is judged by its own lines.
    """
    if len(patch.files) > MOST_FILES:
        yield f"changes {len(patch.files)} files, more than {MOST_FILES}"
        return
    if patch.changed > MOST_LINES:
        yield f"changes {patch.changed} lines, more than {MOST_LINES}"
        return
    for path in patch.paths:
        if denied(path):
            yield f"touches a file that is kept from models ({path})"
        if why := misplaced(path):
            yield why
    changed = edits(patch, before)
    for edit in changed:
        yield from _hidden(edit)
        yield from loosened(edit)
        yield from weakened(edit)
        yield from silenced(edit)
    otherwise = [edit.path for edit in changed if expects_otherwise(edit)]
    if otherwise and not any(changes_product(edit) for edit in changed):
        yield f"changes what a test expects, and nothing that is tested ({otherwise[0]})"


def _hidden(edit: Edit) -> Iterator[str]:
    if any(len(line) > MOST_WIDTH for line in edit.changed):
        yield f"changes a line of more than {MOST_WIDTH:,} characters ({edit.path})"
    added = "".join(line for piece in edit.pieces for line in piece.added)
    if shown(added) != added:
        yield f"adds a secret or hidden characters ({edit.path})"


_JUDGES = re.compile(
    r"(?:^|/)(?:\.github|\.gitlab|\.gitea|\.forgejo|\.circleci|\.buildkite|\.semaphore|\.teamcity|\.azure-pipelines"
    r"|\.pipelines|\.woodpecker|\.husky|\.tekton|\.ado|\.concourse)(?:/|$)"
    r"|(?:^|/)(?:action\.ya?ml|codeowners|[^/]*jenkinsfile[^/]*|[^/]*\.jenkinsfile|\.?gitlab-ci[^/]*"
    r"|[^/]*\.gitlab-ci\.ya?ml"
    r"|\.?azure-pipelines[^/]*|\.?travis\.ya?ml|circle\.ya?ml|\.?appveyor\.ya?ml|bitbucket-pipelines\.ya?ml"
    r"|\.?(?:drone|cirrus|woodpecker|wercker|shippable|semaphore|screwdriver|mergify|pullapprove"
    r"|codeship)[^/]*\.(?:ya?ml|star|toml)"
    r"|buildspec[^/]*\.ya?ml|cloudbuild[^/]*\.(?:ya?ml|json)|buildkite\.ya?ml|bors\.toml|\.?cicd-agent\.ya?ml"
    r"|\.?codecov\.ya?ml|\.?coveralls\.ya?ml|\.pre-commit-[^/]*|dependabot\.ya?ml|renovate\.json5?|\.renovaterc[^/]*)$"
)
_GITS = re.compile(r"(?:^|/)\.git[^/]*(?:/|$)")
_SHADOWS = re.compile(
    r"(?:^|/)(?:sitecustomize|usercustomize)\.py$|^(?:src/|tests?/)?(?:_?pytest|unittest|coverage|mypy|ruff"
    r"|tox)(?:\.py|/__init__\.py)$"
    r"|\.pth$|(?:^|/)node_modules/|(?:^|/)(?:site-packages|\.venv|venv)/"
)


def misplaced(path: str) -> str:
    """Why no patch of ours may touch a path: a clause that begins with a verb, "" when one may."""
    lower = path.lower()
    found = kinds(path)
    checks = (
        (_JUDGES.search(lower), "edits what runs or guards the checks"),
        (found & {PathKind.WORKFLOW, PathKind.CI_CONFIG, PathKind.OWN_CONFIG}, "edits what runs or guards the checks"),
        (_GITS.search(lower), "touches what git itself obeys"),
        (PathKind.LOCK_FILE in found, "writes a lock file by hand"),
        (_SHADOWS.search(lower), "puts itself in the place of a tool"),
    )
    return next((f"{what} ({path})" for wrong, what in checks if wrong), "")
