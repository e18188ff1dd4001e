import ast
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.analysis.python_tests.mutants import is_trivial, mutants
from cicd_agent.domain.trials.test_run import Mutant


def made(text: str, most: int = 200) -> tuple[Mutant, ...]:
    return mutants("a.py", text, range(1, text.count("\n") + text.count("\r") + 2), most)


def applied(text: str, mutant: Mutant) -> str:
    return text[: mutant.start] + mutant.replacement + text[mutant.end :]


def variants(statement: str, head: str = "def f(a, b, c):") -> set[str]:
    """What becomes of a statement."""
    text = f"{head}\n    {statement}\n"
    return {applied(text, mutant).split("\n", 1)[1].strip() for mutant in made(text)}


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("x = a < b", {"x = a <= b", "x = a >= b"}),
        ("x = a <= b", {"x = a < b", "x = a > b"}),
        ("x = (a) == (b)", {"x = (a) != (b)"}),
        ("x = a in b", {"x = a not in b"}),
        ("x = a not  in b", {"x = a in b"}),
        ("x = a is not b", {"x = a is b"}),
        ("x = a < b != c", {"x = a <= b != c", "x = a >= b != c", "x = a < b == c"}),
        ("x = a and b or c", {"x = a or b or c", "x = a and b and c"}),
        ("x = a + b", {"x = a - b"}),
        ("x = a // b", {"x = a / b"}),
        ("x = a ** b", {"x = a * b"}),
        ("a += b", {"a -= b", "pass"}),
        ("x = a & b", {"x = a | b"}),
        ("x = a << b", {"x = a >> b"}),
        ("x = -a", {"x = a"}),
        ("x = ~a", {"x = a"}),
        ("return-a", {"return a", "return None"}),
        ("x = not a", {"x = a"}),
        ("x = not(a)", {"x = (a)"}),
        ("x = b if a else c", {"x = b if not (a) else c"}),
        ("x = [d for d in b if d]", {"x = [d for d in b if not (d)]"}),
        ("x = 0", {"x = 1"}),
        ("x = 0x10", {"x = 17", "x = 15"}),
        ("x = 1.5", {"x = 2.5"}),
        ("x = True", {"x = False"}),
        ("x = 'a'", {'x = "xx"'}),
        ("x = ''", {'x = "x"'}),
        ("x = b'a'", {'x = b""'}),
        ("x = f'{a} {b + 1}'", {'x = "xx"'}),
        ("return None", {"return 0"}),
        ("return a", {"return None"}),
        ("return a == b", {"return None", "return a != b"}),
        ("return isinstance(a, b)", {"return None", "return not (isinstance(a, b))"}),
        ("raise a", {"pass"}),
        ("a(b)", {"pass"}),
        ("del a[b]", {"pass"}),
        ("x = a[b:c]", {"x = a[:c]", "x = a[b:]"}),
        ("x = a[(b):c]", {"x = a[(b):]"}),
        ("x = lambda d=1: d + a", {"x = lambda d=1: d - a"}),
    ],
)
def test_each_operator_makes_what_it_says(statement: str, expected: set[str]) -> None:
    assert variants(statement) == expected


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("if a:", "if not (a):"),
        ("while a(b):", "while not (a(b)):"),
        ("if (d := a):", "if (not (d := a)):"),
        ("if d := a:", "if not (d := a):"),
    ],
)
def test_a_condition_is_turned_round(head: str, expected: str) -> None:
    text = f"def f(a, b):\n    {head}\n        pass\n"
    assert [applied(text, mutant).split("\n")[1].strip() for mutant in made(text)] == [expected]


def test_a_guard_of_a_match_is_turned_round_and_its_pattern_left_alone() -> None:
    text = "def f(a, b):\n    match a:\n        case 1 if b:\n            pass\n"
    assert [mutant.words for mutant in made(text)] == ["`b` → `not (b)`"]


def test_what_a_function_says_is_a_truth_is_turned_round() -> None:
    assert variants("return a(b)", "def f(a, b) -> bool:") == {"return not (a(b))", "return None"}


@pytest.mark.parametrize(
    "statement",
    [
        "'''Says what it is.'''",
        "...",
        "pass",
        "print(a + 1)",
        "logger.info('a', 1 + b)",
        "self.log.debug('a')",
        "logging.getLogger('a').warning(b < c)",
        "warnings.warn('a')",
        "time.sleep(3)",
        "assert a < b, 'a' + c",
        "x: int",
        "x: 'A'",
        "timeout = 30",
        "self.retry_delay: float = 1.5",
        "return",
        "x = 'a' 'b'  # pragma: no cover",
        "if a < b:  # pragma: no cover",
        "x = a['name']",
        "T = TypeVar('T')",
        "x = 'a' + b + 'c'  # pragma: no cover",
        "import os",
        "nonlocal a",
    ],
)
def test_what_nobody_relies_on_has_none(statement: str) -> None:
    body = f"{statement}\n        a()" if statement.startswith("if") else statement
    assert made(f"def f(a, b, c):\n    {body}\n") == ()


def test_signs_that_make_no_difference_are_left_alone() -> None:
    assert variants("x = a + 0") == {"x = a + 1"}
    assert variants("x = a * 1") == {"x = a * 0", "x = a * 2"}


def test_texts_are_not_subtracted() -> None:
    assert variants("x = 'a' + b + 'c'") == {"x = \"xx\" + b + 'c'", "x = 'a' + b + \"xx\""}
    assert variants("x = '%s' % a") == {'x = "xx" % a'}


def test_only_the_error_and_not_its_words_is_dropped() -> None:
    assert variants("raise ValueError(f'no {a}', 3)") == {"pass"}


