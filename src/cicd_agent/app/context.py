"""The context of a run: environment → event → repository → settings, and the adapters that it gets."""

import os
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from cicd_agent.adapters.files import read_file
from cicd_agent.adapters.git.repository import GitRepository
from cicd_agent.adapters.runner.log_file import chunks
from cicd_agent.adapters.runner.workspace import Folder
from cicd_agent.app.options import RunOptions
from cicd_agent.app.security.guards import refuse_foreign_checkout, refuse_moved_checkout, with_permission
from cicd_agent.app.security.pull_request import commented_pull, named_pull, named_run, pull_of_run
from cicd_agent.domain.events.event import Event, EventKind, Ref
from cicd_agent.domain.events.event_parser import PAYLOAD_LIMIT, decode_payload, local_event, parse_event
from cicd_agent.domain.ports.forge import Forge
from cicd_agent.domain.text.json_view import as_repo
from cicd_agent.domain.timeline import Timeline
from cicd_agent.errors import ConfigError, ForgeRefused
from cicd_agent.modes.protocol import LogFiles, Mode, Ports
from cicd_agent.settings.environment import Environment
from cicd_agent.settings.loader import CONFIG_FILE, Loaded, Precedence, load
from cicd_agent.settings.schema import Settings, settings_type

if TYPE_CHECKING:
    from cicd_agent.adapters.github.forge import GitHubForge

_WORKFLOW = frozenset({Precedence.INPUT, Precedence.DEFAULTS, Precedence.LOCKED})
"""Values that a workflow sets, which a change of the config file does not change."""


@dataclass(frozen=True, slots=True)
class RunContext:
    """All that a run starts from. `notices` are limits met on the way, a line each; `top` is the checkout's folder."""

    event: Event
    loaded: Loaded
    ports: Ports
    notices: tuple[str, ...] = ()
    top: Path | None = None
    timeline: Timeline = field(default_factory=Timeline)
    progress: Callable[[str], None] = lambda _text: None
    grant_grace: Callable[[], None] = lambda: None
    """Called when nobody is asked any more: from now on the time limit leaves enough time to report what there is."""

    @property
    def settings(self) -> Settings:
        return self.loaded.settings


def inputs(options: RunOptions, environment: Environment) -> dict[str, str]:
    return {**environment.inputs, **options.inputs}


def _load(
    options: RunOptions,
    environment: Environment,
    text: str | bytes | None = None,
    name: str = CONFIG_FILE,
    known_rules: Collection[str] | None = None,
) -> Loaded:
    given, fallbacks = inputs(options, environment), environment.fallbacks
    mode = options.mode or given.get("mode", "")
    return load(given, text, name, fallbacks=fallbacks, known_rules=known_rules, mode=mode)


def first_settings(options: RunOptions, environment: Environment) -> Settings:
    return _load(options, environment).settings


def settled(options: RunOptions, environment: Environment) -> dict[str, str]:
    """The inputs, with the `state-dir` that the organisation may have set, for what opens it before all else."""
    given = inputs(options, environment)
    try:
        return {**given, "state-dir": first_settings(options, environment).state_dir}
    except ConfigError:
        return given


def in_shadow(options: RunOptions, environment: Environment) -> bool:
    """Whether the workflow says that a gate stops nothing; where the organisation is not understood, it does not."""
    given = inputs(options, environment)
    try:
        loaded = _load(options, environment)
    except ConfigError:
        return not given.get("organisation-config") and given.get("enforce", "").strip() == "shadow"
    return loaded.precedence("enforce") >= Precedence.INPUT and loaded.settings.enforce == "shadow"


def any_settings(options: RunOptions, environment: Environment) -> Settings:
    """The first settings, or where they make no sense the defaults."""
    try:
        return first_settings(options, environment)
    except ConfigError:
        return settings_type()()


