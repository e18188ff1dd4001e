"""The settings of `analyse-failure`."""

from typing import Literal

from cicd_agent.settings.section import Section, Switch, file_only, input_only, setting

RERUNS = {
    "never": frozenset[str](),
    "infrastructure": frozenset({"infrastructure"}),
    "flaky": frozenset({"infrastructure", "flaky"}),
}
"""The reasons for which each word of the setting `rerun` lets failed jobs be run again."""


class AnalyseFailureSettings(Section):
    """What is set for analyse-failure alone."""

    run_id: int | None = input_only("Id of the run to analyse, for events that do not name one.", None, gt=0)
    rerun: Literal["never", "infrastructure", "flaky"] = setting(
        "Whether failed jobs are run again, once, after `workflow_run`: `infrastructure` when the machine or the "
        "network is to blame, `flaky` also when a flaky test is.",
        "never",
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
