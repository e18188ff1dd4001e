import ast
import json
import tomllib
from dataclasses import replace
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from cicd_agent.analysis.rules.run import findings
from cicd_agent.domain.finding import Category, Finding, Location, Severity
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.diff import Side
from cicd_agent.modes.review.suggestion import MAX_LINES, MAX_TRIALS, Trial, Trials, fixes, prove_suggestions, why_shown
from tests.support.samples.changes import change_of

APP = "import os\n\n\ndef go(name):\n    os.system(name)\n    return name\n"
BASE = "import os\n"


def changed(after: str, path: str = "app.py", before: str | None = None) -> Change:
    return change_of((path, before, after))


def found(suggestion: str, line: int = 5, start: int = 0, path: str = "app.py", **fields: Any) -> Finding:
    where = Location(path, line, start)
    given_fields = {"location": where, "suggestion": suggestion, **fields}
    return Finding("shell", "a shell", "why", Severity.HIGH, Category.SECURITY, **given_fields)


def tried(finding: Finding, change: Change | None = None) -> Trial:
    return Trials(change or changed(APP, finding.location.path)).of(finding)


def test_a_suggestion_that_parses_is_offered_as_it_is() -> None:
    trial = tried(found("    run([name])"))
    assert (trial.text, trial.reason) == ("    run([name])", "")
    assert trial.patched == APP.replace("os.system(name)", "run([name])")


@pytest.mark.parametrize(
    ("finding", "why"),
    [
        (found("    run([name)"), "the file would not parse"),
        (found("    os.system(name)"), "it changes nothing"),
        (found("   "), "it holds nothing"),
        (found("  run([name])"), "its indentation is not clear"),
        (found("if name:\n        run()"), "its indentation is not clear"),
        (found("    run()\n" * (MAX_LINES + 1)), f"it is longer than {MAX_LINES} lines"),
        (found("    run('\u202e')"), "it holds a secret or hidden characters"),
        (found("    run('ghp_" + "a1B2c3D4e5F6" * 3 + "')"), "it holds a secret or hidden characters"),
        (found("    run()\n    return name"), "it repeats a line beside its own"),
        (found("x = 1", line=0), "it is not about lines of the new version"),
        (found("x = 1", line=99), "its lines are not one piece of the diff"),
        (found("x = 1", location=Location("app.py", 1, side=Side.LEFT)), "it is not about lines of the new version"),
        (found("x = 1", path="app.go"), "this kind of file cannot be checked"),
        (found("x = 1", location=Location("b.py", 1)), "the whole file is not known"),
        (found("# coding: latin-1", line=1), "the file would not parse"),
    ],
)
def test_what_cannot_be_proved_is_not_offered(finding: Finding, why: str) -> None:
    change = changed(APP, finding.location.path if finding.location.path != "b.py" else "app.py")
    assert tried(finding, change) == Trial(reason=why)
    assert why_shown(finding, change) == why


@pytest.mark.parametrize(
    ("suggestion", "text"),
    [
        ("run([name])", "    run([name])"),
        ("if name:\n    run([name])", "    if name:\n        run([name])"),
        ("run(\n        [name],\n    )\n    stop()", "    run(\n        [name],\n    )\n    stop()"),
        ("if name:\n        run()", None),
    ],
)
def test_dropped_indentation_is_put_back_where_it_can_mean_one_thing_only(suggestion: str, text: str | None) -> None:
    assert tried(found(suggestion)).text == (text or "")


def test_a_file_that_does_not_parse_as_it_is_proves_nothing() -> None:
    assert tried(found("    run()"), changed(APP + "def\n")).reason == "the file does not parse as it is"


def test_line_ends_stay_what_they_are() -> None:
    change = changed(APP.replace("\n", "\r\n"))
    trial = tried(found("    a()\n    b()"), change)
    assert trial.patched == APP.replace("os.system(name)", "a()\n    b()").replace("\n", "\r\n")
    mixed = changed(APP.replace("\n", "\r\n", 1))
    assert tried(found("    a()"), mixed).reason == "the file mixes line ends"


def test_a_file_without_a_last_line_end_gets_none() -> None:
    assert tried(found("y = 2", line=1), changed("x = 1")).patched == "y = 2"


def test_lines_of_two_hunks_or_of_another_text_are_not_replaced() -> None:
    before = "".join(f"a{number} = 1\n" for number in range(40))
    after = before.replace("a2 =", "b2 =").replace("a30 =", "b30 =")
    far = changed(after, before=before)
    assert tried(found("x = 1", line=31, start=3), far).reason == "its lines are not one piece of the diff"
    other = replace(changed(APP), texts={"app.py": APP.replace("os.system", "os.popen")})
    assert tried(found("    run()"), other).reason == "its lines are not one piece of the diff"


def test_a_link_is_no_file_to_patch() -> None:
    change = changed("x = 1\n")
    [file] = change.files
    link = replace(change, files=(replace(file, new_mode="120000"),))
    assert tried(found("y = 1", line=1), link).reason == "it is not a regular file"


