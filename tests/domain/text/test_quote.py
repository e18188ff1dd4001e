import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.domain.repository.diff import FileDiff, Side
from cicd_agent.domain.repository.diff_parser import parse_diff
from cicd_agent.domain.text.quote import Miss, Quotes, QuoteSpan

DIFF = """\
diff --git a/app.py b/app.py
index 1111111..2222222 100644
--- a/app.py
+++ b/app.py
@@ -1,6 +1,8 @@
 import os

-def old(a):
+def new(a, b):
+    if a:
+        return b
     return a
-    pass
 x = 1
+x = 2
@@ -20,3 +22,6 @@ def later():
     y = 3
+    x = 2
+    z = 5
+
+    w = 6
     end
"""


def file(diff: str = DIFF) -> FileDiff:
    return parse_diff(diff)[0]


def locate(quote: str, claimed: int = 0, side: Side = Side.RIGHT) -> QuoteSpan | Miss:
    return Quotes(file(), side).locate(quote, claimed)


def test_a_line_is_placed_where_it_stands_whatever_line_was_claimed() -> None:
    assert locate("def new(a, b):", 999) == QuoteSpan(3, 3, 0, "def new(a, b):")


def test_part_of_a_line_is_enough() -> None:
    assert locate("new(a, b)") == QuoteSpan(3, 3, 0, "def new(a, b):")


def test_very_short_parts_of_lines_are_not_quotes_but_short_whole_lines_are() -> None:
    assert isinstance(locate("a,"), Miss)
    assert locate("end") == QuoteSpan(27, 27, 1, "    end")


def test_white_space_is_folded_and_nothing_else() -> None:
    assert isinstance(locate("def  new(a,\tb):  "), QuoteSpan)
    assert isinstance(locate("def New(a, b):"), Miss)


def test_several_lines_are_one_range() -> None:
    assert locate("if a:\n    return b") == QuoteSpan(4, 5, 0, "    if a:\n        return b")


def test_blank_lines_within_a_quote_do_not_count() -> None:
    place = locate("z = 5\nw = 6")
    assert isinstance(place, QuoteSpan)
    assert (place.first, place.last) == (24, 26)
    assert place.text == "    z = 5\n\n    w = 6"


def test_a_quote_of_the_old_side_is_found_among_the_deleted_lines_only() -> None:
    assert locate("def old(a):", side=Side.LEFT) == QuoteSpan(3, 3, 0, "def old(a):")
    assert isinstance(locate("def old(a):"), Miss)
    assert isinstance(locate("import os", side=Side.LEFT), Miss)


def test_deleted_lines_with_a_kept_line_between_them_are_no_quote() -> None:
    assert isinstance(locate("def old(a):\n    pass", side=Side.LEFT), Miss)


def test_an_ambiguous_quote_takes_the_place_nearest_to_the_claim_within_its_hunk() -> None:
    near = locate("x = 2", 23)
    assert isinstance(near, QuoteSpan)
    assert near.first == 23


def test_an_ambiguous_quote_far_from_every_hunk_asks_for_a_longer_one() -> None:
    miss = locate("x = 2", 500)
    assert isinstance(miss, Miss)
    assert miss.longer
    assert "2 places" in miss.reason


@pytest.mark.parametrize("quote", ["", "  \n\t\n"])
def test_a_blank_quote_has_no_place(quote: str) -> None:
    assert locate(quote) == Miss("it quotes no code")


def test_a_line_may_be_quoted_as_it_was_shown_with_its_secret_masked() -> None:
    token = "ghp_" + "a1B2" * 9
    diff = file(f'diff --git a/t b/t\n--- a/t\n+++ b/t\n@@ -0,0 +1,2 @@\n+x = 1\n+key = "{token}"\n')
    place = Quotes(diff, Side.RIGHT).locate('key = "‹secret:github-token›"', 2)
    assert isinstance(place, QuoteSpan)
    assert place.first == 2


def test_a_line_may_be_quoted_as_it_was_shown_with_hidden_characters_spelt_out() -> None:
    diff = file("diff --git a/t b/t\n--- a/t\n+++ b/t\n@@ -0,0 +1,1 @@\n+a\u202eb = 1\n")
    assert isinstance(Quotes(diff, Side.RIGHT).locate("a<U+202E>b = 1", 1), QuoteSpan)


def test_a_carriage_return_at_the_end_of_a_line_is_no_part_of_its_text() -> None:
    diff = file("diff --git a/t b/t\n--- a/t\n+++ b/t\n@@ -0,0 +1,1 @@\n+one = 1\r\n")
    assert Quotes(diff, Side.RIGHT).locate("one = 1", 1) == QuoteSpan(1, 1, 0, "one = 1")


@given(st.text(max_size=60), st.integers(-5, 50), st.sampled_from(Side))
def test_whatever_is_quoted_the_place_is_in_the_diff(quote: str, claimed: int, side: Side) -> None:
    outcome = locate(quote, claimed, side)
    if isinstance(outcome, QuoteSpan):
        numbers = {line.old if side is Side.LEFT else line.new for line in file().lines}
        assert {outcome.first, outcome.last} <= numbers
