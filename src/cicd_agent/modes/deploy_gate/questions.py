"""Looks up what a model quotes against a deployment: an objection stands on a line that is there, or not at all."""

from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from typing import Any

from cicd_agent.agent.messages import Answer, Question, Share
from cicd_agent.analysis.rules.run import ruled
from cicd_agent.domain.evidence import Evidence, Exhibit
from cicd_agent.domain.gate_evidence import GateEvidence, State
from cicd_agent.domain.text.quote import shown
from cicd_agent.domain.text.words import clip, count
from cicd_agent.domain.verdict import Draft, RiskLevel
from cicd_agent.modes.deploy_gate.evidence import GATE
from cicd_agent.modes.deploy_gate.result import Objection
from cicd_agent.modes.shared.change_reader import showable
from cicd_agent.modes.shared.diff_exhibits import pieces
from cicd_agent.settings.schema import Provider, Settings


class ObjectionDraft(Draft):
    """One reason not to deploy, and the line that shows it. prompt.md says what each field is for, once."""

    source: str
    quote: str
    text: str


class GateDraft(Draft):
    """The assessment of a deployment. What speaks against it comes first: how sure it is, is said after it."""

    objections: tuple[ObjectionDraft, ...]
    pre_deploy_checks: tuple[str, ...]
    monitoring_focus: tuple[str, ...]
    rollback_trigger: str
    summary: str
    risk_level: RiskLevel
    confidence_in_proceeding: Share
    escalate_to_human: bool

    @property
    def unsettled(self) -> str:
        return "the model asks for a person" if self.escalate_to_human else ""


MOST = 20
SHORTEST = 8
"""Characters of a quote that is not the whole of its line: less is found anywhere."""

_LONGEST = 400


def prove(
    draft: GateDraft, evidence: Evidence, settings: Settings, lookups: Sequence[Exhibit] | None = ()
) -> tuple[tuple[Objection, ...], tuple[str, ...]]:
    """The objections whose quote stands where they say, and the others with the reason.

    `lookups` are None while nobody knows what was looked up: a quote of one holds then.
    """
    lines = _lines(evidence, settings)
    standing: list[Objection] = []
    dropped: list[str] = []
    for index, claim in enumerate(draft.objections):
        text = clip(" ".join(claim.text.split()), _LONGEST)
        problem = f"more than {MOST} objections" if index >= MOST else _problem(claim, text, lines, lookups)
        if problem:
            dropped.append(f"“{text or '(nothing)'}”: {problem}")
        else:
            quote = shown(clip(" ".join(claim.quote.split()), _LONGEST))
            standing.append(Objection(text, quote, " ".join(claim.source.split())))
    return tuple(standing), tuple(dropped)


def complain(draft: GateDraft, evidence: Evidence, settings: Settings) -> str | None:
    """What to tell the model about quotes that cannot be found, or None."""
    _, dropped = prove(draft, evidence, settings, None)
    if not dropped:
        return None
    how = (
        "Answer again, whole. Copy each quote character for character from one line of what `source` names, without "
        "the gutter; leave out what you cannot quote. No objection is a good answer, too."
    )
    return "\n".join(["This cannot be kept:", *(f"- {each}." for each in dropped[:MOST]), how])


def _problem(
    claim: ObjectionDraft, text: str, lines: Mapping[str, frozenset[str]], lookups: Sequence[Exhibit] | None
) -> str:
    """Why an objection does not stand, "" when it does."""
    name, quote = " ".join(claim.source.split()), " ".join(claim.quote.split())
    if not text:
        return "it says nothing"
    if not any(map(str.isalnum, quote)) or "\n" in claim.quote.strip():
        return "it quotes no line"
    if name in lines:
        return "" if _stands(quote, lines[name]) else f"its quote is not in {clip(name, 100)}"
    if lookups is None:
        return "" if name[:1] == "L" and name[1:].isdecimal() else f"there is no exhibit {clip(name, 100)}"
    looked = next((each for each in lookups if each.id == name), None)
    if looked is None:
        return f"there is no exhibit {clip(name, 100)}"
    found = _stands(quote, frozenset(_folded(line) for line in looked.text.split("\n")))
    return "" if found else "its quote is not in what was looked up"


