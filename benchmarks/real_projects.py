"""Whether gen-tests works out of the box: the suites of published packages, in each sandbox that this machine has.

Each project is the newest source release of the index in a repository of its own, installed for editing with its test
requirements into an environment of its own, as a job would. Its tests run once as `python -m pytest` does, and then as
the baseline of gen-tests in each tier, which has the time that a job has by default. A test that passes with plain
pytest and is called `failing` is wrong; so is a suite that cannot be used. Needs the index once; what it fetched
stays in the cache. Where other programs keep the machine busy, compare the CPU of the baseline with what plain pytest
takes, and give `--seconds`.
"""

import argparse
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).resolve().parent.parent), str(Path(__file__).resolve().parent.parent / "src")]

from benchmarks.generated_tests import used
from benchmarks.releases import archive, index_url, releases
from cicd_agent.adapters.sandbox.sandbox import LocalSandbox
from cicd_agent.adapters.test_runner.runner import LocalPytestRunner
from cicd_agent.adapters.toolchain.interpreter import find
from cicd_agent.adapters.toolchain.overlay import Packages
from cicd_agent.adapters.toolchain.style_check import StyleCheck
from cicd_agent.analysis.python_tests.test_command import read_test_command
from cicd_agent.domain.trials.sandbox import Limits, SandboxUnavailable, Tier
from cicd_agent.modes.gen_tests.coverage_targets import Subject
from cicd_agent.modes.gen_tests.evidence import FailureKind, Suite
from cicd_agent.modes.gen_tests.gather import baseline

GOAL = 0.9
"""Of the projects have to be usable in each tier."""
COMMAND = "python -m pytest"
SECONDS = 720.0
"""What a job has by default for running tests: `--seconds` where other programs take their share of the machine."""
MAX_TOLD = 12
_FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Project:
    """A package of the index. `needs` are its test requirements, `module` a file of which coverage is taken."""

    name: str
    module: str
    needs: Sequence[str] = ()
    build: str = "setuptools"
    options: Sequence[str] = field(default=())
    """Of `pip install`."""


