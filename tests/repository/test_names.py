import ast

import pytest

from scripts.names import is_forbidden, left, names, used


def test_no_new_name_uses_the_private_vocabulary() -> None:
    assert used() - left() == set(), "choose the field's term (CONTRIBUTING.md, Glossary)"


def test_the_list_of_exceptions_shrinks() -> None:
    assert left() - used() == set(), "gone: run scripts/names.py"


@pytest.mark.parametrize("name", ["told", "_asked_for", "OneBook", "HTTPOutlet", "found", "whyNot"])
def test_a_word_is_seen_in_any_spelling(name: str) -> None:
    assert is_forbidden(name)


@pytest.mark.parametrize("name", ["bookmark", "playground", "replaced", "Foundry", "almost", "keyword"])
def test_a_word_is_no_part_of_another(name: str) -> None:
    assert not is_forbidden(name)


def test_classes_functions_and_parameters_are_named() -> None:
    tree = ast.parse("class Reporter:\n    def tell(self, asked, *said, **kept): told = 1\n")
    assert {*names(tree)} == {"Reporter", "tell", "self", "asked", "said", "kept"}
