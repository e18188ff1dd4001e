"""Asks for the fix of a flaky test, and has it prove itself: it weakens nothing, and comes through 20 runs."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Any

from cicd_agent.agent.messages import Answer, Question, Tier
from cicd_agent.analysis.patches.apply import apply
from cicd_agent.analysis.patches.limits import objections
from cicd_agent.analysis.patches.parser import Flaw, read_patch
from cicd_agent.analysis.patches.syntax import only_sorts
from cicd_agent.analysis.patches.writer import written
from cicd_agent.analysis.python_tests.mutation.mutants import functions
from cicd_agent.domain.evidence import Evidence, Exhibit, Gap
from cicd_agent.domain.ports.test_runner import PytestRunner
from cicd_agent.domain.repository.paths import PathKind, kinds
from cicd_agent.domain.text.words import clip
from cicd_agent.domain.trials.test_run import Outcome, Perturbation, PytestRun, RunResult
from cicd_agent.domain.verdict import Draft
from cicd_agent.modes.gen_tests.evidence import TEST_EVIDENCE, known
from cicd_agent.modes.gen_tests.flaky.result import FlakyHunt, FlakyKind, FlakyTest, RefusedFix
from cicd_agent.modes.gen_tests.flaky.steps import TOO_LATE

RUNS = 20
"""Fresh processes that a fix has to come through."""
MAX_FIXED = 5
"""Flaky tests that a model is asked about."""
_SECONDS = 120.0
_EXPECTS = "changes what a test expects"
"""How the objection begins that does not hold for sorting what has no order."""
_LONGEST = 30_000


class FixDraft(Draft):
    """The answer to the question for a fix; `nothing` says why there is none."""

    patch: str | None
    why: str
    nothing: str | None


@dataclass(frozen=True, slots=True)
class _Fix:
    """The modules that a fix changes, before and after it."""

    before: Mapping[str, str]
    after: Mapping[str, str]


def fix_questions(evidence: Evidence, answers: Sequence[Answer[Any]]) -> Iterator[Question[FixDraft]]:
    """The next flaky test that nobody was asked about yet."""
    tests = known(evidence)
    requested = {answer.question for answer in answers}
    all_found = tests.hunt.found if tests.hunt else ()
    for number, item in enumerate(all_found[:MAX_FIXED]):
        name = f"flaky {item.nodeid}"
        if name not in requested and item.nodeid.partition("::")[0] in tests.modules:
            yield Question(
                name=name,
                instructions=files(__package__).joinpath("fix.md").read_text("utf-8"),
                evidence=tuple(_exhibits(item, _mended(tests.modules, all_found[:number]))),
                draft=FixDraft,
                check=_complain,
                tier=Tier.FAST,
                looks=False,
                weigh=lambda draft, seen, nodeid=item.nodeid: _weigh(draft, nodeid, seen),  # type: ignore[misc]
            )
            return


def with_fixes(answers: Sequence[Answer[Any]], evidence: Evidence, pytest_runner: PytestRunner) -> Evidence:
    """The evidence with what came of the fixes in these answers that were not tried yet."""
    tests = known(evidence)
    if tests.hunt is None:
        return evidence
    hunt = tests.hunt
    for answer in answers:
        nodeid = answer.question.removeprefix("flaky ")
        result = next((each for each in hunt.found if each.nodeid == nodeid), None)
        if not isinstance(answer.draft, FixDraft) or result is None or not answer.draft.patch:
            continue
        if result.patch or any(each.key == _key(answer.draft.patch) for each in result.refused):
            continue
        tried = _tried(result, answer.draft.patch, evidence, pytest_runner)
        if tried is None:
            gap = Gap(f"the fix of {nodeid}", "there was no time left to try it")
            evidence = replace(evidence, gaps=tuple(dict.fromkeys((*evidence.gaps, gap))))
            continue
        hunt = _with(hunt, tried)
        evidence = evidence.put(TEST_EVIDENCE, replace(known(evidence), hunt=hunt))
    return evidence


def _tried(outcome: FlakyTest, patch: str, evidence: Evidence, pytest_runner: PytestRunner) -> FlakyTest | None:
    """The test with its fix, or with one more that is refused; None when there was no time to tell."""
    tests = known(evidence)
    hunt = tests.hunt or FlakyHunt(0, 0, 0)
    modules = _mended(tests.modules, hunt.found[: hunt.found.index(outcome)])
    fix = _read(outcome, patch, modules)
    if isinstance(fix, str):
        return replace(outcome, refused=(*outcome.refused, RefusedFix(_key(patch), clip(fix, 300))))
    # Tests before it are mended by patches of their own, which come first.
    files = {path: text for path, text in modules.items() if text != tests.modules[path]}
    files.update(fix.after)
    runs = list(_runs(outcome, hunt.select))
    fragile = {each.nodeid for each in tests.suite.failed} | {each.nodeid for each in hunt.found}
    for run, result in zip(runs, pytest_runner.run(runs, files), strict=True):
        if not result.completed and pytest_runner.seconds_left <= TOO_LATE:
            return None
        if problem := _shortcoming(outcome, result, fix, fragile):
            reason = f"it does not come through {len(runs)} runs: in {run.name} {problem}"
            return replace(outcome, refused=(*outcome.refused, RefusedFix(_key(patch), clip(reason, 300))))
    return replace(outcome, patch=written(fix.before, fix.after))


def _read(result: FlakyTest, patch: str, modules: Mapping[str, str]) -> _Fix | str:
    """The modules with the patch, or why nobody is offered it, whatever the tests say."""
    read = read_patch(patch)
    if isinstance(read, Flaw):
        return f"it {read.reason}"
    strange = next((path for path in read.paths if PathKind.TEST not in kinds(path) or path not in modules), None)
    if strange is not None:
        return f"it changes {strange}, which is no test module that was shown"
    before = {path: modules[path] for path in read.paths}
    applied = apply(read, before)
    if isinstance(applied, Flaw):
        return f"it {applied.reason}"
    after = {path: text for path, text in applied.items() if text is not None}
    sorts = result.kind is FlakyKind.HASH_ORDER and all(only_sorts(before[path], text) for path, text in after.items())
    reason = next((each for each in objections(read, before) if not (sorts and each.startswith(_EXPECTS))), None)
    return f"it {reason}" if reason is not None else _Fix(before, after)


def _shortcoming(entry: FlakyTest, result: RunResult, fix: _Fix, fragile: AbstractSet[str]) -> str:
    """Why a run does not speak for a fix, "" when it does. `fragile` are tests that failed without it."""
    outcome = next((test.outcome for test in result.tests if test.nodeid == entry.nodeid), None)
    if not result.completed or outcome is not Outcome.PASSED:
        return f"the test is {outcome or result.problem or 'not run'}"
    near = [each.nodeid for each in result.failed if each.nodeid.partition("::")[0] in fix.after]
    broken = next((nodeid for nodeid in near if nodeid not in fragile), "")
    return f"another test fails with it: {broken}" if broken else ""


def _mended(modules: Mapping[str, str], result: Sequence[FlakyTest]) -> dict[str, str]:
    """The modules with the fixes of these tests."""
    texts = dict(modules)
    for each in result:
        read = read_patch(each.patch) if each.patch else None
        applied = apply(read, texts) if read is not None and not isinstance(read, Flaw) else None
        if applied is not None and not isinstance(applied, Flaw):
            texts.update({path: text for path, text in applied.items() if text is not None})
    return texts


def _runs(result: FlakyTest, select: tuple[str, ...]) -> Iterator[PytestRun]:
    """Twenty fresh processes under what the test failed under: alone, after those that it depends on, and among all."""
    held = result.failing or (Perturbation(),)
    is_order = result.kind in {FlakyKind.ORDER, FlakyKind.LEFTOVER}
    for number in range(RUNS):
        one = held[number % len(held)]
        if number >= len(held):
            one = replace(
                one, hash_seed=one.hash_seed + number, random_seed=number if one.random_seed is not None else None
            )
        name = f"run {number + 1}"
        among = PytestRun(name, select, perturbation=one, seconds=5 * _SECONDS)
        by_itself = PytestRun(name, (result.nodeid,), perturbation=one, seconds=_SECONDS)
        after = (*result.polluters, result.nodeid)
        if is_order:
            in_order = PytestRun(name, after, perturbation=replace(one, order=None), in_order=True, seconds=_SECONDS)
            yield (among, in_order, by_itself)[number % 3]
        elif result.kind is FlakyKind.UNKNOWN:
            yield among
        else:
            # What mends it may break others: all of them are looked at twice.
            yield among if number % 10 == 9 else by_itself  # noqa: PLR2004


def _weigh(draft: FixDraft, nodeid: str, evidence: Evidence) -> str | None:
    hunt = known(evidence).hunt
    result = next((each for each in hunt.found if each.nodeid == nodeid), None) if hunt else None
    if result is None or result.patch or not draft.patch:
        return None
    reason = next((each.reason for each in result.refused if each.key == _key(draft.patch or "")), "")
    return f"This fix is not offered: {reason}." if reason else None


def _complain(draft: FixDraft) -> str | None:
    patch = (draft.patch or "").strip()
    if not patch and not (draft.nothing or "").strip():
        return "There is neither a `patch`, nor does `nothing` say why."
    if len(patch) > _LONGEST:
        return f"`patch` has more than {_LONGEST:,} characters."
    flaw = read_patch(draft.patch or "") if patch else None
    return f"`patch`: it {flaw.reason}." if isinstance(flaw, Flaw) else None


def _exhibits(result: FlakyTest, modules: Mapping[str, str]) -> Iterator[Exhibit]:
    words = [
        f"test: {result.nodeid}",
        f"kind: {result.kind}",
        f"shown by: {result.shown_by}",
        f"failed: {result.failures} of {result.runs} runs",
        f"message: {result.message}",
        *(f"depends on: {each}" for each in result.polluters),
    ]
    yield Exhibit("FLAKY", "what experiments have shown", "\n".join(words), priority=9)
    shown: set[str] = set()
    for nodeid in (result.nodeid, *result.polluters[:3]):
        path = nodeid.partition("::")[0]
        if path in modules and path not in shown:
            shown.add(path)
            yield Exhibit(path, path, _excerpt(modules[path], nodeid), priority=8)


def _excerpt(text: str, nodeid: str) -> str:
    """The module, or of a long one as much as leads to the end of the test."""
    if len(text) <= _LONGEST:
        return text
    name = nodeid.rpartition("::")[2].partition("[")[0]
    last = next((each.last for each in functions(text) if each.name.rpartition(".")[2] == name), 400)
    return clip("\n".join(text.splitlines()[: last + 20]), _LONGEST)


def _with(hunt: FlakyHunt, result: FlakyTest) -> FlakyHunt:
    return replace(hunt, found=tuple(result if each.nodeid == result.nodeid else each for each in hunt.found))


def _key(patch: str) -> str:
    return hashlib.sha256(patch.encode("utf-8", "surrogatepass")).hexdigest()[:16]
