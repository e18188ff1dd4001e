"""What a plan says beside the pull request goes where the job's settings and event let it, whoever wrote the plan."""

import json
import re
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from cicd_agent.app.context import RunContext
from cicd_agent.app.options import RunOptions
from cicd_agent.app.security.effect_policy import effect_policy
from cicd_agent.app.security.secrets import secrets
from cicd_agent.domain.effects import CommitComment, Effect, Issue, Notification, Rerun
from cicd_agent.domain.events.event import Event, EventKind
from cicd_agent.domain.text.redaction import Redactor
from cicd_agent.modes.protocol import Ports
from cicd_agent.settings.environment import Environment
from cicd_agent.settings.loader import Loaded, load
from tests.support.jobs.pull_request import Job, Left
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.slack import PATH, SECRET, TOKEN, FakeSlack

FILE = "commit-comment: on\nfailure-issue: on\nrerun: flaky\n"


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path, {"app.py": "a = 1\n", ".github/cicd-agent.yml": FILE}, {"app.py": "a = 2\n"})


@pytest.fixture
def hub(job: Job) -> Iterator[FakeGitHub]:
    with FakeGitHub() as hub:
        hub.add_repo("octo/app", job.repo.path).shas.add(job.base)
        hub.add_pull(7, base="main", head="topic")
        job.variables["GITHUB_API_URL"] = hub.url
        hub.token = hub.add_token("ghs_all", contents="write", issues="write", pull_requests="write")
        yield hub


@pytest.fixture
def slack() -> Iterator[FakeSlack]:
    with FakeSlack() as slack:
        yield slack


def forged(job: Job, *effects: Effect, mode: str = "review") -> Path:
    """A decision whose plan somebody else has written."""
    decision = job.place / "decision.json"
    evidence = job.place / "evidence.json"
    assert job.run("gather", mode, "--out", str(evidence)).exit == 0
    assert job.run("decide", mode, "--in", str(evidence), "--out", str(decision)).exit == 0
    whole = json.loads(decision.read_text())
    whole["body"]["plan"]["effects"] = [asdict(effect) for effect in effects]
    decision.write_text(json.dumps(whole))
    return decision


def states(left: Left) -> dict[str, str]:
    return {each["key"]: each["state"] for each in left.report["receipts"]}


def perform(job: Job, hub: FakeGitHub, decision: Path, **inputs: str) -> Left:
    left = job.run("perform", "review", "--in", str(decision), github_token=hub.token, **inputs)
    assert left.exit == 0, left.log
    return left


def test_a_forged_plan_reaches_no_commit_no_issue_and_no_run_but_the_events(job: Job, hub: FakeGitHub) -> None:
    decision = forged(
        job,
        CommitComment("elsewhere", job.base, "x"),
        CommitComment("here", job.head, "x"),
        Issue("issue", "Buy my coin", "x"),
        Rerun("rerun", 81, 1, "flaky"),
    )
    left = perform(job, hub, decision)
    found = states(left)
    assert {key: found[key] for key in ("elsewhere", "here", "issue", "rerun")} == {
        "elsewhere": "failed",
        "here": "failed",
        "issue": "failed",
        "rerun": "skipped",
    }
    assert hub.repos["octo/app"].commit_comments == {}
    assert hub.repos["octo/app"].issues == []
    assert not hub.of("POST", "/(issues|reruns?|comments|rerun-failed-jobs)$")


def test_a_message_reaches_slack_and_the_webhooks_secret_nothing_else(
    job: Job, hub: FakeGitHub, slack: FakeSlack
) -> None:
    text = f"<!channel> turned red {SECRET} and {slack.webhook}"
    decision = forged(job, Notification("red", text, "https://github.com/octo/app"))
    left = perform(job, hub, decision, slack_webhook_url=slack.webhook)
    assert states(left)["red"] == "done"
    [heard] = slack.heard
    assert heard.startswith("&lt;!channel&gt; turned red ")
    assert heard.endswith(" <https://github.com/octo/app|details>")
    left_behind = [heard, left.log, left.summary, json.dumps(left.outputs)]
    left_behind += [path.read_text() for path in job.temp.rglob("*") if path.is_file()]
    assert not any(SECRET[at : at + 12] in each for each in left_behind for at in range(len(SECRET) - 11))


def test_slack_being_down_is_a_warning_and_nothing_more(job: Job, hub: FakeGitHub, slack: FakeSlack) -> None:
    slack.fail(500, "<html>")
    left = perform(job, hub, forged(job, Notification("red", "red")), slack_webhook_url=slack.webhook)
    assert states(left)["red"] == "degraded"
    assert "::warning" in left.log
    assert "Slack" in left.summary
    assert left.outputs["conclusion"]


def test_without_slack_nothing_is_said_of_it(job: Job, hub: FakeGitHub) -> None:
    left = perform(job, hub, forged(job, Notification("red", "red")))
    assert states(left)["red"] == "skipped"
    assert "Slack" not in left.log + left.summary


def scene(inputs: dict[str, str], file: str) -> RunContext:
    loaded: Loaded = load(inputs, file)
    assert loaded.problems == ()
    return RunContext(Event(EventKind.PUSH), loaded, Ports())


def test_nothing_of_it_is_granted_unless_the_settings_say_so() -> None:
    plain = effect_policy(scene({}, ""), is_own=True)
    assert not any((plain.commit_comment, plain.issue, plain.reruns))
    every = effect_policy(scene({}, FILE), is_own=False)
    assert every.commit_comment
    assert every.issue
    assert every.reruns == {"infrastructure", "flaky"}
    assert effect_policy(scene({"rerun": "infrastructure"}, FILE), is_own=True).reruns == {"infrastructure"}


@pytest.mark.parametrize(
    ("url", "hidden", "shown"),
    [
        (f"https://hooks.slack.test{PATH}", [SECRET, "T0ABC123", "B0DEF456"], ["services", "https://hooks.slack.test"]),
        ("https://chat.test/hooks/ab1cd2ef3gh4ij5kl6mn7op8qr", ["ab1cd2ef3gh4ij5kl6mn7op8qr"], ["hooks", "chat.test"]),
        ("https://chat.test/hooks/abcdefghijklmnop", ["abcdefghijklmnop"], ["hooks"]),
        ("https://me:Pass9word@chat.test/x?key=K1234567890", ["Pass9word", "K1234567890"], ["chat.test"]),
        ("NoAddress1234567", ["NoAddress1234567"], []),
    ],
)
def test_of_a_webhook_the_secret_parts_are_masked_and_words_are_not(
    url: str, hidden: list[str], shown: list[str]
) -> None:
    given = {"slack-webhook-url": url, "slack-token": TOKEN}
    text = Redactor(secrets(RunOptions(), Environment(inputs=given))).redact(" ".join([*hidden, *shown, TOKEN]))
    assert not any(part in text for part in (*hidden, TOKEN))
    assert all(re.search(rf"(^| ){re.escape(word)}( |$)", text) for word in shown), text