def _lines(evidence: Evidence, settings: Settings) -> Mapping[str, frozenset[str]]:
    """Every line that may be quoted, folded, by the name of its exhibit."""
    found: dict[str, set[str]] = {}
    for exhibit in exhibits(evidence, settings):
        if exhibit.id in {SIGNALS, FOUND}:
            found.setdefault(exhibit.id, set()).update(_both(exhibit.text.split("\n")))
    for file in showable(evidence.change, settings) if evidence.change else ():
        found.setdefault(file.path, set()).update(_both(line.text for line in file.lines))
    return {name: frozenset(lines) for name, lines in found.items() if name}


def _both(lines: Sequence[str] | Iterator[str]) -> Iterator[str]:
    for line in lines:
        yield _folded(line)
        yield _folded(shown(line))


def _stands(quote: str, lines: frozenset[str]) -> bool:
    return quote in lines or (len(quote) >= SHORTEST and any(quote in line for line in lines))


def _folded(text: str) -> str:
    return " ".join(text.split())


SIGNALS, FOUND, HOUSE_RULES = "SIGNALS", "FOUND", "house-rules"
MOST_LINES = 40


def exhibits(evidence: Evidence, settings: Settings) -> tuple[Exhibit, ...]:
    """All that is shown, none when there is nothing to judge."""
    gate = evidence.get(GATE)
    if gate is None:
        return ()
    found = [Exhibit(SIGNALS, "what was measured", "\n".join(_signals(gate)), priority=9)]
    if lines := list(_found(evidence, settings))[:MOST_LINES]:
        found.append(Exhibit(FOUND, "what rules say of the change", "\n".join(lines), priority=8))
    if settings.instructions:
        found.insert(0, Exhibit(HOUSE_RULES, "what this repository says of itself", settings.instructions, priority=9))
    return (*found, *(pieces(evidence.change, settings) if evidence.change else ()))


def _signals(gate: GateEvidence) -> Iterator[str]:
    yield f"deploy {gate.sha} to {_line(gate.environment)}; it runs {gate.base or 'an unknown commit'} now"
    for reading in gate.readings:
        known = reading.words if reading.state is State.KNOWN else f"{reading.state} {reading.problem}"
        yield f"{reading.name}: {_line(known)}"
    for check in gate.checks[:MOST_LINES]:
        yield f"check {_line(check.name)}: {_line(check.conclusion or check.status)}"
    for commit in gate.commits[:MOST_LINES]:
        came = f"pull request {commit.pull}" if commit.pull else "no pull request"
        yield f"commit {commit.sha[:12]} {_line(commit.subject)} ({came}, reviewed: {commit.match})"
    for incident in gate.incidents[:10]:
        yield f"open incident {incident.number}: {_line(incident.title)}"
    for past in gate.deployments[:5]:
        yield f"earlier deployment of {past.sha[:12]}: {_line(past.state or 'no status')}"
    if gate.error_budget is not None:
        yield f"error budget: {gate.error_budget:.0%} left"


def _found(evidence: Evidence, settings: Settings) -> Iterator[str]:
    if evidence.change is None:
        return
    draft = ruled(evidence.change, settings.config_file)
    for area in draft.areas:
        yield f"it {area.reason}: {_line(', '.join(area.paths[:5]))}"
    for finding in draft.findings:
        where = finding.location
        yield f"{finding.severity} {finding.id} {_line(where.path)}:{where.line} {_line(finding.title)}"
    for trouble in evidence.history.troubles if evidence.history else ():
        yield f"{_line(trouble.path)} was {trouble.kind} {count(trouble.times, 'time')} in 90 days"


def _line(text: str) -> str:
    return clip(" ".join(text.split()), 200)


def questions(evidence: Evidence, answers: Sequence[Answer[Any]], settings: Settings) -> Sequence[Question[Any]]:
    """One question, once; none about a comment, or about what the gate does not decide on at all."""
    gate = evidence.get(GATE)
    if answers or gate is None or gate.request or gate.unserved or settings.provider is Provider.NONE:
        return ()
    shown = exhibits(evidence, settings)
    return (
        Question(
            name="deployment",
            instructions=prompt(),
            evidence=shown,
            draft=GateDraft,
            check=lambda draft: complain(draft, evidence, settings),
        ),
    )


def prompt() -> str:
    return files(__package__).joinpath("prompt.md").read_text("utf-8")
