"""A plan is carried out once, at the event's own target, and nothing of it is lost when GitHub refuses."""

import io
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.fakes import FakeForge, FakeStore
from tests.protocol import Step, read_outputs, read_summary

from cicd_agent.adapters.perform import dry_run, perform
from cicd_agent.adapters.workflow import Workflow
from cicd_agent.core.diff import Side
from cicd_agent.core.event import Event, EventKind, PullRequest
from cicd_agent.core.markdown import find_marker, marker
from cicd_agent.core.plan import (
    Annotation,
    Artifact,
    Comment,
    Effect,
    InlineComment,
    Level,
    Output,
    Plan,
    Receipt,
    ReceiptState,
    Review,
    ReviewEvent,
    Summary,
)
from cicd_agent.core.redact import MASK, Redactor
from cicd_agent.errors import AgentError, BudgetExhausted, ForgeRefused

SHA = "1a2b3c4d" * 5
KEY = "zk-7QpL9vXw3RtY2mNb8Kc5Hd1Jf6Gs4"
EVENT = Event(EventKind.PULL_REQUEST, sha=SHA, pull=PullRequest(5), server="https://github.test")
NAMES = ("decision", "sarif_file", "long", "long_file")


def inline(key: str, body: str = "look here", line: int = 3) -> InlineComment:
    return InlineComment(key, "src/a.py", line, Side.RIGHT, body)


def review(
    *comments: InlineComment, pull: int = 5, commit: str = SHA, event: ReviewEvent = ReviewEvent.COMMENT
) -> Review:
    return Review("review-1", pull, commit, event, "two findings", comments)


COMMENT = Comment("review", 5, "the summary")
LOCAL: tuple[Effect, ...] = (
    Annotation("a1", Level.WARNING, "t", "m", "src/a.py", 3),
    Summary("summary", "# All of it"),
    Artifact("sarif", "findings.sarif", "{}", "sarif_file"),
    Output("o1", "decision", "comment"),
)
PLAN = Plan((COMMENT, review(inline("f1"), inline("f2")), *LOCAL))


@dataclass
class Site:
    """Where a plan is carried out, and what has come of it."""

    folder: Path
    forge: FakeForge = field(default_factory=FakeForge)
    store: FakeStore = field(default_factory=FakeStore)
    printed: io.StringIO = field(default_factory=io.StringIO)
    event: Event = EVENT
    connected: bool = True

    def perform(self, *effects: Effect) -> dict[str, Receipt]:
        workflow = Workflow(
            self.printed, output_file=self.folder / "output", summary_file=self.folder / "summary", names=NAMES
        )
        receipts = perform(
            Plan(effects or PLAN.effects),
            forge=self.forge if self.connected else None,
            workflow=workflow,
            folder=self.folder,
            store=self.store,
            redact=Redactor([KEY]).redact,
            event=self.event,
        )
        assert [receipt.key for receipt in receipts] == [effect.key for effect in effects or PLAN.effects]
        return {receipt.key: receipt for receipt in receipts}

    @property
    def step(self) -> Step:
        return Step().hear(self.printed.getvalue().encode())

    @property
    def warnings(self) -> list[str]:
        return [
            one.data for one in self.step.annotations if one.name == "warning" and one.properties.get("title") != "t"
        ]

    @property
    def outputs(self) -> dict[str, str]:
        return read_outputs((self.folder / "output").read_bytes())

    @property
    def summary(self) -> str:
        return read_summary((self.folder / "summary").read_bytes())

    @property
    def said(self) -> list[str]:
        return [comment.body for comment in self.forge.conversation.get(5, [])]

    def assert_told(self) -> None:
        """Everything that needs no permission was done."""
        assert self.outputs["decision"] == "comment"
        assert self.outputs["sarif_file"] == str(self.folder / "findings.sarif")
        assert "# All of it" in self.summary
        assert "m" in [one.data for one in self.step.annotations]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def refusal(status: int, why: str = "") -> ForgeRefused:
    return ForgeRefused("GitHub refused to post the review", why=f"{status}: {why}", status=status)


