from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cicd_agent.domain.repository.diff import ChangeKind, FileDiff, Hunk, LineKind
from cicd_agent.domain.repository.diff_parser import parse_diff, parse_patch
from tests.support.repos import TempRepo

NAMES = ["a b", "x b/y", 'ä "q"\t', "new\nline", "-rf", "plain.py", "back\\slash", "a", "e\u2028e"]
LINES = [
    "",
    "a",
    "b",
    "\tindented \r",
    "--- a/plain.py",
    "+++ b/plain.py",
    "-- ",
    "diff --git a/a b/a",
    "@@ -1 +1 @@",
    "\\ No newline at end of file",
    "v\x0bf\x0cg\x1cn\x85l\u2028p\rq",
    "Binary files a/a and b/a differ",
    "é",
]
contents = st.builds(
    lambda lines, end: ("\n".join(lines) + (end if lines else "")).encode(),
    st.lists(st.sampled_from(LINES), max_size=25),
    st.sampled_from(["", "\n"]),
)
trees = st.dictionaries(st.sampled_from(NAMES), contents, max_size=4)


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> TempRepo:
    return TempRepo(tmp_path_factory.mktemp("oracle") / "repo")


def c_quote(name: str) -> str:
    return '"' + "".join(f"\\{byte:03o}" for byte in name.encode()) + '"'


def unparse(files: tuple[FileDiff, ...]) -> Iterator[str]:
    for file in files:
        old, new = c_quote("a/" + file.old_path), c_quote("b/" + file.path)
        yield f"diff --git {old} {new}\n"
        if file.kind is ChangeKind.ADDED:
            yield f"new file mode {file.new_mode}\n"
            old = "/dev/null"
        elif file.kind is ChangeKind.DELETED:
            yield f"deleted file mode {file.old_mode}\n"
            new = "/dev/null"
        elif file.kind is ChangeKind.RENAMED:
            yield f"rename from {c_quote(file.old_path)}\nrename to {c_quote(file.path)}\n"
        if file.hunks:
            yield f"--- {old}\n+++ {new}\n"
        for hunk in file.hunks:
            yield f"@@ -{hunk.old_start},{hunk.old_count} +{hunk.new_start},{hunk.new_count} @@\n"
            for line in hunk.lines:
                yield f"{line.kind.value}{line.text}\n"
                if line.no_newline:
                    yield "\\ No newline at end of file\n"


def patched(old: str, hunks: tuple[Hunk, ...]) -> str:
    lines = old.split("\n")
    result: list[str] = []
    at = 0
    for hunk in hunks:
        start = hunk.old_start - (1 if hunk.old_count else 0)
        result += lines[at:start]
        at = start + hunk.old_count
        shown = [line.text for line in hunk.lines if line.kind is not LineKind.ADDED]
        assert lines[start:at] == shown
        result += [line.text for line in hunk.lines if line.kind is not LineKind.DELETED]
        if any(line.no_newline for line in hunk.lines if line.kind is not LineKind.DELETED):
            return "\n".join(result)
        if any(line.no_newline for line in hunk.lines if line.kind is LineKind.DELETED):
            return "\n".join([*result, ""])
    return "\n".join(result + lines[at:])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(before=trees, after=trees, found=st.sampled_from(["--find-renames=50%", "--no-renames"]))
def test_a_parsed_diff_makes_the_new_tree_of_the_old_one(
    repo: TempRepo, before: dict[str, bytes], after: dict[str, bytes], found: str
) -> None:
    old, new = repo.tree(before), repo.tree(after)
    text = repo.run("diff", "--full-index", found, old, new).decode()
    files = parse_diff(text)

    assert all(not file.omitted for file in files)
    for file in files:
        was = "" if file.kind is ChangeKind.ADDED else before[file.old_path].decode()
        will_be = "" if file.kind is ChangeKind.DELETED else after[file.path].decode()
        assert patched(was, file.hunks) == will_be
    index = {"GIT_INDEX_FILE": str(repo.path / ".git" / "apply.index")}
    repo.run("read-tree", old, env=index)
    if patch := "".join(unparse(files)).encode():
        repo.run("apply", "--cached", "--unidiff-zero", "-", stdin=patch, env=index)
    assert repo.run("write-tree", env=index).decode().strip() == new


@settings(max_examples=60, deadline=None)
@given(before=contents, after=contents, cut=st.integers(0, 2000))
def test_a_diff_cut_anywhere_keeps_a_beginning_of_it(repo: TempRepo, before: bytes, after: bytes, cut: int) -> None:
    text = repo.run("diff", "--full-index", repo.tree({"f": before}), repo.tree({"f": after})).decode()
    whole = [line for file in parse_diff(text) for line in file.lines]
    part = [line for file in parse_diff(text[:cut]) for line in file.lines]
    # The last line may itself be cut, or miss the note about its newline.
    assert part[:-1] == whole[: max(len(part) - 1, 0)]


noise = st.lists(
    st.one_of(
        st.sampled_from(
            [
                "diff --git ",
                "diff --git a/x b/x",
                'diff --git "a/\\777',
                "diff --cc ",
                "--- a/x",
                "+++ ",
                "@@ -1 +1 @@",
                "@@ -0,0 +9999999999,9999999999 @@",
                "@@ -\u0661 +1 @@",
                "index ..",
                "index 1..2",
                "rename from ",
                "new file mode",
                "\\",
                "+",
                "-",
                "",
                "GIT binary patch",
                "Binary files  differ",
            ]
        ),
        st.text(max_size=30),
    ),
    max_size=20,
).map("\n".join)


@settings(max_examples=300, deadline=None)
@given(noise)
def test_noise_never_breaks_the_parser(text: str) -> None:
    for file in parse_diff(text):
        assert isinstance(file.path, str)
    parse_patch(text)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=400))
def test_bytes_never_break_the_parser(data: bytes) -> None:
    parse_diff("diff --git " + data.decode("utf-8", "surrogateescape"))
    parse_diff(data.decode("latin-1"))


def test_a_line_of_ten_megabytes_is_one_line() -> None:
    (file,) = parse_diff("diff --git a/f b/f\n--- a/f\n+++ b/f\n@@ -0,0 +1 @@\n+" + "x" * 10_000_000 + "\n")
    assert [len(line.text) for line in file.lines] == [10_000_000]
