"""The routing table: what is done at each level of risk, the config's cells in its place, and which areas run."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from posixpath import basename
from typing import Final

from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.paths import PathKind, kinds, matcher
from cicd_agent.domain.text.words import count
from cicd_agent.domain.verdict import RiskLevel
from cicd_agent.modes.route.result import AreaRun, Build, Cells, TestScope
from cicd_agent.modes.shared.rollout import rollout
from cicd_agent.settings.schema import Route, Settings

TESTS: Final[Mapping[RiskLevel, TestScope]] = {
    RiskLevel.LOW: "affected",
    RiskLevel.MEDIUM: "affected",
    RiskLevel.HIGH: "extended",
    RiskLevel.CRITICAL: "extended",
}
"""`affected` is full as long as the test map is not proved."""

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
    path_kinds = [change.kinds_of(file) for file in change.files]
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


def planned(level: RiskLevel, settings: Settings, *, is_inert: bool) -> tuple[Cells, tuple[str, ...]]:
    """The cells of a level with what the config says in their place, and the names of these.

    No test runs for a change in which nothing that runs has changed; `cached` is full when the build has changed.
    """
    route, out = settings.routes.get(level.value, Route()), rollout(level, settings, is_inert=is_inert)
    cells = Cells(
        tests=route.tests or ("none" if is_inert else TESTS[level]),
        build=route.build or "cached",
        strategy=out.strategy,
        canary_percentage=out.percentage,
        monitor_minutes=out.minutes,
        requires_approval=out.approval,
    )
    return cells, tuple(route.model_dump(exclude_none=True))


_AREAS: Final[Mapping[str, frozenset[PathKind]]] = {
    "docs": frozenset({PathKind.DOCS}),
    "tests": frozenset({PathKind.TEST}),
    "dependencies": frozenset({PathKind.DEPENDENCY_MANIFEST, PathKind.LOCK_FILE, PathKind.VENDORED}),
    "infrastructure": frozenset({PathKind.INFRASTRUCTURE, PathKind.DOCKERFILE, PathKind.ENV_CONFIG}),
    "migrations": frozenset({PathKind.MIGRATION, PathKind.DATABASE_SCHEMA}),
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
            yield f"the patterns of the area `{name}` cannot be read, fix them in {settings.config_file}"


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