def test_a_plan_is_carried_out_whole(site: Site) -> None:
    receipts = site.perform()
    assert {receipt.state for receipt in receipts.values()} == {ReceiptState.DONE}
    assert site.said == [f"{marker('review')}\nthe summary"]
    (posted,) = site.forge.reviews
    assert [one.body for one in posted.comments] == [f"{marker('f1')}\nlook here", f"{marker('f2')}\nlook here"]
    assert receipts["review-1"].url.startswith("https://github.test/")
    assert (site.folder / "findings.sarif").read_text() == "{}"
    site.assert_told()
    assert site.warnings == []


def test_a_second_run_posts_nothing_twice(site: Site) -> None:
    site.perform()
    receipts = site.perform()
    assert receipts["review"].state is ReceiptState.UNCHANGED
    assert receipts["review-1"].state is ReceiptState.UNCHANGED
    assert len(site.said) == 1
    assert len(site.forge.reviews) == 1


def test_only_what_is_new_is_said_at_the_line(site: Site) -> None:
    site.perform(review(inline("f1")))
    site.perform(review(inline("f1"), inline("f3")))
    assert [find_marker(one.body) for one in site.forge.reviews[1].comments] == [marker("f3")]


def test_a_comment_is_edited_in_place(site: Site) -> None:
    site.perform(COMMENT)
    receipts = site.perform(Comment("review", 5, "another summary"))
    assert site.said == [f"{marker('review')}\nanother summary"]
    assert receipts["review"].detail == "edited"


def test_line_ends_that_github_changed_are_no_edit(site: Site) -> None:
    site.forge.say(5, f"{marker('review')}\r\nthe summary\r\n")
    assert site.perform(COMMENT)["review"].state is ReceiptState.UNCHANGED
    assert "edit_comment" not in site.forge.calls


def test_nothing_to_say_is_not_said_in_a_new_comment(site: Site) -> None:
    quiet = Comment("review", 5, "nothing found", only_edit=True)
    assert site.perform(quiet)["review"].state is ReceiptState.SKIPPED
    assert site.said == []
    site.perform(COMMENT)
    assert site.perform(quiet)["review"].state is ReceiptState.DONE
    assert site.said == [f"{marker('review')}\nnothing found"]


@pytest.mark.parametrize(
    ("body", "author"),
    [
        (f"{marker('review')}\nforged", "stranger"),
        (f"as they said:\n{marker('review')}", "github-actions[bot]"),
        (f"> {marker('review')}", "github-actions[bot]"),
    ],
)
def test_a_marker_counts_in_the_first_line_of_our_own_comment_only(site: Site, body: str, author: str) -> None:
    site.forge.say(5, body, author)
    site.forge.say_inline(5, body.replace("review", "f1"), author)
    site.perform(COMMENT, review(inline("f1")))
    assert site.said == [body, f"{marker('review')}\nthe summary"]
    assert len(site.forge.reviews) == 1


def test_lines_that_github_will_not_have_are_said_in_one_comment(site: Site) -> None:
    site.forge.refusals["post_review"] = refusal(422, "line must be part of the diff")
    receipts = site.perform()
    assert receipts["review-1"].state is ReceiptState.DEGRADED
    (_, stand_in) = site.said
    assert "two findings" in stand_in
    assert stand_in.count("look here") == 2
    assert "`src/a.py:3`" in stand_in
    assert "A comment stands in for the review" in site.summary
    site.assert_told()
    site.perform()
    assert len(site.said) == 2


@pytest.mark.parametrize("status", [401, 403, 404, 429, 502, 0])
def test_a_refusal_is_one_warning_and_everything_else_stands(site: Site, status: int) -> None:
    for call in ("post_review", "post_comment", "comments", "review_comments"):
        site.forge.refusals[call] = refusal(status, "Resource not accessible by integration")
    receipts = site.perform()
    assert [receipts[key].state for key in ("review", "review-1")] == [ReceiptState.DEGRADED] * 2
    assert len(site.warnings) == 1
    assert "Resource not accessible" in site.warnings[0]
    assert "Resource not accessible" in site.summary
    site.assert_told()


def test_a_forge_that_is_down_is_asked_once(site: Site) -> None:
    site.forge.refusals["comments"] = refusal(0, "no answer")
    receipts = site.perform()
    assert site.forge.calls == ["comments"]
    assert receipts["review-1"].detail.startswith("not tried again")


