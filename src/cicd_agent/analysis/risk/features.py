"""The shape of a change in numbers: its size, its spread over directories, and what its paths and commits say of it."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from cicd_agent.analysis.risk.annotation_only import is_annotation_only
from cicd_agent.analysis.risk.comment_only import is_comment_only
from cicd_agent.domain.repository.change import Change, Commit
from cicd_agent.domain.repository.diff import FileDiff
from cicd_agent.domain.repository.history import Experience, Measures, entropy
from cicd_agent.domain.repository.paths import UNCOUNTED, PathKind, kinds

UNKNOWN = Experience()
_PROVED = 50
"""In a change of more files no lines are told from comments and annotations: to prove it takes what the files hold."""
OF_TESTS = frozenset({PathKind.TEST, PathKind.EXAMPLE})
"""What runs, and not where the product does."""
_UNCOUNTED_ATTRIBUTES = {"linguist-generated", "linguist-vendored", "-diff"}
_REPAIRS = re.compile(r"(?i)\b(?:fix(?:e[sd]|ing)?|bug(?:s|fix|fixes)?|hotfix|defects?)\b(?!-)")
_COSMETICS = re.compile(
    r"(?i)\b(?:typos?|spelling|grammar|lint(?:er|ing)?|format(?:ting)?|docs?|comments?|ci|flake8|ruff)\b"
)
_HEADER = re.compile(
    r"""(?sx) \ufeff?
    (?: \s++ | (?: // | \# | -- | ;+ | % ) [^\n]*+ | /\* .*? \*/ | <!-- .*? --> | \"{3} .*? \"{3} )*"""
)
_MAX_HEADER = 4000
"""Characters at the top of a file in which a generator names itself."""
# Go's convention (https://go.dev/s/generatedcode), that of Meta's tools, and what most others write.
_GENERATED = re.compile(r"(?i)(?<![\w-])@generated(?![\w-])|\b(?:auto-?)?generated\b")
_UNTOUCHED = re.compile(r"(?i)(?<![\w-])@generated(?![\w-])|\bdo\s+not\s+(?:manually\s+)?(?:edit|modify|change|make)\b")
# What Renovate, Dependabot, Snyk, pre-commit.ci and Greenkeeper call their updates, whatever the type in front.
_UPDATES = re.compile(
    r"""(?ix) \w+\( (?:[\w-]+[-/\ ])? (?:deps?|dependenc(?:y|ies)) (?:-dev)? \)!?:
    | (?:\[[\w.\ -]+\]\ )? (?:\w+(?:\([^)]*\))?!?:\ )? (?:security\ )?
    (?: pre-commit\ autoupdate | lock\ file\ maintenance | package\S*json\b.*\bto\ reduce\ vulnerabilities
      | (?:bump|upgrade|update|pin|replace)\ (?:the\ )?
        (?: dependency\ |\S+\ (?:from\ v?\d|requirement|group|digest|docker\ tag|action|to\ (?:version\ |v)?\d)\b ) )"""
)


@dataclass(frozen=True, slots=True)
class Features:
    """What the model knows of a change, and whether nothing in it runs; `comment_only` allows documentation besides."""

    measures: Measures
    documentation_only: bool
    comment_only: bool


def features(change: Change, experience: Experience = UNKNOWN) -> Features:
    """Measure a change.

    Lines of documentation and of generated, vendored and lock files are not counted, nor those of files in which, by
    proof, comments or annotations alone change. What a header calls generated counts while it is new: that is a claim.
    """
    kinds_of = {file.path: kinds(file.path) for file in change.files}
    counted = [
        file
        for file in change.files
        if not kinds_of[file.path] & UNCOUNTED
        and not _UNCOUNTED_ATTRIBUTES.intersection(file.attributes)
        and not file.is_bundle
        and not _is_generated(file, change)
        and not (len(change.files) <= _PROVED and (is_comment_only(file, change) or is_annotation_only(file, change)))
    ]
    churn = [(file.added_count, file.deleted_count) for file in counted]
    in_tests = sum(file.added_count for file in counted if kinds_of[file.path] & OF_TESTS)
    # What is renamed to look like documentation was something else, and is gone from there.
    is_documentation = {
        file.path: PathKind.DOCS in kinds_of[file.path] & kinds(file.old_path) and _is_plain(file)
        for file in change.files
    }
    return Features(
        measured(kinds_of, churn, in_tests, is_fix=_is_fix(change.commits), known=experience),
        documentation_only=bool(kinds_of) and all(is_documentation.values()),
        comment_only=bool(kinds_of)
        and all(is_documentation[file.path] or is_comment_only(file, change) for file in change.files),
    )


def measured(
    paths: Collection[str], churn: Sequence[tuple[int, int]], in_tests: int, *, is_fix: bool, known: Experience
) -> Measures:
    """The numbers of a change of these paths; `churn` are the added and deleted lines of those that are counted.

    Of the added lines, `in_tests` are in tests and examples.
    """
    parents = {path.rpartition("/")[0] for path in paths}
    return Measures(
        subsystems=len({parent.partition("/")[0] for parent in parents}),
        directories=len(parents),
        files=len(paths),
        entropy=entropy(list(map(sum, churn))),
        added=sum(added for added, _ in churn),
        deleted=sum(deleted for _, deleted in churn),
        added_in_tests=in_tests,
        is_fix=is_fix,
        experience=known,
    )


def _is_generated(file: FileDiff, change: Change) -> bool:
    """Whether a comment at its top said before the change that nobody edits it, and still says so."""
    before, after = change.old_texts.get(file.old_path), change.texts.get(file.path)
    return all(text is not None and _has_generated_header(text) for text in (before, after))


def _has_generated_header(text: str) -> bool:
    header = _HEADER.match(text[:_MAX_HEADER])
    return header is not None and all(word.search(header[0]) for word in (_GENERATED, _UNTOUCHED))


def says_repair(subject: str) -> bool:
    return bool(_REPAIRS.search(subject)) and not _COSMETICS.search(subject) and not _UPDATES.match(subject)


def _is_fix(commits: Iterable[Commit]) -> bool:
    """Most subjects speak of a repair; one `fix lint` in a branch of features does not make it one."""
    subjects = [commit.subject for commit in commits if not commit.subject.startswith("Merge ")]
    return 2 * sum(map(says_repair, subjects)) > len(subjects)


def _is_plain(file: FileDiff) -> bool:
    """Whether a file is read and never run or followed: no executable, link or submodule."""
    return {file.old_mode, file.new_mode} <= {"", "100644"}
