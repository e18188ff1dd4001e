"""What models write instead of the answer, through whole runs: each is taken or asked again once, no review is lost.

`bad` is what comes first, then the good answer; `requests` is how many the run then takes. The matrix of
tests/adapters/models/test_client_matrix.py has what servers do wrong, and what becomes of one question.
"""

import itertools
import json
from dataclasses import dataclass
from typing import Any

import pytest

from cicd_agent.agent.schema import strict
from cicd_agent.modes.review.questions.draft import ReviewDraft
from tests.adapters.models.questions import in_both_dialects
from tests.support.jobs.pull_request import BEFORE, Job
from tests.support.jobs.recorded import CLAIM, DRAFT, KEPT
from tests.support.protocol_table import DIALECTS, PROPERTY
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.openai import app as fake

TEXT = json.dumps(DRAFT)
REFUSED = 3
"""As often as a question is asked when no answer will do: once, and two corrections."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What comes before the good answer, and the requests of a run in which the good one follows.

    `spoken` is whether the model is heard in the end: what declines to answer is not asked again.
    """

    bad: tuple[fake.Step, ...]
    requests: int = 2
    spoken: bool = True

    @property
    def is_cheap(self) -> bool:
        """Whether each bad answer cost one more request at most."""
        return self.spoken and self.requests <= len(self.bad) + 1


def said(text: object, requests: int = 2) -> Kind:
    return Kind((fake.answer(text),), requests)


def instead(requests: int = 2, **changes: Any) -> Kind:
    """The good answer with other values at its top."""
    return said({**DRAFT, **changes}, requests)


def claiming(requests: int = 2, **changes: Any) -> Kind:
    """The good answer with other values in its finding."""
    return instead(requests, findings=[{**CLAIM, **changes}])


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in DRAFT.items() if key != name}


def cut(text: str) -> Kind:
    return Kind((fake.truncated(text),))


WORDS = "I looked at the change. It starts a shell with a name that anybody may choose, which is a risk."
KINDS: dict[str, Kind] = {
    # Taken as it is.
    "fence": Kind((fake.fenced(DRAFT),), 1),
    "fence without a language": said(f"```\n{TEXT}\n```", 1),
    "blanks around": said(f"\n\n  {TEXT}\n\n", 1),
    "thinking first": Kind((fake.thought_aloud(DRAFT),), 1),
    "endless summary": instead(1, summary="It prints. " * 100_000),
    "line that is not there": claiming(1, line=-7),
    "line beyond all numbers": claiming(1, line=10**30),
    "hidden characters": instead(1, summary="It\u202e prints\u200b \x1b[31m the name."),
    "confidence as a whole number": instead(1, confidence=1),
    "server that does not count": Kind((fake.without_usage(DRAFT),), 1),
    # Not JSON, or not one object.
    "two fences": said(f"```json\n{TEXT}\n```\n```json\n{TEXT}\n```"),
    "fence of tildes": said(f"~~~json\n{TEXT}\n~~~"),
    "fence that is not closed": said(f"```json\n{TEXT}"),
    "prose before": said(f"Here is my review:\n{TEXT}"),
    "prose after": said(f"{TEXT}\nLet me know whether this helps."),
    "prose around a fence": said(f"Here it is:\n```json\n{TEXT}\n```\nDone."),
    "prose alone": said(WORDS),
    "Markdown list": said("- **high**: `os.system` runs a shell\n- **low**: no tests\n"),
    "YAML": said("summary: Prints the name.\nfindings: []\nrisk_level: low\n"),
    "XML": said("<review><summary>Prints the name.</summary></review>"),
    "page of a gateway": said("<!DOCTYPE html><html><h1>502 Bad Gateway</h1></html>"),
    "Python's notation": said(repr(DRAFT)),
    "trailing comma": said(f"{TEXT[:-1]},}}"),
    "comment inside": said(f"{{ // the review\n{TEXT[1:]}"),
    "names without quotes": said("{summary: 'Prints', findings: []}"),
    "byte order mark": said(f"\ufeff{TEXT}"),
    "raw control characters": said(TEXT.replace("Prints the name.", "Prints\nthe\x00name.")),
    "NUL at the end": said(f"{TEXT}\x00"),
    "NaN": said(TEXT.replace("0.7", "NaN")),
    "infinity": said(TEXT.replace("0.7", "1e999")),
    "repeated name": said(f'{TEXT[:-1]}, "summary": "Another."}}'),
    "two objects": said(f"{TEXT}\n{TEXT}"),
    "object in a text": said(json.dumps(TEXT)),
    "endless nesting": said("[" * 10_000),
    "lone surrogate": said(TEXT.replace("Prints", "Prints \\ud83d")),
    "null": said("null"),
    "number": said("42"),
    "nothing": Kind((fake.empty(),)),
    "blanks": said(" \n\t\n "),
    "thinking alone": said("<think>\nMaybe it is fine?"),
    "cut at the start": cut("{"),
    "cut in a text": cut(TEXT[:20]),
    "cut in a finding": cut(TEXT[: TEXT.index("confidence")]),
    "cut before the end": cut(TEXT[:-1]),
    "cut before anything": cut(""),
    "cut though it is whole": cut(TEXT),
    "many words of nothing": said("na " * 10_000),
    "a megabyte of nothing": said("na " * 350_000),
    # One object of another shape.
    "list of answers": said([DRAFT]),
    "answer inside": said({"review": DRAFT}),
    "another question's answer": said(KEPT),
    "schema": said(strict(ReviewDraft)),
    "empty object": said({}),
    "missing name": said(without("risk_level")),
    "one name more": instead(verdict="approve"),
    "null for a list": instead(findings=None),
    "text for a list": instead(findings="none"),
    "object for a list": instead(findings={"1": CLAIM}),
    "texts for findings": instead(findings=["os.system is dangerous"]),
    "number in a text": instead(confidence="0.7"),
    "percentage": instead(confidence=95),
    "negative share": instead(confidence=-0.1),
    "word for a truth value": instead(escalate_to_human="no"),
    "unknown word": instead(risk_level="severe"),
    "word in capitals": instead(risk_level="HIGH"),
    "line with a fraction": claiming(line=6.5),
    "line in a text": claiming(line="6"),
    "category that is none": claiming(category="style"),
    # A fine form that says what is not so.
    "quote that nobody wrote": claiming(quote="subprocess.call(name, shell=True)"),
    "file that is not there": claiming(path="main.py"),
    # Look-ups that are none.
    "unknown tool": Kind((fake.tool_call("run_tests"),)),
    "tool call that is no JSON": Kind((fake.tool_call("read_file", "path=app.py"),)),
    "tool call after the look-ups closed": Kind((fake.answer(WORDS), fake.tool_call("read_file", "{}")), 3),
    # Declined.
    "refusal": Kind((fake.refusal(),), 1, spoken=False),
    "content filter": Kind((fake.content_filter(),), 1, spoken=False),
}
WRONG = [name for name, kind in KINDS.items() if kind.requests > 1 or not kind.spoken]


