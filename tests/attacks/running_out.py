"""A run whose time is over, or whose model hangs, when much has been found: that counts, and nothing of it is green."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from cicd_agent.modes.deploy_gate.mode import DeployGate
from cicd_agent.modes.protocol import Mode
from cicd_agent.modes.review.mode import Review
from cicd_agent.modes.route.mode import Route
from tests.support.jobs.gate import GateJobs
from tests.support.jobs.pull_request import AFTER, BEFORE, Job, Left
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.openai.app import Asked, OpenAIServer, status
from tests.support.time_limit import strike, struck

MODES: Mapping[str, type[Mode[Any]]] = {"review": Review, "route": Route, "deploy-gate": DeployGate}
BEFORE_RULES = ("gather", "rules")
AFTER_RULES = ("questions", "experiment", "verify", "report")
HANGS = "model hangs"
LARGE = "f-strings"
FAIL_ON = ("off", "high")


@dataclass(frozen=True, slots=True)
class Case:
    """Where the time of a mode's run is over; `fail_on` is "" where a mode has none."""

    mode: str
    when: str
    fail_on: str = ""

    def __str__(self) -> str:
        return "-".join(filter(None, (self.mode, self.when, self.fail_on))).replace(" ", "-")


CASES = [
    *(Case("review", when, fail_on) for when in (*BEFORE_RULES, HANGS, *AFTER_RULES, LARGE) for fail_on in FAIL_ON),
    *(Case(mode, when) for mode in ("route", "deploy-gate") for when in (*BEFORE_RULES, *AFTER_RULES)),
]
SOME = [case for case in CASES if case.when != LARGE]
"""Without the files that take long to read."""


def complaints(case: Case, place: Path) -> Iterator[str]:
    """What is wrong with a run that ends so."""
    yield from judged(case, made(case, place))


def made(case: Case, place: Path) -> Left:
    """What the run leaves."""
    after = dict(AFTER)
    if case.when == LARGE:
        after |= {f"large{number}.py": _f_strings() for number in range(20)}
    inputs = {"fail_on": case.fail_on} if case.fail_on else {}
    with FakeGitHub() as hub:
        run: Callable[..., Left]
        if case.mode == "deploy-gate":
            jobs = GateJobs(place, hub, after)
            run = partial(jobs.run, "push")
        else:
            run = partial(Job(place, BEFORE, after).run, case.mode)
        if case.when == HANGS:
            with OpenAIServer(_hang) as server:
                return run(base_url=server.url, **inputs)
        if case.when == LARGE:
            return run(model="off", timeout_minutes="0.2", **inputs)
        with struck(MODES[case.mode], case.when):
            return run(model="off", **inputs)


def _f_strings() -> str:
    """480 kB that take a parser long."""
    return "".join(f"x{number} = f'{'{a}' * 20}'\n" for number in range(6_600))


def _hang(asked: Asked) -> Any:
    """The time is over before the answer comes."""
    strike()
    return status(500, "too late")(asked)


def judged(case: Case, left: Left) -> Iterator[str]:
    """What is wrong with what a run has left, in which rules find a shell injection."""
    outputs, has_verdict = left.outputs, case.when not in BEFORE_RULES
    if "Traceback" in left.log:
        yield "a traceback is printed"
    if outputs.get("degraded") != "true" and case.when != LARGE:
        yield "it does not say degraded"
    risks = {"high", "critical"} if has_verdict else {"", None}
    if outputs.get("risk_level") not in risks:
        yield f"the risk is {outputs.get('risk_level')!r}"
    if "app.py" not in left.summary if has_verdict else "timeout-minutes" not in left.summary:
        yield "the summary says neither what the rules found nor what was over"
    match case.mode:
        case "review":
            green = left.exit == 0
            if green != (case.fail_on == "off"):
                yield f"it ends with {left.exit} and `fail-on: {case.fail_on}`"
        case "route" if outputs.get("tests") not in {"full", "extended"}:
            yield f"the tests are {outputs.get('tests')!r}"
        case "deploy-gate" if left.exit == 0 or outputs.get("decision") != "hold":
            yield f"the gate says {outputs.get('decision')!r}"
        case _:
            pass
