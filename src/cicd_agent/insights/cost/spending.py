"""What one entry of the audit log says that its run used and cost; whoever wrote it is not believed to be right."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from cicd_agent.domain.audit_entry import Row
from cicd_agent.rendering.money import NANO

MAX_USD: Final = 10**6
"""No run costs more: what says so is not ours."""
UNKNOWN_MODEL: Final = "(not told)"
NOBODY: Final = "(nobody)"

_NUMBER = re.compile(r"[0-9]{1,12}(\.[0-9]{1,40})?([eE]-?[0-9]{1,3})?")
_REPEATING_STAGES = frozenset({"try", "deliver"})


def _nano(value: Any) -> Any:
    """Dollars as the account writes them (text, or a whole number), in billionths."""
    match value:
        case None:
            return None
        case int() if not isinstance(value, bool):
            dollars = Decimal(value)
        case str() if _NUMBER.fullmatch(value):
            dollars = Decimal(value)
        case _:
            raise ValueError("no amount of money")
    if not 0 <= dollars <= MAX_USD:
        raise ValueError("no amount that a run costs")
    return int((dollars * NANO).to_integral_value())


_Count = Annotated[int, Field(ge=0, lt=2**53)]
_Moment = Annotated[int, Field(ge=0, lt=253_402_300_800)]  # until the year 9999
_Name = Annotated[str, Field(max_length=300)]


class _Read(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)


_NO_NULL = BeforeValidator(lambda value: {} if value is None else value)


class Used(_Read):
    """Requests and tokens; None is what is not known.

    `cached` is a part of `input`, `reasoning` of `output`. `from_cache` are answers that were cached by earlier runs,
    and what is `spared` is what these had taken.
    """

    requests: _Count | None = None
    input: _Count | None = None
    output: _Count | None = None
    cached: _Count | None = None
    reasoning: _Count | None = None
    from_cache: _Count | None = 0
    spared_input: _Count | None = None
    spared_output: _Count | None = None


COUNTED: Final = tuple(Used.model_fields)


class _Question(_Read):
    model: _Name | None = None
    usage: Annotated[Used, _NO_NULL] = Used()


class _Account(_Read):
    notices: list[str] | None = None


class _Output(_Read):
    asked: list[_Question] | None = None
    account: Annotated[_Account, _NO_NULL] = _Account()


class _Run(_Read):
    kind: Literal["run"]
    at: _Moment
    mode: _Name | None = None
    event_id: _Name | None = None
    stage: _Name | None = None
    decision: _Name | None = None
    models: list[_Name] | None = None
    usage: Annotated[Used, _NO_NULL] = Used()
    cost_usd: Annotated[int | None, BeforeValidator(_nano)] = None
    error: str | None = None
    output: Annotated[_Output, _NO_NULL] = _Output()


@dataclass(frozen=True, slots=True)
class Part:
    """What one model was used for; its name is UNKNOWN_MODEL where the entry does not say which, NOBODY for none."""

    model: str
    used: Used


@dataclass(frozen=True, slots=True)
class Spent:
    """What one run used, by model, and what it cost in billionths of a dollar, None when that is not known.

    `reason` says why it is not known. `asked` is whether any answer was wanted of a model. `stood_in` is whether a
    model answered because another one did not. `duplicate_key` is what tells the same decision apart from others, ""
    where it can be entered only once: stages of a split workflow each enter what an earlier one has spent.
    """

    repository: str
    seq: int
    at: int
    mode: str
    parts: tuple[Part, ...]
    cost: int | None
    reason: str = ""
    asked: bool = True
    stood_in: bool = False
    duplicate_key: str = ""


def spent(row: Row) -> Spent | None:
    """What the entry of a run says; None when it is none, or anything in it that is counted is not of its type."""
    try:
        run = _Run.model_validate_json(row.text)
    except ValueError:
        return None
    whole = run.usage
    is_failed = bool(run.error) or run.decision == "failed"
    cost = run.cost_usd
    if cost is None and not whole.requests and whole.requests is not None:
        if is_failed:
            whole = Used()  # it ended before it could say what it had asked
        else:
            cost = 0
    is_asking = whole.requests != 0 or whole.from_cache != 0
    parts = _parts(run, whole) if is_asking else (Part(NOBODY, whole),)
    notices = run.output.account.notices or ()
    is_repeated = whole.requests and run.event_id and run.stage in _REPEATING_STAGES
    return Spent(
        row.repository,
        row.seq,
        run.at,
        run.mode or UNKNOWN_MODEL,
        parts,
        cost,
        _reason(parts, is_failed=is_failed) if cost is None else "",
        asked=is_asking,
        stood_in=any(f"{part.model} was asked: " in notice for part in parts for notice in notices),
        duplicate_key=f"{run.event_id}\n{whole}\n{cost}" if is_repeated else "",
    )


def _parts(run: _Run, whole: Used) -> tuple[Part, ...]:
    """The usage by model. What its questions do not account for is nobody's in particular, unless there is only one."""
    asked = run.output.asked or ()
    by_model: dict[str, Used] = {}
    for each in asked:
        used, name = each.usage, each.model or UNKNOWN_MODEL
        if used.requests != 0 or used.from_cache:
            by_model[name] = _sum([by_model[name], used]) if name in by_model else used
    names = set(by_model) or set(run.models or ())
    if len(names) == 1:
        return (Part(next(iter(names)) or UNKNOWN_MODEL, whole),)
    rest = _rest(whole, list(by_model.values()))
    if not by_model or rest is None:
        return (Part(UNKNOWN_MODEL, whole),)
    parts = [Part(name, used) for name, used in by_model.items()]
    if any(getattr(rest, name) != 0 for name in COUNTED):
        parts.append(Part(UNKNOWN_MODEL, rest))
    return tuple(parts)


def _sum(used: Sequence[Used]) -> Used:
    columns = {name: [getattr(each, name) for each in used] for name in COUNTED}
    return Used.model_construct(**{name: None if None in values else sum(values) for name, values in columns.items()})


def _rest(whole: Used, parts: Sequence[Used]) -> Used | None:
    """What the parts leave of the whole; None when they are more than that, so that one of them is wrong."""
    total = _sum(parts)
    left: dict[str, Any] = {}
    for name in COUNTED:
        all_of_it, known = getattr(whole, name), getattr(total, name)
        if all_of_it is not None and known is not None:
            if known > all_of_it:
                return None
            left[name] = all_of_it - known
        else:
            # One of the parts does not know: then the whole does not either, which is counted already.
            left[name] = 0 if known is None else None
    return Used.model_construct(**left)


def _reason(parts: Sequence[Part], *, is_failed: bool) -> str:
    if is_failed:
        return "the run failed before it said"
    if any(part.used.requests != 0 and None in {part.used.input, part.used.output} for part in parts):
        return "the server did not say how many tokens"
    return "a model without a price"
