"""What a newcomer meets on a real project: every mode once, and ten kinds of misuse, at a terminal without a key.

`python benchmarks/first_run.py [DIR…] [--sdists NAME…] [--cache DIR] [--check]`. Each checkout is cloned, so that it
stays as it is; a source release of the index stands in for a checkout with `git init`, and a second commit that
changes one of its functions. The goal is 0 tracebacks, 0 messages without a remedy, 0 empty promises ("No tests were
written" without a reason), and a first line within 2 s.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]

from benchmarks.releases import history, index_url, releases  # noqa: E402  after the path is set

POPULAR = (
    *("pallets/click", "pallets/flask", "psf/requests", "encode/httpx", "tiangolo/fastapi", "django/django"),
    *("expressjs/express", "axios/axios", "lodash/lodash", "gorilla/mux", "gin-gonic/gin", "spf13/cobra"),
)
"""What is looked for among the checkouts: a directory named like one of them needs no argument of its own."""
SDISTS = ("click", "more-itertools", "marshmallow")
FIRST_LINE = 2.0
SECONDS = 300
GIT = ("git", "-c", "user.name=dev", "-c", "user.email=dev@localhost", "-c", "commit.gpgsign=false")
_TRACEBACK = re.compile(r"^Traceback \(most recent call last\)", re.MULTILINE)
_ERROR = re.compile(r"^cicd-agent: (.+)$", re.MULTILINE)
# What a message tells people to do: an imperative, a spelling that was meant, or where to look.
_REMEDY = re.compile(
    r"(?i)did you mean|--help|\b(?:add|ask|check|choose|commit|correct|create|delete|fetch|give|grant|install|look|"
    r"make|name|pass|put|raise|remove|rename|run|say|see|set|take|try|use|wait|write)\b"
)
_PROMISE = re.compile(r"^No tests were written[.:]?\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Ran:
    """One command: its exit code, the seconds it took and those until its first line, and all that it said."""

    name: str
    code: int
    seconds: float
    first: float
    text: str

    @property
    def faults(self) -> Iterator[str]:
        if self.code not in range(8) or _TRACEBACK.search(self.text):
            yield f"traceback (exit {self.code})"
        if self.first > FIRST_LINE:
            yield f"first line after {self.first:.1f} s"
        if self.code:
            said = _ERROR.findall(self.text)
            if not said:
                yield f"exit {self.code} without a message"
            elif not any(map(_REMEDY.search, said)):
                yield f"no remedy: {said[-1][:160]}"
        if _PROMISE.search(self.text):
            yield "no tests were written, and nothing says why"


def main(argv: Sequence[str] | None = None) -> int:
    """Print a line for each command that has a fault, and the sums; 1 with --check when there is a fault."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("checkouts", nargs="*", type=Path)
    parser.add_argument("--sdists", nargs="*", default=list(SDISTS), help="releases that stand in for checkouts")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir(), "cicd-agent-first-run"))
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args(argv)
    options.cache.mkdir(parents=True, exist_ok=True)
    print("popular repositories that it is for:", ", ".join(POPULAR))
    ran: list[Ran] = []
    with tempfile.TemporaryDirectory(prefix="first-run-") as name:
        place = Path(name)
        program, seconds = install(place)
        print(f"{'installed':34}{seconds:8.1f} s")
        for top in [*clones(options.checkouts, place), *unpacked(options.sdists, options.cache, place)]:
            for each in (*modes(program, top), *misuse(program, top, place)):
                ran.append(each)
                faults = "; ".join(each.faults)
                first = f"{each.first:6.2f} s to the first line"
                print(
                    f"{top.name:16}{each.name:30}exit {each.code:<3}{each.seconds:7.1f} s {first}  {faults}", flush=True
                )
    wrong = [each for each in ran if any(each.faults)]
    tracebacks = sum(bool(_TRACEBACK.search(each.text)) for each in ran)
    print(f"{len(ran)} commands: {tracebacks} tracebacks, {len(wrong)} with a fault (goal 0)")
    return int(options.check and bool(wrong))


def install(place: Path) -> tuple[Path, float]:
    """The command in an environment of its own, as `pip install` makes it, and the seconds that took."""
    started = time.monotonic()
    subprocess.run([sys.executable, "-m", "venv", str(place / "venv")], check=True)
    pip = [str(place / "venv/bin/pip"), "install", "--quiet", "--disable-pip-version-check", str(ROOT)]
    subprocess.run(pip, check=True, stdout=subprocess.DEVNULL)
    return place / "venv/bin/cicd-agent", time.monotonic() - started


def clones(checkouts: Sequence[Path], place: Path) -> Iterator[Path]:
    for checkout in checkouts:
        top = place / checkout.resolve().name
        subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", str(checkout.resolve()), str(top)], check=True)
        yield top


