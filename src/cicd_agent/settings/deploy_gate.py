"""The settings of `deploy-gate`."""

from typing import Annotated, Literal

from pydantic import Field

from cicd_agent.settings.section import Group, Section, Switch, file_only, input_only, setting

SignalWord = Literal["tests", "coverage", "review", "failures", "model"]


class Band(Group):
    """Where a signal is green and where it is red, in its own unit; between them its points fall evenly."""

    green: Annotated[float, Field(allow_inf_nan=False)]
    red: Annotated[float, Field(allow_inf_nan=False)]


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
    """What is set for deploy-gate alone."""

    environment: str = input_only(
        "Environment that a deployment goes to, such as `production`; that of the event when empty.", "", max_length=255
    )
    sha: str = input_only(
        "Full id of the commit that would be deployed; that of the event when empty.",
        "",
        pattern="^([0-9a-f]{40}|[0-9a-f]{64})?$",
    )
    threshold: float = setting("Least safety score with which a deployment proceeds.", 75, ge=0, le=100)
    enforce: bool = setting(
        "Whether a hold stops the job; `false` decides and records without stopping anything.", default=True
    )
    on_hold: Literal["fail", "output"] = setting(
        "What a hold does: `fail` ends the job with an error, `output` only says so in `decision`.", "fail"
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
    not_applicable: tuple[SignalWord, ...] = file_only(
        "Signals that this repository cannot have: they have no weight, and every report says so.", ()
    )
    required_checks: tuple[str, ...] = file_only(
        "Names of checks that must have passed, beside those that the rulesets of the branch require.", ()
    )
    failure_workflows: tuple[str, ...] = file_only(
        "Names or files of the workflows whose failures count; all of the branch when empty.", ()
    )
    incident_label: str = file_only("Label of issues that are incidents.", "incident", max_length=50)
    freezes: dict[str, Freeze] = file_only("Times in which nothing is deployed, by name.", {}, keys="freezes")
    signal_max_age_hours: float = file_only("Hours after which a signal is too old.", 168, gt=0, le=8_784)
    require_audit: Switch = file_only(
        "Whether a deployment is held when its decision could not be entered in the account book.", "off"
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
