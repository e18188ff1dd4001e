"""When two names are those of one test."""

import pytest

from cicd_agent.analysis.patches.same_failure import same_test
from cicd_agent.modes.analyse_failure.groups import job_base


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("test_retry", "tests/test_client.py::TestClient::test_retry", True),
        ("TestClient.test_retry", "tests/test_client.py::TestClient::test_retry", True),
        ("test_retry (tests.test_client.TestClient)", "tests.test_client.TestClient.test_retry", True),
        ("test_retry (tests.test_client.TestClient.test_retry)", "test_retry (tests.test_client.TestClient)", True),
        ("test_retry[1.5]", "tests/test_client.py::test_retry[1.5]", True),
        ("test_retry[1]", "tests/test_client.py::test_retry[2]", False),
        ("TestOther.test_retry", "tests/test_client.py::TestClient::test_retry", False),
        ("codec::tests::reads", "reads", True),
        ("Cart › adds an item", "Cart > adds an item", True),
        ("com.acme.BarTest.fails", "BarTest.fails", True),
        ("adds 1.5 numbers (11.68ms)", "adds 1.5 numbers (9 ms)", True),
        ("", "test_retry", False),
        ("", "", False),
    ],
)
def test_one_name_is_the_end_of_the_other(one: str, other: str, is_same: bool) -> None:  # noqa: FBT001
    assert same_test(one, other) is is_same
    assert same_test(other, one) is is_same


def test_a_matrix_has_one_base() -> None:
    assert job_base("unit (3.12, ubuntu)") == job_base("unit (3.13, macos)") == "unit"
    assert job_base("(odd)") == "(odd)"
