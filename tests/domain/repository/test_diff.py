from dataclasses import replace

from cicd_agent.analysis.risk.features import features
from cicd_agent.domain.repository.change import Change, ChangeSource
from cicd_agent.domain.repository.diff import Anchors, Churn, LineKind, Side
from cicd_agent.domain.repository.diff_parser import parse_diff

TEXT = """\
diff --git a/f b/f
index 1111111..2222222 100644
--- a/f
+++ b/f
@@ -1,3 +1,3 @@
 one
-two
+zwei
 three
@@ -10,2 +10,3 @@ def g():
 ten
+new
 eleven
"""


def anchors() -> Anchors:
    return Anchors(parse_diff(TEXT)[0])


def numbers(found: Anchors, side: Side) -> tuple[int, ...]:
    return tuple(number for number in range(-1, 40) if found.line_at(side, number))


def test_the_right_side_may_be_commented_on_added_and_context_lines_only() -> None:
    assert numbers(anchors(), Side.RIGHT) == (1, 2, 3, 10, 11, 12)


def test_the_left_side_may_be_commented_on_deleted_lines_only() -> None:
    assert numbers(anchors(), Side.LEFT) == (2,)


def test_the_line_and_hunk_of_an_anchor_are_found() -> None:
    line = anchors().line_at(Side.LEFT, 2)
    assert line is not None
    assert (line.kind, line.text) == (LineKind.DELETED, "two")
    hunk = anchors().hunk_at(Side.RIGHT, 11)
    assert hunk is not None
    assert hunk.section == "def g():"
    assert anchors().line_at(Side.LEFT, 1) is None
    assert anchors().hunk_at(Side.RIGHT, 5) is None


def test_a_range_must_begin_before_its_end_in_the_same_hunk() -> None:
    places = anchors()
    assert places.allows(Side.RIGHT, 3, 1)
    assert not places.allows(Side.RIGHT, 3, 3)
    assert not places.allows(Side.RIGHT, 1, 3)
    assert not places.allows(Side.RIGHT, 10, 1)
    assert not places.allows(Side.RIGHT, 12, 9)
    assert not places.allows(Side.LEFT, 2, 1)
    assert places.allows(Side.LEFT, 2)
    assert not places.allows(Side.RIGHT, 4)


def test_a_file_without_hunks_has_no_anchor() -> None:
    (file,) = parse_diff("diff --git a/x b/x\nnew file mode 100644\nindex 0000000..e69de29\n")
    assert numbers(Anchors(file), Side.RIGHT) == ()


def test_the_excerpt_of_a_file_counts_as_many_lines_as_the_file_has() -> None:
    whole = parse_diff(TEXT)[0]
    assert (whole.added_count, whole.deleted_count, whole.is_whole) == (2, 1, True)
    excerpt = replace(whole, excerpt_of=Churn(100_000, 70))
    assert (excerpt.added_count, excerpt.deleted_count, excerpt.is_whole) == (100_000, 70, False)
    assert not replace(whole, omitted="too large").is_whole
    change = Change("b", "h", ChangeSource.GIT, (whole, excerpt))
    assert (change.added_lines, change.deleted_lines) == (100_002, 71)
    measures = features(Change("b", "h", ChangeSource.GIT, (excerpt,))).measures
    assert (measures.added, measures.deleted) == (100_000, 70)
