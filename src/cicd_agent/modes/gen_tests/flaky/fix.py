"""Asks for the fix of a flaky test, and has it prove itself: it weakens nothing, and comes through 20 runs."""

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.resources import files
from typing import Any

from cicd_agent.agent.messages import Answer, Question, Tier
from cicd_agent.analysis.patches.apply import apply
from cicd_agent.analysis.patches.limits import objections
from cicd_agent.analysis.patches.parser import Flaw, read_patch
from cicd_agent.analysis.patches.syntax import only_sorts
from cicd_agent.analysis.patches.writer import written
from cicd_agent.analysis.python_tests.syntax import functions
from cicd_agent.domain.evidence import Evidence, Exhibit, Gap
from cicd_agent.domain.ports.test_runner import PytestRunner
from cicd_agent.domain.repository.framework_tests import holds_tests
from cicd_agent.domain.repository.paths import PathKind, kinds
from cicd_agent.domain.text.words import clip
from cicd_agent.domain.trials.test_run import Outcome, Perturbation, PytestRun, RunResult
from cicd_agent.domain.verdict import Draft
from cicd_agent.modes.gen_tests.evidence import TEST_EVIDENCE, TestEvidence, known
from cicd_agent.modes.gen_tests.flaky.experiments import MIN_SECONDS, FlakyHunt, FlakyKind, FlakyTest, RefusedFix

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
                evidence=tuple(_exhibits(item, _fixed(tests.modules, all_found[:number]))),
                draft=FixDraft,
                check=_complain,
                tier=Tier.FAST,
                looks=False,
                weigh=lambda draft, tried, nodeid=item.nodeid: _weigh(draft, nodeid, tried),  # type: ignore[misc]
            )
            return


def with_fixes(answers: Sequence[Answer[Any]], evidence: Evidence, pytest_runner: PytestRunner) -> Evidence:
    """The evidence with what came of the fixes in these answers that were not tried yet."""
    for answer in answers:
        tests = known(evidence)
        nodeid = answer.question.removeprefix("flaky ")
        flaky = _flaky(tests.hunt, nodeid)
        if not isinstance(answer.draft, FixDraft) or flaky is None or tests.hunt is None or not answer.draft.patch:
            continue
        if flaky.patch or any(each.key == _key(answer.draft.patch) for each in flaky.refused):
            continue
        tried = _try(flaky, answer.draft.patch, tests, tests.hunt, pytest_runner)
        if tried is None:
            gap = Gap(f"the fix of {nodeid}", "there was no time left to try it")
            evidence = replace(evidence, gaps=tuple(dict.fromkeys((*evidence.gaps, gap))))
            continue
        all_found = tuple(tried if each is flaky else each for each in tests.hunt.found)
        evidence = evidence.put(TEST_EVIDENCE, replace(tests, hunt=replace(tests.hunt, found=all_found)))
    return evidence


def _flaky(hunt: FlakyHunt | None, nodeid: str) -> FlakyTest | None:
    return next((each for each in hunt.found if each.nodeid == nodeid), None) if hunt else None


def _try(
    flaky: FlakyTest, patch: str, tests: TestEvidence, hunt: FlakyHunt, pytest_runner: PytestRunner
) -> FlakyTest | None:
    """The test with its fix, or with one more that is refused; None when there was no time to tell."""
    modules = _fixed(tests.modules, hunt.found[: hunt.found.index(flaky)])
    after = _apply(flaky, patch, modules)
    if isinstance(after, str):
        return _refused(flaky, patch, after)
    # Tests before it are fixed by patches of their own, which come first.
    files = {path: text for path, text in modules.items() if text != tests.modules[path]} | after
    runs = list(_runs(flaky, hunt.select))
    fragile = {*tests.suite.left_out()} | {each.nodeid for each in hunt.found}
    for run, result in zip(runs, pytest_runner.run(runs, files), strict=True):
        if not result.completed and pytest_runner.seconds_left <= MIN_SECONDS:
            return None
        if problem := _shortcoming(flaky, result, after, fragile):
            return _refused(flaky, patch, f"it does not come through {len(runs)} runs: in {run.name} {problem}")
    return replace(flaky, patch=written({path: modules[path] for path in after}, after))


