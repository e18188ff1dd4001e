"""What an earlier run has left of its review, and how much of it holds for the change as it is now."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from cicd_agent.agent.messages import Answer
from cicd_agent.agent.prompt import PREAMBLE
from cicd_agent.domain.events.event import Event
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.finding import Finding
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.diff import FileDiff
from cicd_agent.domain.verdict import Recalled, Rejected
from cicd_agent.modes.review.chat.chat import is_request
from cicd_agent.modes.review.claims import Proof, Prover
from cicd_agent.modes.review.exhibits import GUIDELINES
from cicd_agent.modes.review.questions.description_check import DescriptionDraft
from cicd_agent.modes.review.questions.draft import Claim, ReviewDraft
from cicd_agent.modes.review.questions.judge import Judgement
from cicd_agent.modes.shared.change_reader import showable
from cicd_agent.settings.schema import Settings


class _Line(BaseModel):
    """One line of a memory. Any of them may be missing: what is not complete without it is not remembered."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Run(_Line):
    """The first line: the commit that was reviewed, and a digest of what a review depends on beside the files."""

    kind: Literal["run"] = "run"
    head: str
    depends: str


class Drafted(_Line):
    """One answer to the question that looks for problems, less its claims; `whole` when it was shown all it needs."""

    kind: Literal["draft"] = "draft"
    number: int
    draft: ReviewDraft
    whole: bool


class Claimed(_Line):
    """One claim as the judge left it, `dropped` why it did not stand. `path` is its file's, "" when it has none."""

    kind: Literal["claim"] = "claim"
    draft: int
    at: int
    path: str
    claim: Claim
    dropped: str


class ReviewedFile(_Line):
    """One file that was shown whole: a digest of its diff, in which drafts it has a part, and how many claims."""

    kind: Literal["file"] = "file"
    path: str
    digest: str
    drafts: tuple[int, ...]
    claims: int


class Described(_Line):
    """What the comparison with the description has found, and a digest of what was compared."""

    kind: Literal["description"] = "description"
    digest: str
    draft: DescriptionDraft


Line = Run | Drafted | Claimed | ReviewedFile | Described
_LINE: TypeAdapter[Line] = TypeAdapter(Annotated[Line, Field(discriminator="kind")])


@dataclass(frozen=True, slots=True)
class ReusedState:
    """What holds still: `seen` files, the `drafts` and `claims` (in the order of their answers) that belong to them.

    `of` counts the files of the change that a model may be shown, `since` is the commit of the earlier review.
    """

    seen: tuple[ReviewedFile, ...] = ()
    drafts: tuple[Drafted, ...] = ()
    claims: tuple[Claimed, ...] = ()
    described: Described | None = None
    since: str = ""
    of: int = 0

    @property
    def paths(self) -> frozenset[str]:
        return frozenset(each.path for each in self.seen)

    @property
    def answers(self) -> tuple[ReviewDraft, ...]:
        """The answers as they would be given now: each with the claims that are left of it."""
        return tuple(
            each.draft.model_copy(
                update={"findings": tuple(claimed.claim for claimed in self.claims if claimed.draft == each.number)}
            )
            for each in self.drafts
        )

    @property
    def whole(self) -> bool:
        """Whether none of the answers lacked something that it should have been shown."""
        return all(each.whole for each in self.drafts)

    @property
    def shown(self) -> Recalled | None:
        return Recalled(len(self.seen), self.of, self.since) if self.seen else None

    def joined(self, answers: Sequence[Answer[Any]]) -> Sequence[Answer[Any]]:
        """The answers, with that about the description if it is remembered."""
        if self.described is None:
            return answers
        return [*answers, Answer("description", self.described.draft, optional=True)]

    def proved(self, prover: Prover) -> tuple[Proof, Judgement]:
        """The claims looked up once more: a quote that is gone is rejected, whatever was thought of it before."""
        findings: list[Finding] = []
        rejected: list[Rejected] = []
        dropped: list[Rejected] = []
        whole = frozenset[Any]()
        for each in self.claims:
            proof = prover.prove([each.claim])
            rejected += proof.rejected
            if each.dropped:
                dropped += (Rejected(finding, each.dropped) for finding in proof.findings)
            else:
                findings += proof.findings
                whole |= proof.whole
        return Proof(tuple(findings), tuple(rejected), whole), Judgement(tuple(findings), tuple(dropped))


