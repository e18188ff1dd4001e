"""What of a plan stays on this machine: files, outputs, annotations, and the summary that tells of all the rest."""

import json
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import BinaryIO, TypeVar

from cicd_agent.adapters.files import NOFOLLOW, write_file
from cicd_agent.adapters.performers.omissions import Omissions, published_text
from cicd_agent.adapters.runner.workflow import MAX_ANNOTATIONS, MAX_SUMMARY, Workflow
from cicd_agent.domain.effects import (
    Annotation,
    Artifact,
    Effect,
    Output,
    Plan,
    Receipt,
    ReceiptState,
    Summary,
)
from cicd_agent.domain.events.event import Event
from cicd_agent.domain.ports.forge import Journal
from cicd_agent.domain.text.json_redaction import redact_json
from cicd_agent.domain.text.markdown import prose, truncate, utf8_size
from cicd_agent.domain.text.sanitizer import inert
from cicd_agent.domain.text.words import count
from cicd_agent.domain.verdict import Conclusion
from cicd_agent.errors import AgentError

MAX_ARTIFACT = 10_000_000
"""Characters of one file."""

DOCUMENTS = frozenset({".json", ".sarif"})
"""Files that have to stay JSON, whatever is masked in them."""

LEFT_OUT = f"the runner shows {MAX_ANNOTATIONS} of a level, the last one counts the rest"
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_OWN_FILES = frozenset({"evidence.json", "journal.jsonl", "report.json", "tape.jsonl"})

ENDINGS = frozenset({"conclusion", "degraded"})
"""Outputs that tell how the run ended: they are the last ones that are written."""

E = TypeVar("E", Annotation, Artifact, Output, Summary)


@dataclass(slots=True)
class Local:
    """Writes for one event into `folder` and to the runner, if there is one."""

    workflow: Workflow | None
    folder: Path
    redact: Callable[[str], str]
    event: Event
    failure: AgentError | None = None
    """The failure of the run: outputs that cannot be written are one, for an empty one would be taken for an answer."""

    def carry_out(
        self, plan: Plan, omissions: Omissions, warnings: Sequence[Annotation], before: Sequence[Receipt]
    ) -> dict[int, Receipt]:
        """Receipts by the effect's place in the plan.

        `before` are those of what was tried elsewhere, with its `omissions`; `warnings` come on top of the plan's own
        annotations. With a `failure` the run has failed, whatever the plan says.
        """
        receipts = {index: self._attempt(artifact, self._artifact) for index, artifact in _of(Artifact, plan)}
        outputs = _of(Output, plan)
        receipts |= {index: self._attempt(each, self._output) for index, each in outputs if each.name not in ENDINGS}
        annotations = _of(Annotation, plan)
        own = [annotation for _, annotation in annotations]
        left_out = self._annotate([*warnings, *self._failures(plan, receipts), *own])
        for index, annotation in annotations:
            state, detail = (ReceiptState.SKIPPED, LEFT_OUT) if annotation in left_out else (ReceiptState.DONE, "")
            receipts[index] = Receipt(annotation.key, annotation.kind, state, detail)
        notes = _notes([*before, *receipts.values()], omissions.notices, len(left_out))
        summaries = self._summarise(_of(Summary, plan), omissions.effects, notes)
        self._annotate(self._failures(plan, summaries))
        receipts |= summaries
        known = ending([*before, *receipts.values()], self.failure)
        for index, output in outputs:
            if output.name in ENDINGS:
                ended = replace(output, value=known.get(output.name, output.value))
                receipts[index] = self._attempt(ended, self._output)
        if not (self.workflow and self.workflow.runs):
            # Files are written all the same.
            for index, receipt in receipts.items():
                if receipt.kind != "artifact" and receipt.state is not ReceiptState.FAILED:
                    receipts[index] = replace(receipt, state=ReceiptState.SKIPPED, detail="no runner to tell")
        return receipts

    def _artifact(self, artifact: Artifact) -> str:
        if not _FILE_NAME.fullmatch(artifact.name) or artifact.name in _OWN_FILES:
            raise ValueError("a plan may not write to a file of this name")
        if len(artifact.text) > MAX_ARTIFACT:
            raise ValueError(f"{len(artifact.text):,} characters are too many for a file, {MAX_ARTIFACT:,} go in")
        path = self.folder / artifact.name
        masked = redact_json(artifact.text, self.redact) if path.suffix in DOCUMENTS else self.redact(artifact.text)
        write_file(path, masked)
        if artifact.output and self.workflow:
            self.workflow.output(artifact.output, str(path), self.folder)
        return str(path)

    def _output(self, output: Output) -> str:
        return self.workflow.output(output.name, self.redact(output.value), self.folder) if self.workflow else ""

    def _annotate(self, annotations: Sequence[Annotation]) -> Sequence[Annotation]:
        """Print them; the plan's own that were left out."""
        if not self.workflow:
            return ()
        redacted = {redact_annotation(annotation, self.redact): annotation for annotation in annotations}
        return [redacted[each] for each in self.workflow.annotate(tuple(redacted))]

    def _failures(self, plan: Plan, receipts: Mapping[int, Receipt]) -> list[Annotation]:
        """What tells of files, outputs or a summary that could not be written."""
        failed = Omissions()
        for index, receipt in receipts.items():
            if receipt.state.falls_short:
                failed.add(plan.effects[index], receipt)
        return [*failed.annotations(self.failure)]

    def _summarise(
        self, summaries: Sequence[tuple[int, Summary]], omitted: Sequence[Effect], notes: str
    ) -> dict[int, Receipt]:
        body = "\n\n".join(inert(self.redact(summary.body), self.event.hosts) for _, summary in summaries)
        for effect in omitted:
            text = inert(self.redact(published_text(effect)), self.event.hosts).strip()
            if text and text not in body:
                body += f"\n\n<details><summary>Not posted: {effect.kind}</summary>\n\n{text}\n\n</details>"
        notes = self.redact(notes)
        budget = MAX_SUMMARY - utf8_size(notes) - 8

        def write(_: Summary) -> str:
            if self.workflow and (body or notes):
                self.workflow.summary(f"{truncate(body, budget, utf8_size)}\n\n{notes}")
            return ""

        # They are one text to the runner, and notes are written also where there is nothing else to say.
        written = self._attempt(summaries[0][1] if summaries else Summary("notes", ""), write)
        return {index: replace(written, key=summary.key) for index, summary in summaries}

    def _attempt(self, effect: E, act: Callable[[E], str]) -> Receipt:
        try:
            return Receipt(effect.key, effect.kind, ReceiptState.DONE, act(effect))
        except (AgentError, OSError, ValueError) as error:
            if isinstance(error, AgentError) and isinstance(effect, Artifact | Output):
                self.failure = error
            return Receipt(effect.key, effect.kind, ReceiptState.FAILED, str(error))


