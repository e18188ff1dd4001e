"""The labels of the lines to read first are whole and do not contradict themselves."""

from collections import Counter

import pytest

from benchmarks.headlines.measure import Label, agreement, labels

TYPES = {"test_failure", "build_error", "lint_error", "timeout", "infrastructure", "flaky_test", "none"}
CLASSES = {"wrapper", "counter", "place", "frame", "ruler", "passing", "other"}


@pytest.mark.parametrize(("name", "count"), [("labels.jsonl", 272), ("blind.jsonl", 40)])
def test_each_log_has_one_label_and_each_line_one_class(name: str, count: int) -> None:
    known = labels(name)
    assert len(known) == count
    for label in known.values():
        lines = Counter([*label.best, *label.fine, *(line for each in label.wrong.values() for line in each)])
        assert label.type in TYPES
        assert label.wrong.keys() <= CLASSES
        assert label.best or label.type == "none"
        assert min(lines) > 0
        assert max(lines.values()) == 1, label.id


def test_agreement_counts_what_both_readers_say() -> None:
    first = {name: Label(id=name, type="timeout", best=(7,), fine=(9,)) for name in "abc"}
    again = {
        "a": Label(id="a", type="timeout", best=(7, 8)),
        "b": Label(id="b", type="lint_error", best=(9,)),
        "c": Label(id="c", type="timeout", best=(1,)),
    }
    [line] = agreement(first, again)
    assert line == "3 cases labelled twice: type 2, a best line in common 1, best or fine 2"
