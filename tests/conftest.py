"""The ground all tests stand on: no network beyond loopback, no environment but the test's own, repeatable examples."""

import gc
import hashlib
import os
import shutil
import signal
import sys
from collections.abc import Generator
from functools import cache
from pathlib import Path
from typing import Any

import httpcore2
import pytest
from hypothesis import HealthCheck, settings

from tests.support import protocol_table, tiers

FOREIGN = ("GITHUB_", "INPUT_", "RUNNER_", "ACTIONS_", "OPENAI_", "AZURE_OPENAI_", "GIT_")
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
COLLECT_AFTER = (50_000, 20, 50)
CPU_BEFORE = pytest.StashKey[float]()

settings.register_profile(
    "suite", max_examples=50, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("weekly", max_examples=1_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("explore", max_examples=5_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")


class NetworkRefused(AssertionError):
    """A test tried to leave the machine."""


def refuse_network(event: str, args: tuple[object, ...]) -> None:
    """An audit hook sees every connection of the process, whichever client makes it."""
    match event, args:
        case ("socket.connect" | "socket.sendto", (_, (str(host), *_))):
            pass
        case ("socket.getaddrinfo", (str(host), *_)):
            pass
        case _:
            return
    if host not in {"localhost", "::1", ""} and not host.startswith("127."):
        msg = f"tests reach loopback only, not {host}"
        raise NetworkRefused(msg)


def pytest_configure() -> None:
    # A shell has Ctrl-C ignored by what it starts in the background, and every child would inherit that.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # Tests make much and keep little: looked for less often, what refers to itself costs a tenth of the suite less.
    # And between two tests rather than within one: what an object runs when it is collected fails where a test has just
    # used up the stack.
    gc.set_threshold(40 * COLLECT_AFTER[0], *COLLECT_AFTER[1:])
    # Compiled once, not by each of the hundreds of processes that are started: .gitignore knows of what that leaves.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    for name in list(os.environ):
        if name.startswith(FOREIGN) or name.lower() in PROXIES:
            del os.environ[name]
    # The developer's git configuration (signing, hooks, aliases) is not the test's.
    os.environ.update(
        GIT_CONFIG_GLOBAL=os.devnull,
        GIT_CONFIG_NOSYSTEM="1",
        GIT_AUTHOR_NAME="A. Author",
        GIT_AUTHOR_EMAIL="author@example.com",
        GIT_COMMITTER_NAME="A. Committer",
        GIT_COMMITTER_EMAIL="committer@example.com",
    )
    # Slow on purpose, and the same for the same key: the tests' few keys are worked out once.
    hashlib.scrypt = cache(hashlib.scrypt)  # type: ignore[assignment]  # a cache hides what it takes
    # The certificates of all authorities are the same for every client, and most of what it takes to make one.
    httpcore2.default_ssl_context = cache(httpcore2.default_ssl_context)
    sys.addaudithook(refuse_network)


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores, because tests wait for processes and for servers."""
    return (os.cpu_count() or 1) + 1


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--record-durations", action="store_true", help="write tests/durations.json again")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the slow tests, and let each worker begin with a few of the modules that take longest.

    A worker begins with its share of the list, one part after the other, and later takes from the ends of the others':
    none is left with a long module when the others are done.
    """
    durations = tiers.recorded()
    modules: dict[str, list[pytest.Item]] = {}
    for item in items:
        modules.setdefault(item.nodeid.partition("::")[0], []).append(item)
        if tiers.is_slow(item.nodeid, durations):
            item.add_marker("slow")
    longest = {name: sum(durations.get(item.nodeid, 0) for item in module) for name, module in modules.items()}
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    shares: list[list[pytest.Item]] = [[] for _ in range(workers)]
    for number, name in enumerate(sorted(filter(longest.get, longest), key=lambda name: -longest[name])):
        shares[number % workers] += modules.pop(name)
    whole = len(items)
    for module in modules.values():
        next((share for share in shares[:-1] if len(share) < whole / workers), shares[-1]).extend(module)
    items[:] = [item for share in shares for item in share]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    item.stash[CPU_BEFORE] = tiers.cpu_seconds()
    new, young, old = (count > limit for count, limit in zip(gc.get_count(), COLLECT_AFTER, strict=True))
    if new:
        gc.collect(young + (young and old))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    if call.when == "teardown":
        item.user_properties.append((tiers.CPU, round(tiers.cpu_seconds() - item.stash[CPU_BEFORE], 3)))
    return (yield)


def pytest_collection_finish() -> None:
    """Take twelve thousand tests out of the garbage collector's sight: it would look at them again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def collect_garbage_after() -> Generator[None]:
    yield
    gc.collect()


def pytest_report_header() -> list[str]:
    """Where the programs are that tests skip without; Debian keeps PostgreSQL's off the PATH."""
    found = {name: shutil.which(name) for name in ("bwrap", "initdb", "redis-server", "promtool")}
    found["initdb"] = found["initdb"] or next(map(str, Path("/usr/lib/postgresql").glob("*/bin/initdb")), None)
    return ["programs: " + ", ".join(path or f"no {name}, so its tests skip" for name, path in found.items())]


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print the protocol matrix, whichever process ran its tests; record the durations where that is requested."""
    if config.getoption("--record-durations"):
        count = tiers.record(report for each in terminalreporter.stats.values() for report in each)
        terminalreporter.write_line(f"{count} tests take more than {tiers.SLOW_SECONDS:g} s")
    reports = [report for outcome in ("passed", "failed") for report in terminalreporter.stats.get(outcome, ())]
    if found := protocol_table.noted(reports):
        terminalreporter.section("protocol matrix")
        for line in protocol_table.table(found):
            terminalreporter.write_line(line)
