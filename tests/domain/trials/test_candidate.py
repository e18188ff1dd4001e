"""Keys of candidates: one for one test, whoever makes it."""

from dataclasses import fields, replace

from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.domain.trials.candidate import Candidate, Expectation, Origin, key, keyed

CANDIDATE = Candidate("", "src/a.py", "f", "test_f", ("from a import f",), "def test_f(): ...", Origin.MODEL)


def test_the_key_does_not_depend_on_the_key() -> None:
    once = keyed(CANDIDATE)
    assert keyed(once) == once
    assert len(once.key) == 16


def test_every_other_field_makes_another_key() -> None:
    others = {
        "path": "b.py",
        "function": "g",
        "name": "test_g",
        "imports": (),
        "code": "def test_f(): pass",
        "origin": Origin.OBSERVED,
        "expectation": Expectation.DOCSTRING,
        "quote": "words",
        "why": "for this",
    }
    assert {"key", *others} == {field.name for field in fields(Candidate)}
    keys = {key(replace(CANDIDATE, **{name: value})) for name, value in others.items()}  # type: ignore[arg-type]
    assert len(keys | {key(CANDIDATE)}) == len(others) + 1


def test_what_stands_in_one_field_is_not_taken_for_what_stands_in_the_next() -> None:
    assert key(replace(CANDIDATE, path="ab", function="c")) != key(replace(CANDIDATE, path="a", function="bc"))


@given(st.text(st.characters()))
def test_any_text_has_a_key(text: str) -> None:
    assert len(key(replace(CANDIDATE, code=text))) == 16
