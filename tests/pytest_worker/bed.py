"""A small module in this process, and mutants of it: what trying them is tested on."""

import importlib.util
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cicd_agent.pytest_worker.mutation import try_mutants

Check = Callable[[], object]


class Bed:
    """A module on the disk, loaded, with checks of it that stand for tests, and mutants of its text."""

    def __init__(self, top: Path, name: str, text: str) -> None:
        self.path = f"{name}.py"
        self.text = textwrap.dedent(text)
        (top / self.path).write_bytes(self.text.encode())
        spec = importlib.util.spec_from_file_location(name, top / self.path)
        assert spec is not None
        assert spec.loader is not None
        self.module: Any = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.module)
        self.checks: dict[str, Check] = {}
        self.top = str(top)
        self.read: Callable[[str], str] = lambda _: self.text

    def mutant(self, old: str, new: str, nth: int = 0) -> dict[str, Any]:
        start = -1
        for _ in range(nth + 1):
            start = self.text.index(old, start + 1)
        return {
            "id": f"{old}>{new}",
            "path": self.path,
            "line": self.text.count("\n", 0, start) + 1,
            "start": start,
            "end": start + len(old),
            "replacement": new,
        }

    def run(self, tests: list[str]) -> tuple[str, str] | None:
        for name in tests:
            try:
                self.checks[name]()
            except Exception as error:  # noqa: BLE001  as pytest does
                return name, type(error).__name__
        return None

    def tried(self, *mutants: dict[str, Any], seconds: float = 20.0) -> list[dict[str, Any]]:
        return try_mutants(list(mutants), self.read, self.run, lambda _: list(self.checks), seconds, self.top)

    def fate(self, old: str, new: str, check: Check, **more: Any) -> tuple[str, str]:
        self.checks = {"test": check}
        (outcome,) = self.tried(self.mutant(old, new), **more)
        return outcome["fate"], outcome["exception"] or outcome["detail"]


def check(truth: object) -> None:
    assert truth
