"""The account of what a run asked and what was answered, a line for each turn, so that a killed run leaves its trace.

A tape is JSON lines: the first says what the run was, each other one is an Exchange, or of a look-up (tape_tools).
"""

import hashlib
import json
import os
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, field, replace
from datetime import UTC, datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from cicd_agent.adapters.files import NOFOLLOW, write_file
from cicd_agent.agent.messages import Model, Reply, Request
from cicd_agent.agent.tools.tool import NoSuchThing, Tool, TryAgain
from cicd_agent.domain.json_difference import differences
from cicd_agent.errors import (
    BudgetExhausted,
    ConfigError,
    ModelMisbehaved,
    ModelUnavailable,
    TimeLimitReached,
    first_problem,
)

TAPE: Final = "tape.jsonl"
VERSION: Final = 1
MAX_BYTES: Final = 64_000_000
MAX_EXCHANGES: Final = 1_000

LOOKUPS: Final = (b'{"offered"', b'{"looked_up"')
"""How the lines begin that are no exchanges: see tape_tools."""

T = TypeVar("T")
_MAX_NUMBER = 10**12
"""No count of tokens, requests or seconds is larger; arithmetic with what is could end a replay."""
_LIMITS = ("max_output_tokens", "seconds")
"""What bounds a reply is no part of what was asked: a whole answer is the same under every bound."""
_REMEDY = "Give the tape.jsonl that a run wrote beside its report"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a request has no reply: the parts of the error that was raised."""

    kind: Literal["ModelUnavailable", "BudgetExhausted", "ModelMisbehaved"]
    what: str
    why: str = ""
    remedy: str = ""
    requests: Annotated[int, Field(ge=0, le=_MAX_NUMBER)] = 0
    lost: Annotated[int, Field(ge=0, le=_MAX_NUMBER)] = 0
    known: tuple[Annotated[int, Field(ge=0, le=_MAX_NUMBER)], Annotated[int, Field(ge=0, le=_MAX_NUMBER)]] = (0, 0)

    def error(self) -> ModelUnavailable | BudgetExhausted | ModelMisbehaved:
        if self.kind == "ModelUnavailable":
            counts = {"requests": self.requests, "lost": self.lost}
            return ModelUnavailable(self.what, why=self.why, remedy=self.remedy, known=self.known, **counts)
        kind = BudgetExhausted if self.kind == "BudgetExhausted" else ModelMisbehaved
        return kind(self.what, why=self.why, remedy=self.remedy)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its reply, or why there is none.

    `key` is that of the request as it was sent; `redacted` says that the texts beside it are not quite what was sent
    and received. `at` is UTC, `seconds` is how long the reply took.
    """

    key: str
    model: str
    at: str
    seconds: Annotated[float, Field(ge=0, le=_MAX_NUMBER, allow_inf_nan=False)]
    request: Request
    reply: Reply | None = None
    failure: Failure | None = None
    redacted: bool = False


@cache
def _adapter(shape: type[T]) -> TypeAdapter[T]:
    """Of which each takes milliseconds to build: a run that asks nobody needs none."""
    return TypeAdapter(shape)


def canonical(request: Request, model: str) -> dict[str, object]:
    question = {"model": model, **_adapter(Request).dump_python(request)}
    return {name: value for name, value in question.items() if name not in _LIMITS}


def key_of(request: Request, model: str) -> str:
    """The name of a question: the same for the same bytes only, the fence around the evidence included."""
    return hashlib.sha256(json.dumps(canonical(request, model)).encode()).hexdigest()


def begin(path: Path, run: Mapping[str, object], *, fence: str, redact: Callable[[str], str]) -> None:
    """Start a tape in the place of any older one. Raises ConfigError when it cannot be written."""
    texts = redacted(dict(run), redact)
    try:
        write_file(path, json.dumps({"tape": VERSION, "fence": fence, "run": texts}) + "\n", mode=0o600)
    except OSError as error:
        raise _unwritable(path, error) from None


