"""What a model is asked about a deployment, what it is shown, and which of its objections are proved by a quote."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
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
from cicd_agent.settings.schema import OFF, Settings

MAX_OBJECTIONS = 20

_MIN_QUOTE = 8
"""Characters of a quote that is not the whole of its line: less is found anywhere."""
_MAX_LENGTH = 400
_MAX_LINES = 40
_SIGNALS, _FINDINGS = "SIGNALS", "FOUND"


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


def questions(evidence: Evidence, answers: Sequence[Answer[Any]], settings: Settings) -> Sequence[Question[Any]]:
    """One question, once; none about a comment, or about what the gate does not decide on at all."""
    gate = evidence.get(GATE)
    if answers or gate is None or gate.request or gate.unserved or settings.model == OFF:
        return ()
    return (
        Question(
            name="deployment",
            instructions=files(__package__).joinpath("prompt.md").read_text("utf-8"),
            evidence=exhibits(evidence, settings),
            draft=GateDraft,
            check=lambda draft: complain(draft, evidence, settings),
        ),
    )


def exhibits(evidence: Evidence, settings: Settings) -> tuple[Exhibit, ...]:
    gate = evidence.get(GATE)
    if gate is None:
        return ()
    results = [Exhibit(_SIGNALS, "what was measured", "\n".join(_signals(gate)), priority=9)]
    if lines := list(_findings(evidence, settings))[:_MAX_LINES]:
        results.append(Exhibit(_FINDINGS, "what rules say of the change", "\n".join(lines), priority=8))
    if settings.instructions:
        rules = Exhibit("house-rules", "what this repository says of itself", settings.instructions, priority=9)
        results.insert(0, rules)
    return (*results, *(pieces(evidence.change, settings) if evidence.change else ()))


def _signals(gate: GateEvidence) -> Iterator[str]:
    yield f"deploy {gate.sha} to {_line(gate.environment)}; it runs {gate.base or 'an unknown commit'} now"
    for reading in gate.readings:
        known = reading.words if reading.state is State.KNOWN else f"{reading.state} {reading.problem}"
        yield f"{reading.name}: {_line(known)}"
    for check in gate.checks[:_MAX_LINES]:
        yield f"check {_line(check.name)}: {_line(check.conclusion or check.status)}"
    for commit in gate.commits[:_MAX_LINES]:
        origin = f"pull request {commit.pull}" if commit.pull else "no pull request"
        yield f"commit {commit.sha[:12]} {_line(commit.subject)} ({origin}, reviewed: {commit.match})"
    for incident in gate.incidents[:10]:
        yield f"open incident {incident.number}: {_line(incident.title)}"
    for past in gate.deployments[:5]:
        yield f"earlier deployment of {past.sha[:12]}: {_line(past.state or 'no status')}"
    if gate.error_budget is not None:
        yield f"error budget: {gate.error_budget:.0%} left"


def _findings(evidence: Evidence, settings: Settings) -> Iterator[str]:
    if evidence.change is None:
        return
    draft = ruled(evidence.change, settings.config_file, settings.own_rules)
    for area in draft.areas:
        yield f"it {area.reason}: {_line(', '.join(area.paths[:5]))}"
    for finding in draft.findings:
        location = f"{_line(finding.location.path)}:{finding.location.line}"
        yield f"{finding.severity} {finding.id} {location} {_line(finding.title)}"
    for trouble in evidence.history.troubles if evidence.history else ():
        yield f"{_line(trouble.path)} was {trouble.kind} {count(trouble.times, 'time')} in 90 days"


def prove(
    draft: GateDraft, evidence: Evidence, settings: Settings, lookups: Sequence[Exhibit] | None = ()
) -> tuple[tuple[Objection, ...], tuple[str, ...]]:
    """Objections with a true quote, and the others with the reason; `lookups` are None while nobody knows them."""
    lines = _quotable(evidence, settings)
    proved: list[Objection] = []
    dropped: list[str] = []
    for index, claim in enumerate(draft.objections):
        text = clip(_folded(claim.text), _MAX_LENGTH)
        problem = f"more than {MAX_OBJECTIONS} objections" if index >= MAX_OBJECTIONS else ""
        problem = problem or _problem(claim, lines, lookups)
        if problem:
            dropped.append(f"“{text or '(nothing)'}”: {problem}")
        else:
            proved.append(Objection(text, shown(clip(_folded(claim.quote), _MAX_LENGTH)), _folded(claim.source)))
    return tuple(proved), tuple(dropped)


def complain(draft: GateDraft, evidence: Evidence, settings: Settings) -> str | None:
    """What to tell the model about quotes that cannot be found, or None."""
    _, dropped = prove(draft, evidence, settings, None)
    if not dropped:
        return None
    remedy = (
        "Answer again, whole. Copy each quote character for character from one line of what `source` names, without "
        "the gutter; leave out what you cannot quote. No objection is a good answer, too."
    )
    return "\n".join(["This cannot be kept:", *(f"- {each}." for each in dropped[:MAX_OBJECTIONS]), remedy])


def _problem(claim: ObjectionDraft, lines: Mapping[str, set[str]], lookups: Sequence[Exhibit] | None) -> str:
    name, quote = _folded(claim.source), _folded(claim.quote)
    if not claim.text.strip():
        return "it says nothing"
    if not any(map(str.isalnum, quote)) or "\n" in claim.quote.strip():
        return "it quotes no line"
    if name in lines:
        return "" if _stands(quote, lines[name]) else f"its quote is not in {clip(name, 100)}"
    if lookups is None and name[:1] == "L" and name[1:].isdecimal():
        return ""
    exhibit = next((each for each in lookups or () if each.id == name), None)
    if exhibit is None:
        return f"there is no exhibit {clip(name, 100)}"
    is_there = _stands(quote, set(map(_folded, exhibit.text.split("\n"))))
    return "" if is_there else "its quote is not in what was looked up"


def _quotable(evidence: Evidence, settings: Settings) -> Mapping[str, set[str]]:
    """Every line that may be quoted, folded, as it is and as it is shown, by the name of its exhibit."""
    texts: dict[str, Iterable[str]] = {
        exhibit.id: exhibit.text.split("\n")
        for exhibit in exhibits(evidence, settings)
        if exhibit.id in {_SIGNALS, _FINDINGS}
    }
    for file in showable(evidence.change, settings) if evidence.change else ():
        texts[file.path] = [*texts.get(file.path, ()), *(line.text for line in file.lines)]
    return {name: {_folded(each) for line in lines for each in (line, shown(line))} for name, lines in texts.items()}


def _stands(quote: str, lines: set[str]) -> bool:
    return quote in lines or (len(quote) >= _MIN_QUOTE and any(quote in line for line in lines))


def _folded(text: str) -> str:
    return " ".join(text.split())


def _line(text: str) -> str:
    return clip(_folded(text), 200)
