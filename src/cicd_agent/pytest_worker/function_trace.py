"""Which functions of the tree are called and which of its files are opened, by what runs at that time.

That is all a test map needs. Coverage tells it too, at several times the cost, since it records lines.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import CodeType, FrameType

_MAX_FILES = 2_000
_READERS = ("/_pytest/assertion/rewrite.py", "/linecache.py")
_OPTIMIZED = 0x01
"""A flag of the code of functions, which modules and bodies of classes do not have (`inspect.CO_OPTIMIZED`)."""
_TOOLS = (4, 3, 5, 1, 2)
"""Ids of `sys.monitoring`; nobody is meant to use the first two."""


class FunctionTrace:
    """What runs between `start` and `stop`, by context: a name that callers choose.

    Since Python 3.12 each function reports its first call in a context, and costs nothing after that. Before, the
    profiler of the standard library counts all calls, which it does in C.
    """

    def __init__(self, top: str, omitted: list[str]) -> None:
        self._beginning = top + "/"
        self._omitted = tuple(self._beginning + name + "/" for name in omitted)
        self._context = ""
        self._names: dict[int, tuple[str, CodeType]] = {}
        """By identity, since equal functions of two files are equal code; "" for what is outside of the tree."""
        self._foreign: set[int] = set()
        self._called: set[str] = set()
        self._is_running = self._is_paused = False
        self._monitoring: Any = getattr(sys, "monitoring", None)
        self._tool = 0
        self._profiler: Any = None
        self._module: FrameType | None = None
        self._is_test = False
        self.functions: dict[str, set[str]] = {}
        """By context, as "path::qualified name"; "path::" is what runs at import."""
        self.opened: dict[str, set[str]] = {}
        """By context: files of the tree. What looks at names alone is not seen."""
        self.by_statement: dict[str, set[str]] = {}
        """Functions that run outside of tests, by "path:line" of the statement at import for which they do, else ""."""
        self.lost: set[str] = set()
        """Contexts in which another profiler took the place of this one."""

    def start(self) -> None:
        self._is_running = True
        if self._monitoring is not None:
            self._tool = next(each for each in _TOOLS if self._monitoring.get_tool(each) is None)
            self._monitoring.use_tool_id(self._tool, "cicd-agent")
            # A generator that another context began may go on in this one.
            events = self._monitoring.events.PY_START, self._monitoring.events.PY_RESUME
            for event in events:
                self._monitoring.register_callback(self._tool, event, self._on_start)
            self._monitoring.set_events(self._tool, sum(events))
        else:
            import _lsprof  # noqa: PLC0415  what cProfile is made of

            self._profiler = _lsprof.Profiler(subcalls=False, builtins=False)
            threading.settrace(self._on_call)
            self._profiler.enable()
        sys.addaudithook(self._on_audit)

    def switch(self, context: str) -> None:
        if self._is_running:
            self._retain()
            self._context = context
            self._is_test = context.startswith("test:")
            if self._profiler is not None:
                self._profiler.enable()
            else:
                self._monitoring.restart_events()

    def stop(self) -> None:
        if self._is_running:
            self._retain()
            self._is_running = False
            if self._profiler is not None:
                threading.settrace(None)
            else:
                self._monitoring.set_events(self._tool, 0)
                self._monitoring.free_tool_id(self._tool)

    def _retain(self) -> None:
        """Assign what was called to the context that ends."""
        if self._profiler is not None:
            if sys.getprofile() is not self._profiler and not self._is_paused and self._module is None:
                self.lost.add(self._context)
            sys.setprofile(None)
            self._profiler.disable()
            self._is_paused, self._module = False, None
            # Most of them are known, and not of the tree.
            foreign = self._foreign
            called = {self._name(entry[0]) for entry in self._profiler.getstats() if id(entry[0]) not in foreign}
            self._called |= called
            if not self._is_test:
                loose = {name for name in called if name and not name.endswith("::")}
                if loose:
                    self.by_statement.setdefault("", set()).update(loose)
            self._profiler.clear()
        # Other threads go on meanwhile.
        called, self._called = self._called, set()
        called.discard("")
        if called:
            self.functions.setdefault(self._context, set()).update(called)

    def _on_start(self, code: CodeType, _offset: int) -> object:
        name = self._name(code)
        self._called.add(name)
        if self._is_test or not name:
            return self._monitoring.DISABLE
        self._assign(name, sys._getframe(1))  # noqa: SLF001  the one that starts
        return None

    def _on_profile(self, frame: FrameType, event: str, _argument: object) -> None:
        if event == "call" and (name := self._name(frame.f_code)):
            self._called.add(name)
            self._assign(name, frame)
            if self._module is None:
                self._module = frame
        elif event == "return" and frame is self._module:
            self._module = None
            self._profiler.enable()

    def _assign(self, name: str, frame: FrameType) -> None:
        """Note for which statement of which module, or body of a class, this function runs: the innermost one."""
        if name.endswith("::"):
            return
        statement = ""
        caller = frame.f_back
        while caller is not None and not statement:
            at_import = not caller.f_code.co_flags & _OPTIMIZED and self._name(caller.f_code)
            if at_import and at_import.endswith("::"):
                statement = at_import[:-1] + str(caller.f_lineno)
            caller = caller.f_back
        self.by_statement.setdefault(statement, set()).add(name)

    def _on_call(self, frame: FrameType, _event: str, _argument: object) -> None:
        """In a thread that was begun meanwhile: a profiler sees its own alone."""
        self._called.add(self._name(frame.f_code))

    def _on_audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        # Such a hook is called very often, and nobody can take it away again.
        if event == "open" and self._is_running:
            path = self._below(arguments[0])
            if path and not (path.endswith(".py") and _by_reader()):
                files = self.opened.setdefault(self._context, set())
                if len(files) < _MAX_FILES:
                    files.add(path)
        elif self._profiler is None or self._is_test or not self._is_running:
            return
        elif event == "compile":
            # Pytest rewrites this module in Python, which the profiler would slow down by half.
            if self._below(arguments[1]).endswith(".py") and _by_reader():
                self._is_paused = True
                sys.setprofile(None)
        elif event == "exec" and getattr(arguments[0], "co_name", "") == "<module>" and self._name(arguments[0]):
            # A profiler in C does not tell who calls, which matters here.
            self._is_paused = False
            sys.setprofile(self._on_profile)

    def _below(self, location: object) -> str:
        """Its path in the tree, "" for what is elsewhere, no path, or a cache."""
        if not isinstance(location, (str, bytes)):
            return ""
        name = os.fsdecode(location)
        path = os.path.abspath(name) if not name.startswith("<") else ""
        return path[len(self._beginning) :] if path.startswith(self._beginning) and "/__pycache__/" not in path else ""

    def _name(self, code: CodeType) -> str:
        known = self._names.get(id(code))
        if known is None:
            known = self._names[id(code)] = self._named(code), code
            if not known[0]:
                self._foreign.add(id(code))
        return known[0]

    def _named(self, code: CodeType) -> str:
        if code.co_filename.startswith("<"):
            return ""
        # With `.` on sys.path there is a `/./` in the name of each file.
        path = os.path.abspath(code.co_filename)
        if not path.startswith(self._beginning) or path.startswith(self._omitted) or "/site-packages/" in path:
            return ""
        location = path[len(self._beginning) :] + "::"
        if code.co_name == "<module>":
            return location
        qualified: str | None = getattr(code, "co_qualname", None)
        if qualified is None:
            # Before Python 3.11 it has none: whoever reads the source finds it by the line.
            return location + str(code.co_firstlineno)
        # The body of a class runs where the class is defined.
        return location + (qualified if code.co_flags & _OPTIMIZED else qualified.rpartition(".<locals>.")[0])


def _by_reader() -> bool:
    """Whether a source is opened to be imported, measured or quoted: its functions are known otherwise."""
    frame = sys._getframe(2)  # noqa: SLF001  the hook is called by whoever opens
    for _ in range(4):
        path = frame.f_code.co_filename
        if path.startswith("<frozen importlib") or path.endswith(_READERS) or "/coverage/" in path:
            return True
        if frame.f_back is None:
            return False
        frame = frame.f_back
    return False
