"""`cicd-agent init`: three questions, or flags in their place, and the files that follow from the answers."""

import json
import re
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files as resources
from pathlib import Path
from typing import Final, TextIO
from urllib.parse import urlsplit

import click

from cicd_agent.adapters.files import write_file
from cicd_agent.adapters.git.repository import GitRepository
from cicd_agent.app.context import first_settings
from cicd_agent.app.session import Session
from cicd_agent.cli.options import command, repo_dir_option
from cicd_agent.domain.modes import MODES
from cicd_agent.domain.ports.forge import Repository
from cicd_agent.errors import ConfigError, Exit
from cicd_agent.modes import contract_of
from cicd_agent.settings.environment import Environment
from cicd_agent.settings.schema import ModeName

CHECKOUT: Final = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1"
SETUP_PYTHON: Final = "actions/setup-python@5fda3b95a4ea91299a34e894583c3862153e4b97 # v7.0.0"
UPLOAD: Final = "actions/upload-artifact@043fb46d1a93c77aae656e7c1c64a875d1fc6a0a # v7.0.1"
DOWNLOAD: Final = "actions/download-artifact@3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c # v8.0.1"
FOLDER: Final = ".github/workflows"
CONFIG: Final = ".github/cicd-agent.yml"
BACKTEST: Final = "cicd-agent deploy-gate --backtest 30d --input environment=production"
_MAX_WORKFLOWS = 100
_MAX_BYTES = 100_000
_FLAGS = "--modes review,analyse-failure --forks no --model none, or --yes"


@dataclass(frozen=True, slots=True)
class Answers:
    """`model` is "none", "openai", or the address of a compatible server, `watched` are names of workflows."""

    modes: tuple[ModeName, ...] = ("review",)
    forks: bool = False
    model: str = "none"
    branch: str = "main"
    watched: tuple[str, ...] = ("ci",)

    @property
    def asks(self) -> bool:
        return self.model != "none"


_YES_OR_NO: Final = {"yes": True, "y": True, "no": False, "n": False}


@dataclass(frozen=True, slots=True)
class Prompt:
    """A person at a terminal."""

    out: TextIO
    read: Callable[[], str]

    def ask(self, question: str, otherwise: str, valid: Callable[[str], bool]) -> str:
        """An answer that is valid; nothing is the default. Raises ConfigError when nobody answers any more."""
        while True:
            self.out.write(f"{question} [{otherwise}] ")
            self.out.flush()
            line = self.read()
            if not line:
                raise ConfigError("init was not answered", remedy="Answer, or give flags")
            answer = line.strip() or otherwise
            if valid(answer):
                return answer
            self.out.write("  That is none of the answers.\n")


@command
@click.option("--modes", metavar="LIST", help=f"what it should do, between commas or blanks: {', '.join(MODES)}")
@click.option(
    "--forks", type=click.Choice(("yes", "no", "y", "n")), metavar="yes|no", help="whether people contribute from forks"
)
@click.option("--model", metavar="WHO", help="none, openai, or the address of an OpenAI-compatible server")
@click.option("--yes", is_flag=True, help="take the default for what no option says: review, no, none")
@click.option("--force", is_flag=True, help="overwrite files that are there already")
@click.option("--dry-run", is_flag=True, help="print the files and write nothing")
@repo_dir_option("the current directory")
def init(session: Session, *, yes: bool, force: bool, modes: str = "", forks: str = "", model: str = "") -> int:
    """What is there already is overwritten with --force alone."""
    options, console = session.options, session.console
    top, branch, server = _locate(options.repo_dir, session.environment)
    known = Answers(branch=branch, watched=_watched(top))
    is_terminal = sys.stdin is not None and sys.stdin.isatty()
    prompt = Prompt(sys.stdout, sys.stdin.readline) if is_terminal else None
    answers = _answers({"modes": modes, "forks": forks, "model": model}, prompt, known, defaults=yes)
    made = files(answers)
    there = [path for path in made if (top / path).exists() or (top / path).is_symlink()]
    if options.dry_run:
        console.print("\n".join(f"--- {path}\n{text}" for path, text in made.items()))
        return Exit.OK
    if there and not force:
        raise ConfigError(
            f"{', '.join(there)} {'is' if len(there) == 1 else 'are'} there already",
            remedy="Look at what would be written with --dry-run, and overwrite it with --force",
        )
    for path, text in made.items():
        _write(top, path, text)
    has_token = bool(first_settings(options, session.environment).github_token.get_secret_value())
    console.print("\n".join(_next_steps(made, answers, server, has_token=has_token)))
    return Exit.OK


