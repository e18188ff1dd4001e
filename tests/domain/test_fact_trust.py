from hypothesis import given, settings
from hypothesis import strategies as st

from cicd_agent.domain.fact_trust import (
    SKEW,
    merge_facts,
    newest_fact,
    parse_commit,
    parse_level,
    parse_number,
    valid_facts,
)
from cicd_agent.domain.facts import Fact, FactKind, FactSet
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
    told = valid_facts(FactSet((older, *bad, good, good), trusted=True, limits=("x",)), "O/R", NOW)
    assert told == FactSet((good, older), trusted=True, limits=("x",))


def test_a_failure_may_be_of_any_commit() -> None:
    told = fact(kind=FactKind.FAILURE, subject="f" * 16)
    assert valid_facts(FactSet((told,)), "o/r", NOW).facts == (told,)


def test_the_newest_is_of_one_of_the_subjects_and_no_subject_is_none() -> None:
    first, second = fact(), fact(at=NOW - 30, subject=OTHER, sha=OTHER)
    known = FactSet((first, second, fact(subject="", sha="", at=NOW)))
    assert newest_fact(known, FactKind.REVIEW, (SHA, OTHER, "")) == second
    assert newest_fact(known, FactKind.REVIEW, ("",)) is None
    assert newest_fact(known, FactKind.ROUTE, (SHA,)) is None


def test_reads_are_trusted_together_only_if_each_that_brought_something_is() -> None:
    one, none = FactSet((fact(),), trusted=True), FactSet(limits=("it is locked",))
    assert merge_facts([one, none, none]) == FactSet((fact(),), trusted=True, limits=("it is locked",))
    assert not merge_facts([one, FactSet((fact(at=NOW),), trusted=False)]).trusted
    assert not merge_facts([none]).trusted
    assert merge_facts([]) == FactSet()


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
    found = parse_number(text, -100, 100)
    assert found is None or (-100 <= found <= 100 and text.isascii() and set(text) <= set("-.0123456789"))


def test_numbers_commits_and_levels_are_read_as_they_are_written() -> None:
    assert (parse_number("12.5", 0, 100), parse_number("-3", -100, 100), parse_number("101", 0, 100)) == (
        12.5,
        -3,
        None,
    )
    assert (parse_commit(SHA), parse_commit(SHA.upper()), parse_commit("a" * 39), parse_commit(SHA + "\n")) == (
        SHA,
        "",
        "",
        "",
    )
    assert (parse_level("critical"), parse_level("CRITICAL"), parse_level("")) == (RiskLevel.CRITICAL, None, None)
