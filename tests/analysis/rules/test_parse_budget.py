import sys

import pytest

from cicd_agent.analysis.rules.context import ChangeContext
from cicd_agent.analysis.rules.run import findings
from tests.support.samples.changes import change_of

VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
F_STRING = "x = f'" + "{a}" * 20_000 + "'\n"


@pytest.mark.parametrize(
    ("path", "before", "after", "reason"),
    [
        ("a.py", None, "x = 1\n", ""),
        ("a.py", None, F_STRING, "over the parse budget"),
        ("A.PY", None, F_STRING, "over the parse budget"),
        ("a.py", None, "x = " + "-" * 100_000 + "1\n", "over the parse budget"),
        ("a.py", None, "x = = 1\n", f"does not parse as Python {VERSION}"),
        ("a.py", "x = 1\ny = = 2\n", "y = = 2\n", f"does not parse as Python {VERSION}"),
        ("a.py", "x = = 1\n", None, ""),
        ("a.py", None, "\ufeffx = 1\n", ""),
        ("a.txt", None, "x = = 1\n", ""),
        (".github/workflows/a.yml", None, "on: push\n", ""),
        (".github/workflows/a.yml", None, "on: [\n", "does not parse as YAML within the parse budget"),
        (".github/workflows/a.yml", None, "[" * 500, "does not parse as YAML within the parse budget"),
        (".github/workflows/a.yml", "on: [\n", None, ""),
        ("values.yml", None, "on: [\n", ""),
    ],
)
def test_a_file_says_why_it_has_no_tree(path: str, before: str | None, after: str | None, reason: str) -> None:
    (file,) = ChangeContext(change_of((path, before, after))).files
    assert file.unparsed == reason
    assert not (reason and file.python)


@pytest.mark.parametrize("suffix", ["py", "pyw", "PY"])
def test_a_byte_order_mark_hides_no_call(suffix: str) -> None:
    found = findings(change_of((f"a.{suffix}", None, "\ufeffimport os\nos.system(a)\n")))
    assert [each.id for each in found if each.location.line == 2] == ["shell-injection"]


@pytest.mark.parametrize("flaw", ["x = = 1\n", "x = f'" + "{a}" * 20_000 + "'\n", "x;" * 100_000 + "\n"])
@pytest.mark.parametrize(
    ("line", "is_found"),
    [
        ("os.system(name)", True),
        ("subprocess.run(command, shell=True)", True),
        ("shell = True", True),
        ("eval(text)", True),
        ("exec(compile(text))", True),
        ("cPickle.loads(data)", True),
        ("yaml.load(text)", True),
        ("yaml.unsafe_load(text)", True),
        ("tempfile.mktemp()", True),
        ("# os.system(name)", False),
        ("yaml.load(text, Loader=yaml.SafeLoader)", False),
        ("yaml.safe_load(text)", False),
        ("cursor.exec(text)", False),
        ("eval('1 + 1')", False),
        ("subprocess.run(command, shell=False)", False),
    ],
)
def test_dangerous_calls_are_found_where_python_cannot_be_parsed(flaw: str, line: str, *, is_found: bool) -> None:
    found = [each for each in findings(change_of(("a.py", None, f"{line}\n{flaw}"))) if each.id == "unparsed-python"]
    assert [each.location.line for each in found] == [1] * is_found
    assert not [each for each in findings(change_of(("a.py", None, f"{line}\n"))) if each.id == "unparsed-python"]
    assert not findings(change_of(("tests/test_a.py", None, f"{line}\n{flaw}")))