@pytest.mark.parametrize(
    ("path", "text", "good", "bad"),
    [
        ("a.json", '{\n  "a": 1\n}\n', '  "a": 2', '  "a": NaN'),
        ("a.yml", "on:\n  push: 1\n", "  push: 2", "  push: ["),
        ("a.toml", "[a]\nb = 1\n", "b = 2", "b ="),
        ("a.yml", "on:\n  push: 1\n", "  push: {}", f"  push: {'[' * 5_000}{']' * 5_000}"),
        ("a.json", '{\n  "a": 1\n}\n', '  "a": []', f'  "a": {"[" * 90_000}{"]" * 90_000}'),
        ("a.toml", "[a]\nb = 1\n", "b = []", f"b = {'[' * 5_000}{']' * 5_000}"),
        ("a.py", "a = 1\nb = 1\n", "b = 2", "b = " + "(" * 5_000 + ")" * 5_000),
    ],
)
def test_each_kind_of_file_has_its_parser(path: str, text: str, good: str, bad: str) -> None:
    change = changed(text, path)
    assert tried(found(good, line=2, path=path), change).text == good
    assert tried(found(bad, line=2, path=path), change).reason == "the file would not parse"


def test_a_model_that_quotes_part_of_a_line_replaces_nothing() -> None:
    claim = replace(found("    run()"), id="model", origin=replace(found("")).origin.MODEL)
    change = changed(APP)
    [shown] = prove_suggestions([claim], change, ())
    assert not shown.committable
    [offered] = prove_suggestions([claim], change, {(claim.location, claim.suggestion)})
    assert offered.committable


def test_only_so_many_suggestions_are_tried() -> None:
    change = changed("x = 1\n" * (MAX_TRIALS + 5))
    judged = prove_suggestions([found("y = 1", line=number + 1) for number in range(MAX_TRIALS + 5)], change, ())
    assert sum(finding.committable for finding in judged) == MAX_TRIALS


def test_fixes_are_put_together_where_they_do_not_meet() -> None:
    change = changed(APP)
    worst = found("    a()\n    b()", committable=True)
    same = found("    c()", line=6, start=5, committable=True)
    later = found("    return 1", line=6, committable=True)
    first = found("import sys", line=1, committable=True)
    shown_only = found("    run(", line=6)
    [fix], left = fixes([worst, same, later, first, shown_only], change)
    assert fix.findings == (worst, later, first)
    assert fix.before == APP
    assert fix.after == "import sys\n\n\ndef go(name):\n    a()\n    b()\n    return 1\n"
    assert left == [(same, "a worse finding changes the same lines"), (shown_only, "the file would not parse")]


SAMPLES = {
    "a.py": "def f(a):\n    if a:\n        return [\n            1,\n        ]\n    return None\n",
    "a.json": '{\n  "a": [\n    1,\n    2\n  ],\n  "b": {}\n}\n',
    "a.yaml": "a:\n  - b: 1\n    c: 2\n  - d\ne: |\n  text\n",
    "a.toml": '[a]\nb = [\n  1,\n]\nc = "x"\n',
}
PIECES = [
    "return 1",
    "if a:",
    "1,",
    "]",
    "}",
    "{",
    '"a": 1',
    "- b: 2",
    "  - x",
    "c = 1",
    "[d]",
    "'''",
    "#",
    "",
    "\t",
    "a: [",
    "\\",
]


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_whatever_is_offered_parses_and_changes_its_own_lines_only(data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(sorted(SAMPLES)))
    end = data.draw(st.sampled_from(["\n", "\r\n"]))
    text = SAMPLES[path].replace("\n", end)
    count = SAMPLES[path].count("\n")
    first = data.draw(st.integers(1, count))
    last = data.draw(st.integers(first, count))
    pieces = st.tuples(st.sampled_from(["", "  ", "    ", "        "]), st.sampled_from(PIECES) | st.text(max_size=6))
    new = "\n".join(indent + piece for indent, piece in data.draw(st.lists(pieces, min_size=1, max_size=4)))
    trial = tried(found(new, line=last, start=first if first < last else 0, path=path), changed(text, path))
    if not trial.text:
        assert trial.reason
        return
    lines = text.split(end)
    assert trial.patched == end.join([*lines[: first - 1], *trial.text.split("\n"), *lines[last:]])
    match path.partition(".")[2]:
        case "py":
            ast.parse(trial.patched)
        case "json":
            json.loads(trial.patched)
        case "yaml":
            list(yaml.compose_all(trial.patched, yaml.SafeLoader))
        case _:
            tomllib.loads(trial.patched)


@pytest.mark.parametrize(
    ("line", "suggestion"),
    [
        ("a = yaml.load(text)", "a = yaml.safe_load(text)"),
        ("a = yaml.unsafe_load_all(text)", "a = yaml.safe_load_all(text)"),
        ("a = requests.get(u, verify=False, timeout=5)", "a = requests.get(u, verify=True, timeout=5)"),
        ("a = yaml.load(text, yaml.Loader)", ""),
        ("a = yaml.load(text, 'é')", ""),
        ("a = yaml.load(  # é", ""),
    ],
)
def test_a_rule_suggests_only_what_stands_on_its_line_and_is_plainly_right(line: str, suggestion: str) -> None:
    closing = "" if line.endswith(")") else "\n    text\n)"
    change = changed(f"import requests\nimport yaml\n\n{line}{closing}\n")
    judged = [finding for finding in prove_suggestions(findings(change), change, ()) if finding.location.line == 4]
    assert [finding.suggestion for finding in judged if finding.suggestion] == ([suggestion] if suggestion else [])
    assert all(finding.committable == bool(suggestion) for finding in judged)
