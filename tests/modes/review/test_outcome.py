"""The sentence that a review is posted with, and whether it approves: both from the same facts."""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from cicd_agent.agent.messages import Answer
from cicd_agent.analysis.rules.run import RuleDraft
from cicd_agent.domain.effects import Review
from cicd_agent.domain.evidence import Exhibit, Gap
from cicd_agent.domain.finding import Category, Finding, Severity
from cicd_agent.modes.protocol import Account
from cicd_agent.modes.review.page import page, sentence
from cicd_agent.modes.review.questions.judge import Judged, JudgeDraft, Ruling
from cicd_agent.modes.review.report import report
from cicd_agent.modes.review.verdict import verify
from cicd_agent.rendering.github_markdown import github_markdown
from cicd_agent.settings.schema import Settings
from tests.modes.review.test_verdict import EVIDENCE, answer, claim, finding

GPT = Account(model="gpt")
LOW = claim(severity=Severity.LOW, confidence=0.9)
LOST = claim(quote="no such code", category=Category.ARCHITECTURE)
"""Of code that the change does not show."""
SILENT = finding(line=2, id="hush")
NOTHING = "No findings. The rules and the model read the whole change."
BELOW = "below the thresholds"
UNDECIDED = "1 model claim undecided."
NOT_GITHUB = "The summary comment says why this is not an approval on GitHub."


def dropped(reason: str = "It is meant so.", quote: str = "import os") -> Answer[Any]:
    ruling = Judged(
        id="C1", ruling=Ruling.DROP, reason=reason, quote=quote, amended=None, severity=None, confidence=None
    )
    code = (Exhibit("E1", "app.py", "import os\nos.system(token)\nrun()"),)
    return Answer("judge", JudgeDraft(rulings=(ruling,)), optional=True, evidence=code)


@dataclass(frozen=True)
class Case:
    """What was found, and the review that is posted."""

    event: str
    text: str
    rules: tuple[Finding, ...] = ()
    answers: tuple[Answer[Any], ...] = (answer(),)
    account: Account = GPT
    gaps: tuple[Gap, ...] = ()
    config: str = ""


CASES = {
    "nothing": Case("APPROVE", NOTHING),
    "low rule": Case(
        "APPROVE",
        "No findings above the thresholds, 1 below. The rules and the model read the whole change.",
        rules=(finding(severity=Severity.LOW),),
    ),
    "low claim": Case("COMMENT", "No findings above the thresholds, 1 below.", answers=(answer(LOW),)),
    "unsure of something critical": Case(
        "COMMENT",
        "No findings above the thresholds, 1 below.",
        answers=(answer(claim(severity=Severity.CRITICAL, confidence=0.1)),),
    ),
    "undecided": Case("COMMENT", f"No proven findings. {UNDECIDED}", answers=(answer(LOST),)),
    "two undecided, one low": Case(
        "COMMENT",
        "No findings above the thresholds, 1 below. 2 model claims undecided.",
        answers=(answer(LOST, replaced := LOST.model_copy(update={"path": "else.py"}), LOW),),
    ),
    "says nothing": Case(
        "APPROVE",
        NOTHING,
        answers=(answer(claim(title=" ", explanation="")),),
    ),
    "ignored path": Case(
        "APPROVE",
        NOTHING,
        answers=(answer(replaced),),
        config="else.py",
    ),
    "dropped by a bare word": Case(
        "COMMENT", "No findings above the thresholds, 1 below.", answers=(answer(claim()), dropped(quote=""))
    ),
    "dropped with the claim's own quote": Case(
        "COMMENT", "No findings above the thresholds, 1 below.", answers=(answer(claim()), dropped(quote="run()"))
    ),
    "dropped with a quote of nothing": Case(
        "COMMENT", "No findings above the thresholds, 1 below.", answers=(answer(claim()), dropped(quote="if ready:"))
    ),
    "refuted": Case(
        "APPROVE",
        "No findings: 1 model claim refuted. The rules and the model read the whole change.",
        answers=(answer(claim()), dropped()),
    ),
    "merged with a low rule": Case(
        "COMMENT",
        "No findings above the thresholds, 1 below.",
        rules=(finding(severity=Severity.LOW),),
        answers=(answer(claim(quote="os.system(token)", category=Category.SECURITY, title="A shell")),),
    ),
    "silenced by the change": Case(
        "COMMENT",
        "No open findings. 1 finding suppressed by the change itself or resolved in a thread.",
        rules=(SILENT,),
    ),
    "medium": Case(
        "COMMENT",
        f"1 finding on the changed lines. 1 {BELOW}. {UNDECIDED}",
        rules=(finding(severity=Severity.MEDIUM),),
        answers=(answer(LOW, LOST),),
    ),
    "high": Case("REQUEST_CHANGES", "1 finding on the changed lines.", answers=(answer(claim()),)),
    "high and undecided": Case(
        "REQUEST_CHANGES",
        f"1 finding on the changed lines, 1 more in the summary comment. {UNDECIDED}",
        rules=(finding(), finding(line=0, id="other")),
        answers=(answer(LOST),),
    ),
    "rules only": Case("COMMENT", "No findings. Rules only.", answers=(), account=Account()),
    "rules only, low": Case(
        "COMMENT",
        "No findings above the thresholds, 1 below. Rules only.",
        rules=(finding(severity=Severity.LOW),),
        answers=(),
        account=Account(),
    ),
    "rules only, high": Case(
        "REQUEST_CHANGES",
        "1 finding on the changed lines. Rules only.",
        rules=(finding(),),
        answers=(),
        account=Account(),
    ),
    "degraded": Case(
        "COMMENT",
        "No findings by the rules. The model did not review the whole change.",
        answers=(Answer("review", None, failure="down"),),
        account=Account(degraded="down"),
    ),
    "degraded, high": Case(
        "REQUEST_CHANGES",
        "1 finding on the changed lines. The model did not review the whole change.",
        rules=(finding(),),
        answers=(answer(), Answer("review", None, failure="down")),
        account=replace(GPT, degraded="one of two parts was not heard"),
    ),
    "partly shown": Case(
        "COMMENT",
        "No findings in the part of the change that the model was shown.",
        answers=(replace(answer(), left_out=("big.py",)),),
        account=replace(GPT, left_out=("big.py",)),
    ),
    "partly read": Case("COMMENT", "Nothing in this change was analysed.", gaps=(Gap("app.py", "too large"),)),
    "approved, but not on GitHub": Case(
        "COMMENT", f"No findings. {NOT_GITHUB}", account=replace(GPT, config_status="invalid")
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_review_says_what_its_decision_rests_on(case: Case) -> None:
    evidence = replace(EVIDENCE, gaps=case.gaps)
    settings = Settings(review_event="verdict", paths_ignore=(case.config,) if case.config else ())
    verdict = verify(RuleDraft(findings=case.rules), case.answers, evidence, settings)
    [review] = [each for each in report(verdict, evidence, case.account, settings).effects if isinstance(each, Review)]
    assert (review.event, review.body) == (case.event, case.text)
    summary = github_markdown(page(verdict, evidence, case.account, settings))
    # Nobody is told of nothing where there is something.
    something = bool(verdict.findings or verdict.undecided)
    for text in (review.body, summary, sentence(verdict, evidence, case.account, settings)):
        assert not (something and ("No findings." in text or "No findings ·" in text))
