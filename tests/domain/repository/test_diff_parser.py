from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.domain.repository.diff import ChangeKind, FileDiff, LineKind
from cicd_agent.domain.repository.diff_parser import changed_lines, parse_diff, parse_patch


def one(text: str) -> FileDiff:
    (file,) = parse_diff(text)
    return file


def texts(file: FileDiff) -> list[tuple[str, str]]:
    return [(line.kind.value, line.text) for line in file.lines]


def edit(body: str, counts: str = "-1 +1") -> str:
    return f"diff --git a/f b/f\nindex 1111111..2222222 100644\n--- a/f\n+++ b/f\n@@ {counts} @@\n{body}"


def test_omitted_counts_are_one() -> None:
    (hunk,) = one(edit("-a\n+b\n")).hunks
    assert (hunk.old_start, hunk.old_count, hunk.new_start, hunk.new_count) == (1, 1, 1, 1)
    assert [(line.old, line.new) for line in hunk.lines] == [(1, None), (None, 1)]


def test_lines_that_look_like_headers_belong_to_the_hunk_that_counts_them() -> None:
    body = "--- a/x\n+++ b/y\n-diff --git a/q b/q\n+@@ -1 +1 @@\n \\ No newline at end of file\n"
    file = one(edit(body, "-1,3 +1,3"))
    assert not file.omitted
    assert texts(file) == [
        ("-", "-- a/x"),
        ("+", "++ b/y"),
        ("-", "diff --git a/q b/q"),
        ("+", "@@ -1 +1 @@"),
        (" ", "\\ No newline at end of file"),
    ]


@pytest.mark.parametrize("separator", ["\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\r", "\r\r"])
def test_only_a_newline_ends_a_line(separator: str) -> None:
    assert texts(one(edit(f"-a{separator}b\n+c{separator}\n"))) == [("-", f"a{separator}b"), ("+", f"c{separator}")]


def test_a_missing_newline_is_marked_on_the_side_that_misses_it() -> None:
    note = "\\ No newline at end of file\n"
    old_only = one(edit(f"-a\n{note}+a\n"))
    assert [line.no_newline for line in old_only.lines] == [True, False]
    new_only = one(edit(f"-a\n+a\n{note}"))
    assert [line.no_newline for line in new_only.lines] == [False, True]
    both = one(edit(f"-x\n a\n{note}", "-1,2 +1"))
    assert [line.no_newline for line in both.lines] == [False, True]


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("a/x y b/x y", "x y"),
        ("a/x b/y b/x b/y", "x b/y"),
        ('"a/\\303\\244 \\"b\\"\\t" "b/\\303\\244 \\"b\\"\\t"', 'ä "b"\t'),
        ('"a/new\\nline" "b/new\\nline"', "new\nline"),
        ('"a/back\\\\slash" "b/back\\\\slash"', "back\\slash"),
        ('"a/caf\\351" "b/caf\\351"', "caf\\xe9"),
        ("a/-rf b/-rf", "-rf"),
    ],
)
def test_a_name_without_other_headers_is_read_from_the_first_line(header: str, name: str) -> None:
    file = one(f"diff --git {header}\nold mode 100644\nnew mode 100755\n")
    assert (file.path, file.old_path, file.kind) == (name, name, ChangeKind.MODIFIED)
    assert (file.old_mode, file.new_mode, file.omitted) == ("100644", "100755", "")


def test_a_tab_after_a_name_with_blanks_is_not_part_of_it() -> None:
    text = "diff --git a/x y b/x y\nindex 1..2 100644\n--- a/x y\t\n+++ b/x y\t\n@@ -1 +1 @@\n-a\n+b\n"
    assert one(text).path == "x y"


def test_a_rename_with_changes_has_both_names() -> None:
    text = (
        "diff --git a/old name b/new name\nsimilarity index 90%\nrename from old name\nrename to new name\n"
        "index 1111111..2222222 100644\n--- a/old name\t\n+++ b/new name\t\n@@ -1 +1 @@\n-a\n+b\n"
    )
    file = one(text)
    assert (file.old_path, file.path, file.kind) == ("old name", "new name", ChangeKind.RENAMED)
    assert len(file.hunks) == 1


def test_a_copy_is_a_copy() -> None:
    file = one("diff --git a/x b/y\nsimilarity index 100%\ncopy from x\ncopy to y\n")
    assert (file.old_path, file.path, file.kind, file.omitted) == ("x", "y", ChangeKind.COPIED, "")


def test_empty_files_come_and_go_without_hunks() -> None:
    added = one("diff --git a/x b/x\nnew file mode 100644\nindex 0000000..e69de29\n")
    assert (added.kind, added.old_mode, added.new_mode, added.omitted) == (ChangeKind.ADDED, "", "100644", "")
    deleted = one("diff --git a/x b/x\ndeleted file mode 100644\nindex e69de29..0000000\n")
    assert (deleted.kind, deleted.path, deleted.omitted) == (ChangeKind.DELETED, "x", "")


