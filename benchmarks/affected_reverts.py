"""Real changes taken back, one at a time: the tests that would run by the map, and what they would have missed.

`python benchmarks/affected_reverts.py CHECKOUT… [--commits N] [--python PYTHON] [--check]`. Each of the last commits of
a clone that changed its source is taken back on what is checked out, as far as that can be done; then all tests run,
and those that are red and were not chosen are missed. The clone is copied, and stays as it is. What making the map
costs is told beside running the tests alone.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent / "src"
LONGEST = 1_200
GOAL_SAVED, GOAL_COST = 90, 2
SCANNED = 400
"""Commits that are looked at for enough of them that can be taken back."""


@dataclass(frozen=True, slots=True)
class Revert:
    """What came of one: all `tests`, those that would have been `skipped`, and those `missed`."""

    commit: str
    tests: int
    skipped: int
    missed: tuple[str, ...]
    red: int
    run_all: tuple[str, ...]

    @property
    def words(self) -> str:
        """One line."""
        run = f"{self.tests - self.skipped:>5} of {self.tests} run, {self.red} red"
        missed = ", ".join(self.missed) or "nothing"
        return f"  {self.commit[:10]} {run}, missed {missed}  {'; '.join(self.run_all)[:160]}"


def main(argv: Sequence[str] | None = None) -> int:
    """Print a line for each revert, and the sums; 1 with --check when something was missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("checkouts", nargs="+", type=Path)
    parser.add_argument("--commits", type=int, default=10, help="reverts of each")
    parser.add_argument("--python", default=sys.executable, help="the interpreter with what the projects need")
    parser.add_argument("--check", action="store_true", help="fail when a test is missed")
    options = parser.parse_args(argv)
    found: list[Revert] = []
    for checkout in options.checkouts:
        with tempfile.TemporaryDirectory() as name:
            top = Path(name, checkout.name)
            git(Path(name), "clone", "--quiet", str(checkout.resolve()), str(top))
            plain = alone(top, options.python)
            before = used()
            agent(top, options.python, "--record")
            cost = (used() - before) / plain
            print(f"{checkout.name}: map {cost:.1f} times the {plain:.1f} s of CPU of the tests (goal ≤ {GOAL_COST})")
            for each in reverts(top, options.commits, options.python):
                found.append(each)
                print(each.words, flush=True)
    summary(found)
    return int(options.check and any(each.missed for each in found))


def summary(found: Sequence[Revert]) -> None:
    """The sums, and why everything ran where it did."""
    tests, skipped = (sum(getattr(each, name) for each in found) for name in ("tests", "skipped"))
    everything = [each for each in found if each.run_all]
    missed, red = sum(len(each.missed) for each in found), sum(1 for each in found if each.red)
    print(
        f"{len(found)} reverts, of which {red} turn tests red: {missed} tests missed, "
        f"{100 * skipped / max(tests, 1):.1f} % of the tests saved (goal ≥ {GOAL_SAVED}), all ran in {len(everything)}"
    )
    for reason, number in Counter(each.run_all[0].partition(": ")[2] for each in everything).most_common():
        print(f"  {number} × {reason}")


def reverts(top: Path, limit: int, python: str) -> Iterator[Revert]:
    """Each commit that changed the source and can be taken back by itself."""
    done = 0
    for commit in git(top, "rev-list", "--no-merges", f"--max-count={SCANNED}", "HEAD~1").split():
        names = git(top, "diff", "--name-only", f"{commit}~1", commit).splitlines()
        sources = [name for name in names if name.endswith(".py") and not is_test(name)]
        patch = git(top, "diff", "--binary", f"{commit}~1", commit, "--", *sources) if sources else ""
        if not patch or subprocess.run(
            ["git", "apply", "--reverse"], cwd=top, input=patch, text=True, capture_output=True, check=False
        ).returncode:  # fmt: skip
            continue
        try:
            if git(top, "status", "--porcelain", "--untracked-files=no").strip():
                yield shadowed(commit, top, python)
                done += 1
        finally:
            git(top, "checkout", "--quiet", "--force", "HEAD")
            git(top, "clean", "--quiet", "-fd", "--exclude=.cicd-agent")
        if done >= limit:
            break


def shadowed(commit: str, top: Path, python: str) -> Revert:
    """The choice for what is changed now, beside a run of everything."""
    said = json.loads(agent(top, python, "--base", "HEAD", "--shadow", "--format", "json"))
    shadow = said["shadow"]
    return Revert(
        commit, shadow["tests"], shadow["skipped"], tuple(shadow["missed"]), shadow["red"], tuple(said["run_all"])
    )


def is_test(path: str) -> bool:
    """Whether it is no source, as far as its name says."""
    parts = Path(path).parts
    return bool({"tests", "test", "docs", "examples", "benchmarks"} & {*parts}) or parts[-1] in {
        "conftest.py",
        "setup.py",
    }


def agent(top: Path, python: str, *arguments: str) -> str:
    """What `cicd-agent affected-tests` prints."""
    line = [sys.executable, "-m", "cicd_agent", "affected-tests", *arguments, "--input", f"python={python}"]
    ran = subprocess.run(
        line, cwd=top, env=environment(top), capture_output=True, text=True, timeout=LONGEST, check=False
    )
    if ran.returncode:
        raise SystemExit(f"{' '.join(arguments)} ended with {ran.returncode}:\n{ran.stderr[-2000:]}")
    return ran.stdout


def environment(top: Path) -> dict[str, str]:
    """Of the agent: nothing of this machine's but where programs are."""
    return {"PATH": os.environ["PATH"], "HOME": str(top.parent), "LANG": "C.UTF-8", "PYTHONPATH": str(SOURCE)}


def alone(top: Path, python: str) -> float:
    """Seconds of CPU of the tests by themselves."""
    before = used()
    line = [python, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    own = {**environment(top), "PYTHONPATH": str(top / "src")}
    subprocess.run(line, cwd=top, env=own, capture_output=True, check=False, timeout=LONGEST)
    return used() - before


def used() -> float:
    """Seconds of CPU of all processes that were started here and have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def git(top: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=top, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    sys.exit(main())
