"""Finds what a patch takes from the tests: that they run, how much they assert, and how exactly."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from cicd_agent.analysis.patches.edit import Edit, Piece, code_only, grown
from cicd_agent.analysis.patches.expectations import ROW, TABLES, expecting, strengths
from cicd_agent.analysis.python_tests.static.tautologies import vain_assertions
from cicd_agent.domain.paths import PathKind

_SKIPS = re.compile(
    r"\b(?:pytest\.)?mark\.(?:skip\w*|xfail|flaky|slow)|\bpytest\.(?:skip|xfail|importorskip)\b"
    r"|\bunittest\.(?:skip\w*|expectedFailure)|@skip\w*|@expectedFailure|\bskipTest\(|\bSkipTest\b"
    r"|\b(?:it|test|describe|context|suite|specify)\.(?:skip\w*|todo|failing|fails|fixme|only|runIf)\b|\bthis\.skip\("
    r"|\b(?:xit|xtest|xdescribe|xcontext|xspecify|xexample|xfeature|fit|fdescribe|fcontext|ftest)\b\s*[\"'(`]"
    r"|\bpending\b\s*(?:[\"'(:]|$)|(?<![\w:]):(?:skip|focus)\b|\b(?:skip|focus):\s*(?:true|[\"'])|\bskip\s+[\"']"
    r"|^[ \t]*skip\s*$|\bskip_(?:all|if|unless)\b"
    r"|@(?:Disabled\w*|Ignore\w*|EnabledIf\w*|EnabledOn\w*|Tag\(\"skip)|\benabled\s*=\s*false|\bassume(?:True|False"
    r"|That|NoException|\(\s*False)|\bAssum(?:e|ptions)\."
    r"|\b[tb]\.Skip\w*\(|\btesting\.Short\(\)|#\[\s*(?:ignore|should_panic)|\[\s*(?:Ignore|Explicit)\b"
    r"|\bSkip\s*=\s*[\"@$]"
    r"|\bAssert\.(?:Ignore|Inconclusive|Pass|Skip)\b|markTest(?:Skipped|Incomplete)|expectNotToPerformAssertions"
    r"|doesNotPerformAssertions"
    r"|\bXCTSkip\w*|\bXCTExpectFailure|\.disabled\(|\bwithKnownIssue|\bDISABLED_\w+|\bGTEST_SKIP"
    r"|\bunit_test::(?:disabled|expected_failures)"
    r"|\*\s*(?:utf|boost::\w+)::(?:disabled|expected_failures)|@(?:module)?tag\s+:?skip|\^:(?:skip|kaocha/skip)"
    r"|\[!(?:mayfail|shouldfail)\]|\[\.\]"
    r"|\bdoctest::(?:skip|may_fail|should_fail)|\bin\s+ignore\b|\bignore\(\s*\"|\bignore\s*\{|\bWILL_FAIL\b"
    r"|\bSKIP\b\s*[(:]"
    r"|\bTODO\b\s*\{|#\s*(?:skip|TODO)\b.*;",
    re.MULTILINE,
)
_TRIVIAL = re.compile(
    r"\bassert\s*\(?\s*(?:True|1|not\s+False|not\s+None|true|\"[^\"]*\"|'[^']*')\s*\)?\s*(?:,|;|#|$)"
    r"|\bassert\w*[.(!]\s*(?:\w+\(\s*)?(?:true|True|TRUE|1|not\s+False|!false)\s*[,)]|\bassert\w*[.!(]*\(\s*(?:false"
    r"|False)\s*(?:,\s*false)?\s*\)\s*==\s*false"
    r"|\bexpect\(\s*(?:true|1|!0|!!1|!false|''|\"\")\s*\)|\b(?:EXPECT|ASSERT|REQUIRE|CHECK|BOOST)_?\w*\(\s*(?:true"
    r"|1)\s*\)|#(?:expect|require)\(\s*true\s*\)"
    r"|\bassert\s+(?P<one>[\w.\[\]]+)\s*==\s*(?P=one)\s*(?:,|#|$)"
    r"|\bexpect\(\s*(?P<two>[\w.]+)\s*\)\.\w+(?:\.\w+)?\(\s*(?P=two)\s*\)"
    r"|\b(?:self\.)?assert\w*[.!]?\w*\(\s*(?P<three>[\w.\"']+)\s*,\s*(?P=three)\s*[,)]"
    r"|\bEXPECT_\w+\(\s*(?P<four>[\w.]+)\s*,\s*(?P=four)\s*\)"
    r"|\bok\s*\(\s*1\s*[,)]|\bpass\(\)|\[\s*1\s+-eq\s+1\s*\]|\[\[?\s*true\s*\]",
    re.MULTILINE,
)
_AROUND = re.compile(
    r"\btry\b\s*(?::|\{)|\brescue\b|\b(?:contextlib\.)?suppress\(|\bcatch\s*(?:\(|\{)|\bcatch_unwind\b|\bcontinue\b"
    r"|[rR]aises\w*\([^)\n]*\)[^:\n]*:\s*raise\b"
    r"|\b(?:raises|assertRaises|assert_raises|assertThrows|throws)\w*\s*\(\s*(?:AssertionError|Failed|BaseException)\b"
    r"|\breturn\s*(?:;\s*)?(?:#.*|//.*)?$|\breturn\s+True\b",
    re.MULTILINE,
)
_DOUBLES = re.compile(
    r"\b(?:mock|mocker)\.(?:patch|spy)\b|@patch\b|\bpatch(?:\.object|\.dict|\.multiple)?\(\s*|\bmonkeypatch\.\w*attr\b"
    r"|\b(?:Magic|Async)?Mock\(|\bcreate_autospec\b"
    r"|\b(?:jest|vi)\.(?:mock|spyOn|doMock|fn)\b|\bsinon\.\w+|\bMockito\.\w+|@(?:Mock|Spy|InjectMocks)\w*\b"
    r"|\ballow(?:_any_instance_of)?\(.*\)\.to\s+receive|\bSubstitute\.For\b"
    r"|\bnew Mock<|\bmockk\b|\bproxyquire\b|^\w+(?:\.\w+)+\s*=\s*(?:lambda|\w*Mock)\b|\brewire\b",
    re.MULTILINE,
)
_WAITS = re.compile(
    r"\b(?:time\.)?[sS]leep\s*\(\s*[^\n]{0,40}|\bThread\.sleep[^\n]{0,40}|\busleep\b|\bTask\.Delay[^\n]{0,40}"
    r"|\bsleep\s+[\d.]+|\bsetTimeout\s*\([^\n]{0,60}"
    r"|\b(?:jest|vi)\.setTimeout[^\n]{0,40}|\bretr(?:y|ies)\w*[^\n]{0,40}|\brerun\w*[^\n]{0,40}|\bflaky\b|@(?:Retry"
    r"|Flaky|RepeatedIfExceptions)\w*|\btimeout\w*\s*[=:(]\s*[\w.]+"
    r"|\bthis\.timeout\([^\n]{0,40}|\bdeadline\s*=\s*None",
    re.IGNORECASE,
)
_TOLERANCES = re.compile(
    r"\b(?:rel|abs|delta|places|tol|rtol|atol|epsilon|eps|precision|tolerance|decimal|threshold)\s*[=:]\s*[\w.+-]+"
    r"|\b(?:toBeCloseTo|closeTo|be_within|within|InDelta|InEpsilon)\b[^\n]{0,60}",
    re.IGNORECASE,
)
_DEFINITIONS = re.compile(
    r"^[ \t]*(?:async\s+)?def\s+test|^[ \t]*class\s+(?:Test\w*|\w*(?:Tests?|Spec)\b)|#\[cfg\(test\)\]|\bTestCase\s*\)"
    r"|^[ \t]*(?:(?:public|private|static"
    r"|async)\s+)*function\s+test"
    r"|^[ \t]*func\s+(?:\([^)]*\)\s*)?(?:Test|Benchmark|Fuzz|Example|test)\w*"
    r"|^[ \t]*(?:it|test|specify|scenario|describe|context|example|property)(?:\.\w+)*\s*[(\"'`]|@(?:Parameterized"
    r"|Repeated)?Test\b|@TestFactory|#\[(?:\w+::)*(?:test|rstest)"
    r"|\[(?:Fact|Theory|Test|TestMethod|TestCase\w*|InlineData|DataRow)\b|\b(?:TEST|TEST_F|TEST_P|TYPED_TEST\w*"
    r"|TEST_CASE|SCENARIO|SECTION|SUBCASE|BOOST_\w*TEST_CASE\w*)\s*\("
    r"|^[ \t]*@test\s|^[ \t]*#\[case|^[ \t]*(?:t\.Run|it_behaves_like|include_examples)\b|\bt\.Run\(|^[ \t]*subtest\b",
    re.MULTILINE,
)

_CONDITION = re.compile(r"^[ \t]*(?:\}\s*else\s+)?(?:if|elif|unless|when|while|switch|match)\b", re.MULTILINE)

_SIGNS = (
    ("switches tests off", _SKIPS),
    ("asserts what is always true", _TRIVIAL),
    ("wraps tests so that they cannot fail, or leaves them early", _AROUND),
    ("puts a double in the place of what is tested", _DOUBLES),
    ("lets tests wait, retry or take longer", _WAITS),
)


def weakened(edit: Edit) -> Iterator[str]:
    """What an edit takes from tests, a clause for each way."""
    if not edit.is_test:
        return
    if edit.after is None:
        yield f"deletes a test file ({edit.path})"
        return
    before, after = (code_only(text or "", edit.suffix) for text in (edit.before, edit.after))
    for what in (*_added(edit), *_lost(*_differing(before, after)), *_loosened(edit, before)):
        yield f"{what} ({edit.path})"


def _added(edit: Edit) -> Iterator[str]:
    for what, pattern in _SIGNS:
        if any(grown(pattern, piece.old_code, piece.new_code) for piece in edit.pieces):
            yield what
    if edit.suffix == "py" and vain_assertions(edit.after or "") > vain_assertions(edit.before or ""):
        yield "asserts what is always true"


def _differing(before: str, after: str) -> tuple[str, str]:
    """The lines of two texts that the other has less often, wherever they stand."""
    old, new = Counter(before.split("\n")), Counter(after.split("\n"))
    return "\n".join((old - new).elements()), "\n".join((new - old).elements())


def _lost(before: str, after: str) -> Iterator[str]:
    """What there is less of in the whole file: tests may be moved and put in other words."""
    if _count(_DEFINITIONS, after) < _count(_DEFINITIONS, before):
        yield "takes tests away"
    losses = ("takes assertions away", "asserts less than before", "asserts less exactly than before")
    for was, now, what in zip(strengths(before), strengths(after), losses, strict=True):
        if now < was:
            yield what
            return


def _loosened(edit: Edit, before: str) -> Iterator[str]:
    for piece in edit.pieces:
        if _rows(piece.added) < _rows(piece.deleted) or _cases(piece.added) < _cases(piece.deleted):
            yield "takes cases out of a table of tests"
        if grown(_CONDITION, piece.old_code, piece.new_code) and _sinks(piece):
            yield "puts assertions under a condition"
        if expecting(before, piece.gone) and grown(_TOLERANCES, piece.old_code, piece.new_code):
            yield "changes a tolerance"


def _sinks(piece: Piece) -> bool:
    """Whether a line is still there, but deeper."""
    depths = {line.strip(): len(line) - len(line.lstrip()) for line in piece.deleted if line.strip()}
    return any(len(line) - len(line.lstrip()) > depths.get(line.strip(), len(line)) for line in piece.added)


def expects_otherwise(edit: Edit) -> bool:
    """Whether an edit changes or removes a line that says what a test expects, or data that a test compares with."""
    if edit.before is None or not any(piece.deleted for piece in edit.pieces):
        return False
    if not edit.is_test:
        # An example in the documentation of code is a test, too.
        return any(">>> " in piece.old and piece.deleted for piece in edit.pieces) and not changes_product(edit)
    if PathKind.SOURCE not in edit.kinds:
        return True
    before = code_only(edit.before, edit.suffix)
    return any(expecting(before, piece.gone) for piece in edit.pieces)


def changes_product(edit: Edit) -> bool:
    """Whether an edit changes code outside of tests, beyond comments and blanks."""
    if edit.is_test or edit.is_prose or not edit.kinds.isdisjoint({PathKind.DOCS, PathKind.EXAMPLE}):
        return False
    before, after = (_squeezed(code_only(text or "", edit.suffix)) for text in (edit.before, edit.after))
    return before != after


def _squeezed(code: str) -> list[str]:
    return [line for line in (" ".join(line.split()) for line in code.split("\n")) if line]


def _count(pattern: re.Pattern[str], text: str) -> int:
    return sum(1 for _ in pattern.finditer(text))


def _rows(lines: Sequence[str]) -> int:
    return sum(bool(ROW.match(line[:500])) for line in lines)


def _cases(lines: Sequence[str]) -> int:
    """The commas in what looks like the head of a table: as many as there are cases, and some."""
    return sum(line.count(",") for line in lines if TABLES.search(line[:500]))