def test_waiting_times_given_by_name_are_left_alone() -> None:
    assert variants("x = a(timeout=3, size=4)") == {"x = a(timeout=3, size=5)", "x = a(timeout=3, size=3)"}


def test_code_that_runs_at_import_has_none() -> None:
    text = """
        import typing
        LIMIT = 1 + 2
        class A(B, size=1):
            limit = 3 < 4
            @cached(size=5)
            def f(self, a: "int" = 6, *, b=-7) -> "str":
                pass
            def __repr__(self):
                return "A" + str(8)
        if typing.TYPE_CHECKING:
            x = 9
        half = lambda a: a / 2
        """
    assert made(textwrap.dedent(text)) == ()


def test_type_checking_inside_a_function_is_skipped_and_its_other_branch_is_not() -> None:
    text = "def f():\n    if TYPE_CHECKING:\n        x = 1\n    else:\n        x = 0\n"
    assert [mutant.line for mutant in made(text)] == [5]


def test_functions_are_named_as_python_does_less_locals() -> None:
    text = """
        class A:
            async def f(self):
                def inner():
                    class B:
                        def g(self):
                            return lambda: 0
                return 1
        """
    assert {(mutant.function, mutant.line) for mutant in made(textwrap.dedent(text))} == {
        ("A.f.inner.B.g", 7),
        ("A.f", 8),
    }


def test_a_statement_of_many_lines_leaves_as_many() -> None:
    text = "def f(a):\r\n    a(\r\n        1,\r\n    )\r\n    return (\r\n        a\r\n        + 1\r\n    )\r\n"
    assert {(mutant.operator, applied(text, mutant).count("\r\n")) for mutant in made(text)} == {
        ("statement", 8),
        ("constant", 8),
        ("arithmetic", 8),
        ("return", 8),
    }


@pytest.mark.parametrize(
    "text",
    [
        "def f(ä, b):\n    return 'äß𝒳' if ä else b < ä\n",
        "\ufeffdef f(a, b):\n    return a < b\n",
        "def f(a, b):\r\n    x = 'ä'\r\n    return a < b\r\n",
        "def f(a, b):\r    return a < b\r",
        "class A:\n\tdef f(a, b):\n\t\tif a:\n\t\t\treturn a < b\n",
        "\x0cdef f(a, b):\n    x = '\x0c\u2028'\n\x0c    return a < b\n",
        "def f(a, b): return a < b",
        "def f(a, b):\n    return (a  # < is less\n            < b)\n",
        "if 1:\n    if 2:\n        def f(a, b):\n            return a < b\n",
    ],
)
def test_places_are_told_in_characters_whatever_the_text_is_made_of(text: str) -> None:
    (mutant, *_) = [mutant for mutant in made(text) if mutant.operator == "relational"]
    assert text[mutant.start : mutant.end] == "<"
    assert text[mutant.end :].lstrip()[0] in "bä"
    ast.parse(applied(text, mutant).removeprefix("\ufeff"))


def test_an_id_stays_when_other_code_changes_and_no_two_are_alike() -> None:
    text = "def f(a, b):\n    x = a < b\n    y = a < b\n    return x\n"
    moved = "import os\n\ndef g():\n    return 1\n\n" + text
    ids = [mutant.id for mutant in made(text)]
    assert len({*ids}) == len(ids)
    assert [mutant.id for mutant in made(moved) if mutant.function == "f"] == ids
    assert [mutant.id for mutant in mutants("b.py", text, {2}) if mutant.id in ids] == []
    assert [mutant.id for mutant in mutants("a.py", text, {3})] == [
        mutant.id for mutant in made(text) if mutant.line == 3
    ]


def test_lines_share_what_may_be_made_and_the_most_telling_goes_first() -> None:
    text = "def f(a, b):\n" + "    x = a < b + 1 and 'c'\n" * 10
    assert {mutant.line for mutant in made(text, 10)} == {*range(2, 12)}
    assert {mutant.operator for mutant in made(text, 20)} == {"relational"}
    assert [mutant.line for mutant in made(text, 5)] == [2, 4, 6, 8, 10]
    assert made(text, 0) == ()


def test_trivial_is_a_value_not_returned_and_an_error_not_raised() -> None:
    text = "def f(a):\n    if a > 1:\n        raise a\n    return a\n"
    assert {mutant.words for mutant in made(text) if is_trivial(mutant)} == {
        "without `raise a`",
        "`return a` → `return None`",
    }


@pytest.mark.parametrize(
    "text",
    [
        *("", "def f(:\n", "\0", "def f():\n    return '\ud800'", "x" * 2_000_000),
        *("(" * 5_000, "def f():\n" + "".join(" " * n + "if a:\n" for n in range(1, 150))),
    ],
)
def test_what_is_no_python_has_none(text: str) -> None:
    assert made(text) == ()


def test_deep_nesting_is_read_or_skipped() -> None:
    for deep in (f"{'-' * 3_000}a", " + ".join(["a"] * 3_000), "a" + "[0]" * 2_000, "not " * 500 + "a"):
        for mutant in made(f"def f(a):\n    return {deep}\n", 3):
            assert mutant.line == 2


def test_lines_that_are_not_there_have_none() -> None:
    assert mutants("a.py", "def f():\n    return 1\n", {-1, 0, 3, 10**9}) == ()


@given(st.text(alphabet="def f(a):\n\r\t 1<=+-'\"[:]#ä\x0c\\.,ifnotreturn", max_size=80))
def test_no_text_makes_it_fail(body: str) -> None:
    for text in (body, f"def f(a):\n    {body}\n", f"def f(a):\n    return a < 1\n{body}"):
        for mutant in made(text):
            ast.parse(applied(text, mutant).removeprefix("\ufeff"))
