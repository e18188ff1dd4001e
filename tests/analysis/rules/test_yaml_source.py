"""What is read of a YAML file: nodes, and where git has their lines."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cicd_agent.analysis.rules.yaml_source import DEPTH, EVENTS, LIMIT, Node, at, elements, items, parse_yaml, scalar


def node(text: str, *keys: str) -> Node:
    found = at(parse_yaml(text), *keys)
    assert found is not None
    return found


def test_keys_elements_and_scalars_are_those_of_the_file() -> None:
    root = parse_yaml("a: 1\nb: [x, 'y z']\nc: {d: ''}\n? [k]\n: v\na: 2\n")
    assert [name for name, _, _ in items(root)] == ["a", "b", "c"]
    assert scalar(at(root, "a")) == "1"
    assert [scalar(each) for each in elements(at(root, "b"))] == ["x", "y z"]
    assert scalar(at(root, "c", "d")) == ""
    assert at(root, "c", "e") is at(root, "a", "b") is at(None, "a") is None
    assert not list(items(at(root, "b")))
    assert not list(elements(at(root, "c")))
    assert scalar(at(root, "b")) == ""


@pytest.mark.parametrize(
    ("text", "lines", "raw"),
    [
        ("x: y\na: b\n", (2, 2), "b"),
        ("\ufeffx: é😀\na: 'b'\n", (2, 2), "'b'"),
        ("x: y\r\na: |\r\n  b\r\n  c\r\nd: e\r\n", (2, 4), "|\r\n  b\r\n  c\r\n"),
        ("a: >-\n  b\n\n  c\n\nd: e\n", (1, 5), ">-\n  b\n\n  c\n\n"),
        ("x: y\nd:\na:\n  b: c\n  d: e\nf: g\n", (4, 5), "b: c\n  d: e\n"),
        ("x: y\na: {b: c,\n  d: e}\nf: g\n", (2, 3), "{b: c,\n  d: e}"),
        # YAML ends a line here, git does not.
        ("x: y # z\ru: v\x85w: x\u2028a: b\n", (1, 1), "b"),
        ("x: y # z\ru: v\na: b\n", (2, 2), "b"),
    ],
)
def test_lines_are_gits(text: str, lines: tuple[int, int], raw: str) -> None:
    found = node(text, "a")
    assert (found.line, found.last_line) == lines
    assert found.raw == raw


def test_an_alias_is_the_node_of_its_anchor() -> None:
    root = parse_yaml("a: &x {b: c}\nd: *x\ne: &y [*y]\n")
    assert at(root, "a") is at(root, "d") is not None
    assert list(elements(at(root, "e"))) == [at(root, "e")]


def test_the_first_document_counts_if_all_are_valid() -> None:
    assert scalar(at(parse_yaml("a: b\n---\nc: d\n"), "a")) == "b"
    assert parse_yaml("a: b\n---\nc: [\n") is None
    assert parse_yaml("a: &x b\n---\nc: *x\n") is None


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "\ufeff"])
def test_an_empty_file_is_an_empty_scalar(text: str) -> None:
    assert scalar(parse_yaml(text)) == ""
    assert parse_yaml(text) is not None


@pytest.mark.parametrize(
    "text",
    [
        *(None, "a: *b\n", "a: [\n", "a: b: c\n", "\t- a\n", "a: \0\n", "%YAML 9.9\n--- a\n"),
        *("[" * (DEPTH + 2) + "]" * (DEPTH + 2), "[" * 5_000, "a" * (LIMIT + 1), "[" + "," * LIMIT, "- \n" * EVENTS),
    ],
    ids=range(12),
)
def test_what_is_no_yaml_or_above_a_limit_is_not_read(text: str | None) -> None:
    assert parse_yaml(text) is None


def test_what_is_just_within_the_limits_is_read() -> None:
    assert parse_yaml("[" * DEPTH + "]" * DEPTH) is not None
    assert parse_yaml("- \n" * (EVENTS - 10)) is not None


@given(st.one_of(st.text(), st.text("ab:-[]{}&*#|>'\" \n\t,?%!\r", max_size=60)))
@example("&a [*a]")
@example("? &a a\n: *a\n")
@example("a: !!binary x")
def test_any_text_is_read_or_not(text: str) -> None:
    root = parse_yaml(text)
    remaining, met = [root] if root else [], set()
    while remaining:
        each = remaining.pop()
        if each in met:
            continue
        met.add(each)
        assert 1 <= each.line <= each.last_line <= text.count("\n") + 1
        remaining += [*elements(each), *(value for _, _, value in items(each))]
