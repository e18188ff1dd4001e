"""A plan, and a place to carry it out in: the fake forge, the runner's files, and what either has heard."""

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from hypothesis import strategies as st

from cicd_agent.adapters.performers.perform import perform
from cicd_agent.adapters.runner.workflow import Workflow
from cicd_agent.domain.effect_policy import EffectPolicy
from cicd_agent.domain.effects import (
    Annotation,
    Artifact,
    Comment,
    Effect,
    InlineComment,
    Level,
    Output,
    Plan,
    Receipt,
    Review,
    ReviewEvent,
    Summary,
)
from cicd_agent.domain.events.event import Event, EventKind, PullRequest, Ref
from cicd_agent.domain.ports.actions import Notifier
from cicd_agent.domain.ports.forge import PullState
from cicd_agent.domain.repository.diff import Side
from cicd_agent.domain.text.redaction import Redactor
from cicd_agent.errors import ForgeRefused
from tests.support.fakes.ports import FakeForge, FakeJournal
from tests.support.protocol import Step, read_outputs, read_summary

SHA = "1a2b3c4d" * 5
KEY = "zk-7QpL9vXw3RtY2mNb8Kc5Hd1Jf6Gs4"
EVENT = Event(EventKind.PULL_REQUEST, sha=SHA, pull=PullRequest(5), server="https://github.test")
NAMES = ("decision", "sarif_file", "long", "long_file", "deployment_id")
KINDS: tuple[type[Effect], ...] = get_args(Effect)
EFFECTS: st.SearchStrategy[Effect] = st.one_of([st.from_type(kind) for kind in KINDS])
"""An effect of any kind, holding anything that its types let it hold."""


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


def state(head: str) -> PullState:
    return PullState(PullRequest(5), Ref("main", "b" * 40), Ref("topic", head))


@dataclass
class Site:
    """Where a plan is carried out, and what has come of it."""

    folder: Path
    forge: FakeForge = field(default_factory=lambda: FakeForge(pulls={5: state(SHA)}))
    journal: FakeJournal = field(default_factory=FakeJournal)
    printed: io.StringIO = field(default_factory=io.StringIO)
    event: Event = EVENT
    connected: bool = True
    grant: EffectPolicy = field(default_factory=EffectPolicy)
    notifier: Notifier | None = None

    def perform(self, *effects: Effect) -> dict[str, Receipt]:
        workflow = Workflow(
            self.printed, output_file=self.folder / "output", summary_file=self.folder / "summary", names=NAMES
        )
        receipts = perform(
            Plan(effects or PLAN.effects),
            forge=self.forge if self.connected else None,
            workflow=workflow,
            folder=self.folder,
            journal=self.journal,
            redact=Redactor([KEY]).redact,
            event=self.event,
            grant=self.grant,
            notifier=self.notifier,
        ).receipts
        assert [receipt.key for receipt in receipts] == [effect.key for effect in effects or PLAN.effects]
        return {receipt.key: receipt for receipt in receipts}

    @property
    def step(self) -> Step:
        return Step().hear(self.printed.getvalue().encode())

    @property
    def warnings(self) -> list[str]:
        """Of ours, errors too."""
        worse = [one for one in self.step.annotations if one.name in {"warning", "error"}]
        return [one.data for one in worse if one.properties.get("title") != "t"]

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


def refusal(status: int, why: str = "") -> ForgeRefused:
    return ForgeRefused("GitHub refused to post the review", why=f"{status}: {why}", status=status)
