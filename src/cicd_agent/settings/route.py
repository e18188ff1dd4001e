"""The settings of `route`, and of `gate-result`."""

from typing import Annotated, Literal

from pydantic import Field

from cicd_agent.settings.section import Group, Section, file_only, input_only

RiskWord = Literal["low", "medium", "high", "critical"]


class Route(Group):
    """What is done for changes of one level of risk; what is left out stays as the routing table has it."""

    tests: Literal["none", "affected", "full", "extended"] | None = None
    build: Literal["cached", "full"] | None = None
    strategy: Literal["rolling", "canary", "blue_green", "direct"] | None = None
    canary_percentage: Annotated[int | None, Field(ge=0, le=100)] = None
    monitor_minutes: Annotated[int | None, Field(ge=0, le=1_440)] = None


class RouteSettings(Section):
    """What is set for route alone."""

    needs: str = input_only("For `gate-result`: the jobs that it waits for and how they ended, `toJSON(needs)`.", "")
    jobs: tuple[str, ...] = input_only(
        "For `gate-result`: what of the plan makes a job run, one `job: area` a line; a job named as an area needs "
        "none.",
        (),
        lines=True,
    )
    areas: dict[str, tuple[str, ...]] = file_only(
        "Patterns of paths by area, as in .gitignore, where `!` takes out again; each area has its jobs.",
        {},
        keys="areas",
    )
    routes: dict[RiskWord, Route] = file_only(
        "What is done for a change of a level, in place of what the routing table says.", {}, keys="risk levels"
    )
