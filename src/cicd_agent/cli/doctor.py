"""`cicd-agent doctor`: whether everything that a run needs is there and right, and what to change."""

import json
import os
import platform
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import click

import cicd_agent
from cicd_agent import __version__
from cicd_agent.adapters.files import is_writable
from cicd_agent.adapters.git.repository import GitRepository
from cicd_agent.adapters.github.transport import probe
from cicd_agent.adapters.models.client import Unanswered, listed, parse_headers
from cicd_agent.adapters.programs import find_program, search_path
from cicd_agent.adapters.runner.workflow import step
from cicd_agent.adapters.telemetry.otlp import targets
from cicd_agent.agent.prices import price_of
from cicd_agent.app.cache import CacheConfig, open_cache
from cicd_agent.app.context import RunContext, any_settings, prepare
from cicd_agent.app.model_router import price_table
from cicd_agent.app.options import RunOptions
from cicd_agent.app.session import Session
from cicd_agent.cli.backtest import untested_gate
from cicd_agent.cli.init import BACKTEST
from cicd_agent.cli.options import command, format_option, location_options
from cicd_agent.domain.events.event import EventKind
from cicd_agent.domain.modes import MODES
from cicd_agent.domain.parallel import run_parallel
from cicd_agent.domain.ports.test_runner import PytestUnavailable
from cicd_agent.domain.repository.change import Change, ChangeSource
from cicd_agent.domain.text.markdown import fence
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.text.words import count
from cicd_agent.domain.trials.sandbox import SandboxUnavailable
from cicd_agent.domain.verdict import Conclusion
from cicd_agent.errors import AgentError, Exit
from cicd_agent.modes import contract_of, mode_named
from cicd_agent.rendering.cell_width import fold
from cicd_agent.rendering.style import Style, Tone
from cicd_agent.settings.environment import Environment
from cicd_agent.settings.schema import OFF, ModeName, Settings

OUTPUTS: Final = ("conclusion", "summary")
SECONDS: Final = 120.0
SUITE_SECONDS: Final = 300.0
"""Beyond these, for the project's tests, where the mode runs them."""
MAX_TESTS: Final = 10
"""Tests that are named."""
_UNAUTHORISED: Final = 401
_FORBIDDEN: Final = frozenset({403, 404})
_DEPTH: Final = "Set `fetch-depth: 0` on actions/checkout; at a terminal `git fetch --unshallow`"
_NAME_WIDTH = 16
_INDENT = " " * (2 + 5 + 1 + _NAME_WIDTH + 1)


class Health(StrEnum):
    """How a check went. Only `fail` makes the exit code 1."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"


_TONES: Final[dict[Health, Tone]] = {
    Health.OK: "good",
    Health.WARN: "medium",
    Health.FAIL: "high",
    Health.SKIP: "faint",
}


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, the result in words, and what to do about it."""

    name: str
    health: Health
    words: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Checkup:
    """All checks, in groups with a title."""

    groups: tuple[tuple[str, tuple[Check, ...]], ...]

    @property
    def fails(self) -> bool:
        return any(check.health is Health.FAIL for _, checks in self.groups for check in checks)

    @property
    def summary(self) -> str:
        healths = [check.health for _, checks in self.groups for check in checks]
        counts = ", ".join(f"{healths.count(each)} {each}" for each in Health if each in healths)
        return f"{'not ready' if self.fails else 'ready'}: {counts}"


@command
@click.argument("mode", metavar="[MODE]", required=False, type=click.Choice([*MODES]))
@location_options
@format_option()
def doctor(session: Session) -> int:
    """MODE is what this set-up is for (default: review)."""
    options, environment, console = session.options, session.environment, session.console
    name: ModeName = options.mode if options.mode in MODES else "review"
    session.limit(SECONDS + (SUITE_SECONDS if name == "gen-tests" else 0))
    with ExitStack() as closing:
        result = checkup(name, options, environment, closing)
    if options.format == "json":
        console.print_json(json.dumps({"schema_version": 1, "summary": result.summary, **asdict(result)}, indent=2))
    else:
        console.print(render_checkup(result, colour=console.coloured, width=console.width))
    if environment.on_actions:
        workflow = step(environment, OUTPUTS)
        workflow.output("conclusion", Conclusion.FAILURE if result.fails else Conclusion.SUCCESS, Path())
        workflow.output("summary", result.summary, Path())
        workflow.summary(f"### cicd-agent doctor\n\n{fence(console.redact(render_checkup(result)))}\n")
    return Exit.STOP if result.fails else Exit.OK


