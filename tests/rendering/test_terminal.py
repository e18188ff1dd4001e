import io
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from cicd_agent.domain.events.event import Event, EventKind
from cicd_agent.domain.evidence import Evidence, Gap
from cicd_agent.domain.finding import Category, Finding, Location, Origin, Severity
from cicd_agent.domain.repository.change import Change, ChangeSource
from cicd_agent.domain.repository.diff import ChangeKind, DiffLine, FileDiff, Hunk, LineKind, Side
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.usage import Usage
from cicd_agent.domain.verdict import (
    Conclusion,
    Reason,
    Rejected,
    Risk,
    RiskLevel,
    Strength,
    Suppressed,
    SuppressedBy,
    Verdict,
)
from cicd_agent.modes.protocol import Account
from cicd_agent.modes.review.page import page as review_page
from cicd_agent.rendering.cell_width import cells, fold
from cicd_agent.rendering.page import (
    Alert,
    Block,
    Bullets,
    CodeBlock,
    CodeFrame,
    Details,
    Footnote,
    Heading,
    Inline,
    Page,
    Paragraph,
    Span,
    Table,
    code,
    link,
    strong,
    tone,
)
from cicd_agent.rendering.style import _LiveLine, progress
from cicd_agent.rendering.terminal import terminal
from cicd_agent.settings.schema import Settings

NEW = ["class Session:", "    def valid(self, token):", "        # compare", "        return token == self.secret", ""]
LINES = [DiffLine(LineKind.CONTEXT, number, number, text) for number, text in enumerate(NEW[:2], start=86)]
LINES += [DiffLine(LineKind.DELETED, 88, None, "        return compare_digest(token, self.secret)")]
LINES += [DiffLine(LineKind.ADDED, None, number, text) for number, text in enumerate(NEW[2:], start=88)]
FILE = FileDiff("auth/session.py", "auth/session.py", ChangeKind.MODIFIED, (Hunk(86, 3, 86, 5, "", tuple(LINES)),))
CHANGE = Change("b" * 40, "h" * 40, ChangeSource.GIT, (FILE,))
FINDING = Finding(
    id="model",
    title="token compared with ==",
    message="A comparison that stops at the first difference tells how much of the token is right.",
    severity=Severity.CRITICAL,
    category=Category.SECURITY,
    location=Location("auth/session.py", 89),
    quote="return token == self.secret",
    confidence=0.93,
    origin=Origin.MODEL,
    advice="compare with hmac.compare_digest",
)
RISK = Risk(RiskLevel.HIGH, 78, (Reason("412 lines added", 58), Reason("touches a migration", 20), Reason("docs", 0)))


def drawn(*blocks: Block, colour: bool = False, width: int = 100, links: str = "") -> str:
    """The blocks, without the line that ends each page."""
    text = terminal(Page(blocks), Account(), report="r.json", colour=colour, width=width, links=links)
    return text.removesuffix("report r.json\n").removesuffix("\n\n")


def shown(finding: Finding, change: Change = CHANGE, *, colour: bool = False, width: int = 100) -> str:
    return drawn(CodeFrame(finding, change), colour=colour, width=width)


def reviewed(verdict: Verdict, account: Account = Account(), gaps: tuple[Gap, ...] = ()) -> str:
    evidence = Evidence(Event(EventKind.LOCAL), CHANGE, gaps=gaps)
    page = review_page(verdict, evidence, account, Settings())
    return terminal(page, account, report="r.json", outputs={"risk_level": "high", "summary": "two\nlines"})


def test_a_finding_is_shown_under_its_code_with_carets_at_the_quote() -> None:
    assert shown(FINDING).split("\n") == [
        "auth/session.py:89 critical token compared with == (0.93)",
        "  87 │     def valid(self, token):",
        "  88 │         # compare",
        "  89 ┃         return token == self.secret",
        "     │         ^^^^^^^^^^^^^^^^^^^^^^^^^^^",
        "  90 │",
        "    A comparison that stops at the first difference tells how much of the token is right.",
        "    → compare with hmac.compare_digest",
    ]