def _refused(flaky: FlakyTest, patch: str, reason: str) -> FlakyTest:
    return replace(flaky, refused=(*flaky.refused, RefusedFix(_key(patch), clip(reason, 300))))


def _is_test(path: str, text: str) -> bool:
    return PathKind.TEST in kinds(path) or holds_tests(path, text)


def _apply(flaky: FlakyTest, patch: str, modules: Mapping[str, str]) -> dict[str, str] | str:
    """The modules that the patch changes, after it; or why nobody is offered it, whatever the tests say."""
    read = read_patch(patch)
    if isinstance(read, Flaw):
        return f"it {read.reason}"
    strange = next((path for path in read.paths if path not in modules or not _is_test(path, modules[path])), None)
    if strange is not None:
        return f"it changes {strange}, which is no test module that was shown"
    before = {path: modules[path] for path in read.paths}
    applied = apply(read, before)
    if isinstance(applied, Flaw):
        return f"it {applied.reason}"
    after = {path: text for path, text in applied.items() if text is not None}
    sorts = flaky.kind is FlakyKind.HASH_ORDER and all(only_sorts(before[path], text) for path, text in after.items())
    reason = next((each for each in objections(read, before) if not (sorts and each.startswith(_EXPECTS))), None)
    return after if reason is None else f"it {reason}"


def _shortcoming(flaky: FlakyTest, result: RunResult, fixed: Mapping[str, str], fragile: Collection[str]) -> str:
    """Why a run does not speak for a fix, "" when it does. `fragile` are tests that failed without it."""
    outcome = next((test.outcome for test in result.tests if test.nodeid == flaky.nodeid), None)
    if not result.completed or outcome is not Outcome.PASSED:
        return f"the test is {outcome or result.problem or 'not run'}"
    near = [each.nodeid for each in result.failed if each.nodeid.partition("::")[0] in fixed]
    broken = next((nodeid for nodeid in near if nodeid not in fragile), "")
    return f"another test fails with it: {broken}" if broken else ""


def _fixed(modules: Mapping[str, str], result: Sequence[FlakyTest]) -> dict[str, str]:
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
    for number in range(RUNS):
        one = held[number % len(held)]
        if number >= len(held):
            seed = number if one.random_seed is not None else None
            one = replace(one, hash_seed=one.hash_seed + number, random_seed=seed)
        name = f"run {number + 1}"
        among = PytestRun(name, select, perturbation=one, seconds=5 * _SECONDS)
        by_itself = PytestRun(name, (result.nodeid,), perturbation=one, seconds=_SECONDS)
        if result.kind in {FlakyKind.ORDER, FlakyKind.LEFTOVER}:
            after = (*result.polluters, result.nodeid)
            in_order = PytestRun(name, after, perturbation=replace(one, order=None), in_order=True, seconds=_SECONDS)
            yield (among, in_order, by_itself)[number % 3]
        elif result.kind is FlakyKind.UNKNOWN:
            yield among
        else:
            # What fixes it may break others: all of them are looked at twice.
            yield among if number % 10 == 9 else by_itself  # noqa: PLR2004


def _weigh(draft: FixDraft, nodeid: str, evidence: Evidence) -> str | None:
    flaky = _flaky(known(evidence).hunt, nodeid)
    if flaky is None or flaky.patch or not draft.patch:
        return None
    reason = next((each.reason for each in flaky.refused if each.key == _key(draft.patch)), "")
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


def _key(patch: str) -> str:
    return hashlib.sha256(patch.encode("utf-8", "surrogatepass")).hexdigest()[:16]
