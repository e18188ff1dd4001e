"""What one run counts, read from its report or from its entry in the audit log, whoever wrote that."""

import json
import math
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from importlib.resources import files
from typing import Final

from cicd_agent.domain.metric import OTHER, Sample
from cicd_agent.domain.text.json_view import Node
from cicd_agent.insights.metrics.registry import DECISIONS, EITHER, label_values, sample

_RESULTS = ("verdict", "diagnosis", "generated", "routed", "gated")
_NUMBER = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,30})?(?:e-?[0-9]{1,3})?")
_TOKENS = ("input", "output", "cached", "reasoning")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended, beside what its report says: `stages` and `seconds` are how long it took, None when unknown.

    `at` is when, in seconds since 1970, 0 when that is not known.
    """

    repository: str = ""
    at: float = 0.0
    seconds: float | None = None
    stages: Mapping[str, float] = field(default_factory=dict)


def of_report(body: Node, ended: Ended) -> Iterator[Sample]:
    """The samples of a run from the body of its report."""
    account = body["account"]
    result = next((body[name] for name in _RESULTS if isinstance(body[name].value, Mapping)), Node())
    entry = {
        "mode": body["mode"].value,
        "conclusion": result["conclusion"].text or body["said"]["conclusion"].text or "skipped",
        "decision": decided(body),
        "exit": body["exit"].value,
        "risk_level": result["risk"]["level"].value,
        "escalated": any(result["escalate"]),
        "degraded": account["degraded"].value,
        "usage": account["usage"].value,
        "cost_usd": account["cost_usd"].value,
        "models": [account["model"].value],
        "output": body.value,
    }
    yield from _of_run(Node(entry), ended, body["audit"]["state"].text)
    yield from of_receipts(body)


def of_entry(text: str) -> Iterator[Sample]:
    """The samples of an entry of the audit log. Raises ValueError when it is none."""
    try:
        entry = Node(json.loads(text))
    except RecursionError:
        raise ValueError("nested too deeply") from None
    match entry["kind"].text:
        case "run":
            yield from _of_run(entry, _ended(entry), "recorded")
        case "receipts":
            yield from of_receipts(entry)
        case "prune":
            pass  # it counts nothing
        case _:
            raise ValueError("no entry")


def _ended(entry: Node) -> Ended:
    stages = {name: _known(entry["stages"][name]) for name in label_values("stage_seconds", "stage")}
    known = {name: seconds for name, seconds in stages.items() if seconds is not None}
    return Ended(entry["repository"].text, entry["at"].number, _known(entry["seconds"]), known)


def _of_run(entry: Node, ended: Ended, audited: str) -> Iterator[Sample]:
    mode, decision, code = entry["mode"].text, entry["decision"].text, entry["exit"].value
    conclusion = "failed" if decision == "failed" else entry["conclusion"].text
    yield sample("runs_total", repository=ended.repository, mode=mode, conclusion=conclusion)
    yield sample("decisions_total", mode=mode, decision=decision)
    yield sample("exits_total", mode=mode, code=str(code) if type(code) is int else "")
    if level := entry["risk_level"].text:
        yield sample("risks_total", mode=mode, level=level)
    yield sample("escalations_total", float(entry["escalated"].flag), mode=mode)
    yield sample("degraded_runs_total", float(bool(entry["degraded"].text)), mode=mode)
    # What is not known is never 0: it counts for itself.
    cost = _known(entry["cost_usd"])
    if cost is not None:
        yield sample("cost_usd_total", cost, repository=ended.repository, mode=mode)
    yield sample("unpriced_runs_total", float(cost is None and entry["usage"]["requests"].number > 0), mode=mode)
    yield from _claims(mode, entry["output"])
    yield from _questions(entry["output"], entry["usage"], next((each.text for each in entry["models"]), ""))
    if audited:
        yield sample("audit_total", state=audited)
    if ended.seconds is not None:
        yield sample("run_seconds", ended.seconds, mode=mode)
    for name, seconds in ended.stages.items():
        yield sample("stage_seconds", seconds, mode=mode, stage=name)
    if ended.at > 0:
        yield sample("last_run_timestamp_seconds", ended.at, repository=ended.repository, mode=mode)


def of_receipts(entry: Node) -> Iterator[Sample]:
    for each in entry["receipts"]:
        if each["kind"].text != "output":
            yield sample("effects_total", kind=each["kind"].text, state=each["state"].text)


def nothing_yet(mode: str) -> Iterator[Sample]:
    """What a mode may come to, with 0: so that its first time is an increase."""
    for word in (*DECISIONS.get(mode, ()), *EITHER):
        yield sample("decisions_total", 0.0, mode=mode, decision=word)
    for known in label_values("exits_total", "code"):
        yield sample("exits_total", 0.0, mode=mode, code=known)
    for state in label_values("audit_total", "state"):
        yield sample("audit_total", 0.0, state=state)


def decided(body: Node) -> str:
    """What the report of a run came to, in a word of its mode's own scale, or that it declined or failed."""
    candidates = (
        "failed" if body["error"].text else "",
        "declined" if body["declined"].text else "",
        body["verdict"]["decision"].text,
        body["gated"]["decision"].text,
        body["diagnosis"]["cause"].text,
        body["routed"]["cells"]["tests"].text,
        body["generated"]["conclusion"].text,
        body["said"]["manner"].text,
    )
    return next(filter(None, candidates), "")


