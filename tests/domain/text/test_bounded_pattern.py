"""Patterns whose search is bounded are told from those that could hang, and ordinary ones are not refused."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cicd_agent.domain.text.bounded_pattern import LENGTHS, MAX_DEGREE, degree

HANGING = (
    *(r"(a+)+b", r"(a|a)*b", r"(a*)*", r"(.*)*x", r"(x+x+)+y", r"(\d+)*z", r"((a{1,3})*)b", r"(a|b|ab?)+c"),
    *(r"(\w+\s?)+$", r"^(([a-z])+.)+[A-Z]([a-z])+$", r"([a-zA-Z]+)*\d", r"(.*,)*x", r"(\s|\s\s)+x"),
    *(r".*.*=.*", r".*a.*b.*c", r"(?=.*a.*b.*c)d", r"(a)(\1)", r"(?:(?=a*)a)*b", r"a{0,9}a{0,9}a{0,9}a{0,9}b"),
)
ORDINARY = (
    *(r"console\.log\(", r"\bTODO\b(?!\(#\d+\))", r"requests\.(get|post)\(", r"^\s*import pdb", r"\bprint\("),
    *(
        r"http://[^\s\"']+",
        r"(?i)password\s*=",
        r"SELECT \* FROM",
        r"eval\(",
        r"\.innerHTML\s*=",
        r"^\s*debugger;?\s*$",
    ),
    *(r"System\.out\.println", r"fmt\.Print(ln|f)?\(", r"@ts-ignore", r"#\s*noqa(?!:)", r"# type: ignore(?!\[)"),
    *(r"except\s*:", r"except Exception:\s*pass", r"from .* import \*", r"time\.sleep\(\d+\)", r"datetime\.now\(\)"),
    *(r"var \w+ =", r"==\s*(None|True|False)", r"process\.env\.\w+", r"FROM\s+\S+:latest", r"RUN\s+.*sudo"),
    *(r"curl .*\|\s*(ba)?sh", r"AKIA[0-9A-Z]{16}", r"\bfit\(|\bfdescribe\(", r"it\.only\(", r"(?<!\w)assert\(", r"\t"),
    *(r"TODO|FIXME|XXX", r"[^\x00-\x7F]", r"\s+$", r"https?://(localhost|127\.0\.0\.1)", r"os\.system\(", r"a|ab*c"),
    *(
        r"subprocess\.\w+\(.*shell=True",
        r"import (\w+\.)*internal",
        r"(?:[a-z]+\.)+internal\.example",
        r"(a|ab)*c",
    ),
    *(r"md5\(|sha1\(", r"print\(.*password.*\)", r"logger\.(info|debug)\(f[\"']", r"def test_\w+\(self, [^)]*\)"),
    *(r"^\s*#\s*(if|endif|define)\b", r"\d{3}-\d{2}-\d{4}", r"[\w.+-]+@example\.com", r"v\d+(\.\d+)*"),
)


@pytest.mark.parametrize("pattern", HANGING)
def test_what_could_hang_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="a pattern"):
        degree(pattern)


@pytest.mark.parametrize("pattern", ORDINARY)
def test_what_teams_write_is_accepted(pattern: str) -> None:
    assert degree(pattern) <= MAX_DEGREE


@pytest.mark.parametrize("pattern", ["(", "[z-a]", "a{99999999999}", "x" * 501, "(?P<a", "\\"])
def test_what_is_no_pattern_is_said_to_be_none(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"a regular expression of Python|at most 500 characters"):
        degree(pattern)


ATOMS = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", r"\w", "ab", "(?:a|b)", "(?:ab|ba)"])
REPEATS = st.sampled_from(["*", "+", "?", "{0,3}", "*?", "+?", ""])
PATTERNS = st.recursive(
    st.tuples(ATOMS, REPEATS).map("".join),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.tuples(inner, REPEATS).map(lambda pair: f"(?:{pair[0]}){pair[1]}"),
        st.tuples(inner, inner).map(lambda pair: f"(?:{pair[0]}|{pair[1]})"),
    ),
    max_leaves=5,
)


@settings(max_examples=150)
@given(PATTERNS, st.text("ab", min_size=12, max_size=12))
def test_the_ways_of_an_accepted_pattern_are_bounded_by_its_degree(pattern: str, text: str) -> None:
    try:
        power = degree(pattern)
    except ValueError:
        return
    tree = re._parser.parse(pattern)  # type: ignore[attr-defined]
    for repeated in (text, "a" * len(text)):
        limit = 400 * len(repeated) ** power
        steps = 0
        for start in range(len(repeated)):
            for _ in ways(list(tree), repeated, start):
                steps += 1
                assert steps <= limit


def ways(items: list[tuple[object, object]], text: str, at: int) -> Iterator[int]:
    """Each place that a backtracking engine gets to with these items, one for each way there."""
    if not items:
        yield at
        return
    (kind, value), *rest = items
    for end in one(str(kind), value, text, at):
        yield from ways(rest, text, end)


def one(kind: str, value: object, text: str, at: int) -> Iterator[int]:
    if kind in {"MAX_REPEAT", "MIN_REPEAT"}:
        yield from rounds(repeat_of(value, len(text)), text, at, 0)
    elif kind == "BRANCH":
        for branch in value[1]:  # type: ignore[index]
            yield from ways(list(branch), text, at)
    elif kind == "SUBPATTERN":
        yield from ways(list(value[3]), text, at)  # type: ignore[index]
    elif at < len(text) and re.fullmatch(spelled(kind, value), text[at]):
        yield at + 1


def repeat_of(value: Any, length: int) -> tuple[list[tuple[object, object]], int, int]:
    least, most, body = value
    return list(body), int(least), min(int(most), length)


def rounds(repeat: tuple[list[tuple[object, object]], int, int], text: str, at: int, done: int) -> Iterator[int]:
    body, least, most = repeat
    if done >= least:
        yield at
    if done < most:
        for end in ways(body, text, at):
            if end > at:
                yield from rounds(repeat, text, end, done + 1)


def spelled(kind: str, value: object) -> str:
    """The single character pattern of a leaf."""
    if kind == "LITERAL":
        return re.escape(chr(int(value)))  # type: ignore[call-overload]
    if kind == "NOT_LITERAL":
        return f"[^{re.escape(chr(int(value)))}]"  # type: ignore[call-overload]
    if kind == "ANY":
        return "."
    return {"[(LITERAL, 97), (LITERAL, 98)]": "[ab]"}.get(str(value), r"\w")


def test_the_longest_line_takes_some_million_steps() -> None:
    assert all(length**power <= 10_000_000 for power, length in LENGTHS.items())
