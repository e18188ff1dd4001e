"""Finds out by experiment why a test is flaky: one thing is changed, all others are held the same."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from typing import TypeVar

from cicd_agent.domain.ports.test_runner import PytestRunner
from cicd_agent.domain.text.words import clip, count
from cicd_agent.domain.trials.test_run import Perturbation, PytestRun, RunResult
from cicd_agent.modes.gen_tests.flaky.result import FlakyKind
from cicd_agent.modes.gen_tests.flaky.steps import SECONDS, TOO_LATE, Ran, Steps, Victim, after, alone, failed

ADVICE = {
    FlakyKind.ORDER: "Undo in the polluter what it changes (by a fixture), or set up here what is needed.",
    FlakyKind.LEFTOVER: "Write to `tmp_path` in place of the tree, and take nothing for granted that is not made here.",
    FlakyKind.TIME: "Pass the time in, or set the clock and the time zone for the test.",
    FlakyKind.RANDOMNESS: "Seed the generator that the test or the code draws from, or assert what holds for any draw.",
    FlakyKind.HASH_ORDER: "Sort what comes out of a set or a hash before it is compared.",
    FlakyKind.NETWORK: "Answer the request in the test (a local server, a recorded answer).",
    FlakyKind.UNKNOWN: "Look for threads, timeouts and shared state: nothing that was varied explains it.",
}
NETWORK = frozenset(
    {"ConnectionError", "ConnectionRefusedError", "ConnectionResetError", "gaierror", "URLError", "HTTPError",
     "ConnectTimeout", "ReadTimeout", "ConnectError", "TimeoutException", "SSLError", "NewConnectionError"}
)  # fmt: skip
_REPEATS = 4
_HELD = Perturbation(random_seed=0)
_DAY = 86_400
_Value = TypeVar("_Value")

Screened = dict[FlakyKind, list[tuple[Perturbation, RunResult]]]
"""What came of the victims together under variants of one thing."""
_MAX_ORDERS = 3
_MAX_POLLUTERS = 10
_Found = Generator[Sequence[PytestRun], Sequence[RunResult], tuple[list[str], Perturbation]]
_Narrowed = Generator[Sequence[PytestRun], Sequence[RunResult], list[str]]


def screened(victims: Sequence[Victim], pytest_runner: PytestRunner, until: float = TOO_LATE) -> Screened:
    """How the victims end under each variant, all of them in one process: what is seen there is confirmed alone."""
    failed = [one for victim in victims for one in victim.failed]
    passed = [one for victim in victims for one in victim.passed]
    seeds = _first(12, [one.hash_seed for one in failed], [one.hash_seed for one in passed], range(1, 13))
    zones = _first(4, ["UTC"], [one.time_zone for one in failed], [one.time_zone for one in passed])
    shifts = _first(3, [0], [one.forward_seconds for one in (*failed, *passed)])
    variants = {
        FlakyKind.HASH_ORDER: [replace(_HELD, hash_seed=seed) for seed in seeds],
        FlakyKind.TIME: [replace(_HELD, time_zone=zone, forward_seconds=shift) for zone in zones for shift in shifts],
        FlakyKind.RANDOMNESS: [Perturbation(random_seed=seed) for seed in range(20)],
    }
    select = tuple(victim.nodeid for victim in victims)
    results: Screened = {}
    for kind, each in variants.items():
        if pytest_runner.seconds_left <= until:
            break
        runs = [
            PytestRun(f"{kind}-{number}", select, perturbation=one, seconds=SECONDS) for number, one in enumerate(each)
        ]
        results[kind] = list(zip(each, pytest_runner.run(runs), strict=True))
    return results


def classified(victim: Victim, seen: Screened) -> Steps:
    """The victim with the first reason that an experiment confirms, from the cheapest to the dearest."""
    if victim.exception in NETWORK:
        # There is no network here, and whoever asks for one is told so.
        result = victim.as_flaky(FlakyKind.NETWORK, f"it raises {victim.exception} where there is no network")
        return replace(result, advice=ADVICE[result.kind])
    for kind, words in _WORDS.items():
        diagnosis = yield from _decided(victim, kind, seen.get(kind, ()), words)
        if diagnosis is not None:
            return replace(diagnosis, advice=ADVICE[kind])
    diagnosis = yield from order(victim)
    if diagnosis is not None:
        return replace(diagnosis, advice=ADVICE[diagnosis.kind])
    ends = [end for end in (yield from alone(victim.nodeid, [Perturbation()] * 5)) if end is not None]
    how = f"alone, with everything held the same, it failed {sum(ends)} of {count(len(ends), 'time')}"
    result = victim.as_flaky(FlakyKind.UNKNOWN, how if ends else "it cannot be run alone")
    return replace(result, advice=ADVICE[result.kind])


def _decided(
    victim: Victim,
    kind: FlakyKind,
    seen: Sequence[tuple[Perturbation, RunResult]],
    words: Callable[[Perturbation], str],
) -> Steps:
    """The reason, when the variants alone decide how the test ends, each time the same."""
    reds = [one for one, result in seen if failed(result, victim.nodeid) is True]
    greens = [one for one, result in seen if failed(result, victim.nodeid) is False]
    if not reds or not greens:
        return None
    # Two that differ in as little as possible say most.
    red, green = min(((one, other) for one in reds for other in greens), key=lambda pair: _distance(*pair))
    again = yield from alone(victim.nodeid, [red, green])
    if again == [True, False]:
        again = yield from alone(victim.nodeid, [red, green] * _REPEATS)
    if again != [True, False] * _REPEATS:
        return None
    how = f"alone, it fails each time with {words(red)} and passes each time with {words(green)}"
    # What decides it is what a fix has to stand up to, before all else that it failed under.
    failing = tuple(dict.fromkeys((red, *reds, *victim.failed)))[:20]
    return replace(victim.as_flaky(kind, how), failing=failing)


def _distance(one: Perturbation, other: Perturbation) -> int:
    return (one.time_zone != other.time_zone) + (one.forward_seconds != other.forward_seconds)


def _hash_seed(one: Perturbation) -> str:
    return f"PYTHONHASHSEED={one.hash_seed}"


def _zone_and_date(one: Perturbation) -> str:
    days = one.forward_seconds // _DAY
    return f"the time zone {one.time_zone}" + (f" and the clock {count(days, 'day')} ahead" if days else "")


def _random_seed(one: Perturbation) -> str:
    return f"the random seed {one.random_seed}"


_WORDS = {FlakyKind.HASH_ORDER: _hash_seed, FlakyKind.TIME: _zone_and_date, FlakyKind.RANDOMNESS: _random_seed}
"""What is varied to see whether it decides, in this order, and how it is said."""


def _first(limit: int, *parts: Sequence[_Value]) -> list[_Value]:
    turns = (part[location] for location in range(max(map(len, parts))) for part in parts if location < len(part))
    return list(dict.fromkeys(turns))[:limit]


def order(victim: Victim) -> Steps:
    """Whether what runs before it decides, and which tests that are."""
    ends = yield from alone(victim.nodeid, [_HELD] * 2)
    if ends not in ([True] * 2, [False] * 2):
        return None
    is_brittle = ends[0] is True  # it fails alone: then it needs somebody before it
    before, held = yield from _before(victim, requested=not is_brittle)
    if not before:
        return None
    polluters = yield from _narrowed(victim.nodeid, before, held, requested=not is_brittle)
    runs = [PytestRun("alone", (victim.nodeid,), perturbation=held)] * _REPEATS
    results = yield [*runs, *[after(polluters, victim.nodeid, held)] * _REPEATS]
    # By chance it may have ended so in every run up to here.
    if [failed(each, victim.nodeid) for each in results] != [is_brittle] * _REPEATS + [not is_brittle] * _REPEATS:
        return None
    results = yield [PytestRun("leaves", tuple(polluters), perturbation=held, in_order=True)]
    leaves = results[0].left
    others = count(len(polluters), "other test")
    if is_brittle:
        needs = "it leaves" if len(polluters) == 1 else "they leave"
        how = f"it fails alone and passes after {others}: it needs what {needs}"
    else:
        how = f"it passes alone and fails after {others}"
    if leaves:
        verb = "leaves" if len(polluters) == 1 else "leave"
        how += f", which {verb} {clip(', '.join(leaves[:3]), 150)} behind"
    result = victim.as_flaky(FlakyKind.LEFTOVER if leaves else FlakyKind.ORDER, how)
    return replace(result, polluters=tuple(polluters[:_MAX_POLLUTERS]))


def _before(victim: Victim, *, requested: bool) -> _Found:
    """The tests before the victim in a run that ended otherwise than it does alone, if that can be had again."""
    for one, before in (victim.red_after if requested else victim.green_after)[:_MAX_ORDERS]:
        if not before:
            continue
        # Where the order alone does not bring it back, the rest of what was different may be needed with it.
        for variants in ((_HELD,), tuple(replace(one, order=None, random_seed=seed) for seed in (0, 1))):
            results = yield [after(before, victim.nodeid, held) for held in variants]
            for held, result in zip(variants, results, strict=True):
                if failed(result, victim.nodeid) is requested:
                    return list(before), held
    return [], _HELD


def _narrowed(nodeid: str, before: Sequence[str], held: Perturbation, *, requested: bool) -> _Narrowed:
    """The fewest tests before it that make it end like this: by halves, and where it takes several, one by one."""
    suspects, needed = list(before), list[str]()
    while suspects and len(needed) < _MAX_POLLUTERS:
        while len(suspects) > 1:
            middle = len(suspects) // 2
            halves = (suspects[:middle], suspects[middle:])
            ends = yield from _ends(nodeid, [[*half, *needed] for half in halves], held)
            smaller = next((half for half, end in zip(halves, ends, strict=True) if end is requested), None)
            if smaller is None:
                break
            suspects = smaller
        # The last that is needed: without it the ones before it are not enough.
        low, high = 1, len(suspects)
        while low < high:
            middle = (low + high) // 2
            [end] = yield from _ends(nodeid, [[*suspects[:middle], *needed]], held)
            low, high = (low, middle) if end is requested else (middle + 1, high)
        needed = [suspects[high - 1], *needed]
        suspects = suspects[: high - 1]
        if not suspects:
            break
        [end] = yield from _ends(nodeid, [needed], held)
        if end is requested:
            return needed
    return [*suspects, *needed]


def _ends(nodeid: str, befores: Sequence[Sequence[str]], held: Perturbation) -> Ran:
    results = yield [after(before, nodeid, held) for before in befores]
    return [failed(result, nodeid) for result in results]
