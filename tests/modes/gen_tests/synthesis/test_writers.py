"""Candidates that no model writes: they say what is documented or was seen, are named for it, and run as they are."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cicd_agent.domain.events.event import Event, EventKind
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.repository.change import Change, ChangeSource
from cicd_agent.domain.trials.candidate import Candidate, Expectation, Origin, keyed
from cicd_agent.modes.gen_tests.evidence import TEST_EVIDENCE, Suite, SuiteState, TestEvidence
from cicd_agent.modes.gen_tests.synthesis.subject import FunctionTarget
from cicd_agent.modes.gen_tests.synthesis.writers import written
from tests.modes.gen_tests.bare_test_runner import BarePytestRunner


def evidence(source: str, tests: str = "") -> Evidence:
    change = Change("", "", ChangeSource.GIT, (), texts={"words.py": source})
    return Evidence(Event(EventKind.LOCAL), change).put(
        TEST_EVIDENCE, TestEvidence(Suite(SuiteState.GREEN), {"tests/test_words.py": tests} if tests else {})
    )


def candidates(
    folder: Path, source: str, *functions: str, tests: str = "", most: int = 40, lab: BarePytestRunner | None = None
) -> tuple[Candidate, ...]:
    (folder / "words.py").write_text(source)
    targets = [FunctionTarget("words.py", function, "words") for function in functions]
    found = written(targets, evidence(source, tests), lab or BarePytestRunner(folder), most, characterises=True)
    assert [keyed(each) for each in found] == list(found)
    assert len({each.name for each in found}) == len(found)
    for each in found:
        assert [node.name for node in ast.parse(each.code).body if isinstance(node, ast.FunctionDef)] == [each.name]
    return found


def passed(folder: Path, found: tuple[Candidate, ...]) -> bool:
    text = "\n".join([*dict.fromkeys(line for each in found for line in each.imports), *(each.code for each in found)])
    (folder / "test_all.py").write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_all.py"],
        cwd=folder,
        capture_output=True,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        check=False,
    )
    return done.returncode == 0


CLAMP = '''
LIMIT = 10

def clamp(value: int, low: int, high: int = LIMIT) -> int:
    """Keep a value in its limits.

    Raises:
        ValueError: when the limits are the wrong way round.
    """
    if low > high:
        raise ValueError(f"low {low} is above high")
    if value < low:
        return low
    return high if value > high else value
'''


def test_a_documented_example_becomes_a_test_even_where_the_code_does_otherwise(tmp_path: Path) -> None:
    source = 'def parse(text):\n    """Split.\n\n    >>> parse("")\n    []\n    """\n    return None\n'
    (found, *_) = candidates(tmp_path, source, "parse")
    assert found.imports == ("from words import parse",)
    assert found.code == (
        'def test_parse_of_empty_text():\n    """The docstring of the function says so by example."""\n'
        '    assert parse("") == []\n'
    )
    assert (found.origin, found.expectation) == (Origin.DOCUMENTED, Expectation.DOCSTRING)
    assert found.quote == '>>> parse("") []'


def test_a_documented_exception_and_what_it_needs_are_imported(tmp_path: Path) -> None:
    source = (
        'import json\nclass Odd(Exception): ...\ndef parse(text):\n    """Split.\n\n    >>> from json import dumps\n'
        "    >>> wrong = dumps(None)\n    >>> parse(wrong)\n    Traceback (most recent call last):\n    words.Odd: x\n"
        '    """\n    raise Odd(text)\n'
    )
    found = candidates(tmp_path, source, "parse")
    assert found[0].imports == (
        "import pytest",
        "from json import dumps",
        "from words import parse",
        "from words import Odd",
    )
    assert "    wrong = dumps(None)\n    with pytest.raises(Odd):\n        parse(wrong)\n" in found[0].code
    assert passed(tmp_path, found)


def test_an_example_with_names_that_nobody_knows_is_left_out(tmp_path: Path) -> None:
    source = 'def parse(text):\n    """Split.\n\n    >>> parse(unknown)\n    []\n    """\n    return object()\n'
    assert candidates(tmp_path, source, "parse") == ()


