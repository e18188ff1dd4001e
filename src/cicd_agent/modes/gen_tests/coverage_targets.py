"""What new tests are for: changed lines and branches that nothing executes, and faults that no test would notice."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from cicd_agent.analysis.python_tests.callers import Caller, callers
from cicd_agent.analysis.python_tests.syntax import Function, function_at, functions
from cicd_agent.analysis.python_tests.test_modules import home
from cicd_agent.domain.evidence import Evidence, Gap
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.diff import ChangeKind, FileDiff
from cicd_agent.domain.repository.paths import PathKind
from cicd_agent.domain.text.words import count
from cicd_agent.domain.trials.candidate import CandidateReport
from cicd_agent.domain.trials.test_run import Fate, FileCoverage, Mutant, MutantOutcome
from cicd_agent.modes.gen_tests.evidence import TEST_EVIDENCE, Suite, known
from cicd_agent.modes.gen_tests.result import Covered, Open, Share
from cicd_agent.modes.shared.change_reader import showable
from cicd_agent.settings.schema import Settings

_BRANCH, _SURVIVOR = 0.5, 0.7
_PRIVATE = 0.6
"""What a goal is worth beside a line, and in a function that its users do not call themselves."""
_NO_SUBJECT = {
    PathKind.TEST: "a test itself",
    PathKind.GENERATED: "generated",
    PathKind.VENDORED: "vendored",
    PathKind.DOCS: "documentation",
    PathKind.EXAMPLE: "an example",
    PathKind.MIGRATION: "a migration",
}
_SET_UP = frozenset({"setup.py", "noxfile.py", "conftest.py", "conf.py"})


@dataclass(frozen=True, slots=True)
class Subject:
    """A Python file of the change: its text after it, and the numbers of the lines that are new in it."""

    path: str
    text: str
    lines: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Target:
    """A function with its goals: all that a question about it asks for.

    `survivors` are mutants on executed lines, `dormant` those on lines that nothing executes: they are no goals yet.
    """

    path: str
    function: Function
    lines: tuple[int, ...] = ()
    branches: tuple[tuple[int, int], ...] = ()
    survivors: tuple[Mutant, ...] = ()
    dormant: tuple[Mutant, ...] = ()

    @property
    def labels(self) -> Mapping[str, str]:
        """By the label under which a question asks for it, what each goal is."""
        return {
            **{f"line {line}": "never executed" for line in self.lines},
            **{_arc(each): "never taken" for each in self.branches},
            **{f"fault {each.id[:6]}": f"{each.words}, line {each.line}" for each in self.survivors},
        }

    def without(self, labels: Collection[str]) -> "Target":
        """The same without the goals under these labels."""
        return replace(
            self,
            lines=tuple(line for line in self.lines if f"line {line}" not in labels),
            branches=tuple(each for each in self.branches if _arc(each) not in labels),
            survivors=tuple(each for each in self.survivors if f"fault {each.id[:6]}" not in labels),
        )

    @property
    def gap_count(self) -> int:
        return len(self.lines) + len(self.branches) + len(self.survivors)

    @property
    def value(self) -> float:
        worth = len(self.lines) + _BRANCH * len(self.branches) + _SURVIVOR * len(self.survivors)
        return worth if self.function.is_public else worth * _PRIVATE


def _arc(branch: tuple[int, int]) -> str:
    return f"branch {branch[0]} → {branch[1] if branch[1] > 0 else 'out of the function'}"


def targets(subjects: Sequence[Subject], suite: Suite) -> tuple[Target, ...]:
    """The functions with goals, most valuable first. Code that runs when its module is imported is none of them."""
    results = [target for subject in subjects for target in _targets_of(subject, suite) if target.gap_count]
    return tuple(sorted(results, key=lambda each: (-each.value, each.path, each.function.first)))


def left(target: Target, reports: Iterable[CandidateReport]) -> Target:
    """What of a target is still open after the tests that stand: also faults in what they alone execute."""
    remaining = [report for report in reports if report.stands and report.candidate.path == target.path]
    lines = {line for report in remaining for line in report.lines}
    branches = {branch for report in remaining for branch in report.branches}
    kills = {kill for report in remaining for kill in report.kills}
    survived = {each for report in remaining for each in report.survived}
    survivors = (*target.survivors, *(mutant for mutant in target.dormant if mutant.id in survived))
    return replace(
        target,
        lines=tuple(line for line in target.lines if line not in lines),
        branches=tuple(branch for branch in target.branches if branch not in branches),
        survivors=tuple(mutant for mutant in survivors if mutant.id not in kills),
        dormant=tuple(mutant for mutant in target.dormant if mutant.id not in survived),
    )


def covered(subjects: Sequence[Subject], coverage: Sequence[FileCoverage]) -> Covered | None:
    """Coverage by lines, None where none was measured."""
    measured = {each.path: each for each in coverage}
    pairs = [(subject, measured[subject.path]) for subject in subjects if subject.path in measured]
    if not pairs:
        return None
    files = Share(sum(len(_executed(each)) for _, each in pairs), sum(len(each.statements) for _, each in pairs))
    changed = [(set(subject.lines) & set(each.statements), _executed(each)) for subject, each in pairs]
    return Covered(files, Share(sum(len(own & hit) for own, hit in changed), sum(len(own) for own, _ in changed)))


def gaps(
    subjects: Sequence[Subject],
    suite: Suite,
    coverage: Sequence[FileCoverage],
    outcomes: Sequence[MutantOutcome],
    unreachable: Mapping[tuple[str, str], Mapping[str, str]] = MappingProxyType({}),
) -> tuple[Open, ...]:
    """What is open with this coverage and these fates of mutants, the largest first, and what would close it.

    `unreachable` are labels of goals that a model holds for that, with its reason, by path and function.
    """
    after = replace(suite, coverage=tuple(coverage), outcomes=tuple(outcomes))
    results = [
        _open(target, unreachable.get((target.path, target.function.name), {})) for target in targets(subjects, after)
    ]
    for subject in subjects:
        known = functions(subject.text)
        at_import = tuple(line for line in _missing(subject, after) if function_at(known, line) is None)
        if at_import:
            advice = "It runs when the module is imported: a test has to import it."
            results.append(Open(subject.path, "", at_import[0], at_import, advice=advice))
    return tuple(results)


def _missing(subject: Subject, suite: Suite) -> list[int]:
    """The changed lines that nothing executes."""
    changed = set(subject.lines)
    measured = [each for each in suite.coverage if each.path == subject.path]
    return sorted({line for each in measured for line in (changed & set(each.statements)) - _executed(each)})


def _targets_of(subject: Subject, suite: Suite) -> Iterator[Target]:
    """A file's functions with what they have of goals."""
    coverage = next((each for each in suite.coverage if each.path == subject.path), None)
    if coverage is None:
        return
    reached = set(subject.lines) & _executed(coverage)
    lines = _missing(subject, suite)
    branches = [each for each in sorted({*coverage.branches} - {*coverage.taken}) if each[0] in reached]
    fates = {outcome.id: outcome.fate for outcome in suite.outcomes}
    mutants = [each for each in suite.mutants if each.path == subject.path and fates.get(each.id) is Fate.SURVIVED]
    dormant = [each for each in suite.mutants if each.path == subject.path and fates.get(each.id) is Fate.NOT_RUN]
    known = functions(subject.text)
    starts = {*lines, *(start for start, _ in branches), *(mutant.line for mutant in mutants)}
    owners = {line: function_at(known, line) for line in starts}
    for function in known:
        # A `def` runs when what is around it does.
        own = {line for line, owner in owners.items() if owner is function and line != function.first}
        yield Target(
            subject.path,
            function,
            tuple(line for line in lines if line in own),
            tuple(branch for branch in branches if branch[0] in own),
            tuple(mutant for mutant in mutants if mutant.line in own),
            tuple(mutant for mutant in dormant if mutant.function == function.name),
        )


