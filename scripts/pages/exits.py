"""The exit codes, for all modes and for one: which of them a mode can end with follows from the code."""

from collections.abc import Iterator, Mapping
from typing import Final

from cicd_agent.app.reporter import ADVISORY
from cicd_agent.domain.modes import MODES
from cicd_agent.errors import Exit
from cicd_agent.modes import contract_of, mode_named
from cicd_agent.settings.schema import ModeName
from scripts.pages.rows import table

MEANINGS: Final[Mapping[Exit, str]] = {
    Exit.OK: "done, or nothing to do",
    Exit.STOP: "the verdict says stop",
    Exit.CONFIG: "an input, the event, the checkout or the audit log is wrong",
    Exit.FORGE: "GitHub refused or could not be reached",
    Exit.MODEL: "no model answered",
    Exit.BUDGET: "the budget or the time is used up",
    Exit.MISBEHAVED: "the model answered with nothing that could be checked",
    Exit.BUG: "an internal error, with a traceback",
    Exit.CANCELLED: "cancelled, by the runner or at a terminal",
}
STOPS: Final[Mapping[str, str]] = {
    "review": "a finding reaches `fail-on`",
    "deploy-gate": "hold or rollback; 0 with `enforce: output` or `shadow`",
}
"""What makes a mode say stop; the others never do."""
ASKING: Final = frozenset({Exit.MODEL, Exit.MISBEHAVED})
"""What can be the matter only where a model is asked."""

PAGE: Final = """\
# Exit codes

{mark}

{codes}

A run that must not go on for lack of GitHub or a model fails only in a mode that fails closed. Elsewhere the step
stays green, a warning says what was missing, and the output `degraded` is `true`. Where rules can go on without the
model, the gate does as well: it holds (1) what needs one.

What could not be posted is `degraded=true` in every mode: a warning names it and the permission that the job lacks, and
the step summary has its text. A verdict stays as it is. On a fork's pull request GitHub gives a token that can only
read: that is a notice, and not degraded. A token that is wrong or has expired (401) ends every mode with 3, and a
GITHUB_OUTPUT that cannot be written with 2, after everything else is done; a verdict that says stop is 1 all the same.

The rules run before anybody is asked, and what they found survives every limit: when the budget or the time is used up,
the questions and trials end, the findings are posted, and `fail-on` decides. A run with `fail-on` that never came to
the end of the rules is not green. With `on-unavailable: fail` in the config file, neither is one whose configured model
did not answer (4, 6) or whose budget or time was used up (5); what was found is posted all the same.

With `enforce: shadow` a gate stops nothing: it ends with 0 where it would with 1, 3, 4, 5 or 6, and `decision` is
`proceed`.

Every run, failed ones too, writes its outputs, its JSON report and a step summary. A declined event ends with 0 and
`conclusion=skipped`. A config file that is broken on the base branch is no failure: `account.config_status` in the
report is `invalid`, and the gate holds.
"""


def page(mark: str) -> str:
    """docs/reference/exit-codes.md."""
    modes = [*MODES]
    rows = ((f"{code:d}", MEANINGS[code], *(ending(mode, code) for mode in modes)) for code in Exit)
    return PAGE.format(mark=mark, codes=table(("code", "meaning", *(f"`{mode}`" for mode in modes)), rows))


def exits(mode: ModeName) -> str:
    """The codes that one mode ends with."""
    return table(("what", "exit code"), exit_rows(mode))


def exit_rows(mode: ModeName) -> Iterator[tuple[str, str]]:
    """A row for each code that the mode knows."""
    for code in Exit:
        if code is Exit.STOP and mode in STOPS:
            yield STOPS[mode], f"{code:d}"
        elif code is not Exit.STOP and (code not in ASKING or "openai-api-key" in contract_of(mode).inputs):
            yield MEANINGS[code], ending(mode, code)


def ending(mode: ModeName, code: Exit) -> str:
    """With what a mode ends where this is the matter."""
    slice_ = mode_named(mode)
    if code is Exit.STOP:
        return STOPS.get(mode, "never")
    if code in ASKING and "openai-api-key" not in contract_of(mode).inputs:
        return "never"
    if slice_ is None or slice_.fails_closed or code not in ADVISORY:
        return f"{code:d}"
    cases = ["with a wrong token"] if code is Exit.FORGE else []
    # A model is asked when the rules have ended.
    cases += ["with `fail-on` before the rules have ended"] if slice_.fails_on_findings and code not in ASKING else []
    return "; ".join(filter(None, ("0, with a warning", f"{code:d} {' or '.join(cases)}" if cases else "")))
