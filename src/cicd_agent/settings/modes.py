"""The settings of the first five modes; another brings its own in its folder."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from cicd_agent.domain.finding import Severity
from cicd_agent.domain.gate_evidence import FACTS, RATE_LIMIT, SIGNALS, TOKEN
from cicd_agent.settings.risk import RiskWord
from cicd_agent.settings.section import Group, Section, Switch, file_only, input_only, setting

SignalWord = Literal["tests", "coverage", "review", "failures", "model"]


class Band(Group):
    """Where a signal is green and where it is red, in its own unit; between them its points fall evenly."""

    green: Annotated[float, Field(allow_inf_nan=False)]
    red: Annotated[float, Field(allow_inf_nan=False)]


class TeamSignal(Group):
    """A number of a team's own, as a weighted factor of the score, or with `stop` as a limit that holds by itself.

    `from` names a JSON file that a step of the job has left, and after a `#` by a JSON pointer the number in it
    (`eval.json#/score`); without one the file holds nothing else. Where `green` is less than `red`, less is better.
    Without `environments` it counts for all.
    """

    source: Annotated[str, Field(alias="from", max_length=500)]
    green: Annotated[float, Field(allow_inf_nan=False)]
    red: Annotated[float, Field(allow_inf_nan=False)]
    weight: Annotated[float, Field(ge=0, le=100)] = 0.0
    stop: bool = False
    environments: tuple[str, ...] = ()


_TEAM_SIGNAL = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,39}")
_MAX_TEAM_SIGNALS = 20


def _named(signals: dict[str, TeamSignal]) -> dict[str, TeamSignal]:
    for name in signals:
        if not _TEAM_SIGNAL.fullmatch(name) or name in {*SIGNALS, *FACTS, TOKEN, RATE_LIMIT, "traffic", "change"}:
            raise ValueError("a name of its own, of up to 40 letters, digits, `-` and `_`, that begins with a letter")
    if len(signals) > _MAX_TEAM_SIGNALS:
        raise ValueError(f"at most {_MAX_TEAM_SIGNALS} signals")
    return signals


class Freeze(Group):
    """A time in which nothing is deployed: from one date to another, or `hours` from each time that `cron` names.

    Dates are `2026-12-20` or `2026-12-20 18:00`, in the time zone `zone`. Without `environments` it holds for all.
    """

    begins: Annotated[str, Field(max_length=40)] = ""
    ends: Annotated[str, Field(max_length=40)] = ""
    cron: Annotated[str, Field(max_length=100)] = ""
    hours: Annotated[float | None, Field(gt=0, le=8_784)] = None
    zone: Annotated[str, Field(max_length=64)] = "UTC"
    expires: Annotated[str, Field(max_length=40)] = ""
    owner: Annotated[str, Field(max_length=100)] = ""
    environments: tuple[str, ...] = ()


class DeployGateSettings(Section):
    """What is set for `deploy-gate` alone."""

    environment: str = input_only(
        "Environment that a deployment goes to, such as `production`; that of the event when empty.", "", max_length=255
    )
    sha: str = input_only(
        "Full id of the commit that would be deployed; that of the event when empty.",
        "",
        pattern="^([0-9a-f]{40}|[0-9a-f]{64})?$",
    )
    threshold: float = setting("Least safety score with which a deployment proceeds.", 75, ge=0, le=100)
    enforce: Literal["fail", "output", "shadow"] = setting(
        "What a hold does: `fail` ends the job with an error, `output` only says so in `decision`, `shadow` stops "
        "nothing and says it in `shadow_decision`.",
        "fail",
    )
    signals_file: str = input_only(
        "Path of a JSON file with signals that other steps measured: coverage, error budget, traffic.", ""
    )
    test_reports: tuple[str, ...] = input_only(
        "Paths or globs, from the workspace, of test reports of this commit; without them its check runs count.", ()
    )
    coverage_reports: tuple[str, ...] = input_only(
        "Paths or globs, from the workspace, of coverage reports of this commit.", ()
    )
    base_coverage_reports: tuple[str, ...] = input_only(
        "Paths or globs, from the workspace, of coverage reports of what is deployed now.", ()
    )
    weights: dict[SignalWord, Annotated[float, Field(ge=0, le=100)]] = file_only(
        "Weight of a signal in the safety score; the others keep theirs, and the sum is made 100.", {}, keys="signals"
    )
    thresholds: dict[SignalWord, Band] = file_only("Where a signal is green and red.", {}, keys="signals")
    signals: Annotated[dict[str, TeamSignal], AfterValidator(_named)] = file_only(
        "Numbers of a team's own in JSON files, weighted in the score, or with `stop` as limits.", {}, keys="signals"
    )
    not_applicable: tuple[SignalWord, ...] = file_only(
        "Signals that this repository cannot have: they have no weight, and every report says so.", ()
    )
    required_checks: tuple[str, ...] = file_only(
        "Names of checks that must have passed, beside those that the rulesets of the branch require.", ()
    )
    ignore_checks: tuple[str, ...] = file_only(
        "Names or glob patterns of checks that do not count and are not waited for, unless they are required.", ()
    )
    bot_policy: Literal["off", "rules-and-green"] = file_only(
        "What releases pull requests of dependabot and renovate, and of lock files alone, that nobody has approved: "
        "`rules-and-green` where no rule has a finding and every check has passed.",
        "off",
    )
    wait_for_checks: float = file_only(
        "Minutes that the gate waits for checks that still run, on top of the time limit or within `timeout-minutes`.",
        10,
        ge=0,
        le=360,
    )
    failure_workflows: tuple[str, ...] = file_only(
        "Names or files of the workflows whose failures count; all of the branch when empty.", ()
    )
    environment_aliases: dict[str, tuple[str, ...]] = file_only(
        "The other names under which jobs deploy to an environment; `NAME-approved` when none are given.",
        {},
        keys="environments",
    )
    incident_label: str = file_only("Label of issues that are incidents.", "incident", max_length=50)
    freezes: dict[str, Freeze] = file_only("Times in which nothing is deployed, by name.", {}, keys="freezes")
    signal_max_age_hours: float = file_only("Hours after which a signal is too old.", 168, gt=0, le=8_784)
    require_audit: Switch = file_only(
        "Whether a deployment is held when its decision could not be entered in the audit log.", "off"
    )
    require_model: Switch = file_only("Whether a deployment is held when no model has judged it.", "off")
    approvals: tuple[Literal["comment", "issue", "review-request"], ...] = file_only(
        "Where people are asked about a hold that they may lift: on the pull request, in an issue, by a request to "
        "review.",
        ("comment",),
    )
    approvers: tuple[str, ...] = file_only("Accounts, or teams as `org/team`, that a request to review goes to.", ())
    approval_hours: float = file_only("Hours for which an approval or override counts.", 24, gt=0, le=720)
    traffic_per_minute: float | None = file_only("Requests a minute, to say what a canary can see.", None, gt=0)
    baseline_error_rate: float = file_only("Share of requests that fail on a normal day.", 0.001, gt=0, lt=1)
    record_deployment: Switch = file_only(
        "Whether the decision is recorded as a deployment of GitHub's, with its status.", "off"
    )


RERUNS = {
    "off": frozenset[str](),
    "infrastructure": frozenset({"infrastructure"}),
    "flaky": frozenset({"infrastructure", "flaky"}),
}
"""The reasons for which each word of the setting `rerun` lets failed jobs be run again."""


class AnalyseFailureSettings(Section):
    """What is set for `analyse-failure` alone."""

    run_id: int | None = input_only("Id of the run to analyse, for events that do not name one.", None, gt=0)
    rerun: Literal["off", "infrastructure", "flaky"] = setting(
        "Whether failed jobs are run again, once, after `workflow_run`: `infrastructure` when the machine or the "
        "network is to blame, `flaky` also when a flaky test is.",
        "off",
    )
    verify_command: str = input_only(
        "Command that must fail before a proposed fix and pass after it, run in the sandbox.", ""
    )
    commit_comment: Switch = file_only(
        "Whether a failure without a pull request is also told in a comment on the commit.", "off"
    )
    failure_issue: Switch = file_only(
        "Whether a failure on the default branch opens an issue, one for each fingerprint.", "off"
    )


class GenTestsSettings(Section):
    """What is set for `gen-tests` alone."""

    test_command: str = input_only(
        "The pytest command that runs the project's tests, with its arguments.", "python -m pytest"
    )
    coverage_threshold: float = setting("Percent of the changed lines that tests should execute.", 80, ge=0, le=100)
    deliver: Literal["patch", "commit", "pull-request", "comment"] = setting(
        "What becomes of the tests beside the patch file: nothing, a commit on the pull request's branch, a pull "
        "request against that, a comment with the patch in it.",
        "patch",
    )
    detect_flaky: int = setting(
        "How often the tests are run to find flaky ones, in fresh processes that differ; 0 for never.", 0, ge=0, le=200
    )
    keep_unchanged: Switch = file_only(
        "Whether tests are kept that pass on the base as well: they hold on to what the change did not change.", "off"
    )
    characterisation: Switch = file_only(
        "Whether rules also write tests of what functions were seen to give for plain values: they hold on to what the "
        "code does, right or wrong.",
        "off",
    )


class Route(Group):
    """What is done for changes of one level of risk; what is left out stays as the routing table has it."""

    tests: Literal["none", "affected", "full", "extended"] | None = None
    build: Literal["cached", "full"] | None = None
    strategy: Literal["rolling", "canary", "blue_green", "direct"] | None = None
    canary_percentage: Annotated[int | None, Field(ge=0, le=100)] = None
    monitor_minutes: Annotated[int | None, Field(ge=0, le=1_440)] = None


class RouteSettings(Section):
    """What is set for `route` alone."""

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


class ReviewSettings(Section):
    """What is set for `review` alone."""

    review_event: Literal["comment", "verdict"] = setting(
        "What a review says as a whole: `comment` neither approves nor blocks, `verdict` what the decision says.",
        "comment",
    )
    fail_on_model: bool = setting(
        "Whether the model's findings count for `fail-on`, beside those of the rules.", default=False
    )
    max_comments: int = setting(
        "Most inline comments of one review; the other findings stand in the summary.", 5, ge=0, le=30
    )
    min_severity: Severity = setting(
        "Least severity of an inline comment; the other findings are folded in the summary.", Severity.MEDIUM
    )
    sarif_files: tuple[str, ...] = input_only(
        "Paths or globs, from the workspace, of SARIF files; their findings on added lines are shown.", ()
    )
    judge: Literal["on", "fast", "off"] = file_only(
        "Whether a second question judges the model's findings and drops what it cannot defend; `fast` asks "
        "`fast-model`.",
        "on",
    )
    labels: Switch = file_only(
        "Whether the pull request bears one label that tells its risk, such as `risk: high`.", "off"
    )
    replies: Switch = file_only("Whether people with write access may talk to the reviewer on the pull request.", "off")
