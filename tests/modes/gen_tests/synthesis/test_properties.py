"""What the ghostwriter writes becomes a test where it asserts something, for projects that have Hypothesis."""

from pathlib import Path

from cicd_agent.domain.trials.candidate import Candidate, Expectation, Origin
from tests.modes.gen_tests.bare_test_runner import BarePytestRunner
from tests.modes.gen_tests.synthesis.test_writers import candidates, passed

SOURCE = '''
def encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")

def decode(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")

def slugify(title: str) -> str:
    """Twice is as good as once."""
    return "-".join(title.lower().split())

def size(text: str, fallback: int = 0) -> int:
    return len(text) or fallback

def strict(n: int) -> int:
    if n < 0:
        raise ValueError("below zero")
    return n

def vague(n: int):
    return n

def same(same: int) -> int:
    return same

def odd(thing, other) -> int:
    return 1
'''
NAMES = ("encode", "decode", "slugify", "size", "strict", "vague", "odd")


def properties(folder: Path, *functions: str) -> tuple[Candidate, ...]:
    lab = BarePytestRunner(folder, provides={"pytest": "8", "hypothesis": "6"})
    found = candidates(folder, SOURCE, *functions, lab=lab)
    return tuple(each for each in found if each.origin is Origin.PROPERTY)


def test_properties_are_asserted_and_run_alike_every_time(tmp_path: Path) -> None:
    found = properties(tmp_path, *NAMES)
    names = ["test_encode_is_undone", "test_slugify_is_idempotent", "test_size_has_its_type"]
    assert [each.name for each in found] == names
    assert found[0].imports == (
        "from hypothesis import given, settings",
        "from hypothesis import strategies as st",
        "from words import decode, encode",
    )
    assert found[0].code == (
        "@settings(derandomize=True, max_examples=50, deadline=2000)\n"
        "@given(text=st.text())\n"
        "def test_encode_is_undone(text):\n"
        '    """The one function undoes what the other does."""\n'
        "    value0 = encode(text=text)\n"
        "    value1 = decode(data=value0)\n"
        "    assert text == value1\n"
    )
    assert "    assert isinstance(result, int)\n" in found[2].code
    assert (found[2].expectation, found[2].quote) == (
        Expectation.TYPES,
        "def size(text: str, fallback: int = 0) -> int:",
    )
    assert passed(tmp_path, found)


def test_a_parameter_that_hides_the_function_leaves_nothing_to_call(tmp_path: Path) -> None:
    assert properties(tmp_path, "same") == ()


def test_a_project_without_hypothesis_gets_no_tests_that_need_it(tmp_path: Path) -> None:
    lab = BarePytestRunner(tmp_path)
    assert all(each.origin is Origin.OBSERVED for each in candidates(tmp_path, SOURCE, "size", lab=lab))
    assert lab.ghostwritten_modules == []
