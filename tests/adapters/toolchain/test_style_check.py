"""What the repository's own formatter and linter say: of what is new, in one run, and never at the cost of the code."""

import ast
import json
import subprocess
import sys
from pathlib import Path
from shutil import copytree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.adapters.toolchain.interpreter import Toolchain
from cicd_agent.adapters.toolchain.style_check import StyleCheck, is_same_code, tools
from cicd_agent.domain.ports.test_runner import Interpreter, PytestUnavailable
from cicd_agent.domain.trials.sandbox import Ran, SandboxUnavailable
from tests.support.fakes.ports import FakeSandbox, Trial

PYTHON = Path(sys.executable)
CHAIN = Toolchain(
    Interpreter(str(PYTHON), "3.12.1", {}), PYTHON, environment={"PATH": f"{PYTHON.parent}:/usr/bin:/bin"}
)
RUFF = "[tool.ruff.lint]\nselect = ['E', 'F', 'I']\n"
CROOKED = "import sys\nimport os\n\ndef test_x():\n  assert  os.name,sys\n"
STRAIGHT = "import os\nimport sys\n\n\ndef test_x():\n    assert os.name, sys\n"

needs_ruff = pytest.mark.skipif(
    not (PYTHON.parent / "ruff").exists(), reason="ruff is not installed beside this Python"
)


@pytest.fixture
def top(tmp_path: Path) -> Path:
    (tmp_path / "top").mkdir()
    return tmp_path / "top"


@pytest.fixture
def sandbox(tmp_path: Path) -> FakeSandbox:
    def really(trial: Trial) -> Ran:
        copy = copytree(trial.tree, tmp_path / f"copy{len(box.trials)}")
        for name, content in trial.files.items():
            (copy / name).write_bytes(content)
        done = subprocess.run(trial.command, cwd=copy, env=dict(trial.environment), capture_output=True, check=False)
        return Ran(done.returncode, done.stdout, done.stderr)

    box = FakeSandbox(really)
    return box


def configured(top: Path, **files: str) -> None:
    for name, text in files.items():
        (top / name.replace("__", ".")).write_text(text)


def test_where_nothing_is_configured_nothing_is_run(top: Path, sandbox: FakeSandbox) -> None:
    style = StyleCheck(top, CHAIN, sandbox)
    assert style.style({"test_x.py": CROOKED}) == {}
    assert style.formatted({"test_x.py": CROOKED}) == {"test_x.py": CROOKED}
    assert sandbox.trials == []


@needs_ruff
def test_a_new_file_is_laid_out_and_one_run_answers_both_questions(top: Path, sandbox: FakeSandbox) -> None:
    configured(top, pyproject__toml=RUFF)
    style = StyleCheck(top, CHAIN, sandbox)
    assert style.formatted({"tests/test_x.py": CROOKED}) == {"tests/test_x.py": STRAIGHT}
    assert style.style({"tests/test_x.py": CROOKED})["tests/test_x.py"].startswith("ruff I001: Import block")
    assert len(sandbox.trials) == 1
    assert style.style({"tests/test_x.py": STRAIGHT}) == {}
    assert not (top / "tests").exists()


@needs_ruff
def test_what_a_file_was_guilty_of_before_is_not_held_against_a_test(top: Path, sandbox: FakeSandbox) -> None:
    configured(top, pyproject__toml=RUFF)
    (top / "test_x.py").write_text(CROOKED)
    style = StyleCheck(top, CHAIN, sandbox)
    longer = f"{CROOKED}\ndef test_y():\n  assert  1\n"
    assert style.style({"test_x.py": longer}) == {}
    assert style.formatted({"test_x.py": longer}) == {"test_x.py": longer}
    assert style.style({"test_x.py": f"{longer}  assert unknown\n"}) == {
        "test_x.py": "ruff F821: Undefined name `unknown` (line 9)"
    }


@needs_ruff
def test_a_file_that_the_repository_leaves_out_is_left_alone(top: Path, sandbox: FakeSandbox) -> None:
    configured(top, ruff__toml="exclude = ['tests']\n[lint]\nselect = ['F']\n")
    style = StyleCheck(top, CHAIN, sandbox)
    files = {"tests/test_x.py": f"{CROOKED}\nassert unknown\n"}
    assert (style.style(files), style.formatted(files)) == ({}, files)


@needs_ruff
def test_what_does_not_parse_is_complained_about_and_not_laid_out(top: Path, sandbox: FakeSandbox) -> None:
    configured(top, pyproject__toml=RUFF)
    files = {"test_x.py": "def ("}
    style = StyleCheck(top, CHAIN, sandbox)
    assert style.formatted(files) == files
    assert "test_x.py" in style.style(files)


