"""GitHub's own description of its API as a judge: of what a client sends, and of what our fake answers."""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

FILE = Path(__file__).parents[1] / "openapi" / "github.json"
Json = Any


class Description:
    """The vendored part of the description, and judgements by it: lists of complaints, empty when all is well."""

    def __init__(self, whole: Mapping[str, Any]) -> None:
        self._components = whole["components"]
        self._schemas = as_json_schema(whole["components"])
        self._operations = [
            (method.upper(), re.compile(as_pattern(path)), path, operation)
            for path, methods in whole["paths"].items()
            for method, operation in methods.items()
        ]
        self._validators: dict[str, Draft202012Validator] = {}

    def request(self, method: str, path: str, query: Mapping[str, str], body: Json) -> list[str]:
        """What is wrong with a request: an unknown operation, parameter or property, or a wrong type."""
        found = self._operation(method, path)
        if found is None:
            return [f"{method} {path}: no such operation in tests/support/openapi (see regenerate.py)"]
        template, operation = found
        complaints = list(self._wrong_query(operation, query))
        if "requestBody" in operation:
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            if body is None and operation["requestBody"].get("required"):
                complaints.append("the body is missing")
            if body is not None:
                complaints += self._wrong_value(f"{method} {template} request", schema, body)
                complaints += self._unknown_properties(schema, body, "body")
        elif body is not None:
            complaints.append("a body where none is described")
        return [f"{method} {path}: {complaint}" for complaint in complaints]

    def response(self, method: str, path: str, status: int, body: Json) -> list[str]:
        """What is wrong with an answer: a status that is not described, or a body of another shape."""
        found = self._operation(method, path)
        if found is None:
            return []
        template, operation = found
        described = operation["responses"].get(str(status))
        if described is None:
            # Any operation may answer these, though few list them: credentials, permission, absence, age, rate limit.
            return [] if status in {401, 403, 404, 410, 429} else [f"{method} {path}: {status} is not described"]
        content = self._resolve(described).get("content", {}).get("application/json")
        if content is None:
            return []
        complaints = self._wrong_value(f"{method} {template} {status}", content["schema"], body)
        return [f"{method} {path} answers {status}: {complaint}" for complaint in complaints]

    def sample(self, schema: str, **values: Json) -> dict[str, Json]:
        """The smallest object of a component schema, with `values` in their places."""
        named = self._components["schemas"][schema]
        made: dict[str, Json] = self._minimal({key: value for key, value in named.items() if key != "nullable"})
        return made | values

    def _operation(self, method: str, path: str) -> tuple[str, Mapping[str, Any]] | None:
        for verb, pattern, template, operation in self._operations:
            if verb == method and pattern.fullmatch(path):
                return template, operation
        return None

    def _resolve(self, node: Mapping[str, Any]) -> Mapping[str, Any]:
        while "$ref" in node:
            _, _, kind, name = node["$ref"].split("/")
            node = self._components[kind][name]
        return node

    def _wrong_query(self, operation: Mapping[str, Any], query: Mapping[str, str]) -> Iterator[str]:
        known = {
            parameter["name"]: parameter["schema"]
            for parameter in map(self._resolve, operation.get("parameters", ()))
            if parameter["in"] == "query"
        }
        for name, value in query.items():
            if name not in known:
                yield f"unknown query parameter {name}"
                continue
            schema = self._resolve(known[name])
            typed: Json = int(value) if schema.get("type") == "integer" and value.isdecimal() else value
            yield from self._wrong_value(f"query {name} {json.dumps(schema, sort_keys=True)}", schema, typed)

    def _wrong_value(self, key: str, schema: Mapping[str, Any], value: Json) -> list[str]:
        if key not in self._validators:
            root = {"allOf": [as_json_schema(schema)], "components": self._schemas}
            self._validators[key] = Draft202012Validator(root)
        return [
            f"{'/'.join(map(str, error.absolute_path)) or 'body'}: {error.message[:300]}"
            for error in self._validators[key].iter_errors(value)
        ]

    def _unknown_properties(self, schema: Mapping[str, Any], value: Json, where: str) -> Iterator[str]:
        """GitHub ignores what it does not know: a misspelt property would never be noticed."""
        schema = self._resolve(schema)
        if isinstance(value, dict) and "properties" in schema:
            for name, inner in value.items():
                if name not in schema["properties"]:
                    yield f"unknown property {where}/{name}"
                else:
                    yield from self._unknown_properties(schema["properties"][name], inner, f"{where}/{name}")
        if isinstance(value, list) and "items" in schema:
            for index, inner in enumerate(value):
                yield from self._unknown_properties(schema["items"], inner, f"{where}/{index}")

    def _minimal(self, schema: Mapping[str, Any]) -> Json:
        made: Json = None
        match self._resolve(schema):
            case {"nullable": True}:
                pass
            case {"enum": [first, *_]}:
                made = first
            case {"oneOf": [first, *_]} | {"anyOf": [first, *_]}:
                made = self._minimal(first)
            case {"allOf": parts}:
                made = {name: value for part in parts for name, value in self._minimal(part).items()}
            case {"type": "string", **rest}:
                formats = {"date-time": "2026-01-01T00:00:00Z", "uri": "https://example.test/"}
                made = formats.get(rest.get("format", ""), "").ljust(rest.get("minLength", 0), "0")
            case {"type": "integer" | "number"}:
                made = 0
            case {"type": "boolean"}:
                made = False
            case {"type": "array"}:
                made = []
            case {"properties": properties, **rest}:
                made = {name: self._minimal(properties[name]) for name in rest.get("required", ())}
            case _:
                made = {}
        return made


def as_pattern(template: str) -> str:
    """A path template as a pattern; only the path of a file and the name of a branch may hold slashes."""
    slashed = {"path", "ref"} if "/git/" in template else {"path"}
    return re.sub(r"\\{(\w+)\\}", lambda m: ".+" if m[1] in slashed else "[^/]+", re.escape(template))


def as_json_schema(node: Json) -> Json:
    """OpenAPI 3.0's dialect as JSON Schema: `nullable` becomes a type, and siblings of $ref are ignored."""
    match node:
        case {"$ref": str(reference)}:
            return {"$ref": reference}
        case {"nullable": True, **rest}:
            return {"anyOf": [{"type": "null"}, as_json_schema(rest)]}
        case dict():
            return {key: as_json_schema(value) for key, value in node.items() if key != "discriminator"}
        case list():
            return [as_json_schema(item) for item in node]
        case _:
            return node


@cache
def github() -> Description:
    """The description in support/openapi, read once, with what it does not admit: the fork of a pull may be gone."""
    whole = json.loads(FILE.read_text(encoding="utf-8"))
    head = whole["components"]["schemas"]["pull-request"]["properties"]["head"]["properties"]
    head["repo"] = {"nullable": True, "allOf": [head["repo"]]}
    return Description(whole)
