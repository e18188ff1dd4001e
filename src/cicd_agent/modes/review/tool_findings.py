"""What other tools found in a change: read from their SARIF, kept where lines were added, never said twice."""

import json
import posixpath
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from operator import itemgetter
from urllib.parse import unquote

from cicd_agent.domain.evidence import Gap
from cicd_agent.domain.finding import Category, Finding, Location, Origin, Severity
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.diff import DiffLine
from cicd_agent.domain.text.json_view import Node, as_line_number, as_mapping, as_text
from cicd_agent.domain.text.redaction import mask
from cicd_agent.domain.text.visible import visible, visible_line
from cicd_agent.domain.text.words import clip, count
from cicd_agent.domain.verdict import Rejected
from cicd_agent.modes.protocol import Ports
from cicd_agent.settings.schema import Settings

MAX_RESULTS = 25_000
"""Results of one file that are read: GitHub takes no more of one upload."""

_MAX_RUNS = 20
_MAX_RULES = 25_000
_MAX_ARGUMENTS = 20
_TITLE, _MESSAGE, _ID, _URI = 200, 2_000, 120, 4_000
_LEVELS = {"error": Severity.HIGH, "warning": Severity.MEDIUM, "note": Severity.LOW, "none": Severity.LOW}
_BANDS = ((9.0, Severity.CRITICAL), (7.0, Severity.HIGH), (4.0, Severity.MEDIUM))
_PRECISION = {"very-high": 1.0, "high": 0.9, "medium": 0.7, "low": 0.5}
# The first category of which a tag has the word.
_CATEGORY_TAGS = (
    (Category.SECURITY, ("security", "cwe", "owasp", "vulnerability", "secret")),
    (Category.PERFORMANCE, ("performance", "efficiency")),
    (Category.TESTING, ("testing", "test", "tests")),
    (Category.ARCHITECTURE, ("architecture", "maintainability", "readability", "style")),
)
_LINK = re.compile(r"\[([^\[\]]{1,300})\]\(\d{1,6}\)")
_PLACEHOLDER = re.compile(r"\{(\d{1,2})\}")
_NOT_OF_AN_ID = re.compile(r"[^A-Za-z0-9._/-]+")


@dataclass(frozen=True, slots=True)
class ToolResult:
    """One result. `finding` stands on the first of the lines `first`..`last`, 0 for none.

    `snippet` is those lines as the tool saw them and `prints` its partial fingerprints, both "" when it gives none.
    """

    finding: Finding
    first: int
    last: int
    snippet: str
    prints: str


def read_sarif(raw: bytes, roots: Sequence[str]) -> tuple[tuple[ToolResult, ...], tuple[str, ...]]:
    """The results of a file, and in one line each what of it could not be read.

    `roots` are the absolute names of the checkout: paths below one of them count from there.
    """
    try:
        top = json.loads(raw)
    except (ValueError, RecursionError):
        return (), ("it is not JSON",)
    if not isinstance(top, dict) or not isinstance(top.get("runs"), list):
        return (), ("it is not SARIF: it has no list of runs",)
    if not str(top.get("version", "2.1.0")).startswith("2.1"):
        return (), ("its SARIF is not of version 2.1.0",)
    runs = list(Node(top)["runs"])
    results: list[ToolResult] = []
    notes: list[str] = []
    if len(runs) > _MAX_RUNS:
        notes.append(f"{count(len(runs) - _MAX_RUNS, 'run')} beyond the first {_MAX_RUNS} were left out")
    for run in runs[:_MAX_RUNS]:
        matches, problems = _Run(run, roots).read(MAX_RESULTS - len(results))
        results += matches
        notes += problems
    return tuple(results), tuple(dict.fromkeys(notes))