PROJECTS = (
    Project("boltons", "boltons/strutils.py", build="flit"),
    Project("click", "src/click/utils.py", build="flit"),
    Project("attrs", "src/attr/filters.py", ("hypothesis", "cloudpickle", "pympler"), build="hatchling"),
    Project("marshmallow", "src/marshmallow/utils.py", ("simplejson",), build="flit"),
    Project("more-itertools", "more_itertools/recipes.py", build="flit"),
    Project("packaging", "src/packaging/utils.py", ("pretend", "tomli-w", "hypothesis"), build="flit"),
    Project("jinja2", "src/jinja2/utils.py", ("trio",), build="flit"),
    Project(
        "pluggy",
        "src/pluggy/_result.py",
        build="setuptools, strict",
        options=("--config-settings", "editable_mode=strict"),
    ),
    Project("requests", "src/requests/utils.py", ("pytest-httpbin", "pytest-mock", "PySocks", "trustme")),
    # Its tests import what later versions of pytest no longer have.
    Project("flask", "src/flask/helpers.py", ("pytest<9", "asgiref", "greenlet", "python-dotenv"), build="flit"),
    Project(
        "werkzeug",
        "src/werkzeug/utils.py",
        ("cffi", "cryptography", "ephemeral-port-reserve", "pytest-timeout", "watchdog"),
        build="flit",
    ),
    Project("jaraco.functools", "jaraco/functools/__init__.py", ("jaraco.classes",), build="setuptools, namespace"),
    Project("tinydb", "tinydb/utils.py", ("pyyaml",), build="poetry-core"),
    Project("cachetools", "src/cachetools/keys.py"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """The baseline of one project in one tier; `wrong` are tests that are blamed although plain pytest passes them."""

    tier: Tier
    suite: Suite
    seconds: float
    cpu: float
    wrong: tuple[str, ...]

    @property
    def usable(self) -> bool:
        return self.suite.can_judge and not self.wrong


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; 1 where fewer than nine of ten projects can be used in some tier."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "cicd-agent-real-projects")
    parser.add_argument("--index", default="", help="package index (default: pip's)")
    parser.add_argument("--only", default="", help="projects whose names match this expression")
    parser.add_argument("--tier", choices=[*Tier], action="append", help="this tier alone")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="for the tests of a project (default: a job's)")
    options = parser.parse_args(argv)
    tiers = [tier for tier in (options.tier or available()) if Tier(tier) in available()]
    chosen = [each for each in PROJECTS if re.search(options.only, each.name)]
    usable: Counter[Tier] = Counter()
    print(f"{'project':18}{'build':22}{'tier':12}{'state':10}{'tests':>6}{'here':>8}{'CPU':>8}{'plain':>8}  set aside")
    for project in chosen:
        top = installed(project, options.cache, options.index or index_url())
        try:
            red, seconds = plain(top)
        except subprocess.TimeoutExpired as error:
            print(
                f"{project.name:18}plain pytest does not end within {error.timeout:.0f} s here: nothing to compare with"
            )
            chosen = [each for each in chosen if each is not project]
            continue
        for tier in tiers:
            row = tried(project, top, Tier(tier), red, options.seconds)
            usable[Tier(tier)] += row.usable
            print(_line(project, row, seconds), flush=True)
            print("".join(f"    {line}\n" for line in _details(row)), end="", flush=True)
    for tier in tiers:
        print(f"{tier}: {usable[Tier(tier)]} of {len(chosen)} usable out of the box")
    return int(any(usable[Tier(tier)] < GOAL * len(chosen) for tier in tiers))


def available() -> list[Tier]:
    """The tiers of this machine that keep code in, the strongest first."""
    found = []
    for tier in reversed(Tier):
        try:
            found += [LocalSandbox(only=tier).tier()]
        except SandboxUnavailable:
            continue
    return found


def installed(project: Project, cache: Path, index: str) -> Path:
    """The project's repository with its environment in `.venv`, made once."""
    top = cache / "projects" / project.name
    if (top / ".venv/ready").exists():
        return top
    shutil.rmtree(top, ignore_errors=True)
    top.mkdir(parents=True)
    [release] = releases(project.name, 1, index)
    with tarfile.open(fileobj=io.BytesIO(archive(release, cache / "sdists" / project.name))) as tar:
        for member in tar:
            member.name = member.name.partition("/")[2]
            if member.name:
                tar.extract(member, top, filter="data")
    _run(top, "git", "init", "--quiet", "--initial-branch=main")
    _run(top, sys.executable, "-m", "venv", ".venv")
    pip = (".venv/bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    _run(top, *pip, "pytest", *project.needs)
    _run(top, *pip, *project.options, "--editable", ".")
    (top / ".git/info/exclude").write_text(".venv\n", "utf-8")
    _run(top, "git", "add", "--all")
    _run(
        top,
        "git",
        "-c",
        "user.name=release",
        "-c",
        "user.email=release@example.invalid",
        "commit",
        "--quiet",
        "-m",
        release.version,
    )
    (top / ".venv/ready").touch()
    return top


def plain(top: Path) -> tuple[frozenset[str], float]:
    """The tests that fail with plain pytest and no sandbox around it, and the seconds that all take."""
    known = top / ".venv/plain.json"
    if known.exists():
        red, seconds = json.loads(known.read_text("utf-8"))
        return frozenset(red), seconds
    begun = time.monotonic()
    ran = _run(top, ".venv/bin/python", "-m", "pytest", "-q", "--tb=no", "-rfE", "-p", "no:cacheprovider", check=False)
    if not re.search(r"\d+ passed", ran):
        raise SystemExit(f"{top.name}: plain pytest passes nothing:\n{ran[-2000:]}")
    red, seconds = sorted(_FAILED.findall(ran)), time.monotonic() - begun
    known.write_text(json.dumps([red, seconds]), "utf-8")
    return frozenset(red), seconds


def tried(project: Project, top: Path, tier: Tier, red: frozenset[str], limit: float) -> Row:
    """The baseline of gen-tests in this tier."""
    sandbox = LocalSandbox(only=tier)
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/nonexistent")}
    packages = Packages(Path(tempfile.gettempdir()) / f"cicd-agent-overlays-{os.geteuid()}", index_url(), os.environ)
    begun, spent = time.monotonic(), used()
    toolchain = find(top, "", read_test_command(COMMAND), environment, sandbox, own=Path(sys.prefix), packages=packages)
    text = (top / project.module).read_text("utf-8")
    pytest_runner = LocalPytestRunner(
        top,
        toolchain,
        sandbox,
        time.monotonic,
        limit,
        base={project.module: f"{text}\n# as it was\n"},
        limits=Limits(),
        redact=str,
        style_checker=StyleCheck(top, toolchain, sandbox),
    )
    suite, _ = baseline([Subject(project.module, text, ())], pytest_runner, COMMAND)
    blamed = [each.nodeid for each in suite.set_aside if each.kind is FailureKind.FAILING]
    blamed += [each.nodeid for each in suite.failed]
    wrong = tuple(nodeid for nodeid in blamed if nodeid not in red)
    return Row(tier, suite, time.monotonic() - begun, used() - spent, wrong)


def _line(project: Project, row: Row, seconds: float) -> str:
    suite = row.suite
    kinds = Counter(each.kind for each in suite.set_aside)
    aside = ", ".join(f"{kinds[kind]} {kind}" for kind in FailureKind if kinds[kind]) or "–"
    state = f"{suite.state}{' !' if not row.usable else ''}"
    return (
        f"{project.name:18}{project.build:22}{row.tier:12}{state:10}{suite.tests:>6,}{row.seconds:>6.0f} s"
        f"{row.cpu:>6.0f} s{seconds:>6.0f} s  {aside}"
    )


def _details(row: Row) -> Iterator[str]:
    if row.suite.detail:
        yield row.suite.detail
    for each in row.suite.set_aside[:MAX_TOLD]:
        yield f"{each.kind}: {each.nodeid}: {each.error}: {each.reason}"
    if (more := len(row.suite.set_aside) - MAX_TOLD) > 0:
        yield f"and {more} more"
    yield from (f"wrong: {nodeid} passes with plain pytest" for nodeid in row.wrong)


def _run(top: Path, *command: str, check: bool = True) -> str:
    kept = ("PATH", "HOME", "PIP_CERT", "PIP_INDEX_URL", "SSL_CERT_FILE", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY")
    environment: Mapping[str, str] = {name: os.environ[name] for name in kept if name in os.environ}
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
        # Tests may leave servers behind, which would hold a pipe open.
        process = subprocess.Popen(
            command,
            cwd=top,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = process.wait(1_200)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        output.seek(0)
        printed = output.read()
    if check and code:
        raise SystemExit(f"{top.name}: {' '.join(command)} ended with {code}:\n{printed[-2000:]}")
    return printed


if __name__ == "__main__":
    sys.exit(main())
