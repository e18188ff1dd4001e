"""What a run is told: every knob with its default."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr
from pydantic.config import JsonDict

from cicd_agent.domain.finding import Severity
from cicd_agent.domain.paths import all_patterns

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


class Stage(StrEnum):
    """What one job of a split workflow does."""

    ALL = "all"
    GATHER = "gather"
    ASK = "ask"
    TRY = "try"
    DELIVER = "deliver"


ModeName = Literal["review", "gen-tests", "analyse-failure", "deploy-gate", "route"]
FailOn = Literal["never", "low", "medium", "high", "critical"]
RuleSetting = Literal["off", "low", "medium", "high", "critical"]
Switch = Literal["on", "off"]
RiskWord = Literal["low", "medium", "high", "critical"]
SignalWord = Literal["tests", "coverage", "review", "failures", "model"]


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
        return _written(self)


class Route(BaseModel):
    """What is done for changes of one level of risk; what is left out stays as the routing table has it."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=kebab, populate_by_name=True)

    tests: Literal["none", "affected", "full", "extended"] | None = None
    build: Literal["cached", "full"] | None = None
    strategy: Literal["rolling", "canary", "blue_green", "direct"] | None = None
    canary_percentage: Annotated[int | None, Field(ge=0, le=100)] = None
    monitor_minutes: Annotated[int | None, Field(ge=0, le=1_440)] = None

    def __str__(self) -> str:
        """As it is written in the file."""
        return _written(self)


class Band(BaseModel):
    """Where a signal is green and where it is red, in its own unit; between them its points fall evenly."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=kebab, populate_by_name=True)

    green: Annotated[float, Field(allow_inf_nan=False)]
    red: Annotated[float, Field(allow_inf_nan=False)]

    def __str__(self) -> str:
        """As it is written in the file."""
        return _written(self)


class Freeze(BaseModel):
    """A time in which nothing is deployed: from one date to another, or `hours` from each time that `cron` names.

    Dates are `2026-12-20` or `2026-12-20 18:00`, in the time zone `zone`. Without `environments` it holds for all.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=kebab, populate_by_name=True)

    begins: Annotated[str, Field(max_length=40)] = ""
    ends: Annotated[str, Field(max_length=40)] = ""
    cron: Annotated[str, Field(max_length=100)] = ""
    hours: Annotated[float | None, Field(gt=0, le=8_784)] = None
    zone: Annotated[str, Field(max_length=64)] = "UTC"
    expires: Annotated[str, Field(max_length=40)] = ""
    owner: Annotated[str, Field(max_length=100)] = ""
    environments: tuple[str, ...] = ()

    def __str__(self) -> str:
        """As it is written in the file."""
        return _written(self)


def _written(model: BaseModel) -> str:
    values = model.model_dump(by_alias=True, exclude_none=True, exclude_defaults=True)
    return ", ".join(
        f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in values.items()
    )


