"""What a choice of tests would have meant, told from a run of all of them: the proof that a project needs first."""

from dataclasses import dataclass

from cicd_agent.analysis.test_selection.selection import Selection
from cicd_agent.analysis.test_selection.test_map import TestMap
from cicd_agent.domain.test_run import RunResult
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.text.words import count


@dataclass(frozen=True, slots=True)
class Shadow:
    """Of `tests` that ran in `seconds`, the choice would have skipped `skipped`; `missed` are red ones among these.

    What was red in the same way when the map was made is not missed.
    """

    tests: int
    skipped: int
    seconds: float
    skipped_seconds: float
    missed: tuple[str, ...]

    @property
    def words(self) -> str:
        """On one line."""
        return (
            f"would have run {self.tests - self.skipped:,} of {count(self.tests, 'test')}, would have skipped "
            f"{self.skipped:,} ({self.skipped_seconds:.1f} s of {self.seconds:.1f} s), would have missed: "
            f"{', '.join(map(visible_line, self.missed)) or 'nothing'}"
        )


def shadow(selection: Selection, test_map: TestMap | None, result: RunResult) -> Shadow:
    """Compare a selection with a run of all tests."""
    known = test_map.tests if test_map else {}
    skipped = [test for test in result.tests if not selection.selects(test.nodeid)]
    red = {test.nodeid for test in result.failed}
    missed = (
        test.nodeid
        for test in skipped
        if test.nodeid in red and not (test.nodeid in known and known[test.nodeid].outcome is test.outcome)
    )
    return Shadow(
        len(result.tests),
        len(skipped),
        sum(test.seconds for test in result.tests),
        sum(test.seconds for test in skipped),
        tuple(missed),
    )
