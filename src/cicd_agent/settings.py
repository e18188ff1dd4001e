"""What a run is told: every knob with its default, and the environment it starts in."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic.config import JsonDict

from cicd_agent.core.event_parse import RunContext
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


ModeName = Literal["review", "gen-tests", "analyse-failure", "deploy-gate", "route"]
FailOn = Literal["never", "low", "medium", "high", "critical"]
RuleSetting = Literal["off", "low", "medium", "high", "critical"]


def kebab(name: str) -> str:
    """The public spelling of a field: `min_severity` is `min-severity`."""
    return name.replace("_", "-")


class TokenPrice(BaseModel):
    """US dollars per million tokens; without a price of their own, cached tokens cost what others do."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=kebab, populate_by_name=True)

    input: Annotated[float, Field(ge=0)]
    cached_input: Annotated[float | None, Field(ge=0)] = None
    output: Annotated[float, Field(ge=0)]

    def __str__(self) -> str:
        """As it is written in the file."""
        return ", ".join(
            f"{name} {value:g}" for name, value in self.model_dump(by_alias=True, exclude_none=True).items()
        )


_INPUT_ONLY: JsonDict = {"input_only": True}
"""For secrets, hosts, commands and paths: the file may not name them, so that no change can."""
_FILE_ONLY: JsonDict = {"file_only": True}
"""For what is reviewed like code: there is no input for it."""