def test_a_deleted_line_is_shown_with_its_old_number() -> None:
    gone = replace(FINDING, location=Location("auth/session.py", 88, side=Side.LEFT), quote="compare_digest")
    text = shown(gone)
    assert "auth/session.py:88 (before)" in text
    assert "  88 ┃         return compare_digest(token, self.secret)\n     │                ^^^^^^^^^^^^^^\n" in text


def test_a_finding_on_several_lines_marks_them_all() -> None:
    text = shown(replace(FINDING, location=Location("auth/session.py", 89, start=88), quote="# compare\nreturn"))
    assert [line[:6] for line in text.split("\n")[1:5]] == ["  86 │", "  87 │", "  88 ┃", "  89 ┃"]
    assert "^" not in text


def test_a_finding_on_a_file_as_a_whole_has_no_frame() -> None:
    assert shown(replace(FINDING, location=Location("big.bin"))).startswith("big.bin critical token")


def test_a_secret_is_masked_in_the_frame() -> None:
    token = "ghp_" + "q7Zk3vB9" * 5
    line = DiffLine(LineKind.ADDED, None, 1, f'TOKEN = "{token}"')
    file = FileDiff("a.py", "a.py", ChangeKind.ADDED, (Hunk(0, 0, 1, 1, "", (line,)),))
    masked = replace(FINDING, location=Location("a.py", 1), quote='TOKEN = "‹secret:github-token›"')
    text = shown(masked, change=replace(CHANGE, files=(file,)))
    assert token not in text
    assert "^^^" in text


def test_a_long_line_is_cut_around_the_quote() -> None:
    line = DiffLine(LineKind.ADDED, None, 1, "x = 1; " * 50 + "boom() ; " + "y = 2; " * 5_000)
    file = FileDiff("a.py", "a.py", ChangeKind.ADDED, (Hunk(0, 0, 1, 1, "", (line,)),))
    text = shown(replace(FINDING, location=Location("a.py", 1), quote="boom()"), change=replace(CHANGE, files=(file,)))
    code, carets = text.split("\n")[1:3]
    assert len(code) <= 100
    assert code.index("boom()") == carets.index("^^^^^^")


def test_carets_stand_under_wide_characters() -> None:
    line = DiffLine(LineKind.ADDED, None, 1, 's = "漢字"; boom()')
    file = FileDiff("a.py", "a.py", ChangeKind.ADDED, (Hunk(0, 0, 1, 1, "", (line,)),))
    text = shown(replace(FINDING, location=Location("a.py", 1), quote="boom()"), change=replace(CHANGE, files=(file,)))
    code, carets = text.split("\n")[1:3]
    assert carets.index("^") == code.index("boom()") + 2


def framed(text: str, quote: str, width: int = 100) -> tuple[str, str]:
    """The line of a finding on `text`, and the line with its carets."""
    line = DiffLine(LineKind.ADDED, None, 1, text)
    file = FileDiff("a.py", "a.py", ChangeKind.ADDED, (Hunk(0, 0, 1, 1, "", (line,)),))
    finding = replace(FINDING, location=Location("a.py", 1), quote=quote)
    lines = shown(finding, change=replace(CHANGE, files=(file,)), width=width).split("\n")
    at = next(at for at, line in enumerate(lines) if "┃" in line)
    return lines[at], lines[at + 1]


def test_carets_stand_under_a_quote_with_tabs_as_they_are_drawn() -> None:
    code, carets = framed("ab\tcall(1,\t2)", "call(1,\t2)")
    assert code.endswith("ab  call(1, 2)")
    assert carets.index("^") == code.index("call")
    assert carets.count("^") == len("call(1, 2)")


@settings(max_examples=200, deadline=None)
@given(
    st.text(alphabet="ab \t漢é\u0301字", max_size=120),
    st.text(alphabet="xy漢\t", min_size=1, max_size=30).map(lambda text: f"<{text}>"),
    st.text(alphabet="ab \t漢", max_size=120),
    st.integers(40, 120),
)
def test_carets_stand_where_the_quote_is_drawn_at_any_width(before: str, quote: str, after: str, width: int) -> None:
    code, carets = framed(f"{before}{quote}{after}", quote, width)
    assert cells(code) <= width
    assert cells(carets) <= width
    assert cells(code[: code.index("<")]) == carets.index("^")
    if ">" in code:
        assert cells(code[code.index("<") : code.index(">") + 1]) == carets.count("^")