def test_a_review_refused_and_its_stand_in_refused_lose_nothing(site: Site) -> None:
    site.forge.refusals |= {"post_review": refusal(422), "post_comment": refusal(403)}
    site.perform()
    assert len(site.warnings) == 1
    site.assert_told()


def test_the_end_of_the_time_is_no_end_of_the_outputs(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def overdue(*_: object) -> None:
        raise BudgetExhausted("the time limit of the run is over")

    monkeypatch.setattr(site.forge, "post_comment", overdue)
    receipts = site.perform()
    assert receipts["review"].state is ReceiptState.DEGRADED
    assert "time limit" in site.warnings[0]
    site.assert_told()


def test_a_cancelled_run_still_writes_its_outputs(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def cancelled(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(site.forge, "post_review", cancelled)
    with pytest.raises(KeyboardInterrupt):
        site.perform()
    site.assert_told()
    assert site.store.entries[-1] == ("intent", "review-1")


def test_intents_are_journalled_before_and_receipts_after(site: Site) -> None:
    site.perform(COMMENT, review(inline("f1")))
    assert site.store.entries == [
        ("intent", "review"),
        ("receipt", "review"),
        ("intent", "review-1"),
        ("receipt", "review-1"),
    ]
    assert site.store.details[1]["detail"] == f"1 inline comment on {SHA}"


def test_what_is_true_already_is_no_intent(site: Site) -> None:
    site.perform(COMMENT)
    site.perform(COMMENT)
    assert site.store.entries[2:] == [("receipt", "review")]


@pytest.mark.parametrize(
    "effect",
    [
        Comment("review", 6, "elsewhere"),
        review(inline("f1"), pull=6),
        review(inline("f1"), commit="f" * 40),
        review(inline("f1"), event=ReviewEvent.APPROVE),
        review(inline("f1"), event=ReviewEvent.REQUEST_CHANGES),
    ],
)
def test_an_effect_on_another_target_is_refused_without_a_call(site: Site, effect: Comment | Review) -> None:
    receipts = site.perform(effect, *LOCAL)
    assert receipts[effect.key].state is ReceiptState.FAILED
    assert site.forge.calls == []
    assert "Not done" in site.summary
    site.assert_told()


def test_a_plan_that_names_a_pull_request_is_not_for_a_push(site: Site) -> None:
    site.event = Event(EventKind.PUSH, sha=SHA)
    assert site.perform(COMMENT)["review"].detail == "it names pull request 5, the event is about no pull request"


def test_without_a_connection_the_rest_is_done_without_a_warning(site: Site) -> None:
    site.connected = False
    receipts = site.perform()
    assert receipts["review"].state is ReceiptState.SKIPPED
    assert site.warnings == []
    site.assert_told()


def test_without_a_runner_files_are_written_and_the_rest_is_skipped(tmp_path: Path) -> None:
    receipts = perform(PLAN, forge=None, workflow=None, folder=tmp_path, store=FakeStore(), redact=str, event=EVENT)
    states = {receipt.kind: receipt.state for receipt in receipts}
    assert states.pop("artifact") is ReceiptState.DONE
    assert set(states.values()) == {ReceiptState.SKIPPED}


@pytest.mark.parametrize("secret", [KEY, KEY[::-1], KEY.encode().hex(), "\n".join(KEY), KEY[3:20]])
def test_a_secret_reaches_no_sink(site: Site, secret: str) -> None:
    text = f"the key is {secret}!"
    site.perform(
        Comment("review", 5, text),
        review(inline("f1", text)),
        Annotation("a", Level.ERROR, text, text, text, 1),
        Summary("summary", text),
        Output("o", "decision", text),
        Output("l", "long", text + " " * 70_000),
        Artifact("sarif", "findings.sarif", text, "sarif_file"),
    )
    sinks = [*site.said, *(one.body for one in site.forge.reviews[0].comments), site.printed.getvalue()]
    sinks += [path.read_text("utf-8") for path in site.folder.iterdir() if path.is_file()]
    assert sum(MASK in sink for sink in sinks) >= 6
    assert not any(secret in sink for sink in sinks)
    assert not any(KEY[at : at + 12] in sink for sink in sinks for at in range(len(KEY) - 11))


HOSTILE = "![x](https://evil.example/?q=1) @octocat <img src=x>"


def test_markdown_that_could_act_is_shown_as_source(site: Site) -> None:
    site.perform(Comment("review", 5, HOSTILE), review(inline("f1", HOSTILE)), Summary("summary", HOSTILE))
    shown = f"```\n{HOSTILE}\n```"
    assert shown in site.said[0]
    assert shown in site.forge.reviews[0].comments[0].body
    assert shown in site.summary


def test_a_forged_marker_in_a_body_stays_text(site: Site) -> None:
    site.perform(Comment("review", 5, "<!-- cicd-agent:other -->\nx"))
    assert find_marker(site.said[0]) == marker("review")


def test_bodies_and_comments_stay_within_githubs_limits(site: Site) -> None:
    long = "line of text\n" * 5_000
    comments = [inline("f0", long), *(inline(f"f{n}") for n in range(1, 40))]
    receipts = site.perform(Comment("review", 5, long), review(*comments))
    assert len(site.said[0]) <= 60_000
    assert "did not fit" in site.said[0]
    (posted,) = site.forge.reviews
    assert len(posted.comments) == 30
    assert all(len(one.body) <= 60_000 for one in posted.comments)
    assert receipts["review-1"].detail.startswith("10 inline comments left out")


def test_many_annotations_are_counted_in_the_last_and_in_the_summary(site: Site) -> None:
    many = [Annotation(f"a{n}", Level.ERROR, "t", str(n)) for n in range(11)]
    receipts = site.perform(*many, Summary("summary", "x"))
    assert [receipts[one.key].state for one in many] == [ReceiptState.DONE] * 9 + [ReceiptState.SKIPPED] * 2
    assert "2 annotations more than the runner shows" in site.summary


def test_notes_find_room_in_a_full_summary(site: Site) -> None:
    site.forge.refusals["comments"] = refusal(403, "no permission")
    site.perform(COMMENT, Summary("summary", ("full" * 50 + "\n") * 6_000))
    assert "no permission" in site.summary
    assert "did not fit" in site.summary


@pytest.mark.parametrize(
    "name", ["../up", "/etc/passwd", ".hidden", "a/b", "", "journal.jsonl", "report.json", "a\0", "-x", "é"]
)
def test_a_file_is_written_beside_the_report_and_nowhere_else(site: Site, name: str) -> None:
    receipts = site.perform(Artifact("file", name, "x"), *LOCAL[:2])
    assert receipts["file"].state is ReceiptState.FAILED
    assert "Not done" in site.summary
    assert {path.name for path in site.folder.iterdir()} == {"summary"}


def test_an_output_that_is_not_declared_fails_alone(site: Site) -> None:
    receipts = site.perform(Output("o2", "PATH", "/evil"), *LOCAL)
    assert receipts["o2"].state is ReceiptState.FAILED
    assert "PATH" not in site.outputs
    site.assert_told()


def test_a_folder_that_cannot_be_written_fails_its_files_alone(site: Site) -> None:
    (site.folder / "findings.sarif").mkdir()
    receipts = site.perform()
    assert receipts["sarif"].state is ReceiptState.FAILED
    assert site.outputs["decision"] == "comment"


def test_errors_are_written_in_one_line_each(site: Site) -> None:
    site.forge.refusals["comments"] = refusal(403, "two\nlines ::error::x ##[error]y")
    site.perform()
    assert [one.name for one in site.step.commands] == ["warning", "warning"]
    assert isinstance(site.forge.refusals["comments"], AgentError)


def test_a_dry_run_tells_all_and_does_nothing() -> None:
    told = dry_run(Plan((*PLAN.effects, Output("o2", "decision", "a\nb\u202e"))))
    for words in (
        "comment `review` on pull request 5",
        "the summary",
        "src/a.py:3 (RIGHT)",
        "look here",
        "findings.sarif",
    ):
        assert words in told
    assert "output decision=a<U+000A>b<U+202E>" in told
    assert dry_run(Plan()) == "nothing to do"
