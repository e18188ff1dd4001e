"""Proves that a suggestion may be committed as it is: the file still parses, and only its own lines change."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import unified_diff
from pathlib import PurePosixPath

from cicd_agent.analysis.patches.apply import split
from cicd_agent.analysis.patches.syntax import PARSERS
from cicd_agent.analysis.rules.yaml_source import parse_yaml
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.finding import Finding, Location, Origin
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.diff import Anchors, Side
from cicd_agent.domain.text.quote import shown
from cicd_agent.domain.verdict import Verdict
from cicd_agent.modes.protocol import Edit, Edits

MAX_LINES = 30
MAX_SIZE = 200_000
"""Characters of a file above which it is not parsed for a suggestion."""

MAX_TRIALS = 50
"""Suggestions that are tried in one run, worst finding first: each costs a parse of its file."""

_NOTHING = "no finding has a suggestion: there is nothing to fix"
UNPROVED = "it is not proved to replace its lines as a whole"
_REGULAR = frozenset({"", "100644", "100755"})
_PARSERS: dict[str, Callable[[str], bool]] = {
    **PARSERS,
    **dict.fromkeys((".yaml", ".yml"), lambda text: parse_yaml(text) is not None),
}


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of a suggestion: `text` may be committed in place of the lines, or `reason` says why not.

    `patched` is the file with it, its line ends as they were.
    """

    text: str = ""
    reason: str = ""
    patched: str = ""


class Trials:
    """Tries suggestions on the files of a change; whether a file parses as it is, is found out once."""

    def __init__(self, change: Change) -> None:
        self._texts = change.texts
        self._files = {file.path: (file, Anchors(file)) for file in change.files}
        self._parses: dict[str, bool] = {}

    def of(self, finding: Finding, text: str | None = None, offset: int = 0) -> Trial:
        """Try a finding's suggestion on its file.

        With a `text`, on that one instead, in which the lines stand `offset` lines below their place in the file.
        """
        where, new = finding.location, finding.suggestion.replace("\r\n", "\n").removesuffix("\n").split("\n")
        whole = self._texts.get(where.path)
        reason = self._unsuitable_location(where, whole) or _unfit(new)
        if reason or whole is None:
            return Trial(reason=reason)
        parses = _PARSERS.get(PurePosixPath(where.path).suffix)
        if parses is None:
            return Trial(reason="this kind of file cannot be checked")
        if where.path not in self._parses:
            self._parses[where.path] = parses(whole)
        if not self._parses[where.path]:
            return Trial(reason="the file does not parse as it is")
        whole = whole if text is None else text
        lines = whole.replace("\r\n", "\n").split("\n")
        first, last = where.first - 1 + offset, where.line + offset
        old = lines[first:last]
        reason = _beside(old, new, lines[max(first - 1, 0) : first], lines[last : last + 1])
        if reason:
            return Trial(reason=reason)
        end = "\r\n" if "\r\n" in whole else "\n"
        matches = [(each, end.join([*lines[:first], *each, *lines[last:]])) for each in _readings(old, new)]
        fitting = [Trial("\n".join(each), patched=patched) for each, patched in matches if parses(patched)]
        if len(fitting) == 1:
            return fitting[0]
        return Trial(reason="its indentation is not clear" if fitting or not matches else "the file would not parse")

    def _unsuitable_location(self, where: Location, text: str | None) -> str:
        if where.path not in self._files or text is None:
            return "the whole file is not known"
        file, anchors = self._files[where.path]
        lines, limit = text.split("\n"), f"it replaces more than {MAX_LINES} lines"
        checks = (
            (where.side is not Side.RIGHT or not where.line, "it is not about lines of the new version"),
            (file.new_mode not in _REGULAR, "it is not a regular file"),
            (len(text) > MAX_SIZE, "the file is too large to be checked"),
            (text.count("\r\n") not in (0, text.count("\n")), "the file mixes line ends"),
            (where.line - where.first >= MAX_LINES, limit),
            (not _is_one_piece(where, lines, anchors), "its lines are not one piece of the diff"),
        )
        return next((reason for wrong, reason in checks if wrong), "")


def prove_suggestions(
    findings: Sequence[Finding], change: Change, whole: Collection[tuple[Location, str]]
) -> list[Finding]:
    """The findings, each with the answer to whether its suggestion may be committed.

    `whole` are the places and suggestions of a model that quoted whole lines: it replaces what it quotes. A rule's
    suggestion always replaces its lines.
    """
    trials, left, judged = Trials(change), MAX_TRIALS, list[Finding]()
    for finding in findings:
        text = ""
        replaces = finding.origin is Origin.RULE or (finding.location, finding.suggestion) in whole
        if finding.suggestion and replaces and left:
            left -= 1
            text = trials.of(finding).text
        judged.append(replace(finding, suggestion=text or finding.suggestion, committable=bool(text)))
    return judged


def why_shown(finding: Finding, change: Change) -> str:
    return Trials(change).of(finding).reason or UNPROVED


