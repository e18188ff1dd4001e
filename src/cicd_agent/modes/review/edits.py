"""What `--fix` writes after a review: the proved suggestions."""

import io
from collections.abc import Iterator
from difflib import unified_diff

from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.finding import Finding
from cicd_agent.domain.verdict import Verdict
from cicd_agent.modes.protocol import Edit, Edits
from cicd_agent.modes.review.suggestion import Fix, fixes

_NOTHING = "no finding has a suggestion: there is nothing to fix"


def edits(verdict: Verdict | None, evidence: Evidence | None) -> Edits:
    if verdict is None or evidence is None or evidence.change is None:
        return Edits(nothing=_NOTHING)
    planned = fixes(verdict.findings, evidence.change)
    return Edits(
        tuple(
            Edit(
                fix.path,
                fix.before,
                fix.after,
                tuple(f"fixed {_name(finding)}" for finding in fix.findings),
                tuple(f"not fixed {_name(finding)}" for finding in fix.findings),
            )
            for fix in planned.fixes
        ),
        "".join(line for fix in planned.fixes for line in _diff(fix)),
        tuple(f"not fixed {_name(finding)}: {reason}" for finding, reason in planned.left),
        _NOTHING,
    )


def _diff(fix: Fix) -> Iterator[str]:
    # Lines as git counts them: other characters that end a line elsewhere do not.
    before, after = (list(io.StringIO(text, newline="\n")) for text in (fix.before, fix.after))
    for line in unified_diff(before, after, f"a/{fix.path}", f"b/{fix.path}"):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _name(finding: Finding) -> str:
    return f"{finding.location.path}:{finding.location.line} {finding.title} ({finding.id})"
