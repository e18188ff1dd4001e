"""Whatever names, documentation and messages say: the comment, the summary and the terminal page only show it."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal, get_args

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cicd_agent.domain.effects import Annotation, Comment, Commit, OpenPull, Summary
from cicd_agent.domain.events.event import Event, EventKind, PullRequest, Ref
from cicd_agent.domain.evidence import Gap
from cicd_agent.domain.text.sanitizer import problems
from cicd_agent.domain.trials.candidate import Candidate, CandidateReport, Expectation, Hurdle, Label, Origin
from cicd_agent.domain.trials.test_run import Mutant
from cicd_agent.domain.verdict import Conclusion
from cicd_agent.modes.gen_tests.evidence import Suite, SuiteState
from cicd_agent.modes.gen_tests.flaky.experiments import FlakyHunt, FlakyKind, FlakyTest
from cicd_agent.modes.gen_tests.page import page as result_page
from cicd_agent.modes.gen_tests.report import report
from cicd_agent.modes.gen_tests.result import BugGround, Covered, Generated, Open, PossibleBug, Share
from cicd_agent.modes.protocol import Account
from cicd_agent.rendering.terminal import terminal
from cicd_agent.settings.schema import Settings
from tests.modes.gen_tests.specimens import evidence

EVENT = Event(
    EventKind.PULL_REQUEST,
    repo="o/r",
    pull=PullRequest(7),
    base=Ref("main", "b" * 40),
    head=Ref("f", "h" * 40),
    sha="c" * 40,
    server="https://github.test",
)
SPECIMEN = evidence(EVENT)
EVIL = [
    "`", "``x`", "|", "a|b\\|c", "@octocat", "</details>", "<details open>", "<!-- cicd-agent:gen-tests -->",
    "::error::x", "##[error]x", "```", "~~~", "\n```\n@all\n", "![x](https://evil.example/x.png)", "#1", "Fixes #1",
    "[x](https://evil.example)", "https://evil.example", "<img src=x>", "$`x`$", "\x1b[31m", "\u202e", "\x00",
    "\r\n::set-output name=a::b", "\ud800", "a" * 400, "", " ", "\\", "-- \n| - |", "1. x", "> x",
    "[x]: https://evil.example",
]  # fmt: skip
TOLD = "".join(EVIL[:16])
TEXTS = st.lists(st.sampled_from([*EVIL, "x", "test_a"]), min_size=1, max_size=4).map("".join)
Deliver = Literal["patch", "commit", "pull-request", "comment"]
NUMBERS = st.integers(0, 40)


@st.composite
def candidates(draw: st.DrawFn) -> Candidate:
    return Candidate(
        draw(TEXTS),
        draw(TEXTS),
        draw(TEXTS),
        draw(TEXTS),
        (draw(TEXTS),),
        draw(TEXTS),
        draw(st.sampled_from(Origin)),
        draw(st.sampled_from(Expectation)),
        draw(TEXTS),
        draw(TEXTS),
    )


@st.composite
def reports(draw: st.DrawFn) -> CandidateReport:
    return CandidateReport(
        draw(candidates()),
        draw(st.none() | st.sampled_from(Hurdle)),
        draw(TEXTS),
        kills=(draw(TEXTS), "m1"),
        runs=draw(NUMBERS),
        passed=draw(NUMBERS),
        label=draw(st.sampled_from(Label)),
        fails_with=draw(TEXTS),
        settled=draw(st.booleans()),
    )


@st.composite
def results(draw: st.DrawFn) -> Generated:
    suite = Suite(
        draw(st.sampled_from(SuiteState)),
        draw(TEXTS),
        command=draw(TEXTS),
        python=draw(TEXTS),
        tests=draw(NUMBERS),
        mutants=(Mutant("m1", "a.py", 1, "f", "constant", 0, 1, "x", draw(TEXTS)),),
        sandbox=draw(TEXTS),
        notes=(draw(TEXTS),),
    )
    flaky = FlakyTest(
        draw(TEXTS), draw(st.sampled_from(FlakyKind)), 1, 2, draw(TEXTS), (draw(TEXTS),), draw(TEXTS), draw(TEXTS)
    )
    bug = PossibleBug(
        draw(candidates()), draw(st.sampled_from(BugGround)), draw(TEXTS), draw(TEXTS), draw(st.integers(0, 9))
    )
    gap = Open(draw(TEXTS), draw(TEXTS), 3, (3, 4), ((3, 4),), (draw(TEXTS), draw(TEXTS)), draw(TEXTS))
    share = Share(1, 3)
    return Generated(
        Conclusion.SUCCESS,
        suite,
        tuple(draw(st.lists(reports(), max_size=3))),
        (bug,),
        (gap,),
        Covered(share, share),
        draw(st.none() | st.just(Covered(share, share))),
        draw(TEXTS),
        {"tests/test_a.py": "def test_a():\n    assert f() == 1\n"},
        hunt=FlakyHunt(20, 20, 3, (flaky,), (draw(TEXTS),)),
        seconds=1.0,
    )


def markdown(generated: Generated, deliver: Deliver) -> Iterator[str]:
    plan = report(
        generated,
        replace(SPECIMEN, gaps=(Gap(TOLD, TOLD),)),
        Account(model=TOLD, degraded=TOLD, notices=(TOLD,)),
        Settings(deliver=deliver),
    )
    for effect in plan.effects:
        match effect:
            case Comment(body=body):
                yield body
            case Summary(body=text):
                yield text
            case OpenPull(title=title, body=body):
                yield title.replace("#7", "it")
                yield body.replace("#7", "it", 1)
            case Commit(message=message):
                yield message.replace("#7", "it", 1)
            case _:
                continue


@given(generated=results(), deliver=st.sampled_from(get_args(Deliver)))
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_no_markdown_of_a_result_acts_or_reaches_out(generated: Generated, deliver: Deliver) -> None:
    texts = list(markdown(generated, deliver))
    assert texts
    assert [problems(text, EVENT.hosts) for text in texts] == [()] * len(texts)


@given(generated=results())
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_a_terminal_gets_no_control_characters(generated: Generated) -> None:
    page = terminal(result_page(generated, SPECIMEN, Account(), Settings()), Account(), report="report.json")
    assert not re.findall(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", page)
    page.encode()


@given(generated=results())
@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_a_commit_message_is_plain_lines_about_each_test(generated: Generated) -> None:
    plan = report(generated, SPECIMEN, Account(), Settings(deliver="commit"))
    [commit] = [effect for effect in plan.effects if isinstance(effect, Commit)]
    assert commit.message.startswith("Add ")
    assert "[skip ci]" not in commit.message
    assert all(effect.message.count("\n") <= 40 for effect in plan.effects if isinstance(effect, Annotation | Commit))
