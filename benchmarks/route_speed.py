"""What a decision of `route` costs with 10,000 files and 20,000 commits, beside `git log` over all of them.

`python benchmarks/route_speed.py [--files N] [--commits N]`

The repository is made with `git fast-import` in a temporary folder; nothing leaves the machine and no model is asked.
CPU seconds are those of the process and its children, user and system. Exit code 1 tells of a goal that was missed.
"""

import argparse
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.support.repos import TempRepo

GOAL = 2.0
START = 1_600_000_000
PACE = 5_000
"""Seconds between two commits: three years for 20,000 of them."""
PEOPLE = 120
SUBJECTS = (
    "Fix the reader of empty lists",
    "Add a cache of what was asked before",
    "Say what is missing",
    "Move the table to its own module",
    "Update dependencies",
    'Revert "Add a cache of what was asked before"',
)
_LOG = ("git", "log", "--no-merges", "--format=%H")
ROOT = Path(__file__).resolve().parent.parent


def stream(files: int, commits: int) -> Iterator[bytes]:
    """What `git fast-import` reads: all files at first, then commits that each rewrite some lines of a few."""
    chance = random.Random(20_000)  # noqa: S311  the same repository each time
    names = [f"{_folder(number)}/module_{number}.py" for number in range(files)]
    texts = [[f"value_{line} = {line * number}" for line in range(30)] for number in range(files)]
    for commit in range(commits):
        subject = chance.choice(SUBJECTS)
        body = f"{subject} ({commit})\n\nBecause it was due.\n"
        if subject.startswith("Revert") and commit:
            body += f"\nThis reverts commit {chance.getrandbits(160):040x}.\n"
        touched = range(files) if not commit else _touched(chance, files)
        person, when, message = int(PEOPLE * chance.random() ** 2), START + PACE * commit, body.encode()
        yield b"commit refs/heads/main\nmark :%d\n" % (commit + 1)
        yield b"committer Person %d <person.%d@example.com> %d +0000\n" % (person, person, when)
        yield b"data %d\n%s" % (len(message), message)
        for number in touched:
            text = texts[number]
            for _ in range(chance.randint(1, 4)):
                text[chance.randrange(len(text))] = f"value_{commit} = {chance.randint(0, 10**6)}"
            if chance.random() < 0.3:
                text.append(f"more_{commit} = {commit}")
            content = "\n".join(text).encode()
            yield b"M 100644 inline %s\ndata %d\n%s\n" % (names[number].encode(), len(content), content)
        yield b"\n"
    yield b"done\n"


def _touched(chance: random.Random, files: int) -> set[int]:
    """A few files near one another, and now and then one from afar, as people work."""
    centre = int(files * chance.random() ** 2)
    near = {(centre + chance.randint(-40, 40)) % files for _ in range(chance.choice((1, 1, 1, 2, 2, 3, 5, 8)))}
    return near | ({chance.randrange(files)} if chance.random() < 0.2 else set())


def _folder(number: int) -> str:
    return f"src/part_{number // 1000}/area_{number // 100 % 10}/group_{number // 20 % 5}"


def build(place: Path, files: int, commits: int) -> TempRepo:
    """The repository, packed as a clone from GitHub would be, with its files in the working tree."""
    repo = TempRepo(place)
    with tempfile.TemporaryFile() as told:
        told.writelines(stream(files, commits))
        told.seek(0)
        command = ["git", "fast-import", "--quiet", "--done"]
        subprocess.run(command, cwd=place, env=repo.env, stdin=told, check=True)
    repo.git("repack", "-adfq", "--depth=50")
    repo.git("reset", "--quiet", "--hard", "main")
    return repo


def cpu(command: Sequence[str], cwd: Path, env: dict[str, str]) -> float:
    """CPU seconds of a command and all that it started."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{' '.join(command[:4])} ended with {done.returncode}:\n{done.stderr.decode()[-2000:]}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> int:
    """Build, measure, tell."""
    parser = argparse.ArgumentParser(description="Measure the CPU time of `cicd-agent route`.")
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--commits", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="route-speed-") as folder:
        repo = build(Path(folder, "repository"), given.files, given.commits)
        env = {"PATH": os.environ["PATH"], "HOME": folder, "PYTHONPATH": str(ROOT / "src")}
        route = [sys.executable, "-m", "cicd_agent", "route", "--base", "HEAD~1", "--head", "HEAD"]
        ours = statistics.median(cpu(route, repo.path, env) for _ in range(given.runs))
        logs = {
            kind: statistics.median(cpu([*_LOG, f"--{kind}", "HEAD"], repo.path, repo.env) for _ in range(given.runs))
            for kind in ("numstat", "name-only")
        }
    print(f"{given.files:,} files, {given.commits:,} commits; CPU seconds, median of {given.runs}")
    print(f"  cicd-agent route     {ours:.2f}")
    for kind, seconds in logs.items():
        print(f"  git log {f'--{kind}':<12} {seconds:.2f}")
    holds = ours <= GOAL
    print(f"{'holds ' if holds else 'MISSED'} {ours:.2f} of at most {GOAL:.1f} CPU seconds")
    return 0 if holds else 1


if __name__ == "__main__":
    raise SystemExit(main())
