"""What one run counts, read from its report or from its entry in the account book, whoever wrote that."""

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
    mode, account = body["mode"].text, body["account"]
    failed = bool(body["error"].text)
    result = next((body[name] for name in _RESULTS if isinstance(body[name].value, Mapping)), Node())
    conclusion = result["conclusion"].text or body["said"]["conclusion"].text or "skipped"
    yield from _common(mode, ended.repository, "failed" if failed else conclusion, decided(body), body["exit"].value)
    if level := result["risk"]["level"].text:
        yield sample("risks_total", mode=mode, level=level)
    yield sample("escalations_total", float(any(result["escalate"])), mode=mode)
    yield sample("degraded_runs_total", float(bool(account["degraded"].text)), mode=mode)
    yield from _money(mode, ended.repository, account["usage"], account["cost_usd"])
    yield from _claims(mode, body)
    yield from _questions(body, account["usage"], account["model"].text)
    yield from of_receipts(body)
    if state := body["audit"]["state"].text:
        yield sample("audit_total", state=state)
    yield from _time(mode, ended)


def of_entry(text: str) -> Iterator[Sample]:
    """The samples of an entry of the account book. Raises ValueError when it is none."""
    try:
        entry = Node(json.loads(text))
    except RecursionError:
        raise ValueError("nested too deeply") from None
    match entry["kind"].text:
        case "run":
            yield from _of_run(entry)
        case "receipts":
            yield from of_receipts(entry)
        case "prune":
            pass  # it counts nothing
        case _:
            raise ValueError("no entry")


def _of_run(entry: Node) -> Iterator[Sample]:
    mode, body = entry["mode"].text, entry["output"]
    stages = {name: _known(entry["stages"][name]) for name in label_values("stage_seconds", "stage")}
    known = {name: seconds for name, seconds in stages.items() if seconds is not None}
    ended = Ended(entry["repository"].text, entry["at"].number, _known(entry["seconds"]), known)
    decision = entry["decision"].text
    conclusion = "failed" if decision == "failed" else entry["conclusion"].text
    yield from _common(mode, ended.repository, conclusion, decision, entry["exit"].value)
    if level := entry["risk_level"].text:
        yield sample("risks_total", mode=mode, level=level)
    yield sample("escalations_total", float(entry["escalated"].flag), mode=mode)
    yield sample("degraded_runs_total", float(bool(entry["degraded"].text)), mode=mode)
    yield from _money(mode, ended.repository, entry["usage"], entry["cost_usd"])
    yield from _claims(mode, body)
    yield from _questions(body, entry["usage"], next((each.text for each in entry["models"]), ""))
    yield sample("audit_total", state="recorded")
    yield from _time(mode, ended)


def of_receipts(entry: Node) -> Iterator[Sample]:
    for each in entry["receipts"]:
        if each["kind"].text != "output":
            yield sample("effects_total", kind=each["kind"].text, state=each["state"].text)


def _common(mode: str, repository: str, conclusion: str, decision: str, code: object) -> Iterator[Sample]:
    """What every run has."""
    yield sample("runs_total", repository=repository, mode=mode, conclusion=conclusion)
    yield sample("decisions_total", mode=mode, decision=decision)
    yield sample("exits_total", mode=mode, code=str(code) if type(code) is int else "")


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


def _money(mode: str, repository: str, usage: Node, cost: Node) -> Iterator[Sample]:
    """What is not known is never 0: it counts for itself."""
    known = _known(cost)
    if known is not None:
        yield sample("cost_usd_total", known, repository=repository, mode=mode)
    yield sample("unpriced_runs_total", float(known is None and usage["requests"].number > 0), mode=mode)


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


def _time(mode: str, ended: Ended) -> Iterator[Sample]:
    if ended.seconds is not None:
        yield sample("run_seconds", ended.seconds, mode=mode)
    for name, seconds in ended.stages.items():
        yield sample("stage_seconds", seconds, mode=mode, stage=name)
    if ended.at > 0:
        yield sample("last_run_timestamp_seconds", ended.at, repository=ended.repository, mode=mode)


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
