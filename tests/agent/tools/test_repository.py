"""What each look-up answers, and how it says that it cannot."""

from typing import Any

import pytest

from cicd_agent.agent.schema import strict
from cicd_agent.agent.tools.repository import MAX_COMMITS, lookups
from cicd_agent.agent.tools.tool import MAX_CHARACTERS, MAX_ROWS, MAX_WIDTH, NoSuchThing, TryAgain
from cicd_agent.agent.tools.visible_files import MAX_BYTES
from cicd_agent.domain.repository.change import Change, Commit
from cicd_agent.domain.repository.diff import ChangeKind, FileDiff
from cicd_agent.domain.repository.library import Unreadable
from tests.support.fakes.library import FakeLibrary, Link
from tests.support.samples.changes import BINARY, change_of

CHANGE = change_of(
    ("src/app.py", "import os\nold()\n", "import os\nnew()\n"),
    ("src/gone.py", "secret = 1\n", None),
    (".env.local", None, "KEY=hush\n"),
)
LIBRARY = FakeLibrary(
    {
        "README.md": "# Title\nUse `fetch_user`.\n",
        "src/app.py": "import os\nnew()\n",
        "src/empty.py": "",
        "src/users.py": "class Users:\n    def fetch_user(self):\n        return 1\n\nUsers().fetch_user()\n",
        "web/app.ts": "export function fetch_user() {}\nfetch_user()\n",
        "web/long.txt": "".join(f"line {number}\n" for number in range(1, 1_001)),
        "web/wide.txt": "x" * 5_000 + "\n",
        "logo.png": b"\x89PNG\0\0",
        "huge.bin": 2 << 30,
        "link": Link("../../etc/passwd"),
        "folder-link": Link("/"),
        ".env.local": "KEY=hush\n",
        "keys/server.pem": "hush\n",
    },
    commits={"src/app.py": (Commit("c" * 40, "Say new", author="author", when=1_700_000_000),)},
)


def denied(path: str) -> bool:
    return path.endswith(".pem") or path.rpartition("/")[2].startswith(".env")


def call(name: str, /, *, library: FakeLibrary | None = LIBRARY, change: Change = CHANGE, **arguments: Any) -> str:
    tools = {tool.name: tool for tool in lookups(change, library, denied)}
    tool = tools[name]
    return tool.run(tool.arguments.model_validate(arguments))


def read(path: str, first_line: int = 1, last_line: int | None = None, **others: Any) -> str:
    return call("read_file", path=path, first_line=first_line, last_line=last_line, **others)


def diff(path: str, skip: int = 0, **others: Any) -> str:
    return call("file_diff", path=path, skip=skip, **others)


def test_every_tool_can_be_offered_in_the_strict_dialect() -> None:
    tools = lookups(CHANGE, LIBRARY, denied)
    assert [tool.name for tool in tools] == [
        "read_file",
        "search",
        "file_diff",
        "find_name",
        "history",
    ]
    for tool in tools:
        assert tool.description
        assert strict(tool.arguments)["properties"]


def test_without_a_library_only_the_diff_can_be_looked_up() -> None:
    assert [tool.name for tool in lookups(CHANGE, None, denied)] == ["file_diff"]
    assert "new()" in diff("src/app.py", library=None)


def test_a_file_is_read_with_its_line_numbers() -> None:
    assert read("src/users.py", 2, 3) == (
        "`src/users.py`, lines 2 to 3 of 5\n"
        "2 |     def fetch_user(self):\n"
        "3 |         return 1\n"
        "(lines 4 to 5 are not shown: ask with first_line 4)"
    )


def test_a_long_file_is_clipped_and_says_how_to_go_on() -> None:
    first = read("web/long.txt")
    assert first.endswith(f"(lines {MAX_ROWS + 1} to 1000 are not shown: ask with first_line {MAX_ROWS + 1})")
    assert read("web/long.txt", 801).endswith("1000 | line 1000")
    assert len(first) <= MAX_CHARACTERS + 200


def test_a_wide_line_is_clipped_and_says_so() -> None:
    assert f"({5_004 - MAX_WIDTH:,} more characters)" in read("web/wide.txt")


def test_an_empty_file_is_empty() -> None:
    assert read("src/empty.py") == "`src/empty.py` is empty"


def test_a_range_that_ends_before_it_begins_is_to_be_asked_again() -> None:
    with pytest.raises(TryAgain):
        read("src/users.py", 3, 2)


