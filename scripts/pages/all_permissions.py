"""What every mode may do with the job's token, on one page."""

from typing import Final

from cicd_agent.domain.modes import MODES
from cicd_agent.modes import contract_of
from scripts.actions import needed_for
from scripts.pages.rows import table

PAGE: Final = """\
# Permissions

{mark}

What a job has to give its token, by mode. Begin a workflow with `permissions: {{}}` and give each job what it needs.
With less, less is done: a warning says what was not posted and which permission that takes, `degraded` is `true`, and
the step summary has the text. `deploy-gate` holds and names what is missing.

{every}

On a fork's pull request GitHub gives a token that can only read, whatever the workflow says: what is not posted there
is a notice, and `degraded` stays as it is.
`cicd-agent doctor` tells what the token of a job can do.
"""


def page(mark: str) -> str:
    """docs/reference/permissions.md."""
    rows = (
        (f"[`{mode}`]({mode}.md)", f"`{each.name}: {each.access}`", needed_for(each) or "always", each.why)
        for mode in MODES
        for each in contract_of(mode).permissions
    )
    return PAGE.format(mark=mark, every=table(("mode", "permission", "when", "for"), rows))
