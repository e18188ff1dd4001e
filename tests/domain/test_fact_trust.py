from hypothesis import given, settings
from hypothesis import strategies as st

from cicd_agent.domain.fact_trust import SKEW, believed, commit, level, measure, newest, together
from cicd_agent.domain.facts import Fact, FactKind, Known
from cicd_agent.domain.verdict import RiskLevel

NOW = 1_790_000_000
SHA, OTHER = "a" * 40, "b" * 40


def fact(**fields: object) -> Fact:
    known = {"repository": "o/r", "kind": FactKind.REVIEW, "subject": SHA, "at": NOW - 60, "sha": SHA}
    return Fact(**{**known, **fields})  # type: ignore[arg-type]


def test_what_is_of_another_repository_or_commit_or_from_the_future_is_not_there() -> None:
    good, older = fact(), fact(at=NOW - 90, mode="review")
    bad = (
        fact(repository="o/other"),
        fact(sha=OTHER),
        fact(at=NOW + SKEW + 1),
        fact(at=0),
        fact(at=-5),
    )
    told = believed(Known((older, *bad, good, good), trusted=True, limits=("x",)), "O/R", NOW)
    assert told == Known((good, older), trusted=True, limits=("x",))


def test_a_failure_may_be_of_any_commit() -> None:
    told = fact(kind=FactKind.FAILURE, subject="f" * 16)
    assert believed(Known((told,)), "o/r", NOW).facts == (told,)


def test_the_newest_is_of_one_of_the_subjects_and_no_subject_is_none() -> None:
    first, second = fact(), fact(at=NOW - 30, subject=OTHER, sha=OTHER)
    known = Known((first, second, fact(subject="", sha="", at=NOW)))
    assert newest(known, FactKind.REVIEW, (SHA, OTHER, "")) == second
    assert newest(known, FactKind.REVIEW, ("",)) is None
    assert newest(known, FactKind.ROUTE, (SHA,)) is None


def test_reads_are_trusted_together_only_if_each_that_brought_something_is() -> None:
    one, none = Known((fact(),), trusted=True), Known(limits=("it is locked",))
    assert together([one, none, none]) == Known((fact(),), trusted=True, limits=("it is locked",))
    assert not together([one, Known((fact(at=NOW),), trusted=False)]).trusted
    assert not together([none]).trusted
    assert together([]) == Known()


@settings(max_examples=60)
@given(
    st.one_of(
        st.text(max_size=12),
        st.sampled_from(
            ["1e999", "NaN", "inf", "-0", "٣", "1_0", " 1", "1 ", "+1", "0x1", "1.", ".5", "9" * 99, "1e1"]
        ),
        st.floats().map(str),
        st.integers().map(str),
    )
)
def test_a_number_is_one_that_it_can_be_or_none(text: str) -> None:
    found = measure(text, -100, 100)
    assert found is None or (-100 <= found <= 100 and text.isascii() and set(text) <= set("-.0123456789"))


def test_numbers_commits_and_levels_are_read_as_they_are_written() -> None:
    assert (measure("12.5", 0, 100), measure("-3", -100, 100), measure("101", 0, 100)) == (12.5, -3, None)
    assert (commit(SHA), commit(SHA.upper()), commit("a" * 39), commit(SHA + "\n")) == (SHA, "", "", "")
    assert (level("critical"), level("CRITICAL"), level("")) == (RiskLevel.CRITICAL, None, None)
