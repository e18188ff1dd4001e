"""Enters a run in the account book: what was decided before anything is done about it, and what became of it after."""

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from cicd_agent.adapters.tape import redacted
from cicd_agent.app.decision import Decision
from cicd_agent.app.recording.entry import Telling, receipts_entry, run_entry
from cicd_agent.app.recording.fact_extraction import facts_of
from cicd_agent.app.run_record import Audit, RunRecord
from cicd_agent.app.storage import StoredState, open_store
from cicd_agent.domain.audit_entry import LOCAL, LONGEST, Entry, canonical, chain_of, digest
from cicd_agent.domain.effects import Receipt
from cicd_agent.domain.facts import Fact
from cicd_agent.domain.ports.storage import Store
from cicd_agent.errors import BudgetExhausted, ConfigError, StoreRefused
from cicd_agent.modes.protocol import Mode
from cicd_agent.settings.environment import Environment


class Book:
    """The account book of one run. What cannot be entered is said in one line, and the run goes on.

    `now` is in seconds since 1970. Nothing is opened before something is asked or entered.
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
        self._why = ""

    def state(self) -> StoredState | None:
        """What earlier runs have left about this repository, None where nothing is kept."""
        opened = self._opened
        return StoredState(opened, self.chain, self._environment.run.repository or LOCAL) if opened else None

    def lasting(self) -> Store:
        """The store, where what is in it outlives this job. Raises StoreRefused."""
        opened = self._opened
        if self._why:
            raise StoreRefused(self._why)
        if opened is None:
            raise StoreRefused("no account book that lasts is kept")
        return opened

    def enter(self, report: RunRecord, telling: Telling, *, demanded: bool = False) -> Audit:
        """Enter what was decided, before anything is done about it.

        Raises StoreRefused when an entry that lasts is `demanded`, and there is none.
        """
        told = run_entry(report, telling, self._environment, self.event_id, int(self._now()))
        audit = self._append(self.chain, told)
        ends = self._opened is None
        if demanded and (ends or audit.state != "recorded"):
            raise StoreRefused(
                "the decision could not be entered in an account book that lasts, which `require-audit` demands",
                why=audit.why or "nothing says where it is kept",
                remedy="Mend that, or set `state-dir` or DATABASE_URL",
            )
        return audit

    def close(self, audit: Audit, report: RunRecord, receipts: Sequence[Receipt]) -> Audit:
        """Enter what became of the run that was entered; the end of the chain."""
        if audit.state != "recorded":
            return audit
        told = receipts_entry(audit, report, receipts, self.event_id, int(self._now()))
        return self._append(audit.repository, told)

    def enter_at_last(self, report: RunRecord, telling: Telling) -> Audit:
        """Enter a run that has failed; an account book that does not answer does not keep it from saying so."""
        try:
            return self.enter(report, telling)
        except BudgetExhausted:
            self._failed(StoreRefused("it did not answer before the end of the run"))
            return Audit("failed", self.chain, why=self._why)

    def leave(self, mode: Mode[Any], decision: Decision, outputs: Mapping[str, str]) -> None:
        """Leave the facts that a decision of this very job holds for later runs, less what is secret in them."""
        opened = self._opened
        if opened is None or self._why:
            return
        facts = facts_of(mode, decision, outputs, self.chain, event_id=self.event_id, at=int(self._now()))
        kept = [self._harmless(each) for each in facts]
        try:
            if kept:
                opened.put(kept)
        except StoreRefused as error:
            self._warn(f"facts for later runs could not be left: {error}")

    def shut(self) -> None:
        """Let go of the store, if it was opened."""
        if opened := self.__dict__.get("_opened"):
            opened.close()

    @cached_property
    def chain(self) -> str:
        """The repository of this job as its chain is named: with its server, where that is not github.com."""
        return chain_of(self._environment.run.repository or LOCAL, self._environment.server_url)

    @cached_property
    def event_id(self) -> str:
        """What names this run: GitHub's number of it with its attempt, else one of its own."""
        run = self._environment.run
        return f"{run.run_id}.{run.run_attempt or '1'}" if run.run_id else f"local-{secrets.token_hex(6)}"

    @cached_property
    def _opened(self) -> Store | None:
        """The store. Raises ConfigError once, when an input is wrong: whoever reports that asks again."""
        if self._why:
            return None
        try:
            opened = open_store(self._inputs, self._environment, Path.cwd())
        except ConfigError as error:
            self._why = self._redact(str(error))
            raise
        except StoreRefused as error:
            self._failed(error)
            return None
        return opened

    def _append(self, chain: str, told: Mapping[str, Any]) -> Audit:
        opened = self._opened
        if opened is None and not self._why:
            return Audit()
        if opened is not None and not self._why:
            try:
                link = opened.append(self._entry(chain, told))
            except (StoreRefused, ValueError) as error:
                self._failed(error)
            else:
                return Audit("recorded", link.repository, link.seq, link.hash)
        return Audit("failed", chain, why=self._why)

    def _failed(self, error: Exception) -> None:
        """Once: what failed a moment ago would only fail again, and make the run wait for it."""
        self._why = self._redact(str(error))
        self._warn(f"the account book could not be written: {self._why}")

    def _entry(self, chain: str, told: Mapping[str, Any]) -> Entry:
        """The entry, without secrets: first in lines, since a private key is followed from line to line."""
        lines = json.dumps(told, ensure_ascii=False, indent=1)
        try:
            plain: dict[str, Any] = json.loads(self._redact(lines))
        except ValueError:
            # What was masked reached from one value into the next.
            plain = {name: redacted(value, self._redact) for name, value in json.loads(lines).items()}
        entry = Entry.of(chain, plain)
        if len(entry.text) > LONGEST or self._redact(entry.text) != entry.text:
            # What is said of the run itself is short, and stands; of the rest there is a digest to compare with.
            plain["output"] = {"withheld": True, "sha256": digest(canonical({"output": plain.get("output")}))}
            entry = Entry.of(chain, plain)
        return entry

    def _harmless(self, fact: Fact) -> Fact:
        redact = self._redact
        values = {name: redact(value) for name, value in fact.values.items()}
        fact = replace(fact, subject=redact(fact.subject), sha=redact(fact.sha), ref=redact(fact.ref))
        return replace(fact, event_id=redact(fact.event_id), values=values)