def _locate(repo_dir: str, environment: Environment) -> tuple[Path, str, str]:
    """The top of the checkout, its default branch, and the host of its remote, "" without one."""
    start = Path(repo_dir) if repo_dir else Path.cwd()
    try:
        repository = GitRepository(start, environment.system)
    except ConfigError as error:
        why = error.why or error.what
        raise ConfigError("this is no git repository", why=why, remedy="Go into one, or give --repo-dir") from None
    return repository.top, default_branch(repository, repository.top), _host(repository.top)


def default_branch(repository: Repository, top: Path) -> str:
    """The branch that the remote begins with, else the first of the usual names that the clone has."""
    head = top / ".git/refs/remotes/origin/HEAD"
    if head.is_file() and (match := re.match(r"ref: refs/remotes/origin/(\S+)", head.read_text("utf-8", "replace"))):
        return match[1]
    return next((name for name in ("main", "master", "develop") if repository.resolve(f"refs/heads/{name}")), "main")


def _host(top: Path) -> str:
    config = top / ".git/config"
    text = config.read_text("utf-8", "replace")[:_MAX_BYTES] if config.is_file() else ""
    match = re.search(r"(?m)^\s*url\s*=\s*(?:https?://|ssh://git@|git@)(?:[^@/\s]*@)?([\w.-]+)", text)
    return match[1].lower() if match else ""


def _watched(top: Path) -> tuple[str, ...]:
    """The names of the workflows that are there, without ours: those whose failures are worth an explanation."""
    names = []
    for path in sorted((top / FOLDER).glob("*.y*ml"))[:_MAX_WORKFLOWS]:
        if path.name.startswith("cicd-agent") or not path.is_file() or path.stat().st_size > _MAX_BYTES:
            continue
        match = re.search(r"(?m)^name:\s*(.+?)\s*(?:#.*)?$", path.read_text("utf-8", "replace"))
        names.append(match[1].strip("'\"") if match else f"{FOLDER}/{path.name}")
    return tuple(name for name in names if name.isprintable()) or ("ci",)


def _answers(options: Mapping[str, str], prompt: Prompt | None, known: Answers, *, defaults: bool) -> Answers:
    """Options come first; what they leave open is asked, or with `defaults` not."""
    answers = {**options}
    if not defaults and not all(answers.values()) and prompt is None:
        raise ConfigError("init has questions and no terminal to ask them", remedy=f"Give {_FLAGS}")
    questions: Mapping[str, tuple[str, str, Callable[[str], bool]]] = {
        "modes": (f"What should it do? Of {', '.join(MODES)}:", "review", lambda text: not _unknown(text)),
        "forks": ("Do people contribute from forks? yes or no:", "no", lambda text: text.lower() in _YES_OR_NO),
        "model": ("Which model? none, openai, or the address of a compatible server:", "none", _is_model),
    }
    for name, (question, otherwise, valid) in questions.items():
        if answers[name] and not valid(answers[name]):
            raise ConfigError(f"--{name} {answers[name]} is none of the answers", remedy=question.rstrip(":"))
        if not answers[name]:
            answers[name] = otherwise if defaults or prompt is None else prompt.ask(question, otherwise, valid)
    chosen = tuple(mode for mode in MODES if mode in _names(answers["modes"]))
    return replace(known, modes=chosen, forks=_YES_OR_NO[answers["forks"].lower()], model=answers["model"])


def _names(text: str) -> list[str]:
    return text.replace(",", " ").split()


def _unknown(text: str) -> bool:
    names = _names(text)
    return not names or not {*names} <= {*MODES}


def _is_model(text: str) -> bool:
    if text in {"none", "openai"}:
        return True
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return (
        parts.scheme in {"http", "https"} and bool(parts.hostname) and re.fullmatch(r"[\w.:/\[\]-]+", text) is not None
    )


def _write(top: Path, path: str, text: str) -> None:
    """In its place and nowhere else: no folder on the way may be a link."""
    for parent in reversed((top / path).relative_to(top).parents):
        if (top / parent).is_symlink():
            raise ConfigError(f"{parent} is a link", remedy="Put a folder in its place")
    (top / path).parent.mkdir(parents=True, exist_ok=True)
    write_file(top / path, text)


