"""What each mode shows to its user: the inputs that mean something to it, and the permissions that its job needs.

The sub-actions, the tables of the documents, `cicd-agent init` and `cicd-agent doctor` are made of this.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from cicd_agent.settings.schema import ModeName

_WORDS: Final = str.split

_EVERY: Final = _WORDS("""
    github-token working-directory config-file organisation-config runtime index-url timeout-minutes
    state-dir metrics-file slack-webhook-url slack-token slack-channel
""")
_MODEL: Final = _WORDS("""
    openai-api-key base-url model-headers api provider model fast-model fallback-model service-tier
    max-cost-usd max-input-tokens max-rounds cache-dir instructions
""")

SHARED: Final = frozenset((*_EVERY, *_MODEL))
"""The inputs that belong to no mode: those of the run, and of the model where one is asked."""

INPUTS: Final[Mapping[ModeName, tuple[str, ...]]] = {
    "review": (
        *_EVERY,
        *_MODEL,
        *_WORDS("""
            comment review-event fail-on fail-on-model max-comments min-severity min-confidence paths-ignore sarif-files
            pull-request stage evidence-file
        """),
    ),
    "gen-tests": (
        *_EVERY,
        *_MODEL,
        *_WORDS("""
            test-command python coverage-threshold deliver detect-flaky allow-unsandboxed comment pull-request
            stage evidence-file decision-file
        """),
    ),
    "analyse-failure": (
        *_EVERY,
        *_MODEL,
        *_WORDS("run-id rerun verify-command python allow-unsandboxed comment pull-request"),
    ),
    "deploy-gate": (
        *_EVERY,
        *_MODEL,
        *_WORDS("""
            environment sha threshold enforce on-hold signals-file test-reports coverage-reports base-coverage-reports
            comment fail-on paths-ignore min-confidence
        """),
    ),
    "route": (*_EVERY, *_WORDS("cache-dir pull-request min-confidence")),
}
"""The inputs of `action.yml` that a mode reads, without `mode` itself."""


@dataclass(frozen=True, slots=True)
class Permission:
    """One line of a job's `permissions:`; `only_for` is the setting that makes it necessary, "" when the mode is.

    What is `optional` makes something possible that is left out without it, and no setting asks for it.
    """

    name: str
    access: Literal["read", "write"]
    why: str
    only_for: str = ""
    optional: bool = False


PERMISSIONS: Final[Mapping[ModeName, tuple[Permission, ...]]] = {
    "review": (
        Permission("contents", "read", "the change"),
        Permission("pull-requests", "write", "the review; without it, as on forks, annotations and a step summary"),
        Permission("contents", "write", "resolve the threads of findings that are mended", optional=True),
        Permission("checks", "write", "a check run of its own", "check-run: on"),
        Permission("issues", "write", "make a label that is not there yet", "labels: on"),
    ),
    "gen-tests": (
        Permission("contents", "read", "the change"),
        Permission("pull-requests", "write", "the comment; without it the step summary has it all"),
        Permission("contents", "write", "the commit", "deliver: commit"),
        Permission("contents", "write", "the branch of the pull request", "deliver: pull-request"),
    ),
    "analyse-failure": (
        Permission("actions", "read", "the logs"),
        Permission("checks", "read", "what GitHub noted on the jobs, such as a runner that was lost"),
        Permission("contents", "read", "the change"),
        Permission("pull-requests", "write", "one comment; without it the step summary has it all"),
        Permission("actions", "write", "run failed jobs again", "rerun"),
        Permission("contents", "write", "a comment on the commit", "commit-comment: on"),
        Permission("issues", "write", "an issue for each failure of the default branch", "failure-issue: on"),
    ),
    "deploy-gate": (
        Permission("actions", "read", "how often the workflows failed lately"),
        Permission("checks", "read", "whether the commit's checks passed"),
        Permission("contents", "read", "what would be deployed"),
        Permission("deployments", "read", "what runs there now"),
        Permission("issues", "read", "open incidents"),
        Permission(
            "pull-requests", "write", "reviews, and the comment that asks for an approval; `read` is enough without one"
        ),
        Permission("statuses", "read", "checks that come as commit statuses"),
        Permission("deployments", "write", "record the decision", "record-deployment: on"),
        Permission("issues", "write", "ask in an issue", "approvals: [issue]"),
    ),
    "route": (Permission("contents", "read", "the change and the history"),),
}
"""The least that a job of the mode needs, and what more a setting asks for."""


def needed(mode: ModeName) -> tuple[Permission, ...]:
    """What the mode needs with no setting changed."""
    return tuple(each for each in PERMISSIONS[mode] if not each.only_for and not each.optional)