class _Run:
    def __init__(self, run: Node, roots: Sequence[str]) -> None:
        self.run = run
        self._roots = roots
        driver = run["tool"]["driver"]
        self.tool = _safe(_text(driver["name"], _ID).replace("/", "-")) or "tool"
        self._driver_rules = list(driver["rules"])
        self._rules: dict[str, Node] = {}
        for component in (driver, *islice(run["tool"]["extensions"], _MAX_RUNS)):
            for rule in islice(component["rules"], _MAX_RULES):
                if ident := _text(rule["id"], _ID):
                    self._rules.setdefault(ident, rule)

    def read(self, limit: int) -> tuple[list[ToolResult], list[str]]:
        notes: list[str] = []
        if any(each["executionSuccessful"].value is False for each in self.run["invocations"]):
            notes.append(f"{self.tool} says that it did not run to its end")
        listed = list(self.run["results"])
        if len(listed) > limit:
            notes.append(f"{count(len(listed) - limit, 'result')} beyond the first {MAX_RESULTS:,} were left out")
        results = [self._result(result) for result in listed[:limit] if not _is_withdrawn(result)]
        complete = [result for result in results if result is not None]
        if broken := len(results) - len(complete):
            notes.append(f"{count(broken, 'result')} without a file, a rule or a message left out")
        return complete, notes

    def _result(self, result: Node) -> ToolResult | None:
        ident = self._rule_id(result)
        rule = self._rules.get(ident, Node())
        physical = next(iter(result["locations"]), Node())["physicalLocation"]
        path = self._path(physical["artifactLocation"])
        message = _message(result, rule)
        # Some tools put their name before their rules' ids themselves.
        name = _safe(ident.removeprefix(f"{self.tool}/"))
        if not path or not name or not message:
            return None
        region = physical["region"]
        first = as_line_number(region["startLine"].value)
        last = max(first, as_line_number(region["endLine"].value)) if first else 0
        title = _text(rule["shortDescription"]["text"], _MESSAGE) or message.split("\n")[0]
        properties = Node(as_mapping(rule["properties"].value) | as_mapping(result["properties"].value))
        finding = Finding(
            id=f"{self.tool}/{name}",
            title=clip(visible_line(" ".join(title.split())), _TITLE),
            message=clip(visible(message), _MESSAGE),
            severity=_severity(result, rule, properties),
            category=_category(properties),
            location=Location(path, first),
            confidence=_confidence(result, properties),
            origin=Origin.TOOL,
        )
        prints = as_mapping(result["partialFingerprints"].value)
        same = "\n".join(sorted(f"{key}={value}" for key, value in prints.items() if isinstance(value, str)))
        return ToolResult(finding, first, last, _text(region["snippet"]["text"], 100_000), same[:_MESSAGE])

    def _rule_id(self, result: Node) -> str:
        ident = _text(result["ruleId"], _ID) or _text(result["rule"]["id"], _ID)
        index = result["ruleIndex"].value
        rule = _at(self._driver_rules, result["rule"]["index"].value if index is None else index)
        return ident or _text(rule["id"], _ID)

    def _path(self, artifact: Node) -> str:
        """The path below the checkout, as far as it can be told; "" when the result names no file."""
        if not _text(artifact["uri"], _URI):
            artifact = _at(list(self.run["artifacts"]), artifact["index"].value)["location"]
        uri = _text(artifact["uri"], _URI)
        if not uri:
            return ""
        start = _text(self.run["originalUriBaseIds"][_text(artifact["uriBaseId"], _ID)]["uri"], _URI)
        below = path_of(f"{start.rstrip('/')}/{uri}", self._roots) if start else ""
        # Where the base is of another machine, what follows it still counts from a checkout.
        return below if below and not below.startswith(("/", "..")) else path_of(uri, self._roots)


def _text(node: Node, limit: int) -> str:
    return as_text(node.value, limit)


def _at(nodes: Sequence[Node], index: object) -> Node:
    return nodes[index] if isinstance(index, int) and 0 <= index < len(nodes) else Node()


def _message(result: Node, rule: Node) -> str:
    message = result["message"]
    named = rule["messageStrings"][_text(message["id"], _ID)]
    text = _text(message["text"], _MESSAGE) or _text(named["text"], _MESSAGE)
    arguments = [_text(each, _TITLE) for each in islice(message["arguments"], _MAX_ARGUMENTS)]

    def filled(match: re.Match[str]) -> str:
        index = int(match[1])
        return arguments[index] if index < len(arguments) else match[0]

    return _LINK.sub(r"\1", _PLACEHOLDER.sub(filled, text)).strip()


def path_of(uri: str, roots: Sequence[str]) -> str:
    """A path as SARIF files have them (URI, absolute, Windows) as git has it; one outside of `roots` stays outside."""
    path = unquote(uri).replace("\\", "/")
    if path[:5].lower() == "file:":
        path = re.sub(r"^//[^/]*", "", path[5:])
    path = path.removeprefix("%SRCROOT%/")
    for root in roots:
        if path.startswith(f"{root.rstrip('/')}/"):
            path = path[len(root.rstrip("/")) + 1 :]
            break
    return posixpath.normpath(path)


def _severity(result: Node, rule: Node, properties: Node) -> Severity:
    score = properties["security-severity"].value
    with suppress(ValueError, OverflowError):
        number = float(score) if isinstance(score, str | int | float) and not isinstance(score, bool) else -1.0
        if 0 <= number <= 10:  # noqa: PLR2004  CVSS's scale
            return next((severity for minimum, severity in _BANDS if number >= minimum), Severity.LOW)
    usual = _text(rule["defaultConfiguration"]["level"], _ID)
    return _LEVELS.get(_text(result["level"], _ID) or usual, Severity.MEDIUM)


def _category(properties: Node) -> Category:
    if properties["security-severity"].value is not None:
        return Category.SECURITY
    tags = " ".join(_text(tag, _ID).lower() for tag in islice(properties["tags"], 100))
    labels = set(re.findall(r"[a-z]+", tags))
    return next((category for category, named in _CATEGORY_TAGS if labels.intersection(named)), Category.RELIABILITY)


def _confidence(result: Node, properties: Node) -> float:
    rank = result["rank"].value
    if isinstance(rank, int | float) and not isinstance(rank, bool) and 0 <= rank <= 100:  # noqa: PLR2004  SARIF's
        return round(rank / 100, 3)
    return _PRECISION.get(_text(properties["precision"], _ID).lower(), 1.0)


