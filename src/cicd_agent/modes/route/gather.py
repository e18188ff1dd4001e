"""What routing looks at: the change, its history, and the test map; whatever is in doubt makes the plan full."""

from collections.abc import Iterator
from math import inf

from cicd_agent.domain.events.event import Event
from cicd_agent.domain.evidence import Evidence, Gap
from cicd_agent.domain.fact_trust import merge_facts, valid_facts
from cicd_agent.domain.facts import FactKind, FactSet
from cicd_agent.domain.repository.change import Change
from cicd_agent.errors import ConfigError, ForgeRefused
from cicd_agent.modes.protocol import Ports
from cicd_agent.modes.route import uncertainty
from cicd_agent.modes.route.evidence import ROUTE_EVIDENCE, RouteEvidence
from cicd_agent.modes.shared.change_reader import gaps, read_change
from cicd_agent.modes.shared.risk_history import read_past
from cicd_agent.settings.schema import Settings


def gather(event: Event, world: Ports, settings: Settings) -> Evidence:
    """Evidence of the change, or the doubt in its place. Raises nothing for what can be doubted."""
    change, doubt = _change(event, world, settings)
    if change is None:
        return Evidence(event).put(ROUTE_EVIDENCE, RouteEvidence((doubt, *_misconfigured(world))))
    history, learnt, missed = read_past(change, world, settings, event)
    affected = world.reach(change) if world.reach is not None else None
    known = _known(change, event, world)
    uncertain = (
        *uncertainty.of_change(change),
        *uncertainty.of_history(history, missed),
        *_misconfigured(world),
        *uncertainty.of_base(known, change.base),
    )
    return Evidence(
        event,
        change,
        gaps=(
            *gaps(change, settings),
            *missed,
            *(Gap("", limit) for limit in (history.limits if history else ())),
            *(Gap("", f"what earlier runs have left was not read: {limit}".rstrip(".")) for limit in known.limits),
        ),
        history=history,
        learnt=learnt,
        known=known,
    ).put(ROUTE_EVIDENCE, RouteEvidence(tuple(dict.fromkeys(uncertain)), affected))


def _change(event: Event, world: Ports, settings: Settings) -> tuple[Change | None, str]:
    """The change, or why there is none."""
    if doubt := uncertainty.of_event(event):
        return None, doubt
    try:
        return read_change(event, world, settings), ""
    except (ConfigError, ForgeRefused) as error:
        return None, f"the change could not be read: {error}".rstrip(".")


def _known(change: Change, event: Event, world: Ports) -> FactSet:
    """What earlier runs have left of the commit that the change begins from."""
    state = world.state
    if state is None or not event.repo or not change.base:
        return FactSet()
    read = (state.find(FactKind.TESTS, change.base), state.find(FactKind.FAILURE, sha=change.base))
    # Where nobody may look at a clock, nothing lies in the future.
    return valid_facts(merge_facts(read), event.repo, world.now() or inf)


def _misconfigured(world: Ports) -> Iterator[str]:
    for problem in world.problems:
        yield f"not all of the configuration is in force: {problem}".rstrip(".")
