"""What reads foreign bytes, and all that may be raised by it; a driver of any kind can feed it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

from cicd_agent.agent.schema import Misread, read
from cicd_agent.analysis.logs.matcher import Matcher
from cicd_agent.analysis.logs.reduction import reduce
from cicd_agent.analysis.logs.registry import load_tools
from cicd_agent.analysis.test_reports.coverage import read_coverage
from cicd_agent.analysis.test_reports.detection import read_report
from cicd_agent.app.run_record import Decision, RunRecord
from cicd_agent.app.serialization import load
from cicd_agent.domain.events.event_parser import RunContext, decode_payload, parse_event
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.repository.diff_parser import parse_diff, parse_patch
from cicd_agent.domain.text.sanitizer import inert, problems
from cicd_agent.errors import ConfigError
from cicd_agent.modes.analyse_failure.result import FailureDraft
from cicd_agent.modes.deploy_gate.questions import GateDraft
from cicd_agent.modes.gen_tests.questions import TestsDraft
from cicd_agent.modes.review.questions.draft import ReviewDraft
from cicd_agent.modes.review.tool_findings import read_sarif
from cicd_agent.settings.config_file import ConfigFile, Problem

EVENTS = ("pull_request", "push", "workflow_run", "issue_comment", "deployment", "merge_group", "release", "schedule")
HOSTS = frozenset({"github.test"})
MOST_BYTES = 100_000
LONGEST_COMPLAINT = 10_000
_SHA = "a" * 40
_PULL = {
    "number": 7,
    "title": "t",
    "head": {"ref": "x", "sha": _SHA, "repo": None},
    "base": {"ref": "main", "sha": _SHA},
}
_EVENT = json.dumps({"action": "opened", "repository": {"full_name": "o/r"}, "pull_request": _PULL}).encode()
_DIFF = b"""diff --git a/a.py b/a.py
index 1111111..2222222 100644
--- a/a.py
+++ b/a.py
@@ -1,2 +1,2 @@
 a
-b
+c
"""
_SARIF = b"""{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"t","rules":[{"id":"r"}]}},"results":[{"ruleId":"r",
"message":{"text":"m"},"locations":[{"physicalLocation":{"artifactLocation":{"uri":"a.py"},"region":{"startLine":1}}}]}]}]}"""
_JUNIT = b'<testsuite><testcase classname="a" name="b"><failure message="m">x</failure></testcase></testsuite>'
_COVERAGE = b'<coverage><class filename="a.py"><lines><line number="1" hits="1"/></lines></class></coverage>'
_LOG = b"2026-01-01T00:00:00.0000000Z ##[group]Run x\n2026-01-01T00:00:00.0000001Z \x1b[31mE   assert 1\n##[error]1.\n"
_CONFIG = b"min-severity: high\nignore-paths: ['*.md']\nareas: {code: [src/]}\nrules: {'*': off}\n"


@dataclass(frozen=True, slots=True)
class Target:
    """A reader, and examples of what it reads."""

    feed: Callable[[bytes], None]
    seeds: tuple[bytes, ...]


def event(data: bytes) -> None:
    """An event file, as every kind of event."""
    try:
        payload = decode_payload(data)
    except ConfigError:
        return
    for name in EVENTS:
        parse_event(name, payload, run=RunContext(repository="o/r", sha=_SHA))


def diff(data: bytes) -> None:
    """A diff, and one patch of it; every line of a hunk is accounted for."""
    text = data.decode("utf-8", "surrogateescape")
    files = parse_diff(text)
    lines = sum(len(hunk.lines) for file in files for hunk in file.hunks)
    assert lines <= len(text) + 1, "a diff has more lines than characters"
    parse_patch(text)


def log(data: bytes) -> None:
    """A log, in two pieces that are cut anywhere: the extract keeps to its size, and counts every line."""
    middle = len(data) // 2
    whole, pieces = (reduce(each, tokens=300, matcher=_matcher()) for each in ([data], [data[:middle], data[middle:]]))
    assert whole == pieces, "an extract depends on how the log came"
    assert len(whole.kept) + sum(each.lines for each in whole.elisions) == whole.total, "lines are lost without a word"


def config(data: bytes) -> None:
    """A config file: what does not count is a problem with a line."""
    for each in ConfigFile().read(data):
        assert not isinstance(each, Problem) or each.line >= 0
        assert str(each)


def answer(data: bytes) -> None:
    """A model's answer, in the shapes of all modes."""
    text = data.decode("utf-8", "replace")
    for shape in (ReviewDraft, FailureDraft, GateDraft, TestsDraft):
        try:
            read(text, shape)
        except Misread as misread:
            _expect(len(str(misread)) < LONGEST_COMPLAINT, "a complaint without end")


def sarif(data: bytes) -> None:
    """A report of another tool: its places lie in the checkout."""
    found, notes = read_sarif(data, ["/home/runner/work/app/app"])
    for each in found:
        path = each.finding.location.path
        assert not path.startswith("/"), "a place that is not in the checkout"
        assert ".." not in path.split("/"), "a place that is not in the checkout"
    "".join(notes)


def reports(data: bytes) -> None:
    """Reports of tests, of coverage, or of nobody knows what."""
    read_report("report", data)
    read_coverage(data)


def handed(data: bytes) -> None:
    """What another job hands over: whole and of its kind, or refused in one line."""
    for wanted in (Evidence, Decision, RunRecord):
        try:
            load(wanted, data, "brought.json")
        except ConfigError as refused:
            _expect("\n" not in str(refused), "a refusal of several lines")


def markdown(data: bytes) -> None:
    """Anything that is about to be published: once made inert it is, and stays so."""
    shown = inert(data.decode("utf-8", "replace"), HOSTS)
    assert problems(shown, HOSTS) == ()
    assert inert(shown, HOSTS) == shown


def _expect(holds: bool, what: str) -> None:  # noqa: FBT001  it is the value
    assert holds, what


@cache
def _matcher() -> Matcher:
    return Matcher(load_tools())


TARGETS: Mapping[str, Target] = {
    "event": Target(event, (_EVENT, b"{}", b'{"comment":{"body":"x"},"issue":{"number":1}}')),
    "diff": Target(diff, (_DIFF, b'diff --git "a/\\303\\244" "b/\\303\\244"\nBinary files differ\n')),
    "log": Target(log, (_LOG, b"\xff\xfe\r\x00")),
    "config": Target(config, (_CONFIG, b"x: &a [*a]\n")),
    "answer": Target(answer, (b'```json\n{"findings": []}\n```', b'{"objections": [], "summary": ""}')),
    "sarif": Target(sarif, (_SARIF,)),
    "reports": Target(
        reports, (_JUNIT, _COVERAGE, b"SF:a.py\nDA:1,1\nend_of_record\n", b'{"Action":"fail","Test":"T"}')
    ),
    "handed": Target(handed, (b'{"kind":"evidence","version":1,"body":{}}',)),
    "markdown": Target(markdown, (b"![x](https://evil.example) @a fixes #1\n```\n<details>", b"| a |\n|--|\n")),
}