def render_checkup(result: Checkup, *, colour: bool = False, width: int = 100) -> str:
    style = Style(colour, max(width, 60))
    lines: list[str] = []
    for title, checks in result.groups:
        if not checks:
            continue
        lines.append(style.ink(title, "bold"))
        for check in checks:
            first, *rest = list(fold(visible_line(check.words), style.width, _INDENT)) or [_INDENT]
            mark = style.ink(f"{check.health:<5}", _TONES[check.health])
            lines.append(f"  {mark} {visible_line(check.name):<{_NAME_WIDTH}} {first.removeprefix(_INDENT)}".rstrip())
            lines += rest
            if check.remedy:
                lines += fold(f"→ {visible_line(check.remedy)}", style.width, _INDENT, "  ")
        lines.append("")
    return "\n".join([*lines, result.summary]) + "\n"


def checkup(mode: ModeName, options: RunOptions, environment: Environment, closing: ExitStack) -> Checkup:
    """All checks for a mode; those that wait for others, side by side."""
    context: RunContext | None = None
    trouble: AgentError | None = None
    try:
        context = prepare(mode_named(mode), replace(options, mode=""), environment, Path.cwd(), closing=closing)
    except AgentError as error:
        trouble = error
    settings = context.settings if context else any_settings(options, environment)
    repository = context.ports.repository if context else None
    trees = repository.trees if isinstance(repository, GitRepository) else (Path.cwd(),)
    remote: list[tuple[str, Callable[[], Iterator[Check]]]] = [
        ("GitHub", lambda: _github(mode, context, settings, environment)),
        ("Model", lambda: _model(mode, settings, environment)),
        ("Runtime", lambda: _runtime(mode, environment, trees)),
        ("Notifications", lambda: _slack(settings)),
    ]
    local = (
        ("This machine", tuple(_machine(mode, context, environment, settings, trees))),
        ("Checkout", tuple(_checkout(context, trouble))),
        ("Configuration", tuple(_configuration(context, settings, trouble))),
        ("Event", tuple(_event(mode, context))),
        ("Kept between runs", tuple(_storage(environment, settings))),
    )
    results = run_parallel([lambda make=make: tuple(make()) for _, make in remote], len(remote))  # type: ignore[misc]
    return Checkup((*local, *((title, checks) for (title, _), checks in zip(remote, results, strict=True))))


def _machine(
    mode: ModeName, context: RunContext | None, environment: Environment, settings: Settings, trees: Sequence[Path]
) -> Iterator[Check]:
    yield Check("cicd-agent", Health.OK, f"{__version__} on Python {platform.python_version()}, {platform.system()}")
    if git := find_program("git", environment.system.get("PATH", os.defpath), trees):
        yield Check("git", Health.OK, git)
    else:
        yield Check("git", Health.FAIL, "no git is on PATH outside of the repository", "Install git")
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        if (path := environment.system.get(name)) and not Path(path).is_file():
            yield Check("certificates", Health.FAIL, f"{name} names no file: {path}", "Name a file of certificates")
    if proxies := sorted(name for name in environment.system if name.lower().endswith("_proxy")):
        yield Check("proxy", Health.OK, f"taken from {', '.join(proxies)}")
    if mode == "gen-tests" or settings.verify_command:
        from cicd_agent.app.test_runner import local_sandbox  # noqa: PLC0415  nobody else pays for it

        try:
            choice = local_sandbox(environment, allow_unsandboxed=settings.allow_unsandboxed).choice()
            yield Check("sandbox", Health.OK, f"{choice}")
        except SandboxUnavailable as error:
            yield Check("sandbox", Health.FAIL, f"{error.what} ({error.why})", error.remedy)
        else:
            if mode == "gen-tests" and context is not None and context.top is not None:
                python = _project_python(context, context.top, environment)
                yield python
                if python.health is Health.OK:
                    yield from _project_tests(context, environment)


def _project_python(context: RunContext, top: Path, environment: Environment) -> Check:
    from cicd_agent.app.test_runner import project_python  # noqa: PLC0415  see above

    try:
        found = project_python(context, top, environment)
    except (AgentError, PytestUnavailable) as error:
        return Check("project's Python", Health.FAIL, f"{error.what} ({error.why})", error.remedy)
    own = ", ".join(f"{name} {version}" for name, version in found.provides.items())
    added = f"{' and '.join(found.lacks)} will be added for the runs alone" if found.lacks else ""
    words = "; ".join(part for part in (f"{found.path}, {found.version}", own, added) if part)
    return Check("project's Python", Health.OK, words)