def _claims(mode: str, body: Node) -> Iterator[Sample]:
    for finding in body["verdict"]["findings"]:
        yield sample("findings_total", origin=finding["origin"].text, severity=finding["severity"].text)
    for each in body["verdict"]["rejected"]:
        yield sample("claims_rejected_total", mode=mode, reason=reason(each["reason"].text))
    for each in body["diagnosis"]["dropped"]:
        word = "patch_refused" if each["text"].text == "the patch" else reason(each["reason"].text)
        yield sample("claims_rejected_total", mode=mode, reason=word)
    for each in (*body["gated"]["dropped"], *body["said"]["dropped"]):
        yield sample("claims_rejected_total", mode=mode, reason=reason(each.text.rpartition("”: ")[2]))
    for each in body["generated"]["reports"]:
        if each["stopped"].text:
            yield sample("claims_rejected_total", mode=mode, reason="test_refused")


def _questions(body: Node, whole: Node, model: str) -> Iterator[Sample]:
    """By question, for each may have asked another model; of an entry without its questions, as a whole."""
    questions = list(body["asked"])
    for each in questions:
        name = each["model"].text or model
        answered = isinstance(each["draft"].value, Mapping)
        yield sample("questions_total", model=name, result="answered" if answered else "unanswered")
        yield from _used(each["usage"], name)
    if not questions and (whole["requests"].number or whole["from_cache"].number):
        yield from _used(whole, model)


def _used(usage: Node, model: str) -> Iterator[Sample]:
    yield sample("model_requests_total", usage["requests"].number, model=model)
    yield sample("cached_answers_total", usage["from_cache"].number, model=model)
    if not usage["requests"].number:
        return
    for word in _TOKENS:
        number = _known(usage[word])
        if number is not None:
            yield sample("tokens_total", number, model=model, type=word)
    yield sample("uncounted_questions_total", float(_known(usage["input"]) is None), model=model)


def _known(node: Node) -> float | None:
    """A number that is not negative, also one that stands as text; None for anything else."""
    value = node.value
    if isinstance(value, str):
        value = float(value) if _NUMBER.fullmatch(value) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value < math.inf and value < 2**63 else None


# Only the reason is looked at, never the claim.
_TABLE: Final = tomllib.loads(files(__package__).joinpath("reasons.toml").read_text("utf-8"))
_REASONS: Final = tuple((word, re.compile(pattern)) for word, pattern in _TABLE.items())
_LONGEST: Final = 2_000


def reason(sentence: str) -> str:
    """The word for it, `other` when there is none."""
    line = sentence[:_LONGEST].strip().rstrip(".")
    return next((word for word, pattern in _REASONS if pattern.search(line)), OTHER)


def cleaned(sample: Sample, clean: Callable[[str], str]) -> Sample:
    """Without secrets in its open labels: a word of a closed one is none, whatever else it may be."""
    labels = zip(sample.metric.labels, sample.labels, strict=True)
    return replace(sample, labels=tuple(value if label.values else clean(value) for label, value in labels))
