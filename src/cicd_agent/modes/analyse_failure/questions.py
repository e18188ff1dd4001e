"""What a model is asked about a failed run, where rules alone cannot say why it failed, and the trial of its patch."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from importlib.resources import files
from typing import Any

from cicd_agent.agent.messages import Answer, Question
from cicd_agent.analysis.patches.parser import Flaw, read_patch
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.repository.diff import ChangeKind
from cicd_agent.domain.text.words import clip
from cicd_agent.domain.trials.patch_trial import FailureSignature, Trial
from cicd_agent.modes.analyse_failure.claims import Proof, Prover
from cicd_agent.modes.analyse_failure.evidence import FAILED_RUN, TRIALS, failed_run
from cicd_agent.modes.analyse_failure.exhibits import exhibits
from cicd_agent.modes.analyse_failure.groups import Group, explains, groups
from cicd_agent.modes.analyse_failure.result import CascadeStep, Diagnosis, FailureDraft
from cicd_agent.modes.analyse_failure.rules import rules
from cicd_agent.modes.protocol import Ports
from cicd_agent.settings.schema import OFF, Settings

PROVEN = frozenset({CascadeStep.RUNNER, CascadeStep.PASSED_ELSEWHERE})
"""Where a model has nothing to add, and could only take away: GitHub itself says it, or the job passed unchanged."""
MAX_PATCH = 30_000

_MAX_COMPLAINTS = 20
_MAX_MESSAGES = 60
"""Lines by which a failure is known again where its patch is tried."""
_HOW_TO_CITE = (
    "Answer again, whole. Copy each quote character for character from the one line that has this number, without the "
    "gutter; leave out what you cannot cite. `insufficient_evidence` is an answer, too."
)


def questions(evidence: Evidence, answers: Sequence[Answer[Any]], settings: Settings) -> Sequence[Question[Any]]:
    """One question, once. A bot's change is asked about like any other: its log does not say why by itself."""
    if answers or evidence.get(FAILED_RUN) is None or settings.model == OFF:
        return ()
    result = question(rules(evidence, settings), evidence, settings)
    return (result,) if result else ()


def question(diagnosis: Diagnosis, evidence: Evidence, settings: Settings) -> Question[FailureDraft] | None:
    """What is asked after rules have found this; None when they have proved it, or no line is there to cite."""
    shown = exhibits(diagnosis, evidence, settings)
    if diagnosis.rung in PROVEN or not shown:
        return None
    prover = Prover.of(diagnosis, evidence, settings)
    return Question("failure", prompt(), shown, FailureDraft, check=lambda draft: _complain(draft, prover))


def prompt() -> str:
    return files(__package__).joinpath("prompt.md").read_text("utf-8")


def _complain(draft: FailureDraft, prover: Prover) -> str | None:
    """The correction for what cannot be found, or None. What the model looked up is compared afterwards."""
    wrong = [] if draft.insufficient_evidence else [*_wrong(draft, prover)]
    if not wrong:
        return None
    more = [f"- and {len(wrong) - _MAX_COMPLAINTS:,} more"] if len(wrong) > _MAX_COMPLAINTS else []
    return "\n".join(["This cannot be kept:", *wrong[:_MAX_COMPLAINTS], *more, _HOW_TO_CITE])


def _wrong(draft: FailureDraft, prover: Prover) -> Iterator[str]:
    if not draft.claims:
        yield "- `claims` is empty: nothing proves the root cause."
    for each in prover.prove(draft.claims, None).dropped:
        yield f"- “{clip(each.text, 100)}”: {each.reason}."
    if draft.responsible_commit and prover.commit(draft.responsible_commit) is None:
        yield f"- `responsible_commit` {_quoted(draft.responsible_commit)} is none of COMMITS; null if you do not know."
    for path in draft.affected_files:
        if prover.is_whole and path not in prover.paths:
            yield f"- `affected_files`: there is no {_quoted(path)} in the repository."
    if (patch := proposed(draft)) and (reason := objection(patch)):
        yield f"- `patch`: {reason}."


def _quoted(text: str) -> str:
    return f"“{clip(' '.join(text.split()), 100)}”"


def experiment(
    answers: Sequence[Answer[Any]],
    evidence: Evidence,
    world: Ports,
    settings: Settings,
    progress: Callable[[str], None],
    *,
    last: bool,  # noqa: ARG001  it is called once
) -> Evidence:
    trial, change = trial_of(answers, evidence), evidence.change
    tester = world.patch_tester(change) if trial and world.patch_tester and change else None
    if trial is None or tester is None:
        return evidence
    progress("trying a fix")
    trial = replace(trial, fixes=fixed(answers, evidence, settings))
    return evidence.put(TRIALS, (*(evidence.get(TRIALS) or ()), tester.attempt(trial)))


def trial_of(answers: Sequence[Answer[Any]], evidence: Evidence) -> Trial | None:
    answer = answered(answers)
    patch = proposed(answer.draft) if answer and answer.draft else ""
    if not patch or objection(patch) or any(report.key == key(patch) for report in (evidence.get(TRIALS) or ())):
        return None
    return Trial(key(patch), patch)


def fixed(answers: Sequence[Answer[Any]], evidence: Evidence, settings: Settings) -> tuple[FailureSignature, ...]:
    """The failures that the answer is about: those whose lines it cites, else the first."""
    answer, every = answered(answers), groups(failed_run(evidence))
    proof = Proof()
    if answer is not None and answer.draft is not None:
        prover = Prover.of(rules(evidence, settings), evidence, settings)
        proof = prover.prove(answer.draft.claims, answer.lookups)
    lines = {(cited.job, cited.number) for claim in proof.claims for cited in claim.cited if not cited.path}
    cited = [group for group in every if any(_lies_in(group, job, number) for job, number in lines)]
    return tuple(map(_signature, cited or every[:1]))


def _lies_in(group: Group, job: str, number: int) -> bool:
    own = (problem for failed, problem in group.problems if failed.job.name == job and explains(problem))
    return any(problem.first <= number <= problem.last for problem in own)


def _signature(group: Group) -> FailureSignature:
    failure, problems = group.failure, [problem for _, problem in group.problems if explains(problem)]
    prints = dict.fromkeys(problem.strict for problem in problems if problem.strict)
    within = (
        line.text
        for job, problem in group.problems
        for line in job.extract.kept
        if problem.first <= line.number <= problem.last
    )
    messages = dict.fromkeys([*within, *(line.text for line in failure.decisive)])
    return FailureSignature(failure.test, tuple(prints), tuple(messages)[:_MAX_MESSAGES])


def answered(answers: Sequence[Answer[Any]]) -> Answer[FailureDraft] | None:
    return next((answer for answer in answers if isinstance(answer.draft, FailureDraft)), None)


def proposed(draft: FailureDraft) -> str:
    patch = draft.fix.patch or ""
    return patch if patch.strip() and not draft.insufficient_evidence else ""


def key(patch: str) -> str:
    return hashlib.sha256(patch.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def objection(patch: str) -> str:
    """Why a text cannot be tried as a patch, "" when it can. What it may not do is judged where it is tried."""
    text = patch.replace("\r\n", "\n")
    if len(text) > MAX_PATCH:
        return f"it has {len(text):,} characters, more than {MAX_PATCH:,}"
    parsed = read_patch(text)
    if isinstance(parsed, Flaw):
        return f"it {parsed.reason}"
    changes = any(
        file.kind is not ChangeKind.MODIFIED or any(hunk.changed for hunk in file.hunks) for file in parsed.files
    )
    return "" if changes else "it changes no line"