@pytest.fixture(scope="module")
def pull(tmp_path_factory: pytest.TempPathFactory) -> Job:
    """One pull request for all runs, which is not judged: what the judge says is another matter."""
    return Job(tmp_path_factory.mktemp("job"), before={**BEFORE, ".github/cicd-agent.yml": "judge: off\n"})


@in_both_dialects
@pytest.mark.parametrize("name", KINDS)
def test_what_is_malformed_is_taken_or_asked_again(pull: Job, dialect: str, name: str, record_property: Any) -> None:
    kind = KINDS[name]
    words = f"{kind.requests} request{'' if kind.requests == 1 else 's'}"
    record_property(PROPERTY, (f"malformed: {name}", dialect, f"{'an answer' if kind.spoken else 'rules'}; {words}"))
    with fake.OpenAIServer(*kind.bad, fake.answer(DRAFT)) as server:
        left = pull.run(base_url=server.url, api=dialect)
        assert server.requests == kind.requests, left.log
        server.steps.clear()
    assert left.exit == 0, left.log
    assert left.outputs["degraded"] == ("false" if kind.spoken else "true"), left.log
    found = [each["origin"] for each in left.report["verdict"]["findings"]]
    assert found.count("model") == int(kind.spoken), left.report["verdict"]
    assert found.count("rule") == 1


@pytest.mark.parametrize(("dialect", "name"), list(zip(itertools.cycle(DIALECTS), WRONG, strict=False)))
def test_a_model_that_never_mends_itself_loses_no_review(pull: Job, dialect: str, name: str) -> None:
    kind = KINDS[name]
    with FakeGitHub() as hub, fake.OpenAIServer(*(kind.bad[-1:] * REFUSED)) as server:
        hub.add_repo("octo/app", pull.repo.path)
        posted = hub.add_pull(7, base="main", head="topic")
        pull.variables["GITHUB_API_URL"] = hub.url
        left = pull.run(base_url=server.url, api=dialect, github_token=hub.token)
        asked = server.requests
        server.steps.clear()
    del pull.variables["GITHUB_API_URL"]
    assert left.exit == 0, left.log
    assert asked == (REFUSED if kind.spoken else 1), left.log
    assert len(posted.comments) == len(posted.reviews) == 1
    assert [one.fields["line"] for one in posted.review_comments] == [5]


def test_thirty_kinds_and_more_and_nearly_all_cost_one_request_each() -> None:
    cheap = sum(kind.is_cheap for kind in KINDS.values())
    assert len(KINDS) >= 30
    assert cheap / len(KINDS) >= 0.95, f"{cheap} of {len(KINDS)}"