@dataclass
class Recorder:
    """A Model that passes everything on, and writes each exchange down before anybody acts on it."""

    model: Model
    path: Path
    redact: Callable[[str], str]
    clock: Callable[[], float] = field(kw_only=True)
    now: Callable[[], float] = field(kw_only=True)

    def __post_init__(self) -> None:
        # A conversation says the same texts again with every turn.
        redact = self.redact
        self._redact = lru_cache(maxsize=256)(lambda text: _encodable(redact(text)))

    @property
    def name(self) -> str:
        return self.model.name

    def complete(self, request: Request) -> Reply:
        """Send one request, and record what became of it."""
        at, started = datetime.fromtimestamp(self.now(), UTC).isoformat(timespec="seconds"), self.clock()

        def record(reply: Reply | None, failure: Failure | None = None) -> None:
            seconds = round(self.clock() - started, 3)
            self._append(Exchange(key_of(request, self.name), self.name, at, seconds, request, reply, failure))

        try:
            reply = self.model.complete(request)
        except ModelUnavailable as gone:
            counts = (gone.requests, gone.lost, gone.known)
            record(None, Failure("ModelUnavailable", gone.what, gone.why, gone.remedy, *counts))
            raise
        except (BudgetExhausted, TimeLimitReached) as over:
            failure = over.failure if isinstance(over, TimeLimitReached) else over
            record(None, Failure("BudgetExhausted", failure.what, failure.why, failure.remedy))
            raise
        record(reply)
        return reply

    def _append(self, exchange: Exchange) -> None:
        whole = _plain(_adapter(Exchange).dump_python(exchange), str)
        shown = _plain(whole, self._redact)
        if shown != whole and isinstance(shown, dict):
            shown["redacted"] = True
        append(self.path, shown)


