"""What other tools found in a change: read from their SARIF, kept where lines were added, never said twice."""

import json
import posixpath
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Any
from urllib.parse import unquote

from cicd_agent.domain.evidence import Gap
from cicd_agent.domain.finding import Category, Finding, Location, Origin, Severity
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.diff import DiffLine
from cicd_agent.domain.text.json_view import as_items, as_line_number, as_mapping, as_text
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
    runs = top["runs"]
    results: list[ToolResult] = []
    notes: list[str] = []
    if len(runs) > _MAX_RUNS:
        notes.append(f"{count(len(runs) - _MAX_RUNS, 'run')} beyond the first {_MAX_RUNS} were left out")
    for run in runs[:_MAX_RUNS]:
        match, problems = _Run(as_mapping(run), roots).read(MAX_RESULTS - len(results))
        results += match
        notes += problems
    return tuple(results), tuple(dict.fromkeys(notes))


class _Run:
    def __init__(self, run: Mapping[str, Any], roots: Sequence[str]) -> None:
        self.run = run
        self._roots = roots
        tool = as_mapping(run.get("tool"))
        driver = as_mapping(tool.get("driver"))
        self.tool = _safe(as_text(driver.get("name"), _ID).replace("/", "-")) or "tool"
        components = [driver, *(as_mapping(each) for each in as_items(tool.get("extensions"))[:_MAX_RUNS])]
        self._driver_rules = as_items(driver.get("rules"))
        self._rules: dict[str, Mapping[str, Any]] = {}
        for component in components:
            for rule in as_items(component.get("rules"))[:_MAX_RULES]:
                ident = as_text(as_mapping(rule).get("id"), _ID)
                if ident:
                    self._rules.setdefault(ident, rule)

    def read(self, limit: int) -> tuple[list[ToolResult], list[str]]:
        results: list[ToolResult] = []
        notes: list[str] = []
        broken = 0
        if any(as_mapping(each).get("executionSuccessful") is False for each in as_items(self.run.get("invocations"))):
            notes.append(f"{self.tool} says that it did not run to its end")
        listed = as_items(self.run.get("results"))
        if len(listed) > limit:
            notes.append(f"{count(len(listed) - limit, 'result')} beyond the first {MAX_RESULTS:,} were left out")
        for result in map(as_mapping, listed[:limit]):
            if not _silent(result):
                match = self._result(result)
                broken += match is None
                results += [match] if match else []
        if broken:
            notes.append(f"{count(broken, 'result')} without a file, a rule or a message left out")
        return results, notes

    def _result(self, result: Mapping[str, Any]) -> ToolResult | None:
        ident = self._rule_id(result)
        rule = self._rules.get(ident, {})
        physical = as_mapping(as_mapping(_first(result.get("locations"))).get("physicalLocation"))
        path = self._path(as_mapping(physical.get("artifactLocation")))
        message = self._message(result, rule)
        # Some tools put their name before their rules' ids themselves.
        name = _safe(ident.removeprefix(f"{self.tool}/"))
        if not path or not name or not message:
            return None
        region = as_mapping(physical.get("region"))
        first = as_line_number(region.get("startLine"))
        last = max(first, as_line_number(region.get("endLine"))) if first else 0
        title = as_text(as_mapping(rule.get("shortDescription")).get("text"), _MESSAGE) or message.split("\n")[0]
        properties = as_mapping(rule.get("properties")) | as_mapping(result.get("properties"))
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
        prints = as_mapping(result.get("partialFingerprints"))
        same = "\n".join(sorted(f"{key}={value}" for key, value in prints.items() if isinstance(value, str)))
        snippet = as_text(as_mapping(region.get("snippet")).get("text"), 100_000)
        return ToolResult(finding, first, last, snippet, same[:_MESSAGE])

    def _rule_id(self, result: Mapping[str, Any]) -> str:
        reference = as_mapping(result.get("rule"))
        ident = as_text(result.get("ruleId"), _ID) or as_text(reference.get("id"), _ID)
        index = result.get("ruleIndex", reference.get("index"))
        if not ident and isinstance(index, int) and 0 <= index < len(self._driver_rules):
            ident = as_text(as_mapping(self._driver_rules[index]).get("id"), _ID)
        return ident

    def _message(self, result: Mapping[str, Any], rule: Mapping[str, Any]) -> str:
        message = as_mapping(result.get("message"))
        text = as_text(message.get("text"), _MESSAGE)
        if not text:
            strings = as_mapping(rule.get("messageStrings"))
            text = as_text(as_mapping(strings.get(as_text(message.get("id"), _ID))).get("text"), _MESSAGE)
        arguments = [as_text(each, _TITLE) for each in as_items(message.get("arguments"))[:_MAX_ARGUMENTS]]

        def put(match: re.Match[str]) -> str:
            index = int(match[1])
            return arguments[index] if index < len(arguments) else match[0]

        return _LINK.sub(r"\1", _PLACEHOLDER.sub(put, text)).strip()

    def _path(self, artifact: Mapping[str, Any]) -> str:
        """The path below the checkout, as far as it can be told; "" when the result names no file."""
        uri, base = as_text(artifact.get("uri"), _URI), as_text(artifact.get("uriBaseId"), _ID)
        index = artifact.get("index")
        artifacts = as_items(self.run.get("artifacts"))
        if not uri and isinstance(index, int) and 0 <= index < len(artifacts):
            location = as_mapping(as_mapping(artifacts[index]).get("location"))
            uri, base = as_text(location.get("uri"), _URI), as_text(location.get("uriBaseId"), _ID)
        if not uri:
            return ""
        start = as_text(as_mapping(as_mapping(self.run.get("originalUriBaseIds")).get(base)).get("uri"), _URI)
        below = path_of(f"{start.rstrip('/')}/{uri}", self._roots) if start else ""
        # Where the base is of another machine, what follows it still counts from a checkout.
        return below if below and not below.startswith(("/", "..")) else path_of(uri, self._roots)


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


