"""Runs a repository's formatter and linter inside the sandbox: a program of its own, for the project's Python.

Its text is given to `python -I -c`, with a job on standard input's stead: a file at the top of the copy.
"""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from shutil import which
from typing import Any, Optional

SECONDS = 60
_RUFF_CHECK = ["ruff", "check", "--no-cache", "--force-exclude"]
_FORMATTERS = {
    "isort": [sys.executable, "-m", "isort", "--quiet", "--filter-files"],
    "ruff imports": [*_RUFF_CHECK, "--quiet", "--select", "I", "--fix"],
    "black": [sys.executable, "-m", "black", "--quiet"],
    "ruff format": ["ruff", "format", "--no-cache", "--force-exclude", "--quiet"],
}


def main(name: str) -> None:
    """Read the job of this name, do it, and print what came of it."""
    job: dict[str, Any] = json.loads(Path(name).read_text("utf-8"))
    Path(name).unlink()
    files: dict[str, str] = job["files"]
    there = [path for path in files if Path(path).is_file()]
    known = Counter(entry[:3] for entry in _complaints(job, there))
    originals = {path: Path(path).read_bytes() for path in there}
    _format(job, there)
    # A file that was never laid out by these tools is left as its author has it.
    strange = {path for path in there if Path(path).read_bytes() != originals[path]}
    for path, text in files.items():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(text.encode("utf-8", "surrogatepass"))
    fresh: list[list[Any]] = []
    for entry in _complaints(job, list(files)):
        if known[entry[:3]] > 0:
            known[entry[:3]] -= 1
        else:
            fresh.append(list(entry))
    _format(job, [path for path in files if path not in strange])
    texts = {path: Path(path).read_bytes().decode("utf-8", "replace") for path in files}
    sys.stdout.write("\n" + json.dumps({"complaints": fresh[:500], "texts": texts}) + "\n")


def _complaints(job: dict[str, Any], paths: list[str]) -> list[tuple[str, str, str, int]]:
    """Path, rule, message and line of each."""
    results: list[tuple[str, str, str, int]] = []
    if not paths:
        return results
    if "ruff" in job["linters"]:
        text = _output([*_RUFF_CHECK, "--output-format", "json", "--", *paths])
        try:
            entries = json.loads(text or "[]")
        except ValueError:
            entries = []
        for entry in entries:
            path = _path(str(entry.get("filename")), paths)
            row = (entry.get("location") or {}).get("row", 0)
            results.append((path, f"ruff {entry.get('code') or ''}".strip(), str(entry.get("message")), row))
    if "flake8" in job["linters"]:
        text = _output([sys.executable, "-m", "flake8", "--format=%(path)s\t%(row)d\t%(code)s\t%(text)s", "--", *paths])
        for line in (text or "").splitlines():
            parts = line.split("\t", 3)
            if len(parts) == 4 and parts[1].isdigit():  # noqa: PLR2004  the fields of the format
                results.append((_path(parts[0], paths), f"flake8 {parts[2]}", parts[3], int(parts[1])))
    return results


def _format(job: dict[str, Any], paths: list[str]) -> None:
    """Lay files out in place, the imports first as the tools themselves advise."""
    for tool in job["formatters"] if paths else ():
        _output([*_FORMATTERS[tool], "--", *paths])


def _output(command: list[str]) -> Optional[str]:  # noqa: UP045  it runs under Python 3.9
    """What a tool prints, None when it is not installed or comes to no end."""
    program = which(command[0])
    if program is None:
        return None
    try:
        done = subprocess.run(  # noqa: S603  a tool that the repository asks for, inside the sandbox
            [program, *command[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", "replace")


def _path(named: str, paths: list[str]) -> str:
    here = str(Path(named).absolute())
    return next((path for path in paths if str(Path(path).absolute()) == here), named)


if __name__ == "__main__":
    main(sys.argv[1])
