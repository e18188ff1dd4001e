"""Secrets out of a document that has to stay JSON, even where one is split between several of its values."""

import json
from collections.abc import Callable
from typing import Any

from cicd_agent.domain.text.redaction import MASK


def redact_json(text: str, redact: Callable[[str], str]) -> str:
    """The document, which stands on many lines, without secrets; a text that is no document only so.

    As lines, since a private key is followed from one to the next. Where that masks more than whole values, so that it
    would be JSON no longer, each value by itself; where several hold pieces of one secret, all texts among them go.
    """
    plain = redact(text)
    try:
        json.loads(plain)
    except ValueError:
        try:
            document = json.loads(text)
        except ValueError:
            return plain
        return _dumped(_apart(document, redact)) + "\n"
    return plain


def _apart(value: Any, redact: Callable[[str], str]) -> Any:
    try:
        return json.loads(redact(_dumped(value)))
    except ValueError:
        found = _within(value, lambda inner: _apart(inner, redact), redact, redact)
    whole = _dumped(found)
    return found if redact(whole) == whole else _blank(found, redact)


def _blank(value: Any, redact: Callable[[str], str]) -> Any:
    return _within(value, lambda inner: _blank(inner, redact), lambda _: MASK, redact)


def _within(value: Any, inner: Callable[[Any], Any], text: Callable[[str], str], redact: Callable[[str], str]) -> Any:
    match value:
        case dict():
            return {redact(name): inner(each) for name, each in value.items()}
        case list():
            return [inner(each) for each in value]
        case str():
            return text(value)
        case _:
            return value


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1)
