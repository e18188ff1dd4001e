"""Groups of paths, each with jobs of its own: which of them a change touches."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.paths import PathKind, kinds, matcher
from cicd_agent.modes.route.result import AreaRun
from cicd_agent.settings.schema import Settings

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
