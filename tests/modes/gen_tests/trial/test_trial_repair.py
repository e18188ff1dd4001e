import pytest

from cicd_agent.domain.trials.candidate import Candidate, CandidateReport, Expectation, Hurdle
from cicd_agent.modes.gen_tests.trial.repair import repaired
from tests.support.trial_world import candidate

SOURCE = "LIMIT = 3\n\n\ndef grade(points):\n    return 'B'\n\n\nclass Marks:\n    pass\n"


def mended(proposed: Candidate, message: str, exception: str = "AssertionError") -> Candidate | None:
    report = CandidateReport(proposed, Hurdle.PASSES, "it fails", fails_with=message, exception=exception)
    return repaired(report, SOURCE, "pkg.calc")


@pytest.mark.parametrize(
    ("name", "line"),
    [("Marks", "from pkg.calc import Marks"), ("LIMIT", "from pkg.calc import LIMIT"), ("pytest", "import pytest")],
)
def test_a_name_that_the_target_or_everybody_knows_is_imported(name: str, line: str) -> None:
    found = mended(candidate(), f"NameError: name '{name}' is not defined", "NameError")
    assert found
    assert found.imports == ("from calc import grade", line)
    assert found.key != candidate().key
    assert name in found.why


def test_an_import_from_the_wrong_module_is_put_right_for_that_name_alone() -> None:
    proposed = candidate("test_best", "", "from pkg import grade, other", "import json")
    found = mended(proposed, "ImportError: cannot import name 'grade' from 'pkg' (unknown location)", "ImportError")
    assert found
    assert found.imports == ("from pkg import other", "from pkg.calc import grade", "import json")


def test_a_module_that_means_the_target_is_put_right() -> None:
    found = mended(candidate(), "ModuleNotFoundError: No module named 'calc'", "ModuleNotFoundError")
    assert found
    assert found.imports == ("from pkg.calc import grade",)


def test_a_constant_read_from_the_code_takes_the_value_that_was_seen() -> None:
    found = mended(candidate(code="assert grade(3) == 'A'"), "AssertionError: assert 'B' == 'A'")
    assert found
    assert "assert grade(3) == 'B'" in found.code
    assert "'A' was expected, 'B' was seen" in found.why


@pytest.mark.parametrize("line", ["import os.path", "from subprocess import call", "def f():\n    import socket"])
def test_what_was_seen_is_not_believed_of_code_that_asks_the_world(line: str) -> None:
    proposed = candidate(code="assert grade(3) == 'A'")
    report = CandidateReport(proposed, fails_with="AssertionError: assert 'B' == 'A'", exception="AssertionError")
    assert repaired(report, SOURCE, "pkg.calc")
    assert repaired(report, f"{line}\n{SOURCE}", "pkg.calc") is None


@pytest.mark.parametrize("expectation", [Expectation.DOCSTRING, Expectation.TYPES, Expectation.PULL_REQUEST])
def test_an_expectation_that_somebody_wrote_down_is_never_changed(expectation: Expectation) -> None:
    proposed = candidate(code="assert grade(3) == 'A'", expectation=expectation)
    assert mended(proposed, "AssertionError: assert 'B' == 'A'") is None


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("assert grade(3) == 'A'", "AssertionError: assert <Marks object> == 'A'"),
        ("assert grade(3) == 'A'", "AssertionError: assert 'B' == 'C'"),
        ("assert grade(3) != 'A'", "AssertionError: assert 'B' == 'A'"),
        ("assert grade('A') == 'A'", "AssertionError: assert 'B' == 'A'"),
        ("assert grade(3) == 'A'; assert grade(4) == 'A'", "AssertionError: assert 'B' == 'A'"),
        ("assert grade(3) == 'A'", "TypeError: assert 'B' == 'A'"),
        ("assert grade(3) == 'A'", "NameError: name 'nobody' is not defined"),
        ("assert grade(3) == 'A'", "No module named 'requests'"),
        ("assert grade(3) == 'A'", ""),
        ("assert grade(3", "AssertionError: assert 'B' == 'A'"),
    ],
)
def test_nothing_is_guessed(code: str, message: str) -> None:
    assert mended(candidate(code=code), message, message.partition(":")[0]) is None