def _project_tests(context: RunContext, environment: Environment) -> Iterator[Check]:
    """How a run would find the project's tests: this runs them."""
    from cicd_agent.app.test_runner import pytest_runners  # noqa: PLC0415  see above
    from cicd_agent.modes.gen_tests.gather import baseline  # noqa: PLC0415

    # The console redacts all that is printed.
    of = pytest_runners(context, environment, str, time.monotonic, SUITE_SECONDS / 60)
    pytest_runner = of(Change("", "", ChangeSource.WORKTREE, ()))
    if pytest_runner is None:
        return
    suite, _ = baseline((), pytest_runner, context.settings.test_command, None)
    if not suite.can_judge:
        yield Check("project's tests", Health.FAIL, suite.detail)
        return
    words = f"{count(suite.tests, 'test')} in {suite.seconds:.0f} s, {len(suite.set_aside):,} would be set aside"
    yield Check("project's tests", Health.WARN if suite.set_aside else Health.OK, words)
    for each in suite.set_aside[:MAX_TESTS]:
        yield Check(each.kind, Health.SKIP, f"{each.nodeid}: {each.error}: {each.reason}")


def _checkout(context: RunContext | None, trouble: AgentError | None) -> Iterator[Check]:
    repository = context.ports.repository if context else None
    if context is None or not isinstance(repository, GitRepository):
        words = str(trouble) if trouble else "; ".join(context.notices) if context else ""
        yield Check("checkout", Health.SKIP, words or "there is none: files are read from GitHub")
        return
    yield Check("checkout", Health.OK, str(repository.top))
    base, head = context.event.base.sha, context.event.head.sha
    if repository.is_shallow:
        yield Check("depth", Health.WARN, "the clone is shallow: history and merge base may be missing", _DEPTH)
    else:
        yield Check("depth", Health.OK, "the whole history is here")
    missing = [sha for sha in (base, head) if sha and repository.resolve(sha) is None]
    if missing:
        yield Check("commits", Health.WARN, f"{missing[0][:12]} of the event is not in this clone", _DEPTH)


def _configuration(context: RunContext | None, settings: Settings, trouble: AgentError | None) -> Iterator[Check]:
    if context is None:
        words, remedy = (trouble.what, trouble.remedy) if trouble else ("it cannot be read", "")
        why = f" ({trouble.why})" if trouble and trouble.why else ""
        yield Check("set-up", Health.FAIL, words + why, remedy)
        return
    loaded = context.loaded
    match loaded.config_status:
        case "ok":
            yield Check("config file", Health.OK, f"{settings.config_file} of the base branch is valid")
        case "absent":
            words = f"there is no {settings.config_file}: defaults are in force"
            if context.top is not None and (context.top / settings.config_file).is_file():
                words = f"{settings.config_file} of this checkout counts once the base branch has it"
            yield Check("config file", Health.OK, words)
        case _:
            for problem in loaded.problems:
                yield Check("config file", Health.WARN, str(problem), "Fix it on the base branch")
    if settings.organisation_config:
        yield Check("organisation", Health.OK, "`organisation-config` is valid; `cicd-agent config explain` shows it")
    for notice in loaded.notices:
        yield Check("notice", Health.WARN, notice)
    if context.top is not None and context.event.kind is EventKind.LOCAL and (words := untested_gate(context.top)):
        yield Check("backtest", Health.SKIP, words, BACKTEST)


def _event(mode: ModeName, context: RunContext | None) -> Iterator[Check]:
    if context is None:
        return
    event, slice_ = context.event, mode_named(mode)
    if event.kind is EventKind.LOCAL:
        yield Check("event", Health.OK, "none: this is a terminal")
        return
    declined = slice_.declines(event, context.settings) if slice_ else ""
    if declined:
        yield Check(
            "event", Health.WARN, f"`{mode}` has nothing to do: {declined}", "docs/reference/events.md has the events"
        )
    else:
        yield Check("event", Health.OK, f"`{event.name}`, which `{mode}` serves")
    if event.pull and event.pull.from_fork:
        yield Check(
            "fork", Health.WARN, "a fork's pull request: no secrets, and a token that reads", "docs/reference/review.md"
        )


