"""Who said what, one over the other: the organisation's locks, inputs, the repository's file, defaults."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from cicd_agent.settings.schema import Settings
from cicd_agent.settings.values import Setting


class Rank(IntEnum):
    """Whose word it is; the highest counts."""

    BUILT_IN = 0
    DEFAULTS = 1
    """The organisation's, which a repository may change."""
    FILE = 2
    INPUT = 3
    LOCKED = 4
    """The organisation's, which nobody may change."""


_REPOSITORY = frozenset({Rank.FILE, Rank.INPUT})


@dataclass(frozen=True, slots=True)
class Given:
    """One setting as somebody gave it; `where` is the place, for people."""

    setting: Setting
    value: object
    rank: Rank
    where: str


@dataclass(frozen=True, slots=True)
class Overridden:
    """Something that a lock has put aside: a setting, or one key of a mapping as `rules.http-timeout`."""

    name: str
    where: str


@dataclass(frozen=True, slots=True)
class Stack:
    """What counts in the end. `ranks` are by field, and for the keys of a mapping by `field.key` as well."""

    values: Mapping[str, object] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict)
    ranks: Mapping[str, Rank] = field(default_factory=dict)
    overridden: tuple[Overridden, ...] = ()


def stacked(given: Iterable[Given]) -> Stack:
    """One over the other. Mappings are merged key by key; lists are not."""
    values: dict[str, object] = {}
    places: dict[str, list[str]] = {}
    told: dict[str, Given] = {}
    overridden: list[Overridden] = []
    for each in sorted(given, key=lambda each: each.rank):
        name, before = each.setting.field, values.get(each.setting.field)
        if isinstance(each.value, Mapping):
            kept = dict(before) if isinstance(before, Mapping) else {}
            for key, item in each.value.items():
                if _puts_aside(each, told.get(f"{name}.{key}")) and kept[key] != item:
                    overridden.append(Overridden(f"{each.setting.name}.{key}", told[f"{name}.{key}"].where))
                told[f"{name}.{key}"] = each
            values[name] = {**kept, **each.value}
            places[name] = [each.where, *places.get(name, ())]
        else:
            if _puts_aside(each, told.get(name)) and before != each.value:
                overridden.append(Overridden(each.setting.name, told[name].where))
            values[name], places[name] = each.value, [each.where]
        told[name] = each
    origins = {name: "; ".join(places[name]) if name in places else "default" for name in Settings.model_fields}
    ranks = {name: each.rank for name, each in told.items()}
    return Stack(values, origins, ranks, tuple(overridden))


def _puts_aside(each: Given, before: Given | None) -> bool:
    """Whether a lock comes over something that the repository said."""
    return each.rank is Rank.LOCKED and before is not None and before.rank in _REPOSITORY
