"""Records a run in the audit log: its decision before anything is done about it, its outcome after, and its facts."""

import hashlib
import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final, assert_never

from cicd_agent import __version__
from cicd_agent.adapters.tape import redacted
from cicd_agent.app.run_record import Audit, Decision, RunRecord
from cicd_agent.app.serialization import body_of
from cicd_agent.app.storage import StoredState, open_store
from cicd_agent.domain.audit_entry import (
    LOCAL_CHAIN,
    MAX_TEXT,
    Entry,
    Kind,
    Link,
    canonical_json,
    chain_name,
    digest,
    fact_digest,
    fact_key,
)
from cicd_agent.domain.effects import Annotation, Artifact, Effect, Output, Summary
from cicd_agent.domain.facts import Fact
from cicd_agent.domain.ports.storage import Store
from cicd_agent.domain.repository.change import ChangeSource
from cicd_agent.domain.text.markdown import code, prose
from cicd_agent.domain.text.words import clip, two_decimals
from cicd_agent.domain.timeline import Timeline
from cicd_agent.domain.verdict import ChatReply
from cicd_agent.errors import ConfigError, StoreRefused, TimeLimitReached
from cicd_agent.modes.protocol import Mode
from cicd_agent.settings.environment import Environment

_LOCAL = Annotation | Artifact | Output | Summary
"""Effects that concern nobody but this job."""
MAX_VALUE: Final = 500
"""Characters of a value of a fact."""


@dataclass
class Recorder:
    """Writes a run to the audit log, opened at first use; what fails is a warning. `now` is in seconds since 1970."""

    inputs: Mapping[str, str]
    environment: Environment
    timeline: Timeline
    redact: Callable[[str], str]
    warn: Callable[[str], None]
    now: Callable[[], float]
    _refusal: str = ""

    def state(self) -> StoredState | None:
        """What earlier runs have left about this repository, None without a store."""
        store = self._store
        return StoredState(store, self.chain, self.environment.run.repository or LOCAL_CHAIN) if store else None

    def store(self) -> Store:
        """The store. Raises StoreRefused where there is none."""
        store = self._store
        if self._refusal:
            raise StoreRefused(self._refusal)
        if store is None:
            raise StoreRefused("no audit log that lasts is kept")
        return store

    def record_decision(
        self, record: RunRecord, effects: Sequence[Effect], stage: str, *, required: bool = False
    ) -> Audit:
        """Record a decision before it is carried out; StoreRefused when an entry is `required` and there is none."""
        audit = self._append(self.chain, self._decision_entry(record, effects, stage))
        if required and audit.state != "recorded":
            raise StoreRefused(
                "the decision could not be entered in an audit log that lasts, which `require-audit` demands",
                why=audit.why or "nothing says where it is kept",
                remedy="Fix that, or set `state-dir` or DATABASE_URL",
            )
        return audit

    def record_outcome(self, audit: Audit, record: RunRecord, facts: Sequence[Fact] = ()) -> Audit:
        """Record the outcome of a run whose decision was recorded, and leave its facts; the end of the chain."""
        if audit.state != "recorded":
            return audit
        event = record.event
        entry = {
            "kind": Kind.RECEIPTS,
            "of": audit.seq,
            "event_id": self.event_id,
            "at": int(self.now()),
            "tool": f"cicd-agent {__version__}",
            "mode": record.mode,
            "sha": _sha(record),
            "pull": event.pull.number if event and event.pull else None,
            "exit": int(record.exit),
            "degraded": record.outputs.get("degraded") == "true",
            "receipts": [asdict(each) for each in record.receipts if each.kind != "output"],
            "facts": {fact_key(each): fact_digest(each) for each in facts},
        }
        return self._append(audit.repository, entry, facts)

    def facts(self, mode: Mode[Any], decision: Decision, outputs: Mapping[str, str]) -> Sequence[Fact]:
        """What a decision of this very job holds for later runs, less what is secret in it, each fact once."""
        facts = extract_facts(mode, decision, outputs, self.chain, event_id=self.event_id, at=int(self.now()))
        return [*{fact_key(each): each for each in map(self._redacted_fact, facts)}.values()]

    def close(self) -> None:
        if store := self.__dict__.get("_store"):
            store.close()

    @cached_property
    def chain(self) -> str:
        return chain_name(self.environment.run.repository or LOCAL_CHAIN, self.environment.server_url)

    @cached_property
    def event_id(self) -> str:
        run = self.environment.run
        return f"{run.run_id}.{run.run_attempt or '1'}" if run.run_id else f"local-{secrets.token_hex(6)}"

    @cached_property
    def _store(self) -> Store | None:
        """The store. Raises ConfigError once, when an input is wrong: whoever reports that asks again."""
        if self._refusal:
            return None
        try:
            return open_store(self.inputs, self.environment, Path.cwd())
        except ConfigError as error:
            self._refusal = self.redact(str(error))
            raise
        except StoreRefused as error:
            self._refused(error)
            return None

    def _append(self, chain: str, fields: Mapping[str, Any], facts: Sequence[Fact] = ()) -> Audit:
        try:
            store = self._store
            if store is None and not self._refusal:
                return Audit()
            if store is not None and not self._refusal:
                link = store.append(self._redacted_entry(chain, fields), facts)
                return Audit("recorded", link.repository, link.seq, link.hash)
        except TimeLimitReached:
            # Whoever has a result to report, or why there is none, does so all the same.
            self._refused(StoreRefused("it did not answer before the end of the run"))
        except (StoreRefused, ValueError) as error:
            self._refused(error)
        return Audit("failed", chain, why=self._refusal)

    def _refused(self, error: Exception) -> None:
        self._refusal = self.redact(str(error))
        self.warn(f"the audit log could not be written: {self._refusal}")

    def _decision_entry(self, record: RunRecord, effects: Sequence[Effect], stage: str) -> dict[str, Any]:
        event, run, judgement = record.event, self.environment.run, record.judgement
        risk = judgement.risk if judgement else None
        cost, timeline = record.account.cost_usd, self.timeline
        stages: dict[str, float] = {}
        for span in timeline.spans:
            stages[span.name] = stages.get(span.name, 0.0) + span.seconds
        return {
            "kind": Kind.RUN,
            "event_id": self.event_id,
            "at": int(self.now()),
            "tool": f"cicd-agent {__version__}",
            "event": event.name or event.kind if event else self.environment.event_name,
            "action": event.action if event else "",
            "actor": event.actor.login if event else run.actor,
            "server": self.environment.server_url,
            "ref": event.head.name if event else run.ref,
            "base": event.base.sha if event else "",
            "sha": _sha(record) if event else run.sha,
            "pull": event.pull.number if event and event.pull else None,
            "mode": record.mode,
            "stage": stage,
            "decision": decision_name(record),
            "conclusion": record.outputs.get("conclusion", ""),
            "risk_level": risk.level if risk else "",
            "risk_score": risk.score if risk else None,
            "confidence": two_decimals(judgement.confidence if judgement else None) or None,
            "iterations": sum(each.rounds for each in record.asked),
            "escalated": bool(judgement and judgement.escalate),
            "escalate": list(judgement.escalate) if judgement else [],
            "actions": [{"kind": each.kind, "key": each.key} for each in effects if not isinstance(each, _LOCAL)],
            "models": list(dict.fromkeys(each.model for each in record.asked if each.model)),
            "prompts": {each.question: each.prompt for each in record.asked},
            "usage": asdict(record.account.usage),
            "cost_usd": None if cost is None else f"{cost:.6f}",
            "degraded": record.account.degraded,
            "exit": int(record.exit),
            "error": record.error,
            "seconds": f"{timeline.clock() - timeline.origin:.3f}",
            "stages": {name: f"{seconds:.3f}" for name, seconds in stages.items()},
            "tape": _tape(record.tape),
            "output": body_of(record),
        }

    def _redacted_entry(self, chain: str, fields: Mapping[str, Any]) -> Entry:
        """The entry, without secrets: first in lines, since a private key is followed from line to line."""
        lines = json.dumps(fields, ensure_ascii=False, indent=1)
        try:
            plain: dict[str, Any] = json.loads(self.redact(lines))
        except ValueError:
            # What was masked reached from one value into the next.
            plain = {name: redacted(value, self.redact) for name, value in json.loads(lines).items()}
        entry = Entry.of(chain, plain)
        if len(entry.text) > MAX_TEXT or self.redact(entry.text) != entry.text:
            # What the run itself is stays, and is short; of the rest there is a digest to compare with.
            plain["output"] = {"withheld": True, "sha256": digest(canonical_json({"output": plain.get("output")}))}
            entry = Entry.of(chain, plain)
        return entry

    def _redacted_fact(self, fact: Fact) -> Fact:
        texts = {name: self.redact(getattr(fact, name)) for name in ("subject", "sha", "ref", "event_id")}
        values = {name: self.redact(value) for name, value in fact.values.items()}
        return replace(fact, **texts, values=values)  # type: ignore[arg-type]


