import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.analysis.python_tests.test_modules import dotted, imported

TREE = ("src/pkg/__init__.py", "src/pkg/sub/__init__.py", "src/pkg/sub/deep.py", "calc.py", "tools/run.py")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("src/pkg/sub/deep.py", "pkg.sub.deep"),
        ("src/pkg/sub/__init__.py", "pkg.sub"),
        ("src/pkg/__init__.py", "pkg"),
        ("calc.py", "calc"),
        ("tools/run.py", "tools.run"),
        ("src/plain/client.py", "plain.client"),
        ("two-words/run.py", "run"),
        ("two-words.py", ""),
        ("calc.pyi", ""),
        ("__init__.py", ""),
    ],
)
def test_a_file_is_imported_by_what_lies_between_its_root_and_it(path: str, name: str) -> None:
    assert dotted(path, TREE) == name


def test_where_packages_have_no_init_the_tests_say_where_names_begin() -> None:
    assert dotted("code/app/client.py", (), ["from app.client import get\n"]) == "app.client"
    assert dotted("code/app/client.py", (), ["import app.other, os\n"]) == "code.app.client"
    assert dotted("code/app/client.py", (), ["from app import client\n"]) == "app.client"


def test_imports_are_read_from_lines_that_say_so() -> None:
    text = "import os, app.one\nfrom app.two import x\n    from late import y\nx = 'import no'\n"
    assert imported(text) == {"os", "app.one", "app.two", "late"}


@given(st.text(alphabet="ab/._-é\x00 ", max_size=30), st.lists(st.text(max_size=30), max_size=3))
def test_any_path_has_a_name_that_can_be_imported_or_none(path: str, texts: list[str]) -> None:
    name = dotted(path, ["a/__init__.py"], texts)
    assert name == "" or all(part.isidentifier() for part in name.split("."))
