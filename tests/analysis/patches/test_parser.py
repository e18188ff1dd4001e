"""A diff as models write it: what is a patch, where it goes, and what is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.analysis.patches.apply import apply
from cicd_agent.analysis.patches.parser import MAX_CHARACTERS, MAX_LINES, Flaw, Patch, read_patch
from cicd_agent.domain.repository.diff import ChangeKind

TEXT = "one\ntwo\n\nthree\nfour\nfive\nsix\n"
PATCHED = "one\ntwo\n\nTHREE\nfour\nfive\nsix\n"
BODY = " two\n \n-three\n+THREE\n four\n"
PLAIN = f"--- a/x.txt\n+++ b/x.txt\n@@ -2,4 +2,4 @@\n{BODY}"


def result(patch: str, text: str | None = TEXT, path: str = "x.txt") -> str | None:
    """What becomes of the only file; the reason for which nothing does."""
    read = read_patch(patch)
    if isinstance(read, Flaw):
        return read.reason
    done = apply(read, {path: text})
    return done.reason if isinstance(done, Flaw) else done[path]


@pytest.mark.parametrize(
    "patch",
    [
        PLAIN,
        PLAIN.removesuffix("\n"),
        f"diff --git a/x.txt b/x.txt\nindex 123..456 100644\n{PLAIN}",
        f"diff --git a/x.txt b/x.txt\n@@ -2,4 +2,4 @@\n{BODY}",
        PLAIN.replace("a/x", "x").replace("b/x", "x"),
        PLAIN.replace("a/x.txt", "./x.txt").replace("b/x.txt", "./x.txt"),
        PLAIN.replace("-2,4 +2,4", "-2,9 +2,1"),
        PLAIN.replace("-2,4 +2,4", "-200,4 +300,4"),
        PLAIN.replace("-2,4 +2,4", "-0,0 +0,0"),
        PLAIN.replace("@@ -2,4 +2,4 @@", "@@"),
        PLAIN.replace("@@ -2,4 +2,4 @@", "@@ ... @@"),
        PLAIN.replace("@@ -2,4 +2,4 @@", "@@ -2,4 +2,4 @@ def function():"),
        PLAIN.replace(" \n", "\n"),
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("a/x.txt", "a/x.txt\t2024-01-02 03:04:05.000 +0000").replace(
            "b/x.txt", "b/x.txt 2024-01-02 03:04"
        ),
        f"The fix is this:\n\n```diff\n{PLAIN}```\n\nIt makes `three` louder.\n",
        f"~~~\n{PLAIN}\n~~~",
        f"{PLAIN}\n\n",
        f"From 123\nSubject: louder\n\n---\n x.txt | 2 +-\n\n{PLAIN}-- \n2.39.5\n",
        "--- a/x.txt\n+++ b/x.txt\n@@ -4 +4 @@\n-three\n+THREE\n",
        f'--- "a/x.txt"\n+++ "b/x.txt"\n@@ -2,4 +2,4 @@\n{BODY}',
        f"{PLAIN}@@ -6,2 +6,2 @@\n five\n six\n",
    ],
)
def test_a_patch_is_understood_however_its_wrapping_looks(patch: str) -> None:
    assert result(patch) == PATCHED


@pytest.mark.parametrize(
    ("patch", "reason"),
    [
        ("", "is no unified diff"),
        ("I cannot fix this.", "is no unified diff"),
        (PLAIN.replace("b/x.txt", "b/y.txt"), "renames a file"),
        ("diff --git a/x b/y\nrename from x\nrename to y\n", "renames a file"),
        ("diff --git a/x b/y\ncopy from x\ncopy to y\n", "copies a file"),
        ("diff --git a/x b/x\nold mode 100644\nnew mode 100755\n", "changes the mode of a file"),
        ("diff --git a/x b/x\nindex 1..2\nBinary files a/x and b/x differ\n", "is binary"),
        ("diff --git a/x b/x\nindex 1..2\nGIT binary patch\nliteral 3\n", "is binary"),
        ("diff --git a/x b/x\nnew file mode 120000\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+/etc/passwd\n", "120000"),
        ("diff --git a/x b/x\nnew file mode 100755\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+x\n", "100755"),
        ("diff --git a/x b/x\nindex 1..2 100644\n", "says nothing about it"),
        (f"--- a/x\n+++ b/x\n\n{PLAIN}", "says nothing about it"),
        (PLAIN.replace("x.txt", "../x.txt"), "not a plain one below"),
        (PLAIN.replace("x.txt", "y/../../x.txt"), "not a plain one below"),
        (PLAIN.replace("a/x.txt", "/etc/passwd").replace("b/x.txt", "/etc/passwd"), "is absolute"),
        (PLAIN.replace("x.txt", "C:/x.txt"), "is absolute"),
        (PLAIN.replace("x.txt", "x" * 9_000), "is too long"),
        (PLAIN.replace("x.txt", ".git/config"), "belongs to git"),
        (PLAIN.replace("x.txt", "y/.GIT/hooks/x"), "belongs to git"),
        (PLAIN.replace("a/x.txt", '"a/x\\n.txt"').replace("b/x.txt", '"b/x\\n.txt"'), "no path here may hold"),
        (PLAIN.replace("x.txt", "x\u202e.txt"), "no path here may hold"),
        ("--- /dev/null\n+++ /dev/null\n@@ -1 +1 @@\n-a\n+b\n", "names no file"),
        (PLAIN.replace(" four", "four"), "neither context nor added nor deleted (line 8 of it)"),
        (PLAIN.replace("@@ -2,4 +2,4 @@", "@@@ -2,4 -2,4 +2,4 @@@"), "hunk header that cannot be read"),
        (f"@@ -2,4 +2,4 @@\n{BODY}", "belongs to no file"),
        (f"{PLAIN}--- /dev/null\n+++ b/x.txt\n@@ -0,0 +1 @@\n+x\n", "says twice what becomes of x.txt"),
        (PLAIN + "+" * MAX_CHARACTERS, "is longer than"),
        (PLAIN + "+\n" * MAX_LINES, "is longer than"),
        (PLAIN.replace("THREE", "\0"), "is binary"),
        (PLAIN.replace("-three", "-Three"), "do not stand in x.txt like this"),
        (PLAIN.replace(" four", "  four"), "do not stand in x.txt like this"),
        (PLAIN.replace("x.txt", "y.txt"), "is about y.txt, which is not there"),
        (PLAIN.replace("THREE", "three"), "changes nothing"),
        ("--- a/x.txt\n+++ b/x.txt\n@@ -3,0 +4 @@\n+new\n", "without a line beside them"),
        ("--- /dev/null\n+++ b/x.txt\n@@ -0,0 +1 @@\n+x\n", "makes x.txt, which is there already"),
        ("--- a/x.txt\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-one\n-two\n", "deletes x.txt and not all of its lines"),
        (f"{PLAIN}@@ -3,3 +3,3 @@\n \n-three\n+tree\n four\n", "has hunks that meet in x.txt"),
    ],
)
def test_what_is_no_patch_of_this_file_says_why(patch: str, reason: str) -> None:
    assert reason in str(result(patch))


def test_a_name_below_directories_called_a_and_b_is_kept() -> None:
    read = read_patch(PLAIN.replace("a/x.txt", "a/a/x.txt").replace("b/x.txt", "b/a/x.txt"))
    assert isinstance(read, Patch)
    assert read.paths == ("a/x.txt",)
    same = read_patch(PLAIN.replace("b/x.txt", "a/x.txt"))
    assert isinstance(same, Patch)
    assert same.paths == ("a/x.txt",)


def test_a_new_file_is_made_and_an_old_one_goes() -> None:
    new = "--- /dev/null\n+++ b/x.txt\n@@ -0,0 +1,2 @@\n+a\n+b\n"
    assert result(new, None) == "a\nb\n"
    assert result(f"{new}\\ No newline at end of file\n", None) == "a\nb"
    assert result(new.replace("/dev/null", "a/x.txt"), None) == "a\nb\n"
    assert result("diff --git a/x.txt b/x.txt\nnew file mode 100644\nindex 0000000..e69de29\n", None) == ""
    assert result("--- a/x.txt\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-a\n-b\n", "a\nb\n") is None
    assert "is not there" in str(result("--- a/x.txt\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n", None))


def test_lines_that_look_like_the_next_file_belong_to_the_hunk_that_counts_them() -> None:
    patch = "--- a/x.sql\n+++ b/x.sql\n@@ -1,2 +1,2 @@\n--- old\n+++ new\n select 1;\n"
    assert result(patch, "-- old\nselect 1;\n", "x.sql") == "++ new\nselect 1;\n"


def test_the_claimed_line_decides_between_places_unless_it_is_as_near_to_two() -> None:
    text = "a\nx\nb\na\nx\nb\n"
    hunk = "--- a/x.txt\n+++ b/x.txt\n@@ -{} +1 @@\n-x\n+y\n"
    assert result(hunk.format(2), text) == "a\ny\nb\na\nx\nb\n"
    assert result(hunk.format(5), text) == "a\nx\nb\na\ny\nb\n"
    assert result(hunk.format(4), text) == "a\nx\nb\na\ny\nb\n"
    assert "as near to the line" in str(result(hunk.format("3"), "a\nx\nb\nx\n"))
    assert "stand at 2 places" in str(result(hunk.replace("@@ -{} +1 @@", "@@"), text))


def test_line_ends_are_those_of_the_file() -> None:
    assert result(PLAIN, TEXT.replace("\n", "\r\n")) == PATCHED.replace("\n", "\r\n")
    assert result(PLAIN.replace("three", "three\r").replace("THREE", "THREE\r")) == PATCHED
    assert result(PLAIN, TEXT.replace("three\n", "three\r\n")) == PATCHED.replace("THREE\n", "THREE\r\n")


@pytest.mark.parametrize(
    ("before", "hunk", "after"),
    [
        ("a\nb", " a\n-b\n+c\n", "a\nc"),
        ("a\nb", " a\n-b\n\\ No newline at end of file\n+c\n\\ No newline at end of file\n", "a\nc"),
        ("a\nb", " a\n-b\n\\ No newline at end of file\n+c\n", "a\nc\n"),
        ("a\nb\n", " a\n-b\n+c\n\\ No newline at end of file\n", "a\nc"),
        ("a\nb\n", "-a\n+c\n b\n\\ No newline at end of file\n", "c\nb\n"),
        ("a\nb", " a\n b\n+c\n", "a\nb\nc"),
        ("b", " b\n+c\n", "b\nc"),
        ("", "+c\n", "c\n"),
        ("a\nb", " a\n-b\n", "a"),
    ],
)
def test_a_file_ends_as_it_did_unless_the_patch_says_otherwise(before: str, hunk: str, after: str) -> None:
    assert result(f"--- a/x.txt\n+++ b/x.txt\n@@ -1 +1 @@\n{hunk}", before) == after


def test_hunks_of_one_file_may_stand_under_several_headers() -> None:
    again = "--- a/x.txt\n+++ b/x.txt\n@@ -7 +7 @@\n-six\n+SIX\n"
    assert result(PLAIN + again) == PATCHED.replace("six", "SIX")
    assert result(again + PLAIN) == PATCHED.replace("six", "SIX")


def test_nothing_applies_in_part() -> None:
    patch = read_patch(PLAIN + PLAIN.replace("x.txt", "y.txt"))
    assert isinstance(patch, Patch)
    assert isinstance(apply(patch, {"x.txt": TEXT, "y.txt": "other\n"}), Flaw)
    assert apply(patch, {"x.txt": TEXT, "y.txt": TEXT}) == {"x.txt": PATCHED, "y.txt": PATCHED}
    assert [file.kind for file in patch.files] == [ChangeKind.MODIFIED] * 2


PIECE = st.sampled_from(
    [*PLAIN.splitlines(), "diff --git a/x b/x", "```", "@@", "@@ -1 +1 @@", "+", "-", " ", "\\ No", "", "--- ", "+++ "]
)


@given(st.one_of(st.text(), st.lists(PIECE, max_size=25).map("\n".join)))
def test_no_text_at_all_is_a_traceback(text: str) -> None:
    read = read_patch(text)
    if isinstance(read, Patch):
        assert isinstance(apply(read, {"x.txt": TEXT, "x": ""}), dict | Flaw)
