import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.analysis.test_selection.proof import MAX_RECORDS, NEEDED, Proof, Shadow, dump, extended, load
from cicd_agent.errors import ConfigError


def proof_of(*runs: tuple[int, int]) -> Proof:
    """A proof of so many (skipped, missed) runs, each of other files."""
    proof = Proof()
    for at, (skipped, missed) in enumerate(runs):
        proof = extended(proof, ran(skipped, missed), commit=f"c{at}", tree=f"t{at}")
    return proof


def ran(skipped: int, missed: int = 0) -> Shadow:
    return Shadow(10, skipped, 1.0, 0.5, tuple(f"test_{at}" for at in range(missed)))


def test_twenty_runs_in_a_row_that_left_something_out_and_missed_nothing_are_a_proof() -> None:
    proof = proof_of((3, 1), *[(3, 0)] * NEEDED)
    assert proof.holds
    assert proof.summary == "the last 20 shadow runs missed nothing and left out 60 tests"


def test_one_run_less_is_none() -> None:
    proof = proof_of(*[(3, 0)] * (NEEDED - 1))
    assert not proof.holds
    assert proof.summary == "19 of 20 shadow runs without a miss"


def test_a_miss_begins_anew() -> None:
    proof = proof_of(*[(3, 0)] * 30, (3, 1), (3, 0))
    assert not proof.holds
    assert proof.summary == "1 of 20 shadow runs without a miss since the last miss"
    assert proof_of(*[(3, 0)] * 30, (3, 1)).in_a_row == ()


def test_runs_that_would_have_left_nothing_out_prove_nothing() -> None:
    proof = proof_of(*[(0, 0)] * 30)
    assert not proof.holds
    assert "proves nothing" in proof.summary


def test_the_same_files_count_once_and_what_they_missed_stays_missed() -> None:
    proof = Proof()
    for _ in range(30):
        proof = extended(proof, ran(3), commit="c", tree="t")
    assert len(proof.records) == 1
    missed = extended(extended(proof, ran(3, 1), commit="c", tree="t"), ran(3), commit="c", tree="t")
    assert missed.records[-1].missed == ("test_0",)


def test_the_newest_fifty_are_kept_and_long_names_are_cut() -> None:
    proof = proof_of(*[(1, 0)] * 60)
    assert [proof.records[0].commit, len(proof.records)] == ["c10", MAX_RECORDS]
    named = extended(proof, Shadow(1, 1, 1.0, 1.0, ("x" * 5_000,) * 100), commit="c", tree="t")
    assert load(dump(named)) == named


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1)), max_size=60))
def test_what_is_written_is_read_again_and_no_miss_is_ever_within_a_proof(runs: list[tuple[int, int]]) -> None:
    proof = proof_of(*runs)
    assert load(dump(proof)) == proof
    assert not (proof.holds and any(missed for _, missed in runs[-NEEDED:]))


@pytest.mark.parametrize("text", [b"", b"null", b"[]", b"\xff", b'{"version": 2}', b'{"version": 1, "records": 3}'])
def test_what_is_no_proof_is_refused_in_one_line(text: bytes) -> None:
    with pytest.raises(ConfigError, match="proof of the test map cannot be used") as raised:
        load(text)
    assert "\n" not in str(raised.value)
