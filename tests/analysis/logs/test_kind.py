"""What kind of failure a log is of, whatever its single messages are for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.headlines.kinds import prior
from cicd_agent.analysis.logs import kind
from cicd_agent.analysis.logs.extract import Kind, Problem
from cicd_agent.analysis.logs.matcher import Matcher
from cicd_agent.analysis.logs.reader import Line
from cicd_agent.analysis.logs.reduction import reduce
from cicd_agent.analysis.logs.registry import load_tools

MATCHER = Matcher(load_tools())
END = "\n##[error]Process completed with exit code 1.\n"
TEST = "##[group]Run make test\n##[endgroup]\nFAILED test_cart.py::test_sum - assert 3 == 4\n1 failed, 8 passed in 0.2s"
BUILD = "##[group]Run make\n##[endgroup]\nsrc/cart.c:41:9: error: 'total' undeclared (first use in this function)"
LINT = "##[group]Run ruff check\n##[endgroup]\nsrc/cart.py:4:1: F401 `os` imported but unused\nFound 1 error."
FORMAT = "##[group]Run black --check .\n##[endgroup]\nwould reformat src/cart.py\n1 file would be reformatted."
NETWORK = (
    "##[group]Run git clone\n##[endgroup]\nCloning into 'shop'...\n"
    "fatal: unable to access 'https://git.example.org/shop.git/': Could not resolve host: git.example.org"
)
DISK = "##[group]Run make\n##[endgroup]\nbash: line 152: pom.bak: No space left on device"
TIMEOUT = "##[group]Run make test\n##[endgroup]\n##[error]The action 'Test' has timed out after 360 minutes."


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        (TEST, Kind.TEST_FAILURE),
        (BUILD, Kind.BUILD_ERROR),
        (LINT, Kind.LINT_ERROR),
        (FORMAT, Kind.LINT_ERROR),
        (NETWORK, Kind.INFRASTRUCTURE),
        (DISK, Kind.INFRASTRUCTURE),
        (TIMEOUT, Kind.TIMEOUT),
        ("nothing of note", Kind.UNKNOWN),
        ("", Kind.UNKNOWN),
    ],
)
def test_a_log_is_told_by_its_messages_and_its_words(log: str, expected: Kind) -> None:
    text = log + END if "##" in log else log
    assert reduce([text.encode()], matcher=MATCHER).kind is expected


def test_a_log_of_a_job_that_passed_is_of_no_failure() -> None:
    assert reduce([f"{TEST}\nFinished: SUCCESS\n".encode()], matcher=MATCHER).kind is Kind.UNKNOWN


@pytest.mark.parametrize(
    ("overall", "own", "closer"),
    [
        (Kind.BUILD_ERROR, Kind.DEPENDENCY, Kind.DEPENDENCY),
        (Kind.BUILD_ERROR, Kind.CONFIGURATION, Kind.CONFIGURATION),
        (Kind.BUILD_ERROR, Kind.TEST_FAILURE, Kind.BUILD_ERROR),
        (Kind.INFRASTRUCTURE, Kind.DEPENDENCY, Kind.INFRASTRUCTURE),
        (Kind.LINT_ERROR, Kind.CONFIGURATION, Kind.LINT_ERROR),
    ],
)
def test_only_an_error_of_a_build_is_told_more_precisely_by_its_message(overall: Kind, own: Kind, closer: Kind) -> None:
    assert kind.closer(overall, own) is closer


def test_each_weight_is_of_a_feature_that_there_is() -> None:
    assert kind.weights().keys() == {*kind.KINDS}
    assert all(own.keys() <= kind.names() for own in (*kind.weights().values(), *prior().values()))


@given(
    st.lists(
        st.tuples(st.sampled_from([*Kind]), st.text(max_size=30), st.sampled_from(["", "gcc"]), st.booleans()),
        max_size=5,
    )
)
def test_every_failure_has_one_of_the_kinds_and_known_features(found: list[tuple[Kind, str, str, bool]]) -> None:
    lines = [Line(number, text) for number, (_, text, _, _) in enumerate(found, 1)]
    ranked = [
        Problem(tool, each, number, number, number, text, 0.0, wraps=wraps)
        for number, (each, text, tool, wraps) in enumerate(found, 1)
    ]
    result = kind.failure_kind(lines, ranked)
    assert (result is Kind.UNKNOWN) == (not found)
    assert result in {*kind.KINDS, Kind.UNKNOWN, Kind.DEPENDENCY, Kind.CONFIGURATION}
    if ranked:
        assert kind.features(lines, ranked).keys() <= kind.names()
