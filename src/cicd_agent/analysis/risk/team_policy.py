"""What a team has decided on the risk of its own paths and services, in the configuration of the base branch."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from types import MappingProxyType

from cicd_agent.analysis.risk.assessment import FLOORS, Floor, floor_of
from cicd_agent.analysis.risk.comment_only import is_comment_only
from cicd_agent.analysis.risk.content import content_kinds
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.paths import Area, PathKind, kinds, matcher
from cicd_agent.domain.text.words import count
from cicd_agent.domain.verdict import RiskLevel
from cicd_agent.settings.schema import Settings

_OVERRIDABLE = frozenset(kind for kind, _, _ in FLOORS) - {PathKind.OWN_CONFIG}
"""Areas in whose place a team may set a floor: not the rules themselves, nor what nobody could read."""
_NOT_SERVED = frozenset({PathKind.DOCS, PathKind.TEST})


@dataclass(frozen=True, slots=True)
class AffectedService:
    """A service that a change touches, and who uses it; `tier` is None where nobody has said it."""

    name: str
    owner: str = ""
    environment: str = ""
    tier: int | None = None
    consumers: tuple[str, ...] = ()


def affected_services(change: Change | None, settings: Settings, environment: str = "") -> tuple[AffectedService, ...]:
    """The services with a changed file, in the order of the file; those of another environment are not meant."""
    return tuple(
        AffectedService(name, service.owner, service.environment, service.tier, service.consumers)
        for name, service in settings.services.items()
        if change is not None
        and (not environment or service.environment in {"", environment})
        and any(map(matcher(service.paths).match_file, change_paths(change)))
    )


def team_floors(
    areas: Iterable[Area], change: Change, settings: Settings
) -> tuple[tuple[Area, ...], tuple[Floor, ...]]:
    """The areas less the paths for which the team has set a floor of its own, and the floors that it has set.

    Findings count whatever a team sets: a floor may be lower than that of an area, never than what a rule has found.
    """
    chosen = _pattern_of(settings)
    left = (
        replace(area, paths=tuple(path for path in area.paths if not (area.kind in _OVERRIDABLE and chosen(path))))
        for area in areas
    )
    remaining = tuple(area for area in left if area.paths)
    named: dict[tuple[str, str], None] = {}
    for file in change.files:
        found = [floor for path in (file.path, file.old_path) if (floor := chosen(path))]
        # To prove that nothing but comments changes takes the whole file: only where a floor hangs on it.
        if found and not is_comment_only(file, change):
            named.update(dict.fromkeys(found))
    floors = [
        Floor(RiskLevel(level), f"it touches `{pattern}`, for which the configuration says at least {level}")
        for pattern, level in named
        if level != RiskLevel.LOW
    ]
    return remaining, (*floors, *_of_services(remaining, floors, change, settings))


def change_paths(change: Change) -> list[str]:
    return [path for file in change.files for path in (file.path, file.old_path)]


def path_floor(settings: Settings, texts: Mapping[str, str] = MappingProxyType({})) -> Callable[[str], Floor]:
    """What a path, and its file in `texts`, say of the level of changes of which nothing else is known any more."""
    chosen = _pattern_of(settings)
    first = _first_tier(settings)

    def floor(path: str) -> Floor:
        found, path_kinds = chosen(path), kinds(path)
        if found and PathKind.OWN_CONFIG not in path_kinds:
            highest = Floor(RiskLevel(found[1]), f"`{found[0]}` in the configuration")
        elif path in texts:
            highest = floor_of(path_kinds | content_kinds(path, path_kinds, [texts[path]], ()))
        else:
            highest = floor_of(path_kinds)
        if highest.level.rank >= RiskLevel.HIGH.rank or path_kinds & _NOT_SERVED:
            return highest
        names = first([path])
        return Floor(_one_higher(highest.level), f"`{names[0]}` of tier 1") if names else highest

    return floor


def _pattern_of(settings: Settings) -> Callable[[str], tuple[str, str] | None]:
    """The last pattern that matches a path, with its level."""
    floors = [(matcher([pattern]), pattern, level) for pattern, level in settings.risk.floors.items()]
    floors.reverse()

    @cache
    def chosen(path: str) -> tuple[str, str] | None:
        return next(((pattern, level) for spec, pattern, level in floors if spec.match_file(path)), None)

    return chosen


def _first_tier(settings: Settings) -> Callable[[Sequence[str]], list[str]]:
    """What names the services of tier 1 that one of some paths belongs to."""
    first = {name: matcher(each.paths) for name, each in settings.services.items() if each.tier == 1}
    return lambda paths: [name for name, spec in first.items() if any(map(spec.match_file, paths))]


def _one_higher(level: RiskLevel) -> RiskLevel:
    return RiskLevel.MEDIUM if level is RiskLevel.LOW else RiskLevel.HIGH


def _of_services(areas: Iterable[Area], floors: Iterable[Floor], change: Change, settings: Settings) -> Iterator[Floor]:
    """A service of tier 1 raises the floor that there is by one level, up to high."""
    first = _first_tier(settings)
    paths = [
        path
        for file in change.files
        if (served := [path for path in (file.path, file.old_path) if not kinds(path) & _NOT_SERVED])
        and first(served)
        and not is_comment_only(file, change)
        for path in served
    ]
    if names := first(paths):
        levels = [*(area.floor for area in areas), *(floor.level for floor in floors)]
        level = _one_higher(max(levels, key=lambda each: each.rank, default=RiskLevel.LOW))
        more = f" and {count(len(names) - 1, 'more service')}" if len(names) > 1 else ""
        yield Floor(level, f"it changes `{names[0]}`{more} of tier 1")
