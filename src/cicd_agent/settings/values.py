"""One setting as its user sees it: its name, what it may be, and how a word becomes its value."""

import difflib
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import ValidationError

from cicd_agent.domain.modes import MODES
from cicd_agent.settings.document import Block, Tagged, Value
from cicd_agent.settings.schema import Settings, field_order, kebab, only_mode, settings_type

_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_TRUTHS = {"on": True, "off": False, "true": True, "false": False}
"""As words, and as what YAML of version 1.1 makes of them."""
_SHOWN = 40
_OWN_KEYS = frozenset({"input_only", "file_only", "lines", "keys"})
"""What a field's schema says to us alone."""
_SECRET_PART = 12
"""A run of this many characters of a secret is as good as the secret."""
_MIN_SECRET = 6
"""What is shorter occurs in any text: hiding it would hide everything, and show that it is short."""


class InvalidValue(Exception):
    """A value that its setting cannot have; `expected` says what it can."""

    def __init__(self, expected: str) -> None:
        super().__init__(expected)
        self.expected = expected


@dataclass(frozen=True, slots=True)
class Setting:
    """A field of Settings from outside. `shape` is its JSON Schema, without references."""

    name: str
    field: str
    description: str
    shape: Mapping[str, Any]
    input_only: bool = False
    file_only: bool = False
    lines: bool = False
    """Whether only a line end ends an item of a list, and a comma is a part of it."""
    keys: str = ""
    """What the keys of a mapping are."""
    mode: str = ""
    """The only mode that it is for, "" where it is for several."""
    schema: type[Settings] = Settings
    """What it is a field of."""

    @property
    def is_secret(self) -> bool:
        return self.shape.get("format") == "password"

    @property
    def is_for_organisations(self) -> bool:
        return not self.is_secret and self.name != "organisation-config"

    @property
    def choices(self) -> tuple[str, ...]:
        return tuple(self.shape.get("enum", ()))

    @property
    def expected(self) -> str:
        return f"a mapping of {self.keys} to {self.expected_item}" if self.keys else _describe_shape(self.shape)

    @property
    def expected_item(self) -> str:
        return _describe_shape(self.shape["additionalProperties"])

    @property
    def known_keys(self) -> tuple[str, ...]:
        return tuple(self.shape.get("propertyNames", {}).get("enum", ()))

    def split(self, text: str) -> Value:
        if self.shape["type"] != "array":
            return text
        return tuple(item for part in re.split(r"\n" if self.lines else r"[,\n]", text) if (item := part.strip()))

    def value_of(self, value: Value) -> object:
        """The checked value of a word, or of a list. Raises InvalidValue."""
        return self._checked(_converted(self.shape, value, self.expected), self.expected)

    def item_of(self, key: str, value: Value) -> object:
        """The checked value of one key of a mapping. Raises InvalidValue."""
        item = _converted(self.shape["additionalProperties"], value, self.expected_item)
        checked = self._checked({key: item}, self.expected_item)
        return checked[key]

    def _checked(self, value: object, expected: str) -> Any:
        try:
            return getattr(self.schema.model_validate({self.field: value}), self.field)
        except ValidationError as invalid:
            # Ours say what is wrong by number; pydantic's would quote the value, which may be a secret.
            ours = [str(each["ctx"]["error"]) for each in invalid.errors() if each["type"] == "value_error"]
            raise InvalidValue(*ours[:1] or (expected,)) from None


def _converted(shape: Mapping[str, Any], value: Value, expected: str) -> object:
    """The word, the list or the block as the type that it has to be. Raises InvalidValue."""
    match shape["type"], value:
        case "boolean", str() if value.lower() in _TRUTHS:
            return _TRUTHS[value.lower()]
        case "integer", str() if _INTEGER.fullmatch(value):
            return int(value)
        case "number", str() if _NUMBER.fullmatch(value) and math.isfinite(float(value)):
            return float(value)
        case "string", str():
            return value
        case "array", tuple() if all(isinstance(item, str) for item in value):
            return value
        case "object", Block(entries) if len(named := {each.key: each.value for each in entries}) == len(entries):
            properties, items = shape.get("properties", {}), shape.get("additionalProperties")
            if (unknown := named.keys() - properties.keys()) and not items:
                raise InvalidValue(f"{expected} without {quote(min(unknown))}")
            return {key: _converted(properties.get(key, items), each, expected) for key, each in named.items()}
        case _:
            raise InvalidValue(expected)


def catalogue(settings: type[Settings] | None = None) -> Mapping[str, Setting]:
    """Every setting by its public name, in the order of the documents; those of all modes unless a type is given."""
    return _catalogue(settings or settings_type())


@cache
def _catalogue(settings: type[Settings]) -> Mapping[str, Setting]:
    schema = settings.model_json_schema()
    definitions = schema.get("$defs", {})
    # By alias, as the schema has them: in kebab case.
    shapes = {field: _resolved(schema["properties"][kebab(field)], definitions) for field in settings.model_fields}
    return {
        (name := kebab(field)): Setting(
            name=name,
            field=field,
            description=info.description or "",
            shape={key: value for key, value in shapes[field].items() if key not in _OWN_KEYS},
            input_only="input_only" in shapes[field],
            file_only="file_only" in shapes[field],
            lines="lines" in shapes[field],
            keys=shapes[field].get("keys", ""),
            mode=only_mode(field),
            schema=settings,
        )
        for field in field_order(settings)
        for info in [settings.model_fields[field]]
    }