@pytest.mark.parametrize(("first", "last"), [(6, None), (1_000_000_000, 5)])
def test_lines_that_do_not_exist_are_a_fact(first: int, last: int | None) -> None:
    with pytest.raises(NoSuchThing, match="has 5 lines"):
        read("src/users.py", first, last)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("users.py", "Did you mean `src/users.py`"),
        ("lib/src/users.py", "Did you mean `src/users.py`"),
        ("src/user.py", "Did you mean `src/users.py`"),
        ("src", "is a folder: search with the glob `src/\\*\\*` and no pattern"),
        ("src/", "is a folder: search with the glob `src/\\*\\*` and no pattern"),
    ],
)
def test_a_wrong_path_costs_nothing_and_is_answered_with_the_right_one(path: str, words: str) -> None:
    with pytest.raises(NoSuchThing, match=words):
        read(path)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/home/runner/work/src/app.py", "relative to the top.*Did you mean `src/app.py`"),
        ("../outside.py", "relative to the top"),
        ("src/../src/app.py", "relative to the top.*Did you mean `src/app.py`"),
        ("", "relative to the top"),
        ("/", "relative to the top"),
        ("./src/app.py", "relative to the top.*Did you mean `src/app.py`"),
    ],
)
def test_what_is_no_path_of_a_repository_is_to_be_asked_again(path: str, words: str) -> None:
    with pytest.raises(TryAgain, match=words):
        read(path)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("src/gone.py", "gone with this change: file_diff"),
        ("logo.png", r"binary \(6 bytes\)"),
        ("huge.bin", f"2,147,483,648 bytes: more than {MAX_BYTES:,} are not read"),
        ("link", "`link` is a link to `../../etc/passwd`: links are not followed"),
        ("folder-link/etc/passwd", "`folder-link` is a link to `/`: links are not followed"),
        ("nothing/like/it.zip", "there is no"),
        ("a\0b", "there is no `a<U[+]0000>b`"),
        (".env.local", "not shown: deny-paths"),
        ("keys/server.pem", "not shown: deny-paths"),
        ("keys/never-there.pem", "not shown: deny-paths"),
    ],
)
def test_what_cannot_be_read_is_told_as_it_is(path: str, words: str) -> None:
    with pytest.raises(NoSuchThing, match=words):
        read(path)


def test_a_search_answers_path_line_and_text() -> None:
    assert call("search", pattern="fetch_user", glob="*.{py,ts}") == (
        "src/users.py:2:    def fetch_user(self):\n"
        "src/users.py:5:Users().fetch_user()\n"
        "web/app.ts:1:export function fetch_user() {}\n"
        "web/app.ts:2:fetch_user()"
    )


def test_a_search_with_too_many_answers_says_that_there_are_more() -> None:
    text = call("search", pattern="line", glob="web/*.txt")
    assert text.endswith("(the first 100 lines; there are more: narrow the pattern or the glob)")


def test_a_search_looks_into_no_file_that_is_denied_or_huge_and_says_so() -> None:
    library = FakeLibrary(LIBRARY.files)
    unsearched = rf"in 8 files \(not searched: 2 \(deny-paths\), 1 \(over {MAX_BYTES:,} bytes"
    with pytest.raises(NoSuchThing, match=unsearched):
        call("search", library=library, pattern="hush", glob=None)
    assert not {".env.local", "keys/server.pem", "huge.bin", "link"} & {*library.searched[0]}


@pytest.mark.parametrize("pattern", ["(", "a\nb", "a\0b", "x" * 501])
def test_a_pattern_that_is_none_is_to_be_given_again(pattern: str) -> None:
    with pytest.raises(TryAgain):
        call("search", pattern=pattern, glob=None)


def test_files_are_listed_with_what_there_is_to_know() -> None:
    assert call("search", pattern=None, glob="**").split("\n")[:4] == [
        ".env.local  not shown: deny-paths",
        "README.md  26 bytes",
        "folder-link  link, not followed",
        "huge.bin  2,147,483,648 bytes, not read",
    ]
    with pytest.raises(NoSuchThing, match=r"web/\*\*"):
        call("search", pattern=None, glob="web")
    with pytest.raises(NoSuchThing):
        call("search", pattern=None, glob="*.rs")


def test_a_long_list_says_how_much_more_there_is() -> None:
    library = FakeLibrary({f"f{number}": "" for number in range(MAX_ROWS + 7)})
    assert call("search", library=library, pattern=None, glob="f*").endswith("(7 more: narrow the glob)")


def test_a_diff_shows_both_sides() -> None:
    assert diff("src/app.py") == ("`src/app.py`, modified\n1   | import os\n2 - | old()\n2 + | new()")
    assert "1 - | secret = 1" in diff("src/gone.py")


def test_a_long_diff_is_read_in_pages() -> None:
    change = change_of(("a", None, "".join(f"{number}\n" for number in range(1, MAX_ROWS + 6))))
    assert diff("a", change=change).endswith(f"(5 more: ask with skip {MAX_ROWS})")
    assert diff("a", MAX_ROWS + 4, change=change) == f"`a`, added\n{MAX_ROWS + 5} + | {MAX_ROWS + 5}"
    with pytest.raises(NoSuchThing, match="has 405 lines"):
        diff("a", MAX_ROWS + 5, change=change)


