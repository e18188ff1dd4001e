"""Where the log and the change meet, told with what each says of the fault."""

from dataclasses import replace
from typing import Any

import pytest

from cicd_agent.analysis.logs.extract import ExtractLine, Frame, Kind
from cicd_agent.analysis.test_reports.cases import Case, Outcome
from cicd_agent.domain.repository.change import Change
from cicd_agent.modes.analyse_failure.attribution.overlap import GONE, IMPORTED, NAMED_LIKE, Changed, find_overlaps
from cicd_agent.modes.analyse_failure.evidence import FailedRun
from cicd_agent.modes.analyse_failure.groups import groups
from cicd_agent.modes.analyse_failure.result import Overlap
from tests.modes.analyse_failure.builders import (
    CLIENT,
    PATHS,
    candidate,
    change,
    change_text,
    extract,
    failed_run,
    job,
    problem,
)
from tests.support.samples.changes import change_of


def met(failed: FailedRun, of: Change | None) -> tuple[Overlap, ...]:
    return find_overlaps(failed, groups(failed)[0], Changed(of, failed.candidates, failed.imports))


def test_the_line_itself_its_file_and_what_it_imports_in_this_order() -> None:
    both = problem(frames=(Frame("src/client.py", 3), Frame("tests/test_client.py", 57)))
    found = met(failed_run(job(both)), change("src/codec.py", "src/client.py", "tests/test_client.py"))
    assert [(each.path, each.line, each.via, each.exact) for each in found] == [
        ("src/client.py", 3, "", True),
        ("tests/test_client.py", 57, "", False),
        ("src/codec.py", 0, "src/client.py", False),
    ]
    assert [each.strength for each in found] == sorted((each.strength for each in found), reverse=True)


def test_a_file_is_met_under_the_name_that_it_had() -> None:
    moved = change_of(("src/client.py", CLIENT, CLIENT + "\n"), paths=PATHS)
    renamed = replace(moved, files=(replace(moved.files[0], path="src/http.py", old_path="src/client.py"),))
    assert [each.path for each in met(failed_run(), renamed)] == ["src/client.py"]


def test_what_the_failure_names_weighs_more_than_what_only_lies_in_reach() -> None:
    imports = {"tests/test_client.py": ("src/client.py", "src/codec.py"), "src/client.py": (), "src/codec.py": ()}
    changed = change_of(
        ("src/codec.py", "def read():\n    return 1\n", "def read():\n    return 2\n"),
        ("src/client.py", "def retry_limit():\n    return 3\n", "def retry_limit():\n    return 5\n"),
        paths=PATHS,
    )
    found = met(failed_run(imports=imports), changed)
    assert [each.path for each in found] == ["src/client.py", "src/codec.py"]
    assert found[1].strength == IMPORTED < found[0].strength


def test_where_no_import_is_known_a_test_leads_to_its_namesake() -> None:
    found = met(failed_run(imports={}), change("src/client.py", "src/codec.py"))
    assert [(each.path, each.strength) for each in found] == [("src/client.py", NAMED_LIKE)]


def test_the_file_of_a_reports_case_is_a_place_as_well() -> None:
    case = Case("test_retry_limit", "Client", Outcome.FAILED, "/home/runner/work/r/r/tests/test_client.py", 2)
    found = met(failed_run(jobs=(), cases=(case,)), change("tests/test_client.py"))
    assert [(each.path, each.exact) for each in found] == [("tests/test_client.py", True)]


def test_a_linters_own_place_is_met() -> None:
    complaint = problem(
        tool="ruff", kind=Kind.LINT_ERROR, test="", text="src/client.py:3:5: F841", frames=(Frame("src/client.py", 3),)
    )
    (found,) = met(failed_run(job(complaint)), change("src/client.py"))
    assert found.exact


def test_a_linters_configuration_is_met_by_what_it_complains_of() -> None:
    complaint = problem(tool="ruff", kind=Kind.LINT_ERROR, test="", frames=(Frame("src/codec.py", 3),))
    (found,) = met(failed_run(job(complaint)), change(".flake8"))
    assert found.path == ".flake8"


def test_a_lock_file_is_met_by_an_installer_that_complains_of_it() -> None:
    complaint = problem(
        tool="npm",
        kind=Kind.DEPENDENCY,
        test="",
        frames=(),
        text="npm error `npm ci` can only install when your package.json and package-lock.json are in sync",
    )
    (found,) = met(failed_run(job(complaint)), change("package-lock.json"))
    assert found.strength == 0.75


def test_a_workflow_is_not_met_by_a_failure_that_has_nothing_to_do_with_it() -> None:
    assert met(failed_run(), change(".github/workflows/release.yml")) == ()


def test_a_meeting_names_the_commit_that_is_the_only_one_there() -> None:
    inner = problem(frames=(Frame("src/client.py", 3), Frame("tests/test_client.py", 57)))
    commits = (
        candidate("1", {"src/client.py": ((1, 2),)}),
        candidate("2", {"src/client.py": ((3, 4),), "src/codec.py": None}),
    )
    found = met(failed_run(job(inner), candidates=commits), change("src/client.py", "src/codec.py"))
    assert {each.path: each.sha[:1] for each in found} == {"src/client.py": "2", "src/codec.py": "2"}


def test_only_wrappers_lead_nowhere_far() -> None:
    workflow = change_text(".github/workflows/ci.yml", "- run: pytest -q\n", "- run: pytest\n")
    (found,) = met(failed_run(job()), workflow)
    assert found.strength < 0.6


def test_nothing_is_met_without_a_change() -> None:
    assert met(failed_run(), None) == ()