def config_schema() -> dict[str, object]:
    """Every key that the file may have, and a section for each mode; inputs that it may not name are not in it."""
    usable = [setting for setting in catalogue().values() if not setting.input_only]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:cicd-agent:schema:config:1",
        "title": "cicd-agent configuration",
        "description": "The settings of a repository, read from the base branch: .github/cicd-agent.yml.",
        "type": "object",
        "additionalProperties": False,
        "properties": _properties(usable, "#/properties"),
    }


def organisation_schema() -> dict[str, object]:
    """What the text of `organisation-config` may hold: every setting that is no secret, in two mappings."""
    part = {
        "type": "object",
        "additionalProperties": False,
        "minProperties": 1,
        "properties": _properties(
            [setting for setting in catalogue().values() if setting.is_for_organisations], "#/$defs/settings/properties"
        ),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:cicd-agent:schema:organisation:1",
        "title": "cicd-agent configuration of an organisation",
        "description": "`locked` comes before inputs and files, `defaults` after them.",
        "type": "object",
        "additionalProperties": False,
        "minProperties": 1,
        "properties": {name: {"$ref": "#/$defs/settings"} for name in ("locked", "defaults")},
        "$defs": {"settings": part},
    }


def _properties(usable: Sequence[Setting], place: str) -> dict[str, object]:
    """The settings by name, and the sections of the modes, which refer to them at their `place` in the schema."""
    return {
        **{setting.name: dict(setting.shape) for setting in usable},
        **{
            mode: {
                "type": "object",
                "description": f"What counts in {mode} alone.",
                "additionalProperties": False,
                "properties": {
                    setting.name: {"$ref": f"{place}/{setting.name}"}
                    for setting in usable
                    if setting.mode in ("", mode)
                },
            }
            for mode in MODES
        },
    }


def hint(text: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(text[:64].lower().replace("_", "-"), list(known), n=1)
    return f", did you mean `{near[0]}`?" if near else "."


def printable(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text).replace("`", "'")


def reveals(text: str, secrets: Iterable[str]) -> bool:
    parts = [text[start : start + _SECRET_PART] for start in range(len(text) - _SECRET_PART + 1)]
    return any(
        len(secret) >= _MIN_SECRET and (secret in text or any(part in secret for part in parts)) for secret in secrets
    )


def quote(text: str, secrets: Iterable[str] = ()) -> str:
    """The beginning of a foreign text, for a message."""
    shown = text[:_SHOWN]
    if reveals(shown, secrets):
        return "`***`"
    return f"`{printable(shown)}{'…' if len(text) > _SHOWN else ''}`"


def describe(value: Value, secrets: Iterable[str]) -> str:
    """What was found in place of a fitting value."""
    match value:
        case None:
            return "nothing"
        case str():
            return quote(value, secrets)
        case Tagged():
            return f"something with the tag {quote(value.tag, secrets)}"
        case Block():
            return "a mapping"
        case tuple() if all(isinstance(item, str) for item in value):
            return "a list"
        case _:
            return "a list with something else in it"


def one_of(choices: Iterable[str], joined: str = "or") -> str:
    *first, last = (f"`{choice}`" for choice in choices)
    return f"{', '.join(first)} {joined} {last}" if first else last


def _resolved(shape: Mapping[str, Any], definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    """The shape with what it refers to written out, and without the null that stands for "not set"."""
    if "$ref" in shape:
        shape = {**definitions[shape["$ref"].rpartition("/")[2]], **shape}
    for alternative in shape.get("anyOf", ()):
        if alternative.get("type") != "null":
            shape = {**shape, **_resolved(alternative, definitions)}
    if isinstance(items := shape.get("additionalProperties"), Mapping):
        shape = {**shape, "additionalProperties": _resolved(items, definitions)}
    if "properties" in shape:
        inner = {name: _resolved(each, definitions) for name, each in shape["properties"].items()}
        shape = {**shape, "properties": inner}
    if shape.get("default", "") is None:
        shape = {key: value for key, value in shape.items() if key != "default"}
    return {key: value for key, value in shape.items() if key not in ("$ref", "anyOf", "title")}


def _describe_shape(shape: Mapping[str, Any]) -> str:
    match shape:
        case {"enum": choices}:
            return one_of(choices)
        case {"type": "integer" | "number" as kind}:
            return ("a whole number" if kind == "integer" else "a number") + _range(shape)
        case {"properties": properties}:
            return f"a mapping of {one_of(properties, 'and')}"
        case {"maxLength": longest}:
            return f"text of at most {longest:,} characters"
        case _:
            return {"boolean": "`on` or `off`", "array": "a list of texts"}.get(shape["type"], "text")


def _range(shape: Mapping[str, Any]) -> str:
    match shape:
        case {"minimum": low, "maximum": high}:
            return f" from {low:g} to {high:g}"
        case {"exclusiveMinimum": low, "maximum": high}:
            return f" above {low:g}, at most {high:g}"
        case {"exclusiveMinimum": low}:
            return f" above {low:g}"
        case {"minimum": low}:
            return f" of {low:g} or more"
        case _:
            return ""
