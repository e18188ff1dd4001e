"""The settings of the run as a whole, of several modes, and of what asks a model."""

import re
from collections.abc import Callable
from enum import StrEnum
from functools import cache
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, SecretStr, WithJsonSchema

from cicd_agent.domain.repository.paths import matcher
from cicd_agent.domain.text.bounded_pattern import degree
from cicd_agent.settings.section import Group, ModeName, Patterns, Section, Switch, file_only, input_only, setting

FailOn = Literal["off", "low", "medium", "high", "critical"]
RuleSetting = Literal["off", "low", "medium", "high", "critical"]
MAX_OWN_RULES: Final = 200


def _bounded(pattern: str) -> str:
    degree(pattern)
    return pattern


def _rule_id(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,60}", text):
        raise ValueError("named in small letters, digits and hyphens, such as `no-print`")
    return text


RuleId = Annotated[str, AfterValidator(_rule_id)]


class OwnRule(Group):
    """A rule of the team's own: what no added line of a file may match."""

    pattern: Annotated[str, AfterValidator(_bounded), WithJsonSchema({"type": "string", "format": "regex"})]
    message: Annotated[str, Field(min_length=1, max_length=300)]
    severity: Literal["low", "medium", "high", "critical"] = "medium"
    paths: Patterns = ()
    except_paths: Patterns = ()


DENY_PATHS = tuple(
    str.split("""
    kubeconfig !kubeconfig/ kubeconfig.y*ml kubeconfig.json *.kubeconfig **/.kube/config
    secret.y*ml secrets.y*ml *[-_.]secret.y*ml *[-_.]secrets.y*ml !**/templates/*.y*ml !.github/workflows/*.y*ml
    .env* *.env
    *.pem *.key *.p12 *.pfx *.jks *.keystore *.kdbx *.ppk *.ovpn id_rsa* id_dsa* id_ecdsa* id_ed25519*
    .pypirc .npmrc .yarnrc .yarnrc.yml .netrc _netrc .git-credentials .pgpass .my.cnf .htpasswd .s3cfg .boto
    **/.docker/config.json .dockercfg .dockerconfigjson
    *.tfstate *.tfstate.* *.tfvars *.tfvars.json .terraformrc terraform.rc
    secrets.json secrets.toml .vault-token .vault_pass*
    credentials.json credentials.csv **/.aws/credentials **/.cargo/credentials* **/.gem/credentials
    application_default_credentials.json service[-_]account*.json serviceaccount*.json wp-config.php
    """)
)
"""Files that usually hold credentials. What a `!` opens here is code of that name: packages, charts, workflows."""


@cache
def path_denier(deny_paths: tuple[str, ...]) -> Callable[[str], bool]:
    """Whether the text of a path is kept from models, whatever the case of its letters.

    `deny_paths` come on top of ours. `!*.key` takes our `*.key` out; any other `!` opens what this list closes.
    """
    ours = [pattern for pattern in DENY_PATHS if f"!{pattern}" not in deny_paths]
    specs = [matcher([pattern.casefold() for pattern in patterns]) for patterns in (ours, deny_paths)]
    return lambda path: any(spec.match_file(path.casefold()) for spec in specs)


class Commenting(StrEnum):
    """What is written on the pull request."""

    REVIEW = "review"
    SUMMARY = "summary"
    OFF = "off"


class Stage(StrEnum):
    """What one job of a split workflow does."""

    ALL = "all"
    GATHER = "gather"
    ASK = "ask"
    TRY = "try"
    DELIVER = "deliver"


class RunSettings(Section):
    """What every run has: where it reads, what it leaves, who hears of it."""

    github_token: SecretStr = input_only("Token that reads the pull request and posts the review.", SecretStr(""))
    working_directory: str = input_only("Directory of the checkout, the workspace when empty.", "")
    config_file: str = input_only("Path of the config file, read from the base branch.", ".github/cicd-agent.yml")
    organisation_config: str = input_only(
        "Configuration of the organisation, as text from its central workflow: `locked` comes before all others, "
        "`defaults` after the repository's own.",
        "",
    )
    timeout_minutes: float | None = setting(
        "Minutes after which the run reports what it has and ends.", None, gt=0, le=360
    )
    state_dir: str = input_only(
        "Directory of the audit log of decisions, kept between runs; without one none is kept.", ""
    )
    metrics_file: str = input_only(
        "Path of a Prometheus text file that this run adds its counts to, such as the node exporter's.", ""
    )
    pull_request: int | None = input_only("Number of the pull request, for events that do not name one.", None, gt=0)
    stage: Stage = input_only(
        "What this job does: everything; `gather` writes `evidence-file`, `ask` adds to it what a model proposes, "
        "`try` judges that and writes `decision-file`, `deliver` carries that out.",
        Stage.ALL,
    )
    evidence_file: str = input_only(
        "Path of evidence that another job gathered; after `workflow_run` it counts as far as GitHub confirms it.", ""
    )
    decision_file: str = input_only(
        "Path of the decision that `stage: try` writes and `stage: deliver` carries out.", ""
    )
    slack_webhook_url: SecretStr = input_only(
        "Webhook of a Slack channel that is told what needs somebody.", SecretStr("")
    )
    slack_token: SecretStr = input_only(
        "Token of a Slack app with `chat:write`, in place of a webhook; needs `slack-channel`.", SecretStr("")
    )
    slack_channel: str = setting("Id of the channel that `slack-token` posts to.", "")
    daily_runs: int | None = file_only("Most runs of this repository in 24 hours that ask a model.", None, ge=0)
    accuracy: dict[ModeName, Annotated[float, Field(ge=0, le=1)]] = file_only(
        "Least share of right decisions by mode, below which `cicd-agent accuracy` alerts.", {}, keys="modes"
    )
    rules: dict[str, RuleSetting] = file_only(
        "Severity of a rule's findings by rule id; `off` silences the rule.", {}, keys="rules"
    )
    own_rules: dict[RuleId, OwnRule] = file_only(
        "Rules of your own by id: a `pattern` that no added line may match, its `message`, `severity`, `paths` and "
        "`except-paths`.",
        {},
        keys="rule ids",
        max_length=MAX_OWN_RULES,
    )
    deny_paths: Patterns = file_only(
        "Glob patterns, in any case, of files whose text is never sent to a model, beside those that usually hold "
        "credentials; `!*.key` takes `*.key` out of these.",
        (),
    )


