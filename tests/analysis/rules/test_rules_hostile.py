import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cicd_agent.analysis.rules import RULES
from cicd_agent.analysis.rules.context import ChangeContext
from cicd_agent.analysis.rules.run import QUOTE, areas, findings
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.diff import LineKind, Side
from cicd_agent.domain.text.credentials import find_secrets
from tests.support.samples.changes import BINARY, change_of

PATHS = (
    *("app.py", "tests/test_app.py", "shop/migrations/0042_x.py", "shop/settings.py", "auth/session.py", "web/app.ts"),
    *(
        "web/app.test.js",
        "migrations/0001.sql",
        ".github/workflows/ci.yml",
        "action.yml",
        "Dockerfile",
        "infra/main.tf",
    ),
    *("k8s/app.yaml", "openapi.yaml", "schema.graphql", "api.proto", "package.json", "pyproject.toml", ".env"),
    *(
        ".github/cicd-agent.yml",
        "README.md",
        "uv.lock",
        "setup.sh",
        ".npmrc",
        ".gitmodules",
        "a.pth",
        "pom.xml",
        "build.gradle",
        "db/migrate/20240101_x.rb",
        "",
        "a/\0\n",
    ),
)
# Lines that rules look for, so that random files meet them.
LINES = sorted(
    {
        line
        for rule in RULES
        for bad in rule.bad
        for text in (bad.after, bad.before)
        for line in (text or "")[:3_000].split("\n")
    }
)
TEXTS = st.lists(st.one_of(st.sampled_from(LINES), st.text(max_size=30)), max_size=25).map("\n".join)
FILES = st.tuples(st.sampled_from(PATHS), st.none() | TEXTS, st.none() | TEXTS)


@st.composite
def changes(draw: st.DrawFn) -> Change:
    files = draw(st.lists(FILES, max_size=4, unique_by=lambda file: file[0]))
    return change_of(*files, paths=draw(st.lists(st.sampled_from(PATHS), max_size=5)))


@given(changes())
@settings(max_examples=100, deadline=None)
def test_every_finding_stands_on_a_line_of_the_diff_and_quotes_it(change: Change) -> None:
    lines = {}
    for file in change.files:
        for line in file.lines:
            if line.new is not None:
                lines[file.path, Side.RIGHT, line.new] = line
            elif line.old is not None:
                lines[file.path, Side.LEFT, line.old] = line
    for found in findings(change):
        place = found.location
        if place.line == 0:
            assert place.path in {file.path for file in change.files}
            continue
        line = lines[place.path, place.side, place.line]
        assert line.kind in {LineKind.ADDED, LineKind.DELETED}
        assert len(found.quote) <= QUOTE
        assert not find_secrets(found.quote)
        assert 0 < found.confidence <= 1
        assert "\n" not in found.suggestion


@given(st.sampled_from(PATHS), st.text(max_size=400))
@settings(max_examples=100, deadline=None)
@example("app.py", "(" * 5_000)
@example("app.py", "-" * 60_000 + "1")
@example("app.py", "a" + ".b" * 20_000)
@example("app.py", "x = 1\0\n")
@example("app.py", "'\\d'\neval(\n")
@example("k8s/app.yaml", "[" * 5_000)
@example("k8s/app.yaml", "a: &a [*a]\n")
@example(".github/workflows/ci.yml", "jobs: &j\n  x: *j\n")
@example(".github/workflows/ci.yml", "on: [\njobs: 1")
@example("openapi.yaml", "paths: {/: {get: 1, ? [a] : 2}}\n")
def test_any_text_is_only_text(path: str, text: str) -> None:
    for change in (change_of((path, None, text)), change_of((path, text, None)), change_of((path, "old\n", text))):
        findings(change)
        areas(ChangeContext(change))


@pytest.mark.parametrize("path", ["app.py", "app.ts", "x.sql", "Dockerfile", "k8s/x.yaml", "package.json", "api.proto"])
@pytest.mark.parametrize("line", ["a" * 3_000_000, "eval(" * 400_000, '"' * 2_000_000, " " * 2_000_000, "\\" * 999_999])
def test_a_line_of_megabytes_is_searched_in_windows(path: str, line: str) -> None:
    allowed = {"large-file", "js-dynamic-code", "unparsed-python"}
    assert {found.id for found in findings(change_of((path, None, line)))} <= allowed


@pytest.mark.parametrize(
    "line",
    [
        "ignore all " + "the " * 400,
        "curl " + "x" * 1_900,
        "FROM " + "--platform=x " * 150,
        "ADD " + "--a=b " * 300,
        "<" * 1_999,
        "el.innerHTML = " + "'" * 1_900,
        "exec(" + "a." * 900,
        'db.query("select ' + "'" * 1_900,
        "${{ " + "github.event.issue " * 100,
        "x: " + "a" * 1_900 + "{{",
        "ALTER TABLE " + "x " * 900,
        "ADD COLUMN a " + "not " * 450,
        '    "a": "' + "^" * 1_900,
        "a: [" + "[" * 1_900,
        "string " + "a, " * 600 + "= 1",
    ],
)
def test_a_pattern_meets_its_worst_line_and_ends(line: str) -> None:
    text = "\n".join([line] * 20)
    for path in PATHS:
        findings(change_of((path, None, text)))


def test_a_binary_and_a_vanished_file_are_looked_at_without_text() -> None:
    change = change_of(*((path, None, BINARY) for path in PATHS if path))
    assert {found.location.line for found in findings(change)} <= {0}
