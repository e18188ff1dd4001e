"""The services that a change touches, as a report names them."""

from collections.abc import Iterator, Sequence

from cicd_agent.analysis.risk.team_policy import AffectedService
from cicd_agent.modes.shared.blocks import first_parts
from cicd_agent.rendering.page import Block, Paragraph, code, strong

_MAX_NAMED = 8


def services_block(services: Sequence[AffectedService]) -> Iterator[Block]:
    for service in services[:_MAX_NAMED]:
        tier = f", tier {service.tier}" if service.tier else ""
        owner = (", owner ", code(service.owner)) if service.owner else ()
        users = (", used by ", first_parts([code(name) for name in service.consumers], _MAX_NAMED))
        yield Paragraph(
            (strong("Service"), " ", code(service.name), tier, *owner, *(users if service.consumers else ()), ".")
        )
    if len(services) > _MAX_NAMED:
        yield Paragraph(f"And {len(services) - _MAX_NAMED:,} more services.")
