"""The event file's JSON, read so that nothing in it can surprise: what is missing or absurd is empty."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NoReturn

from cicd_agent.errors import ConfigError

PAYLOAD_LIMIT = 32 * 1024 * 1024
"""GitHub sends at most 25 MB; what writes the file may indent and escape it differently."""

LONGEST_TEXT = 65_536
"""Characters of the longest body that GitHub takes; the rest is not from there."""

_TOO_BIG = 2**63
_SHA = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})", re.IGNORECASE)
_FULL_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*/[A-Za-z0-9_.-]*[A-Za-z0-9_-]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Node:
    """A place in the payload that may not be there; every reading of it has an empty value."""

    value: object = None

    def __getitem__(self, key: str) -> "Node":
        return Node(self.value.get(key)) if isinstance(self.value, Mapping) else Node()

    def __iter__(self) -> Iterator["Node"]:
        return (Node(item) for item in self.value) if isinstance(self.value, list) else iter(())

    @property
    def text(self) -> str:
        """The string as far as GitHub lets one go; a lone surrogate, which no encoding can hold, becomes `?`."""
        return self.value[:LONGEST_TEXT].encode("utf-8", "replace").decode() if isinstance(self.value, str) else ""

    @property
    def number(self) -> int:
        return self.value if type(self.value) is int and 0 < self.value < _TOO_BIG else 0

    @property
    def flag(self) -> bool:
        return self.value is True

    @property
    def sha(self) -> str:
        return as_sha(self.text)

    @property
    def ref(self) -> str:
        return as_ref(self.text)

    @property
    def repo(self) -> str:
        return as_repo(self["full_name"].text)


def decode_payload(raw: bytes) -> Mapping[str, object]:
    if len(raw) > PAYLOAD_LIMIT:
        _refuse(f"it has {len(raw):,} bytes, more than the {PAYLOAD_LIMIT:,} that are read")
    if not raw.strip():
        _refuse("it is empty")
    try:
        payload = json.loads(raw.decode("utf-8-sig"), parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        _refuse(f"byte {error.start} is not UTF-8")
    except json.JSONDecodeError as error:
        _refuse(f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}")
    except RecursionError:
        _refuse("it is nested too deeply")
    except ValueError as error:  # the standard library's limit on digits, or a constant that JSON does not have
        _refuse(str(error).partition(";")[0])
    if not isinstance(payload, dict):
        _refuse("it is not a JSON object")
    return payload


def as_sha(text: str) -> str:
    """A full object id in lower case; the zeros that stand for "no commit" are none."""
    return text.lower() if _SHA.fullmatch(text) and text.strip("0") else ""


def as_repo(text: str) -> str:
    return text if _FULL_NAME.fullmatch(text) else ""


def as_ref(ref: str) -> str:
    """A branch or tag without its refs/ prefix; git allows no control character in one."""
    return "" if _CONTROL.search(ref) else ref.removeprefix("refs/heads/").removeprefix("refs/tags/")


def _no_constant(constant: str) -> NoReturn:
    raise ValueError(f"not JSON: {constant} is not a number")


def _refuse(why: str) -> NoReturn:
    raise ConfigError("the event payload cannot be read", why=why, remedy="Check GITHUB_EVENT_PATH or --event")