def append(path: Path, line: object) -> None:
    """Add a line to a tape that was begun. Raises ConfigError when it cannot be written."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | NOFOLLOW)
        # In one piece, so that lines of questions that are asked side by side do not mix.
        with os.fdopen(descriptor, "ab", buffering=0) as file:
            left = memoryview(json.dumps(line).encode() + b"\n")
            while left:
                left = left[file.write(left) :]
    except OSError as error:
        raise _unwritable(path, error) from None


def redacted(value: object, redact: Callable[[str], str]) -> object:
    return _plain(value, lambda text: _encodable(redact(text)))


def load_tape(raw: bytes, name: str) -> tuple[bytes, tuple[Exchange, ...]]:
    """The header as it stands, and the exchanges. Who wrote the file is not known: ConfigError when it is not a tape.

    Half a line at the end is what a killed run leaves, and is passed over.
    """
    if len(raw) > MAX_BYTES or raw.count(b"\n") > MAX_EXCHANGES:
        why = f"over {MAX_BYTES:,} bytes or {MAX_EXCHANGES:,} lines"
        raise ConfigError(f"{name} is too large for a tape", why=why, remedy=_REMEDY)
    header, *lines = raw.split(b"\n")
    if lines:
        lines.pop()
    exchanges = []
    for number, line in enumerate(lines, 2):
        if line.startswith(LOOKUPS):
            continue
        try:
            exchange = _adapter(Exchange).validate_json(line, strict=True)
        except ValidationError as error:
            raise ConfigError(f"line {number} of {name} is no exchange", why=first_problem(error)) from None
        reply = exchange.reply
        numbers = (*astuple(reply.usage), reply.lost, *reply.known) if reply else ()
        if any(not 0 <= each <= _MAX_NUMBER for each in numbers if each is not None):
            raise ConfigError(f"line {number} of {name} is no exchange", why="reply.usage: such numbers do not exist")
        exchanges.append(exchange)
    return header, tuple(exchanges)


def _plain(value: object, change: Callable[[str], str]) -> object:
    """The value as JSON types, with every text in it changed."""
    match value:
        case str():
            return change(value)
        case Mapping():
            return {change(str(name)): _plain(inner, change) for name, inner in value.items()}
        case list() | tuple():
            return [_plain(item, change) for item in value]
        case _:
            return value


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _unwritable(path: Path, error: OSError) -> ConfigError:
    return ConfigError(f"{path} cannot be written", why=error.strerror or str(error), remedy="Give --output-dir")


class Player:
    """Answers each request as the tape has it, known by its key; the same request twice gets the replies in order."""

    def __init__(self, exchanges: Sequence[Exchange], name: str) -> None:
        self.name = name
        self.ended = 0.0
        """When the last of the replies that were played was there, in seconds since 1970."""
        self.missed: list[str] = []
        """How each request that the tape does not hold differs from what it holds."""
        self._exchanges = exchanges
        self._left: dict[str, deque[Exchange]] = defaultdict(deque)
        for exchange in exchanges:
            self._left[exchange.key].append(exchange)

    def complete(self, request: Request) -> Reply:
        """The recorded reply or failure. ModelUnavailable when the tape does not hold this request."""
        left = self._left[key_of(request, self.name)]
        if not left:
            self.missed.append(self._nearest(request))
            raise ModelUnavailable("the tape does not hold this request", why=self.missed[-1])
        exchange = left.popleft()
        self.ended = max(self.ended, sent_at(exchange) + exchange.seconds)
        if exchange.failure:
            raise exchange.failure.error()
        if exchange.reply is None:
            raise ModelUnavailable("the tape holds no reply to this request")
        return exchange.reply

    def unused(self) -> int:
        return sum(map(len, self._left.values()))

    def _nearest(self, request: Request) -> str:
        """How it differs from the recorded request that is most like it."""
        question = canonical(request, self.name)
        candidates = [list(differences(canonical(each.request, each.model), question)) for each in self._exchanges]
        if not candidates:
            return "it is empty"
        nearest = min(range(len(candidates)), key=lambda index: len(candidates[index]))
        if not candidates[nearest]:
            return f"request {nearest + 1} reads the same, but was played already or held what is redacted"
        return f"request {nearest + 1} is nearest, and differs in {candidates[nearest][0]}"


def sent_at(exchange: Exchange) -> float:
    """When it was sent, in seconds since 1970; a tape is not ours to trust, and 0 stands for what is no time."""
    try:
        return datetime.fromisoformat(exchange.at).timestamp()
    except (ValueError, OverflowError):
        return 0.0


OFFERED, LOOKED_UP = LOOKUPS


@dataclass(frozen=True, slots=True)
class LookedUp:
    """One look-up: its arguments as JSON, and what it returned, or the trouble (`wrong`: the call made no sense)."""

    tool: str
    arguments: str
    result: str | None = None
    trouble: str = ""
    wrong: bool = False


@dataclass(frozen=True, slots=True)
class Offered:
    """The names of the tools, and why they were fewer than usual."""

    tools: tuple[str, ...] = ()
    limit: str = ""


def recording(
    tools: Sequence[Tool[Any]], limit: str, path: Path, redact: Callable[[str], str]
) -> tuple[Tool[Any], ...]:
    """The same tools; what is offered and each result is written down before anybody sees it."""

    def write(kind: str, value: Offered | LookedUp) -> None:
        append(path, {kind: redacted(asdict(value), redact)})

    def witnessed(tool: Tool[Any]) -> Tool[Any]:
        def run(arguments: BaseModel) -> str:
            lookup = LookedUp(tool.name, arguments.model_dump_json())
            try:
                result = tool.run(arguments)
            except (TryAgain, NoSuchThing) as outcome:
                write("looked_up", replace(lookup, trouble=str(outcome), wrong=isinstance(outcome, TryAgain)))
                raise
            write("looked_up", replace(lookup, result=result))
            return result

        return replace(tool, run=run)

    write("offered", Offered(tuple(tool.name for tool in tools), limit))
    return tuple(map(witnessed, tools))


def load_tool_calls(raw: bytes, name: str) -> tuple[Offered, tuple[LookedUp, ...]]:
    """What a tape holds of look-ups. ConfigError when such a line is not one."""
    offered, recorded = Offered(), []
    for number, line in enumerate(raw.split(b"\n")[:-1], 1):
        try:
            if line.startswith(OFFERED):
                offered = TypeAdapter(Mapping[str, Offered]).validate_json(line, strict=True)["offered"]
            elif line.startswith(LOOKED_UP):
                recorded.append(TypeAdapter(Mapping[str, LookedUp]).validate_json(line, strict=True)["looked_up"])
        except ValidationError as error:
            why = error.errors(include_url=False, include_input=False)[0]["msg"]
            raise ConfigError(f"line {number} of {name} is no look-up", why=why) from None
    return offered, tuple(recorded)


def playing(tools: Sequence[Tool[Any]], offered: Offered, recorded: Sequence[LookedUp]) -> tuple[Tool[Any], ...]:
    """The tools that were offered, answering from the tape. `tools` say what each is; none of them is run."""
    known = {(each.tool, _canonical(each.arguments)): each for each in reversed(recorded)}

    def played(tool: Tool[Any]) -> Tool[Any]:
        def run(arguments: BaseModel) -> str:
            lookup = known.get((tool.name, _canonical(arguments.model_dump_json())))
            if lookup is None:
                raise NoSuchThing("the tape does not hold this look-up")
            if lookup.result is None:
                raise (TryAgain if lookup.wrong else NoSuchThing)(lookup.trouble)
            return lookup.result

        return replace(tool, run=run)

    return tuple(played(tool) for tool in tools if tool.name in offered.tools)


def _canonical(arguments: str) -> str:
    try:
        return json.dumps(json.loads(arguments), sort_keys=True)
    except (ValueError, RecursionError):
        return arguments