def load_state(evidence: Evidence, settings: Settings) -> ReusedState:
    """What of the evidence's memory, which was opened before, holds for its change."""
    change = evidence.change
    if not evidence.memory or change is None or is_request(evidence.event):
        return ReusedState()
    lines = tuple(_read(evidence.memory))
    run = next((line for line in lines if isinstance(line, Run)), None)
    if run is None or run.depends != dependency_digest(evidence, settings):
        return ReusedState()
    drafts = {line.number: line for line in lines if isinstance(line, Drafted)}
    claims = [line for line in lines if isinstance(line, Claimed) and line.draft in drafts]
    candidates = {file.path: file for file in readable(change, settings)}
    seen = tuple(
        line
        for line in lines
        if isinstance(line, ReviewedFile)
        and line.path in candidates
        and line.digest == diff_digest(candidates[line.path])
        and drafts.keys() >= set(line.drafts)
        and line.claims == sum(1 for claim in claims if claim.path == line.path)
    )
    paths, used = {line.path for line in seen}, {number for line in seen for number in line.drafts}
    remaining = [claim for claim in claims if claim.draft in used and (not claim.path or claim.path in paths)]
    described = next((line for line in lines if isinstance(line, Described)), None)
    is_same = described is not None and described.digest == description_digest(evidence.event, change)
    return ReusedState(
        seen=seen,
        drafts=tuple(drafts[number] for number in sorted(used)),
        claims=tuple(sorted(remaining, key=lambda claim: (claim.draft, claim.at))),
        described=described if is_same else None,
        since=run.head,
        of=len(candidates),
    )


def readable(change: Change, settings: Settings) -> Iterator[FileDiff]:
    return (file for file in showable(change, settings) if file.hunks)


def diff_digest(file: FileDiff) -> str:
    """48 hex digits of what a reader of the diff sees, less the numbers of the lines: a shift is no difference.

    They are as many because the author of a change could otherwise make two diffs of the same digest.
    """
    lines = [[[line.kind, line.text, line.no_newline] for line in hunk.lines] for hunk in file.hunks]
    return _digest([file.path, file.old_path, file.kind, file.old_mode, file.new_mode, lines])


def description_digest(event: Event, change: Change) -> str:
    description = (event.pull.title, event.pull.body) if event.pull else ("", "")
    return _digest([*description, *(diff_digest(file) for file in change.files)])


def dependency_digest(evidence: Evidence, settings: Settings) -> str:
    """A digest of what decides over an answer beside the change: who is asked, how, and by which rules."""
    review = Path(str(files(__package__))).parent
    prompts = [path.read_text("utf-8") for path in sorted(review.rglob("*.md"))]
    guidelines = [[each.source, each.text] for each in evidence.exhibits if each.source in GUIDELINES]
    models = [settings.base_url, settings.model, settings.models.get("review", ""), settings.fast_model]
    rules = [settings.instructions, settings.judge, settings.deny_paths, settings.paths_ignore]
    return _digest([PREAMBLE, prompts, guidelines, models, rules])


def dump(lines: Iterable[Line]) -> tuple[str, ...]:
    return tuple(json.dumps(line.model_dump(mode="json"), separators=(",", ":")) for line in lines)


def _read(memory: str) -> Iterator[Line]:
    for line in memory.split("\n"):
        try:
            yield _LINE.validate_json(line, strict=True)
        except ValidationError:
            continue


def _digest(parts: Sequence[Any]) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:48]