class Settings(BaseModel):
    """Every knob of a run. Field names in kebab case are the inputs of action.yml and the keys of the config file."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=kebab, populate_by_name=True)

    github_token: Annotated[
        SecretStr,
        Field(json_schema_extra=_INPUT_ONLY, description="Token that reads the pull request and posts the review."),
    ] = SecretStr("")
    working_directory: Annotated[
        str,
        Field(json_schema_extra=_INPUT_ONLY, description="Directory of the checkout, the workspace when empty."),
    ] = ""
    config_file: Annotated[
        str,
        Field(json_schema_extra=_INPUT_ONLY, description="Path of the config file, read from the base branch."),
    ] = ".github/cicd-agent.yml"
    timeout_minutes: Annotated[
        float, Field(gt=0, le=360, description="Minutes after which the run reports what it has and ends.")
    ] = 5
    openai_api_key: Annotated[
        SecretStr,
        Field(json_schema_extra=_INPUT_ONLY, description="Key of the model server; without one only the rules speak."),
    ] = SecretStr("")
    base_url: Annotated[
        str,
        Field(
            json_schema_extra=_INPUT_ONLY, description="URL of an OpenAI-compatible server, OpenAI's own when empty."
        ),
    ] = ""
    model_headers: Annotated[
        SecretStr,
        Field(
            json_schema_extra=_INPUT_ONLY,
            description="Additional HTTP headers for the model server, one `Name: value` a line.",
        ),
    ] = SecretStr("")
    api: Annotated[Api, Field(description="Dialect that the model server speaks.")] = Api.AUTO
    provider: Annotated[
        Provider,
        Field(
            description="Whether a model is asked: `auto` asks when there is a key, `none` says that rules are enough."
        ),
    ] = Provider.AUTO
    model: Annotated[str, Field(description="Model that is asked.")] = "gpt-5.5"
    fast_model: Annotated[
        str, Field(description="Model for what needs no judgement; with `base-url`, `model` unless this is set.")
    ] = "gpt-5-mini"
    fallback_model: Annotated[
        str, Field(description="Model that is asked when the other is not available, in modes that only advise.")
    ] = ""
    service_tier: Annotated[
        str, Field(description="Service tier to ask the server for, such as `flex`; nothing is asked for when empty.")
    ] = ""
    max_cost_usd: Annotated[float, Field(ge=0, description="Most that one run may spend, in US dollars.")] = 0.50
    max_input_tokens: Annotated[int, Field(gt=0, description="Most tokens that one run may send to the model.")] = (
        150_000
    )
    max_rounds: Annotated[int, Field(ge=1, le=20, description="Most requests that one question may take.")] = 8
    cache_dir: Annotated[
        str,
        Field(
            json_schema_extra=_INPUT_ONLY,
            description="Directory that keeps answers between runs, so that the same question is asked once.",
        ),
    ] = ""
    instructions: Annotated[
        str,
        Field(max_length=8_000, description="What the model should know about this repository, in your words."),
    ] = ""

    comment: Annotated[
        Commenting,
        Field(
            description="What is written on the pull request: inline comments and a summary, the summary only, nothing."
        ),
    ] = Commenting.REVIEW
    fail_on: Annotated[FailOn, Field(description="Least severity of a finding that fails the check.")] = "never"
    fail_on_model: Annotated[
        bool, Field(description="Whether the model's findings count for `fail-on`, beside those of the rules.")
    ] = False
    max_comments: Annotated[
        int,
        Field(ge=0, le=30, description="Most inline comments of one review; the other findings stand in the summary."),
    ] = 5
    min_severity: Annotated[
        Severity,
        Field(description="Least severity of an inline comment; the other findings are folded in the summary."),
    ] = Severity.MEDIUM
    min_confidence: Annotated[
        float,
        Field(
            ge=0,
            le=1,
            description="Least confidence of an inline comment; the other findings are folded in the summary.",
        ),
    ] = 0.7
    paths_ignore: Annotated[
        tuple[str, ...],
        Field(description="Glob patterns of files whose findings are suppressed; they are counted in the summary."),
    ] = ()
    pull_request: Annotated[
        int | None,
        Field(
            gt=0,
            json_schema_extra=_INPUT_ONLY,
            description="Number of the pull request, for events that do not name one.",
        ),
    ] = None

    models: dict[ModeName, str] = Field(
        default_factory=dict,
        json_schema_extra={**_FILE_ONLY, "keys": "modes"},
        description="Model by mode, in place of the file's `model`; an input `model` comes before both.",
    )
    prices: dict[str, TokenPrice] = Field(
        default_factory=dict,
        json_schema_extra={**_FILE_ONLY, "keys": "models"},
        description="Price of a model in US dollars per million tokens, before the table that comes with the program.",
    )
    rules: dict[str, RuleSetting] = Field(
        default_factory=dict,
        json_schema_extra={**_FILE_ONLY, "keys": "rules"},
        description="Severity of a rule's findings by rule id; `off` silences the rule.",
    )
    deny_paths: Annotated[
        tuple[str, ...],
        Field(
            json_schema_extra=_FILE_ONLY,
            description="Glob patterns of files whose text is never sent to a model; a list here replaces the default.",
        ),
    ] = DENY_PATHS


CONSUMED_EARLIER = frozenset({"mode", "runtime", "index-url"})
"""Inputs of action.yml that choose and install the program, and so are no settings of it."""

FALLBACKS = {
    "openai-api-key": ("OPENAI_API_KEY",),
    "base-url": ("OPENAI_BASE_URL",),
    "github-token": ("GITHUB_TOKEN", "GH_TOKEN"),
}
"""Variables that other tools read as well; each stands in for an input that is not set."""

AUDIENCE = "https://api.openai.com/v1"

_CA_BUNDLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_SYSTEM = frozenset(
    {"PATH", "HOME", "TMPDIR", "SSL_CERT_DIR", "GIT_SSL_CAINFO", *_CA_BUNDLES}
    | {name for proxy in ("http_proxy", "https_proxy", "all_proxy", "no_proxy") for name in (proxy, proxy.upper())}
)


@dataclass(frozen=True, slots=True)
class Workload:
    """Where this job gets its identity from GitHub, and which OpenAI service account it may be exchanged for.

    https://developers.openai.com/api/docs/guides/workload-identity-federation/github-actions
    """

    request_url: str
    request_token: str = field(repr=False)
    identity_provider_id: str = ""
    service_account_id: str = ""
    audience: str = AUDIENCE

    @property
    def known(self) -> bool:
        """Whether somebody said what the identity is good for."""
        return bool(self.identity_provider_id and self.service_account_id)


@dataclass(frozen=True, slots=True)
class Environment:
    """What the process finds around it. An empty variable is one that is not set.

    `inputs` and `fallbacks` are by input name and hold secrets. `system` is the little that a child process such as
    git needs: where things are, and how to reach the network.
    """

    inputs: Mapping[str, str] = field(default_factory=dict, repr=False)
    fallbacks: Mapping[str, str] = field(default_factory=dict, repr=False)
    run: RunContext = field(default_factory=RunContext)
    on_actions: bool = False
    event_path: str = ""
    event_name: str = ""
    workspace: str = ""
    api_url: str = "https://api.github.com"
    server_url: str = "https://github.com"
    output_file: str = ""
    summary_file: str = ""
    runner_temp: str = ""
    debug: bool = False
    no_color: bool = False
    system: Mapping[str, str] = field(default_factory=dict, repr=False)
    ca_bundle: str = ""
    workload: Workload | None = field(default=None, repr=False)

    @classmethod
    def read(cls, variables: Mapping[str, str] = os.environ) -> "Environment":
        """The environment that `variables` describe."""

        def first(*names: str) -> str:
            return next((value for name in names if (value := _text(variables.get(name, "")))), "")

        def url(name: str, otherwise: str) -> str:
            return first(name).rstrip("/") or otherwise

        fallbacks = {name: first(*names) for name, names in FALLBACKS.items()}
        return cls(
            inputs=_inputs(variables),
            fallbacks={name: value for name, value in fallbacks.items() if value},
            run=RunContext(
                repository=first("GITHUB_REPOSITORY"),
                sha=first("GITHUB_SHA"),
                ref=first("GITHUB_REF"),
                base_ref=first("GITHUB_BASE_REF"),
                head_ref=first("GITHUB_HEAD_REF"),
                actor=first("GITHUB_ACTOR"),
                run_id=first("GITHUB_RUN_ID"),
                run_attempt=first("GITHUB_RUN_ATTEMPT"),
                server_url=url("GITHUB_SERVER_URL", "https://github.com"),
            ),
            on_actions=first("GITHUB_ACTIONS") == "true",
            event_path=variables.get("GITHUB_EVENT_PATH", ""),
            event_name=first("GITHUB_EVENT_NAME"),
            workspace=variables.get("GITHUB_WORKSPACE", ""),
            api_url=url("GITHUB_API_URL", "https://api.github.com"),
            server_url=url("GITHUB_SERVER_URL", "https://github.com"),
            output_file=variables.get("GITHUB_OUTPUT", ""),
            summary_file=variables.get("GITHUB_STEP_SUMMARY", ""),
            runner_temp=variables.get("RUNNER_TEMP", ""),
            debug=first("RUNNER_DEBUG") == "1",
            no_color=bool(first("NO_COLOR")),
            system={name: variables[name] for name in _SYSTEM if variables.get(name)},
            ca_bundle=first(*_CA_BUNDLES),
            workload=_workload(variables),
        )


def _workload(variables: Mapping[str, str]) -> Workload | None:
    """The job's identity, None without the permission `id-token: write`."""

    def named(name: str) -> str:
        return _text(variables.get(name, ""))

    url, token = named("ACTIONS_ID_TOKEN_REQUEST_URL"), named("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
    if not (url and token):
        return None
    provider, account = named("OPENAI_IDENTITY_PROVIDER_ID"), named("OPENAI_SERVICE_ACCOUNT_ID")
    return Workload(url, token, provider, account, named("OPENAI_IDENTITY_AUDIENCE") or AUDIENCE)


def _inputs(variables: Mapping[str, str]) -> dict[str, str]:
    """INPUT_MIN_SEVERITY, or as the runner itself spells it INPUT_MIN-SEVERITY, by the name `min-severity`.

    Where both are set, the first counts: it is what action.yml passes.
    """
    found: dict[str, str] = {}
    for variable in sorted(variables, key=lambda variable: ("-" in variable, variable)):
        name = variable.removeprefix("INPUT_")
        if name != variable and (value := _text(variables[variable])):
            found.setdefault(_text(name).lower().replace("_", "-").replace(" ", "-"), value)
    return found


def _text(value: str) -> str:
    """Without blanks around it; bytes that are no text, which Python keeps as lone surrogates, become `?`.

    Paths do not come through here: to open a file, its name must stay as it is.
    """
    return value.strip().encode("utf-8", "replace").decode()