def extract_facts(
    mode: Mode[Any], decision: Decision, outputs: Mapping[str, str], repository: str, *, event_id: str, at: int
) -> tuple[Fact, ...]:
    """The facts of a result, not redacted: none of a run that declined, or that is about uncommitted work."""
    evidence = decision.evidence
    if decision.declined or evidence is None or decision.judgement is None or not repository:
        return ()
    if evidence.change is not None and evidence.change.source is ChangeSource.WORKTREE:
        return ()
    return tuple(
        replace(
            fact,
            repository=repository,
            at=at,
            mode=decision.mode,
            event_id=event_id,
            values={name: clip(value, MAX_VALUE) for name, value in fact.values.items() if value},
        )
        for fact in mode.facts(decision.judgement, evidence, outputs)
        if fact.subject and any(fact.values.values())
    )


def anchor_summary(audit: Audit) -> tuple[Summary, ...]:
    """The line of the step summary by which the entry, and all before it, can be proved later on."""
    match audit.state:
        case "recorded":
            link = Link(audit.repository, audit.seq, audit.hash)
            return (Summary("audit", f"<sub>Audit log: {code(link.anchor)}</sub>\n"),)
        case "failed":
            return (Summary("audit", f"**Not entered in the audit log:** {prose(audit.why)}\n"),)
        case "off":
            return ()
        case _:
            assert_never(audit.state)


_DECIDED: Final = ("shadow_decision", "decision", "cause", "tests", "conclusion")
"""The outputs that say what a run came to, of which the first that is set counts."""


def decision_name(record: RunRecord) -> str:
    """What a run came to, in one word of its mode."""
    if record.error:
        return "failed"
    if record.declined:
        return "declined"
    if isinstance(record.result, ChatReply):
        return record.result.manner.value
    return next((value for name in _DECIDED if (value := record.outputs.get(name))), "")


def _sha(record: RunRecord) -> str:
    return getattr(record.result, "sha", "") or (record.event.sha if record.event else "")


def _tape(name: str) -> Mapping[str, str]:
    """Where the recording of questions and answers is, and what it holds by now."""
    if not name:
        return {}
    try:
        return {"path": name, "sha256": hashlib.sha256(Path(name).read_bytes()).hexdigest()}
    except OSError:
        return {"path": name, "sha256": ""}
