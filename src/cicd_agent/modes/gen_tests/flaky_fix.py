"""Asks for the fix of a flaky test, and has it prove itself: it weakens nothing, and comes through 20 runs."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.resources import files
from typing import Any

from cicd_agent.agent.turns import Answer, Draft, Question, Tier
from cicd_agent.core.evidence import Evidence, Exhibit
from cicd_agent.core.flaky import FlakyHunt, FlakyKind, FlakyTest, RefusedFix
from cicd_agent.core.mutants import functions
from cicd_agent.core.patch import Flaw, read_patch
from cicd_agent.core.patch_apply import apply
from cicd_agent.core.patch_limits import objection
from cicd_agent.core.patch_write import written
from cicd_agent.core.paths import PathKind, kinds
from cicd_agent.core.ports_tests import Laboratory
from cicd_agent.core.testrun import Outcome, Perturbation, PytestRun
from cicd_agent.core.words import clip
from cicd_agent.modes.gen_tests.known import known

RUNS = 20
"""Fresh processes that a fix has to come through."""
MOST_FIXED = 5
"""Flaky tests that a model is asked about."""
_SECONDS = 120.0
_LONGEST = 30_000


class FixDraft(Draft):
    """The answer to the question for a fix; `nothing` says why there is none."""

    patch: str | None
    why: str
    nothing: str | None


def fix_questions(evidence: Evidence, answers: Sequence[Answer[Any]]) -> Iterator[Question[FixDraft]]:
    """The next flaky test that nobody was asked about yet."""
    tests = known(evidence)
    asked = {answer.question for answer in answers}
    for found in (tests.hunt.found if tests.hunt else ())[:MOST_FIXED]:
        name = f"flaky {found.nodeid}"
        if name not in asked and found.nodeid.partition("::")[0] in tests.modules:
            yield Question(
                name=name,
                instructions=files(__package__).joinpath("flaky.md").read_text("utf-8"),
                evidence=tuple(_exhibits(found, tests.modules)),
                draft=FixDraft,
                check=_complain,
                tier=Tier.FAST,
                looks=False,
                weigh=lambda draft, seen, nodeid=found.nodeid: _weigh(draft, nodeid, seen),  # type: ignore[misc]
            )
            return


def with_fixes(answers: Sequence[Answer[Any]], evidence: Evidence, laboratory: Laboratory) -> Evidence:
    """The evidence with what came of the fixes in these answers that were not tried yet."""
    tests = known(evidence)
    if tests.hunt is None:
        return evidence
    hunt = tests.hunt
    for answer in answers:
        nodeid = answer.question.removeprefix("flaky ")
        found = next((each for each in hunt.found if each.nodeid == nodeid), None)
        if not isinstance(answer.draft, FixDraft) or found is None or not answer.draft.patch:
            continue
        if found.patch or any(each.key == _key(answer.draft.patch) for each in found.refused):
            continue
        hunt = _with(hunt, _tried(found, answer.draft.patch, tests.modules, laboratory))
    return replace(evidence, tests=replace(tests, hunt=hunt))


def _tried(found: FlakyTest, patch: str, texts: Mapping[str, str], laboratory: Laboratory) -> FlakyTest:
    """The test with its fix, or with one more that is refused."""

    def refused(reason: str) -> FlakyTest:
        return replace(found, refused=(*found.refused, RefusedFix(_key(patch), clip(reason, 300))))

    read = read_patch(patch)
    if isinstance(read, Flaw):
        return refused(f"it {read.reason}")
    for path in read.paths:
        if PathKind.TEST not in kinds(path) or path not in texts:
            return refused(f"it changes {path}, which is no test module that it was shown")
    before = {path: texts[path] for path in read.paths}
    if why := objection(read, before):
        return refused(f"it {why}")
    applied = apply(read, before)
    if isinstance(applied, Flaw):
        return refused(f"it {applied.reason}")
    after = {path: text for path, text in applied.texts.items() if text is not None}
    runs = list(_runs(found))
    for result in laboratory.run(runs, after):
        outcome = next((test.outcome for test in result.tests if test.nodeid == found.nodeid), None)
        if not result.completed or outcome is not Outcome.PASSED:
            what = outcome or result.problem or "not run"
            return refused(f"it does not come through {len(runs)} runs: in {result.name} the test is {what}")
    return replace(found, patch=written(before, after))


def _runs(found: FlakyTest) -> Iterator[PytestRun]:
    """Twenty fresh processes under what the test failed under, and with whom."""
    held = found.failing or (Perturbation(),)
    for number in range(RUNS):
        one = held[number % len(held)]
        if number >= len(held):
            one = replace(
                one, hash_seed=one.hash_seed + number, random_seed=number if one.random_seed is not None else None
            )
        if found.kind in {FlakyKind.ORDER, FlakyKind.LEFTOVER} and number % 2:
            yield PytestRun(
                f"fix {number}", (*found.polluters, found.nodeid), perturbation=one, in_order=True, seconds=_SECONDS
            )
        elif found.kind in {FlakyKind.ORDER, FlakyKind.LEFTOVER, FlakyKind.UNKNOWN}:
            yield PytestRun(f"fix {number}", perturbation=one, seconds=5 * _SECONDS)
        else:
            yield PytestRun(f"fix {number}", (found.nodeid,), perturbation=one, seconds=_SECONDS)


def _weigh(draft: FixDraft, nodeid: str, evidence: Evidence) -> str | None:
    hunt = known(evidence).hunt
    found = next((each for each in hunt.found if each.nodeid == nodeid), None) if hunt else None
    if found is None or found.patch or not draft.patch:
        return None
    reason = next((each.reason for each in found.refused if each.key == _key(draft.patch or "")), "")
    return f"This fix is not offered: {reason}." if reason else None


def _complain(draft: FixDraft) -> str | None:
    patch = (draft.patch or "").strip()
    if not patch and not (draft.nothing or "").strip():
        return "There is neither a `patch`, nor does `nothing` say why."
    if len(patch) > _LONGEST:
        return f"`patch` has more than {_LONGEST:,} characters."
    flaw = read_patch(draft.patch or "") if patch else None
    return f"`patch`: it {flaw.reason}." if isinstance(flaw, Flaw) else None


def _exhibits(found: FlakyTest, modules: Mapping[str, str]) -> Iterator[Exhibit]:
    words = [
        f"test: {found.nodeid}",
        f"kind: {found.kind}",
        f"shown by: {found.shown_by}",
        f"failed: {found.failures} of {found.runs} runs",
        f"message: {found.message}",
        *(f"depends on: {each}" for each in found.polluters),
    ]
    yield Exhibit("FLAKY", "what experiments have shown", "\n".join(words), priority=9)
    shown: set[str] = set()
    for nodeid in (found.nodeid, *found.polluters[:3]):
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


def _with(hunt: FlakyHunt, found: FlakyTest) -> FlakyHunt:
    return replace(hunt, found=tuple(found if each.nodeid == found.nodeid else each for each in hunt.found))


def _key(patch: str) -> str:
    return hashlib.sha256(patch.encode("utf-8", "surrogatepass")).hexdigest()[:16]
