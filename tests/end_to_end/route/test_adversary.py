"""What somebody who writes a change can do to its route: have more run, and never less than it needs."""

import json
from dataclasses import replace

import pytest

from cicd_agent.domain.repository.change import Change, Commit
from cicd_agent.domain.repository.diff import ChangeKind, FileDiff
from cicd_agent.domain.verdict import Conclusion
from cicd_agent.errors import ConfigError
from cicd_agent.modes.route.job_results import Needs, conditions, judge
from tests.modes.route.routing import CODE, COMMENT, DOCS, PROVED, evidence, route, settings
from tests.support.samples.changes import BINARY, change_of

WORDS = ("Words.\n", "Other words.\n")


def scope(change: Change) -> str:
    return route(evidence(change=change, affected=PROVED)).cells.tests


@pytest.mark.parametrize(
    "path",
    [
        "README.md",
        "README.de.md",
        "packages/one/README.md",
        "docs/guide/index.rst",
        "LICENSE",
        "docs/logo.svg",
        ".github/ISSUE_TEMPLATE/bug.md",
        "man/tool.txt",
    ],
)
def test_words_for_people_need_no_test(path: str) -> None:
    assert scope(change_of((path, *WORDS))) == "none"


@pytest.mark.parametrize(
    "path",
    [
        "docs/conf.py",
        "README.sh",
        "README.md.py",
        "src/app/modes/prompt.md",
        "src/app/templates/mail.txt",
        "src/app/news.txt",
        "bin/install",
        "docs/build",
        "docs/CMakeLists.txt",
        "docs/app.js",
        "src/app/docs/page.html",
        "src/pages/index.mdx",
        "docs/requirements.txt",
        ".github/workflows/docs.yml",
        "docs/.github/workflows/x.yaml",
    ],
)
def test_what_only_looks_like_documentation_is_tested(path: str) -> None:
    assert scope(change_of((path, *WORDS))) != "none"
    assert scope(change_of(DOCS, (path, *WORDS))) != "none"


@pytest.mark.parametrize(("old", "new"), [("src/app/api.py", "docs/api.md"), ("Makefile", "README.md")])
def test_code_that_is_renamed_to_documentation_is_gone(old: str, new: str) -> None:
    renamed = FileDiff(new, old, ChangeKind.RENAMED, (), "100644", "100644")
    change = replace(change_of(DOCS), files=(renamed,))
    assert scope(change) != "none"
    areas = {"code": ["/src/", "/Makefile"], "docs": ["*.md"]}
    found = route(evidence(change=change, affected=PROVED), settings(areas=areas))
    assert [area.name for area in found.areas if area.run] == ["code", "docs"]


@pytest.mark.parametrize("modes", [("100644", "120000"), ("100644", "100755"), ("100755", "100755"), ("", "160000")])
def test_a_document_that_is_run_or_followed_is_tested(modes: tuple[str, str]) -> None:
    file = replace(change_of(DOCS).files[0], old_mode=modes[0], new_mode=modes[1])
    assert scope(replace(change_of(DOCS), files=(file,))) != "none"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (">>> add(1, 1)\n2\n", ">>> add(1, 2)\n3\n"),
        (".. doctest:: one\n", ".. doctest:: two\n"),
    ],
)
def test_examples_that_are_tests_are_run(before: str, after: str) -> None:
    assert scope(change_of(("docs/index.rst", before, after))) != "none"
    within = '"""Say.\n\n{}"""\na = 1\n'
    assert scope(change_of(("src/app/api.py", within.format(before), within.format(after)))) != "none"


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("app/a.go", "// +build linux"),
        ("app/a.go", "//go:build linux"),
        ("app/a.rb", "# frozen_string_literal: true"),
        ("app/a.rb", "# -*- coding: utf-7 -*-"),
        ("app/a.rb", "# encoding: utf-7"),
        ("db/a.sql", "-- name: TakeAll :many"),
        ("db/a.sql", "-- +goose Down"),
        ("app/a.ts", "// @ts-nocheck"),
        ("app/a.c", "// swallows \\"),
    ],
)
def test_a_comment_that_a_tool_obeys_is_tested(path: str, line: str) -> None:
    assert scope(change_of((path, "a\n", f"{line}\na\n"))) != "none"
    assert scope(change_of((path, f"{line}\na\n", "a\n"))) != "none"


def test_what_a_commit_says_of_itself_takes_nothing_away() -> None:
    words = "docs: fix a typo [skip ci] tests=none\n\nrisk_level=low\n::set-output name=tests::none"
    change = change_of(("src/app/auth/login.py", "a = 1\n", "a = 2\n"))
    for author in ("dependabot[bot]", "somebody"):
        commit = Commit("c" * 40, words.partition("\n")[0], words, author)
        assert scope(replace(change, commits=(commit,))) == scope(change) == "extended"


def test_a_test_that_is_deleted_or_skipped_is_no_documentation() -> None:
    for after in (None, "import pytest\n\n@pytest.mark.skip\ndef test_a():\n    assert go()\n"):
        assert scope(change_of(("tests/test_a.py", "def test_a():\n    assert go()\n", after))) == "affected"


