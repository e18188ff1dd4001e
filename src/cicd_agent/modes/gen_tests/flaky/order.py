"""Finds the tests that make another one fail, or that it needs, by running it after fewer and fewer of them."""

from collections.abc import Generator, Sequence
from dataclasses import replace

from cicd_agent.domain.test_run import Perturbation, PytestRun, RunResult
from cicd_agent.domain.text.words import clip, count
from cicd_agent.modes.gen_tests.flaky.result import FlakyKind
from cicd_agent.modes.gen_tests.flaky.steps import Ran, Steps, Victim, after, alone, failed

_HELD = Perturbation(random_seed=0)
_REPEATS = 4
_MOST_ORDERS = 3
_MOST_POLLUTERS = 10

_Found = Generator[Sequence[PytestRun], Sequence[RunResult], tuple[list[str], Perturbation]]
_Narrowed = Generator[Sequence[PytestRun], Sequence[RunResult], list[str]]


def order(victim: Victim) -> Steps:
    """Whether what runs before it decides, and which tests that are."""
    ends = yield from alone(victim.nodeid, [_HELD] * 2)
    if ends not in ([True] * 2, [False] * 2):
        return None
    is_brittle = ends[0] is True  # it fails alone: then it needs somebody before it
    before, held = yield from _before(victim, wanted=not is_brittle)
    if not before:
        return None
    polluters = yield from _narrowed(victim.nodeid, before, held, wanted=not is_brittle)
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
    found = victim.told(FlakyKind.LEFTOVER if leaves else FlakyKind.ORDER, how)
    return replace(found, polluters=tuple(polluters[:_MOST_POLLUTERS]))


def _before(victim: Victim, *, wanted: bool) -> _Found:
    """The tests before the victim in a run that ended otherwise than it does alone, if that can be had again."""
    for one, before in (victim.red_after if wanted else victim.green_after)[:_MOST_ORDERS]:
        if not before:
            continue
        # Where the order alone does not bring it back, the rest of what was different may be needed with it.
        for variants in ((_HELD,), tuple(replace(one, order=None, random_seed=seed) for seed in (0, 1))):
            results = yield [after(before, victim.nodeid, held) for held in variants]
            for held, result in zip(variants, results, strict=True):
                if failed(result, victim.nodeid) is wanted:
                    return list(before), held
    return [], _HELD


def _narrowed(nodeid: str, before: Sequence[str], held: Perturbation, *, wanted: bool) -> _Narrowed:
    """The fewest tests before it that make it end like this: by halves, and where it takes several, one by one."""
    suspects, needed = list(before), list[str]()
    while suspects and len(needed) < _MOST_POLLUTERS:
        while len(suspects) > 1:
            middle = len(suspects) // 2
            halves = (suspects[:middle], suspects[middle:])
            ends = yield from _ends(nodeid, [[*half, *needed] for half in halves], held)
            smaller = next((half for half, end in zip(halves, ends, strict=True) if end is wanted), None)
            if smaller is None:
                break
            suspects = smaller
        # The last that is needed: without it the ones before it are not enough.
        low, high = 1, len(suspects)
        while low < high:
            middle = (low + high) // 2
            [end] = yield from _ends(nodeid, [[*suspects[:middle], *needed]], held)
            low, high = (low, middle) if end is wanted else (middle + 1, high)
        needed = [suspects[high - 1], *needed]
        suspects = suspects[: high - 1]
        if not suspects:
            break
        [end] = yield from _ends(nodeid, [needed], held)
        if end is wanted:
            return needed
    return [*suspects, *needed]


def _ends(nodeid: str, befores: Sequence[Sequence[str]], held: Perturbation) -> Ran:
    results = yield [after(before, nodeid, held) for before in befores]
    return [failed(result, nodeid) for result in results]
