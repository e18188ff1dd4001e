"""What a line says of tests: that one passed, or how many of a run failed."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence

from cicd_agent.analysis.logs.reader import MAX_SEARCHED
from cicd_agent.domain.text.patterns import load_patterns

_PASSED = load_patterns(__package__, "test_results")["passed"]
_PASS_WORDS = ("ok", "Failures: 0", "PASS", "Passed", "passed", "OK ", "✔", "✓", "√")
_SUMS = load_patterns(__package__, "failed_sums")
_ANY_SUM = re.compile("|".join(f"(?:{form.pattern})" for form in _SUMS.values()))
_NUMBERS = load_patterns(__package__, "failed_numbers")
_FAILED = load_patterns(__package__, "failed_tests")
_MAX_NAMES = 50_000
_MAX_LINE = 400
"""Characters of a line that is a sum of tests; what is longer is none."""


def passes(text: str) -> bool:
    """Whether the line is about a test that passed, whatever its name says."""
    return any(word in text for word in _PASS_WORDS) and _PASSED.match(text[:MAX_SEARCHED]) is not None


class FailedCounts:
    """How many tests failed, as runners say in sums (`3 failed, 12 passed`).

    Sums of shards and modules add up. A runner that says the same in two forms is counted once. `go test` has no sums:
    its tests are counted.
    """

    def __init__(self) -> None:
        self._sums: dict[str, list[int]] = defaultdict(list)
        self._package = 0
        self._go: dict[tuple[int, str], None] = {}

    def see(self, text: str) -> None:
        """Take a line, in the order of the log."""
        if "ail" not in text and "AIL" not in text and "rror" not in text:
            return
        if "FAIL" in text and (match := _FAILED["go"].match(text)):
            if match["name"] is None:
                self._package += 1
            elif len(self._go) < _MAX_NAMES:
                self._go[self._package, match["name"]] = None
        elif len(text) <= _MAX_LINE and _ANY_SUM.match(text):
            self._see_sum(text)

    def _see_sum(self, text: str) -> None:
        for name, form in _SUMS.items():
            if form.match(text):
                number = sum(int(each) for each in _NUMBERS[name].findall(text))
                if number:
                    self._sums[name].append(number)
                return

    def total(self, listed: int) -> int:
        """How many failed, where so many different ones are listed; 0 when none did."""
        families: Mapping[str, list[int]] = defaultdict(list)
        for name, sums in self._sums.items():
            families[name.partition("_")[0]].append(_once(sums, listed))
        go = self._go_leaves()
        return sum(max(counts) for counts in families.values()) + go or listed

    def _go_leaves(self) -> int:
        """A test of Go that has subtests fails with each of them, and is none of its own."""
        parents = {(package, name.rpartition("/")[0]) for package, name in self._go}
        return sum(key not in parents for key in self._go)


def _once(sums: Sequence[int], listed: int) -> int:
    # A command that was tried again, or run for several versions, says the same again of the same tests.
    is_again = len(sums) > 1 and sums[0] > 1 and listed == sums[0] and set(sums) == {listed}
    return listed if is_again else sum(sums)