def prepare(
    mode: Mode[Any] | None,
    options: RunOptions,
    environment: Environment,
    cwd: Path,
    *,
    closing: ExitStack,
    known: Event | None = None,
) -> RunContext:
    """Read the event, open what it needs (`closing` closes it again), and settle the configuration.

    `known` is the event of a stage before this one; it counts only at a terminal, where there is no other: on Actions
    the job's own event says what may be written where.
    Raises ConfigError when something is wrong with any of them, ForgeRefused when GitHub would not show the pull
    request that `pull-request` names.
    """
    early = first_settings(options, environment)
    root = _root(options, environment, early, cwd)
    notices: list[str] = []
    repository = _repository(root, options, environment, notices)
    event = _event(options, environment, repository, known, early)
    if environment.on_actions:
        refuse_foreign_checkout(event, repository, environment.run.sha)
    offline = event.kind is EventKind.LOCAL and early.run_id is None and options.mode != "deploy-gate"
    token = early.github_token.get_secret_value()
    forge = None if offline or not (token and event.repo) else open_forge(token, event.repo, environment, closing)
    if early.run_id is not None:
        event = pull_of_run(named_run(event, early.run_id, forge), early.pull_request, forge)
    elif event.kind is EventKind.WORKFLOW_RUN:
        notices.clear()  # after somebody else's run nothing should be checked out
        event = pull_of_run(event, early.pull_request, forge)
    elif early.pull_request is not None:
        event = named_pull(event, early.pull_request, forge)
    elif mode is not None and event.comment is not None:
        event, is_served = _with_commented_pull(mode, event, forge)
        if not is_served:
            return RunContext(event, _load(options, environment), Ports())
        if environment.on_actions:
            refuse_foreign_checkout(event, repository, environment.run.sha)
    refuse_moved_checkout(event, repository, environment.run.sha, forge if environment.on_actions else None)
    text, notice = _config_text(event, early, repository, forge)
    named = _named_root(options, environment, early, cwd)
    notices += _on_lost_folder(named, root, repository, event.base.sha or event.default_branch)
    # One file, and one text of the organisation, serve all modes; some of them know no rules.
    known_rules = {*mode.rule_ids, "model"} if mode and mode.rule_ids else None
    loaded = _load(options, environment, text, early.config_file, known_rules)
    problems = (*([notice] if notice else []), *map(str, loaded.problems))
    workspace = Folder(_workspace(options, environment, cwd), root)
    from_workflow = frozenset(field for field in loaded.origins if loaded.precedence(field) in _WORKFLOW)
    ports = Ports(repository, forge, workspace, logs=_logs(options), problems=problems, told=from_workflow)
    return RunContext(
        event, loaded, ports, (*notices, *problems, *loaded.notices), repository.top if repository else None
    )


def _repository(root: Path, options: RunOptions, environment: Environment, notices: list[str]) -> GitRepository | None:
    """The clone, None where a run can do without one. Raises ConfigError."""
    try:
        return GitRepository(root, environment.system, server=environment.server_url, scratch=environment.scratch)
    except ConfigError as error:
        if options.base or not (environment.on_actions or options.logs):
            raise
        if environment.on_actions:
            notices.append(str(error))
        return None


def _with_commented_pull(mode: Mode[Any], event: Event, forge: Forge | None) -> tuple[Event, bool]:
    """The event of a comment with its pull request as it is now, and whether the mode has anything to do for it.

    Anybody may write a comment: one that says nothing to us costs no request, and one by who may not write only one.
    """
    if not mode.declines(event) and not mode.fails_closed:
        # A mode that fails closed asks by itself: to it a refusal is evidence.
        event = with_permission(event, forge)
    if mode.declines(event):
        return event, False
    return commented_pull(event, forge) if event.pull else event, True


def answers_folder(options: RunOptions, environment: Environment, settings: Settings, cwd: Path) -> Path | None:
    """Where answers are kept between runs, None when nowhere. Raises ConfigError when that is no place for them."""
    if not settings.cache_dir:
        return None
    try:
        folder = (cwd / Path(settings.cache_dir).expanduser()).resolve()
        inside = folder.is_relative_to(_root(options, environment, settings, cwd).resolve())
    except (OSError, RuntimeError, ValueError):
        raise ConfigError("`cache-dir` is not a path", remedy="Give the path of a directory") from None
    if inside and not settings.openai_api_key.get_secret_value():
        # With a key, what others put there is not signed; without one its secret would come from there, too.
        raise ConfigError(
            "`cache-dir` lies in the checkout, where a change could bring answers of its own",
            why="there is no key to sign them with",
            remedy="Give a directory outside of it",
        )
    return folder


def _named_root(options: RunOptions, environment: Environment, settings: Settings, cwd: Path) -> Path:
    workspace = _workspace(options, environment, cwd)
    return workspace if options.repo_dir else workspace / settings.working_directory


def _root(options: RunOptions, environment: Environment, settings: Settings, cwd: Path) -> Path:
    """`working-directory`, or the folder nearest to it: a change that renames it, or makes it a link, is still read."""
    workspace, named = _workspace(options, environment, cwd), _named_root(options, environment, settings, cwd)
    if not named.is_relative_to(workspace) or ".." in named.parts:
        return named
    folder = workspace
    for part in named.relative_to(workspace).parts:
        if (folder / part).is_symlink() or not (folder / part).is_dir():
            break
        folder /= part
    return folder


def _on_lost_folder(named: Path, root: Path, repository: GitRepository | None, base: str) -> list[str]:
    """A notice where the change has taken `working-directory` away. Raises ConfigError where it was never there."""
    if root == named:
        return []
    if repository is not None:
        path = PurePath(os.path.relpath(named, repository.top)).as_posix()
        if repository.has_folder(base, path):
            return [f"`working-directory` ({path}) is no folder any more: the whole checkout was looked at"]
    raise ConfigError(
        f"`working-directory` names no folder: {named}",
        why="neither the checkout nor the base has it",
        remedy="Correct it in the workflow, or fetch the base",
    )