def _severity(result: Mapping[str, Any], rule: Mapping[str, Any], properties: Mapping[str, Any]) -> Severity:
    score = _number(properties.get("security-severity"))
    if score is not None and 0 <= score <= 10:  # noqa: PLR2004  CVSS's scale
        return next((severity for minimum, severity in _BANDS if score >= minimum), Severity.LOW)
    usual = as_text(as_mapping(rule.get("defaultConfiguration")).get("level"), _ID)
    return _LEVELS.get(as_text(result.get("level"), _ID) or usual, Severity.MEDIUM)


def _category(properties: Mapping[str, Any]) -> Category:
    if "security-severity" in properties:
        return Category.SECURITY
    tags = " ".join(as_text(tag, _ID).lower() for tag in as_items(properties.get("tags"))[:100])
    labels = set(re.findall(r"[a-z]+", tags))
    return next((category for category, named in _CATEGORY_TAGS if labels.intersection(named)), Category.RELIABILITY)


def _confidence(result: Mapping[str, Any], properties: Mapping[str, Any]) -> float:
    rank = result.get("rank")
    if isinstance(rank, int | float) and not isinstance(rank, bool) and 0 <= rank <= 100:  # noqa: PLR2004  SARIF's
        return round(rank / 100, 3)
    return _PRECISION.get(as_text(properties.get("precision"), _ID).lower(), 1.0)


def _silent(result: Mapping[str, Any]) -> bool:
    if result.get("kind", "fail") not in ("fail", "open", "review") or result.get("baselineState") == "absent":
        return True
    return any(
        as_mapping(each).get("status", "accepted") == "accepted" for each in as_items(result.get("suppressions"))
    )


def _first(value: object) -> object:
    return next(iter(as_items(value)), None)


def _number(value: object) -> float | None:
    try:
        return float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else None
    except (ValueError, OverflowError):
        return None


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
            keys = _keys(result)
            if seen.isdisjoint(keys):
                finding = _on(added.get(result.finding.location.path, ()), result)
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
    accepted_findings = [finding for finding in findings if finding.origin is not Origin.TOOL]
    merged: list[Rejected] = []
    for finding in sorted(
        (each for each in findings if each.origin is Origin.TOOL), key=lambda each: -each.severity.rank
    ):
        twin = next((each for each in accepted_findings if _says(each, finding, settings.min_confidence)), None)
        if twin is None:
            accepted_findings.append(finding)
        else:
            where = finding.location
            merged.append(Rejected(finding, f"says what `{twin.id}` says at {where.path}:{where.line}"))
    return accepted_findings, merged


def _says(accepted_findings: Finding, finding: Finding, min_confidence: float) -> bool:
    here, there = accepted_findings.location, finding.location
    return (
        _speaker(accepted_findings) != _speaker(finding)
        and accepted_findings.category == finding.category
        and accepted_findings.severity.rank >= finding.severity.rank
        and accepted_findings.confidence >= min(finding.confidence, min_confidence)
        and (here.path, here.side, here.line) == (there.path, there.side, there.line)
    )


def _speaker(finding: Finding) -> str:
    return finding.id.partition("/")[0] if finding.origin is Origin.TOOL else ""


def _keys(result: ToolResult) -> set[tuple[str, str, object]]:
    ident, path = result.finding.id, result.finding.location.path
    return {(ident, path, result.first), (ident, path, result.prints or result.first)}


def _reads_so(result: ToolResult, line: DiffLine) -> bool:
    """Whether the tool saw this line; the checkout of a pull request is a merge, whose lines may be others."""
    seen = ["".join(each.split()) for each in result.snippet.splitlines() if each.strip()]
    text = "".join(line.text.split())
    return not seen or any(part in text or (text and text in part) for part in seen)
