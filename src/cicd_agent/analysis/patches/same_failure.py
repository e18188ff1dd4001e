"""Tells whether the output of a command shows the failure that a patch is for, or only that something else is amiss."""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from cicd_agent.analysis.logs.extract import Problem
from cicd_agent.analysis.logs.problems import MAX_PROBLEMS
from cicd_agent.analysis.logs.reduction import reduce
from cicd_agent.analysis.logs.template import coarse_template
from cicd_agent.analysis.patches.edit import PATTERNS
from cicd_agent.domain.trials.patch_trial import FailureSignature

_MAX_TEST_NAME = 500
_TAKEN = re.compile(r"\s*\(\d+(?:\.\d+)?\s?(?:ms|s)\)$")
_UNITTEST = re.compile(r"(\w+) \(([\w.]+)\)")
_BETWEEN = re.compile(r"::|\s[>›]\s|[/\\.#$]|\s-\s")
_DECISIVE = 0.6
"""The score from which on a problem says what is wrong: summaries have less."""
_INFORMATIVE = 12
"""Characters of a line by which a message is known again."""


@dataclass(frozen=True, slots=True)
class Output:
    """What a command has printed: the problems that our reader of logs finds in it, and the tests that they name."""

    lines: tuple[str, ...]
    problems: tuple[Problem, ...]
    tests: frozenset[str]

    @classmethod
    def read(cls, text: str) -> "Output":
        problems = reduce([text.encode("utf-8", "replace")]).problems
        return cls(tuple(text.split("\n")), problems, frozenset(_name(each.test) for each in problems if each.test))

    @property
    def is_cut(self) -> bool:
        return len(self.problems) >= MAX_PROBLEMS

    def names(self, failure: FailureSignature) -> bool:
        """Whether it has this failure, for whatever reason: by its test, or by its message where no test has a name."""
        if failure.test and self.tests:
            return any(same_test(test, failure.test) for test in self.tests)
        return bool(set(failure.fingerprints) & {each.strict for each in self.problems if not each.wraps})

    def shows(self, failure: FailureSignature) -> bool:
        """Whether it has this failure, and for the reason for which it is known."""
        if not self.names(failure):
            return False
        part = [line for first, last in self._parts(failure) for line in self.lines[first:last]]
        told = {coarse_template(line) for line in _messages(failure)}
        here = {coarse_template(_unmarked(line)) for line in part}
        # Reports of different failures have lines in common, such as the kind of the error.
        return 2 * len(told & here) > len(told) or not any(_HINDRANCE.search(line[:_MAX_TEST_NAME]) for line in part)

    def error(self) -> int:
        """The index of the line that says best why the command fails, -1 when it has printed nothing."""
        hindered = (at for at, line in enumerate(self.lines) if _HINDRANCE.search(line[:_MAX_TEST_NAME]))
        marked = (at for at, line in enumerate(self.lines) if PATTERNS["errors"].match(line[:_MAX_TEST_NAME]))
        found = (problem.line - 1 for problem in self.problems if not problem.wraps and problem.tool)
        printed = (at for at in range(len(self.lines) - 1, -1, -1) if self.lines[at].strip())
        return next((at for each in (hindered, marked, found, printed) for at in each), -1)

    def _parts(self, failure: FailureSignature) -> Iterator[tuple[int, int]]:
        """Where it tells of a failure: for a test from each line that names it on, until another one is named."""
        if not failure.test or not self.tests:
            yield from ((each.first - 1, each.last) for each in self.problems if each.strict in failure.fingerprints)
            return
        named = sorted((problem.first, problem.test) for problem in self.problems if problem.test)
        ends = [first for first, _ in named[1:]] + [len(self.lines) + 1]
        for (first, name), end in zip(named, ends, strict=True):
            if same_test(name, failure.test):
                yield first - 1, end - 1


_HINDRANCE = PATTERNS["hindrances"]


def remaining(before: Output, after: Output, fixed: Iterable[FailureSignature]) -> frozenset[str]:
    """The tests that still fail where all that was to be fixed passes and nothing new fails; empty otherwise."""
    gone = not any(after.names(failure) for failure in fixed)
    known = {coarse_template(problem.text) for problem in before.problems}
    says = [each.text for each in after.problems if not each.wraps and each.score >= _DECISIVE and each.strict]
    is_new = any(coarse_template(text) not in known for text in says)
    if not gone or is_new or before.is_cut or after.is_cut or not after.tests < before.tests:
        return frozenset()
    return after.tests


def _messages(failure: FailureSignature) -> Collection[str]:
    """The lines that say why, of those by which a failure is known: neither source nor what names the test alone."""
    name = (test_parts(failure.test) or ("",))[-1]
    marked = [line for line in failure.messages if line.startswith("E  ")] or failure.messages
    plain = (_unmarked(line) for line in marked if name not in line and not line.startswith((">", "FAILED ")))
    return [line for line in plain if len(line) >= _INFORMATIVE]


def _name(test: str) -> str:
    """Without the time that it took, which some reporters write behind it."""
    return _TAKEN.sub("", test[:_MAX_TEST_NAME].strip())


def _unmarked(line: str) -> str:
    return line.removeprefix("E  ").strip()


def test_parts(test: str) -> tuple[str, ...]:
    """What the name is made of, the test itself last: `tests/test_x.py::TestY::test_z[1]`, `test_z (test_x.TestY)`."""
    name, bracket, parameters = _name(test).partition("[")
    if match := _UNITTEST.fullmatch(name.strip()):
        inner = match[2].split(".")
        return (*inner, *([] if inner[-1] == match[1] else [match[1]]))
    result = [part.strip() for part in _BETWEEN.split(name)]
    result = [part for part in result if part and part != "py"]
    if result and bracket:
        result[-1] = f"{result[-1]}[{parameters}"
    return tuple(result)


def same_test(one: str, other: str) -> bool:
    short, long = sorted((test_parts(one), test_parts(other)), key=len)
    return bool(short) and long[-len(short) :] == short
