"""Coverage as real tools write it, and as nobody should: lines by file, and a sentence for what could not be read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.analysis.test_reports import coverage
from cicd_agent.analysis.test_reports.coverage import FileCoverage, read_coverage

COBERTURA = """<?xml version="1.0" ?>
<!DOCTYPE coverage SYSTEM "http://cobertura.sourceforge.net/xml/coverage-04.dtd">
<coverage version="7.6"><sources><source>/app/src</source></sources><packages><package name="."><classes>
<class name="mod.py" filename="pkg/mod.py"><methods><method name="f"><lines><line number="2" hits="1"/></lines></method>
</methods><lines><line number="1" hits="1"/><line number="2" hits="3" branch="true"/><line number="4" hits="0"/></lines>
</class><class name="Inner" filename="pkg/mod.py"><lines><line number="4" hits="1"/><line number="9" hits="0"/></lines>
</class></classes></package></packages></coverage>"""

JACOCO = """<?xml version="1.0" encoding="UTF-8" ?>
<!DOCTYPE report PUBLIC "-//JACOCO//DTD Report 1.1//EN" "report.dtd"><report name="app"><sessioninfo id="h" start="1"
dump="2"/><group name="g"><package name="com/acme"><class name="com/acme/Calc" sourcefilename="Calc.java"><method
name="add" line="3"><counter type="LINE" missed="0" covered="1"/></method></class><sourcefile name="Calc.java">
<line nr="3" mi="0" ci="4" mb="0" cb="0"/><line nr="7" mi="2" ci="0" mb="0" cb="0"/><line nr="8" mi="1" ci="1"/>
<counter type="LINE" missed="1" covered="2"/></sourcefile></package></group></report>"""

CLOVER = """<coverage generated="1"><project timestamp="1"><metrics/><file name="sum.js" path="/app/sum.js">
<metrics/><line num="1" count="2" type="stmt"/><line num="2" count="0"/>
<line num="3" type="cond" truecount="0" falsecount="1"/></file><package name="src"><file name="/app/x.php">
<line num="5" type="method" name="f" count="0"/></file></package></project></coverage>"""

LCOV = """TN:
SF:src/sum.js
FN:1,sum
FNDA:2,sum
DA:1,2
DA:2,0
DA:2,0,hash
BRDA:1,0,0,-
LF:2
end_of_record
SF:src/none.js
end_of_record
"""

JSON = '{"meta": {"format": 3}, "files": {"src/a.py": {"executed_lines": [1, 2], "missing_lines": [4]}}, "totals": {}}'

GO = """mode: set
example.com/app/calc.go:3.20,5.2 1 1
example.com/app/calc.go:5.2,7.10 2 0
"""


@pytest.mark.parametrize(
    ("text", "files"),
    [
        (COBERTURA, [("/app/src/pkg/mod.py", {1, 2, 4}, {9})]),
        (JACOCO, [("com/acme/Calc.java", {3, 8}, {7})]),
        (CLOVER, [("/app/sum.js", {1, 3}, {2}), ("/app/x.php", set(), {5})]),
        (LCOV, [("src/sum.js", {1}, {2})]),
        (JSON, [("src/a.py", {1, 2}, {4})]),
        (GO, [("example.com/app/calc.go", {3, 4, 5}, {6, 7})]),
        (LCOV.replace("\n", "\r\n"), [("src/sum.js", {1}, {2})]),
        (GO.replace("\n", "\r\n"), [("example.com/app/calc.go", {3, 4, 5}, {6, 7})]),
    ],
    ids=["cobertura", "jacoco", "clover", "lcov", "coverage.py", "go", "lcov of windows", "go of windows"],
)
def test_the_lines_of_each_format_are_found(text: str, files: list[tuple[str, set[int], set[int]]]) -> None:
    found, notes = read_coverage(text.encode())
    assert [(file.path, set(file.covered), set(file.missed)) for file in found] == files
    assert notes == ()


def test_with_several_sources_a_file_counts_from_one_that_is_not_known() -> None:
    two = COBERTURA.replace("</source>", "</source><source>/app/lib</source>")
    assert [file.path for file in read_coverage(two.encode())[0]] == ["pkg/mod.py"]


def test_of_a_report_that_is_cut_off_the_lines_before_the_cut_are_kept() -> None:
    found, notes = read_coverage(COBERTURA[: COBERTURA.index('<line number="4"')].encode())
    assert [set(file.covered) for file in found] == [{1, 2}]
    assert len(notes) == 1


@pytest.mark.parametrize(
    ("raw", "note"),
    [
        (b"", "it is no coverage report that we know"),
        (b"<testsuite/>", "it is no coverage report that we know"),
        (b'<!DOCTYPE coverage [<!ENTITY a "b">]><coverage/>', "it is no coverage report that we know"),
        (b'{"executed_lines": ', "it is broken JSON"),
        (b'{"files": [], "executed_lines": []}', "it has no files"),
        (b'{"files": {"a": {"executed_lines": {}}}}', "2 lists of lines could not be read"),
        (b"SF:a\nDA:x,1\nDA:1\nwhat\n", "3 lines could not be read"),
        (b"mode: set\nnothing\n", "1 line could not be read"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(raw: bytes, note: str) -> None:
    assert read_coverage(raw) == ((), (note,))


def test_lines_and_files_beyond_the_limits_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coverage, "MAX_LINES", 3)
    (file,), notes = read_coverage(b"mode: set\na.go:1.1,900000000.1 1 1\n")
    assert (file.covered, len(notes)) == (frozenset({1, 2, 3}), 1)
    monkeypatch.setattr(coverage, "MAX_FILES", 1)
    files, notes = read_coverage(b"SF:a\nDA:1,1\nSF:b\nDA:1,1\n")
    assert ([file.path for file in files], len(notes)) == (["a"], 1)


def test_blocks_that_lie_over_one_another_are_not_walked_for_ever() -> None:
    found, notes = read_coverage(b"mode: set\n" + b"a.go:1.1,900000000.1 1 0\n" * 700_000)
    assert len(found[0].missed) == 10_000
    assert len(notes) == 1


def one(path: str, covered: set[int], missed: set[int]) -> FileCoverage:
    return FileCoverage(path, frozenset(covered), frozenset(missed))


@given(st.sampled_from([COBERTURA, JACOCO, CLOVER, LCOV, JSON, GO]), st.data())
def test_a_damaged_report_is_no_exception(text: str, data: st.DataObject) -> None:
    raw = bytearray(text.encode())
    for _ in range(data.draw(st.integers(0, 5))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at : at + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=9)) or b"\xff"
    found, notes = read_coverage(bytes(raw))
    assert all("\n" not in note for note in notes)
    for file in found:
        file.path.encode()
        assert not file.covered & file.missed
        assert all(line > 0 for line in file.covered | file.missed)


LINES = st.dictionaries(st.integers(1, 500), st.integers(0, 3), min_size=1, max_size=20)


@given(st.dictionaries(st.sampled_from(["a.py", "src/b c.js", "é.go"]), LINES, max_size=3))
def test_what_is_written_as_lcov_is_read_back(files: dict[str, dict[int, int]]) -> None:
    records = ["TN:"]
    for path, lines in files.items():
        records += [f"SF:{path}", *(f"DA:{number},{hits}" for number, hits in lines.items()), "end_of_record"]
    text = "\n".join(records)
    found, notes = read_coverage(text.encode())
    assert {file.path: (set(file.covered), set(file.missed)) for file in found} == {
        path: ({line for line, hits in lines.items() if hits}, {line for line, hits in lines.items() if not hits})
        for path, lines in files.items()
    }
    assert notes == ()
