"""What a past says of a change and of the changes before it, against the definitions that published data have."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cicd_agent.analysis.risk.features import features
from cicd_agent.analysis.risk.history_features import MAX_TROUBLES, history_of
from cicd_agent.domain.repository.change import Change, ChangeSource, Commit
from cicd_agent.domain.repository.diff import ChangeKind, FileDiff
from cicd_agent.domain.repository.diff_parser import parse_diff
from cicd_agent.domain.repository.history import COUNTED, Experience, Past, PastCommit, Trouble
from cicd_agent.domain.verdict import RiskLevel

DAY = 86_400
NOW = 2_000_000_000


def change(*paths: str, commits: tuple[str, ...] = ("own",)) -> Change:
    files = tuple(FileDiff(path, path, ChangeKind.MODIFIED) for path in paths)
    return Change("base", "head", ChangeSource.GIT, files, tuple(Commit(sha, "Change it") for sha in commits))


def commit(sha: str, days_ago: float, *paths: str, author: str = "ann", subject: str = "Work") -> PastCommit:
    return PastCommit(sha, int(NOW - days_ago * DAY), author, subject, paths, tuple((1, 0) for _ in paths))


def past(*commits: PastCommit) -> Past:
    return Past(commits)


def test_experience_is_that_of_the_files_and_of_the_author() -> None:
    history = history_of(
        past(
            commit("own", 0, "src/a.py"),
            commit("e", 10, "src/a.py", author="bob"),
            commit("d", 20, "docs/x.md"),
            commit("c", 30, "src/b.py", "src/a.py"),
            commit("b", 365.25, "src/other.py"),
            commit("a", 700, "src/b.py", author="cid"),
        ),
        change("src/a.py", "src/b.py", "src/new.py"),
        NOW,
    )
    assert history.experience == Experience(
        developers=3,
        age=20,  # ten and thirty days; the new file has no age
        last_changes=2,
        commits=3,
        recent_commits=round(1 / (1 + 20 / 365.25) + 1 / (1 + 30 / 365.25) + 1 / 2, 3),
        subsystem_commits=2,
    )
    assert (history.commits, history.shallow, history.limits) == (5, False, ())


def test_a_past_change_is_judged_by_what_was_before_it() -> None:
    history = history_of(
        past(
            commit("d", 1, "a", author="bob", subject="Fix the reader"),
            commit("c", 2, "a", "b"),
            commit("b", 3, "a", author="bob"),
            commit("a", 5, "a"),
        ),
        change("a"),
        NOW,
    )
    assert [recent.sha for recent in history.recent] == ["d", "c", "b", "a"]
    assert [recent.measures.is_fix for recent in history.recent] == [True, False, False, False]
    known = [recent.measures.experience for recent in history.recent]
    assert [each.developers for each in known] == [2, 2, 1, 0]
    assert [each.age for each in known] == [1, 1, 2, 0]
    assert [each.commits for each in known] == [1, 1, 0, 0]


def test_an_author_of_whom_the_past_knows_nothing_is_not_a_beginner() -> None:
    history = history_of(past(commit("a", 3, "a")), change("a"), NOW)
    assert (history.experience.commits, history.experience.recent_commits) == (None, None)
    assert history.experience.subsystem_commits is None
    assert history.experience.developers == 1


def test_nobody_is_experienced_in_a_shallow_clone_and_troubles_hold_all_the_same() -> None:
    known = Past((commit("own", 1, "a"), commit("b", 2, "a", subject="Fix it")), ("cut",), shallow=True)
    history = history_of(known, change("a"), NOW)
    assert history.experience == Experience()
    assert [recent.measures.experience for recent in history.recent] == [Experience()]
    assert history.troubles == (Trouble("a", "repaired", 1),)
    assert (history.limits, history.shallow) == (("cut",), True)


def test_only_commits_whose_lines_are_known_are_ranked_and_no_more_than_the_newest() -> None:
    uncounted = replace(commit("old", 9, "a"), churn=())
    empty = commit("empty", 1)
    assert [
        recent.sha for recent in history_of(past(empty, commit("a", 2, "a"), uncounted), change("a"), NOW).recent
    ] == ["a"]
    many = past(*(commit(f"{number}", number, "a") for number in range(COUNTED + 20)))
    recent = history_of(many, change("a"), NOW).recent
    assert len(recent) == COUNTED
    assert recent[-1].sha == f"{COUNTED - 1}"
    assert recent[-1].measures.experience.commits == 20


def test_a_renamed_file_keeps_its_past() -> None:
    renamed = replace(change("new"), files=(FileDiff("new", "old", ChangeKind.RENAMED),))
    history = history_of(past(commit("a", 4, "old", subject="Fix it"), commit("b", 5, "old")), renamed, NOW)
    assert (history.experience.developers, history.experience.age) == (1, 4)
    assert history.troubles == (Trouble("new", "repaired", 1),)


def test_troubles_are_reverts_and_repairs_of_the_last_ninety_days() -> None:
    history = history_of(
        past(
            replace(commit("f", 1, "a", "z", subject="Take back"), reverts="e"),
            commit("e", 2, "a", "b", subject='Revert "Fix the reader"'),
            commit("d", 3, "b", subject="Fix the writer"),
            commit("c", 89, "b", subject="Fix a bug"),
            commit("t", 4, "b", subject="Fix typos"),
            commit("b", 91, "b", subject="Fix more"),
            commit("a", 5, "other", subject="Fix others"),
        ),
        change("a", "b"),
        NOW,
    )
    assert history.troubles == (Trouble("a", "reverted", 2), Trouble("b", "repaired", 2), Trouble("b", "reverted", 1))


def test_of_many_troubles_the_worst_are_named_and_the_rest_counted() -> None:
    paths = [f"file{number}" for number in range(MAX_TROUBLES + 3)]
    history = history_of(past(commit("a", 1, *paths, subject="Fix"), commit("b", 2, paths[-1], subject="Fix")),
                     change(*paths), NOW)  # fmt: skip
    assert (len(history.troubles), history.troubles[0]) == (MAX_TROUBLES, Trouble(paths[-1], "repaired", 2))
    assert history.limits == ("3 more files of the change were taken back or repaired lately, each less often",)


@pytest.mark.parametrize(
    ("path", "floor"),
    [
        ("app/migrations/0001_initial.py", RiskLevel.HIGH),
        ("requirements.txt", RiskLevel.MEDIUM),
        ("tests/test_login.py", RiskLevel.LOW),
        ("vendor/auth/login.py", RiskLevel.LOW),
        ("src/app.py", RiskLevel.LOW),
    ],
)
def test_the_floor_of_a_past_change_is_that_of_its_riskiest_path(path: str, floor: RiskLevel) -> None:
    assert history_of(past(commit("a", 1, "README.md", path)), change("a"), NOW).recent[0].floor == floor


def test_a_past_change_is_counted_as_the_change_itself_would_be() -> None:
    paths = ("src/a.py", "src/deep/b.py", "docs/guide.md", "package-lock.json", "vendor/c.js", "api_pb2.py", "setup.py")
    sizes = [(3, 1), (5, 0), (90, 1), (800, 700), (20, 0), (9, 9), (0, 2)]
    text = "".join(
        f"diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n@@ -1,{minus} +1,{plus} @@\n"
        + "-x\n" * minus
        + "+y\n" * plus
        for path, (plus, minus) in zip(paths, sizes, strict=True)
    )
    expected = features(
        replace(change(), files=tuple(parse_diff(text)), commits=(Commit("own", "Fix the reader of lists"),))
    ).measures
    counted = replace(commit("a", 1, *paths, subject="Fix the reader of lists"), churn=tuple(sizes))
    measures = history_of(past(counted), change("a"), NOW).recent[0].measures
    names = ("subsystems", "directories", "files", "entropy", "added", "deleted", "is_fix")
    assert [getattr(measures, name) for name in names] == [getattr(expected, name) for name in names]


TIMES = st.one_of(st.integers(0, 2 * NOW), st.just(NOW))
COMMITS = st.lists(
    st.builds(
        lambda when, author, subject, paths: PastCommit(
            "", when, author, subject, tuple(sorted(paths)), tuple((1, 2) for _ in paths)
        ),
        TIMES,
        st.sampled_from(["ann", "bob"]),
        st.sampled_from(["Fix", 'Revert "x"', "", "\x00\n"]),
        st.sets(st.sampled_from(["a", "src/b", "src/c", "docs/d.md"])),
    ),
    max_size=12,
)


@given(COMMITS, st.integers(0, 12), TIMES)
@settings(max_examples=60)
def test_whatever_the_dates_nothing_is_negative_and_the_future_changes_nothing(
    commits: list[PastCommit], own: int, now: int
) -> None:
    named = [replace(each, sha=f"{place}") for place, each in enumerate(commits)]
    asked = change("a", "src/b", commits=tuple(each.sha for each in named[:own]))
    history = history_of(past(*named), asked, now)
    for known in [history.experience, *(recent.measures.experience for recent in history.recent)]:
        numbers = (known.developers, known.age, known.last_changes, known.commits, known.recent_commits)
        assert all(number is None or number >= 0 for number in numbers)
        assert (known.recent_commits or 0) <= (known.commits or 0) + 0.001
        assert (known.subsystem_commits or 0) <= (known.commits or 0)
    assert [recent.sha for recent in history.recent] == [each.sha for each in named[own:] if each.paths]
    for start in range(own, len(named)):
        rest = {each.sha for each in named[start:]}
        alone = history_of(past(*named[start:]), asked, now)
        assert alone.recent == tuple(recent for recent in history.recent if recent.sha in rest)


def test_nothing_says_nothing() -> None:
    history = history_of(Past(), change(), 0)
    assert (history.commits, history.recent, history.troubles) == (0, (), ())
    assert history.experience == Experience(developers=0, age=0, last_changes=0)


@pytest.mark.parametrize(
    ("subjects", "floor"),
    [
        (["Work"] * 5, RiskLevel.LOW),
        (["Fix it"] * 2, RiskLevel.LOW),
        (["Fix it"] * 3, RiskLevel.MEDIUM),
        (['Revert "It"'], RiskLevel.MEDIUM),
        (['Revert "It"'] * 2, RiskLevel.HIGH),
    ],
)
def test_a_past_change_has_the_floor_of_what_happened_to_its_files_shortly_before(
    subjects: list[str], floor: RiskLevel
) -> None:
    before = [commit(f"c{at}", 20 + at, "src/a.py", subject=subject) for at, subject in enumerate(subjects)]
    old = [replace(each, sha=f"o{each.sha}", when=each.when - 200 * DAY) for each in before]
    found = history_of(past(commit("new", 1, "src/a.py"), *before, *old), change("src/a.py"), NOW)
    assert found.recent[0].floor is floor
    assert history_of(past(commit("new", 1, "src/b.py"), *before), change("x"), NOW).recent[0].floor is RiskLevel.LOW