def test_values_at_the_boundaries_of_the_code_are_seen_and_pinned(tmp_path: Path) -> None:
    source = "def grade(score):\n    if score >= 90:\n        return 'A'\n    return 'B'\n"
    (found,) = candidates(tmp_path, source, "grade")
    for row in ('(90, "A")', '(89, "B")', '(91, "A")'):
        assert row in found.code
    assert (found.name, found.origin, found.expectation) == ("test_grade_by_score", Origin.OBSERVED, Expectation.CODE)
    assert passed(tmp_path, (found,))


def test_what_was_seen_is_pinned_only_where_that_is_wanted(tmp_path: Path) -> None:
    (tmp_path / "words.py").write_text(CLAMP)
    lab = BarePytestRunner(tmp_path)
    found = written([FunctionTarget("words.py", "clamp", "words")], evidence(CLAMP), lab)
    assert Origin.OBSERVED not in {each.origin for each in found}
    assert lab.probed == []


def test_exceptions_of_one_type_with_other_messages_are_pinned_apart(tmp_path: Path) -> None:
    source = (
        "def size(n: int) -> int:\n    if n < 0:\n        raise ValueError(f'{n} is below nothing')\n"
        "    if n > 9:\n        raise ValueError('that is too many')\n    return n\n"
    )
    found = candidates(tmp_path, source, "size")
    raising = [each.code for each in found if "pytest.raises" in each.code]
    assert len(raising) == 2
    assert [('match="is below nothing"' in code, 'match="that is too many"' in code) for code in raising] == [
        (True, False),
        (False, True),
    ]
    assert all("size(-1)" in code or "-1," in code for code in raising[:1])
    assert passed(tmp_path, found)


def test_an_exception_that_is_meant_is_pinned_with_the_stable_part_of_its_message(tmp_path: Path) -> None:
    found = candidates(tmp_path, CLAMP, "clamp")
    (raising,) = [each for each in found if "pytest.raises" in each.code]
    assert 'pytest.raises(ValueError, match="is above high")' in raising.code
    assert (raising.name, raising.expectation) == ("test_clamp_raises_value_error", Expectation.DOCSTRING)
    assert raising.quote == "ValueError: when the limits are the wrong way round."
    assert passed(tmp_path, found)


def test_an_exception_that_nobody_raises_on_purpose_is_not_pinned(tmp_path: Path) -> None:
    assert candidates(tmp_path, "def first(items: list[int]):\n    return {}[0]\n", "first") == ()


def test_what_differs_from_one_process_to_the_next_is_not_pinned(tmp_path: Path) -> None:
    source = (
        "import os\ndef pick(n: int):\n    return hash(str(n)) + os.getpid()\ndef made(n: int):\n    return object()\n"
    )
    assert candidates(tmp_path, source, "pick", "made") == ()


def test_what_others_call_it_with_comes_first(tmp_path: Path) -> None:
    source = "def join(first, second, sep=None):\n    return f'{first}{sep}{second}'\n"
    tests = "def test_join():\n    assert join('Ada', second='L', sep='-') == 'Ada-L'\n    join(*x)\n    join(y)\n"
    assert candidates(tmp_path, source, "join") == ()
    source = "def join(first: str, second: str, sep: str = ' '):\n    return f'{first}{sep}{second}'\n"
    (found,) = candidates(tmp_path, source, "join", tests=tests)
    assert '        ("Ada", "L", "-", "Ada-L"),\n' in found.code


