"""The ghostwriter writes what fits the shape of a function, and says why when it writes nothing."""

import ast
from pathlib import Path

import pytest

from tests.modes.gen_tests.bare_test_runner import driven

CODEC = """
import os
from pkg import other

def encode(text: str) -> bytes:
    return text.encode()

def decode(data: bytes) -> str:
    return data.decode()

def normalise_name(name: str) -> str:
    return name.strip().lower()

def area(width: int, height: int) -> int:
    return width * height

async def wait(seconds: int) -> None: ...

class Box:
    def size(self) -> int: ...
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    package = tmp_path / "src/pkg"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "other.py").write_text("")
    (package / "codec.py").write_text(CODEC)
    (package / "broken.py").write_text("raise RuntimeError('no\\nway')\n")
    (package / "gone.py").write_text("import os\nos._exit(0)\n")
    return tmp_path


def written(project: Path, *functions: str, path: str = "src/pkg/codec.py") -> list[dict[str, str]]:
    return driven(project, "ghostwriter", [{"path": path, "function": each} for each in functions], 30)


def test_a_function_and_the_one_that_undoes_it_make_a_round_trip(project: Path) -> None:
    both = written(project, "encode", "decode")
    assert [each["problem"] for each in both] == ["", ""]
    assert both[0]["source"] == both[1]["source"]
    assert "def test_roundtrip_encode_decode" in both[0]["source"]
    assert "import pkg.codec" in both[0]["source"]


def test_a_function_that_tidies_is_tried_twice(project: Path) -> None:
    (told,) = written(project, "normalise_name")
    assert "def test_idempotent_normalise_name" in told["source"]


def test_any_other_is_called_with_what_its_annotations_say(project: Path) -> None:
    (told,) = written(project, "area")
    ast.parse(told["source"])
    assert "def test_fuzz_area" in told["source"]
    assert "width=st.integers()" in told["source"]
    assert (told["path"], told["function"]) == ("src/pkg/codec.py", "area")


@pytest.mark.parametrize("returned", ["", " -> None"])
def test_nothing_is_guessed_where_nothing_could_be_asserted(project: Path, returned: str) -> None:
    (project / "src/pkg/codec.py").write_text(f"def area(width, name){returned}: ...\n")
    (told,) = written(project, "area")
    assert (told["source"], told["problem"]) == ("", "neither its name nor an annotation suggests a property")


def test_what_is_no_plain_function_is_left_alone(project: Path) -> None:
    assert [each["problem"] for each in written(project, "Box.size", "wait", "nothing", "Box")] == [
        "it is no function of a module",
        "it is asynchronous",
        "AttributeError: module 'pkg.codec' has no attribute 'nothing'",
        "it is no function of a module",
    ]


def test_a_module_that_cannot_be_imported_takes_no_other_with_it(project: Path) -> None:
    told = driven(
        project,
        "ghostwriter",
        [{"path": f"src/pkg/{name}.py", "function": "area"} for name in ("broken", "gone", "missing", "codec")],
        30,
    )
    assert [each["problem"] for each in told] == [
        "RuntimeError: no way",
        "it ended the process",
        "ModuleNotFoundError: No module named 'pkg.missing'",
        "",
    ]


def test_a_file_that_no_name_leads_to_is_left_alone(project: Path) -> None:
    (project / "a-b.py").write_text("def area(): ...\n")
    assert written(project, "area", path="a-b.py")[0]["problem"] == (
        "its module cannot be imported by a name of its own"
    )


def test_a_module_in_a_folder_that_is_no_package_is_imported_from_the_path(project: Path) -> None:
    (project / "tools").mkdir()
    (project / "tools/words.py").write_text("def area(width: int) -> int: ...\n")
    assert "tools.words.area(width=width)" in written(project, "area", path="tools/words.py")[0]["source"]