def ending(receipts: Iterable[Receipt], failure: AgentError | None) -> dict[str, str]:
    """What the plan could not know of the outputs that tell how the run ended."""
    known = {"degraded": "true"} if failure or any(each.state.falls_short for each in receipts) else {}
    return known | {"conclusion": Conclusion.FAILURE} if failure else known


def _of(kind: type[E], plan: Plan) -> list[tuple[int, E]]:
    return [(index, effect) for index, effect in enumerate(plan.effects) if isinstance(effect, kind)]


def _notes(receipts: Sequence[Receipt], notices: Sequence[str], unseen: int) -> str:
    """What the reader of the summary must know about everything else, as Markdown."""
    wrong = [receipt for receipt in receipts if receipt.state.falls_short]
    lines = dict.fromkeys(f"- **Not done:** {prose(f'{each.kind}: {each.detail}')}" for each in wrong)
    lines |= dict.fromkeys(f"- {prose(notice)}" for notice in notices)
    if unseen:
        lines[f"- {count(unseen, 'annotation')} more than the runner shows; the report has them all."] = None
    return "\n".join(lines)


def redact_annotation(annotation: Annotation, redact: Callable[[str], str]) -> Annotation:
    title, message, path = redact(annotation.title), redact(annotation.message), redact(annotation.path)
    return replace(annotation, title=title, message=message, path=path)


class JournalFile(Journal):
    """A journal in a file. Intents are written before anything is done, receipts after; both are redacted."""

    def __init__(self, path: Path, redact: Callable[[str], str]) -> None:
        self._path = path
        self._redact = redact

    def intend(self, key: str, kind: str, detail: Mapping[str, str]) -> None:
        self._append({"intent": key, "kind": kind, **detail})

    def record(self, receipt: Receipt) -> None:
        self._append({"receipt": receipt.key, **{k: v for k, v in asdict(receipt).items() if k != "key"}})

    def _append(self, entry: Mapping[str, str]) -> None:
        # Value by value: what is masked in one of them cannot damage the line.
        redacted = {name: self._redact(value) for name, value in entry.items()}
        line = json.dumps(redacted, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
        # In a local run the folder lies in the checkout, where somebody else may have put a link.
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "r+b", buffering=0) as file:
            file.write(line if _ends_whole(file) else b"\n" + line)


def _ends_whole(file: BinaryIO) -> bool:
    if not file.seek(0, os.SEEK_END):
        return True
    file.seek(-1, os.SEEK_END)
    return file.read(1) == b"\n"
