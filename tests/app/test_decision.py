import json
from dataclasses import replace
from typing import Any

import jsonschema
import pytest

from cicd_agent.agent.budget import Budget
from cicd_agent.agent.loop import ask
from cicd_agent.agent.messages import Question
from cicd_agent.app.run_record import AnswerRecord, Decision, RunRecord
from cicd_agent.app.serialization import _adapter, _kind, dump, load, schema
from cicd_agent.domain.effects import (
    CheckRun,
    Comment,
    CommitComment,
    InlineComment,
    Issue,
    Notification,
    Output,
    Plan,
    Receipt,
    ReceiptState,
    Rerun,
    Review,
    ReviewEvent,
)
from cicd_agent.domain.events.event import Event, EventKind, PullRequest
from cicd_agent.domain.evidence import Evidence, Gap
from cicd_agent.domain.finding import Category, Finding, Location, Severity
from cicd_agent.domain.repository.change import Change, ChangeSource
from cicd_agent.domain.repository.diff import Side
from cicd_agent.domain.repository.diff_parser import parse_diff
from cicd_agent.domain.repository.history import History, Measures, PastChange, Trouble
from cicd_agent.domain.repository.risk_file import RiskFile
from cicd_agent.domain.verdict import Conclusion, Reason, Risk, RiskLevel, Verdict
from cicd_agent.errors import ConfigError
from cicd_agent.modes.protocol import Account
from cicd_agent.modes.route.evidence import ROUTE_EVIDENCE, RouteEvidence
from tests.agent.drafts import Note
from tests.support.fakes.scripted_model import ScriptedModel
from tests.support.samples.records import report

DIFF = "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1,2 +1,3 @@\n zebra\n-two\n+2\n+3\n"


def evidence() -> Evidence:
    change = Change("b" * 40, "h" * 40, ChangeSource.GIT, parse_diff(DIFF), texts={"a.py": "zebra\n2\n3\n"})
    event = Event(EventKind.PULL_REQUEST, repo="o/r", pull=PullRequest(7, title="naïve \U0001f600"))
    return Evidence(event, change, gaps=(Gap("x.lock", "lock file"),))


def decision() -> Decision:
    finding = Finding(
        "sql", "title", "message", Severity.HIGH, Category.SECURITY, Location("a.py", 2), quote="2", confidence=0.9
    )
    inline = InlineComment("k", "a.py", 2, Side.RIGHT, "body")
    effects = (
        Review("r", 7, "h" * 40, ReviewEvent.COMMENT, "body", (inline,)),
        Comment("c", 7, "body"),
        Output("o", "risk_level", "low"),
        CheckRun("check", "h" * 40, Conclusion.FAILURE, "t", "s", name="cicd-agent failure"),
        CommitComment("f", "h" * 40, "body"),
        Issue("f", "title", "body"),
        Notification("n", "text", "https://github.com/o/r"),
        Rerun("again", 81, 1, "flaky"),
    )
    verdict = Verdict(
        Conclusion.NEUTRAL, "comment", None, Risk(RiskLevel.LOW, 3, (Reason("why", 3.0),)), findings=(finding,)
    )
    return Decision("review", evidence().event, Account(), Plan(effects), evidence(), result=verdict)


def test_evidence_comes_back_as_it_went() -> None:
    assert load(Evidence, dump(evidence()).encode(), "x") == evidence()


def test_a_decision_comes_back_with_every_effect_of_its_own_kind() -> None:
    assert load(Decision, dump(decision()).encode(), "x") == decision()


def test_a_file_without_indentation_is_one_line_and_holds_the_same() -> None:
    text = dump(decision(), indent=None)
    assert text.count("\n") == 1
    assert json.loads(text) == json.loads(dump(decision()))
    assert load(Decision, text.encode(), "x") == decision()


def test_a_report_leaves_the_diff_out() -> None:
    text = dump(
        report(decision(), exit_code=0, outputs={"a": "b"}, receipts=(Receipt("k", "review", ReceiptState.DONE),))
    )
    assert "zebra" not in text
    body = json.loads(text)["body"]
    assert body["seen"] == {
        "base": "b" * 40,
        "head": "h" * 40,
        "source": "git",
        "files": 1,
        "added_lines": 2,
        "deleted_lines": 1,
    }
    assert body["verdict"]["findings"][0]["location"]["line"] == 2


