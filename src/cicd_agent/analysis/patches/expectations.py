"""Tells what a line of a test expects, and how exactly: the words of many test tools, in one place."""

import re
from collections.abc import Collection, Iterator

_MOST = 60
"""Lines that one assertion may take."""

_ASSERTS = re.compile(
    r"\bassert\b|\b[Aa]ssert\w*\s*[.(!]|\bassert_\w+|\bexpect\w*\s*[(!{.]|\.should\b|\bshould(?:Be|Equal|Throw|Contain"
    r"|Have|Match)\w*"
    r"|\.to(?:_|\.|Be|Equal|Strict|Contain|Match|Have|Throw)\w*|\b(?:EXPECT|ASSERT|REQUIRE|CHECK|BOOST)_?\w*\s*\("
    r"|\bXCT\w+\(|#(?:expect|require)\("
    r"|\b[tb]\.(?:Error|Fatal|Fail)\w*\(|\brequire\.\w+\(|\bpytest\.(?:raises|warns|fail)|\bverify\w*\s*\(|\bmust_\w+"
    r"|\brefute\w*"
    r"|^[ \t]*\[\[?\s.*\]|\bfail(?:ure)?\s*\(|\bok\s*\(|\bis(?:_deeply|nt)?\s*\(|^[ \t]*(?:run|diff|cmp|test|grep)\s"
    r"|\$this->assert\w*|\bit\s*\{\s*is_expected"
)
_EXACT = re.compile(
    r"(?:assert|expect|check|require|test|ok)\w*[!.(\s].*(?<![=!<>])={2,3}(?!=)|\bassert\b.*\bis\s+(?:None|True"
    r"|False)\b"
    r"|assert_?(?:that_?)?(?:eq|equals?|same|identical|is_?none|is_?null|null|none|count|list|dict|set|tuple|sequence"
    r"|multi_?line)\w*\s*[!(]"
    r"|assert_?(?:true|false)\(.*(?<![=!<>])={2,3}(?!=)|\bassert_(?:equal|same|nil|empty)\b"
    r"|\bassert_(?:not_)?called\w*|assert_(?:any|has)_calls?|assert_(?:awaited)\w*"
    r"|\.to(?:Be|Equal|StrictEqual|HaveLength|HaveBeenCalledTimes|HaveBeenCalledWith|HaveBeenNthCalledWith|BeNull"
    r"|BeUndefined|BeNaN)\("
    r"|\.toMatch(?:Inline)?Snapshot\(|\b(?:not)?(?:deep|strict|deepstrict)equal\(|\.(?:equals?|eqls?|eq)\(|isequalto\("
    r"|containsexactly\w*\(|\bis(?:null|empty)\(\)"
    r"|\b(?:expect|assert)_(?:\w*_)?\w*eq\w*\(|\b(?:expect|assert)_throw\w*\(|xctassert(?:equal|nil|identical)\w*\("
    r"|assert\.(?:are)?(?:equal|same|single|empty|null)\w*\("
    r"|require\.(?:equal|nil|len|empty|noerror|errorIs)\w*\(|assert\.(?:len|nil|noerror|erroris|true\(.*==)\w*"
    r"|\bmust_(?:equal|be_nil)|\beq\(|\bmatchers?\.equal\("
    r"|\.tothrow(?:error)?\((?!\s*\))|\b(?:raises|warns)\((?!\s*(?:Base)?Exception\b)|assert_?raises\w*\W(?!\s*(?:Base"
    r"|Standard)?(?:Exception|Error)\b)"
    r"|assert_?throws\w*\((?!\s*(?:Exception|Throwable)\b)|\bif\b.*!=|\bif\s+!\s*\w|\[\s.*\s=={0,1}\s.*\]"
    r"|\$this->assert(?:same|equals|null|count)\(|\bis(?:_deeply)?\s*\("
    r"|\b(?:diff|cmp)\s|throws\.(?:exactly)?typeof|withmessage\(|hasmessage\(",
    re.IGNORECASE,
)
_LOOSE = re.compile(
    r"approx|almost|closeto|close_to|within|\bin\b|assert_?in\(|not\s*in|contain|include|match|regex|[<>]=?|!=|startswith"
    r"|start_with|endswith|has_?prefix|instance_?of|isinstance"
    r"|greater|less|haveproperty|\.be\.a\b|be_a\b|any\(|anything\(|\bany\b|near|oneof|any_of",
    re.IGNORECASE,
)
_NEGATED = re.compile(
    r"assert_?not|\.not\.|\bisnt\b|refute|assertisnotnone|is\s+not\s+None|_NE\(|notequal|assertfalse|isnotequalto"
    r"|not_to\b|to_not\b",
    re.IGNORECASE,
)

_BEGINS = re.compile(
    r"parametri[sz]e|\.each\b|@(?:Csv|Value|Method|Enum)Source|\bInlineData\b|\bTestCase\(|#\[case|\b(?:expected"
    r"|want(?:ed)?|golden)\w*\s*(?::=|[:=](?!=))"
    r"|\bEXPECTED\w*\s*=|\blet\(:expected|\bexpect\w*\s*[:=](?!=)",
)
TABLES = re.compile(r"parametri[sz]e|\.each\b|@(?:Csv|Value|Method|Enum)Source|\bfor\s.*\bin\s*[\[(]")
ROW = re.compile(
    r"^[ \t]*(?:\(.*\)|\[.*\]|\{.*\}|pytest\.param\(.*\)|\[(?:InlineData|TestCase|DataRow)\b.*|#\[case.*"
    r"|Arguments\.of\(.*|row\(.*|\"[^\"]*\"|'[^']*'"
    r"|[\w.]+\s*:\s*\{.*\})\s*,?\s*$"
)


_VAGUE = re.compile(
    r"\bor\b|\|\||approx|almost|close_?to|isclose|\.any\(|anything\(|\bANY\b|objectContaining|arrayContaining"
)
_STRING = re.compile(r"\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'")


def _lines(code: str) -> Iterator[str]:
    for line in code.split("\n"):
        yield line[:300]


def strengths(code: str) -> tuple[int, int, int]:
    """How many lines of a test assert something, how many of them more than truth, and how many something exact."""
    code = _STRING.sub(lambda string: string[0][0] * 2, code)
    every = firm = exact = 0
    for line in _lines(code):
        if _EXACT.search(line) and not _NEGATED.search(line) and not _approximate(line):
            every, firm, exact = every + 1, firm + 1, exact + 1
        elif _ASSERTS.search(line):
            every += 1
            firm += bool(_LOOSE.search(line)) and not _NEGATED.search(line)
    return every, firm, exact


def _approximate(line: str) -> bool:
    return bool(_VAGUE.search(line))


def expecting(code: str, numbers: Collection[int]) -> bool:
    """Whether one of the lines with these indices says what is expected: in an assertion, or a table of cases."""
    if not numbers:
        return False
    # What began further above has taken all the lines that it may.
    first = max(min(numbers) - _MOST, 0)
    depth = left = 0
    for number, line in enumerate(_lines("\n".join(code.split("\n")[first : max(numbers) + 1])), first):
        if depth <= 0 or not left:
            starts = _ASSERTS.search(line) or _EXACT.search(line) or _BEGINS.search(line) or ROW.match(line)
            depth, left = 0, _MOST if starts else 0
        if left:
            if number in numbers:
                return True
            depth += sum(line.count(each) for each in "([{") - sum(line.count(each) for each in ")]}")
            left -= 1
    return False
