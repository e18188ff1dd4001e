"""Finds out by experiment why a test is flaky: one thing is changed, all others are held the same."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from cicd_agent.core.flaky import FlakyKind, FlakyTest
from cicd_agent.core.ports_tests import Laboratory
from cicd_agent.core.testrun import Outcome, Perturbation, PytestRun, RunResult
from cicd_agent.core.words import clip, count

ADVICE = {
    FlakyKind.ORDER: "Undo in the polluter what it changes (by a fixture), or set up here what is needed.",
    FlakyKind.LEFTOVER: "Write to `tmp_path` in place of the tree, and take nothing for granted that is not made here.",
    FlakyKind.TIME: "Pass the time in, or set the clock and the time zone for the test.",
    FlakyKind.RANDOMNESS: "Seed the generator that the test or the code draws from, or assert what holds for any draw.",
    FlakyKind.HASH_ORDER: "Sort what comes out of a set or a hash before it is compared.",
    FlakyKind.NETWORK: "Answer the request in the test (a local server, a recorded answer).",
    FlakyKind.UNKNOWN: "Look for threads, timeouts and shared state: nothing that was varied explains it.",
}
_NETWORK = frozenset(
    {"ConnectionError", "ConnectionRefusedError", "ConnectionResetError", "gaierror", "URLError", "HTTPError",
     "ConnectTimeout", "ReadTimeout", "ConnectError", "TimeoutException", "SSLError", "NewConnectionError"}
)  # fmt: skip
_RED = frozenset({Outcome.FAILED, Outcome.ERROR})
_REPEATS = 3
_SECONDS = 60.0
_SEEDS = range(1, 9)


@dataclass(frozen=True, slots=True)
class Victim:
    """A test that did both, and under what. `message` and `exception` are those of its first failure."""

    nodeid: str
    passed: Sequence[Perturbation]
    failed: Sequence[Perturbation]
    message: str = ""
    exception: str = ""

    @property
    def unexplained(self) -> FlakyTest:
        """What is known of it before anything was tried out."""
        runs = len(self.passed) + len(self.failed)
        advice = ADVICE[FlakyKind.UNKNOWN]
        return FlakyTest(
            self.nodeid,
            FlakyKind.UNKNOWN,
            len(self.failed),
            runs,
            self.message,
            advice=advice,
            failing=tuple(dict.fromkeys(self.failed))[:20],
        )


def classified(victim: Victim, collected: Sequence[str], laboratory: Laboratory) -> FlakyTest:
    """The victim with the first reason that an experiment confirms, from the cheapest to the dearest.

    `collected` are all tests, in the order in which they run.
    """
    for experiment in (_network, _hash_order, _time, _randomness, _order):
        found = experiment(victim, collected, laboratory)
        if found is not None:
            return replace(found, advice=ADVICE[found.kind])
    alone = _alone(victim, [Perturbation()] * 4, laboratory)
    failures = sum(alone)
    how = f"alone, with everything held the same, it failed {failures} of {len(alone)} times"
    return replace(victim.unexplained, shown_by=how)


def _network(victim: Victim, _collected: Sequence[str], _laboratory: Laboratory) -> FlakyTest | None:
    """By what it raises: there is no network here, and whoever asks for one is told so."""
    if victim.exception not in _NETWORK:
        return None
    return _told(victim, FlakyKind.NETWORK, f"it raises {victim.exception} where there is no network")


def _hash_order(victim: Victim, _collected: Sequence[str], laboratory: Laboratory) -> FlakyTest | None:
    held = Perturbation(random_seed=0)
    return _varied(
        victim,
        laboratory,
        [replace(held, hash_seed=seed) for seed in _SEEDS],
        FlakyKind.HASH_ORDER,
        lambda one: f"PYTHONHASHSEED={one.hash_seed}",
    )


def _time(victim: Victim, _collected: Sequence[str], laboratory: Laboratory) -> FlakyTest | None:
    held = Perturbation(random_seed=0)
    zones = dict.fromkeys(("UTC", *(one.time_zone for one in victim.failed)))
    shifts = dict.fromkeys((0, *(one.forward_seconds for one in victim.failed)))
    variants = [replace(held, time_zone=zone, forward_seconds=shift) for zone in zones for shift in shifts]

    def words(one: Perturbation) -> str:
        days = one.forward_seconds // 86_400
        return f"the time zone {one.time_zone}" + (f" and the clock {count(days, 'day')} ahead" if days else "")

    return _varied(victim, laboratory, variants[:12], FlakyKind.TIME, words)


def _randomness(victim: Victim, _collected: Sequence[str], laboratory: Laboratory) -> FlakyTest | None:
    variants = [Perturbation(random_seed=seed) for seed in range(24)]
    return _varied(victim, laboratory, variants, FlakyKind.RANDOMNESS, lambda one: f"the random seed {one.random_seed}")


def _varied(
    victim: Victim,
    laboratory: Laboratory,
    variants: Sequence[Perturbation],
    kind: FlakyKind,
    words: Callable[[Perturbation], str],
) -> FlakyTest | None:
    """The reason, when the variants alone decide how the test ends, each time the same."""
    ends = _alone(victim, variants, laboratory)
    if len(ends) < len(variants) or all(ends) or not any(ends):
        return None
    red, green = variants[ends.index(True)], variants[ends.index(False)]
    again = _alone(victim, [red] * _REPEATS + [green] * _REPEATS, laboratory)
    if again != [True] * _REPEATS + [False] * _REPEATS:
        return None
    how = f"alone, it fails each time with {words(red)} and passes each time with {words(green)}"
    # What decides it alone is what a fix has to stand up to, before all else that it failed under.
    decisive = [one for one, end in zip(variants, ends, strict=True) if end]
    return replace(_told(victim, kind, how), failing=tuple(dict.fromkeys((*decisive, *victim.failed)))[:20])


def _order(victim: Victim, collected: Sequence[str], laboratory: Laboratory) -> FlakyTest | None:
    """Whether what runs before it decides, and which tests that are."""
    alone = _alone(victim, [Perturbation(random_seed=0)] * _REPEATS, laboratory)
    if not alone or (any(alone) and not all(alone)):
        return None
    is_brittle = alone[0]  # it fails alone: then it needs somebody before it
    seeds = victim.passed if is_brittle else victim.failed
    before = next((found for one in seeds if (found := _before(victim, one, collected, laboratory, is_brittle))), None)
    if not before:
        return None
    polluters = _narrowed(victim, before, laboratory, differs_to=not is_brittle)
    leaves = _leaves(polluters, laboratory)
    kind = FlakyKind.LEFTOVER if leaves else FlakyKind.ORDER
    names = "it" if len(polluters) == 1 else "them"
    if is_brittle:
        how = f"it fails alone and passes after {count(len(polluters), 'other test')}: it needs what {names} leave"
    else:
        how = f"it passes alone and fails after {count(len(polluters), 'other test')}"
    if leaves:
        how += f", which leaves {clip(', '.join(leaves[:3]), 150)} behind"
    return replace(_told(victim, kind, how), polluters=tuple(polluters[:10]))


def _before(
    victim: Victim,
    one: Perturbation,
    collected: Sequence[str],
    laboratory: Laboratory,
    is_brittle: bool,  # noqa: FBT001
) -> list[str]:
    """The tests before the victim in a run that ended otherwise than it does alone, if that can be had again."""
    [run] = laboratory.run([PytestRun("order", perturbation=replace(one, random_seed=0), seconds=5 * _SECONDS)])
    order = [test.nodeid for test in run.tests] if run.completed else list(collected)
    if victim.nodeid not in order or _failed(run, victim.nodeid) is not (not is_brittle):
        return []
    return order[: order.index(victim.nodeid)]


def _narrowed(victim: Victim, before: Sequence[str], laboratory: Laboratory, *, differs_to: bool) -> list[str]:
    """The fewest tests before the victim that make it end like this, by halves: one, unless several are needed."""
    suspects = list(before)
    while len(suspects) > 1 and laboratory.seconds_left > 5:  # noqa: PLR2004  what the port says
        middle = len(suspects) // 2
        halves = (suspects[:middle], suspects[middle:])
        runs = [_after(half, victim.nodeid, name) for name, half in zip(("first", "second"), halves, strict=True)]
        ends = [_failed(result, victim.nodeid) for result in laboratory.run(runs)]
        smaller = next((half for half, end in zip(halves, ends, strict=True) if end is differs_to), None)
        if smaller is None:
            break
        suspects = list(smaller)
    return suspects


def _after(before: Sequence[str], nodeid: str, name: str) -> PytestRun:
    held = Perturbation(random_seed=0)
    return PytestRun(name, (*before, nodeid), perturbation=held, in_order=True, seconds=5 * _SECONDS)


def _leaves(polluters: Sequence[str], laboratory: Laboratory) -> tuple[str, ...]:
    """The files that the polluters leave in the tree."""
    if len(polluters) != 1:
        return ()
    [result] = laboratory.run([PytestRun("leaves", tuple(polluters), seconds=_SECONDS)])
    return result.left


def _alone(victim: Victim, variants: Sequence[Perturbation], laboratory: Laboratory) -> list[bool]:
    """Whether it fails alone under each; shorter where a run did not come to its end."""
    runs = [
        PytestRun(f"alone-{number}", (victim.nodeid,), perturbation=one, seconds=_SECONDS)
        for number, one in enumerate(variants)
    ]
    return list(_ended(laboratory.run(runs), victim.nodeid))


def _ended(results: Sequence[RunResult], nodeid: str) -> Iterator[bool]:
    for result in results:
        end = _failed(result, nodeid)
        if end is not None:
            yield end


def _failed(result: RunResult, nodeid: str) -> bool | None:
    """Whether the test failed in a run, None when the run says nothing of it."""
    outcome = next((test.outcome for test in result.tests if test.nodeid == nodeid), None)
    return None if outcome is None or not result.completed else outcome in _RED


def _told(victim: Victim, kind: FlakyKind, how: str) -> FlakyTest:
    return replace(victim.unexplained, kind=kind, shown_by=how)