class FindingSettings(Section):
    """Which findings count, and where they are written."""

    comment: Commenting = setting(
        "What is written on the pull request: inline comments and a summary, the summary only, nothing.",
        Commenting.REVIEW,
    )
    fail_on: FailOn = setting("Least severity of a finding that fails the check.", "off")
    min_confidence: float = setting(
        "Least confidence of an inline comment; the other findings are folded in the summary.", 0.7, ge=0, le=1
    )
    paths_ignore: Patterns = setting(
        "Glob patterns of files whose findings are suppressed; they are counted in the summary.", ()
    )
    check_run: Switch = file_only(
        "Whether the findings stand in a check run of their own, in place of the runner's annotations.", "off"
    )


class TestRunSettings(Section):
    """Under what the project's own code is run."""

    python: str = input_only(
        "The project's interpreter; looked for in the virtual environment and on PATH when empty.", ""
    )
    allow_unsandboxed: bool = input_only(
        "Whether the project's tests may run where the machine has no sandbox: only on one that is thrown away.",
        default=False,
    )


class Api(StrEnum):
    """Which dialect the model server speaks."""

    AUTO = "auto"
    RESPONSES = "responses"
    CHAT = "chat"


class TokenPrice(Group):
    """US dollars per million tokens; without a price of their own, cached tokens cost what others do."""

    input: Annotated[float, Field(ge=0)]
    cached_input: Annotated[float | None, Field(ge=0)] = None
    output: Annotated[float, Field(ge=0)]


OFF: Final = "off"
"""What `model` says where no model is asked."""


class ModelSettings(Section):
    """Which model is asked, and what that may cost."""

    openai_api_key: SecretStr = input_only("Key of the model server; without one only the rules speak.", SecretStr(""))
    base_url: str = input_only("URL of an OpenAI-compatible server, OpenAI's own when empty.", "")
    model_headers: SecretStr = input_only(
        "Additional HTTP headers for the model server, one `Name: value` a line.", SecretStr("")
    )
    api: Api = setting("Dialect that the model server speaks.", Api.AUTO)
    model: str = setting("Model that is asked; `off` asks none, and rules are enough.", "gpt-5.5")
    fast_model: str = setting(
        "Model for what needs no judgement; with `base-url`, `model` unless this is set.", "gpt-5-mini"
    )
    fallback_model: str = setting("Model that is asked when the other is not available, in modes that only advise.", "")
    service_tier: str = setting(
        "Service tier to ask the server for, such as `flex`; nothing is asked for when empty.", ""
    )
    max_cost_usd: float | None = setting("Most that one run may spend, in US dollars.", None, ge=0)
    max_input_tokens: int = setting("Most tokens that one run may send to the model.", 150_000, gt=0)
    max_rounds: int = setting("Most requests that one question may take.", 8, ge=1, le=20)
    cache_dir: str = input_only(
        "Directory that keeps answers and reviewed files between runs, so that nothing is asked twice.", ""
    )
    instructions: str = setting(
        "What the model should know about this repository, in your words.", "", max_length=8_000
    )
    on_unavailable: Literal["warn", "fail"] = file_only(
        "What it means that a configured model did not answer, or that its budget or the time was used up: `warn` goes "
        "on with what the rules found, `fail` posts that, too, and ends with 4, 5 or 6.",
        "warn",
    )
    prices: dict[str, TokenPrice] = file_only(
        "Price of a model in US dollars per million tokens, before the table that comes with the program.",
        {},
        keys="models",
    )
    cache_max_mb: float = file_only(
        "Most megabytes of answers kept in `cache-dir`, and that one run puts into Redis.", 50, gt=0, le=10_000
    )
    cache_max_days: float = file_only("Days after which a kept answer is asked again.", 30, gt=0, le=365)
    daily_cost_usd: float | None = file_only(
        "Most that this repository may spend in 24 hours, in US dollars; no model is asked beyond it.", None, ge=0
    )