def unpacked(names: Sequence[str], cache: Path, place: Path) -> Iterator[Path]:
    """The newest two releases as commits, with a change of one function on top."""
    for name in names:
        stored, _ = history(name, releases(name, 2, index_url()), cache)
        top = place / name
        subprocess.run(
            ["git", "clone", "--quiet", "--no-hardlinks", "--branch", "main", str(stored), str(top)], check=True
        )
        git(top, "checkout", "--quiet", "-b", "change")
        change(top)
        git(top, "commit", "--quiet", "--all", "--message", "Change a function")
        yield top


def change(top: Path) -> None:
    """Add a function to the largest module that is no test."""
    modules = sorted(top.rglob("*.py"), key=lambda path: -path.stat().st_size)
    source = next(path for path in modules if "test" not in str(path.relative_to(top)) and path.name != "setup.py")
    text = source.read_text("utf-8")
    added = '\n\ndef first_run(value, limit=10):\n    """Half of a value, at most `limit`."""\n'
    source.write_text(f"{text}{added}    return min(value / 2, limit)\n", "utf-8")


def modes(program: Path, top: Path) -> Iterator[Ran]:
    log = top.parent / "failed.log"
    log.write_text(
        "FAILED tests/test_x.py::test_x - assert 1 == 2\nE   assert 1 == 2\n== 1 failed in 0.1s ==\n", "utf-8"
    )
    base = ["--base", git(top, "rev-parse", "HEAD~1").strip()]
    for words in (
        [],
        ["--help"],
        ["doctor"],
        ["review", *base],
        ["route", *base],
        ["gen-tests", *base],
        ["analyse-failure", "--log", str(log)],
        ["deploy-gate", "--environment", "production"],
        ["extract", str(log)],
        ["config", "explain"],
        ["affected-tests", *base],
        ["calibrate", "--help"],
        ["init", "--yes", "--dry-run"],
        ["accuracy"],
        ["cost"],
        ["audit", "list"],
        ["metrics"],
    ):
        yield command(" ".join(words[:1]) or "(nothing)", [str(program), *words], top)


def misuse(program: Path, top: Path, place: Path) -> Iterator[Ran]:
    """Ten slips and worse: each has to end in one line that says what to do."""
    agent = str(program)
    yield command("an unknown mode", [agent, "reveiw"], top)
    yield command("an unknown option", [agent, "review", "--bse", "main"], top)
    yield command("a base that is not there", [agent, "review", "--base", "no-such-branch"], top)
    yield command("no repository", [agent, "review"], fresh(place, "empty"))
    without = fresh(place, "unborn")
    git(without, "init", "--quiet")
    yield command("no commit", [agent, "review"], without)
    yield command("a log that is not there", [agent, "analyse-failure", "--log", "no-such.log"], top)
    binary = place / "binary.log"
    binary.write_bytes(os.urandom(200_000))
    yield command("a binary log", [agent, "analyse-failure", "--log", str(binary)], top)
    broken = place / "event.json"
    broken.write_text("{not json", "utf-8")
    event = {"GITHUB_EVENT_NAME": "pull_request", "GITHUB_EVENT_PATH": str(broken), "GITHUB_ACTIONS": "true"}
    yield command("a broken event", [agent, "review"], top, event)
    config = top / ".github/cicd-agent.yml"
    config.parent.mkdir(exist_ok=True)
    config.write_text("review: [\nmin-severty: high\n", "utf-8")
    yield command("a broken configuration", [agent, "config", "explain"], top)
    config.unlink()
    yield command("no git", [agent, "review"], top, {"PATH": str(place / "venv/bin")})
    yield command("an output that cannot be", [agent, "review", "--output-dir", str(broken)], top)


def fresh(place: Path, name: str) -> Path:
    path = place / name
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir()
    return path


def command(name: str, words: Sequence[str], top: Path, environment: Mapping[str, str] | None = None) -> Ran:
    """Run it without any credential, and note when it says something for the first time."""
    kept = {key: os.environ[key] for key in ("PATH", "LANG", "TMPDIR") if key in os.environ}
    home = top.parent / "home"
    home.mkdir(exist_ok=True)
    started = time.monotonic()
    process = subprocess.Popen(
        words,
        cwd=top,
        env={**kept, "HOME": str(home), "PYTHONUNBUFFERED": "1", **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    killer = threading.Timer(SECONDS, process.kill)
    killer.start()
    first, text = 0.0, b""
    pipe = process.stdout.fileno() if process.stdout is not None else -1
    while part := os.read(pipe, 65_536):
        first = first or time.monotonic() - started
        text += part
    code = process.wait()
    killer.cancel()
    seconds = time.monotonic() - started
    return Ran(name, code, seconds, first or seconds, text.decode("utf-8", "replace"))


def git(top: Path, *words: str) -> str:
    return subprocess.run([*GIT, *words], cwd=top, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    sys.exit(main())
