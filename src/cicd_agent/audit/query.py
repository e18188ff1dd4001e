"""Reads decisions from the account book for the commands that judge them."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from cicd_agent.app.storage import LOCAL, chain_of
from cicd_agent.cli.parser import Options
from cicd_agent.domain.audit_entry import Kind, Row
from cicd_agent.domain.ports.storage import Store, Wanted
from cicd_agent.errors import ConfigError
from cicd_agent.insights.accuracy.decisions import Entered, entered
from cicd_agent.settings.environment import Environment

MOST_ENTRIES: Final = 5_000
"""Runs of one mode that are read from the account book, the newest."""


def whose(options: Options, environment: Environment, store: Store | None) -> str:
    """The chain whose decisions are looked at: of what is named, else the only one that the book knows."""
    if named := options.repository or environment.run.repository:
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


def read_book(store: Store, repository: str, modes: Sequence[str], since: int = 0) -> Entered:
    """What the book holds of these modes, the newest first. Raises StoreRefused."""
    counts: Counter[str] = Counter()

    def rows() -> Iterator[Row]:
        for mode in modes:
            wanted = Wanted(repository=repository, kind=Kind.RUN, mode=mode, since=since, most=MOST_ENTRIES)
            for row in store.find(wanted):
                counts[mode] += 1
                yield row

    told = entered(rows())
    cut = [
        f"only the newest {MOST_ENTRIES:,} runs of {mode} were read" for mode in modes if counts[mode] >= MOST_ENTRIES
    ]
    return replace(told, limits=(*cut, *told.limits))
