"""Evaluates expressions of the project's code, each in a fork of its own, and says what came of them.

Runs under the project's interpreter inside the sandbox: it knows the standard library alone, of Python 3.9 and later.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import io
from typing import TYPE_CHECKING, Any

from .fork import in_fork

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType
    from typing import Self

LONGEST = 500
"""Characters of a value that is told."""

MESSAGE = 300
DEEPEST = 20
SECONDS = 1.0
"""Time for one expression, its imports already done: no test may take longer."""

PATIENCE = 2
"""So many calls of one function may hang; the rest of them is not tried."""

_HANGS = "it did not end within"


class Caught:
    """A block that may raise whatever the project's code raises, which goes no further."""

    def __init__(self) -> None:
        self.raised: BaseException | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, raised: BaseException | None, __: TracebackType | None) -> bool:
        self.raised = raised
        return True


def main(requested: list[dict[str, Any]]) -> list[dict[str, str]]:
    """For each expression (`key`, `imports`, `expression`) its `key`, what came of it, or the `problem`."""
    # Done once here, so that no fork has to do it again; one that fails does so again, and is told, in its fork.
    for statement in dict.fromkeys(line for each in requested for line in each["imports"]):
        with Caught(), silence():
            exec(statement, {})  # noqa: S102  what the sandbox is there for
    answers: list[tuple[str, dict[str, str]]] = []
    hung: dict[str, int] = {}
    for each in requested:
        called = each["expression"].partition("(")[0]
        if hung.get(called, 0) >= PATIENCE:
            answers.append((each["key"], {"problem": "other calls of it did not end"}))
            continue
        came = answer(functools.partial(_observed, each), SECONDS)
        hung[called] = hung.get(called, 0) + came.get("problem", "").startswith(_HANGS)
        answers.append((each["key"], came))
    nothing = dict.fromkeys(("value", "type", "exception", "message", "problem"), "")
    return [{"key": key, **nothing, **each} for key, each in answers]


def answer(work: Callable[[], dict[str, str]], seconds: float) -> dict[str, str]:
    """What `work` gives in a fork, or else a `problem`."""
    ended = in_fork(work, seconds)
    if ended.result is not None:
        return {str(name): str(value) for name, value in ended.result.items()}
    if ended.status is None and not ended.is_unreadable:
        return {"problem": f"{_HANGS} {seconds:g} s"}
    return {"problem": "it ended the process"}


@contextlib.contextmanager
def silence() -> Iterator[None]:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


def _observed(requested: dict[str, Any]) -> dict[str, str]:
    names: dict[str, Any] = {"__name__": "__probe__"}
    with Caught() as importing, silence():
        for statement in requested["imports"]:
            exec(statement, names)  # noqa: S102  what the sandbox is there for
    if importing.raised is not None:
        return {"problem": f"its imports raise {type(importing.raised).__name__}"}
    value: Any = None
    with Caught() as calling, silence():
        value = eval(requested["expression"], names)  # noqa: S307  likewise
    if calling.raised is not None:
        kind = type(calling.raised)
        message = ""
        with Caught():
            message = str(calling.raised)[:MESSAGE]
        return {"exception": kind.__name__, "type": _name(kind), "message": message}
    spelled = ""
    with Caught(), silence():
        spelled = _spelled(value, 0)
    info = {"type": _name(type(value))}
    if not spelled or len(spelled) > LONGEST:
        return {**info, "problem": "its value is too long" if spelled else "its value is no literal"}
    return {**info, "value": spelled}


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _spelled(value: Any, depth: int) -> str:
    """The literal that is equal to a value, "" when there is none. Sets are spelled in an order of their own."""
    kind = type(value)
    if depth > DEEPEST:
        return ""
    if kind is dict:
        pairs = [(_spelled(name, depth + 1), _spelled(each, depth + 1)) for name, each in value.items()]
        return "{" + ", ".join(map(": ".join, pairs)) + "}" if all(map(all, pairs)) else ""
    if kind in {list, tuple, set}:
        parts = [_spelled(each, depth + 1) for each in value]
        return _joined(kind, parts) if all(parts) else ""
    if not isinstance(value, (str, bytes, int, float, complex, type(None))):
        return ""
    spelled = repr(value)
    # An enumeration's member is an int too, and nan is not equal to itself: neither can be typed again.
    with contextlib.suppress(ValueError, SyntaxError):
        return spelled if ast.literal_eval(spelled) == value else ""
    return ""


def _joined(kind: type, parts: list[str]) -> str:
    if kind is set:
        return "{" + ", ".join(sorted(parts)) + "}" if parts else "set()"
    if kind is tuple:
        return f"({parts[0]},)" if len(parts) == 1 else "(" + ", ".join(parts) + ")"
    return "[" + ", ".join(parts) + "]"
