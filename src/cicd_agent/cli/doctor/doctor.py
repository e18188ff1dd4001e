"""`cicd-agent doctor`: whether everything that a run needs is there and right, and what to change."""

import json
import platform
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

import click

from cicd_agent import __version__
from cicd_agent.adapters.git.repository import GitRepository
from cicd_agent.adapters.runner.workflow import step
from cicd_agent.app.context import RunContext, any_settings, prepare
from cicd_agent.app.options import RunOptions
from cicd_agent.app.session import Session
from cicd_agent.cli.doctor.checkup import Check, Checkup, Health
from cicd_agent.cli.doctor.page import render_checkup
from cicd_agent.cli.doctor.remote import remote_checks
from cicd_agent.cli.doctor.storage import kept_checks
from cicd_agent.cli.options import command, format_option, place_options
from cicd_agent.domain.events.event import EventKind
from cicd_agent.domain.modes import MODES
from cicd_agent.domain.ports.test_runner import PytestUnavailable
from cicd_agent.domain.text.markdown import fence
from cicd_agent.domain.trials.sandbox import SandboxUnavailable
from cicd_agent.domain.verdict import Conclusion
from cicd_agent.errors import AgentError, Exit
from cicd_agent.modes import mode_named
from cicd_agent.settings.environment import Environment
from cicd_agent.settings.schema import ModeName, Settings

OUTPUTS: Final = ("conclusion", "summary")
SECONDS: Final = 120.0
_DEPTH: Final = "Set `fetch-depth: 0` on actions/checkout; at a terminal `git fetch --unshallow`"


@command
@click.argument("mode", metavar="[MODE]", required=False, type=click.Choice([*MODES]))
@place_options
@format_option()
def doctor(session: Session) -> int:
    """MODE is what this set-up is for (default: review)."""
    options, environment, console = session.options, session.environment, session.console
    session.limit(SECONDS)
    name: ModeName = options.mode if options.mode in MODES else "review"
    with ExitStack() as closing:
        found = checkup(name, options, environment, closing)
    if options.format == "json":
        console.print_json(json.dumps({"schema_version": 1, "summary": found.summary, **asdict(found)}, indent=2))
    else:
        console.print(render_checkup(found, colour=console.coloured, width=console.width))
    if environment.on_actions:
        workflow = step(environment, OUTPUTS)
        workflow.output("conclusion", Conclusion.FAILURE if found.fails else Conclusion.SUCCESS, Path())
        workflow.output("summary", found.summary, Path())
        workflow.summary(f"### cicd-agent doctor\n\n{fence(console.redact(render_checkup(found)))}\n")
    return Exit.STOP if found.fails else Exit.OK


def checkup(mode: ModeName, options: RunOptions, environment: Environment, closing: ExitStack) -> Checkup:
    """All checks for a mode."""
    asked = replace(options, mode="")
    context, trouble = _context(mode, asked, environment, closing)
    settings = context.settings if context else any_settings(options, environment)
    return Checkup(
        (
            ("This machine", tuple(_machine(mode, context, environment, settings))),
            ("Checkout", tuple(_checkout(context, trouble))),
            ("Configuration", tuple(_configuration(context, settings, trouble))),
            ("Event", tuple(_event(mode, context))),
            ("Kept between runs", tuple(kept_checks(environment, settings))),
            *remote_checks(mode, context, settings, environment),
        )
    )


def _context(
    mode: ModeName, options: RunOptions, environment: Environment, closing: ExitStack
) -> tuple[RunContext | None, AgentError | None]:
    try:
        return prepare(mode_named(mode), options, environment, Path.cwd(), closing=closing), None
    except AgentError as error:
        return None, error


def _machine(
    mode: ModeName, context: RunContext | None, environment: Environment, settings: Settings
) -> Iterator[Check]:
    yield Check("cicd-agent", Health.OK, f"{__version__} on Python {platform.python_version()}, {platform.system()}")
    git = shutil.which("git", path=environment.system.get("PATH"))
    if git is None:
        yield Check("git", Health.FAIL, "there is no git on PATH", "Install git")
    else:
        yield Check("git", Health.OK, git)
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        if (path := environment.system.get(name)) and not Path(path).is_file():
            yield Check("certificates", Health.FAIL, f"{name} names no file: {path}", "Name a file of certificates")
    if proxies := sorted(name for name in environment.system if name.lower().endswith("_proxy")):
        yield Check("proxy", Health.OK, f"taken from {', '.join(proxies)}")
    if mode == "gen-tests" or settings.verify_command:
        from cicd_agent.adapters.sandbox.sandbox import LocalSandbox  # noqa: PLC0415  nobody else pays for it

        try:
            tier = LocalSandbox(allow_unsandboxed=settings.allow_unsandboxed).tier()
            yield Check("sandbox", Health.OK, f"{tier}")
        except SandboxUnavailable as error:
            yield Check("sandbox", Health.FAIL, f"{error.what} ({error.why})", error.remedy)
        else:
            if mode == "gen-tests" and context is not None and context.top is not None:
                yield _project_python(context, context.top, environment)


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
                yield Check("config file", Health.WARN, str(problem), "Mend it on the base branch")
    if settings.organisation_config:
        yield Check("organisation", Health.OK, "`organisation-config` is valid; `cicd-agent config explain` shows it")
    for notice in loaded.notices:
        yield Check("notice", Health.WARN, notice)


def _event(mode: ModeName, context: RunContext | None) -> Iterator[Check]:
    if context is None:
        return
    event, slice_ = context.event, mode_named(mode)
    if event.kind is EventKind.LOCAL:
        yield Check("event", Health.OK, "none: this is a terminal")
        return
    declined = slice_.declines(event, context.settings) if slice_ else ""
    if declined:
        yield Check("event", Health.WARN, f"`{mode}` has nothing to do: {declined}", "docs/events.md has the events")
    else:
        yield Check("event", Health.OK, f"`{event.name}`, which `{mode}` serves")
    if event.pull and event.pull.from_fork:
        yield Check("fork", Health.WARN, "a fork's pull request: no secrets, and a token that reads", "docs/review.md")
