"""The settings of `gen-tests`."""

from typing import Literal

from cicd_agent.settings.section import Section, Switch, file_only, input_only, setting


class GenTestsSettings(Section):
    """What is set for gen-tests alone."""

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
