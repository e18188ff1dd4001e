"""What a review found, in a sentence or two: made from the same facts as its decision."""

from collections.abc import Iterator

from cicd_agent.domain.effects import ReviewEvent
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.text.words import count
from cicd_agent.domain.verdict import ClaimStatus, Verdict
from cicd_agent.modes.protocol import Account
from cicd_agent.modes.review.coverage import unread
from cicd_agent.modes.review.verdict import reaches
from cicd_agent.modes.shared.change_reader import changed
from cicd_agent.settings.schema import Settings


def without_findings(verdict: Verdict, evidence: Evidence, account: Account) -> str:
    """In place of findings that reach the thresholds. It claims no more than was looked at, by those who looked."""
    files = len(changed(evidence).files)
    read = files - len(unread(evidence))
    if files and not read:
        return " ".join(("Nothing of the change was looked at.", *_unsettled(verdict)))
    where = "" if read == files else f" in {read} of {count(files, 'file')}: the rest was not looked at"
    if not where and _is_complete(verdict, account) and account.left_out:
        where = " in what the model was shown, which is not the whole change"
    return " ".join((f"{_subject(verdict, account)}{where}.", *_unsettled(verdict)))


def review_text(
    verdict: Verdict, evidence: Evidence, account: Account, settings: Settings, *, event: ReviewEvent, at_lines: int
) -> str:
    """The body of the review that is posted as `event`, with so many comments at lines."""
    strong = sum(reaches(each, settings) for each in verdict.findings)
    if event is ReviewEvent.APPROVE:
        subject = _subject(verdict, account)
        if subject == _NOTHING:
            return f"{subject}, neither by the rules nor by the model, in a change that was read whole."
        return f"{subject}, in a change that the rules and the model read whole."
    sentences = list(_listed(verdict, strong, at_lines) if strong else [without_findings(verdict, evidence, account)])
    if not _is_complete(verdict, account):
        sentences.append("The model was not heard on the whole change." if account.degraded else "No model was asked.")
    if verdict.decision == "approve":
        sentences.append("The summary comment says why this is no approval on GitHub.")
    return " ".join(sentences)


def _listed(verdict: Verdict, strong: int, at_lines: int) -> Iterator[str]:
    if not at_lines:
        yield f"{count(strong, 'finding')}: the summary comment has them all."
    else:
        yield f"{count(at_lines, 'finding')} at the line, worst first."
        if strong > at_lines:
            yield f"{count(strong - at_lines, 'more finding')} in the summary comment."
    if weak := len(verdict.findings) - strong:
        yield f"{weak} below the thresholds."
    yield from _unsettled(verdict)


_NOTHING = "Nothing found"


def _subject(verdict: Verdict, account: Account) -> str:
    complete = _is_complete(verdict, account)
    refuted = sum(each.status is ClaimStatus.REFUTED for each in verdict.rejected)
    if verdict.findings:
        weak = f"{count(len(verdict.findings), 'finding')} below the thresholds, none above"
        return weak if complete else f"By the rules, {weak}"
    if refuted:
        return f"No finding stands: {count(refuted, 'claim')} of the model refuted"
    if any(_unsettled(verdict)):
        return "No finding stands"
    return _NOTHING if complete else "The rules found nothing"


def _unsettled(verdict: Verdict) -> Iterator[str]:
    """What was claimed and is neither a finding nor disproved, a sentence each."""
    if undecided := verdict.undecided:
        verb = "is" if undecided == 1 else "are"
        yield f"{count(undecided, 'claim')} of the model {verb} neither proved nor disproved."
    if silent := sum(each.weighs for each in verdict.suppressed):
        verb = "is" if silent == 1 else "are"
        yield f"{count(silent, 'finding')} {verb} silenced by the change itself or settled in a thread."


def _is_complete(verdict: Verdict, account: Account) -> bool:
    """Whether a model has read the change, in this run or in the one that is remembered."""
    return bool((account.model or verdict.recalled) and not account.degraded)
