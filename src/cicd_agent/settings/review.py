"""The settings of `review`."""

from typing import Literal

from cicd_agent.domain.finding import Severity
from cicd_agent.settings.section import Section, Switch, file_only, input_only, setting


class ReviewSettings(Section):
    """What is set for review alone."""

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
    check_run: Switch = file_only(
        "Whether the findings stand in a check run of their own, in place of the runner's annotations.", "off"
    )
    replies: Switch = file_only("Whether people with write access may talk to the reviewer on the pull request.", "off")
