"""Reports that nobody should write: bombs, cuts and rubbish give what can be read and a sentence, and no exception."""

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from xml.etree import ElementTree as ET

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cicd_agent.analysis.test_reports import xml_stream
from cicd_agent.analysis.test_reports.cases import Case, Outcome
from cicd_agent.analysis.test_reports.junit import parse
from tests.support.samples.junit import SAMPLES

REPORT = SAMPLES[0].xml.encode()

BOMB = b"""<?xml version="1.0"?>
<!DOCTYPE testsuites [
 <!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">
]>
<testsuites><testsuite><testcase name="&c;"/></testsuite></testsuites>"""

EXTERNAL = b"""<?xml version="1.0"?>
<!DOCTYPE testsuite [<!ENTITY x SYSTEM "file:///etc/passwd">]>
<testsuite><testcase name="a"><failure>&x;</failure></testcase></testsuite>"""

PARAMETER = b"""<!DOCTYPE testsuite [<!ENTITY % d SYSTEM "http://127.0.0.1:9/x.dtd"> %d;]><testsuite/>"""

NAMED = b"""<!DOCTYPE testsuite SYSTEM "file:///etc/passwd">
<testsuite><testcase name="a"><failure>&x;after</failure></testcase></testsuite>"""

_watched: list[list[str]] = []


def _watch(event: str, args: tuple[object, ...]) -> None:
    if _watched and event in ("open", "socket.connect", "socket.getaddrinfo"):
        _watched[-1].append(f"{event} {args}")


@contextmanager
def outside() -> Iterator[list[str]]:
    """What is opened or connected to meanwhile. A hook cannot be taken away: it only looks while it is asked to."""
    if not _watched:
        sys.addaudithook(_watch)
    seen: list[str] = []
    _watched.append(seen)
    yield seen
    _watched[-1] = []


@pytest.mark.parametrize("raw", [BOMB, EXTERNAL, PARAMETER])
def test_a_document_type_that_declares_anything_is_refused(raw: bytes) -> None:
    with outside() as seen:
        found, notes = parse(raw, "r.xml")
    assert found == ()
    assert notes == ("it declares a document type of its own, which is refused: the rest was not read",)
    assert seen == []


def test_a_document_type_that_names_a_file_is_not_fetched() -> None:
    with outside() as seen:
        (found,), notes = parse(NAMED, "r.xml")
    assert (found.detail, notes, seen) == ("after", (), [])


def test_a_hundred_thousand_levels_are_not_climbed() -> None:
    found, notes = parse(b"<testsuite>" * 100_000, "r.xml")
    assert (found, notes) == ((), ("its elements are nested more than 50 deep: the rest was not read",))


def test_what_stands_before_a_depth_too_great_is_kept() -> None:
    raw = b'<testsuites><testsuite><testcase name="a"><failure/></testcase>' + b"<x>" * 60
    found, notes = parse(raw, "r.xml")
    assert [case.name for case in found] == ["a"]
    assert len(notes) == 1


def test_a_hundred_megabytes_of_attribute_are_a_sentence() -> None:
    raw = b'<testsuite><testcase name="' + b"a" * 100_000_000 + b'"/></testsuite>'
    assert parse(raw, "r.xml") == ((), ("it is larger than 20 MB: the rest was not read",))


def test_an_attribute_as_long_as_the_limit_is_cut() -> None:
    long = b"a" * 9_000_000
    raw = b'<testsuite name="%b"><testcase name="%b"><failure message="%b"/></testcase></testsuite>' % (
        b"s",
        long,
        long,
    )
    (found,), notes = parse(raw, "r.xml")
    assert (len(found.name), len(found.message), notes) == (500, 500, ())


def test_elements_beyond_the_limit_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xml_stream, "MAX_ELEMENTS", 3)
    found, notes = parse(b"<testsuite>" + b'<testcase name="a"/>' * 3 + b"</testsuite>", "r.xml")
    assert (len(found), notes) == (2, ("it has more than 3 elements: the rest was not read",))


def test_of_a_file_that_is_too_large_its_beginning_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xml_stream, "LARGEST", 300)
    raw = b'<testsuite><testcase name="a"><failure/></testcase>' + b"<testcase/>" * 50 + b"</testsuite>"
    found, notes = parse(raw, "r.xml")
    assert found[0].name == "a"
    assert len(notes) == 1


def test_of_a_report_that_is_cut_off_the_cases_before_the_cut_are_kept() -> None:
    first = '<testcase name="a"><failure message="boom">x</failure></testcase>'
    second = '<testcase name="b"><failure message="bang">how it went'
    found, notes = parse(f"<testsuites><testsuite>{first}{second}".encode(), "r.xml")
    assert [(case.name, case.message, case.outcome) for case in found] == [
        ("a", "boom", Outcome.FAILED),
        ("b", "bang", Outcome.FAILED),
    ]
    assert notes == ("it is cut off or broken at line 1 (no element found)",)


