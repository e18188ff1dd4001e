"""The corpus of known bugs: it is what it says, and no figure of its reviews is worse than it was."""

import difflib

import pytest

from benchmarks.known_bugs.corpus import Change, Passage, corpus, lines_of
from benchmarks.known_bugs.measure import MODELS, measured, numbers, pins, regressions


@pytest.mark.parametrize("model", MODELS)
def test_no_figure_is_worse_than_it_was(model: str) -> None:
    assert list(regressions(numbers(measured(model)), pins()[model])) == []


def test_a_worse_figure_is_named_in_either_direction() -> None:
    pinned = {"bugs_found": 18, "false_posted": 2, "requests": 40, "input_tokens": 1_000}
    assert list(regressions(pinned | {"bugs_found": 19, "false_posted": 0, "input_tokens": 1_020}, pinned)) == []
    worse = pinned | {"bugs_found": 17, "false_posted": 3, "requests": 41, "input_tokens": 1_021}
    assert [each.partition(":")[0] for each in regressions(worse, pinned)] == [*pinned]


def test_the_corpus_has_bugs_of_each_kind_and_clean_changes() -> None:
    buggy = [each for each in corpus() if each.bugs]
    assert len(buggy) >= 12
    assert len(corpus()) - len(buggy) == 6
    assert {each.language for each in buggy} == {"Python", "TypeScript", "Go", "Rust", "Java"}
    causes = {"in the diff", "in unchanged code", "in a missing line", "across two files"}
    assert {each.cause for each in buggy} == causes


@pytest.mark.parametrize("change", corpus(), ids=lambda each: each.name)
def test_what_is_recorded_of_a_change_stands_in_it(change: Change) -> None:
    texts = {**change.before, **change.after}
    quoted: list[Passage] = [*change.bugs, *change.strong.findings, *change.weak.findings]
    places = [*(each.second for each in change.bugs), *(each.second for each in change.strong.findings)]
    every = [*quoted, *filter(None, places)]
    assert [each.quote for each in every if not lines_of(texts[each.path], each.quote)] == []
    found = [
        change.bug_of(each.path, lines_of(texts[each.path], each.quote)[-1], f"{each.title} {each.explanation}")
        for each in change.strong.findings
    ]
    assert sorted(found) == sorted(each.id for each in change.bugs)
    assert all(each.path in change.after for each in quoted), "a comment needs a line of the diff"
    assert 15 <= sum(_changed(change.before.get(path, ""), text) for path, text in change.after.items()) <= 150


def _changed(before: str, after: str) -> int:
    rows = difflib.ndiff(before.splitlines(), after.splitlines())
    return sum(row[:2] in {"+ ", "- "} for row in rows)
