"""The variables of the process, as a value: those of the runner, of its tools and of the network."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cicd_agent.domain.events.event_parser import RunContext

FALLBACKS = {
    "openai-api-key": ("OPENAI_API_KEY",),
    "base-url": ("OPENAI_BASE_URL",),
    "github-token": ("GITHUB_TOKEN", "GH_TOKEN"),
}
"""Variables that other tools read as well; each stands in for an input that is not set."""

AUDIENCE = "https://api.openai.com/v1"

_ACCOUNT = {"OpenAI-Organization": "OPENAI_ORG_ID", "OpenAI-Project": "OPENAI_PROJECT_ID"}
"""As every client of OpenAI reads them: https://developers.openai.com/api/reference/overview#authentication"""
_CA_BUNDLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_SYSTEM = frozenset(
    {"PATH", "HOME", "TMPDIR", "SYSTEMROOT", "SSL_CERT_DIR", "GIT_SSL_CAINFO", *_CA_BUNDLES}
    | {name for proxy in ("http_proxy", "https_proxy", "all_proxy", "no_proxy") for name in (proxy, proxy.upper())}
)
_TOOLS = (
    *("PATH", "HOME", "JAVA_HOME", "GOROOT", "VIRTUAL_ENV", "LD_LIBRARY_PATH"),
    *("GOPATH", "GOMODCACHE", "COREPACK_HOME"),
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
        return bool(self.identity_provider_id and self.service_account_id)


@dataclass(frozen=True, slots=True)
class Environment:
    """The variables of the process; an empty one is one that is not set.

    `inputs` and `fallbacks` are by input name and hold secrets. `system` is the little that a child process such as
    git needs: where things are, and how to reach the network.
    """

    inputs: Mapping[str, str] = field(default_factory=dict, repr=False)
    fallbacks: Mapping[str, str] = field(default_factory=dict, repr=False)
    run: RunContext = field(default_factory=RunContext)
    on_actions: bool = False
    hosted: bool = False
    """Whether GitHub hosts the runner: a machine that is thrown away after the job."""
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
    tools: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Where the job's own tool chains are, for what it runs in the sandbox."""
    workload: Workload | None = field(default=None, repr=False)
    account: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The headers that say on whose account at OpenAI a request is, where a key is good for several."""
    database_url: str = field(default="", repr=False)
    redis_url: str = field(default="", repr=False)
    telemetry: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The OTEL_* variables and TRACEPARENT, as OpenTelemetry defines them."""
    workflow: str = ""
    """The name of the workflow that this job belongs to."""

    @property
    def scratch(self) -> Path | None:
        """Where a job may leave large files, None at a terminal."""
        return Path(self.runner_temp) if self.runner_temp else None

    @classmethod
    def read(cls, variables: Mapping[str, str]) -> "Environment":
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
                workflow_ref=first("GITHUB_WORKFLOW_REF"),
            ),
            on_actions=first("GITHUB_ACTIONS") == "true",
            hosted=first("GITHUB_ACTIONS") == "true" and first("RUNNER_ENVIRONMENT") == "github-hosted",
            event_path=variables.get("GITHUB_EVENT_PATH", ""),
            event_name=first("GITHUB_EVENT_NAME"),
            workspace=variables.get("GITHUB_WORKSPACE", ""),
            api_url=url("GITHUB_API_URL", "https://api.github.com"),
            server_url=url("GITHUB_SERVER_URL", "https://github.com"),
            output_file=variables.get("GITHUB_OUTPUT", ""),
            summary_file=variables.get("GITHUB_STEP_SUMMARY", ""),
            runner_temp=variables.get("RUNNER_TEMP", ""),
            debug=first("RUNNER_DEBUG") == "1",
            no_color=bool(first("NO_COLOR")) or first("TERM") == "dumb",
            system={name: variables[name] for name in _SYSTEM if variables.get(name)},
            ca_bundle=first(*_CA_BUNDLES),
            tools={name: variables[name] for name in _TOOLS if variables.get(name)},
            workload=_workload(variables),
            account={header: value for header, name in _ACCOUNT.items() if (value := first(name))},
            database_url=first("DATABASE_URL"),
            redis_url=first("REDIS_URL"),
            telemetry={
                name: _text(value)
                for name, value in variables.items()
                if name.startswith("OTEL_") or name == "TRACEPARENT"
            },
            workflow=first("GITHUB_WORKFLOW"),
        )


def _workload(variables: Mapping[str, str]) -> Workload | None:
    """The job's identity, None without the permission `id-token: write`."""
    request = ("ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN")
    account = ("OPENAI_IDENTITY_PROVIDER_ID", "OPENAI_SERVICE_ACCOUNT_ID", "OPENAI_IDENTITY_AUDIENCE")
    url, token, provider, name, audience = (_text(variables.get(each, "")) for each in (*request, *account))
    return Workload(url, token, provider, name, audience or AUDIENCE) if url and token else None


def _inputs(variables: Mapping[str, str]) -> dict[str, str]:
    """INPUT_MIN_SEVERITY (of action.yml) before INPUT_MIN-SEVERITY (of the runner) by the name `min-severity`."""
    inputs: dict[str, str] = {}
    for variable in sorted(variables, key=lambda variable: ("-" in variable, variable)):
        name = variable.removeprefix("INPUT_")
        if name != variable and (value := _text(variables[variable])):
            inputs.setdefault(_text(name).lower().replace("_", "-").replace(" ", "-"), value)
    return inputs


def _text(value: str) -> str:
    """Without blanks around it; bytes that are no text become `?`, which is why paths do not come through here."""
    return value.strip().encode("utf-8", "replace").decode()