@given(st.text(alphabet="ab 漢字é\u0301-", max_size=200), st.integers(10, 60))
def test_a_paragraph_fits_and_loses_nothing(text: str, width: int) -> None:
    lines = list(fold(text, width, "  ", "  "))
    assert all(cells(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


def test_a_place_is_a_link_to_its_line_where_there_are_links() -> None:
    finding = replace(FINDING, location=Location("a b\x1b.py", 3))
    text = drawn(CodeFrame(finding, CHANGE), links="file:///work/app")
    assert text.startswith("\x1b]8;;file:///work/app/a%20b%1B.py#3\x1b\\a b<U+001B>.py:3\x1b]8;;\x1b\\ critical")
    assert text.count("\x1b") == 4
    gone = replace(FINDING, location=Location("a.py", 3, side=Side.LEFT))
    assert "\x1b" not in drawn(CodeFrame(gone, CHANGE), links="file:///work/app")


def test_a_review_at_a_terminal_has_its_findings_what_was_left_out_and_what_it_cost() -> None:
    verdict = Verdict(
        Conclusion.NEUTRAL,
        "comment",
        None,
        RISK,
        (FINDING,),
        strengths=(Strength("It closes", Location("a.py", 3)), Strength("Tested")),
        rejected=(Rejected(FINDING, "its quote is not in the diff"),),
        merged=(Rejected(FINDING, "says what `timing` says"),),
        suppressed=(Suppressed(FINDING, SuppressedBy.COMMENT, "known", in_change=True),),
        escalate=("the risk is critical",),
    )
    usage = Usage(requests=3, input=1, output=1)
    account = Account("gpt", usage, 0.09, degraded="no key", notices=("the config is broken",))
    text = reviewed(verdict, account, gaps=(Gap("x.lock", "lock file"), Gap("", "commit list cut at 250")))
    assert text.startswith("Changes requested: 1 finding to fix before merge · risk high (78)\n\n")
    order = [
        "critical  token compared with ==  auth/session.py:89  0.93\n",
        "\nauth/session.py:89 critical token compared with == (0.93)\n",
        "\nwarning: Needs human review: the risk is critical.\n",
        "\nWhy the risk is high · 1 suppressed · 1 unproven claim · 1 merged · done well\n",
        "  +58     412 lines added\n",
        "  token compared with ==  auth/session.py:89  comment, added by this change  known\n",
        "its quote is not in the diff\n",
        "says what `timing` says\n",
        "  - It closes (a.py:3)\n",
        "\nNote: commit list cut at 250.\n",
        "\nDegraded: no key\n\nthe config is broken\n",
        "\nstep outputs\n  risk_level  high\n  summary     two lines\nreport r.json · gpt, 3 requests · $0.09\n",
    ]
    assert [each for each in order if each not in text] == []
    assert sorted(order, key=text.index) == order


def test_the_added_lines_of_a_diff_are_coloured() -> None:
    assert drawn(CodeBlock("-a\n+b\n", "diff"), colour=True) == "    -a\n    \x1b[32m+b\x1b[0m"


def test_a_table_has_columns_that_fit_and_loses_nothing() -> None:
    table = Table(("", "finding", "where"), [(tone("high", "high"), "word " * 12 + "end", code("a/b.py:3"))])
    lines = drawn(table, width=40).split("\n")
    assert lines[0] == "      finding                   where"
    assert lines[1] == "high  word word word word word  a/b.py:3"
    assert lines[-1] == "      word word end"
    assert all(cells(line) <= 40 for line in lines)


def test_a_table_without_a_head_has_no_line_for_it_and_an_empty_one_nothing_at_all() -> None:
    assert drawn(Table(("", ""), [("a", "b")])) == "a  b"
    assert drawn(Paragraph("x"), Table(("a",), []), Bullets([]), Footnote("small"), Paragraph("y")) == "x\n\ny"


def test_bullets_details_and_alerts_hang_and_are_indented() -> None:
    text = drawn(
        Heading("One"),
        Bullets(["word " * 12, (strong("b"), "old, ", link("see", "https://x.test"))]),
        Details("more · here", [Paragraph("inside"), CodeBlock("+ a\n\tb\n", "diff")]),
        Alert("WARNING", "look"),
        width=40,
    )
    assert text.split("\n") == [
        "One",
        "",
        "- word word word word word word word",
        "  word word word word word",
        "- bold, see",
        "",
        "more · here",
        "  inside",
        "",
        "      + a",
        "              b",
        "",
        "warning: look",
    ]


def test_a_span_inside_a_word_does_not_break_it_and_a_link_is_one() -> None:
    assert drawn(Paragraph(("in ", code("a b"), ", and", strong(" so"), "."))) == "in a b, and so."
    place = Span(code("a.py:3"), path="a.py", line=3)
    assert drawn(Paragraph(("at ", place, ".")), links="file:///w") == (
        "at \x1b]8;;file:///w/a.py#3\x1b\\a.py:3\x1b]8;;\x1b\\."
    )


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(alphabet="ab 漢é\u0301\t\n", max_size=40), min_size=1, max_size=5), st.integers(40, 70))
def test_text_in_any_block_fits_and_loses_nothing(texts: list[str], width: int) -> None:
    content: Inline = tuple(strong(text) if at % 2 else text for at, text in enumerate(texts))
    expected = "".join("".join(texts).split())
    for block in (
        Paragraph(content),
        Bullets([content]),
        Table(("",), [(content,)]),
        Details("", [Paragraph(content)]),
    ):
        page = drawn(block, width=width)
        assert all(cells(line) <= width for line in page.split("\n"))
        assert "".join(page.split()).removeprefix("-") == expected


