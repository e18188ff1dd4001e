"""Only modules of tests under unmistakable names are delivered, and no message does more than say something."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.domain.trials.test_delivery import LONGEST_MESSAGE, gain, keys_of, message, objection

ALLOWED = ["tests/test_app.py", "test_app.py", "src/pkg/app_test.py", "pkg/tests/unit-1/test_a.b.py", "tests/test_ä.py"]
REFUSED = [
    *("", "/", "tests", "tests/", "/etc/test_a.py", "../test_a.py", "tests/../test_a.py", "./test_a.py"),
    *("tests//test_a.py", "tests/.hidden/test_a.py", ".github/test_a.py", ".git/test_a.py", "git~1/test_a.py"),
    *("tests/conftest.py", "tests/CONFTEST.PY", "Tests/Conftest.py", "conftest.py", "setup.py", "tests/__init__.py"),
    *("app.py", "tests/helpers.py", "tests/test_a.PY", "tests/Test_a.py", "tests/test_a.pyc", "tests/test_a.pth"),
    *(
        "tests/test_a.py ",
        "tests/test_a.py.",
        "tests /test_a.py",
        "tests\\test_a.py",
        "c:/test_a.py",
        "tests/test_*.py",
    ),
    *(
        "tests/test_a\n.py",
        "tests/test_\u200b.py",
        "tests/test_\u202e.py",
        "tests/test_\x00.py",
        "tests/test_\ud800.py",
    ),
    *("tests/test_a\u0308.py", "a/" * 200 + "test_a.py", ".github/workflows/ci.yml", "_test.py", "tests/test_a.py/x"),
]


@pytest.mark.parametrize("path", ALLOWED)
def test_a_module_of_tests_is_written(path: str) -> None:
    assert objection(path, existing=True) == ""


@pytest.mark.parametrize("path", REFUSED)
@pytest.mark.parametrize("existing", [True, False])
def test_nothing_else_is_written(path: str, *, existing: bool) -> None:
    assert "is not written" in objection(path, existing=existing)


@pytest.mark.parametrize("path", ["tests/test_ä.py", "my tests/test_a.py", "tests/test_a.b.py", "-x/test_a.py"])
def test_a_new_file_has_a_plain_name(path: str) -> None:
    assert objection(path, existing=True) == ""
    assert "a plain name" in objection(path, existing=False)


@given(st.text(max_size=40))
def test_every_path_that_is_allowed_is_one_file_below_the_top(path: str) -> None:
    if objection(path, existing=True) == "":
        assert not path.startswith("/")
        assert not {"", ".", ".."} & {*path.split("/")}
        assert re.search(r"(?:/|^)(test_[^/]*|[^/]+_test)\.py$", path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Add tests", "Add tests"),
        ("", "Add tests"),
        ("  \n ", "Add tests"),
        ("Add [skip ci]", "Add (skip ci)"),
        ("Add [ Skip Actions ] [ci skip]", "Add (Skip Actions) (ci skip)"),
        ("Fixes #12, closes o/r#3, resolves GH-4", "Fixes # 12, closes o/r# 3, resolves GH- 4"),
        ("Fixes https://github.com/o/r/issues/1", "Fixes https:// github.com/o/r/issues/1"),
        ("cc @octocat", "cc @ octocat"),
        ("test: add some", "test: add some"),
        ("Skip-Checks: true", "Skip-Checks - true"),
        ("a\n\nskip-checks: true", "a\n\nskip-checks - true"),
        ("a\n\nCicd-Agent-Key: other", "a\n\nCicd-Agent-Key - other"),
        ("a\n\nCo-authored-by: x <x@example.com>", "a\n\nCo-authored-by - x <x@ example.com>"),
        ("a\u202eb", "a<U+202E>b"),
    ],
)
def test_a_message_only_says_something(text: str, said: str) -> None:
    assert message(text, "tests-1") == f"{said}\n\nCicd-Agent-Key: tests-1\n"


SIGNS = st.sampled_from(["[", "]", "skip", "ci", " ", "skip ci", "[skip ci]", "\n", "\r\n", "skip-checks:", " true"])


@given(st.one_of(st.text(max_size=60), st.lists(SIGNS, max_size=12).map("".join)))
def test_no_text_makes_a_message_that_skips_workflows_or_bears_another_key(text: str) -> None:
    whole = message(text, "tests-1")
    assert not re.search(r"\[(skip ci|ci skip|no ci|skip actions|actions skip)\]", whole, re.IGNORECASE)
    assert not re.search(r"^skip-checks:\s*true", whole, re.MULTILINE | re.IGNORECASE)
    assert keys_of(whole) == ("tests-1",)


def test_a_message_has_an_end() -> None:
    assert len(message("x" * 100_000, "k")) < LONGEST_MESSAGE + 100


def test_what_all_files_gain_together_is_limited() -> None:
    assert gain(["x" * 300_000], ["x" * 400_000]) == ""
    assert "200,001 bytes are added" in gain(["", "x"], ["x" * 100_001, "x" * 100_001])
