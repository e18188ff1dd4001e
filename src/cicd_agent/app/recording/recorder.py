"""Records a run in the audit log: its decision before anything is done about it, and its outcome after."""

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from cicd_agent.adapters.tape import redacted
from cicd_agent.app.decision import Decision
from cicd_agent.app.recording.entry import EntryContext, receipts_entry, run_entry
from cicd_agent.app.recording.fact_extraction import extract_facts
from cicd_agent.app.run_record import Audit, RunRecord
from cicd_agent.app.storage import StoredState, open_store
from cicd_agent.domain.audit_entry import LOCAL_CHAIN, MAX_TEXT, Entry, canonical_json, chain_name, digest
from cicd_agent.domain.effects import Receipt
from cicd_agent.domain.facts import Fact
from cicd_agent.domain.ports.storage import Store
from cicd_agent.errors import BudgetExhausted, ConfigError, StoreRefused
from cicd_agent.modes.protocol import Mode
from cicd_agent.settings.environment import Environment


class Recorder:
    """Writes one run to the audit log. What cannot be recorded is said in one line, and the run goes on.

    `now` is in seconds since 1970. Nothing is opened before something is read or recorded.
    """

    def __init__(
        self,
        inputs: Mapping[str, str],
        environment: Environment,
        *,
        redact: Callable[[str], str],
        warn: Callable[[str], None],
        now: Callable[[], float],
    ) -> None:
        self._inputs = inputs
        self._environment = environment
        self._redact = redact
        self._warn = warn
        self._now = now
        self._reason = ""

    def state(self) -> StoredState | None:
        """What earlier runs have left about this repository, None without a store."""
        store = self._store
        return StoredState(store, self.chain, self._environment.run.repository or LOCAL_CHAIN) if store else None

    def store(self) -> Store:
        """The store. Raises StoreRefused where there is none."""
        store = self._store
        if self._reason:
            raise StoreRefused(self._reason)
        if store is None:
            raise StoreRefused("no account book that lasts is kept")
        return store

    def record_decision(self, report: RunRecord, context: EntryContext, *, required: bool = False) -> Audit:
        """Record what was decided, before anything is done about it.

        Raises StoreRefused when an entry is `required`, and there is none.
        """
        fields = run_entry(report, context, self._environment, self.event_id, int(self._now()))
        audit = self._append(self.chain, fields)
        if required and audit.state != "recorded":
            raise StoreRefused(
                "the decision could not be entered in an account book that lasts, which `require-audit` demands",
                why=audit.why or "nothing says where it is kept",
                remedy="Mend that, or set `state-dir` or DATABASE_URL",
            )
        return audit

    def record_outcome(self, audit: Audit, report: RunRecord, receipts: Sequence[Receipt]) -> Audit:
        """Record the outcome of a run whose decision was recorded; the end of the chain."""
        if audit.state != "recorded":
            return audit
        fields = receipts_entry(audit, report, receipts, self.event_id, int(self._now()))
        return self._append(audit.repository, fields)

    def record_failure(self, report: RunRecord, context: EntryContext) -> Audit:
        """Record a run that has failed; a store that does not answer does not keep it from saying so."""
        try:
            return self.record_decision(report, context)
        except BudgetExhausted:
            self._failed(StoreRefused("it did not answer before the end of the run"))
            return Audit("failed", self.chain, why=self._reason)

    def record_facts(self, mode: Mode[Any], decision: Decision, outputs: Mapping[str, str]) -> None:
        """Store the facts that a decision of this very job holds for later runs, less what is secret in them."""
        store = self._store
        if store is None or self._reason:
            return
        facts = extract_facts(mode, decision, outputs, self.chain, event_id=self.event_id, at=int(self._now()))
        try:
            if facts:
                store.put([self._redacted_fact(each) for each in facts])
        except StoreRefused as error:
            self._warn(f"facts for later runs could not be left: {error}")

    def close(self) -> None:
        """Close the store, if it was opened."""
        if store := self.__dict__.get("_store"):
            store.close()

    @cached_property
    def chain(self) -> str:
        """The repository of this job as its chain is named: with its server, where that is not github.com."""
        return chain_name(self._environment.run.repository or LOCAL_CHAIN, self._environment.server_url)

    @cached_property
    def event_id(self) -> str:
        run = self._environment.run
        return f"{run.run_id}.{run.run_attempt or '1'}" if run.run_id else f"local-{secrets.token_hex(6)}"

    @cached_property
    def _store(self) -> Store | None:
        """The store. Raises ConfigError once, when an input is wrong: whoever reports that asks again."""
        if self._reason:
            return None
        try:
            store = open_store(self._inputs, self._environment, Path.cwd())
        except ConfigError as error:
            self._reason = self._redact(str(error))
            raise
        except StoreRefused as error:
            self._failed(error)
            return None
        return store

    def _append(self, chain: str, fields: Mapping[str, Any]) -> Audit:
        store = self._store
        if store is None and not self._reason:
            return Audit()
        if store is not None and not self._reason:
            try:
                link = store.append(self._entry(chain, fields))
            except (StoreRefused, ValueError) as error:
                self._failed(error)
            else:
                return Audit("recorded", link.repository, link.seq, link.hash)
        return Audit("failed", chain, why=self._reason)

    def _failed(self, error: Exception) -> None:
        """Once: what failed a moment ago would only fail again, and make the run wait for it."""
        self._reason = self._redact(str(error))
        self._warn(f"the account book could not be written: {self._reason}")

    def _entry(self, chain: str, fields: Mapping[str, Any]) -> Entry:
        """The entry, without secrets: first in lines, since a private key is followed from line to line."""
        lines = json.dumps(fields, ensure_ascii=False, indent=1)
        try:
            plain: dict[str, Any] = json.loads(self._redact(lines))
        except ValueError:
            # What was masked reached from one value into the next.
            plain = {name: redacted(value, self._redact) for name, value in json.loads(lines).items()}
        entry = Entry.of(chain, plain)
        if len(entry.text) > MAX_TEXT or self._redact(entry.text) != entry.text:
            # What is said of the run itself is short, and stands; of the rest there is a digest to compare with.
            plain["output"] = {"withheld": True, "sha256": digest(canonical_json({"output": plain.get("output")}))}
            entry = Entry.of(chain, plain)
        return entry

    def _redacted_fact(self, fact: Fact) -> Fact:
        redact = self._redact
        values = {name: redact(value) for name, value in fact.values.items()}
        fact = replace(fact, subject=redact(fact.subject), sha=redact(fact.sha), ref=redact(fact.ref))
        return replace(fact, event_id=redact(fact.event_id), values=values)