def test_a_function_that_was_changed_weighs_more_than_another_of_the_same_file() -> None:
    before = "def retry():\n    limit = 3\n    return limit\n\n\ndef other():\n    return 1\n"
    in_retry = problem(frames=(Frame("src/client.py", 3),), test="", text="E  TypeError: no such thing")
    same = met(failed_run(job(in_retry)), change_text("src/client.py", before, before.replace("= 3", "= 5")))
    apart = met(failed_run(job(in_retry)), change_text("src/client.py", before, before.replace("return 1", "return 2")))
    assert [each.strength for each in (*same, *apart)] == [0.9, 0.75]


HANDLED = "def serve(path):\n    return path\n"


def silent(message: str, test: str, **fields: Any) -> FailedRun:
    """A failure of which no frame says anything."""
    return failed_run(job(problem(text=message, test=test, frames=(), **fields)), imports={})


def test_a_changed_comment_weighs_nothing_beside_a_changed_line() -> None:
    imports = {"tests/test_client.py": ("src/client.py", "src/codec.py"), "src/client.py": (), "src/codec.py": ()}
    commented = change_of(
        ("src/client.py", CLIENT, f"# Said anew.\n{CLIENT}"),
        ("src/codec.py", HANDLED, HANDLED.replace("return path", "return 1")),
        paths=PATHS,
    )
    assert [each.path for each in met(failed_run(imports=imports), commented)] == ["src/codec.py"]


def test_a_linter_may_mean_a_comment() -> None:
    commented = change_text("src/client.py", CLIENT, f"# Said anew.\n{CLIENT}")
    lint = problem(kind=Kind.LINT_ERROR, test="", tool="ruff", frames=(Frame("src/client.py", 1),))
    assert [each.exact for each in met(failed_run(job(lint)), commented)] == [True]


def test_a_name_that_was_taken_away_points_at_the_file_that_had_it() -> None:
    gone = change_of(
        ("src/codec.py", f"{HANDLED}\n\ndef decode():\n    return 1\n", HANDLED), ("src/x.py", "a=1\n", "a=2\n")
    )
    failed = silent("ImportError: cannot import name 'decode' from 'codec'", "")
    assert [(each.path, each.strength, each.named) for each in met(failed, gone)] == [
        ("src/codec.py", round(GONE + 0.08, 3), ("decode",))
    ]


def test_a_line_beside_the_message_may_name_what_was_taken_away() -> None:
    read = extract(problem(test="", text="test failed", frames=()))
    beside = ExtractLine(37, "SyntaxError: the module does not provide an export named 'decode'", 0.5)
    failed = failed_run(job(extract=replace(read, kept=(beside, *read.kept)), places=()), imports={})
    gone = change_of(("src/codec.py", f"{HANDLED}\n\ndef decode():\n    return 1\n", HANDLED))
    assert [(each.path, each.named) for each in met(failed, gone)] == [("src/codec.py", ("decode",))]


def test_a_file_that_was_taken_away_is_met_by_what_still_imports_it() -> None:
    gone = change_of(("src/codec.py", HANDLED, None), ("src/unrelated.py", "a = 1\n", "a = 2\n"), paths=PATHS)
    assert [each.path for each in met(failed_run(), gone)] == ["src/codec.py"]


@pytest.mark.parametrize(
    ("message", "test", "path"),
    [
        ("got nil", "TestRouteMatch", "src/router.go"),
        ("1 !== 2", "should format dates", "src/dates.js"),
        ("assert 1 == 2", "test_total", "src/sums.py"),
        ("parse_amount gave 3", "", "src/amounts.py"),
        ("something else", "test_other", ""),
    ],
)
def test_where_a_stack_is_silent_the_names_of_the_test_and_the_message_lead(message: str, test: str, path: str) -> None:
    changed = change_of(
        ("src/router.go", "func Match() int {\n\treturn 1\n}\n", "func Match() int {\n\treturn 2\n}\n"),
        ("src/dates.js", "function formatDate() {\n  return 1;\n}\n", "function formatDate() {\n  return 2;\n}\n"),
        ("src/sums.py", "def total():\n    return 1\n", "def total():\n    return 2\n"),
        ("src/amounts.py", "def parse_amount():\n    return 1\n", "def parse_amount():\n    return 2\n"),
    )
    assert [each.path for each in met(silent(message, test), changed)] == ([path] if path else [])


def test_names_lead_nowhere_where_it_is_known_what_the_test_uses() -> None:
    far = change_text("src/unrelated.py", "def retry_limit():\n    return 1\n", "def retry_limit():\n    return 2\n")
    assert met(failed_run(), far) == ()


def test_a_definition_that_came_beside_weighs_less_than_an_edit() -> None:
    imports = {"tests/test_client.py": ("src/client.py", "src/codec.py"), "src/client.py": (), "src/codec.py": ()}
    added = change_of(
        ("src/client.py", CLIENT, f"{CLIENT}\n\ndef other():\n    return 1\n"),
        ("src/codec.py", HANDLED, HANDLED.replace("return path", "return 1")),
        paths=PATHS,
    )
    assert [each.path for each in met(failed_run(imports=imports), added)] == ["src/codec.py", "src/client.py"]


def test_what_a_failing_test_calls_leads_to_the_file_that_defines_it() -> None:
    imports = {"tests/test_client.py": ("src/client.py", "src/codec.py"), "src/client.py": (), "src/codec.py": ()}
    changed = change_of(
        ("src/client.py", CLIENT, CLIENT.replace("limit = 5", "limit = 3")),
        ("src/codec.py", HANDLED, HANDLED.replace("return path", "return 1")),
        paths=PATHS,
    )
    failed = failed_run(
        job(problem(test="test_it")), imports=imports, called={"tests/test_client.py:57": ("serve", "path")}
    )
    assert [each.path for each in met(failed, changed)] == ["src/codec.py", "src/client.py"]