def _is_withdrawn(result: Node) -> bool:
    """Whether the tool itself does not stand by it: it passed, is gone, or somebody silenced it there."""
    if result["kind"].value not in (None, "fail", "open", "review") or result["baselineState"].value == "absent":
        return True
    return any(each["status"].value in (None, "accepted") for each in result["suppressions"])


def _safe(ident: str) -> str:
    return _NOT_OF_AN_ID.sub("-", ident).strip("-/")


MAX_FILES = 20
MAX_FINDINGS = 2_000
"""Findings on added lines that are kept: a person reads fewer."""

_LARGEST = 20_000_000
_CLIP = 2_000
_QUOTE = 300


def read_results(change: Change, world: Ports, settings: Settings) -> tuple[tuple[Finding, ...], tuple[Gap, ...]]:
    """The findings of `sarif-files` on added lines of the change, and what was left out of them."""
    if not settings.sarif_files:
        return (), ()
    if world.workspace is None:
        return (), (Gap("", "sarif-files were not read: there is no workspace"),)
    added = {file.path: [(line.new or 0, line) for line in file.added] for file in change.files}
    accepted: list[Finding] = []
    seen: set[tuple[str, str, object]] = set()
    notes: list[str] = []
    elsewhere: Counter[str] = Counter()
    for file in world.workspace.files(settings.sarif_files, most=MAX_FILES, limit=_LARGEST):
        results, problems = ((), (file.problem,)) if file.problem else read_sarif(file.content, world.workspace.roots)
        notes += [f"sarif-files: {visible_line(file.path)[:_QUOTE]}: {problem}" for problem in problems]
        for result in results:
            ident, path = result.finding.id, result.finding.location.path
            keys = {(ident, path, result.first), (ident, path, result.prints or result.first)}
            if seen.isdisjoint(keys):
                finding = _on(added.get(path, ()), result)
                if isinstance(finding, Finding) and len(accepted) < MAX_FINDINGS:
                    accepted.append(finding)
                else:
                    elsewhere[finding if isinstance(finding, str) else f"beyond the first {MAX_FINDINGS:,}"] += 1
            seen |= keys
    notes += [f"{count(number, 'finding')} of other tools {where} left out" for where, number in elsewhere.items()]
    return tuple(accepted), tuple(Gap("", note) for note in notes)


def _on(added: Sequence[tuple[int, DiffLine]], result: ToolResult) -> Finding | str:
    """The finding on the first added line of the result, or where it is instead. `added` is in order."""
    at = bisect_left(added, result.first, key=itemgetter(0))
    if not result.first or at == len(added) or added[at][0] > result.last:
        return "outside the change"
    number, line = added[at]
    if not _reads_so(result, line):
        return "on lines that read differently in the commit under review"
    return replace(
        result.finding,
        title=mask(result.finding.title),
        message=mask(result.finding.message),
        location=Location(result.finding.location.path, number),
        quote=mask(line.text[:_CLIP]).strip()[:_QUOTE],
    )


def proven_results(findings: Iterable[Finding], change: Change) -> Iterator[Finding]:
    """Those of evidence that are what they say: evidence may have come from a file that somebody wrote."""
    added_lines = {(file.path, line.new) for file in change.files for line in file.added}
    for finding in findings:
        where = finding.location
        whole = finding.origin is Origin.TOOL and "/" in finding.id and not finding.suggestion
        if whole and where == Location(where.path, where.line) and (where.path, where.line) in added_lines:
            yield finding


def merge_same(findings: Sequence[Finding], settings: Settings) -> tuple[list[Finding], list[Rejected]]:
    """The findings of rules and tools without those that repeat another of the same line and no less weight."""
    accepted = [finding for finding in findings if finding.origin is not Origin.TOOL]
    merged: list[Rejected] = []
    of_tools = [finding for finding in findings if finding.origin is Origin.TOOL]
    for finding in sorted(of_tools, key=lambda each: -each.severity.rank):
        twin = next((each for each in accepted if _covers(each, finding, settings.min_confidence)), None)
        if twin is None:
            accepted.append(finding)
        else:
            where = finding.location
            merged.append(Rejected(finding, f"says what `{twin.id}` says at {where.path}:{where.line}"))
    return accepted, merged


def _covers(one: Finding, other: Finding, min_confidence: float) -> bool:
    here, there = one.location, other.location
    return (
        _source(one) != _source(other)
        and one.category == other.category
        and one.severity.rank >= other.severity.rank
        and one.confidence >= min(other.confidence, min_confidence)
        and (here.path, here.side, here.line) == (there.path, there.side, there.line)
    )


def _source(finding: Finding) -> str:
    return finding.id.partition("/")[0] if finding.origin is Origin.TOOL else ""


def _reads_so(result: ToolResult, line: DiffLine) -> bool:
    """Whether the tool saw this line; the checkout of a pull request is a merge, whose lines may be others."""
    seen = ["".join(each.split()) for each in result.snippet.splitlines() if each.strip()]
    text = "".join(line.text.split())
    return not seen or any(part in text or (text and text in part) for part in seen)
