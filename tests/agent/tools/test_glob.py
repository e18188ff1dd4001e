from contextlib import suppress
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.agent.tools.tool import TryAgain
from cicd_agent.agent.tools.visible_files import MAX_GLOB, glob

PATTERNS = st.text("ab*?[]!{},/.-\\", max_size=60)
PATHS = st.text("ab/.-", min_size=1, max_size=200)


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("*.py", ["a.py", "src/a.py"], ["a.pyi", "a.py/b"]),
        ("src/*.py", ["src/a.py"], ["src/b/a.py", "a/src/a.py"]),
        ("/src/*.py", ["src/a.py"], ["x/src/a.py"]),
        ("./src/*.py", ["src/a.py"], ["x/src/a.py"]),
        ("src/**/*.py", ["src/a.py", "src/b/c/a.py"], ["a.py"]),
        ("src/**", ["src/a", "src/b/c"], ["a"]),
        ("src/", ["src/a", "src/b/c"], ["a", "x/src/a"]),
        ("**", ["a", "b/c"], []),
        ("**/b/**/d", ["b/d", "a/b/c/c/d"], ["b", "d", "a/d"]),
        ("*.{ts,tsx}", ["a.ts", "b/a.tsx"], ["a.js", "a.{ts,tsx}"]),
        ("{src,{web,lib}/x}/a", ["src/a", "web/x/a", "lib/x/a"], ["web/a"]),
        ("[ab]?.txt", ["a1.txt", "x/bb.txt"], ["c1.txt", "a.txt"]),
        ("{a}", ["{a}"], ["a"]),
        ("", ["a", "b/c"], []),
        ("A", [], ["a"]),
    ],
)
def test_a_glob_matches_what_its_writer_means(pattern: str, yes: list[str], no: list[str]) -> None:
    matches = glob(pattern)
    assert [path for path in yes if not matches(path)] == []
    assert [path for path in no if matches(path)] == []


@pytest.mark.parametrize("pattern", ["../a", "a/../b", "{a,b}" * 7, "x" * (MAX_GLOB + 1)])
def test_a_glob_that_cannot_be_meant_is_to_be_given_again(pattern: str) -> None:
    with pytest.raises(TryAgain):
        glob(pattern)


@given(PATTERNS, PATHS)
def test_any_pattern_has_an_answer_for_any_path(pattern: str, path: str) -> None:
    with suppress(TryAgain):
        assert glob(pattern)(path) in {True, False}


def plainly(parts: list[str], names: list[str]) -> bool:
    """The meaning of a glob, tried out in every possible way."""
    match parts:
        case []:
            return not names
        case ["**", *rest]:
            return any(plainly(rest, names[at:]) for at in range(len(names) + 1))
        case [part, *rest]:
            return bool(names) and fnmatchcase(names[0], part) and plainly(rest, names[1:])
        case _:
            raise AssertionError(parts)


@given(
    st.lists(st.sampled_from(["**", "*", "a", "b", "?a", "*b"]), min_size=1, max_size=7),
    st.lists(st.sampled_from(["a", "b", "ba", "ab"]), min_size=1, max_size=7),
)
def test_folders_are_matched_as_their_meaning_says(parts: list[str], names: list[str]) -> None:
    assert glob("/" + "/".join(parts))("/".join(names)) is plainly(parts, names)


@pytest.mark.parametrize("pattern", ["*a" * 100 + "b", "**/" * 90 + "b", "*a*/" * 60 + "b", "{a*,*a}" * 6 + "b"])
def test_a_pattern_made_to_take_for_ever_does_not(pattern: str) -> None:
    path = "/".join(["a" * 250] * 16)
    assert not any(glob(pattern)(f"{path}{number}") for number in range(20))
