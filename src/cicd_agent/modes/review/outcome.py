"""What a review found, in a line or two: made from the same facts as its decision."""

from collections import Counter
from collections.abc import Iterator

from cicd_agent.domain.effects import ReviewEvent
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.text.words import count
from cicd_agent.domain.verdict import ClaimStatus, Verdict
from cicd_agent.modes.protocol import Account
from cicd_agent.modes.review.coverage import unread
from cicd_agent.modes.review.verdict import must_be_fixed, reaches
from cicd_agent.modes.shared.change_reader import changed
from cicd_agent.settings.schema import Settings

_READ_WHOLE = "The rules and the model read the whole change."


def result_line(
    verdict: Verdict, evidence: Evidence, account: Account, settings: Settings, *, severities: bool = False
) -> str:
    """Verdict, number and what to do, without the risk; `severities` tells them apart."""
    strong = [finding for finding in verdict.findings if reaches(finding, settings)]
    urgent = sum(must_be_fixed(finding, settings) for finding in strong)
    if not strong:
        return _without_findings(verdict, evidence, account)
    found = Counter(finding.severity for finding in strong)
    worst_first = sorted(found, key=lambda severity: -severity.rank)
    tally = f" ({', '.join(f'{found[each]} {each}' for each in worst_first)})" if severities else ""
    findings = f"{count(len(strong), 'finding')}{tally}"
    if not urgent:
        return f"{findings} to consider"
    return f"Changes requested: {findings}{'' if urgent == len(strong) else f', {urgent}'} to fix before merge"


def review_text(
    verdict: Verdict, evidence: Evidence, account: Account, settings: Settings, *, event: ReviewEvent, at_lines: int
) -> str:
    """The body of the review that is posted as `event`, with so many comments at lines."""
    strong = sum(reaches(each, settings) for each in verdict.findings)
    if event is ReviewEvent.APPROVE:
        return f"{_subject(verdict, account)}. {_READ_WHOLE}"
    sentences = list(_listed(verdict, strong, at_lines) if strong else [_without_findings(verdict, evidence, account)])
    sentences[-1] = f"{sentences[-1].rstrip('.')}."
    sentences += _unsettled(verdict)
    if not is_complete(verdict, account):
        sentences.append("The model did not review the whole change." if account.degraded else "Rules only.")
    if verdict.decision == "approve":
        sentences.append("The summary comment says why this is not an approval on GitHub.")
    return " ".join(sentences)


def is_complete(verdict: Verdict, account: Account) -> bool:
    """Whether a model has read the change, in this run or in the one that is remembered."""
    return bool((account.model or verdict.recalled) and not account.degraded)


def _without_findings(verdict: Verdict, evidence: Evidence, account: Account) -> str:
    """In place of findings that reach the thresholds. It claims no more than was analysed, by those who did."""
    files = len(changed(evidence).files)
    read = files - len(unread(evidence))
    if files and not read:
        return "Nothing in this change was analysed"
    where = "" if read == files else f" in {read} of {count(files, 'file')}"
    if not where and is_complete(verdict, account) and account.left_out:
        where = " in the part of the change that the model was shown"
    return f"{_subject(verdict, account)}{where}"


def _listed(verdict: Verdict, strong: int, at_lines: int) -> Iterator[str]:
    if not at_lines:
        yield f"{count(strong, 'finding')} in the summary comment."
    else:
        more = f", {strong - at_lines} more in the summary comment" if strong > at_lines else ""
        yield f"{count(at_lines, 'finding')} on the changed lines{more}."
    if weak := len(verdict.findings) - strong:
        yield f"{weak} below the thresholds."


def _subject(verdict: Verdict, account: Account) -> str:
    refuted = sum(each.status is ClaimStatus.REFUTED for each in verdict.rejected)
    by_rules = " by the rules" if account.degraded and not verdict.recalled else ""
    if verdict.findings:
        return f"No findings{by_rules} above the thresholds, {len(verdict.findings)} below"
    if refuted:
        return f"No findings{by_rules}: {count(refuted, 'model claim')} refuted"
    if verdict.undecided:
        return "No proven findings"
    return f"No open findings{by_rules}" if any(_unsettled(verdict)) else f"No findings{by_rules}"


def _unsettled(verdict: Verdict) -> Iterator[str]:
    """What was claimed and is neither a finding nor disproved, a sentence each."""
    if undecided := verdict.undecided:
        yield f"{count(undecided, 'model claim')} undecided."
    if silent := sum(each.weighs for each in verdict.suppressed):
        yield f"{count(silent, 'finding')} suppressed by the change itself or resolved in a thread."
