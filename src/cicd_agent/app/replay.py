"""Judges a recorded run again, offline and without a key: the same tape and the same rules give the same report."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path, PurePath
from typing import Any, Generic, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from cicd_agent import __version__
from cicd_agent.adapters.files import read_file, save_file
from cicd_agent.adapters.tape import (
    MAX_BYTES,
    VERSION,
    Exchange,
    LookedUp,
    Offered,
    Player,
    Recorder,
    begin,
    load_tape,
    load_tool_calls,
    playing,
    recording,
    sent_at,
)
from cicd_agent.agent.tools.repository import lookups
from cicd_agent.app.console import Console
from cicd_agent.app.context import RunContext
from cicd_agent.app.model_router import ModelRouter, budget
from cicd_agent.app.options import RunOptions
from cicd_agent.app.pipeline import conclude
from cicd_agent.app.run_folder import EVIDENCE
from cicd_agent.app.run_record import REPORT, Decision, RunRecord, record_decision
from cicd_agent.app.serialization import MAX_BYTES as MAX_EVIDENCE
from cicd_agent.app.serialization import dump, load
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.finding import Finding
from cicd_agent.domain.json_difference import differences
from cicd_agent.domain.ports.forge import Library
from cicd_agent.domain.text.json_redaction import redact_json
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.errors import ConfigError, Exit
from cicd_agent.modes import mode_named
from cicd_agent.modes.protocol import Mode, Ports
from cicd_agent.settings.document import SIZE_LIMIT
from cicd_agent.settings.loader import ConfigStatus, Loaded
from cicd_agent.settings.loader import load as load_settings
from cicd_agent.settings.schema import Settings, settings_type
from cicd_agent.settings.values import catalogue

_MAX_SHOWN = 20
_MAX_TOKENS = 10**12


S = TypeVar("S", bound=Settings)


@dataclass(frozen=True, slots=True)
class Header(Generic[S]):
    """What the run was: all that its answers and its report depend on beside the evidence. No secret is in it.

    `model` is "" when nobody could be asked, for the reason `silence`. `fence` is the secret under which evidence was
    fenced, in hex: a fence is never one that stands in the evidence, so knowing it forges nothing.
    """

    mode: str
    model: str
    fast: str
    fallback: str
    silence: str
    fence: str
    settings: S
    config_status: ConfigStatus
    notices: tuple[str, ...]
    tool: str


@dataclass(frozen=True, slots=True)
class _Bundle:
    """A recorded run as it was read back; `report` is empty when there is none to compare with."""

    header: Header[Settings]
    exchanges: tuple[Exchange, ...]
    offered: Offered
    looked_up: tuple[LookedUp, ...]
    evidence: Evidence
    report: bytes


def record(
    router: ModelRouter,
    mode: str,
    context: RunContext,
    path: Path,
    *,
    clock: Callable[[], float],
    now: Callable[[], float],
) -> ModelRouter:
    """The same router, with a tape of everything that it asks."""
    secret = {setting.field for setting in catalogue().values() if setting.is_secret}
    settings = context.settings.model_dump(mode="json", by_alias=True, exclude=secret)
    header = {
        "mode": mode,
        "model": router.model.name if router.model else "",
        "fast": router.fast.name if router.fast else "",
        "fallback": router.fallback.name if router.fallback else "",
        "silence": router.silence,
        "settings": settings,
        "config_status": context.loaded.config_status,
        "notices": context.notices,
        "tool": f"cicd-agent {__version__}",
    }
    begin(path, header, fence=router.key.hex(), redact=router.redact)
    if router.model is None:
        return router

    recorded = router.with_models(lambda model: Recorder(model, path, router.redact, clock=clock, now=now))
    return replace(recorded, watch=lambda tools, limit: (recording(tools, limit, path, router.redact), limit))


def replay(tape: Path, options: RunOptions, console: Console, *, evidence: str = "", config: str = "") -> int:
    """Write the report that the recorded run gives now; exit code 1 when it is not the one that the run wrote."""
    bundle = _read(tape, Path(evidence) if evidence else tape.parent / EVIDENCE)
    header = bundle.header
    mode = mode_named(header.mode)
    if mode is None:
        raise ConfigError(f"{tape} is of a mode that there is not", why=header.mode)
    settings = _changed(header.settings, options.inputs, config, mode)
    recorded = load(RunRecord, bundle.report, REPORT) if bundle.report else None
    players = _Players(bundle.exchanges)
    decision = _decide(mode, bundle, settings, players, console)
    # Nothing is performed again: what was done, and where, is history.
    before = recorded or RunRecord(header.mode, Exit.OK)
    folder = PurePath(before.outputs.get("report_file", REPORT)).parent
    written = record_decision(mode, decision, folder, before.tape)
    text = redact_json(dump(replace(written, receipts=before.receipts, audit=before.audit)), console.redact)
    target = Path(options.output_dir) if options.output_dir else tape.parent / "replay"
    save_file(target / REPORT, text, "Give --output-dir")
    if recorded is None:
        console.print(f"nothing to compare with: there is no {REPORT} beside the tape\nreport {target / REPORT}")
        return Exit.OK
    if (target / REPORT).read_bytes() == bundle.report:
        console.print(f"identical: the report is what the run wrote, byte for byte\nreport {target / REPORT}")
        return Exit.OK
    missed = [f"  asked    what the tape does not hold: {each}" for each in players.missed]
    lines = [*missed, *_explained(bundle, settings, recorded, decision, text)]
    more = ["  and more: compare the two files"] if len(lines) > _MAX_SHOWN else []
    shown = [visible_line(line) for line in lines[:_MAX_SHOWN]]
    console.print("\n".join(["different:", *shown, *more, f"report {target / REPORT}"]))
    return Exit.STOP


def _read(tape: Path, evidence: Path) -> _Bundle:
    raw = read_file(tape, "the tape", MAX_BYTES)
    first, exchanges = load_tape(raw, tape.name)
    if not evidence.exists():
        raise ConfigError(
            f"there is no {evidence}",
            why="on Actions it is written with --keep-evidence",
            remedy="Give --evidence with what `gather` wrote",
        )
    report = tape.parent / REPORT
    return _Bundle(
        _header(first, tape.name),
        exchanges,
        *load_tool_calls(raw, tape.name),
        load(Evidence, read_file(evidence, "the evidence", MAX_EVIDENCE), evidence.name),
        read_file(report, "the report", MAX_EVIDENCE) if report.exists() else b"",
    )


def _header(line: bytes, name: str) -> Header[Settings]:
    remedy = f"Give the tape.jsonl of a run (version {VERSION})"
    try:
        first_line = json.loads(line)
        version, run = first_line["tape"], {**first_line["run"], "fence": first_line["fence"]}
        adapter: TypeAdapter[Header[Settings]] = TypeAdapter(Header[settings_type()])  # type: ignore[misc, arg-type]
        header = adapter.validate_json(json.dumps(run, allow_nan=False), strict=True)
        bytes.fromhex(header.fence)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{name} is not a tape", why=f"{where}: {first['msg']}", remedy=remedy) from None
    except (ValueError, RecursionError, KeyError, TypeError):
        raise ConfigError(f"{name} is not a tape", why="its first line is no header", remedy=remedy) from None
    if header.settings.max_input_tokens > _MAX_TOKENS:
        raise ConfigError(f"{name} is not a tape", why="settings.max-input-tokens: so many do not exist", remedy=remedy)
    if version != VERSION:
        raise ConfigError(f"{name} is a tape of another version", remedy=remedy)
    return header


def _changed(settings: Settings, inputs: Mapping[str, str], config: str, mode: Mode[Any]) -> Settings:
    """The run's settings, with what the command line and a config file say over them."""
    text = read_file(Path(config), "--config", SIZE_LIMIT) if config else None
    over = load_settings(inputs, text, config, known_rules=mode.rule_ids)
    if over.problems:
        raise ConfigError(f"{config} is not valid", why="; ".join(map(str, over.problems)))
    stated = {field: getattr(over.settings, field) for field, origin in over.origins.items() if origin != "default"}
    return settings.model_copy(update=stated)


