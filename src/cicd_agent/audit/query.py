"""Which chains of the account book a command is about."""

from cicd_agent.app.storage import LOCAL, chain_of
from cicd_agent.domain.ports.storage import Store
from cicd_agent.errors import ConfigError
from cicd_agent.settings.environment import Environment


def whose(repository: str, environment: Environment, store: Store | None) -> str:
    """The chain whose decisions are looked at: of what is named, else the only one that the book knows."""
    if named := repository or environment.run.repository:
        return chain_of(named, environment.server_url)
    known = [each for each in store.repositories() if each != LOCAL] if store else []
    if len(known) > 1:
        shown = ", ".join(known[:5])
        raise ConfigError(
            "the account book holds several repositories", why=shown, remedy="Give --repository OWNER/NAME"
        )
    return known[0] if known else ""


def chains(store: Store, repository: str) -> tuple[str, ...]:
    """The chains that are asked for, all without a name. Raises ConfigError when there is none of that name."""
    known = store.repositories()
    if repository and repository not in known:
        few = ", ".join(known[:5])
        remedy = f"Give one that is there: {few}" if few else "Nothing has been entered yet"
        raise ConfigError(f"there is no chain of {repository}", remedy=remedy)
    return (repository,) if repository else known
