"""Every attack, on every tier that this machine has, as whoever runs the tests and, if that is root, as a user too."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cicd_agent.adapters.sandbox.sandbox import LocalSandbox
from cicd_agent.domain.trials.sandbox import SandboxUnavailable, Tier
from tests.adapters.sandbox.attacks import ATTACKS, Attack
from tests.adapters.sandbox.range import TIERS, Outcome, outcomes, sandbox

ROOT = Path(__file__).parents[3]
NOBODY = "65534"
NEWEST, WITHOUT_SCOPES = 99, 1
# Where only the filter stands between the command and its user's files and processes.
DELICATE = ("writes outside", "signals", "kill everything", "TCP to loopback", "chain of forks", "fork bomb", "daemon")


@pytest.fixture(scope="module")
def scratch() -> Iterator[Path]:
    """A place that any user can reach, which pytest's own is not."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        path.chmod(0o777)
        yield path


@pytest.fixture(scope="module", params=TIERS)
def box(request: pytest.FixtureRequest, scratch: Path) -> LocalSandbox:
    found = sandbox(request.param, NEWEST, scratch)
    try:
        found.tier()
    except SandboxUnavailable as error:
        pytest.skip(f"this machine does not have it: {error.why}")
    return found


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_nothing_leaks_and_nothing_stays(attack: Attack, box: LocalSandbox, scratch: Path) -> None:
    (outcome,) = outcomes(box, scratch, [attack.name])
    assert faults(outcome) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="the tests are run by an ordinary user already")
@pytest.mark.parametrize("tier", [tier for tier in Tier if tier not in {Tier.NONE, Tier.BUBBLEWRAP}])
def test_nothing_leaks_of_an_ordinary_users(tier: Tier, scratch: Path) -> None:
    assert faults(*run_as_user(tier, NEWEST, scratch)) == []


@pytest.mark.parametrize(
    ("tier", "landlock"), [(Tier.LANDLOCK, WITHOUT_SCOPES), (Tier.NAMESPACES, 0), (Tier.BUBBLEWRAP, 0)]
)
def test_older_kernels_hold_too(tier: Tier, landlock: int, scratch: Path) -> None:
    assert faults(*run_as_user(tier, landlock, scratch, *DELICATE)) == []


@pytest.mark.parametrize("name", [attack.name for attack in ATTACKS if attack.control])
def test_each_attack_works_where_nothing_keeps_it_in(name: str, scratch: Path) -> None:
    (outcome,) = outcomes(sandbox(Tier.NONE, NEWEST, scratch), scratch, [name])
    assert outcome.leaks, outcome.said


def faults(*outcomes: Outcome) -> list[str]:
    """What went wrong with attacks that had to fail."""
    limits = {attack.name: attack.stop or "" for attack in ATTACKS}
    found = []
    for outcome in outcomes:
        what = [*outcome.leaks, *(line for line in outcome.said.splitlines() if line.startswith("Traceback"))]
        if outcome.orphans:
            what.append(f"{outcome.orphans} processes left")
        if outcome.stopped != limits[outcome.attack]:
            what.append(f"ended by {outcome.stopped or 'itself'}, not by {limits[outcome.attack] or 'itself'}")
        found += [f"{outcome.attack}: {one}" for one in what]
    return found


def run_as_user(tier: Tier, landlock: int, scratch: Path, *names: str) -> list[Outcome]:
    """The attacks as a user who is not root."""
    if os.geteuid() != 0:
        try:
            return [*outcomes(sandbox(tier, landlock, scratch), scratch, names)]
        except SandboxUnavailable as error:
            pytest.skip(f"this machine does not have it: {error.why}")
    program = [ordinary_python(), "-B", str(ROOT / "tests/adapters/sandbox/range.py")]
    done = subprocess.run(
        [*as_nobody(), *program, tier, str(landlock), str(scratch), *names],
        capture_output=True,
        check=False,
        cwd="/",
        env={
            "PATH": os.defpath,
            "HOME": "/nonexistent",
            "RUNNER_ENVIRONMENT": os.environ.get("RUNNER_ENVIRONMENT", ""),
        },
    )
    assert done.returncode == 0, done.stderr.decode()
    told = [json.loads(line) for line in done.stdout.splitlines()]
    if "unavailable" in told[0]:
        pytest.skip(f"this machine does not have it: {told[0]['unavailable']}")
    assert len(told) == len(names or ATTACKS)
    return [Outcome(**{**one, "leaks": tuple(one["leaks"])}) for one in told]


def as_nobody() -> list[str]:
    return ["setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"]


def ordinary_python() -> str:
    """An interpreter that an ordinary user can run on our sources; root's own may lie in its home."""
    if not shutil.which("setpriv"):
        pytest.skip("there is no setpriv to become an ordinary user with")
    why = ""
    # setpriv can still start what its user cannot: the second start is the user's own.
    check = f"""
import os, subprocess, sys
subprocess.run([os.path.realpath(sys.executable), "-c", ""], check=True)
sys.path.append({str(ROOT / "src")!r})
import cicd_agent.adapters.sandbox.sandbox
"""
    for python in (str(Path(sys.executable).resolve()), "/usr/bin/python3", "/usr/local/bin/python3"):
        done = subprocess.run(
            [*as_nobody(), python, "-B", "-c", check], capture_output=True, text=True, check=False, cwd="/"
        )
        if done.returncode == 0:
            return python
        why = done.stderr.strip().splitlines()[-1]
    pytest.skip(f"no interpreter and checkout that an ordinary user can read: {why}")