def test_colour_is_used_only_where_it_is_wanted() -> None:
    assert "\x1b[1;31mcritical\x1b[0m" in shown(FINDING, colour=True)
    assert "\x1b" not in shown(FINDING)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=80), st.text(max_size=80))
def test_foreign_text_cannot_move_the_cursor_or_hide(first: str, second: str) -> None:
    hostile = replace(
        FINDING, title=first, message=second, advice=first, suggestion=second, location=Location(first or "x", 3)
    )
    text = drawn(
        CodeFrame(hostile, CHANGE),
        Heading(first),
        Table((first, second), [(code(second), strong(first))]),
        Details(first, [CodeBlock(second), Bullets([link(first, second)])]),
    )
    assert text.split("\n") == [visible_line(line) for line in text.split("\n")]


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_rewrites_one_line_on_a_terminal() -> None:
    screen = Screen()
    say = progress(screen)
    say("reading 9 files")
    say("")
    assert screen.getvalue() == "\r\x1b[Kreading 9 files …\r\x1b[K"


def test_progress_on_a_terminal_says_how_long_it_takes() -> None:
    screen = Screen()
    say = progress(screen, width=lambda: 30)
    assert isinstance(say, _LiveLine)
    say("asking a model for a review")
    say._draw(2)
    say._draw(75)
    *_, short, long = screen.getvalue().split("\r\x1b[K")
    assert short == "asking a model for a review …"
    assert long.endswith(" · 75 s …")
    assert cells(long) < 30
    say("")


def test_progress_never_wraps_and_cannot_be_steered() -> None:
    screen = Screen()
    progress(screen, width=lambda: 20)(f"asking a\x1b[2Jmodel {'漢' * 20}")
    [line] = screen.getvalue().split("\r\x1b[K")[1:]
    assert "\x1b" not in line
    assert cells(line) < 20


def test_progress_does_not_count_on_where_lines_stay() -> None:
    log = io.StringIO()
    say = progress(log)
    for text in ("reading report 1 of 1,200", "reading report 2 of 1,200", "adding up", "reading report 3 of 1,200"):
        say(text)
    assert log.getvalue() == "reading report 1 of 1,200 …\nadding up …\nreading report 3 of 1,200 …\n"


def test_progress_is_plain_lines_elsewhere_and_nothing_when_unwanted() -> None:
    log, silent = io.StringIO(), io.StringIO()
    for say in (progress(log), progress(silent, enabled=False)):
        say("reading 9 files")
        say("")
    assert (log.getvalue(), silent.getvalue()) == ("reading 9 files …\n", "")
