"""Expressions are evaluated each in a fork: what they give is told if it can be typed again, and nothing gets out."""

from pathlib import Path

import pytest

from cicd_agent.adapters.test_runner.results import agreed
from cicd_agent.domain.ports.test_runner import Observation
from tests.modes.gen_tests.bare_test_runner import driven

MODULE = """
import enum, os, sys, time, collections
print("said at import")
class Colour(enum.IntEnum):
    RED = 1
class Odd(Exception):
    pass
Point = collections.namedtuple("Point", "x y")
seen = []
def count():
    seen.append(1)
    return len(seen)
def fail(kind, *words):
    raise kind(*words)
def chat():
    print("x" * 100_000)
    os.write(1, b"{}")
    os.write(2, b"{}")
    return 1
def spam():
    for each in range(3, 60):
        try:
            os.write(each, b"[1, 2]")
        except OSError:
            pass
"""


def probed(folder: Path, *expressions: str, seconds: float = 5) -> list[dict[str, str]]:
    (folder / "lab_words.py").write_text(MODULE)
    wanted: list[dict[str, object]] = [
        {"key": str(number), "imports": ["import lab_words", "from lab_words import *"], "expression": each}
        for number, each in enumerate(expressions)
    ]
    told = driven(folder, "probe", wanted, seconds)
    assert [each.pop("key") for each in told] == [str(number) for number in range(len(expressions))]
    return told


def test_what_can_be_typed_again_is_told_as_it_would_be_typed(tmp_path: Path) -> None:
    values = ["1", "-2.5", "True", "None", "'a\"b'", "b'x'", "[1, (2,), ()]", "{'a': {1: []}}", "set()", "1j"]
    assert [each["value"] for each in probed(tmp_path, *values)] == values


def test_sets_are_told_in_an_order_of_their_own(tmp_path: Path) -> None:
    (told,) = probed(tmp_path, "{'b', 'a', 'c'}")
    assert told["value"] == "{'a', 'b', 'c'}"


def test_what_cannot_be_typed_again_is_told_by_its_type_alone(tmp_path: Path) -> None:
    odd = ["Colour.RED", "Point(1, 2)", "float('nan')", "float('inf')", "object()", "[Odd()]", "'x' * 600"]
    told = probed(tmp_path, *odd)
    assert [each["value"] for each in told] == [""] * len(odd)
    assert [each["type"] for each in told][:2] == ["lab_words.Colour", "lab_words.Point"]
    assert {each["problem"] for each in told} == {"its value is no literal", "its value is too long"}


def test_what_is_raised_is_told_with_its_whole_name(tmp_path: Path) -> None:
    told = probed(tmp_path, "fail(Odd, 1)", "fail(SystemExit)", "int('x')", "fail(KeyboardInterrupt)")
    assert [each["exception"] for each in told] == ["Odd", "SystemExit", "ValueError", "KeyboardInterrupt"]
    assert told[0]["type"] == "lab_words.Odd"
    assert told[2]["message"] == "invalid literal for int() with base 10: 'x'"


def test_one_expression_does_not_see_what_another_has_done(tmp_path: Path) -> None:
    assert [each["value"] for each in probed(tmp_path, "count()", "count()")] == ["1", "1"]


def test_one_that_hangs_or_ends_the_process_takes_no_other_with_it(tmp_path: Path) -> None:
    told = probed(tmp_path, "time.sleep(60)", "os._exit(0)", "os.abort()", "1 + 1", seconds=0.5)
    assert [each["problem"] for each in told] == [
        "it did not end within 0.5 s",
        "it ended the process",
        "it ended the process",
        "",
    ]
    assert told[3]["value"] == "2"


def test_a_function_that_hangs_is_not_waited_for_again_and_again(tmp_path: Path) -> None:
    told = probed(tmp_path, *(f"time.sleep({seconds})" for seconds in (60, 61, 62, 63)), "1", seconds=0.3)
    assert [each["problem"] for each in told] == [
        *["it did not end within 0.3 s"] * 2,
        *["other calls of it did not end"] * 2,
        "",
    ]


def test_endless_recursion_is_an_exception_like_any(tmp_path: Path) -> None:
    assert probed(tmp_path, "(lambda f: f(f))(lambda f: f(f))")[0]["exception"] == "RecursionError"


def test_what_is_printed_goes_nowhere(tmp_path: Path) -> None:
    assert probed(tmp_path, "chat()")[0]["value"] == "1"


def test_what_is_written_into_the_pipe_is_no_answer(tmp_path: Path) -> None:
    assert probed(tmp_path, "spam()", "2")[0] == {
        "value": "",
        "type": "",
        "exception": "",
        "message": "",
        "problem": "it ended the process",
    }


def test_an_import_that_fails_is_a_problem_of_those_that_need_it(tmp_path: Path) -> None:
    told = driven(
        tmp_path,
        "probe",
        [
            {"key": "a", "imports": ["import no_such_module"], "expression": "1"},
            {"key": "b", "imports": [], "expression": "1 +"},
            {"key": "c", "imports": [], "expression": "1"},
        ],
    )
    assert [(each["problem"], each["exception"], each["value"]) for each in told] == [
        ("its imports raise ModuleNotFoundError", "", ""),
        ("", "SyntaxError", ""),
        ("", "", "1"),
    ]


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        (Observation("k", "1", "int"), Observation("k", "1", "int"), Observation("k", "1", "int")),
        (Observation("k", "1", "int"), Observation("k", "2", "int"), "its value differs from one process to the next"),
        (
            Observation("k", type="a.B", exception="B"),
            Observation("k", "2", "int"),
            "it raises in one process and not, or otherwise",
        ),
        (Observation("k", "1", "int"), Observation("k", problem="it hangs"), "it hangs"),
        (
            Observation("k", exception="B", message="at 0x1"),
            Observation("k", exception="B", message="at 0x2"),
            Observation("k", exception="B"),
        ),
        (Observation("k", "1", "int"), None, "it was seen only once"),
    ],
)
def test_only_that_is_believed_in_which_two_processes_agree(
    first: Observation, second: Observation | None, kept: Observation | str
) -> None:
    (told,) = agreed([first], [second] if second else [])
    if isinstance(kept, Observation):
        assert told == kept
    else:
        assert (told.value, told.exception) == ("", "")
        assert told.problem.startswith(kept)
