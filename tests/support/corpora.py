"""Reads the corpora: fixture projects, hostile tests and good ones, all of them data below `corpus`."""

import ast
import hashlib
import os
import platform
import socket
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from cicd_agent.analysis.python_tests.static.scope import Surroundings
from cicd_agent.domain.trials.candidate import Candidate, Expectation, Hurdle, Origin

CORPUS = Path(__file__).parents[1] / "corpus"
_HERE = {
    "PROCESSORS_HERE": str(os.cpu_count()),
    "PYTHON_HERE": platform.python_version(),
    "HOST_HERE": socket.gethostname(),
}
"""What stands in samples for what this machine happens to be."""


@dataclass(frozen=True)
class Project:
    """A tree as it is after its change, and what the changed files were before."""

    name: str

    @cached_property
    def head(self) -> dict[str, str]:
        """Texts by path."""
        return _texts(CORPUS / "projects" / self.name / "head")

    @cached_property
    def base(self) -> dict[str, str]:
        """Those of the changed files, by path."""
        return _texts(CORPUS / "projects" / self.name / "base")

    @property
    def tests(self) -> dict[str, str]:
        """Test modules and conftests, by path."""
        return {path: text for path, text in self.head.items() if path.startswith("tests/")}

    @property
    def fixtures(self) -> tuple[str, ...]:
        """Names of its own fixtures."""
        return tuple(
            node.name
            for text in self.tests.values()
            for node in ast.parse(text).body
            if isinstance(node, ast.FunctionDef) and any("fixture" in ast.unparse(each) for each in node.decorator_list)
        )


@dataclass(frozen=True)
class Sample:
    """One test of a corpus. `falls` is the hurdle at which it must fall at the latest, None for a good one.

    `judge` is set where the text can only be refused by more than its own: "documentation" for a snapshot of what the
    documentation says otherwise, "repair" for one that is only mistaken, and may be kept once that is mended.
    `beside` is a test of the same run that fails, and is reported as a possible bug.
    """

    name: str
    kind: str
    project: Project
    candidate: Candidate
    falls: Hurdle | None = None
    judge: str = ""
    beside: Candidate | None = None

    @property
    def surroundings(self) -> Surroundings:
        """What it is judged beside."""
        path = self.candidate.path
        return Surroundings(
            source=self.project.head[path],
            modules=self.project.tests,
            paths=tuple(self.project.head),
            module=path.removeprefix("src/").removesuffix(".py").replace("/", "."),
            fixtures=self.project.fixtures,
        )


def samples(corpus: str) -> Iterator[Sample]:
    """Those of "hostile" or "good", by name."""
    projects: dict[str, Project] = {}
    for path in sorted((CORPUS / corpus).glob("*.py")):
        says, text = _read(path)
        beside = _read(CORPUS / "beside" / f"{says['beside']}.py") if "beside" in says else None
        project = projects.setdefault(says["project"], Project(says["project"]))
        yield Sample(
            path.stem,
            says["kind"],
            project,
            candidate(text, says["path"], says["function"]),
            Hurdle(says["falls"]) if "falls" in says else None,
            says.get("judge", ""),
            beside
            and replace(
                candidate(beside[1], says["path"], says["function"]),
                expectation=Expectation.DOCSTRING,
                quote=beside[0]["quote"],
            ),
        )


def _read(path: Path) -> tuple[dict[str, str], str]:
    """What the head of a sample says, and its text."""
    header, _, text = path.read_text("utf-8").partition("\n\n")
    for word, value in _HERE.items():
        text = text.replace(word, value)
    return dict(line.removeprefix("# ").split(": ", 1) for line in header.splitlines()), text


def candidate(text: str, path: str, function: str) -> Candidate:
    """The last test function of a text, its first imports apart from it."""
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        body = []
    lines = text.splitlines()
    imports = []
    last = 0
    for node in body:
        if not isinstance(node, ast.Import | ast.ImportFrom):
            break
        imports.append("\n".join(lines[node.lineno - 1 : node.end_lineno]))
        last = node.end_lineno or 0
    names = [node.name for node in body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return Candidate(
        key=hashlib.sha256(f"{path}\0{text}".encode()).hexdigest()[:16],
        path=path,
        function=function,
        name=next((name for name in reversed(names) if name.startswith("test")), "test_unnamed"),
        imports=tuple(imports),
        code="\n".join(lines[last:]).strip("\n") + "\n",
        origin=Origin.MODEL,
        expectation=Expectation.CODE,
    )


def _texts(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text("utf-8")
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
