"""What travels between the stages, as versioned JSON that is checked again wherever it is read."""

import json
from collections.abc import Mapping
from dataclasses import MISSING, field, fields, make_dataclass
from functools import cache
from typing import Any, Final, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_jsonable_python

from cicd_agent import __version__
from cicd_agent.app.run_record import Decision, RunRecord
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.repository.diff import FileDiff, LineKind
from cicd_agent.errors import ConfigError
from cicd_agent.modes import evidence_sections, result_types

VERSION: Final = 1
MAX_BYTES: Final = 256_000_000
"""Evidence of the largest change that is read stays below this; a larger file is not ours."""

T = TypeVar("T")

_KINDS: Final[Mapping[str, type]] = {"evidence": Evidence, "decision": Decision, "report": RunRecord}


def _kind(type_: type) -> str:
    return next(name for name, each in _KINDS.items() if each is type_)


@cache
def _shape(kind: str) -> Any:
    """The class of a kind as its JSON has it: the parts that modes own stand beside the others, by their names."""
    own: dict[str, Any] = {}
    for each in fields(_KINDS[kind]):
        if each.name == "sections":
            own |= {name: (section.type | None, None) for name, section in evidence_sections().items()}
        elif each.name == "result":
            own |= {name: (type_ | None, None) for name, type_ in result_types().items()}
        else:
            default = each.default_factory if each.default_factory is not MISSING else each.default
            type_ = _shape("evidence") | None if each.type == Evidence | None else each.type
            own[each.name] = (type_, default)
    required = [(name, type_) for name, (type_, default) in own.items() if default is MISSING]
    optional = [
        (name, type_, field(default_factory=default) if callable(default) else field(default=default))
        for name, (type_, default) in own.items()
        if default is not MISSING
    ]
    return make_dataclass(kind.title(), [*required, *optional], frozen=True, slots=True)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


@cache
def _adapter(kind: str) -> TypeAdapter[Any]:
    """Made once: that takes a tenth of a second, and a run writes and reads the same kind more than once."""
    return TypeAdapter(_shape(kind))


def _values(value: Evidence | Decision | RunRecord) -> dict[str, Any]:
    """The value as its JSON has it, one level deep."""
    values = {each.name: getattr(value, each.name) for each in fields(value)}
    values |= values.pop("sections", {})
    if (result := values.pop("result", None)) is not None:
        values[next(name for name, type_ in result_types().items() if isinstance(result, type_))] = result
    return values


def _dumped(value: Evidence | Decision | RunRecord) -> dict[str, Any]:
    if isinstance(value, Evidence):
        # The shape of evidence takes longer to make than most of it takes to write.
        body: dict[str, Any] = to_jsonable_python(_values(value))
        return body
    kind, values = _kind(type(value)), _values(value)
    if isinstance(evidence := values.get("evidence"), Evidence):
        values["evidence"] = _shape("evidence")(**_values(evidence))
    # A report is compared byte by byte: by its shape, a whole number where a fraction may stand reads the same once it
    # was a file.
    return dict(_adapter(kind).dump_python(_shape(kind)(**values), mode="json"))


def _loaded(kind: str, shape: Any) -> Any:
    values = {each.name: getattr(shape, each.name) for each in fields(shape)}
    if kind == "evidence":
        sections = {name: value for name in evidence_sections() if (value := values.pop(name)) is not None}
        return Evidence(**values, sections=sections)
    results = [value for name in result_types() if (value := values.pop(name)) is not None]
    if values.get("evidence") is not None:
        values["evidence"] = _loaded("evidence", values["evidence"])
    return _KINDS[kind](**values, result=results[0] if results else None)


def dump(value: Evidence | Decision | RunRecord, *, indent: int | None = 1) -> str:
    """The value in its envelope. What is redacted needs an `indent`: a private key is followed by its lines."""
    kind = _kind(type(value))
    envelope = {"kind": kind, "version": VERSION, "tool": f"cicd-agent {__version__}", "body": _dumped(value)}
    return json.dumps(envelope, ensure_ascii=False, indent=indent) + "\n"


def body_of(report: RunRecord) -> dict[str, Any]:
    return _dumped(report)


def load(type_: type[T], raw: bytes, name: str) -> T:
    """Read what `dump` wrote. Who wrote the file is not known: ConfigError for anything that is not exactly it."""
    kind = _kind(type_)
    remedy = f"Give the file that the stage before wrote (a cicd-agent {kind}, version {VERSION})"
    if len(raw) > MAX_BYTES:
        raise ConfigError(f"{name} is too large", why=f"over {MAX_BYTES:,} bytes", remedy=remedy)
    try:
        envelope = json.loads(raw, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{name} is not JSON", why=str(error)[:200], remedy=remedy) from None
    if not isinstance(envelope, dict) or (envelope.get("kind"), envelope.get("version")) != (kind, VERSION):
        raise ConfigError(f"{name} is not a cicd-agent {kind} of version {VERSION}", remedy=remedy)
    try:
        # As JSON, for there strict means strict: no text for a number, no number for a truth value.
        value: T = _loaded(kind, _adapter(kind).validate_json(json.dumps(envelope.get("body")), strict=True))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{name} does not hold {kind}", why=f"{where}: {first['msg']}", remedy=remedy) from None
    evidence = value.evidence if isinstance(value, Decision) else value
    change = evidence.change if isinstance(evidence, Evidence) else None
    for file in change.files if change else ():
        if not _counts_right(file):
            raise ConfigError(f"{name} is not consistent", why=f"line numbers of {file.path!r}", remedy=remedy)
    return value


def schema(kind: str) -> dict[str, Any]:
    """The JSON Schema of an envelope of this kind."""
    body = _adapter(kind).json_schema(mode="serialization", ref_template="#/$defs/{model}")
    definitions = body.pop("$defs", {})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:cicd-agent:{kind}:{VERSION}",
        "title": f"cicd-agent {kind}",
        "type": "object",
        "required": ["kind", "version", "tool", "body"],
        "properties": {
            "kind": {"const": kind},
            "version": {"const": VERSION},
            "tool": {"type": "string"},
            "body": body,
        },
        "$defs": definitions,
    }


def _counts_right(file: FileDiff) -> bool:
    """Whether every line bears the number that its place in its hunk gives it: anchors are built on these."""
    for hunk in file.hunks:
        old, new = hunk.old_start, hunk.new_start
        for line in hunk.lines:
            has_old, has_new = line.kind is not LineKind.ADDED, line.kind is not LineKind.DELETED
            if (line.old, line.new) != (old if has_old else None, new if has_new else None):
                return False
            old, new = old + has_old, new + has_new
    return True
