"""The routing table: what is done at each level of risk, the config's cells in its place, and what needs no test."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from posixpath import basename
from types import MappingProxyType
from typing import Final

from cicd_agent.analysis.risk.features import features
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.diff import FileDiff
from cicd_agent.domain.repository.paths import PathKind, kinds, matcher
from cicd_agent.domain.text.words import count
from cicd_agent.domain.verdict import RiskLevel
from cicd_agent.modes.route.result import AreaRun, Build, Cells
from cicd_agent.settings.schema import Settings

TABLE: Final[Mapping[RiskLevel, Cells]] = MappingProxyType(
    {
        RiskLevel.LOW: Cells("affected", "cached", "rolling"),
        RiskLevel.MEDIUM: Cells("affected", "cached", "rolling"),
        RiskLevel.HIGH: Cells("extended", "cached", "canary", 10, 30),
        RiskLevel.CRITICAL: Cells("extended", "cached", "canary", 5, 60),
    }
)
"""`affected` is full as long as the test map is not proved, `cached` is full when the build itself has changed."""

CELLS: Final = ("tests", "build", "strategy", "canary_percentage", "monitor_minutes")

_CANARY = {RiskLevel.CRITICAL: 5}
_CANARY_OTHERWISE = 10
_WHAT_BUILDS = frozenset(
    {PathKind.DEPENDENCY_MANIFEST, PathKind.LOCK_FILE, PathKind.DOCKERFILE, PathKind.WORKFLOW, PathKind.CI_CONFIG}
)
_COMPOSE = ("compose*.y*ml", "docker-compose*.y*ml", ".dockerignore")
_MAX_NAMED = 2


def build_for(change: Change) -> tuple[Build, str]:
    """The build that a change needs, and why."""
    path_kinds = list(
        dict.fromkeys(path for file in change.files for path in (file.path, file.old_path) if _builds(path))
    )
    if not path_kinds:
        return "cached", _only(change)
    named = ", ".join(path_kinds[:_MAX_NAMED])
    more = len(path_kinds) - _MAX_NAMED
    rest = f" and {count(more, 'more file')}" if more > 0 else ""
    return "full", f"{named}{rest} changed"


def _builds(path: str) -> bool:
    name = basename(path).lower()
    return bool(kinds(path) & _WHAT_BUILDS) or any(fnmatchcase(name, pattern) for pattern in _COMPOSE)


def _only(change: Change) -> str:
    """What a change is made of that leaves the build as it is."""
    path_kinds = [kinds(file.path) for file in change.files]
    if path_kinds and all(PathKind.DOCS in each for each in path_kinds):
        return "only documentation"
    return "only tests" if path_kinds and all(PathKind.TEST in each for each in path_kinds) else "only application code"


def overridden(cells: Cells, level: RiskLevel, settings: Settings) -> tuple[Cells, tuple[str, ...]]:
    """The cells with what the config says for the level in their place, and the names of these."""
    route = settings.routes.get(level.value)
    if route is None:
        return cells, ()
    overrides = {name: value for name in CELLS if (value := getattr(route, name)) is not None}
    changed = replace(cells, **overrides)
    if "canary_percentage" not in overrides and "strategy" in overrides:
        # A share of the traffic goes with a canary, and with nothing else.
        share = (
            (cells.canary_percentage or _CANARY.get(level, _CANARY_OTHERWISE)) if changed.strategy == "canary" else 0
        )
        changed = replace(changed, canary_percentage=share)
    return changed, tuple(overrides)


# MDX is compiled; a page or a script in a folder of documents is served, and may be the product's.
_PROSE = frozenset({"md", "markdown", "rst", "adoc", "asciidoc", "org", "textile", "txt"})
_PICTURES = frozenset({"png", "jpg", "jpeg", "gif", "svg", "ico", "webp", "avif", "pdf"})
_DOCUMENT_FOLDERS = frozenset(
    {"doc", "docs", "documentation", "man", "manual", "changelog.d", "newsfragments", ".github"}
)
_ANYWHERE = frozenset({"readme", "changelog", "license", "licence", "copying", "contributing", "authors"})
_BUILDS = frozenset({"cmakelists.txt", "meson_options.txt"})
_DOCTEST = re.compile(r"\s*>>>(?:\s|$)|.*\bdoctest:")


def is_inert(change: Change) -> bool:
    """Whether all of the change is documentation, or comments beside it."""
    shape = features(change)
    if not (shape.documentation_only or shape.comment_only):
        return False
    return all(_is_for_people(file) for file in change.files) and not any(map(_has_doctest, change.files))


def _is_for_people(file: FileDiff) -> bool:
    """Whether a file that is documentation by its name is so by its place, too: a package may hold texts that it uses.

    What is not documentation has changed in its comments only.
    """
    return all(PathKind.DOCS not in kinds(path) or _is_document(path) for path in (file.path, file.old_path))


def _is_document(path: str) -> bool:
    *parents, name = path.lower().split("/")
    stem, suffix = name.partition(".")[0], name.rpartition(".")[2]
    if "." not in name:
        # A script may be called `install`; what is written large is there to be read.
        return basename(path).isupper()
    if name in _BUILDS:
        return False
    if not parents or stem in _ANYWHERE:
        return suffix in _PROSE
    return suffix in _PROSE | _PICTURES and not _DOCUMENT_FOLDERS.isdisjoint(parents)


def _has_doctest(file: FileDiff) -> bool:
    return any(_DOCTEST.match(line.text) for lines in (file.added, file.deleted) for line in lines)


BY_KIND: Final[Mapping[str, frozenset[PathKind]]] = MappingProxyType(
    {
        "docs": frozenset({PathKind.DOCS}),
        "tests": frozenset({PathKind.TEST}),
        "dependencies": frozenset({PathKind.DEPENDENCY_MANIFEST, PathKind.LOCK_FILE, PathKind.VENDORED}),
        "infrastructure": frozenset({PathKind.INFRASTRUCTURE, PathKind.DOCKERFILE, PathKind.ENV_CONFIG}),
        "migrations": frozenset({PathKind.MIGRATION}),
        "workflows": frozenset({PathKind.WORKFLOW, PathKind.CI_CONFIG, PathKind.OWN_CONFIG}),
    }
)
DEFAULT_AREAS: Final = ("code", *BY_KIND)
"""The areas of a repository whose config names none. `code` is all source, and whatever is in no other area."""

_NO_CODE = frozenset({PathKind.DOCS, PathKind.TEST, PathKind.VENDORED, PathKind.EXAMPLE})


def area_runs(change: Change | None, settings: Settings, *, everything: bool) -> tuple[AreaRun, ...]:
    """Each area in the order of the config. `everything` makes all of them run; without a change all do."""
    touched = _touched(change) if change is not None else ()
    path_kinds = []
    for name, holds in _tests(settings):
        paths = tuple(path for path in touched if holds is None or holds(path))
        path_kinds.append(AreaRun(name, everything or change is None or holds is None or bool(paths), paths))
    return tuple(path_kinds)


def unreadable_areas(settings: Settings) -> Iterator[str]:
    """Why an area runs whatever the change is: its patterns are none."""
    for name, holds in _tests(settings):
        if holds is None:
            yield f"the patterns of the area `{name}` cannot be read, mend them in {settings.config_file}"


def outside(change: Change, areas: tuple[AreaRun, ...]) -> tuple[str, ...]:
    inside = {path for area in areas for path in area.paths}
    return tuple(path for path in _touched(change) if path not in inside)


def _touched(change: Change) -> tuple[str, ...]:
    return tuple(dict.fromkeys(path for file in change.files for path in (file.path, file.old_path)))


def _tests(settings: Settings) -> Iterator[tuple[str, Callable[[str], bool] | None]]:
    """Each area with what tells whether a path lies in it, None when its patterns are none."""
    if not settings.areas:
        for name in DEFAULT_AREAS:
            yield name, lambda path, area=name: area in _by_kind(path)  # type: ignore[misc]
        return
    for name, patterns in settings.areas.items():
        try:
            yield name, _last_match(patterns)
        except ValueError:
            yield name, None


def _last_match(patterns: Sequence[str]) -> Callable[[str], bool]:
    """Whether the last pattern that matches a path puts it in or takes it out. Raises ValueError."""
    # One by one: a spec of them all leaves a file in whose folder is taken out, as git does for what it ignores.
    steps = [(matcher([pattern.removeprefix("!")]), not pattern.startswith("!")) for pattern in reversed(patterns)]
    if any(pattern.strip() == "!" for pattern in patterns):
        raise ValueError("a pattern is missing behind its `!`")
    return lambda path: next((inside for spec, inside in steps if spec.match_file(path)), False)


def _by_kind(path: str) -> frozenset[str]:
    """The default areas in which a path lies: at least one."""
    path_kinds = kinds(path)
    areas = {area for area, those in BY_KIND.items() if path_kinds & those}
    if not areas or (PathKind.SOURCE in path_kinds and not path_kinds & _NO_CODE):
        areas.add("code")
    return frozenset(areas)
