"""Annotations give literals of their types, whatever they say."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.analysis.python_tests.syntax import expression
from cicd_agent.modes.gen_tests.synthesis.annotations import returned, values


@pytest.mark.parametrize(
    ("annotation", "types"),
    [
        ("int", {int}),
        ("str", {str}),
        ("bytes", {bytes}),
        ("None", {type(None)}),
        ("int | None", {int, type(None)}),
        ("Optional[str]", {str, type(None)}),
        ("typing.Union[int, str]", {int, str}),
        ("'bool'", {bool}),
        ("list[int]", {list}),
        ("Sequence[str]", {list}),
        ("list", {list}),
        ("dict[str, list[int]]", {dict}),
        ("set[int]", {set}),
        ("tuple[int, str]", {tuple}),
        ("tuple[int, ...]", {tuple}),
        ("Literal['a', 1]", {str, int}),
        ("Annotated[int, 'words']", {int}),
    ],
)
def test_values_are_literals_of_the_annotated_type(annotation: str, types: set[type]) -> None:
    found = values(expression(annotation))
    assert {type(ast.literal_eval(value)) for value in found} == types
    assert len(set(found)) == len(found)


@pytest.mark.parametrize(
    "annotation", ["Node", "Callable[[int], str]", "list[Node] | Node", "x.y[0]", "tuple[Node, int]"]
)
def test_what_no_literal_can_be_has_at_most_empty_ones(annotation: str) -> None:
    assert set(values(expression(annotation))) <= {"[]"}


def test_none_and_nesting_without_end_have_no_values() -> None:
    assert values(None) == ()
    assert values(expression("list[" * 50 + "int" + "]" * 50)) == ("[]",)


@given(st.text(alphabet="intstrliofae|[], .'\"0Nn"))
def test_any_annotation_gives_literals(text: str) -> None:
    for value in values(expression(text)):
        ast.literal_eval(value)


@pytest.mark.parametrize(
    ("annotation", "types"),
    [
        ("str", ("str",)),
        ("list[Node]", ("list",)),
        ("Dict[str, int]", ("dict",)),
        ("str | None", ("str", "None")),
        ("Optional[int]", ("int", "None")),
        ("'bool'", ("bool",)),
        ("Node", ()),
        ("int | Node", ()),
        ("''", ()),
        ("float", ()),
    ],
)
def test_what_a_result_is_to_be_is_told_when_the_annotation_says_it_all(
    annotation: str, types: tuple[str, ...]
) -> None:
    assert returned(expression(annotation)) == types