def test_methods_properties_generators_and_coroutines_are_called_as_they_have_to_be(tmp_path: Path) -> None:
    source = """
import dataclasses
@dataclasses.dataclass
class Money:
    amount: int
    currency: str = "EUR"
    @property
    def text(self) -> str:
        return f"{self.amount} {self.currency}"
    def add(self, other: int) -> int:
        return self.amount + other
    @classmethod
    def rate(cls, code: str) -> int:
        return len(code)
class Bag:
    def __init__(self, things: list[str]) -> None:
        self.things = things
    def size(self) -> int:
        return len(self.things)
class Needs:
    def __init__(self, other: Bag) -> None: ...
    def size(self) -> int:
        return 1
def count(n: int):
    yield from range(n)
async def later(n: int) -> int:
    return n + 1
"""
    names = ("Money.text", "Money.add", "Money.rate", "Bag.size", "Needs.size", "count", "later", "Money.__init__")
    found = candidates(tmp_path, source, *names)
    asserted = {each.function: each.code.strip().rpartition("\n")[2].strip() for each in found}
    assert asserted == {
        "Money.text": 'assert Money(amount=2).text == "2 EUR"',
        "Money.add": "assert Money(amount=2).add(other) == expected",
        "Money.rate": "assert Money.rate(code) == expected",
        "Bag.size": 'assert Bag(["a", "A b"]).size() == 2',
        "count": "assert list(count(n)) == expected",
        "later": "assert asyncio.run(later(n)) == expected",
    }
    assert passed(tmp_path, found)


def test_a_row_that_goes_against_what_is_documented_is_left_out_of_what_was_seen(tmp_path: Path) -> None:
    source = (
        "def total(items: list[int]):\n    if not items:\n        return None  # BUG: nobody wants this\n"
        "    return sum(items)\n"
    )
    (found,) = candidates(tmp_path, source, "total")
    assert "None" not in found.code
    assert "([2], 2)" in found.code or "([1], 1)" in found.code


def test_what_is_done_to_places_of_the_file_system_is_not_tried(tmp_path: Path) -> None:
    lab = BarePytestRunner(tmp_path)
    source = "def wipe(path: str, text: str):\n    return 1\ndef load(file_name: str):\n    return 2\n"
    assert candidates(tmp_path, source, "wipe", "load", lab=lab) == ()
    assert lab.probed == []


def test_a_procedure_has_nothing_to_be_pinned(tmp_path: Path) -> None:
    assert candidates(tmp_path, "def show(n: int) -> None:\n    print(n)\n", "show") == ()


def test_names_of_the_function_do_not_hide_those_of_the_test(tmp_path: Path) -> None:
    source = "def pick(pick: int, request: int, expected: int) -> int:\n    return pick + request * expected\n"
    found = candidates(tmp_path, source, "pick")
    assert "pick(pick_, request_, expected_)" in found[0].code
    assert passed(tmp_path, found)


def test_existing_tests_that_are_annotated_make_the_new_ones_so(tmp_path: Path) -> None:
    (found,) = candidates(
        tmp_path, "def twice(n: int) -> int:\n    return n * 2\n", "twice", tests="def test_a() -> None:\n"
    )
    assert "def test_twice_by_n(n: int, expected: object) -> None:\n" in found.code


def test_at_most_so_many_are_written_the_documented_first(tmp_path: Path) -> None:
    source = CLAMP + 'def half(n: int) -> int:\n    """Halve.\n\n    >>> half(4)\n    2\n    """\n    return n // 2\n'
    lab = BarePytestRunner(tmp_path)
    (found,) = candidates(tmp_path, source, "clamp", "half", most=1, lab=lab)
    assert found.origin is Origin.DOCUMENTED
    assert lab.probed == []


def test_the_same_evidence_gives_the_same_candidates(tmp_path: Path) -> None:
    assert candidates(tmp_path, CLAMP, "clamp") == candidates(tmp_path, CLAMP, "clamp")


@pytest.mark.parametrize("source", ["", "def f(:", "\0", "x = 1", "def f(n: int): ...\nf = None", "class f: ..."])
def test_a_text_without_the_function_gives_nothing(tmp_path: Path, source: str) -> None:
    lab = BarePytestRunner(tmp_path)
    targets = [
        FunctionTarget("words.py", "f", "words"),
        FunctionTarget("words.py", "a.b.c", "words"),
        FunctionTarget("no.py", "f", ""),
    ]
    assert written(targets, evidence(source), lab) == ()


def test_without_time_nothing_is_run(tmp_path: Path) -> None:
    lab = BarePytestRunner(tmp_path, seconds_left=4)
    assert candidates(tmp_path, CLAMP, "clamp", lab=lab) == ()
    assert (lab.probed, lab.ghostwritten_modules) == ([], [])
