"""Says which patches nobody is offered: too large, in the wrong place, or green because less is looked at."""

import re
from collections.abc import Callable, Iterator

from cicd_agent.analysis.patches.apply import Texts
from cicd_agent.analysis.patches.edit import Edit, edits
from cicd_agent.analysis.patches.lowered_settings import find_lowered_settings
from cicd_agent.analysis.patches.parser import Patch
from cicd_agent.analysis.patches.patterns import KINDS, PATTERNS, SILENCING, grown
from cicd_agent.analysis.patches.weakened_tests import changes_expectation, changes_product, find_weakened_tests
from cicd_agent.domain.repository.paths import PathKind, kinds
from cicd_agent.domain.text.quote import shown

MAX_FILES = 10
MAX_LINES = 200
"""Lines added and deleted."""
MAX_WIDTH = 2_000
"""Characters of a line that is added or deleted: the patterns see no more of it."""

_GITS = re.compile(r"(?:^|/)\.git[^/]*(?:/|$)")


def objection(patch: Patch, before: Texts, denied: Callable[[str], bool] = lambda _: False) -> str:
    """The first of the objections, "" when there is none."""
    return next(objections(patch, before, denied), "")


def objections(patch: Patch, before: Texts, denied: Callable[[str], bool] = lambda _: False) -> Iterator[str]:
    """Why nobody is offered this patch of these texts: clauses that begin with a verb.

    `denied` are the paths that no model is shown (deny-paths). A patch that does not apply is judged by its own lines.
    """
    if len(patch.files) > MAX_FILES:
        yield f"changes {len(patch.files)} files, more than {MAX_FILES}"
        return
    if patch.changed > MAX_LINES:
        yield f"changes {patch.changed} lines, more than {MAX_LINES}"
        return
    for path in patch.paths:
        if denied(path):
            yield f"touches a file that is kept from models ({path})"
        if reason := misplaced(path):
            yield reason
    changed = edits(patch, before)
    for edit in changed:
        yield from _hidden(edit)
        yield from find_lowered_settings(edit)
        yield from find_weakened_tests(edit)
        yield from find_silencing(edit)
    otherwise = [edit.path for edit in changed if changes_expectation(edit)]
    if otherwise and not any(changes_product(edit) for edit in changed):
        yield f"changes what a test expects, and nothing that is tested ({otherwise[0]})"


def _hidden(edit: Edit) -> Iterator[str]:
    if any(len(line) > MAX_WIDTH for line in edit.changed):
        yield f"changes a line of more than {MAX_WIDTH:,} characters ({edit.path})"
    added = "".join(line for piece in edit.pieces for line in piece.added)
    if shown(added) != added:
        yield f"adds a secret or hidden characters ({edit.path})"


def misplaced(path: str) -> str:
    """Why no patch of ours may touch a path: a clause that begins with a verb, "" when one may."""
    lower = path.lower()
    path_kinds = kinds(path)
    checks = (
        (PATTERNS["pipeline-files"].search(lower), "edits what runs or guards the checks"),
        (
            path_kinds & {PathKind.WORKFLOW, PathKind.CI_CONFIG, PathKind.OWN_CONFIG},
            "edits what runs or guards the checks",
        ),
        (_GITS.search(lower), "touches what git itself obeys"),
        (PathKind.LOCK_FILE in path_kinds, "writes a lock file by hand"),
        (PATTERNS["tool-shadows"].search(lower), "puts itself in the place of a tool"),
    )
    return next((f"{what} ({path})" for wrong, what in checks if wrong), "")


def _unstarted(edit: Edit) -> Iterator[str]:
    """What a script no longer starts, or no longer stops at."""
    for piece in edit.pieces:
        gone, come = ({line.strip().rstrip(",") for line in lines} for lines in (piece.deleted, piece.added))
        if any(
            PATTERNS["test-commands"].search(line[:500]) and not line.startswith(("#", "//")) for line in gone - come
        ):
            yield f"changes how tests or checks are started ({edit.path})"
        if grown(PATTERNS["stop-on-error"], piece.new, piece.old):
            yield f"goes on after a command that fails ({edit.path})"


def find_silencing(edit: Edit) -> Iterator[str]:
    """What an edit silences, a clause for each way in which it does."""
    if edit.is_prose:
        return
    names = {edit.suffix, edit.name, edit.name.partition(".")[0]}
    for sign in SILENCING:
        if sign.kinds and not sign.kinds & names:
            continue
        for piece in edit.pieces:
            both = (piece.old, piece.new) if sign.in_comments else (piece.old_code, piece.new_code)
            if grown(sign.pattern, *both):
                yield f"{sign.clause} ({edit.path})"
                break
    if names & KINDS["shell"]:
        yield from _unstarted(edit)
