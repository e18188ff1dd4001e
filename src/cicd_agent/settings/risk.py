"""What a team decides on the risk itself: floors by path, where levels begin, and which services there are."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from cicd_agent.domain.repository.paths import all_patterns
from cicd_agent.settings.section import Group, Patterns, Section, file_only

RiskWord = Literal["low", "medium", "high", "critical"]


def _pattern(pattern: str) -> str:
    all_patterns((pattern,))
    return pattern


class Levels(Group):
    """The scores at which the levels begin, in place of quantiles and of what was learnt."""

    medium: Annotated[int, Field(ge=1, le=100)]
    high: Annotated[int, Field(ge=1, le=100)]
    critical: Annotated[int, Field(ge=1, le=100)]

    @model_validator(mode="after")
    def _rising(self) -> "Levels":
        if not self.medium < self.high < self.critical:
            raise ValueError("a mapping whose `medium` is less than `high`, and that less than `critical`")
        return self


class RiskPolicy(Group):
    """Of several patterns that match a path the last one counts, in place of what is known of it by name or content."""

    floors: dict[Annotated[str, AfterValidator(_pattern)], RiskWord] = Field(default_factory=dict)
    levels: Levels | None = None


class Service(Group):
    """A part of the product that is deployed; `consumers` are what breaks when it does. Tier 1 matters most."""

    paths: Patterns = ()
    owner: Annotated[str, Field(max_length=100)] = ""
    environment: Annotated[str, Field(max_length=255)] = ""
    tier: Annotated[int | None, Field(ge=1, le=9)] = None
    consumers: tuple[str, ...] = ()


class RiskSettings(Section):
    """What is set for the risk of every mode."""

    risk: RiskPolicy = file_only(
        "Least level of a change by patterns of paths as in .gitignore (`floors`), and the scores at which levels "
        "begin (`levels`).",
        RiskPolicy(),
    )
    services: dict[str, Service] = file_only(
        "Services by name; a report names those that a change touches, and a tier of 1 raises the floor.",
        {},
        keys="services",
    )
