"""The part of the check-up about what outlives a run: folders, the account book, a Redis, a collector of metrics."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path

from cicd_agent.adapters.files import is_writable
from cicd_agent.adapters.telemetry.otlp import targets
from cicd_agent.app.cache import CacheConfig, open_cache
from cicd_agent.cli.doctor.checkup import Check, Health
from cicd_agent.domain.text.words import count
from cicd_agent.errors import AgentError
from cicd_agent.settings.environment import Environment
from cicd_agent.settings.schema import Settings


def kept_checks(environment: Environment, settings: Settings) -> Iterator[Check]:
    """What is kept between runs, and where."""
    if settings.cache_dir:
        yield _folder("cache-dir", settings.cache_dir)
    if environment.redis_url:
        yield _redis(environment, settings)
    if settings.metrics_file:
        yield _folder("metrics-file", str(Path(settings.metrics_file).parent))
    yield from _book(environment, settings)
    yield from _collector(environment)


def _book(environment: Environment, settings: Settings) -> Iterator[Check]:
    told = settings.state_dir if settings.state_dir != "off" else ""
    is_shared = environment.database_url.startswith("postgres")
    if told:
        yield _folder("state-dir", told)
    if is_shared and not settings.state_dir:
        yield _database(environment.database_url)
    elif told or is_shared:
        yield Check("account book", Health.OK, "it is kept in `state-dir`, where `cicd-agent audit verify` checks it")
    else:
        yield Check("account book", Health.SKIP, "none is kept: no `state-dir` and no DATABASE_URL")
    limits = [name for name in ("daily_cost_usd", "daily_runs") if getattr(settings, name) is not None]
    if limits and not (told or is_shared):
        names = count(len(limits), "daily limit")
        remedy = "Set `state-dir` or DATABASE_URL: without a lasting book no model is asked"
        yield Check("daily limits", Health.FAIL, f"{names} cannot be counted", remedy)


def _database(url: str) -> Check:
    if find_spec("psycopg") is None:
        return Check("account book", Health.FAIL, "DATABASE_URL needs packages", "Install cicd-agent[postgres]")
    from cicd_agent.adapters.storage.store import SqlStore  # noqa: PLC0415  nobody else pays for it

    try:
        SqlStore.reach(url)
    except AgentError as error:
        words = error.what + (f" ({error.why})" if error.why else "")
        return Check("account book", Health.FAIL, words, error.remedy)
    return Check("account book", Health.OK, "the database of DATABASE_URL answers")


def _redis(environment: Environment, settings: Settings) -> Check:
    """A Redis is never more than a saving: without it a run asks again what others have asked."""
    notes: list[str] = []
    with ExitStack() as closing:
        cache = CacheConfig(
            None,
            time.time,
            notes.append,
            redis_url=environment.redis_url,
            ca_bundle=environment.ca_bundle,
            on_close=closing.callback,
        )
        server = open_cache(settings, cache).server
        if server is not None:
            server.read("cicd-agent:doctor")
    if notes:
        return Check("REDIS_URL", Health.WARN, notes[0], "Until then every machine asks for itself")
    return Check("REDIS_URL", Health.OK, "it answers: what one machine asked, no other asks again")


def _collector(environment: Environment) -> Iterator[Check]:
    for target in targets(environment.telemetry):
        name = f"OpenTelemetry, {target.signal}"
        if target.refusal:
            yield Check(name, Health.WARN, target.refusal, "docs/metrics.md has the variables")
        elif not _is_installed("opentelemetry.proto"):
            yield Check(name, Health.WARN, "its package is not installed", "Install cicd-agent[otel]")
        else:
            yield Check(name, Health.OK, f"to {target.host}; nothing is sent there now")


def _is_installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:  # not even what it is a part of
        return False


def _folder(name: str, path: str) -> Check:
    place = Path(path).expanduser()
    if place.is_dir():
        if is_writable(place):
            return Check(name, Health.OK, path)
        return Check(name, Health.FAIL, f"{path} cannot be written to", "Give a folder that can be")
    there = next((parent for parent in place.absolute().parents if parent.exists()), None)
    if there is not None and there.is_dir() and is_writable(there):
        return Check(name, Health.OK, f"{path} will be made")
    return Check(name, Health.FAIL, f"{path} cannot be made", "Give a folder in a place that can be written to")
