"""The routing table: what is done at each level of risk, the config's cells in its place, and which areas run."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from posixpath import basename
from typing import Final

from cicd_agent.analysis.risk.features import features
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.paths import PathKind, kinds, matcher
from cicd_agent.domain.text.words import count
from cicd_agent.domain.verdict import RiskLevel
from cicd_agent.modes.route.result import AreaRun, Build, Cells
from cicd_agent.settings.schema import Settings

TABLE: Final[Mapping[RiskLevel, Cells]] = {
    RiskLevel.LOW: Cells("affected", "cached", "rolling"),
    RiskLevel.MEDIUM: Cells("affected", "cached", "rolling"),
    RiskLevel.HIGH: Cells("extended", "cached", "canary", 10, 30),
    RiskLevel.CRITICAL: Cells("extended", "cached", "canary", 5, 60),
}
"""`affected` is full as long as the test map is not proved, `cached` is full when the build itself has changed."""

_CANARY = 10
"""The percentage of a canary where the table has none."""
_WHAT_BUILDS = frozenset(
    {PathKind.DEPENDENCY_MANIFEST, PathKind.LOCK_FILE, PathKind.DOCKERFILE, PathKind.WORKFLOW, PathKind.CI_CONFIG}
)
_COMPOSE = ("compose*.y*ml", "docker-compose*.y*ml", ".dockerignore")


def build_for(change: Change) -> tuple[Build, str]:
    paths = [
        path
        for path in _touched(change)
        if kinds(path) & _WHAT_BUILDS or any(fnmatchcase(basename(path).lower(), pattern) for pattern in _COMPOSE)
    ]
    if paths:
        return "full", f"{first_files(paths, 2)} changed"
    path_kinds = [kinds(file.path) for file in change.files]
    for kind, noun in (
        (PathKind.DOCS, "documentation"),
        (PathKind.TEST, "tests"),
        (PathKind.AGENT_INSTRUCTIONS, "instructions to coding agents"),
    ):
        if path_kinds and all(kind in each for each in path_kinds):
            return "cached", f"only {noun}"
    return "cached", "only application code"


def first_files(paths: Sequence[str], limit: int) -> str:
    more = len(paths) - limit
    return ", ".join(paths[:limit]) + (f" and {count(more, 'more file')}" if more > 0 else "")


def overridden(cells: Cells, level: RiskLevel, settings: Settings) -> tuple[Cells, tuple[str, ...]]:
    """The cells with what the config says for the level in their place, and the names of these."""
    route = settings.routes.get(level.value)
    overrides = route.model_dump(exclude_none=True) if route else {}
    changed = replace(cells, **overrides)
    if "canary_percentage" not in overrides and "strategy" in overrides:
        # A share of the traffic goes with a canary, and with nothing else.
        share = (cells.canary_percentage or _CANARY) if changed.strategy == "canary" else 0
        changed = replace(changed, canary_percentage=share)
    return changed, tuple(overrides)


# MDX is compiled; a page or a script in a folder of documents is served, and may be the product's.
_PROSE = frozenset({"md", "markdown", "rst", "adoc", "asciidoc", "org", "textile", "txt"})
_PICTURES = frozenset({"png", "jpg", "jpeg", "gif", "svg", "ico", "webp", "avif", "pdf"})
_FOLDERS = frozenset({"doc", "docs", "documentation", "man", "manual", "changelog.d", "newsfragments", ".github"})
_ANYWHERE = frozenset({"readme", "changelog", "license", "licence", "copying", "contributing", "authors"})
_BUILDS = frozenset({"cmakelists.txt", "meson_options.txt"})
_DOCTEST = re.compile(r"\s*>>>(?:\s|$)|.*\bdoctest:")


def is_inert(change: Change) -> bool:
    """Whether all of the change is documentation, or comments beside it."""
    shape = features(change)
    if not (shape.documentation_only or shape.comment_only):
        return False
    paths = (path for file in change.files for path in (file.path, file.old_path))
    # What is documentation by its name has to be so by its place, too: a package may hold texts that it uses. What is
    # not documentation has changed in its comments only.
    is_for_people = all(PathKind.DOCS not in kinds(path) or _is_document(path) for path in paths)
    lines = (line.text for file in change.files for line in (*file.added, *file.deleted))
    is_known = all(file.excerpt_of is None for file in change.files)
    return is_for_people and is_known and not any(map(_DOCTEST.match, lines))


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
    return suffix in _PROSE | _PICTURES and not _FOLDERS.isdisjoint(parents)


_AREAS: Final[Mapping[str, frozenset[PathKind]]] = {
    "docs": frozenset({PathKind.DOCS}),
    "tests": frozenset({PathKind.TEST}),
    "dependencies": frozenset({PathKind.DEPENDENCY_MANIFEST, PathKind.LOCK_FILE, PathKind.VENDORED}),
    "infrastructure": frozenset({PathKind.INFRASTRUCTURE, PathKind.DOCKERFILE, PathKind.ENV_CONFIG}),
    "migrations": frozenset({PathKind.MIGRATION}),
    "workflows": frozenset(
        {PathKind.WORKFLOW, PathKind.CI_CONFIG, PathKind.OWN_CONFIG, PathKind.CODE_OWNERS, PathKind.AGENT_INSTRUCTIONS}
    ),
}
DEFAULT_AREAS: Final = ("code", *_AREAS)
"""The areas of a repository whose config names none. `code` is all source, and whatever is in no other area."""

_NO_CODE = frozenset({PathKind.DOCS, PathKind.TEST, PathKind.VENDORED, PathKind.EXAMPLE})


def area_runs(change: Change | None, settings: Settings, *, everything: bool) -> tuple[AreaRun, ...]:
    """Each area in the order of the config. `everything` makes all of them run; without a change all do."""
    touched = _touched(change) if change is not None else ()
    areas = []
    for name, contains in _areas(settings):
        paths = tuple(path for path in touched if contains is None or contains(path))
        areas.append(AreaRun(name, everything or change is None or contains is None or bool(paths), paths))
    return tuple(areas)


def unreadable_areas(settings: Settings) -> Iterator[str]:
    """Why an area runs whatever the change is: its patterns are none."""
    for name, contains in _areas(settings):
        if contains is None:
            yield f"the patterns of the area `{name}` cannot be read, mend them in {settings.config_file}"


def outside(change: Change, areas: tuple[AreaRun, ...]) -> tuple[str, ...]:
    inside = {path for area in areas for path in area.paths}
    return tuple(path for path in _touched(change) if path not in inside)


def _touched(change: Change) -> tuple[str, ...]:
    return tuple(dict.fromkeys(path for file in change.files for path in (file.path, file.old_path)))


def _areas(settings: Settings) -> Iterator[tuple[str, Callable[[str], bool] | None]]:
    """Each area with whether it contains a path, None when its patterns are none."""
    if not settings.areas:
        for name in DEFAULT_AREAS:
            yield name, lambda path, area=name: area in _default_areas(path)  # type: ignore[misc]
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


def _default_areas(path: str) -> set[str]:
    """The default areas in which a path lies: at least one."""
    path_kinds = kinds(path)
    areas = {area for area, contained in _AREAS.items() if path_kinds & contained}
    if not areas or (PathKind.SOURCE in path_kinds and not path_kinds & _NO_CODE):
        areas.add("code")
    return areas