_INPUT_ONLY: JsonDict = {"input_only": True}
"""For secrets, hosts, commands and paths: the file may not name them, so that no change can."""
_LINES: JsonDict = {**_INPUT_ONLY, "lines": True}
"""Input-only, and a comma is a part of an item: each stands on a line of its own."""
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
    organisation_config: Annotated[
        str,
        Field(
            json_schema_extra=_INPUT_ONLY,
            description="Configuration of the organisation, as text from its central workflow: `locked` comes before"
            " all others, `defaults` after the repository's own.",
        ),
    ] = ""
    timeout_minutes: Annotated[
        float | None, Field(gt=0, le=360, description="Minutes after which the run reports what it has and ends.")
    ] = None
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
    max_cost_usd: Annotated[float | None, Field(ge=0, description="Most that one run may spend, in US dollars.")] = None
    max_input_tokens: Annotated[int, Field(gt=0, description="Most tokens that one run may send to the model.")] = (
        150_000
    )
    max_rounds: Annotated[int, Field(ge=1, le=20, description="Most requests that one question may take.")] = 8
    cache_dir: Annotated[
        str,
        Field(
            json_schema_extra=_INPUT_ONLY,
            description="Directory that keeps answers and reviewed files between runs, so that nothing is asked twice.",
        ),
    ] = ""
    state_dir: Annotated[
        str,
        Field(
            json_schema_extra=_INPUT_ONLY,
            description="Directory of the account book of decisions, kept between runs; without one none is kept.",
        ),
    ] = ""
    metrics_file: Annotated[
        str,
        Field(
            json_schema_extra=_INPUT_ONLY,
            description="Path of a Prometheus text file that this run adds its counts to, such as the node exporter's.",
        ),
    ] = ""
    fleet_url: Annotated[
        SecretStr,
        Field(
            json_schema_extra=_INPUT_ONLY,
            description="URL that is sent one line of JSON on each run: what was decided and what it cost, nothing of"
            " the change.",
        ),
    ] = SecretStr("")
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
    review_event: Annotated[
        Literal["comment", "verdict"],
        Field(
            description="What a review says as a whole: `comment` neither approves nor blocks, `verdict` what the"
            " decision says."
        ),
    ] = "comment"
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
        AfterValidator(all_patterns),
        Field(description="Glob patterns of files whose findings are suppressed; they are counted in the summary."),
    ] = ()
    sarif_files: Annotated[
        tuple[str, ...],
        Field(
            json_schema_extra=_INPUT_ONLY,
            description="Paths or globs, from the workspace, of SARIF files; their findings on added lines are shown.",
        ),
    ] = ()
    pull_request: Annotated[
        int | None,
        Field(
            gt=0,
            json_schema_extra=_INPUT_ONLY,
            description="Number of the pull request, for events that do not name one.",
        ),
    ] = None
    stage: Annotated[
        Stage,
        Field(
            json_schema_extra=_INPUT_ONLY,
            description="What this job does: everything; `gather` writes `evidence-file`, `ask` adds to it what a model"
            " proposes, `try` judges that and writes `decision-file`, `deliver` carries that out.",
        ),
    ] = Stage.ALL
    evidence_file: Annotated[
        str,
        Field(
            json_schema_extra=_INPUT_ONLY,
            description="Path of evidence that another job gathered; after `workflow_run` it counts as far as GitHub "
            "confirms it.",
        ),
    ] = ""

    decision_file: Annotated[
        str,
        Field(
            json_schema_extra=_INPUT_ONLY,
            description="Path of the decision that `stage: try` writes and `stage: deliver` carries out.",
        ),
    ] = ""

    test_command: Annotated[
        str,
        Field(
            json_schema_extra=_INPUT_ONLY,
            description="The pytest command that runs the project's tests, with its arguments.",
        ),
    ] = "python -m pytest"
    python: Annotated[
        str,
        Field(
            json_schema_extra=_INPUT_ONLY,
            description="The project's interpreter; looked for in the virtual environment and on PATH when empty.",
        ),
    ] = ""
    coverage_threshold: Annotated[
        float, Field(ge=0, le=100, description="Percent of the changed lines that tests should execute.")
    ] = 80
    deliver: Annotated[
        Literal["patch", "commit", "pull-request", "comment"],
        Field(
            description="What becomes of the tests beside the patch file: nothing, a commit on the pull request's"
            " branch, a pull request against that, a comment with the patch in it."
        ),
    ] = "patch"
    detect_flaky: Annotated[
        int,
        Field(
            ge=0,
            le=200,
            description="How often the tests are run to find flaky ones, in fresh processes that differ; 0 for never.",
        ),
    ] = 0
    allow_unsandboxed: Annotated[
        bool,
        Field(
            json_schema_extra=_INPUT_ONLY,
            description="Whether the project's tests may run where the machine has no sandbox: only on one that is"
            " thrown away.",
        ),
    ] = False

    run_id: Annotated[
        int | None,
        Field(
            gt=0,
            json_schema_extra=_INPUT_ONLY,
            description="Id of the run to analyse, for events that do not name one.",
        ),
    ] = None
    rerun: Annotated[
        Literal["never", "infrastructure", "flaky"],
        Field(
            description="Whether failed jobs are run again, once, after `workflow_run`: `infrastructure` when the"
            " machine or the network is to blame, `flaky` also when a flaky test is."
        ),
    ] = "never"
    verify_command: Annotated[
        str,
        Field(
            json_schema_extra=_INPUT_ONLY,
            description="Command that must fail before a proposed fix and pass after it, run in the sandbox.",
        ),
    ] = ""
    environment: Annotated[
        str,
        Field(
            max_length=255,
            json_schema_extra=_INPUT_ONLY,
            description="Environment that a deployment goes to, such as `production`; that of the event when empty.",
        ),
    ] = ""
    sha: Annotated[
        str,
        Field(
            pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})?$",
            json_schema_extra=_INPUT_ONLY,
            description="Full id of the commit that would be deployed; that of the event when empty.",
        ),
    ] = ""
    threshold: Annotated[
        float, Field(ge=0, le=100, description="Least safety score with which a deployment proceeds.")
    ] = 75
    enforce: Annotated[
        bool,
        Field(description="Whether a hold stops the job; `false` decides and records without stopping anything."),
    ] = True
    on_hold: Annotated[
        Literal["fail", "output"],
        Field(description="What a hold does: `fail` ends the job with an error, `output` only says so in `decision`."),
    ] = "fail"
    signals_file: Annotated[
        str,
        Field(
            json_schema_extra=_INPUT_ONLY,
            description="Path of a JSON file with signals that other steps measured: coverage, error budget, traffic.",
        ),
    ] = ""
    test_reports: Annotated[
        tuple[str, ...],
        Field(
            json_schema_extra=_INPUT_ONLY,
            description="Paths or globs, from the workspace, of test reports of this commit; without them its check"
            " runs count.",
        ),
    ] = ()
    coverage_reports: Annotated[
        tuple[str, ...],
        Field(
            json_schema_extra=_INPUT_ONLY,
            description="Paths or globs, from the workspace, of coverage reports of this commit.",
        ),
    ] = ()
    base_coverage_reports: Annotated[
        tuple[str, ...],
        Field(
            json_schema_extra=_INPUT_ONLY,
            description="Paths or globs, from the workspace, of coverage reports of what is deployed now.",
        ),
    ] = ()

    needs: Annotated[
        str,
        Field(
            json_schema_extra=_INPUT_ONLY,
            description="For `gate-result`: the jobs that it waits for and how they ended, `toJSON(needs)`.",
        ),
    ] = ""
    jobs: Annotated[
        tuple[str, ...],
        Field(
            json_schema_extra=_LINES,
            description="For `gate-result`: what of the plan makes a job run, one `job: area` a line; a job named as an"
            " area needs none.",
        ),
    ] = ()

    slack_webhook_url: Annotated[
        SecretStr,
        Field(
            json_schema_extra=_INPUT_ONLY, description="Webhook of a Slack channel that is told what needs somebody."
        ),
    ] = SecretStr("")
    slack_token: Annotated[
        SecretStr,
        Field(
            json_schema_extra=_INPUT_ONLY,
            description="Token of a Slack app with `chat:write`, in place of a webhook; needs `slack-channel`.",
        ),
    ] = SecretStr("")
    slack_channel: Annotated[
        str, Field(json_schema_extra=_INPUT_ONLY, description="Id of the channel that `slack-token` posts to.")
    ] = ""

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
    judge: Annotated[
        Literal["on", "fast", "off"],
        Field(
            json_schema_extra=_FILE_ONLY,
            description="Whether a second question judges the model's findings and drops what it cannot defend; `fast` "
            "asks `fast-model`.",
        ),
    ] = "on"
    labels: Annotated[
        Switch,
        Field(
            json_schema_extra=_FILE_ONLY,
            description="Whether the pull request bears one label that tells its risk, such as `risk: high`.",
        ),
    ] = "off"
    keep_unchanged: Annotated[
        Switch,
        Field(
            json_schema_extra=_FILE_ONLY,
            description="Whether tests are kept that pass on the base as well: they hold on to what the change did not"
            " change.",
        ),
    ] = "off"
    check_run: Annotated[
        Switch,
        Field(
            json_schema_extra=_FILE_ONLY,
            description="Whether the findings stand in a check run of their own, in place of the runner's annotations.",
        ),
    ] = "off"
    replies: Annotated[
        Switch,
        Field(
            json_schema_extra=_FILE_ONLY,
            description="Whether people with write access may talk to the reviewer on the pull request.",
        ),
    ] = "off"
    commit_comment: Annotated[
        Switch,
        Field(
            json_schema_extra=_FILE_ONLY,
            description="Whether a failure without a pull request is also told in a comment on the commit.",
        ),
    ] = "off"
    failure_issue: Annotated[
        Switch,
        Field(
            json_schema_extra=_FILE_ONLY,
            description="Whether a failure on the default branch opens an issue, one for each fingerprint.",
        ),
    ] = "off"
    areas: dict[str, tuple[str, ...]] = Field(
        default_factory=dict,
        json_schema_extra={**_FILE_ONLY, "keys": "areas"},
        description="Patterns of paths by area, as in .gitignore, where `!` takes out again; each area has its jobs.",
    )
    routes: dict[RiskWord, Route] = Field(
        default_factory=dict,
        json_schema_extra={**_FILE_ONLY, "keys": "risk levels"},
        description="What is done for a change of a level, in place of what the routing table says.",
    )
    weights: dict[SignalWord, Annotated[float, Field(ge=0, le=100)]] = Field(
        default_factory=dict,
        json_schema_extra={**_FILE_ONLY, "keys": "signals"},
        description="Weight of a signal in the safety score; the others keep theirs, and the sum is made 100.",
    )
    thresholds: dict[SignalWord, Band] = Field(
        default_factory=dict,
        json_schema_extra={**_FILE_ONLY, "keys": "signals"},
        description="Where a signal is green and red.",
    )
    not_applicable: Annotated[
        tuple[SignalWord, ...],
        Field(
            json_schema_extra=_FILE_ONLY,
            description="Signals that this repository cannot have: they have no weight, and every report says so.",
        ),
    ] = ()
    required_checks: Annotated[
        tuple[str, ...],
        Field(
            json_schema_extra=_FILE_ONLY,
            description="Names of checks that must have passed, beside those that the rulesets of the branch require.",
        ),
    ] = ()
    failure_workflows: Annotated[
        tuple[str, ...],
        Field(
            json_schema_extra=_FILE_ONLY,
            description="Names or files of the workflows whose failures count; all of the branch when empty.",
        ),
    ] = ()
    incident_label: Annotated[
        str, Field(json_schema_extra=_FILE_ONLY, max_length=50, description="Label of issues that are incidents.")
    ] = "incident"
    freezes: dict[str, Freeze] = Field(
        default_factory=dict,
        json_schema_extra={**_FILE_ONLY, "keys": "freezes"},
        description="Times in which nothing is deployed, by name.",
    )
    signal_max_age_hours: Annotated[
        float,
        Field(gt=0, le=8_784, json_schema_extra=_FILE_ONLY, description="Hours after which a signal is too old."),
    ] = 168
    require_audit: Annotated[
        Switch,
        Field(
            json_schema_extra=_FILE_ONLY,
            description="Whether a deployment is held when its decision could not be entered in the account book.",
        ),
    ] = "off"
    require_model: Annotated[
        Switch,
        Field(json_schema_extra=_FILE_ONLY, description="Whether a deployment is held when no model has judged it."),
    ] = "off"
    approvals: Annotated[
        tuple[Literal["comment", "issue", "review-request"], ...],
        Field(
            json_schema_extra=_FILE_ONLY,
            description="Where people are asked about a hold that they may lift: on the pull request, in an issue, by"
            " a request to review.",
        ),
    ] = ("comment",)
    approvers: Annotated[
        tuple[str, ...],
        Field(
            json_schema_extra=_FILE_ONLY,
            description="Accounts, or teams as `org/team`, that a request to review goes to.",
        ),
    ] = ()
    approval_hours: Annotated[
        float,
        Field(
            gt=0, le=720, json_schema_extra=_FILE_ONLY, description="Hours for which an approval or override counts."
        ),
    ] = 24
    traffic_per_minute: Annotated[
        float | None,
        Field(gt=0, json_schema_extra=_FILE_ONLY, description="Requests a minute, to say what a canary can see."),
    ] = None
    baseline_error_rate: Annotated[
        float,
        Field(gt=0, lt=1, json_schema_extra=_FILE_ONLY, description="Share of requests that fail on a normal day."),
    ] = 0.001
    record_deployment: Annotated[
        Switch,
        Field(
            json_schema_extra=_FILE_ONLY,
            description="Whether the decision is recorded as a deployment of GitHub's, with its status.",
        ),
    ] = "off"
    cache_max_mb: Annotated[
        float,
        Field(
            gt=0,
            le=10_000,
            json_schema_extra=_FILE_ONLY,
            description="Most megabytes of answers kept in `cache-dir`, and that one run puts into Redis.",
        ),
    ] = 50
    cache_max_days: Annotated[
        float,
        Field(gt=0, le=365, json_schema_extra=_FILE_ONLY, description="Days after which a kept answer is asked again."),
    ] = 30
    daily_cost_usd: Annotated[
        float | None,
        Field(
            ge=0,
            json_schema_extra=_FILE_ONLY,
            description="Most that this repository may spend in 24 hours, in US dollars; no model is asked beyond it.",
        ),
    ] = None
    daily_runs: Annotated[
        int | None,
        Field(
            ge=0,
            json_schema_extra=_FILE_ONLY,
            description="Most runs of this repository in 24 hours that ask a model.",
        ),
    ] = None
    accuracy: dict[ModeName, Annotated[float, Field(ge=0, le=1)]] = Field(
        default_factory=dict,
        json_schema_extra={**_FILE_ONLY, "keys": "modes"},
        description="Least share of right decisions by mode, below which `cicd-agent accuracy` alerts.",
    )
    rules: dict[str, RuleSetting] = Field(
        default_factory=dict,
        json_schema_extra={**_FILE_ONLY, "keys": "rules"},
        description="Severity of a rule's findings by rule id; `off` silences the rule.",
    )
    deny_paths: Annotated[
        tuple[str, ...],
        AfterValidator(all_patterns),
        Field(
            json_schema_extra=_FILE_ONLY,
            description="Glob patterns of files whose text is never sent to a model; a list here replaces the default.",
        ),
    ] = DENY_PATHS


CONSUMED_EARLIER = frozenset({"mode", "runtime", "index-url"})
"""Inputs of action.yml that choose and install the program, and so are no settings of it."""

RERUNS = {
    "never": frozenset[str](),
    "infrastructure": frozenset({"infrastructure"}),
    "flaky": frozenset({"infrastructure", "flaky"}),
}
"""The reasons for which each word of the setting `rerun` lets failed jobs be run again."""