def _workspace(options: RunOptions, environment: Environment, cwd: Path) -> Path:
    if options.repo_dir:
        return cwd / options.repo_dir
    return Path(environment.workspace) if environment.workspace else cwd


def _event(
    options: RunOptions,
    environment: Environment,
    repository: GitRepository | None,
    known: Event | None,
    settings: Settings,
) -> Event:
    path = options.event or environment.event_path
    if options.base:
        return _local(options.base, options, environment, repository)
    if options.logs or (settings.run_id is not None and not path):
        # A log, or a run that GitHub knows: there may be no change to compare it with.
        return local_event(Ref(), Ref(), repo=as_repo(environment.run.repository), actor=environment.run.actor)
    if options.command in {"config", "doctor"} and not path:
        return _local("HEAD", options, environment, repository)
    if not path and known is not None and known.kind is EventKind.LOCAL:
        return known
    if not path and options.mode == "analyse-failure":
        raise ConfigError("there is nothing to analyse", remedy="Give --log FILE, or --run-id N with GITHUB_TOKEN set")
    if not path:
        base = "" if environment.on_actions or repository is None else _default_base(repository)
        if repository is not None and repository.resolve("HEAD") is None:
            raise ConfigError("the repository has no commit yet", remedy="Commit something, and run this on a change")
        if not base or options.mode not in _OF_A_CHANGE:
            remedy = "At a terminal say `--base main`"
            raise ConfigError("there is no event", why="neither --base nor GITHUB_EVENT_PATH", remedy=remedy)
        return _local(base, options, environment, repository)
    name = options.event_name or environment.event_name
    if not name:
        raise ConfigError("the event has no name", remedy="Set GITHUB_EVENT_NAME or give --event-name")
    return parse_event(name, decode_payload(read_file(Path(path), "the event", PAYLOAD_LIMIT)), run=environment.run)


_OF_A_CHANGE = frozenset({"review", "gen-tests", "route"})
_BRANCHES = ("origin/HEAD", "origin/main", "origin/master", "main", "master", "develop")


def _default_base(repository: GitRepository) -> str:
    """What a change at a terminal most likely goes into: the remote's default branch, else one of the usual names."""
    return next((name for name in _BRANCHES if repository.resolve(name)), "")


def _local(name: str, options: RunOptions, environment: Environment, repository: GitRepository | None) -> Event:
    if repository is None:
        raise ConfigError("there is no checkout to review", remedy="Give --repo-dir")
    base = repository.resolve(name)
    if base is None:
        raise ConfigError(f"this clone has no commit called `{name}`", remedy="Fetch it, or give another --base")
    head = repository.resolve(options.head) if options.head else ""
    if head is None:
        raise ConfigError(
            f"this clone has no commit called `{options.head}`", remedy="Fetch it, or give another --head"
        )
    # A gate at a terminal asks GitHub what it asks in a job; the other modes have all that they need.
    repo = as_repo(environment.run.repository) if options.mode == "deploy-gate" else ""
    event = local_event(Ref(name, base), Ref(options.head, head), repo=repo, actor=environment.run.actor)
    return replace(event, sha=head or repository.resolve("HEAD") or "")


def open_forge(token: str, repo: str, environment: Environment, closing: ExitStack) -> "GitHubForge":
    """A repository on GitHub, until `closing` closes it."""
    from cicd_agent.adapters.github.forge import GitHubForge  # noqa: PLC0415  a local review never pays for it

    api_url, ca_bundle = environment.api_url, environment.ca_bundle
    forge = GitHubForge(token, repo, api_url=api_url, ca_bundle=ca_bundle, scratch=environment.scratch)
    return closing.enter_context(forge)


def _logs(options: RunOptions) -> LogFiles:
    """The logs that the command line names, each opened when it is read."""

    def opened(name: str) -> Callable[[Callable[[str], None]], Iterator[bytes]]:
        return lambda note: chunks(name, sys.stdin.buffer, note)

    return LogFiles(
        {Path(name).name: opened(name) for name in options.logs}, opened(options.green) if options.green else None
    )


def _config_text(
    event: Event, settings: Settings, repository: GitRepository | None, forge: Forge | None
) -> tuple[bytes | str | None, str]:
    """The config file of the base branch, and a notice when it is not known whether there is one."""
    path = settings.config_file
    commit = event.base.sha or event.default_branch
    if repository is not None and commit:
        if event.base.sha and repository.resolve(commit) is None:
            repository.ensure((event.base.sha, event.head.sha), settings.github_token.get_secret_value())
        if (sha := repository.resolve(commit)) is not None:
            return repository.blob(sha, path), ""
    if forge is not None and commit:
        try:
            return forge.text_at(path, commit), ""
        except ForgeRefused as error:
            return None, f"{path} of the base branch could not be read, defaults are in force: {error}"
    if commit and event.kind is not EventKind.LOCAL:
        why = "the base is not in this clone, and there is no `github-token` to ask GitHub with"
        return None, f"{path} of the base branch could not be read, defaults are in force: {why}"
    return None, ""