def test_a_diff_that_was_left_out_says_why() -> None:
    change = change_of(("logo.png", None, BINARY))
    assert diff("logo.png", change=change) == "`logo.png`, added\n(no lines, or not all of them: binary)"


def test_a_file_that_is_not_in_the_change_has_no_diff() -> None:
    with pytest.raises(NoSuchThing, match=r"Did you mean `src/app\.py`"):
        diff("src/apps.py")
    with pytest.raises(NoSuchThing, match="not in this change"):
        diff("README.md")
    with pytest.raises(NoSuchThing, match="deny-paths"):
        diff(".env.local")


def test_what_was_renamed_from_a_denied_name_stays_denied() -> None:
    renamed = FileDiff("settings.txt", ".env.local", ChangeKind.RENAMED, old_mode="100644", new_mode="100644")
    change = Change("b" * 40, "h" * 40, CHANGE.source, (renamed,))
    library = FakeLibrary({"settings.txt": "KEY=hush\n"})
    asked: dict[str, dict[str, Any]] = {
        "read_file": {"first_line": 1, "last_line": None},
        "file_diff": {"skip": 0},
        "history": {"first_line": None, "last_line": None},
    }
    asked_twice = [*asked.items(), ("history", {"first_line": 1, "last_line": 1})]
    for name, arguments in asked_twice:
        with pytest.raises(NoSuchThing, match="deny-paths"):
            call(name, library=library, change=change, path="settings.txt", **arguments)
    with pytest.raises(NoSuchThing):
        call("search", library=library, change=change, pattern="hush", glob=None)
    with pytest.raises(NoSuchThing):
        call("find_name", library=library, change=change, name="KEY")


def test_the_history_of_a_file_is_its_commits() -> None:
    assert (
        call("history", path="src/app.py", first_line=None, last_line=None) == "cccccccccccc 2023-11-14 author: Say new"
    )
    with pytest.raises(NoSuchThing, match="no commit in this clone touched"):
        call("history", path="src/gone.py", first_line=None, last_line=None)
    with pytest.raises(NoSuchThing, match="there is no"):
        call("history", path="nothing/like/it.zip", first_line=None, last_line=None)


def test_a_long_history_is_cut_and_limits_of_the_clone_are_told() -> None:
    commits = tuple(Commit(f"{number:040x}", "again") for number in range(80))
    library = FakeLibrary({"a": "x\n"}, commits={"a": commits}, limits=("the clone is shallow",))
    text = call("history", library=library, path="a", first_line=None, last_line=None)
    assert text.endswith(f"(the newest {MAX_COMMITS}; the clone is shallow)")
    assert text.count("again") == MAX_COMMITS


def test_blame_names_the_commit_of_each_line() -> None:
    text = call("history", path="src/app.py", first_line=2, last_line=9)
    assert text == "2 cccccccccccc 2023-11-14 author | new()\nCommits:\ncccccccccccc Say new"


@pytest.mark.parametrize("name", ["fetch_user", "Users.fetch_user"])
def test_definitions_come_before_uses_exact_in_python_and_by_the_word_elsewhere(name: str) -> None:
    rows = call("find_name", name=name).split("\n")
    assert rows[:7] == [
        "Defined, by Python's syntax:",
        "src/users.py:2: function in Users: def fetch_user(self):",
        "Defined, it seems by the word before it:",
        "web/app.ts:1: export function fetch_user() {}",
        "Used, by Python's syntax:",
        "src/users.py:5: call: Users().fetch_user()",
        "Lines with the word, code or not:",
    ]
    assert {"README.md:2: Use `fetch_user`.", "web/app.ts:2: fetch_user()"} <= {*rows[7:]}


@pytest.mark.parametrize("name", ["", "a b", "a(", "-x", ".a", "a..b", "x" * 201, "a\n"])
def test_what_is_not_a_name_is_to_be_given_again(name: str) -> None:
    with pytest.raises(TryAgain):
        call("find_name", name=name)


def test_a_name_that_nobody_defines_or_uses_is_told() -> None:
    with pytest.raises(NoSuchThing, match=r"`nobody` in the commit under review \(.*not searched: 2 \(deny"):
        call("find_name", name="nobody")


def test_python_that_cannot_be_parsed_is_searched_by_the_word() -> None:
    library = FakeLibrary({"old.py": "def greet():\n    print 'hello'\n", "deep.py": "greet" + "(" * 5_000})
    text = call("find_name", library=library, name="greet")
    assert "old.py:1: def greet():" in text
    assert text.endswith("(2 Python files were not parsed)")


def test_what_git_cannot_show_is_how_it_is() -> None:
    class Gone(FakeLibrary):
        def history(self, path: str, most: int) -> tuple[Commit, ...]:
            raise Unreadable(f"{path} {most} took too long\n::error::")

    with pytest.raises(NoSuchThing, match=r"took too long<U\+000A>"):
        call("history", library=Gone({"a": ""}), path="a", first_line=None, last_line=None)