@dataclass(frozen=True, slots=True)
class Fix:
    """What is to become of one file: its text as it was reviewed, as it should be, and the findings this is for."""

    path: str
    before: str
    after: str
    findings: tuple[Finding, ...] = ()


def fixes(findings: Iterable[Finding], change: Change) -> tuple[list[Fix], list[tuple[Finding, str]]]:
    """The committable suggestions put together, the earlier finding first; and those left out, with the reason.

    Each file parses with all of its own.
    """
    trials, made, left = Trials(change), dict[str, Fix](), list[tuple[Finding, str]]()
    for number, finding in enumerate(each for each in findings if each.suggestion):
        where = finding.location
        before = change.texts.get(where.path, "")
        fix = made.get(where.path, Fix(where.path, before, before))
        others = [each.location for each in fix.findings]
        if not finding.committable:
            tried = number < MAX_TRIALS
            left.append((finding, trials.of(finding).reason or UNPROVED if tried else "there are too many to try"))
        elif any(each.first <= where.line and where.first <= each.line for each in others):
            left.append((finding, "a worse finding changes the same lines"))
        else:
            above = [each for each in fix.findings if each.location.line < where.first]
            offset = sum(each.suggestion.count("\n") - (each.location.line - each.location.first) for each in above)
            trial = trials.of(finding, fix.after, offset)
            if trial.text:
                made[where.path] = replace(fix, after=trial.patched, findings=(*fix.findings, finding))
            else:
                left.append((finding, f"together with the others {trial.reason}" if others else trial.reason))
    return list(made.values()), left


def edits(verdict: Verdict | None, evidence: Evidence | None) -> Edits:
    if verdict is None or evidence is None or evidence.change is None:
        return Edits(nothing=_NOTHING)
    planned, left = fixes(verdict.findings, evidence.change)
    named = [(fix, [_name(finding) for finding in fix.findings]) for fix in planned]
    return Edits(
        tuple(
            Edit(
                fix.path,
                fix.before,
                fix.after,
                done=tuple(f"fixed {name}" for name in names),
                failed=tuple(f"not fixed {name}" for name in names),
            )
            for fix, names in named
        ),
        "".join(line for fix in planned for line in _diff(fix)),
        tuple(f"not fixed {_name(finding)}: {reason}" for finding, reason in left),
        _NOTHING,
    )


def _name(finding: Finding) -> str:
    return f"{finding.location.path}:{finding.location.line} {finding.title} ({finding.id})"


def _diff(fix: Fix) -> Iterator[str]:
    # Lines as git counts them: other characters that end a line elsewhere do not.
    for line in unified_diff(split(fix.before), split(fix.after), f"a/{fix.path}", f"b/{fix.path}"):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _is_one_piece(where: Location, lines: Sequence[str], anchors: Anchors) -> bool:
    """Whether a range lies in one hunk, whose lines are those of the text: what is patched is what was reviewed."""
    hunk = anchors.hunk_at(Side.RIGHT, where.line)
    for number in range(where.first, where.line + 1):
        line = anchors.line_at(Side.RIGHT, number)
        if line is None or anchors.hunk_at(Side.RIGHT, number) is not hunk or lines[number - 1 : number] != [line.text]:
            return False
    return where.first <= where.line


def _unfit(new: Sequence[str]) -> str:
    text = "\n".join(new)
    if not text.strip():
        return "it holds nothing"
    if len(new) > MAX_LINES:
        return f"it is longer than {MAX_LINES} lines"
    return "it holds a secret or hidden characters" if shown(text) != text else ""


def _beside(old: list[str], new: list[str], before: list[str], after: list[str]) -> str:
    """Why the new lines cannot take the place of the old ones between their neighbours, "" when they can."""
    if new == old:
        return "it changes nothing"
    if shown("\n".join(old)) != "\n".join(old):
        return "its lines hold a secret or hidden characters"
    # A model that copies a neighbour into its answer would have it twice.
    if len(new) > len(old) and (new[:1] == before or new[-1:] == after) and old[:1] != before and old[-1:] != after:
        return "it repeats a line beside its own"
    return ""


def _readings(old: Sequence[str], new: Sequence[str]) -> list[list[str]]:
    """What the new lines may be meant to be: as they are, or with the indentation that was dropped from them."""
    chosen, begins = _indent(old), next(index for index, line in enumerate(new) if line.strip())
    if _indent(new) == chosen:
        return [list(new)]
    if _indent(new):
        return []
    every = [f"{chosen}{line}" if line.strip() else line for line in new]
    rest = [line for line in new[begins + 1 :] if line.strip()]
    if not rest or not all(line.startswith(chosen) for line in rest):
        return [every] if every != old else []
    return [each for each in (every, [*new[:begins], every[begins], *new[begins + 1 :]]) if each != old]


def _indent(lines: Sequence[str]) -> str:
    line = next((line for line in lines if line.strip()), "")
    return line[: len(line) - len(line.lstrip())]
