"""Finds out by experiment why a test is flaky: one thing is changed, all others are held the same."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from cicd_agent.domain.ports.test_runner import PytestRunner
from cicd_agent.domain.text.words import clip, count
from cicd_agent.domain.trials.test_run import Perturbation, PytestRun, RunResult
from cicd_agent.modes.gen_tests.flaky.experiments import (
    MIN_SECONDS,
    SECONDS,
    Experiment,
    FlakyKind,
    FlakyTest,
    Victim,
    after,
    alone,
    failed,
)

NETWORK = frozenset(
    {"ConnectionError", "ConnectionRefusedError", "ConnectionResetError", "gaierror", "URLError", "HTTPError",
     "ConnectTimeout", "ReadTimeout", "ConnectError", "TimeoutException", "SSLError", "NewConnectionError"}
)  # fmt: skip
_REPEATS = 4
_HELD = Perturbation(random_seed=0)
_DAY = 86_400
_MAX_ORDERS = 3
_MAX_POLLUTERS = 10
OFTEN, _SELDOM = 1e-6, 10.0
"""Seconds after which Python lets another thread run."""
_RACES, _MIN_FAILURES = (8, 32), 7
"""Pairs of runs, first to see whether more are worth it. That so many failures are all of one side by chance, where it
makes no difference, happens once in 170 times: C(40, 7) / C(80, 7)."""
_Value = TypeVar("_Value")

Variants = dict[FlakyKind, list[tuple[Perturbation, RunResult]]]
"""What came of the victims together under variants of one thing."""


def vary(victims: Sequence[Victim], pytest_runner: PytestRunner, reserve: float = MIN_SECONDS) -> Variants:
    """How the victims end under each variant, all of them in one process: what is seen there is confirmed alone."""
    failures = [one for victim in victims for one in victim.failed]
    passes = [one for victim in victims for one in victim.passed]
    seeds = _first(12, [one.hash_seed for one in failures], [one.hash_seed for one in passes], range(1, 13))
    zones = _first(4, ["UTC"], [one.time_zone for one in failures], [one.time_zone for one in passes])
    shifts = _first(3, [0], [one.forward_seconds for one in (*failures, *passes)])
    variants = {
        FlakyKind.HASH_ORDER: [replace(_HELD, hash_seed=seed) for seed in seeds],
        FlakyKind.TIME: [replace(_HELD, time_zone=zone, forward_seconds=shift) for zone in zones for shift in shifts],
        FlakyKind.RANDOMNESS: [Perturbation(random_seed=seed) for seed in range(20)],
    }
    select = tuple(victim.nodeid for victim in victims)
    results: Variants = {}
    for kind, each in variants.items():
        if pytest_runner.seconds_left <= reserve:
            break
        runs = [PytestRun(f"{kind}-{at}", select, perturbation=one, seconds=SECONDS) for at, one in enumerate(each)]
        results[kind] = list(zip(each, pytest_runner.run(runs), strict=True))
    return results


def classify(victim: Victim, variants: Variants) -> Experiment[FlakyTest]:
    """The victim with the first reason that an experiment confirms, cheapest first."""
    if victim.exception in NETWORK:
        # There is no network here, and whoever asks for one is told so.
        return victim.as_flaky(FlakyKind.NETWORK, f"it raises {victim.exception} where there is no network")
    for kind in _VARIED:
        if flaky := (yield from _decided_by(kind, victim, variants.get(kind, ()))):
            return flaky
    if flaky := (yield from _decided_by_turns(victim)):
        return flaky
    if flaky := (yield from _decided_by_order(victim)):
        return flaky
    ends = [end for end in (yield from alone(victim.nodeid, [Perturbation()] * 5)) if end is not None]
    how = f"alone, with everything held the same, it failed {sum(ends)} of {count(len(ends), 'time')}"
    return victim.as_flaky(FlakyKind.UNKNOWN, how if ends else "it cannot be run alone")


def _decided_by(
    kind: FlakyKind, victim: Victim, variants: Sequence[tuple[Perturbation, RunResult]]
) -> Experiment[FlakyTest | None]:
    """The reason, when the variants alone decide how the test ends, each time the same."""
    reds = [one for one, result in variants if failed(result, victim.nodeid) is True]
    greens = [one for one, result in variants if failed(result, victim.nodeid) is False]
    if not reds or not greens:
        return None
    # Two that differ in as little as possible say most.
    red, green = min(((one, other) for one in reds for other in greens), key=lambda pair: _distance(*pair))
    again = yield from alone(victim.nodeid, [red, green])
    if again == [True, False]:
        again = yield from alone(victim.nodeid, [red, green] * _REPEATS)
    if again != [True, False] * _REPEATS:
        return None
    described = _VARIED[kind]
    how = f"alone, it fails each time with {described(red)} and passes each time with {described(green)}"
    # What decides it is what a fix has to stand up to, before all else that it failed under.
    failing = tuple(dict.fromkeys((red, *reds, *victim.failed)))[:20]
    return replace(victim.as_flaky(kind, how), failing=failing)


def _distance(one: Perturbation, other: Perturbation) -> int:
    return (one.time_zone != other.time_zone) + (one.forward_seconds != other.forward_seconds)


def _zone_and_date(one: Perturbation) -> str:
    days = one.forward_seconds // _DAY
    return f"the time zone {one.time_zone}" + (f" and the clock {count(days, 'day')} ahead" if days else "")


_VARIED: Mapping[FlakyKind, Callable[[Perturbation], str]] = {
    FlakyKind.HASH_ORDER: lambda one: f"PYTHONHASHSEED={one.hash_seed}",
    FlakyKind.TIME: _zone_and_date,
    FlakyKind.RANDOMNESS: lambda one: f"the random seed {one.random_seed}",
}
"""What is varied to see whether it decides, in this order, and how it is described."""


def _decided_by_turns(victim: Victim) -> Experiment[FlakyTest | None]:
    """Whether it fails only where its threads take turns as often as can be, be it not each time."""
    often: list[bool | None] = []
    seldom: list[bool | None] = []
    for number in _RACES:
        ends = yield from alone(victim.nodeid, [replace(_HELD, thread_switch=one) for one in [OFTEN, _SELDOM] * number])
        often, seldom = [*often, *ends[::2]], [*seldom, *ends[1::2]]
        if None in ends or any(seldom) or not any(often):
            return None
    failures = sum(map(bool, often))
    if failures < _MIN_FAILURES:
        return None
    how = f"alone, it failed {failures} of {count(len(often), 'time')} with threads that take turns each microsecond, "
    how += f"and never with threads that have {_SELDOM:g} seconds each"
    failing = (replace(_HELD, thread_switch=OFTEN), *victim.failed)
    return replace(victim.as_flaky(FlakyKind.RACE, how), failing=failing[:20])


def _first(limit: int, *parts: Sequence[_Value]) -> list[_Value]:
    """The first of each part, then the second of each, and so on."""
    turns = (part[at] for at in range(max(map(len, parts))) for part in parts if at < len(part))
    return list(dict.fromkeys(turns))[:limit]


def _decided_by_order(victim: Victim) -> Experiment[FlakyTest | None]:
    """Whether what runs before it decides, and which tests that are."""
    ends = yield from alone(victim.nodeid, [_HELD] * 2)
    if ends not in ([True] * 2, [False] * 2):
        return None
    is_brittle = ends[0] is True  # it fails alone: then it needs somebody before it
    before, held = yield from _before(victim, fails=not is_brittle)
    if not before:
        return None
    polluters = yield from _minimal(victim.nodeid, before, held, fails=not is_brittle)
    ends = yield from after(victim.nodeid, [((), held)] * _REPEATS + [(polluters, held)] * _REPEATS)
    # By chance it may have ended so in every run up to here.
    if ends != [is_brittle] * _REPEATS + [not is_brittle] * _REPEATS:
        return None
    [result] = yield [PytestRun("leaves", tuple(polluters), perturbation=held, in_order=True)]
    others, it = count(len(polluters), "other test"), "it leaves" if len(polluters) == 1 else "they leave"
    if is_brittle:
        how = f"it fails alone and passes after {others}: it needs what {it}"
    else:
        how = f"it passes alone and fails after {others}"
    if result.left:
        how += f", which {it.partition(' ')[2]} {clip(', '.join(result.left[:3]), 150)} behind"
    flaky = victim.as_flaky(FlakyKind.LEFTOVER if result.left else FlakyKind.ORDER, how)
    return replace(flaky, polluters=tuple(polluters[:_MAX_POLLUTERS]))


def _before(victim: Victim, *, fails: bool) -> Experiment[tuple[Sequence[str], Perturbation]]:
    """The tests before the victim in a run that ended otherwise than it does alone, if that can be had again."""
    for one, before in (victim.red_after if fails else victim.green_after)[:_MAX_ORDERS]:
        if not before:
            continue
        # Where the order alone does not bring it back, the rest of what was different may be needed with it.
        for variants in ([_HELD], [replace(one, order=None, random_seed=seed) for seed in (0, 1)]):
            ends = yield from after(victim.nodeid, [(before, held) for held in variants])
            for held, end in zip(variants, ends, strict=True):
                if end is fails:
                    return before, held
    return [], _HELD


def _minimal(nodeid: str, before: Sequence[str], held: Perturbation, *, fails: bool) -> Experiment[Sequence[str]]:
    """The fewest tests before it that make it end like this: by halves, and where it takes several, one by one."""
    suspects, needed = list(before), list[str]()
    while suspects and len(needed) < _MAX_POLLUTERS:
        while len(suspects) > 1:
            middle = len(suspects) // 2
            halves = (suspects[:middle], suspects[middle:])
            ends = yield from after(nodeid, [((*half, *needed), held) for half in halves])
            smaller = next((half for half, end in zip(halves, ends, strict=True) if end is fails), None)
            if smaller is None:
                break
            suspects = smaller
        # The last that is needed: without it the ones before it are not enough.
        low, high = 1, len(suspects)
        while low < high:
            middle = (low + high) // 2
            ends = yield from after(nodeid, [((*suspects[:middle], *needed), held)])
            low, high = (low, middle) if ends == [fails] else (middle + 1, high)
        needed = [suspects[high - 1], *needed]
        suspects = suspects[: high - 1]
        if suspects and (yield from after(nodeid, [(needed, held)])) == [fails]:
            return needed
    return [*suspects, *needed]
