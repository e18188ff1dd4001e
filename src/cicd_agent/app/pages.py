"""Which page a decision is shown on at a terminal."""

from cicd_agent.app.decision import Decision
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.text.words import count
from cicd_agent.modes.analyse_failure.terminal import render_failure
from cicd_agent.modes.deploy_gate.terminal import render_gate, render_route
from cicd_agent.modes.gen_tests.terminal import render_tests
from cicd_agent.modes.review.terminal import render
from cicd_agent.rendering.style import Shape


def rendered(decision: Decision, evidence: Evidence, shape: Shape) -> str:
    """The result for a person, "" where there is none."""
    account = decision.account
    if decision.diagnosis is not None:
        return render_failure(decision.diagnosis, evidence, account, **shape)
    if decision.generated is not None:
        return render_tests(decision.generated, evidence, account, **shape)
    if decision.gated is not None:
        return render_gate(decision.gated, evidence, account, **shape)
    if decision.routed is not None:
        return render_route(decision.routed, evidence, account, **shape)
    return render(decision.verdict, evidence, account, **shape) if decision.verdict else ""


def gathered_words(evidence: Evidence) -> str:
    """What there is for the job that goes on, in one line; "" where nothing was gathered."""
    change = evidence.change
    if evidence.failed is not None:
        return f"gathered the logs of {count(len(evidence.failed.jobs), 'job')}"
    if evidence.tests is not None:
        return f"gathered {count(len(evidence.tests.proposed), 'test')} to try"
    if change is not None:
        return f"gathered {count(len(change.files), 'file')}, {count(change.added_lines, 'added line')}"
    return ""