def _open(target: Target, unreachable: Mapping[str, str]) -> Open:
    function = target.function
    survivors = tuple(f"{mutant.words}, line {mutant.line}" for mutant in target.survivors)
    held = {label: reason for label, reason in unreachable.items() if label in target.labels}
    rest = target.without(held)
    advice = [_advice(rest)] if rest.gap_count else []
    for reason in dict.fromkeys(held.values()):
        what = ", ".join(_spoken(label, target) for label, each in held.items() if each == reason)
        advice.append(f"The model holds it unreachable ({what}): {reason}")
    words = " ".join(advice)
    return Open(target.path, function.name, function.first, target.lines, target.branches, survivors, words)


def _spoken(label: str, target: Target) -> str:
    """A goal for a person, who knows no ids."""
    return target.labels[label] if label.startswith("fault ") else label


def entries(path: str, function: str, evidence: Evidence) -> tuple[Caller, ...]:
    """What users call to reach a function."""
    tests, change = evidence.get(TEST_EVIDENCE), evidence.change
    if tests is None or change is None:
        return ()
    changed = {each: text for each, text in change.texts.items() if each in tests.sources or each == path}
    return callers(path, function, {**tests.sources, **changed})


def home_of(path: str, function: str, evidence: Evidence) -> str:
    """The test module for tests of a function: the one that tests it, or what users call to reach it."""
    tests = known(evidence)
    reached = [part for each in entries(path, function, evidence) for part in each.name.split(".")]
    parts = [*function.split("."), *reached]
    names = tuple(dict.fromkeys(part for part in parts if not part.startswith("_")))
    return home(path, tests.suite.coverage, tests.paths, tests.modules, names)


