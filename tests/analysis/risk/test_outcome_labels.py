from hypothesis import given, settings
from hypothesis import strategies as st

from cicd_agent.analysis.risk.outcome_labels import DAY, MAX_BLAMED, Blame, Source, from_commits, from_failure, labels
from cicd_agent.domain.repository.history import Past, PastCommit

START = 1_700_000_000


def commit(number: int, day: float, *paths: str, subject: str = "Add a thing", reverts: int = 0) -> PastCommit:
    return PastCommit(
        sha(number), START + int(day * DAY), "a", subject, paths or ("app.py",), reverts=sha(reverts) if reverts else ""
    )


def sha(number: int) -> str:
    return f"{number:08x}" * 5


def blamed(*commits: PastCommit) -> list[tuple[int, Source]]:
    """What is found of a history that is told oldest first."""
    return [(int(blame.sha[:8], 16), blame.source) for blame in from_commits(commits[::-1])]


def test_a_commit_that_was_taken_back_was_bad() -> None:
    assert blamed(commit(1, 0), commit(2, 1), commit(3, 60, reverts=1)) == [(1, Source.REVERT)]


def test_a_revert_that_was_taken_back_clears_what_it_took_back() -> None:
    twice = [commit(1, 0), commit(2, 1, reverts=1), commit(3, 2, reverts=2)]
    assert blamed(*twice) == [(2, Source.REVERT)]
    assert blamed(*twice, commit(4, 3, reverts=3)) == [(3, Source.REVERT), (1, Source.REVERT)]


def test_a_short_name_counts_where_it_names_one_commit() -> None:
    shortened = PastCommit(sha(9), START, "a", "Revert it", ("b.py",), reverts=sha(1)[:9])
    assert blamed(commit(1, 0), shortened) == [(1, Source.REVERT)]
    twin = PastCommit(sha(1)[:20] + "f" * 20, START, "a", "Add", ("c.py",))
    assert blamed(commit(1, 0), twin, shortened) == []


def test_no_message_takes_back_what_is_newer_unknown_or_itself() -> None:
    assert blamed(commit(1, 0, reverts=2), commit(2, 1, reverts=2), commit(3, 2, reverts=77)) == []


def test_a_repair_is_blamed_on_the_commit_that_touched_most_of_its_files_last() -> None:
    history = [commit(1, 0, "a.py", "b.py", "c.py"), commit(2, 1, "c.py"), commit(3, 2, "z.py")]
    fix = commit(4, 3, "a.py", "b.py", "c.py", "tests/test_a.py", "CHANGELOG.md", subject="Fix a crash")
    assert blamed(*history, fix) == [(1, Source.HOTFIX)]


def test_nobody_is_blamed_for_a_repair_of_files_that_several_touched() -> None:
    fix = commit(3, 2, "a.py", "b.py", subject="Fix a crash")
    assert blamed(commit(1, 0, "a.py"), commit(2, 1, "b.py"), fix) == []


def test_a_repair_comes_within_a_fortnight_and_says_so() -> None:
    assert blamed(commit(1, 0), commit(2, 13.9, subject="Bugfix")) == [(1, Source.HOTFIX)]
    assert blamed(commit(1, 0), commit(2, 14.1, subject="Bugfix")) == []
    assert blamed(commit(1, 0), commit(2, 1, subject="Extend it")) == []
    assert blamed(commit(1, 0), commit(2, 1, subject="Fix a typo")) == []


def test_a_repair_of_documentation_or_tests_alone_blames_nobody() -> None:
    docs = "docs/a.md", "tests/test_a.py"
    assert blamed(commit(1, 0, *docs), commit(2, 1, *docs, subject="Fix an example")) == []


def test_a_failed_deployment_blames_all_that_it_brought_unless_that_is_too_much() -> None:
    few = from_failure(Source.ROLLBACK, START, ["a", "b"])
    assert few == (Blame("a", Source.ROLLBACK, START), Blame("b", Source.ROLLBACK, START))
    assert from_failure(Source.DEPLOYMENT, START, [str(number) for number in range(MAX_BLAMED + 1)]) == ()


def test_each_commit_is_labelled_and_only_what_had_time_to_show_is_matured() -> None:
    past = Past((commit(3, 100), commit(2, 10, subject="Fix it"), commit(1, 0)))
    failed = [
        Blame(sha(1), Source.ROLLBACK, START),
        Blame(sha(3), Source.DEPLOYMENT, START + 101 * DAY),
        Blame(sha(2), Source.ROLLBACK, START + 101 * DAY),
        Blame("unknown", Source.ROLLBACK, START),
    ]
    third, second, first = labels(past, failed, START + 105 * DAY)
    assert (first.sources, first.bad, first.matured) == ((Source.HOTFIX, Source.ROLLBACK), True, True)
    assert (second.sources, second.bad, second.matured) == ((), False, True), "what shows after 90 days is too late"
    assert (third.sources, third.bad, third.matured) == ((Source.DEPLOYMENT,), True, False)


def test_what_shows_after_ninety_days_does_not_count() -> None:
    past = Past((commit(2, 91, reverts=1), commit(1, 0)))
    assert [label.bad for label in labels(past, (), START + 400 * DAY)] == [False, False]


@settings(max_examples=60)
@given(
    st.lists(
        st.builds(
            PastCommit,
            sha=st.integers(0, 30).map(sha),
            when=st.integers(-(10**12), 10**12),
            author=st.just("a"),
            subject=st.sampled_from(["Fix it", "Add it", "", "\0", "fix" * 1000]),
            paths=st.lists(st.sampled_from(["a.py", "b/c.py", "d.md", "", "\udcff", "/"]), max_size=4).map(tuple),
            reverts=st.one_of(st.just(""), st.integers(0, 30).map(sha), st.text(max_size=50)),
        ),
        max_size=12,
    )
)
def test_any_history_has_a_label_for_each_commit_and_blames_only_what_is_in_it(commits: list[PastCommit]) -> None:
    past = Past(tuple(commits))
    assert [label.sha for label in labels(past, (), START)] == [each.sha for each in commits]
    assert {blame.sha for blame in from_commits(commits)} <= {each.sha for each in commits}