@dataclass(frozen=True, slots=True)
class _Players:
    """One player for each model that was asked, since a key holds the model's name."""

    exchanges: tuple[Exchange, ...]
    by_name: dict[str, Player] = field(default_factory=dict)

    def named(self, name: str) -> Player:
        own = tuple(each for each in self.exchanges if each.model == name)
        return self.by_name.setdefault(name, Player(own or self.exchanges, name))

    @property
    def played(self) -> float:
        began = min(map(sent_at, self.exchanges), default=0.0)
        return max(0.0, *(player.ended - began for player in self.by_name.values()), 0.0)

    @property
    def missed(self) -> list[str]:
        return [each for player in self.by_name.values() for each in player.missed]


def _decide(mode: Mode[Any], bundle: _Bundle, settings: Settings, players: _Players, console: Console) -> Decision:
    header = bundle.header
    # All tools that there are, for their names and arguments; without files none of them can be run.
    change = bundle.evidence.change
    tools = lookups(change, cast("Library", object()), lambda _: True) if change else ()
    # What names a model now is asked: with other settings than the run's that may be one that the tape has not.
    renamed = settings.model != header.settings.model
    router = ModelRouter(
        players.named(settings.model if renamed else header.model) if header.model else None,
        budget(settings, header.mode, lambda: players.played),
        bytes.fromhex(header.fence),
        console.redact,
        silence=header.silence,
        fast=players.named(header.fast) if header.fast else None,
        fallback=players.named(header.fallback) if header.fallback else None,
        max_rounds=settings.max_rounds,
        side_by_side=1,
        watch=lambda *_: (playing(tools, bundle.offered, bundle.looked_up), bundle.offered.limit),
    )
    context = RunContext(bundle.evidence.event, Loaded(settings, header.config_status), Ports(), header.notices)
    return conclude(mode, bundle.evidence, context, router)


def _explained(
    bundle: _Bundle, settings: Settings, recorded: RunRecord, decision: Decision, text: str
) -> Iterator[str]:
    """Why the reports may differ, which findings came and went, and where else they are not the same."""
    header = bundle.header
    if header.tool != f"cicd-agent {__version__}":
        yield f"  program  {header.tool} → cicd-agent {__version__}"
    before, after = (each.model_dump(mode="json", by_alias=True) for each in (header.settings, settings))
    yield from (f"  setting  {each}" for each in differences(before, after))
    redacted = sum(each.redacted for each in bundle.exchanges)
    if redacted:
        yield f"  tape     {redacted} of its exchanges held secrets and are not quite what was sent and received"
    old, new = json.loads(bundle.report), json.loads(text)
    was, now = ({_name(each) for each in getattr(of.result, "findings", ())} for of in (recorded, decision))
    yield from (f"  gone     {name}" for name in sorted(was - now))
    yield from (f"  new      {name}" for name in sorted(now - was))
    if was != now:
        for report in (old, new):
            report["body"]["verdict"] = {**(report["body"]["verdict"] or {}), "findings": []}
    yield from (f"  report   {each}" for each in islice(differences(old, new), _MAX_SHOWN + 1))


def _name(finding: Finding) -> str:
    return f"{finding.location.path}:{finding.location.line}  {finding.severity}  {finding.title} ({finding.id})"
