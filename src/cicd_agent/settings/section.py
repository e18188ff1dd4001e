"""What settings are declared with: a section is a model of its own, and all of them together are Settings."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema

from cicd_agent.domain.modes import MODES
from cicd_agent.domain.repository.paths import all_patterns

Patterns = Annotated[tuple[str, ...], AfterValidator(all_patterns)]


def _mode(name: str) -> str:
    if name not in MODES:
        raise ValueError(f"must be one of {', '.join(MODES)}")
    return name


ModeName = Annotated[str, AfterValidator(_mode), WithJsonSchema({"enum": [*MODES], "type": "string"})]
Switch = Literal["on", "off"]


def kebab(name: str) -> str:
    return name.replace("_", "-")


class Section(BaseModel):
    """Settings that belong together. In kebab case their names are inputs of action.yml and keys of the config file."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=kebab, populate_by_name=True, defer_build=True
    )


class Group(Section):
    """Values that the config file writes as one mapping."""

    def __str__(self) -> str:
        values = self.model_dump(by_alias=True, exclude_none=True, exclude_defaults=True)
        return ", ".join(
            f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in values.items()
        )


def setting(description: str, default: Any, **limits: Any) -> Any:
    """A setting that is an input and a key of the config file alike. `limits` are pydantic's, such as `ge`."""
    if isinstance(default, dict):
        return Field(default_factory=dict, description=description, **limits)
    return Field(default, description=description, **limits)


def input_only(description: str, default: Any, *, lines: bool = False, **limits: Any) -> Any:
    extra = {"input_only": True, **({"lines": True} if lines else {})}
    return setting(description, default, json_schema_extra=extra, **limits)


def file_only(description: str, default: Any, *, keys: str = "", **limits: Any) -> Any:
    extra = {"file_only": True, **({"keys": keys} if keys else {})}
    return setting(description, default, json_schema_extra=extra, **limits)