def test_a_tool_that_is_not_installed_is_content(top: Path, sandbox: FakeSandbox, tmp_path: Path) -> None:
    configured(top, pyproject__toml="[tool.black]\n[tool.isort]\n", tox__ini="[flake8]\n")
    bare = Toolchain(CHAIN.interpreter, PYTHON, environment={"PATH": str(tmp_path)})
    assert tools(top) == (["flake8"], ["isort", "black"])
    style = StyleCheck(top, bare, sandbox)
    assert (style.style({"test_x.py": CROOKED}), style.formatted({"test_x.py": CROOKED})) == (
        {},
        {"test_x.py": CROOKED},
    )


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("pyproject__toml", "[tool.ruff]\n", (["ruff"], ["ruff format"])),
        ("pyproject__toml", "[tool.ruff]\n[tool.black]\n", (["ruff"], ["black"])),
        ("pyproject__toml", "[tool.ruff]\nextend-select = ['I']\n", (["ruff"], ["ruff imports", "ruff format"])),
        ("pyproject__toml", "[tool.ruff.lint]\nselect = [['I'], 3]\n", (["ruff"], ["ruff format"])),
        ("pyproject__toml", "[tool]\nruff = 3\n", (["ruff"], ["ruff format"])),
        ("pyproject__toml", "tool = 3\n", ([], [])),
        ("pyproject__toml", "[[[", ([], [])),
        ("__ruff__toml", "lint.select = ['ALL']\n", (["ruff"], ["ruff imports", "ruff format"])),
        ("setup__cfg", "[flake8]\n[isort]\n", (["flake8"], ["isort"])),
        ("__flake8", "[flake8]\nmax-line-length = %(x\n", (["flake8"], [])),
        ("setup__cfg", "no section\n\x00", ([], [])),
        ("__isort__cfg", "[settings]\n", ([], ["isort"])),
    ],
)
def test_the_configuration_says_which_tools_are_asked(
    name: str, text: str, expected: tuple[list[str], list[str]], top: Path
) -> None:
    configured(top, **{name: text})
    assert tools(top) == expected


@pytest.mark.parametrize(
    "printed", ["", "nonsense", "[]", '{"complaints": [["a"]], "texts": {}}', "{" * 10_000, "\udcff"]
)
def test_a_run_that_says_nothing_sensible_leaves_files_as_they_are(printed: str, top: Path) -> None:
    configured(top, pyproject__toml="[tool.ruff]\n")
    box = FakeSandbox(lambda _: Ran(0, printed.encode("utf-8", "surrogateescape")))
    style = StyleCheck(top, CHAIN, box)
    assert (style.style({"a.py": "x=1"}), style.formatted({"a.py": "x=1"})) == ({}, {"a.py": "x=1"})


def test_a_formatter_that_changes_what_the_code_does_is_not_believed(top: Path) -> None:
    configured(top, pyproject__toml="[tool.ruff]\n")
    told = {"complaints": [], "texts": {"a.py": "assert True\n", "b.py": "x = 1\n", "/etc/c.py": "y"}}
    style = StyleCheck(top, CHAIN, FakeSandbox(lambda _: Ran(0, json.dumps(told).encode())))
    files = {"a.py": "assert f() == 2\n", "b.py": "x=1\n"}
    assert style.formatted(files) == {"a.py": "assert f() == 2\n", "b.py": "x = 1\n"}
    assert style.style(files) == {"b.py": "ruff format would lay it out otherwise"}


def test_a_complaint_is_one_line_whatever_the_tool_prints(top: Path) -> None:
    configured(top, pyproject__toml="[tool.ruff]\n")
    told = [["a.py", "X1", "a\n::error::b" + "c" * 999, 3], ["a.py", "X2", "first", 1]]

    def answer(_: Trial) -> Ran:
        return Ran(0, json.dumps({"complaints": told, "texts": {}}).encode())

    style = StyleCheck(top, CHAIN, FakeSandbox(answer))
    assert style.style({"a.py": ""}) == {"a.py": "X2: first (line 1)"}
    del told[1]
    [line] = StyleCheck(top, CHAIN, FakeSandbox(answer)).style({"a.py": ""}).values()
    assert "\n" not in line
    assert len(line) <= 200


def test_without_a_sandbox_that_is_what_is_said(top: Path) -> None:
    def none(_: Trial) -> Ran:
        raise SandboxUnavailable("this machine has no sandbox")

    configured(top, pyproject__toml="[tool.ruff]\n")
    with pytest.raises(PytestUnavailable, match="no sandbox"):
        StyleCheck(top, CHAIN, FakeSandbox(none)).style({"a.py": ""})


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ("import b, a\n", "import a\nimport b\n", True),
        ("from m import b\nfrom m import a\n", "from m import a, b\n", True),
        ('def f():\n  """A\n     b. """\n', "def f():\n    '''A\n    b.'''\n", True),
        ("x = (1,\n)\n", "x = (1,)\n", True),
        ("import a\n", "import b\n", False),
        ("def f(): import b, a", "def f(): import a, b", False),
        ("x = 'a  b'", "x = 'a b'", False),
        ("assert x", "", False),
        ("def (", "def (", False),
        ("x", "\0", False),
    ],
)
def test_layout_is_told_from_code(before: str, after: str, same: bool) -> None:  # noqa: FBT001
    assert is_same_code(before, after) is same


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_two_texts_can_be_compared(before: str, after: str) -> None:
    assert is_same_code(before, after) in {True, False}
    try:
        ast.parse(before)
    except (SyntaxError, ValueError):
        return
    assert is_same_code(before, before)
