"""Looks up every line that a model cites: a claim that rests on lines which are not there is dropped."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from cicd_agent.analysis.logs.extract import ExtractLine
from cicd_agent.analysis.risk.comment_only import is_remark
from cicd_agent.domain.evidence import Evidence, Exhibit
from cicd_agent.domain.repository.diff import FileDiff, Side
from cicd_agent.domain.text.quote import Quotes, QuoteSpan, shown
from cicd_agent.domain.text.words import clip
from cicd_agent.modes.analyse_failure.evidence import Candidate, FailedJob, Role, failed_run
from cicd_agent.modes.analyse_failure.exhibits import logs
from cicd_agent.modes.analyse_failure.groups import explains
from cicd_agent.modes.analyse_failure.result import Citation, Cited, Claim, ClaimDraft, Diagnosis, Dropped
from cicd_agent.modes.shared.change_reader import showable
from cicd_agent.settings.schema import Settings

MAX_CLAIMS = 20
MAX_CITATIONS = 8
"""Of one claim. A longer list is a runaway answer: what comes after is not read."""
MIN_QUOTE = 8
"""Characters of a quote that is not the whole of its line: less is found anywhere."""
MIN_COMMIT_DIGITS = 7
MAX_DISTANCE = 3

_MAX_TEXT = 400
_MAX_NAME = 60
_TOO_SHORT = f"a part of a line takes {MIN_QUOTE} characters"


class Weight(IntEnum):
    """How much a cited line proves of what failed."""

    NOTHING = 0
    """It is no line of a log."""
    WRAPPER = 1
    """A tool says only that another one failed, or how much did."""
    LINE = 2
    """A line that is shown, of which no tool is known to have said what failed."""
    TOOL = 3
    """What a tool itself says, in a job that failed the run, and did not say in the last green one."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What became of a list of claims. `weight` is that of the best line that is cited from a log.

    `named` are the files of the change that a cited line of a log names, or the message around it; `edited` are those
    of which a changed line is cited.
    """

    claims: tuple[Claim, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    weight: Weight = Weight.NOTHING
    named: frozenset[str] = frozenset()
    edited: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Resolved:
    cited: Cited
    weight: Weight = Weight.NOTHING
    named: frozenset[str] = frozenset()
    edited: frozenset[str] = frozenset()


@dataclass(slots=True)
class Prover:
    """Where citations are looked up: the logs by their exhibit, and the files whose diff may be shown, by path.

    `changed` are all files of the change, `paths` these and every other that is known. Unless that `is_whole`, a file
    that exists may be missing from `paths`.
    """

    logs: Mapping[str, FailedJob]
    files: Mapping[str, FileDiff]
    changed: frozenset[str]
    paths: frozenset[str]
    candidates: Sequence[Candidate]
    is_whole: bool
    _sides: dict[tuple[str, Side], Quotes] = field(default_factory=dict)
    """What was read of a diff: many citations cost reading it once."""

    @classmethod
    def of(cls, result: Diagnosis, evidence: Evidence, settings: Settings) -> "Prover":
        """What `exhibits` shows of the same evidence. Without a change, the commits since the last green run are it."""
        failed, change = failed_run(evidence), evidence.change
        touched = frozenset(path for each in failed.candidates for path in each.lines)
        edited = frozenset(path for each in failed.candidates for path in each.paths)
        changed, known, files = edited, frozenset[str](), dict[str, FileDiff]()
        if change:
            changed = frozenset(path for file in change.files for path in (file.path, file.old_path))
            known = frozenset(change.paths)
            may = [*showable(change, settings)]
            files = {file.old_path: file for file in may} | {file.path: file for file in may}
        located = frozenset(each.path for job in failed.jobs for each in job.places)
        paths = changed | touched | located | known
        return cls(logs(result, failed), files, changed, paths, failed.candidates, bool(known))

    def commit(self, text: str) -> Candidate | None:
        name = text.strip().lower()
        matches = [each for each in self.candidates if each.commit.sha.startswith(name)]
        return matches[0] if len(name) >= MIN_COMMIT_DIGITS and len(matches) == 1 else None

    def prove(self, claims: Sequence[ClaimDraft], tool_results: Sequence[Exhibit] | None) -> Proof:
        """Tie each claim to the lines it cites; `tool_results` are None while they are not known, and hold then."""
        proved: list[Claim] = []
        dropped: list[Dropped] = []
        resolved: list[_Resolved] = []
        for index, claim in enumerate(claims):
            text = clip(" ".join(claim.statement.split()), _MAX_TEXT)
            if index >= MAX_CLAIMS:
                dropped.append(Dropped(text, f"more than {MAX_CLAIMS} claims in one answer"))
                continue
            attempts = [self._resolve(each, tool_results) for each in claim.citations[:MAX_CITATIONS]]
            result = [each for each in attempts if isinstance(each, _Resolved)]
            wrong = [each for each in attempts if isinstance(each, str)]
            if len(claim.citations) > MAX_CITATIONS:
                wrong.append(f"more than {MAX_CITATIONS} citations")
            if not text:
                dropped.append(Dropped("", "it says nothing"))
            elif not result:
                dropped.append(Dropped(text, "; ".join(wrong) or "it cites nothing"))
            else:
                dropped += [Dropped(text, f"one of its citations: {each}") for each in wrong]
                proved.append(Claim(text, tuple(dict.fromkeys(each.cited for each in result))))
                resolved += result
        return Proof(
            tuple(proved),
            tuple(dropped),
            max((each.weight for each in resolved), default=Weight.NOTHING),
            frozenset(path for each in resolved for path in each.named),
            frozenset(path for each in resolved for path in each.edited),
        )

    def _resolve(self, citation: Citation, tool_results: Sequence[Exhibit] | None) -> _Resolved | str:
        name = citation.exhibit.strip()
        quote = " ".join(citation.quote.split())
        where = f"{clip(' '.join(name.split()), _MAX_NAME)} line {citation.line}"
        if not any(map(str.isalnum, quote)):
            return f"{where}: it quotes no words"
        if "\n" in citation.quote.strip():
            return f"{where}: it quotes more than one line"
        if name in self.logs:
            result = _in_log(self.logs[name], citation.line, quote, self.changed)
        elif name in self.files:
            result = self._in_diff(self.files[name], citation.line, quote)
        elif tool_results is None and name[:1] == "L" and name[1:].isdecimal():
            result = _Resolved(Cited(citation.line, quote, path=name))
        else:
            tool_result = next((each for each in tool_results or () if each.id == name), None)
            result = _in_tool_result(tool_result, quote) if tool_result else "there is no such exhibit to cite"
        return f"{where}: {result}" if isinstance(result, str) else result

    def _in_diff(self, file: FileDiff, number: int, quote: str) -> _Resolved | str:
        if len(quote) < MIN_QUOTE and all(quote != _folded(line.text) for line in file.lines):
            return _TOO_SHORT
        reason = "its quote is not in the diff of that file"
        found: dict[Side, QuoteSpan] = {}
        for side in (Side.RIGHT, Side.LEFT):
            if (file.path, side) not in self._sides:
                self._sides[file.path, side] = Quotes(file, side)
            located = self._sides[file.path, side].locate(quote, number)
            if isinstance(located, QuoteSpan):
                found[side] = located
            else:
                reason = located.reason if located.longer else reason
        if not found:
            return reason
        # What stands on both sides is meant where it has the number that is cited.
        side, span = min(found.items(), key=lambda each: each[1].last != number)
        changed = side is Side.LEFT or any(line.new == span.last for line in file.added)
        edited = frozenset({file.path} if changed and not is_remark(file.path, span.text) else ())
        return _Resolved(Cited(span.last, shown(span.text), path=file.path, side=side), edited=edited)


def _in_log(failed: FailedJob, number: int, quote: str, changed: frozenset[str]) -> _Resolved | str:
    lines = {line.number: line for line in failed.extract.kept}
    near = [each for each in sorted(lines) if abs(each - number) <= MAX_DISTANCE]
    near.sort(key=lambda each: abs(each - number))
    line = next((lines[each] for each in near if _holds(quote, lines[each])), None)
    if line is not None:
        weight = _weight(failed, line.number)
        cited = Cited(line.number, shown(line.text), failed.job.name, line.step or failed.step, failed.job.url)
        return _Resolved(cited, weight, frozenset(_led_to(failed, line, changed)))
    if number not in lines:
        return "that line is not shown"
    if quote in _folded(lines[number].text):
        return _TOO_SHORT
    return "the quote does not stand there"


def _holds(quote: str, line: ExtractLine) -> bool:
    texts = (_folded(line.text), _folded(shown(line.text)))
    return quote in texts or (len(quote) >= MIN_QUOTE and any(quote in text for text in texts))


def _folded(text: str) -> str:
    return " ".join(text.split())


def _weight(failed: FailedJob, number: int) -> Weight:
    around = [problem for problem in failed.extract.problems if problem.first <= number <= problem.last]
    if failed.role is Role.FAILED and any(each.tool and each.novel and explains(each) for each in around):
        return Weight.TOOL
    is_wrapper = around and all(each.wraps or (each.tool and not explains(each)) for each in around)
    return Weight.WRAPPER if is_wrapper else Weight.LINE


def _led_to(failed: FailedJob, line: ExtractLine, changed: frozenset[str]) -> Iterator[str]:
    """Files of the change that a line names, or that the message does which it is a part of."""
    problems = failed.extract.problems
    spans = [(line.number, line.number), *((each.first, each.last) for each in problems)]
    around = [(first, last) for first, last in spans if first <= line.number <= last]
    for located in failed.places:
        if located.path in changed and any(first <= located.number <= last for first, last in around):
            yield located.path
    yield from (path for path in changed if _names(line.text, path))


def _names(text: str, path: str) -> bool:
    """Whether a text holds a path; one in a folder also below others, as machines write it."""
    if path not in text:
        return False
    before = r"(?<![\w.-])" if "/" in path else r"(?<![\w./\\-])"
    return re.search(rf"{before}{re.escape(path)}(?![\w/-])", text) is not None


def _in_tool_result(tool_result: Exhibit, quote: str) -> _Resolved | str:
    for number, line in enumerate(tool_result.text.split("\n"), 1):
        if len(quote) >= MIN_QUOTE and quote in _folded(line):
            return _Resolved(Cited(number, shown(line.strip()), path=tool_result.source))
    return "the quote is not in what was looked up"
