"""`cicd-agent init`: three questions, or flags in their place, and the files that follow from the answers."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import click

from cicd_agent.adapters.files import write_file
from cicd_agent.adapters.git.repository import GitRepository
from cicd_agent.app.session import Session
from cicd_agent.cli.init.scaffold import CONFIG, FOLDER, Answers, files
from cicd_agent.cli.options import command, repo_dir_option
from cicd_agent.cli.prompts import Asker, terminal
from cicd_agent.domain.modes import MODES
from cicd_agent.errors import ConfigError, Exit
from cicd_agent.modes import contract_of
from cicd_agent.settings.document import Block, InvalidDocument, Value, parse_document
from cicd_agent.settings.environment import Environment
from cicd_agent.settings.loader import lint

_OURS = re.compile(r"org/cicd-agent/([a-z-]+)@v1")
_MOST = 100
_SIZE = 100_000
_FLAGS = "--modes review,analyse-failure --forks no --model none, or --yes"


@command
@click.option("--modes", metavar="LIST", help=f"what it should do, between commas: {', '.join(MODES)}")
@click.option("--forks", type=click.Choice(("yes", "no")), help="whether people contribute from forks")
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
    answers = _answers({"modes": modes, "forks": forks, "model": model}, terminal(), known, defaults=yes)
    made = files(answers)
    _require_valid(made)
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
    console.print("\n".join(_told(made, answers, server)))
    return Exit.OK


def _locate(repo_dir: str, environment: Environment) -> tuple[Path, str, str]:
    """The top of the checkout, its default branch, and the host of its remote, "" without one."""
    start = Path(repo_dir) if repo_dir else Path.cwd()
    try:
        repository = GitRepository(start, environment.system)
    except ConfigError as error:
        why = error.why or error.what
        raise ConfigError("this is no git repository", why=why, remedy="Go into one, or give --repo-dir") from None
    branch = next((name for name in ("main", "master", "develop") if repository.resolve(f"refs/heads/{name}")), "main")
    head = repository.top / ".git/refs/remotes/origin/HEAD"
    if head.is_file() and (found := re.match(r"ref: refs/remotes/origin/(\S+)", head.read_text("utf-8", "replace"))):
        branch = found[1]
    return repository.top, branch, _host(repository.top)


def _host(top: Path) -> str:
    config = top / ".git/config"
    text = config.read_text("utf-8", "replace")[:_SIZE] if config.is_file() else ""
    found = re.search(r"(?m)^\s*url\s*=\s*(?:https?://|ssh://git@|git@)(?:[^@/\s]*@)?([\w.-]+)", text)
    return found[1].lower() if found else ""


def _watched(top: Path) -> tuple[str, ...]:
    """The names of the workflows that are there, without ours: those whose failures are worth an explanation."""
    names = []
    for path in sorted((top / FOLDER).glob("*.y*ml"))[:_MOST]:
        if path.name.startswith("cicd-agent") or not path.is_file() or path.stat().st_size > _SIZE:
            continue
        found = re.search(r"(?m)^name:\s*(.+?)\s*(?:#.*)?$", path.read_text("utf-8", "replace"))
        names.append(found[1].strip("'\"") if found else f"{FOLDER}/{path.name}")
    return tuple(name for name in names if name.isprintable()) or ("ci",)


def _answers(options: Mapping[str, str], asker: Asker | None, known: Answers, *, defaults: bool) -> Answers:
    """Options come first; what they leave open is asked, or with `defaults` not."""
    answers = {**options}
    if not defaults and not all(answers.values()) and asker is None:
        raise ConfigError("init has questions and no terminal to ask them", remedy=f"Give {_FLAGS}")
    questions: Mapping[str, tuple[str, str, Callable[[str], bool]]] = {
        "modes": (f"What should it do? Of {', '.join(MODES)}:", "review", lambda text: not _unknown(text)),
        "forks": ("Do people contribute from forks? yes or no:", "no", lambda text: text in {"yes", "no"}),
        "model": ("Which model? none, openai, or the address of a compatible server:", "none", _is_model),
    }
    for name, (question, otherwise, valid) in questions.items():
        if answers[name] and not valid(answers[name]):
            raise ConfigError(f"--{name} {answers[name]} is none of the answers", remedy=question.rstrip(":"))
        if not answers[name]:
            answers[name] = otherwise if defaults or asker is None else asker.ask(question, otherwise, valid)
    chosen = tuple(mode for mode in MODES if mode in _names(answers["modes"]))
    return replace(known, modes=chosen, forks=answers["forks"] == "yes", model=answers["model"])


def _names(text: str) -> list[str]:
    return [name for part in text.split(",") if (name := part.strip())]


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


def _require_valid(made: Mapping[str, str]) -> None:
    """Raises AssertionError, a bug of ours, when what would be written is not what our own action takes."""
    for path, text in made.items():
        if path == CONFIG:
            assert not lint(text), path  # noqa: S101  no answer of a user's can make it wrong
            continue
        try:
            jobs = _at(parse_document(text), "jobs")
        except InvalidDocument as error:
            raise AssertionError(path) from error
        for job in jobs.entries if isinstance(jobs, Block) else ():
            _require_job(path, job.value)


def _require_job(path: str, job: Value) -> None:
    granted = _at(job, "permissions")
    steps = _at(job, "steps")
    for step in steps if isinstance(steps, tuple) else ():
        if found := _OURS.fullmatch(str(_at(step, "uses"))):
            mode = found[1]
            given = _at(step, "with")
            names = {each.key for each in given.entries} if isinstance(given, Block) else set[str]()
            assert names <= {*contract_of(mode).inputs}, path  # noqa: S101
            if _at(given, "stage") is None and _at(given, "evidence-file") is None:
                held = {each.key: each.value for each in granted.entries} if isinstance(granted, Block) else {}
                least = {each.name: each.access for each in contract_of(mode).needed}
                assert least.items() <= held.items(), path  # noqa: S101


def _at(value: Value, key: str) -> Value:
    entries = value.entries if isinstance(value, Block) else ()
    return next((each.value for each in entries if each.key == key), None)


def _write(top: Path, path: str, text: str) -> None:
    """In its place and nowhere else: no folder on the way may be a link."""
    for parent in reversed((top / path).relative_to(top).parents):
        if (top / parent).is_symlink():
            raise ConfigError(f"{parent} is a link", remedy="Put a folder in its place")
    (top / path).parent.mkdir(parents=True, exist_ok=True)
    write_file(top / path, text)


def _told(made: Mapping[str, str], answers: Answers, host: str) -> Iterator[str]:
    yield from (f"wrote {path}" for path in made)
    yield ""
    steps = ["git add .github && git commit --message 'Add cicd-agent', on a branch; then open a pull request"]
    if answers.asks:
        steps.append("gh secret set OPENAI_API_KEY" + (f" --repo {host}/OWNER/NAME" if _is_elsewhere(host) else ""))
    if _is_elsewhere(host):
        steps.append(f"on {host}: mirror org/cicd-agent there, or let GitHub Connect fetch it")
    steps.append("cicd-agent doctor")
    yield from (f"{number}. {step}" for number, step in enumerate(steps, 1))


def _is_elsewhere(host: str) -> bool:
    return host not in {"", "github.com"}