@pytest.mark.parametrize(
    "body",
    [
        "Binary files a/x and b/x differ\n",
        "GIT binary patch\nliteral 5\nMcmZQzU|?i`U|<Ba00000\n\nliteral 0\nHcmV?d00001\n\n",
    ],
)
def test_binary_files_have_no_hunks_and_say_so(body: str) -> None:
    following = "diff --git a/y b/y\nold mode 100644\nnew mode 100755\n"
    binary, other = parse_diff(f"diff --git a/x b/x\nindex 1111111..2222222 100644\n{body}{following}")
    assert (binary.binary, binary.omitted, binary.hunks) == (True, "binary", ())
    assert other.path == "y"


def test_a_submodule_shows_its_commits() -> None:
    file = one(
        "diff --git a/sub b/sub\nindex 1111111..2222222 160000\n--- a/sub\n+++ b/sub\n@@ -1 +1 @@\n"
        "-Subproject commit 1111111\n+Subproject commit 2222222\n"
    )
    assert file.is_submodule
    assert texts(file)[1] == ("+", "Subproject commit 2222222")


@pytest.mark.parametrize("word", ["cc", "combined"])
def test_a_combined_diff_is_named_but_not_read(word: str) -> None:
    file = one(f"diff --{word} x y\nindex 1,2..3\n--- a/x y\n+++ b/x y\n@@@ -1,1 -1,1 +1,2 @@@\n  a\n++b\n")
    assert (file.path, file.omitted, file.hunks) == ("x y", "combined diff", ())


@pytest.mark.parametrize(
    "text",
    [
        "diff --git a/f b/f",
        "diff --git a/f b/f\nindex 1111111..2222222 100644",
        "diff --git a/f b/f\nnew file mode 100644\nindex 0000000..2222222",
        "diff --git a/f b/f\nindex 1111111..2222222 100644\n--- a/f",
        "diff --git a/f b/f\nindex 1111111..2222222 100644\n--- a/f\n+++ b/f",
        edit(""),
        edit("-a\n"),
        edit("-a\n!b\n"),
        edit("+a\n+b\n"),
        edit("-a\n+b\n@@ garbage\n"),
        edit("-a\n+b\n+one too many\n"),
        edit("-a\n+b\n@@ -5,2 +5,2 @@\n c\n"),
    ],
)
def test_what_is_cut_off_or_damaged_says_so_and_keeps_the_rest(text: str) -> None:
    file = one(text)
    assert (file.path, file.omitted) == ("f", "truncated")


def test_a_damaged_file_does_not_hide_the_next() -> None:
    first, second = parse_diff(edit("-a\n", "-1,9 +1,9") + edit("-a\n+b\n"))
    assert (first.omitted, second.omitted) == ("truncated", "")
    assert texts(first) == [("-", "a")]


def test_text_around_the_diff_is_skipped() -> None:
    assert one("From: someone\n--- a\n+++ b\n\n" + edit("-a\n+b\n-- \n2.39.5\n")).omitted == ""
    assert parse_diff("") == ()
    assert parse_diff("no diff at all\n") == ()


def test_an_empty_context_line_whose_blank_was_stripped_is_context() -> None:
    assert texts(one(edit("-a\n\n+b\n", "-1,2 +1,2"))) == [("-", "a"), (" ", ""), ("+", "b")]


def test_a_patch_of_the_api_needs_no_header_and_no_final_newline() -> None:
    first, second = parse_patch("@@ -1 +1 @@ section\n-a\n+b\n@@ -8,0 +9 @@\n+c")
    assert (first.section, second.new_start) == ("section", 9)
    assert [(line.kind, line.new, line.text) for line in second.lines] == [(LineKind.ADDED, 9, "c")]
    assert parse_patch("") == ()
    assert parse_patch("nonsense") == ()


@given(st.lists(st.tuples(st.sampled_from("+- "), st.text(alphabet="ab@+- \\", max_size=5)), max_size=12))
def test_line_by_line_a_patch_has_the_same_lines(rows: list[tuple[str, str]]) -> None:
    old, new = (sum(kind in kinds for kind, _ in rows) for kinds in ("- ", "+ "))
    body = "".join(f"{kind}{text}\n" for kind, text in rows)
    patch = f"@@ -3,{old} +5,{new} @@ def f():\n{body}\\ No newline at end of file\n@@ -90 +92 @@\n-a\n+b\n"
    whole = [replace(line, no_newline=False) for hunk in parse_patch(patch) for line in hunk.lines]
    assert list(changed_lines(["index 1..2", "--- a", "+++ b", *patch.split("\n")])) == whole