def _advice(target: Target) -> str:
    """What would close it, in one sentence."""
    name = target.function.name
    if target.lines and len(target.lines) >= (target.function.last - target.function.first) / 2:
        return f"Call `{name}` from a test at all: {count(len(target.lines), 'changed line')} of it never run."
    if target.lines:
        return f"Find input for `{name}` that reaches line {target.lines[0]}."
    if target.branches:
        start, end = target.branches[0]
        where = f"line {end}" if end > 0 else "the end of the function"
        return f"Find input for `{name}` with which line {start} goes on to {where}."
    mutant = target.survivors[0]
    return f"Assert what {mutant.words} in line {mutant.line} would change."


def _executed(coverage: FileCoverage) -> set[int]:
    return set(coverage.executed) & set(coverage.statements)


def subjects(change: Change, settings: Settings) -> tuple[Subject, ...]:
    """The files for which tests are written, in the order of the diff."""
    return tuple(
        Subject(file.path, change.texts[file.path], tuple(line.new for line in file.added if line.new))
        for file in showable(change, settings)
        if not _objection(file, change)
    )


def passed_over(change: Change, settings: Settings) -> Iterator[Gap]:
    """The changed Python files that are no subjects though they are no tests, and why."""
    for file in showable(change, settings):
        reason = _objection(file, change)
        if reason and file.path.endswith(".py") and PathKind.TEST not in change.kinds_of(file):
            yield Gap(file.path, f"no tests are written for it: {reason}")


def _objection(file: FileDiff, change: Change) -> str:
    """Why no tests are written for a file, "" when they are."""
    if not file.path.endswith(".py"):
        return "not Python"
    if file.kind is ChangeKind.DELETED:
        return "deleted"
    if reason := next((reason for kind, reason in _NO_SUBJECT.items() if kind in change.kinds_of(file)), ""):
        return reason
    if file.path.rpartition("/")[2] in _SET_UP:
        return "configuration"
    if file.path not in change.texts:
        return "its text is not known"
    return "" if any(file.added) else "nothing was added"
