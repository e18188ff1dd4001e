"""How a process of the harness says something so that it is believed: lines signed with a key that only two know."""

from __future__ import annotations

import hmac
import json
import os
from typing import TYPE_CHECKING, Any

MAX_ITEMS = 32 << 20
"""Bytes that one process may say."""

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def signed(key: bytes, number: int, text: str) -> bytes:
    content = text.encode()
    return b"%s %s\n" % (signature(key, number, content), content)


def signature(key: bytes, number: int, content: bytes) -> bytes:
    return hmac.new(key, b"%d " % number + content, "sha256").hexdigest().encode()


def verified(key: bytes, text: bytes) -> Iterator[bytes | None]:
    """The contents of the lines in their order, None in place of one that is not ours or not whole."""
    number = 0
    *lines, rest = text.split(b"\n")
    for line in lines:
        mac, _, content = line.partition(b" ")
        if hmac.compare_digest(mac, signature(key, number, content)):
            number += 1
            yield content
        else:
            yield None
    if rest:
        yield None


def sender(descriptor: int, key: bytes) -> Callable[[dict[str, Any]], None]:
    """What writes objects to the descriptor, in this process alone: what is forked from it says nothing.

    It holds all that it needs, since code of the project runs in the same process and replaces what it likes.
    """
    write, dumps, pid_of, sign = os.write, json.dumps, os.getpid, signed
    own = pid_of()
    number = 0

    def send(what: dict[str, Any]) -> None:
        nonlocal number
        if pid_of() != own:
            return
        line = sign(key, number, dumps(what))
        number += 1
        while line:
            line = line[write(descriptor, line) :]

    return send


def read_table(name: str) -> Any:
    """A table beside this module; JSON, since Python 3.9 reads no TOML."""
    with open(os.path.join(os.path.dirname(__file__), name + ".json"), encoding="utf-8") as file:
        return json.load(file)


def plain(text: object, limit: int) -> str:
    short = str(text)[: 2 * limit].encode("utf-8", "backslashreplace").decode("utf-8")
    return " ".join(short.splitlines())[:limit]
