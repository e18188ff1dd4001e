"""Which audit log a run writes to: PostgreSQL by DATABASE_URL, else SQLite in a directory, else none."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from cicd_agent.domain.facts import FactKind, FactSet
from cicd_agent.domain.ports.storage import FactQuery, Store
from cicd_agent.errors import ConfigError, StoreRefused
from cicd_agent.settings.environment import Environment

OpenLog = Callable[[Mapping[str, str], Environment, Path], Store | None]
"""Opens the audit log that inputs and environment name, seen from a folder."""
DATABASE: Final = "state.db"
POSTGRESQL: Final = ("postgres:", "postgresql:", "postgresql+psycopg:")
"""How the URLs of databases begin that can hold an audit log; another one is the project's own."""


def open_store(inputs: Mapping[str, str], environment: Environment, cwd: Path) -> Store | None:
    """None where nothing is stored. Raises StoreRefused, and ConfigError when `state-dir` is no place for it."""
    state_dir = inputs.get("state-dir", "").strip()
    if state_dir.lower() == "off":
        return None
    location: str | Path
    if state_dir:
        location = _folder(state_dir, environment, cwd) / DATABASE
    elif environment.database_url.startswith(POSTGRESQL):
        location = environment.database_url
    else:
        return None
    from cicd_agent.adapters.storage.store import SqlStore  # noqa: PLC0415  who stores nothing never pays

    return SqlStore.open(location)


def existing_store(inputs: Mapping[str, str], environment: Environment, cwd: Path) -> Store | None:
    """The store that runs have written, for who only reads it: at a terminal none is made. Raises ConfigError."""
    state_dir = inputs.get("state-dir", "").strip()
    # On a runner the first job of all finds no log yet, and says so; here it is a slip of the fingers.
    if not environment.on_actions and state_dir and state_dir.lower() != "off":
        exists = True
        with suppress(OSError, RuntimeError, ValueError):  # what is wrong with the path, opening it will say
            exists = (cwd / Path(state_dir).expanduser() / DATABASE).exists()
        if not exists:
            raise ConfigError(
                "there is no audit log in `state-dir`",
                why=f"{state_dir} does not hold {DATABASE}",
                remedy="Give the directory that runs were given as `state-dir`",
            )
    return open_store(inputs, environment, cwd)


def _folder(name: str, environment: Environment, cwd: Path) -> Path:
    """The directory, made if need be; not in the checkout, where a change could bring a log of its own."""
    try:
        folder = (cwd / Path(name).expanduser()).resolve()
        workspace = Path(environment.workspace or cwd).resolve()
        is_inside = folder.is_relative_to(workspace) and environment.on_actions
    except (OSError, RuntimeError, ValueError):
        raise ConfigError("`state-dir` is not a path", remedy="Give the path of a directory") from None
    if is_inside:
        raise ConfigError(
            "`state-dir` lies in the checkout, where a change could bring decisions of its own",
            remedy="Give a directory outside of it, such as ${{ runner.temp }}/state",
        )
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise StoreRefused(f"`state-dir` {folder} cannot be used", why=reason, remedy="Give another one") from None
    return folder


@dataclass(frozen=True, slots=True)
class StoredState:
    """What a store knows of one repository: `chain` is its name there. A store that has refused is not asked again."""

    store: Store
    chain: str
    name: str
    refusals: list[str] = field(default_factory=list)

    def find(self, kind: FactKind, subject: str = "", sha: str = "", limit: int = 20) -> FactSet:
        """The facts of a kind, newest first; what the store refuses is a limit."""
        if self.refusals:
            return FactSet(limits=tuple(self.refusals))
        try:
            stored = self.store.facts(FactQuery(self.chain, kind, subject, sha, limit))
        except StoreRefused as error:
            self.refusals.append(str(error))
            return FactSet(limits=tuple(self.refusals))
        facts = tuple(replace(fact, repository=self.name) for fact in stored if fact.repository == self.chain)
        return FactSet(facts, trusted=self.store.is_authenticated)
