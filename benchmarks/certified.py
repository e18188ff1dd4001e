"""Holds a certificate of generated tests to what it says, with plain pytest and copies on disk and nothing of ours."""

import os
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.real_change import MODULE, RealChange

LONGEST = 60
_FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)


@dataclass(slots=True)
class Checked:
    """What came of the checks; `wrong` are the claims that do not hold, a line each."""

    fresh: int = 0
    flips: int = 0
    claimed: int = 0
    noticed: int = 0
    wrong: list[str] = field(default_factory=list)


def check(change: RealChange, certificate: dict[str, Any], patch: Path, copy: Path, fresh: int) -> Checked:
    """All kept tests in `fresh` processes, and each fault that one of them is said to notice."""
    checked = Checked()
    shutil.copytree(change.repo, copy, ignore=shutil.ignore_patterns(".git"))
    kept = {f"{test['file']}::{test['name']}": test for test in certificate["tests"]}
    if not kept:
        return checked
    subprocess.run(["git", "apply", str(patch.resolve())], cwd=copy, check=True, capture_output=True)
    for number in range(fresh):
        failed = failures(copy, [*kept], hash_seed=number)
        checked.fresh += 1
        checked.flips += failed is None or bool(failed)
        if failed is None or failed:
            checked.wrong.append(f"{change.name}: with hash seed {number}: {failed or 'pytest did not end'}")
    _check_faults(change, kept, copy, checked)
    return checked


def _check_faults(change: RealChange, kept: dict[str, dict[str, Any]], copy: Path, checked: Checked) -> None:
    """A certificate names a fault by line and words; where two are called the same, either may be meant."""
    claims: dict[tuple[int, str], list[str]] = defaultdict(list)
    for nodeid, test in kept.items():
        for kill in test["kills"]:
            claims[kill["line"], kill["fault"]].append(nodeid)
    for (line, words), nodeids in claims.items():
        meant = [fault for fault in change.faults if (fault.line, fault.words) == (line, words)]
        by: dict[str, int] = defaultdict(int)
        for fault in meant:
            text = change.after[: fault.start] + fault.replacement + change.after[fault.end :]
            (copy / MODULE).write_text(text, "utf-8")
            failed = failures(copy, sorted(set(nodeids)))
            for nodeid in set(nodeids):
                by[nodeid] += failed is None or nodeid in failed
        for nodeid in set(nodeids):
            claimed = nodeids.count(nodeid)
            checked.claimed += claimed
            checked.noticed += min(by[nodeid], claimed)
            if by[nodeid] < claimed:
                checked.wrong.append(f"{change.name}: {nodeid} does not notice {words} in line {line}")
    (copy / MODULE).write_text(change.after, "utf-8")


def passing(change: RealChange, folder: Path, candidate: dict[str, Any]) -> bool:
    """Whether a candidate as it was proposed passes in a module of its own."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(change.repo, folder, ignore=shutil.ignore_patterns(".git"))
    path = folder / "tests/test_candidate.py"
    path.write_text("\n".join([*candidate["imports"], "", candidate["code"], ""]), "utf-8")
    return failures(folder, ["tests/test_candidate.py"]) == frozenset()


def failures(folder: Path, nodeids: Sequence[str], hash_seed: int = 0) -> frozenset[str] | None:
    """Node ids (parametrised cases by their function) that fail with plain pytest; None when it does not end."""
    line = [sys.executable, "-m", "pytest", "-q", "--tb=no", "-rfE", "-p", "no:cacheprovider", *nodeids]
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONDONTWRITEBYTECODE": "1",
        # Plain, and half as slow: Hypothesis is imported by its plugin for every summary.
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONHASHSEED": str(hash_seed),
        # Of several tests each has to be told by its whole name.
        "COLUMNS": "400",
    }
    try:
        ran = subprocess.run(
            line, cwd=folder, env=environment, capture_output=True, text=True, timeout=LONGEST, check=False
        )
    except subprocess.TimeoutExpired:
        return None
    found = frozenset(found.partition("[")[0] for found in _FAILED.findall(ran.stdout))
    return found or (frozenset() if ran.returncode == 0 else frozenset(nodeids))
