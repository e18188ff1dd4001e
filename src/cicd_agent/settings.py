"""Inputs and the base branch's .github/cicd-agent.yml, made into one frozen Settings."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from cicd_agent.core.finding import Severity

DENY_PATHS = (
    ".env*",
    "*.pem",
    "*.key",
    "*.p12",
    "*.pfx",
    "*.keystore",
    "id_rsa*",
    "id_dsa*",
    "id_ecdsa*",
    "id_ed25519*",
)


class Api(StrEnum):
    """Which dialect the model server speaks."""

    AUTO = "auto"
    RESPONSES = "responses"
    CHAT = "chat"


class Provider(StrEnum):
    """Whether a model is asked."""

    AUTO = "auto"
    OPENAI = "openai"
    NONE = "none"


class Commenting(StrEnum):
    """What is written on the pull request."""

    REVIEW = "review"
    SUMMARY = "summary"
    NONE = "none"


FailOn = Literal["never", "low", "medium", "high", "critical"]
RuleSetting = Literal["off", "low", "medium", "high", "critical"]


def kebab(name: str) -> str:
    """The public spelling of a field: `min_severity` is `min-severity`."""
    return name.replace("_", "-")


class Settings(BaseModel):
    """Every knob of a run. Field names in kebab case are the inputs of action.yml and the keys of the config file.

    `json_schema_extra={"input_only": True}` marks what the file may not name: secrets, hosts, commands and paths.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=kebab, populate_by_name=True)

    github_token: Annotated[SecretStr, Field(json_schema_extra={"input_only": True})] = SecretStr("")
    working_directory: Annotated[str, Field(json_schema_extra={"input_only": True})] = ""
    config_file: Annotated[str, Field(json_schema_extra={"input_only": True})] = ".github/cicd-agent.yml"
    timeout_minutes: Annotated[float, Field(gt=0, le=360)] = 5
    openai_api_key: Annotated[SecretStr, Field(json_schema_extra={"input_only": True})] = SecretStr("")
    base_url: Annotated[str, Field(json_schema_extra={"input_only": True})] = ""
    model_headers: Annotated[SecretStr, Field(json_schema_extra={"input_only": True})] = SecretStr("")
    api: Api = Api.AUTO
    provider: Provider = Provider.AUTO
    model: str = "gpt-5.5"
    max_cost_usd: Annotated[float, Field(ge=0)] = 0.50
    max_input_tokens: Annotated[int, Field(gt=0)] = 150_000
    max_rounds: Annotated[int, Field(ge=1, le=20)] = 8
    instructions: Annotated[str, Field(max_length=8_000)] = ""

    comment: Commenting = Commenting.REVIEW
    fail_on: FailOn = "never"
    fail_on_model: bool = False
    max_comments: Annotated[int, Field(ge=0, le=30)] = 5
    min_severity: Severity = Severity.MEDIUM
    min_confidence: Annotated[float, Field(ge=0, le=1)] = 0.7
    paths_ignore: tuple[str, ...] = ()
    pull_request: Annotated[int | None, Field(gt=0, json_schema_extra={"input_only": True})] = None

    rules: dict[str, RuleSetting] = Field(default_factory=dict)
    deny_paths: tuple[str, ...] = DENY_PATHS