def _next_steps(made: Mapping[str, str], answers: Answers, host: str, *, has_token: bool = False) -> Iterator[str]:
    yield from (f"wrote {path}" for path in made)
    yield ""
    steps = ["git add .github && git commit --message 'Add cicd-agent', on a branch; then open a pull request"]
    if answers.asks:
        steps.append("gh secret set OPENAI_API_KEY" + (f" --repo {host}/OWNER/NAME" if _is_elsewhere(host) else ""))
    if _is_elsewhere(host):
        steps.append(f"on {host}: mirror org/cicd-agent there, or let GitHub Connect fetch it")
    if has_token and "deploy-gate" in answers.modes:
        steps.append(f"{BACKTEST}, to see what the gate would have held last month")
    steps.append("cicd-agent doctor")
    yield from (f"{number}. {step}" for number, step in enumerate(steps, 1))


def _is_elsewhere(host: str) -> bool:
    return host not in {"", "github.com"}


def files(answers: Answers) -> dict[str, str]:
    """Every file by its path from the top of the repository."""
    templates = tomllib.loads(resources("cicd_agent.cli").joinpath("workflows.toml").read_text("utf-8"))
    made = {f"{FOLDER}/cicd-agent-{mode}.yml": _workflow(mode, templates, answers) for mode in answers.modes}
    if "review" in answers.modes and answers.forks and answers.asks:
        for name in ("fork-gather", "fork-post"):
            lines = {**_steps("review", answers), "checkout": checkout_step("the merge base has to be there")}
            made[f"{FOLDER}/cicd-agent-{name}.yml"] = _filled(templates[name], lines)
    fail_on = ["# fail-on: off # later: high, or critical"] if "review" in answers.modes else []
    return made | {CONFIG: _filled(templates["config"], {"fail-on": fail_on})}


def _workflow(mode: ModeName, templates: Mapping[str, str], answers: Answers) -> str:
    forks, condition = "", ""
    if answers.forks and answers.asks:
        forks = "# Those from forks are reviewed by cicd-agent-fork-gather.yml and cicd-agent-fork-post.yml."
        condition = "    if: github.event.pull_request.head.repo.full_name == github.repository"
    elif answers.forks:
        forks = "# On those from forks the token can only read: the result is in annotations and the step summary."
    contract = contract_of(mode)
    workflows = f"    workflows: [{', '.join(map(json.dumps, answers.watched))}] # whose failures are explained"
    lines = {
        **_steps(mode, answers),
        "forks": [forks] if forks else [],
        "no-forks": [condition] if condition else [],
        "permissions": [f"      {each.name}: {each.access} # {each.why}" for each in contract.needed],
        "checkout": checkout_step(contract.history),
        "watched": [workflows],
        "branches": [f"    branches: [{json.dumps(answers.branch)}]"],
    }
    return _filled(templates.get(mode, templates["other"].replace("<mode>", mode)), lines)


def _steps(mode: ModeName, answers: Answers) -> dict[str, Sequence[str]]:
    """The lines of the steps that depend on the answers."""
    key = "openai-api-key: ${{ secrets.OPENAI_API_KEY }} # empty on forks: rules only"
    if answers.model == "none":
        inputs = ["model: 'off' # rules only; a model says more"]
    elif answers.model == "openai":
        inputs = [key]
    else:
        inputs = [f"base-url: {answers.model}", key, "model: your-model # as the server calls it"]
    model = [f"          {line}" for line in inputs]
    return {
        "model": model,
        "agent": [f"      - uses: org/cicd-agent/{mode}@v1", "        id: agent", "        with:", *model],
        "setup-python": [f"      - uses: {SETUP_PYTHON}"],
        "upload": [f"      - uses: {UPLOAD}"],
        "download": [f"      - uses: {DOWNLOAD}"],
    }


def checkout_step(reason: str) -> Sequence[str]:
    """The step that every job of ours begins with, by its lines."""
    return (
        f"      - uses: {CHECKOUT}",
        "        with:",
        f"          fetch-depth: 0 # {reason}",
        "          persist-credentials: false",
    )


def _filled(template: str, lines: Mapping[str, Sequence[str]]) -> str:
    result: list[str] = []
    for line in template.splitlines():
        result += lines[line.strip("<>")] if line.startswith("<") else [line]
    return "\n".join(result) + "\n"
