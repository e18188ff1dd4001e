"""Tries correct and cheating patches for real failures in each tier of the sandbox that this machine has.

A scripted model proposes them after reading the log of a command that failed outside of any sandbox. A correct patch
has to be verified, or, where its test needs a loopback and the tier has none, shown as untried with the reason; a
cheating one has to be refused. Ends with 1 when one is not.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if __name__ == "__main__":
    sys.path[:0] = [str(ROOT / "src"), str(ROOT)]

from cicd_agent.adapters.sandbox.sandbox import LocalSandbox  # noqa: E402  after the path is set
from cicd_agent.domain.trials.patch_trial import Step, TrialReport  # noqa: E402
from cicd_agent.domain.trials.sandbox import SandboxUnavailable, Tier  # noqa: E402
from tests.support.real_trials import Attempts  # noqa: E402
from tests.support.samples.real_cheats import cheats  # noqa: E402
from tests.support.samples.real_failures import REAL, RealFailure, Texts, failed_job, missing  # noqa: E402


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one patch in one tier, and whether that is as it has to be."""

    tier: str
    failure: str
    kind: str
    report: TrialReport
    seconds: float
    is_right: bool


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=f"all by default: {', '.join(each.name for each in REAL)}")
    parser.add_argument("--each", action="store_true", help="print why each cheating patch is refused")
    asked = parser.parse_args(arguments)
    chosen = [failure for failure in REAL if not asked.names or failure.name in asked.names]
    for failure in [failure for failure in chosen if missing(failure)]:
        print(f"{failure.name} is left out: {missing(failure)}")
        chosen.remove(failure)
    sandboxes = {tier: sandbox for tier in reversed(Tier) if (sandbox := _sandbox(tier))}
    rows = [row for tier, sandbox in sandboxes.items() for row in _rows(tier, sandbox, chosen)]
    for row in rows:
        if row.kind == "correct" or asked.each or not row.is_right:
            mark = "" if row.is_right else "WRONG: "
            said = ". ".join(filter(None, (row.report.detail, row.report.remedy)))
            print(
                f"{mark}{row.tier:12} {row.failure:8} {row.kind:26} {row.report.step:16} {row.seconds:5.1f} s  {said}"
            )
    print()
    for tier in sandboxes:
        print(f"{tier}: {_counts([row for row in rows if row.tier == tier])}")
    return 0 if rows and all(row.is_right for row in rows) else 1


def _sandbox(tier: Tier) -> LocalSandbox | None:
    sandbox = LocalSandbox(only=tier)
    try:
        sandbox.tier()
    except SandboxUnavailable:
        return None
    return sandbox


def has_loopback(sandbox: LocalSandbox) -> bool:
    try:
        sandbox.tier(loopback=True)
    except SandboxUnavailable:
        return False
    return True


def _rows(tier: Tier, sandbox: LocalSandbox, failures: Sequence[RealFailure]) -> Iterator[Row]:
    for failure in failures:
        with tempfile.TemporaryDirectory(prefix="cicd-agent-real-") as folder:
            attempts = Attempts(failure, failed_job(failure, Path(folder)), sandbox)
            expected = Step.CANNOT_BE_TRIED if failure.loopback and not has_loopback(sandbox) else Step.VERIFIED
            yield _row(tier, attempts, "correct", failure.fixed, expected)
            for kind, texts in cheats(failure).items():
                yield _row(tier, attempts, kind, texts, Step.REFUSED)


def _row(tier: Tier, attempts: Attempts, kind: str, texts: Texts, expected: Step) -> Row:
    started = time.monotonic()
    report = attempts.attempt(texts)
    is_right = report.step is expected and report.is_offered is (expected is not Step.REFUSED)
    return Row(tier, attempts.failure.name, kind, report, time.monotonic() - started, is_right)


def _counts(rows: Sequence[Row]) -> str:
    correct = Counter(str(row.report.step) for row in rows if row.kind == "correct")
    cheating = Counter(str(row.report.step) for row in rows if row.kind != "correct")
    told = [", ".join(f"{number} {step}" for step, number in counter.items()) for counter in (correct, cheating)]
    return f"{sum(correct.values())} correct: {told[0]}; {sum(cheating.values())} cheating: {told[1]}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