@pytest.mark.parametrize(
    ("kind", "value"), [("evidence", evidence()), ("decision", decision()), ("report", RunRecord("review", 2, "error"))]
)
def test_what_is_written_fits_its_published_schema(kind: str, value: Any) -> None:
    published = schema(kind)
    jsonschema.Draft202012Validator.check_schema(published)
    jsonschema.validate(json.loads(dump(value)), published, jsonschema.Draft202012Validator)


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "not JSON"),
        (b"[1]", "is not a cicd-agent evidence of version 1"),
        (b'{"kind": "decision", "version": 1, "body": {}}', "is not a cicd-agent evidence"),
        (b'{"kind": "evidence", "version": 2, "body": {}}', "version 1"),
        (b'{"kind": "evidence", "version": 1, "body": {"event": 3}}', "does not hold evidence"),
        (b'{"kind": "evidence", "version": 1, "body": NaN}', "NaN is not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'\xff{"kind"', "not JSON"),
    ],
)
def test_anything_else_is_refused_in_one_line(raw: bytes, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(Evidence, raw, "evidence.json")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("change", "files", 0, "hunks", 0, "lines", 2, "new"), 400),
        (("change", "files", 0, "hunks", 0, "new_start"), 400),
        (("change", "files", 0, "hunks", 0, "lines", 0, "old"), None),
        (("event", "pull", "number"), "7"),
        (("event", "kind"), "nonsense"),
        (("change", "files", 0, "path"), 5),
    ],
)
def test_evidence_that_was_tampered_with_is_refused(path: tuple[str | int, ...], value: object) -> None:
    tampered = json.loads(dump(evidence()))
    place: Any = tampered["body"]
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(ConfigError):
        load(Evidence, json.dumps(tampered).encode(), "x")


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ('"reason": "flaky"', '"reason": "because"'),
        ('"name": "cicd-agent failure"', '"name": "required check"'),
        ('"run": 81', '"run": "81"'),
    ],
)
def test_an_effect_says_nothing_but_the_words_there_are_for_it(good: str, bad: str) -> None:
    text = dump(decision())
    assert good in text
    with pytest.raises(ConfigError):
        load(Decision, text.replace(good, bad).encode(), "x")


def test_an_effect_of_an_unknown_kind_is_refused() -> None:
    tampered = dump(decision()).replace('"kind": "comment"', '"kind": "shell"')
    with pytest.raises(ConfigError):
        load(Decision, tampered.encode(), "x")


def test_the_report_names_the_version_of_the_prompt_that_was_used() -> None:
    question = Question("review", "<!-- prompt version: 7 -->\nFind faults.", (), Note, lambda _: None)
    budget = Budget(requests=1, input_tokens=10_000, seconds=60, clock=lambda: 0.0)
    with ScriptedModel('{"summary": "fine", "confidence": 0.9}') as model:
        answer = ask(question, model, budget, key=b"k", redact=lambda text: text)
    asked = replace(decision(), asked=(AnswerRecord.of(answer),))
    text = dump(report(asked, exit_code=0, outputs={}, receipts=()))
    assert json.loads(text)["body"]["asked"][0]["prompt"] == "7"
    assert load(Decision, dump(asked).encode(), "x") == asked


def test_what_is_written_is_what_a_schema_would_write() -> None:
    learnt = RiskFile(weights={"added": 0.25}, thresholds=(10, 20, 30))
    past = PastChange("a" * 40, 1_700_000_000, Measures(files=1, entropy=0.5), RiskLevel.HIGH)
    history = History(commits=1, recent=(past,), troubles=(Trouble("a.py", "reverted", 2),))
    seen = replace(evidence(), history=history, learnt=learnt).put(ROUTE_EVIDENCE, RouteEvidence(("a doubt",)))
    decided = replace(decision(), evidence=seen)
    told = report(decided, exit_code=0, outputs={"a": "b"}, receipts=(Receipt("k", "comment", ReceiptState.DONE),))
    for value in (seen, decided, told):
        body = json.loads(dump(value))["body"]
        shaped = _adapter(_kind(type(value)))
        again = shaped.dump_python(shaped.validate_json(json.dumps(body), strict=True), mode="json")
        assert body == {name: each for name, each in again.items() if name in body}
        assert all(each is None for name, each in again.items() if name not in body)