def _github(
    mode: ModeName, context: RunContext | None, settings: Settings, environment: Environment
) -> Iterator[Check]:
    token = settings.github_token.get_secret_value()
    repo = (context.event.repo if context else "") or environment.run.repository
    if not token:
        words = "no token: a local run needs none; in a job it is the input `github-token`"
        yield Check("token", Health.FAIL if environment.on_actions else Health.SKIP, words)
        return
    if not repo:
        yield Check("token", Health.SKIP, "nobody says which repository it is for", "Set GITHUB_REPOSITORY")
        return
    needed = contract_of(mode).needed
    sha = (context.event.sha if context else "") or environment.run.sha
    names = [each.name for each in needed]
    try:
        found = probe(names, repo, sha, token, environment.api_url, ca_bundle=environment.ca_bundle)
    except AgentError as error:
        yield Check("token", Health.FAIL, error.what, error.remedy)
        return
    lost = next((refused for refused in found.values() if refused and refused.status in {0, _UNAUTHORISED}), None)
    if lost:
        words = f"{environment.api_url}: {lost.what} ({lost.why})".rstrip("( )")
        yield Check("GitHub", Health.FAIL, words, lost.remedy)
        return
    yield Check("GitHub", Health.OK, f"{environment.api_url} answers for {repo}")
    for each in needed:
        refused = found.get(each.name)
        line = f"{each.name}: {each.access}"
        if refused is not None and refused.status in _FORBIDDEN:
            yield Check(each.name, Health.FAIL, f"the token cannot read it: {each.why}", f"Give the job `{line}`")
        elif refused is not None:
            yield Check(each.name, Health.WARN, f"not known: {refused.what}", refused.remedy)
        elif each.access == "write":
            words = f"can be read; whether `{line}` is there cannot be told without writing"
            yield Check(each.name, Health.OK, words)
        else:
            yield Check(each.name, Health.OK, f"can be read: {each.why}")


def _model(mode: ModeName, settings: Settings, environment: Environment) -> Iterator[Check]:
    if "model" not in contract_of(mode).inputs:
        yield Check("model", Health.SKIP, f"`{mode}` asks none")
        return
    key = settings.openai_api_key.get_secret_value()
    if settings.model == OFF:
        yield Check("model", Health.SKIP, "`model: off`: rules only")
        return
    if not key and not settings.base_url:
        if environment.workload and environment.workload.known:
            yield Check("model", Health.OK, "OpenAI, by the identity of this job; it is not asked here")
            return
        yield Check("model", Health.SKIP, "no key: rules only", "Set `openai-api-key` or `base-url` to ask a model")
        return
    model = settings.model
    yield _server(model, settings, key, environment.account)
    if price_of(model, price_table(settings)) is None:
        words = f"no price is known of {model}: `max-input-tokens` holds a run, not `max-cost-usd`"
        yield Check("price", Health.WARN, words, "Say it under `prices` in the config file")


def _server(model: str, settings: Settings, key: str, account: Mapping[str, str]) -> Check:
    host = urlsplit(settings.base_url).hostname or "api.openai.com"
    try:
        headers = {**account, **parse_headers(settings.model_headers.get_secret_value())}
        names = listed(settings.base_url, key, headers)
    except AgentError as error:
        return Check("model", Health.FAIL, error.what, error.remedy)
    except Unanswered as unanswered:
        if unanswered.refused:
            return Check("model", Health.FAIL, f"{host} does not take the key", "Look at the secret, and at `base-url`")
        if unanswered.unlisted:
            return Check("model", Health.OK, f"{host} is there; it has no list of models")
        return Check("model", Health.FAIL, f"{host}: {unanswered}", "Look at `base-url`, HTTPS_PROXY and SSL_CERT_FILE")
    if names and model not in names:
        words = f"{host} is there, and does not list {model}"
        return Check("model", Health.WARN, words, "Set `model` to one that it has")
    return Check("model", Health.OK, f"{model} at {host}")


def _runtime(mode: ModeName, environment: Environment, trees: Sequence[Path]) -> Iterator[Check]:
    image = Path(cicd_agent.__file__).resolve().parents[2] / "launch/image.txt"
    released = image.is_file() and bool(image.read_text("utf-8", "replace").strip())
    why = container_problem({**environment.tools, **environment.system}, trees)
    if mode == "gen-tests":
        yield Check("runtime", Health.OK, "host: gen-tests needs the project's Python and the sandbox")
    elif why:
        yield Check("runtime", Health.OK, f"host: {why}")
    elif not released:
        yield Check("runtime", Health.OK, "host: Docker answers, and this version has no released image")
    else:
        yield Check("runtime", Health.OK, "container: Docker answers, and an image is released")


