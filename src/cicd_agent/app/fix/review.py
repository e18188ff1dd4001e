"""`--fix`: puts the proved suggestions of a review into the working tree that it read, or prints them as a diff."""

import io
from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path

from cicd_agent.adapters.files.atomic import replace_text
from cicd_agent.app.decision import Decision
from cicd_agent.app.options import RunOptions
from cicd_agent.domain.finding import Finding
from cicd_agent.domain.text.visible import visible
from cicd_agent.errors import ConfigError
from cicd_agent.modes.review.suggestion import Fix, Fixes, fixes
from cicd_agent.settings.environment import Environment

_NOTHING = "no finding has a suggestion: there is nothing to fix"


def require_working_tree(options: RunOptions, environment: Environment) -> None:
    """Raise ConfigError unless what is reviewed is the working tree of somebody at a terminal."""
    if environment.on_actions:
        raise ConfigError("--fix is for a terminal", why="a job does not change what it reviews", remedy="Leave it out")
    if not options.base or options.head:
        why = "what is reviewed is not the working tree"
        raise ConfigError("--fix has nothing to change", why=why, remedy="Say `--base main`, without --head")


def apply(decision: Decision, top: Path) -> Iterator[str]:
    """Write the fixes below `top`; one line for each finding that has a suggestion."""
    planned = _planned(decision)
    if not planned.fixes and not planned.left:
        yield _NOTHING
    for fix in planned.fixes:
        why = replace_text(top, fix.path, fix.before, fix.after)
        for finding in fix.findings:
            yield _not_fixed(finding, why) if why else f"fixed {_named(finding)}"
    for finding, why in planned.left:
        yield _not_fixed(finding, why)


def diff(decision: Decision) -> tuple[str, list[str]]:
    """What `apply` would do, as a unified diff; and a line for each suggestion that it leaves."""
    planned = _planned(decision)
    text = visible("".join(line for fix in planned.fixes for line in _diff(fix)))
    left = [_not_fixed(finding, why) for finding, why in planned.left]
    return text, left if text or left else [_NOTHING]


def _planned(decision: Decision) -> Fixes:
    if decision.verdict is None or decision.evidence is None or decision.evidence.change is None:
        return Fixes((), ())
    return fixes(decision.verdict.findings, decision.evidence.change)


def _diff(fix: Fix) -> Iterator[str]:
    before, after = _lines(fix.before), _lines(fix.after)
    for line in unified_diff(before, after, f"a/{fix.path}", f"b/{fix.path}"):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _lines(text: str) -> list[str]:
    # As git counts them: other characters that end a line elsewhere do not.
    return list(io.StringIO(text, newline="\n"))


def _not_fixed(finding: Finding, why: str) -> str:
    return f"not fixed {_named(finding)}: {why}"


def _named(finding: Finding) -> str:
    return f"{finding.location.path}:{finding.location.line} {finding.title} ({finding.id})"
