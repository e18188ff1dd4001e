"""Which account book a run writes to: PostgreSQL by DATABASE_URL, else SQLite or JSON lines in a directory."""

from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from cicd_agent.adapters.storage.lines.store import LINES, LinesStore
from cicd_agent.domain.facts import FactKind, Known
from cicd_agent.domain.ports.storage import About, Store
from cicd_agent.errors import ConfigError, StoreRefused
from cicd_agent.settings.environment import Environment

if TYPE_CHECKING:
    from collections.abc import Mapping

LOCAL: Final = "local"
"""The chain of runs that belong to no repository on GitHub."""
DATABASE: Final = "state.db"
POSTGRESQL: Final = ("postgres:", "postgresql:", "postgresql+psycopg:")
"""How the URLs of databases begin that can hold a book; another one is the project's own."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A store, and what a reader has to know of how it came to be this one, "" when nothing.

    `ends` is whether it is gone with the job, unless somebody uploads it.
    """

    store: Store
    note: str = ""
    ends: bool = False


def chain_of(repository: str, server_url: str) -> str:
    """The name of a repository's chain: with its server, where that is not github.com."""
    host = urlsplit(server_url).netloc.lower()
    is_elsewhere = host not in {"", "github.com"} and repository.count("/") == 1
    return f"{host}/{repository}" if is_elsewhere else repository


def require_begun(inputs: "Mapping[str, str]", cwd: Path) -> None:
    """Refuse a `state-dir` without a book: who only reads makes none. Raises ConfigError."""
    told = inputs.get("state-dir", "").strip()
    if not told or told.lower() == "off":
        return
    try:
        folder = cwd / Path(told).expanduser()
        is_there = any((folder / name).exists() for name in (DATABASE, LINES))
    except (OSError, RuntimeError, ValueError):
        return  # what is wrong with the path, opening it will say
    if not is_there:
        raise ConfigError(
            "there is no account book in `state-dir`",
            why=f"{told} holds neither {DATABASE} nor {LINES}",
            remedy="Give the directory that runs were given as `state-dir`",
        )


def open_store(inputs: "Mapping[str, str]", environment: Environment, cwd: Path) -> Opened | None:
    """The store of a run or a command; None where nothing says that anything is kept.

    Raises StoreRefused when it cannot be opened, ConfigError when `state-dir` is no place for it.
    """
    told = inputs.get("state-dir", "").strip()
    if told.lower() == "off":
        return None
    if told:
        return _in_folder(_folder(told, environment, cwd))
    if environment.database_url.startswith(POSTGRESQL):
        from cicd_agent.adapters.storage.sql.store import SqlStore  # noqa: PLC0415  see `_in_folder`

        return Opened(SqlStore.open(environment.database_url))
    if environment.on_actions and environment.runner_temp:
        # It ends with the job: a file that can be uploaded is enough, and costs nothing to begin.
        folder = _made(Path(environment.runner_temp) / "cicd-agent" / "state")
        note = "DATABASE_URL is of no PostgreSQL, and not used for the account book" if environment.database_url else ""
        return Opened(LinesStore(folder), note, ends=True)
    return None


def existing_store(inputs: "Mapping[str, str]", environment: Environment, cwd: Path) -> Opened | None:
    """The store that runs have written, for who only looks into it: at a terminal none is made."""
    if not environment.on_actions:
        # On a runner the first job of all finds no book yet, and says so; here it is a slip of the fingers.
        require_begun(inputs, cwd)
    return open_store(inputs, environment, cwd)


def _in_folder(folder: Path) -> Opened:
    """SQLite, where its library is installed and nobody has begun another book there."""
    lines = folder / LINES
    if lines.exists() and not (folder / DATABASE).exists():
        return Opened(LinesStore(folder))
    if find_spec("sqlalchemy") is None:
        if (folder / DATABASE).exists():
            raise StoreRefused(
                f"{folder / DATABASE} cannot be read",
                why="SQLAlchemy is not installed",
                remedy="Install cicd-agent[state]",
            )
        return Opened(LinesStore(folder), "the account book is in JSON lines: for SQLite install cicd-agent[state]")
    from cicd_agent.adapters.storage.sql.store import SqlStore  # noqa: PLC0415  who keeps nothing in a database never pays

    return Opened(SqlStore.open(folder / DATABASE))


def _folder(told: str, environment: Environment, cwd: Path) -> Path:
    """The directory, made if need be; not in the checkout, where a change could bring a book of its own."""
    try:
        folder = (cwd / Path(told).expanduser()).resolve()
        workspace = Path(environment.workspace or cwd).resolve()
        inside = folder.is_relative_to(workspace) and environment.on_actions
    except (OSError, RuntimeError, ValueError):
        raise ConfigError("`state-dir` is not a path", remedy="Give the path of a directory") from None
    if inside:
        raise ConfigError(
            "`state-dir` lies in the checkout, where a change could bring decisions of its own",
            remedy="Give a directory outside of it, such as ${{ runner.temp }}/state",
        )
    return _made(folder)


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        why = error.strerror or str(error)
        raise StoreRefused(f"`state-dir` {folder} cannot be used", why=why, remedy="Give another one") from None
    return folder


@dataclass(frozen=True, slots=True)
class StoredState:
    """What a store knows of one repository, as modes may ask for it: `chain` is its name there, `name` its own.

    A store that has refused once is not asked again: it would have every question wait for as long.
    """

    store: Store
    chain: str
    name: str
    refused: list[str] = field(default_factory=list)

    def known(self, kind: FactKind, subject: str = "", sha: str = "", most: int = 20) -> Known:
        """The facts of a kind, newest first; what the store refuses is a limit."""
        if self.refused:
            return Known(limits=tuple(self.refused))
        try:
            found = self.store.facts(About(self.chain, kind, subject, sha, most))
        except StoreRefused as error:
            self.refused.append(str(error))
            return Known(limits=tuple(self.refused))
        ours = tuple(replace(fact, repository=self.name) for fact in found if fact.repository == self.chain)
        return Known(ours, trusted=self.store.is_guarded)
