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
