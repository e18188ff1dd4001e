"""Asks an interpreter what it is and what is installed for it: in the sandbox, since a change may have brought it."""

import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cicd_agent.domain.ports.test_runner import PytestUnavailable
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.trials.sandbox import Limits, Sandbox, SandboxUnavailable

OLDEST = (3, 9)
"""The oldest Python that tests can be tried with."""

_LIMITS = Limits(wall_seconds=60, memory_bytes=1 << 30, disk_bytes=64 << 20, output_bytes=1 << 20)
_MARK = "cicd-agent-probe:"
# For any Python: an old one has to get as far as saying how old it is.
_PROGRAM = r"""
import sys
told = {"version": list(sys.version_info[:3])}
if sys.version_info >= (3, 9):
    import ast, os, platform, site, sysconfig
    from importlib import metadata
    told["implementation"] = sys.implementation.name
    told["machine"] = platform.machine()
    told["libc"] = [str(part) for part in platform.libc_ver()]
    told["threaded"] = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
    requested, name, versions, editable, compiled = sys.argv[1].split(), sys.argv[2], {}, [], False
    def located(url):
        from urllib.parse import unquote, urlsplit
        parts = urlsplit(url)
        return unquote(parts.path) if parts.scheme == "file" else ""
    def plain(text):
        return "".join(part for part in text.lower() if part.isalnum())
    for entry in [entry for entry in sys.path if os.path.isdir(entry)]:
        for found in metadata.distributions(path=[entry]):
            try:
                called = found.metadata["Name"] or ""
            except Exception:
                continue
            if called.lower() in requested:
                versions.setdefault(called.lower(), str(found.version))
            if name and plain(called) == plain(name):
                told["installed"] = True
                compiled = compiled or any(str(file).endswith((".so", ".pyd")) for file in found.files or ())
            import json
            try:
                about = json.loads(found.read_text("direct_url.json") or "{}")
                if about.get("dir_info", {}).get("editable"):
                    editable.append(located(about["url"]))
            except Exception:
                pass
        try:
            files = sorted(os.listdir(entry))
        except OSError:
            continue  # a path of somewhere else, which the sandbox does not show
        for file in files:
            try:
                where = os.path.join(entry, file)
                if file.endswith(".pth"):
                    with open(where, encoding="utf-8", errors="replace") as lines:
                        told.setdefault("entries", []).extend(
                            line.strip() for line in lines if line.strip().startswith("/"))
                elif file.startswith("__editable__") and file.endswith(".py"):
                    with open(where, encoding="utf-8", errors="replace") as text:
                        for node in ast.walk(ast.parse(text.read())):
                            if isinstance(node, (ast.Assign, ast.AnnAssign)) and isinstance(node.value, ast.Dict):
                                for package, path in ast.literal_eval(node.value).items():
                                    if isinstance(path, str) and path.startswith("/"):
                                        up = path
                                        for _ in package.split("."):
                                            up = os.path.dirname(up)
                                        told.setdefault("entries", []).append(up)
            except Exception:
                pass
    told["versions"], told["editable"], told["compiled"] = versions, editable[:500], compiled
    told["entries"] = told.get("entries", [])[:500]
import json
sys.stdout.write("\n" + MARK + json.dumps(told) + "\n")
"""

_Word = Annotated[str, Field(max_length=100, pattern=r"^[A-Za-z0-9_.+!-]*$")]
_Path = Annotated[str, Field(max_length=4_096)]


class InterpreterInfo(BaseModel):
    """What an interpreter says of itself. It may lie: nothing is opened, named or run for its word alone."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    version: tuple[int, int, int]
    implementation: _Word = ""
    machine: _Word = ""
    libc: tuple[_Word, _Word] = ("", "")
    threaded: bool = False
    """Whether it is built to run threads at once, which has an ABI of its own."""
    versions: dict[_Word, _Word] = {}
    editable: Annotated[list[_Path], Field(max_length=500)] = []
    """Where distributions that are installed for editing have their source."""
    entries: Annotated[list[_Path], Field(max_length=500)] = []
    """What `.pth` files and import hooks of such distributions put on the module path."""
    installed: bool = False
    """Whether the project itself is."""
    compiled: bool = False
    """Whether that has modules that are not Python's."""

    @property
    def number(self) -> str:
        return ".".join(map(str, self.version))


def probe(
    python: Path,
    sandbox: Sandbox,
    readable: Sequence[Path],
    environment: Mapping[str, str],
    *,
    requested: Sequence[str],
    name: str = "",
) -> InterpreterInfo:
    """What the interpreter says. `requested` are the distributions whose versions count, `name` is the project's own.

    Raises PytestUnavailable when it does not start, is too old, or says nothing that makes sense.
    """
    program = _PROGRAM.replace("MARK", repr(_MARK))
    with tempfile.TemporaryDirectory(prefix="cicd-agent-probe-") as empty:
        try:
            ran = sandbox.run(
                [str(python), "-I", "-c", program, " ".join(requested), name],
                Path(empty),
                limits=_LIMITS,
                readable=readable,
                environment=environment,
            )
        except SandboxUnavailable as error:
            raise PytestUnavailable(error.what, why=error.why, remedy=error.remedy) from error
    lines = [line for line in ran.stdout.decode("utf-8", "replace").splitlines() if line.startswith(_MARK)]
    if not lines or ran.stopped or ran.exit_code:
        text = ran.stderr.decode("utf-8", "replace").strip().splitlines() or [""]
        reason = f"limit of {ran.stopped.value}" if ran.stopped else f"exit {ran.exit_code}"
        last = visible_line(re.sub(r"\s+", " ", text[-1]))[:200]
        raise PytestUnavailable(
            f"`{python}` does not run in the sandbox",
            why=f"{reason}{f': {last}' if last else ''}",
            remedy="Name an interpreter that does with `python`",
        )
    try:
        info = InterpreterInfo.model_validate_json(lines[-1].removeprefix(_MARK))
    except ValidationError as error:
        raise PytestUnavailable(
            f"`{python}` does not say what it is",
            why=f"{error.error_count()} of its words make no sense",
            remedy="Name another interpreter with `python`",
        ) from error
    if info.version[:2] < OLDEST:
        raise PytestUnavailable(
            f"`{python}` is Python {info.number}",
            why="tests are tried with Python 3.9 and later",
            remedy="Name a newer one with `python`",
        )
    return info