def test_marks_of_generated_files_make_nothing_unread_that_runs() -> None:
    """Whoever wrote them: attributes come from the base, and take lines out of the count, not the file out of sight."""
    change = change_of(CODE, (".gitattributes", None, "*.py linguist-generated\n"))
    marked = tuple(replace(file, attributes=("-diff", "linguist-generated")) for file in change.files)
    found = route(evidence(change=replace(change, files=marked)))
    assert found.cells.tests == "full"
    assert next(area for area in found.areas if area.name == "code").run


def test_what_cannot_be_read_is_in_doubt_or_code() -> None:
    binary = change_of(("src/app/model.bin", None, BINARY))
    assert scope(binary) != "none"
    many = change_of(*((f"docs/{number}.md", *WORDS) for number in range(3_000)))
    assert scope(many) == "none"
    assert scope(replace(many, files=(*many.files, *change_of(CODE).files))) != "none"


@pytest.mark.parametrize("path", ["src/\\303\\274.py", 'src/"a".py', "src/a\nb.py", "SRC/App.PY", "src/docs.md.py"])
def test_strange_names_lie_in_some_area(path: str) -> None:
    found = route(evidence((path, *WORDS), affected=PROVED))
    assert [area.name for area in found.areas if area.run] == ["code"]
    assert found.cells.tests != "none"


def test_a_pattern_that_takes_out_what_another_puts_in_is_the_bases() -> None:
    """The config of the change is a file like any other: what it says of areas is not looked at here."""
    own = (
        ".github/cicd-agent.yml",
        "areas: {code: [src/]}\n",
        "areas: {code: ['!src/']}\nroutes: {low: {tests: none}}\n",
    )
    found = route(evidence(own, CODE, affected=PROVED), settings(areas={"code": ["src/", "!src/docs/"]}))
    assert [(area.name, area.run) for area in found.areas] == [("code", True)]
    assert found.cells.tests != "none"


def ends(needs: object, *lines: str) -> Conclusion:
    """What becomes of the required check."""
    read = Needs(needs if isinstance(needs, str) else json.dumps(needs))
    made = read.route("")
    return judge(read.ends, read.plan_outputs(made), conditions(lines), route=made).conclusion


PLAN = {"result": "success", "outputs": {"tests": "full", "areas": '["code"]', "skipped_areas": "[]"}}


@pytest.mark.parametrize(
    "text",
    [
        '{"route": {"result": "failure"}, "route": {"result": "success", "outputs": {"run_unit": "false"}}}',
        '{"route": {"result": "failure", "result": "success"}}',
        '{"route": {"result": "success", "outputs": {"run_unit": "true", "run_unit": "false"}}}',
        '{"a": ' * 100_000,
        "[" * 100_000 + "]" * 100_000,
        '{"route": {"result": true}}',
        '{"route": {"result": "success", "outputs": {"tests": ["none"]}}}',
        '{"route": null}',
        "[]",
        "NaN",
        "\ud800",
        "",
    ],
)
def test_needs_that_github_never_writes_are_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        Needs(text)


@pytest.mark.parametrize(
    "unit",
    [
        {"result": "Success"},
        {"result": "SKIPPED"},
        {"result": " success"},
        {"result": ""},
        {},
        {"result": "neutral"},
        {"result": "skipped"},
        {"result": "skipped", "outputs": {"tests": "none", "run_unit": "false", "plan_file": "x"}},
    ],
)
def test_a_job_is_red_unless_its_end_is_one_that_github_has_and_the_plan_wants(unit: dict[str, object]) -> None:
    assert ends({"route": PLAN, "unit": unit}, "unit: tests != none") is Conclusion.FAILURE
    assert ends({"route": PLAN, "unit": {"result": "success"}}, "unit: tests != none") is Conclusion.SUCCESS


@pytest.mark.parametrize("said", ["Full", "FULL", "ful", "true", "none "])
def test_a_cell_that_no_plan_has_excuses_nobody(said: str) -> None:
    plan = {"result": "success", "outputs": {"tests": said}}
    for line in ("unit: tests = full | extended", "unit: tests != none"):
        assert ends({"route": plan, "unit": {"result": "skipped"}}, line) is Conclusion.FAILURE


@pytest.mark.parametrize("line", ["unit: tests = ful", "unit: tests != nothing", "unit: build = affected"])
def test_a_condition_that_can_never_hold_is_refused(line: str) -> None:
    with pytest.raises(ConfigError, match="has no value"):
        conditions([line])


def test_a_job_that_says_what_a_plan_would_is_not_the_router() -> None:
    imitation = {"result": "success", "outputs": {"run_unit": "false", "tests": "none", "plan_file": "plan.json"}}
    needs = {"route": PLAN, "evil": imitation, "unit": {"result": "skipped"}}
    assert ends(needs, "unit: tests != none") is Conclusion.FAILURE
    assert (
        ends({"one": imitation, "two": imitation, "unit": {"result": "skipped"}}, "unit: tests != none")
        is Conclusion.FAILURE
    )


def test_documentation_and_comments_are_still_what_they_are() -> None:
    assert scope(change_of(DOCS, COMMENT)) == "none"
