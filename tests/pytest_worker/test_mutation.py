import gc
import importlib.util
import itertools
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.pytest_worker.bed import Bed, check


@pytest.fixture
def bed(tmp_path: Path) -> Callable[[str], Bed]:
    numbers = itertools.count()
    return lambda text: Bed(tmp_path, f"mutated_{tmp_path.name}_{next(numbers)}", text)


def test_a_mutant_that_a_test_notices_is_killed_and_the_test_is_named(bed: Callable[[str], Bed]) -> None:
    one = bed("def less(a, b):\n    return a < b\n")
    one.checks = {"quiet": lambda: one.module.less(1, 2), "loud": lambda: check(not one.module.less(2, 2))}
    assert one.tried(one.mutant("<", "<="), one.mutant("<", "< 1 +")) == [
        {"id": "<><=", "fate": "killed", "by": "loud", "exception": "AssertionError", "detail": ""},
        {"id": "<>< 1 +", "fate": "killed", "by": "loud", "exception": "AssertionError", "detail": ""},
    ]


def test_what_the_project_has_frozen_is_replaced_as_well(bed: Callable[[str], Bed]) -> None:
    one = bed("def one():\n    return 1\n")
    gc.freeze()
    try:
        assert one.fate("1", "2", lambda: check(one.module.one() == 1)) == ("killed", "AssertionError")
        assert gc.get_freeze_count() == 0
    finally:
        gc.unfreeze()


def test_a_mutant_that_no_test_notices_survives_and_nothing_stays_of_it(bed: Callable[[str], Bed]) -> None:
    one = bed("def less(a, b):\n    return a < b\n")
    before = one.module.less.__code__
    assert one.fate("<", "<=", lambda: check(one.module.less(1, 2))) == ("survived", "")
    assert one.module.less.__code__ is before
    assert (Path(one.top) / one.path).read_text() == one.text


WRAPPED = """
    import contextlib, functools

    def plain(function):
        @functools.wraps(function)
        def wrapper(*arguments):
            return function(*arguments)
        return wrapper

    @plain
    @functools.lru_cache
    def cached(a):
        return a + 10

    class Box:
        def __init__(self, a):
            self.a = a

        @property
        def more(self):
            return self.a + 20

        @classmethod
        def made(cls, a):
            return cls(a + 30)

        @staticmethod
        def still(a):
            return [b + 40 for b in [a]][0]

        class Inner:
            def deep(self, a):
                return (lambda c: c + 50)(a)

    def outer(a):
        def inner(b):
            return b + 60
        return inner(a)

    def maker(step):
        def made(a):
            return a + step + 70
        return made

    made = maker(1)
    small = lambda a: a + 80

    async def waits(a):
        return a + 90

    def yields(a):
        yield a + 100

    @contextlib.contextmanager
    def within(a):
        yield a + 110
    """


def awaited(coroutine: Any) -> Any:
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value


def entered(context: Any) -> Any:
    with context as value:
        return value


@pytest.mark.parametrize(
    ("number", "call"),
    [
        (10, lambda m: m.cached(1)),
        (20, lambda m: m.Box(1).more),
        (30, lambda m: m.Box.made(1).a),
        (40, lambda m: m.Box.still(1)),
        (50, lambda m: m.Box.Inner().deep(1)),
        (60, lambda m: m.outer(1)),
        (70, lambda m: m.made(0)),
        (80, lambda m: m.small(1)),
        (90, lambda m: awaited(m.waits(1))),
        (100, lambda m: next(m.yields(1))),
        (110, lambda m: entered(m.within(1))),
    ],
)
def test_code_is_replaced_wherever_it_lives(
    bed: Callable[[str], Bed], number: int, call: Callable[[ModuleType], Any]
) -> None:
    one = bed(WRAPPED)
    assert call(one.module) == number + 1
    assert one.fate(f"+ {number}", f"- {number}", lambda: check(call(one.module) == number + 1)) == (
        "killed",
        "AssertionError",
    )


def test_a_call_that_was_all_that_used_a_closure_can_be_dropped(bed: Callable[[str], Bed]) -> None:
    one = bed("""
        class Base:
            def __init__(self):
                self.ready = True

        class Child(Base):
            def __init__(self):
                super().__init__()
        """)
    test = lambda: check(one.module.Child().ready)  # noqa: E731
    assert one.fate("super().__init__()", "pass", test) == ("killed", "AttributeError")


def test_functions_of_another_file_with_the_same_text_are_left_alone(bed: Callable[[str], Bed]) -> None:
    one, other = bed("def one():\n    return 1\n"), bed("def one():\n    return 1\n")
    assert one.fate("1", "2", lambda: check(other.module.one() == 1)) == ("survived", "")


def test_two_modules_of_one_file_are_both_replaced(bed: Callable[[str], Bed]) -> None:
    one = bed("def one():\n    return 1\n")
    spec = importlib.util.spec_from_file_location("mutated_again", Path(one.top) / one.path)
    assert spec is not None
    assert spec.loader is not None
    again = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(again)
    assert one.fate("1", "2", lambda: check(again.one() == 1)) == ("killed", "AssertionError")
    assert one.fate("1", "2", lambda: check(one.module.one() == 1)) == ("killed", "AssertionError")


@pytest.mark.parametrize(
    ("text", "old", "new", "why"),
    [
        ("LIMIT = 1\n\ndef one():\n    return LIMIT\n", "1", "2", "it runs at import"),
        ("class A:\n    b = 1\n\ndef one():\n    return A.b\n", "1", "2", "it runs at import"),
        ("def one(a=1):\n    return a\n", "1", "2", "it runs at import"),
        ("def one():\n    return 1\n", "1", "(1)", "it compiles to the same code"),
        ("def one():\n    return 1\n", "1", "1 +", "it does not compile here: SyntaxError"),
    ],
)
def test_a_mutant_that_cannot_be_put_in_place_is_not_run(
    bed: Callable[[str], Bed], text: str, old: str, new: str, why: str
) -> None:
    one = bed(text)
    assert one.fate(old, new, lambda: check(one.module.one() == 1)) == ("not_run", why)


def test_an_edit_of_another_text_is_not_run(bed: Callable[[str], Bed]) -> None:
    one = bed("def one():\n    return 1\n")
    one.checks = {"test": lambda: None}
    stale = {**one.mutant("1", "2"), "line": 7}
    beyond = {**one.mutant("1", "2"), "end": 700}
    assert [outcome["detail"] for outcome in one.tried(stale, beyond)] == [
        "the file is not the one that it was made of"
    ] * 2
    one.read = lambda _: "def one():\n    return 3\n"
    assert one.fate("1", "2", lambda: None) == ("not_run", "no live function has this code")


def test_a_file_that_cannot_be_read_is_not_run(bed: Callable[[str], Bed]) -> None:
    def missing(_: str) -> str:
        raise FileNotFoundError

    one = bed("def one():\n    return 1\n")
    one.read = missing
    assert one.fate("1", "2", lambda: None) == ("not_run", "its file cannot be read: FileNotFoundError")