def _slack(settings: Settings) -> Iterator[Check]:
    webhook = settings.slack_webhook_url.get_secret_value()
    if webhook:
        parts = urlsplit(webhook)
        if parts.scheme == "https" and parts.hostname:
            yield Check("Slack", Health.OK, f"a webhook at {parts.hostname}; nothing is sent there now")
        else:
            yield Check("Slack", Health.FAIL, "`slack-webhook-url` is no https address", "Copy it again")
    elif settings.slack_token.get_secret_value():
        if settings.slack_channel:
            yield Check("Slack", Health.OK, "a token and a channel; nothing is sent there now")
        else:
            yield Check("Slack", Health.FAIL, "`slack-token` without a channel", "Set `slack-channel`")


def _storage(environment: Environment, settings: Settings) -> Iterator[Check]:
    """What is kept between runs, and where."""
    if settings.cache_dir:
        yield _folder("cache-dir", settings.cache_dir)
    if environment.redis_url:
        yield _redis(environment, settings)
    if settings.metrics_file:
        yield _folder("metrics-file", str(Path(settings.metrics_file).parent))
    yield from _audit_log(environment, settings)
    yield from _collector(environment)


def _audit_log(environment: Environment, settings: Settings) -> Iterator[Check]:
    state_dir = settings.state_dir if settings.state_dir != "off" else ""
    is_shared = environment.database_url.startswith("postgres")
    if state_dir:
        yield _folder("state-dir", state_dir)
    if is_shared and not settings.state_dir:
        yield _database(environment.database_url)
    elif state_dir or is_shared:
        yield Check("audit log", Health.OK, "it is kept in `state-dir`, where `cicd-agent audit verify` checks it")
    else:
        yield Check("audit log", Health.SKIP, "none is kept: no `state-dir` and no DATABASE_URL")
    limits = [name for name in ("daily_cost_usd", "daily_runs") if getattr(settings, name) is not None]
    if limits and not (state_dir or is_shared):
        names = count(len(limits), "daily limit")
        remedy = "Set `state-dir` or DATABASE_URL: without a lasting audit log no model is asked"
        yield Check("daily limits", Health.FAIL, f"{names} cannot be counted", remedy)


def _database(url: str) -> Check:
    if find_spec("psycopg") is None:
        return Check("audit log", Health.FAIL, "DATABASE_URL needs packages", "Install cicd-agent[postgres]")
    from cicd_agent.adapters.storage.store import SqlStore  # noqa: PLC0415  nobody else pays for it

    try:
        SqlStore.reach(url)
    except AgentError as error:
        words = error.what + (f" ({error.why})" if error.why else "")
        return Check("audit log", Health.FAIL, words, error.remedy)
    return Check("audit log", Health.OK, "the database of DATABASE_URL answers")


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
            yield Check(name, Health.WARN, target.refusal, "docs/reference/metrics.md has the variables")
        elif not find_spec("opentelemetry") or not find_spec("opentelemetry.proto"):
            yield Check(name, Health.WARN, "its package is not installed", "Install cicd-agent[otel]")
        else:
            yield Check(name, Health.OK, f"to {target.host}; nothing is sent there now")


def _folder(name: str, path: str) -> Check:
    folder = Path(path).expanduser()
    if folder.is_dir():
        if is_writable(folder):
            return Check(name, Health.OK, path)
        return Check(name, Health.FAIL, f"{path} cannot be written to", "Give a folder that can be")
    existing = next((parent for parent in folder.absolute().parents if parent.exists()), None)
    if existing is not None and existing.is_dir() and is_writable(existing):
        return Check(name, Health.OK, f"{path} will be made")
    return Check(name, Health.FAIL, f"{path} cannot be made", "Give a folder in a place that can be written to")


_DOCKER_SECONDS: Final = 10
_DOCKER_VARIABLES: Final = ("PATH", "HOME", "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "XDG_RUNTIME_DIR")


def container_problem(variables: Mapping[str, str], trees: Sequence[Path]) -> str:
    """Why no Linux container can be run here, "" when one can. A `docker` in one of `trees` is not taken."""
    path = variables.get("PATH", "")
    docker = find_program("docker", path, trees)
    if docker is None:
        return "there is no `docker` on PATH"
    passed = {name: variables[name] for name in _DOCKER_VARIABLES if name in variables}
    try:
        done = subprocess.run(  # noqa: S603  the machine's own client, with arguments of ours
            [docker, "version", "--format", "{{.Server.Os}}"],
            env={**passed, "PATH": search_path(path, trees)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_DOCKER_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return "Docker does not answer"
    if done.returncode:
        return "Docker does not answer"
    return "" if done.stdout.strip() == b"linux" else "Docker runs no Linux containers here"