def test_a_case_that_is_cut_off_before_its_end_has_not_passed() -> None:
    found, _ = parse(b'<testsuite><testcase name="a"/><testcase name="b"><system-out>', "r.xml")
    assert [case.name for case in found] == ["a"]


def test_what_follows_a_mistake_is_told_to_be_missing() -> None:
    found, notes = parse(b'<testsuite><testcase name="a"/>\n<testcase name="b & c"/></testsuite>', "r.xml")
    assert [case.name for case in found] == ["a"]
    assert notes == ("it is cut off or broken at line 2 (not well-formed (invalid token))",)


def test_output_is_not_kept() -> None:
    raw = (
        b'<testsuite><testcase name="a"><failure/><system-out>'
        + b"line\n" * 1_000_000
        + b"</system-out></testcase></testsuite>"
    )
    (found,), notes = parse(raw, "r.xml")
    assert len(found.detail) <= 4_000
    assert notes == ()


def harmless(found: tuple[Case, ...], notes: tuple[str, ...]) -> None:
    assert all("\n" not in note for note in notes)
    for case in found:
        assert case.name
        assert "\n" not in case.name + case.suite + case.message + case.file + case.error
        assert len(case.name) <= 500
        assert len(case.detail) <= 4_000
        (case.name + case.suite + case.message + case.detail + case.file).encode()


@given(st.binary(max_size=500))
@example(b"\xff\xfe<\x00")
@example(b"<testsuite \xff")
@example(b'<?xml version="1.0" encoding="idna"?><testsuite/>')
def test_any_bytes_are_no_exception(raw: bytes) -> None:
    harmless(*parse(raw, "r.xml"))


PIECES = st.sampled_from(
    [
        b"<testsuites>", b"</testsuites>", b'<testsuite name="pytest">', b"<testsuite>", b"</testsuite>", b"<testcase>",
        b'<testcase name="a" line="1e9" file="\x00">', b"</testcase>", b"<failure>", b"</failure>", b"<skipped/>",
        b"<error/>", b"<flakyFailure/>", b"<system-out>", b"</system-out>", b'<property name="go.version"/>', b"x",
        b"<![CDATA[", b"]]>", b"<!--", b"-->", b"&#0;", b"&amp;", b"&nope;", b"\xc3", b"<!DOCTYPE a>", b"<a:b c='",
    ]
)  # fmt: skip


@given(st.lists(PIECES, max_size=40))
def test_elements_in_any_order_are_no_exception(pieces: list[bytes]) -> None:
    harmless(*parse(b"<testsuite>" + b"".join(pieces), "r.xml"))


@given(st.integers(0, len(REPORT)))
def test_a_report_cut_anywhere_keeps_a_beginning_of_its_cases(cut: int) -> None:
    whole, _ = parse(REPORT, "r.xml")
    found, notes = parse(REPORT[:cut], "r.xml")
    assert [case.name for case in found] == [case.name for case in whole][: len(found)]
    assert notes or found == whole


WORDS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S")), min_size=1, max_size=30)


@st.composite
def reports(draw: st.DrawFn) -> tuple[bytes, list[tuple[str, str, Outcome, str]]]:
    """A report as a library writes it, and what its cases are."""
    root = ET.Element("testsuites")
    expected: list[tuple[str, str, Outcome, str]] = []
    for _ in range(draw(st.integers(0, 3))):
        at = root
        for _ in range(draw(st.integers(1, 3))):
            at = ET.SubElement(at, "testsuite", name=draw(WORDS.filter(lambda name: name != "pytest")))
        for _ in range(draw(st.integers(0, 4))):
            name, suite, message = draw(WORDS), draw(WORDS), draw(WORDS.filter(lambda text: not text.startswith("=")))
            case = ET.SubElement(at, "testcase", name=name, classname=suite)
            outcome = draw(st.sampled_from(Outcome))
            tag = {Outcome.FAILED: "failure", Outcome.ERROR: "error", Outcome.SKIPPED: "skipped"}.get(outcome)
            if tag:
                ET.SubElement(case, tag, message=message)
            expected.append((name, suite, outcome, message if tag else ""))
    raw = io.BytesIO()
    ET.ElementTree(root).write(raw, draw(st.sampled_from(["utf-8", "utf-16", "us-ascii"])), xml_declaration=True)
    return raw.getvalue(), expected


@given(reports())
def test_what_a_library_writes_is_read_back(report: tuple[bytes, list[tuple[str, str, Outcome, str]]]) -> None:
    raw, expected = report
    found, notes = parse(raw, "r.xml")
    assert [(case.name, case.suite, case.outcome, case.message) for case in found] == expected
    assert notes == ()
