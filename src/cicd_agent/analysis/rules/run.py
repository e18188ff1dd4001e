"""The deterministic floor of every judgement of a change: what the rules find in it, and its risky areas."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from operator import attrgetter

from cicd_agent.analysis.risk.annotation_only import is_cosmetic
from cicd_agent.analysis.risk.assessment import FLOORS, risky_kinds
from cicd_agent.analysis.risk.comment_only import is_comment_only
from cicd_agent.analysis.risk.content import content_kinds
from cicd_agent.analysis.rules import RULES
from cicd_agent.analysis.rules.context import CLIP, ChangeContext, FileContext
from cicd_agent.analysis.rules.files import states_the_same
from cicd_agent.analysis.rules.own import Definition, own_rules
from cicd_agent.analysis.rules.python.source import expression_text
from cicd_agent.analysis.rules.rule import NOT_SHIPPED, NOT_WRITTEN_HERE, Rule
from cicd_agent.analysis.rules.supply_chain import lock_without_manifest
from cicd_agent.domain.finding import Finding, Location, Severity
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.diff import ChangeKind, Side
from cicd_agent.domain.repository.paths import OWN_CONFIG, Area, PathKind, kinds
from cicd_agent.domain.text.redaction import mask
from cicd_agent.domain.text.words import count
from cicd_agent.domain.verdict import Draft, RiskLevel

QUOTE = 300
MAX_OF_RULE = 1_000
"""Findings of one rule in one file that are listed: nobody reads more, and a change may bring a million."""
_BEFORE = 100
"""Characters of a quote that stand before the words that it is about."""


class RuleDraft(Draft):
    """What holds with no model at all. Settings neither silence nor grade it here: `verify` does, and says so."""

    findings: tuple[Finding, ...] = ()
    areas: tuple[Area, ...] = ()


def ruled(change: Change, config_file: str = OWN_CONFIG, own: Mapping[str, Definition] | None = None) -> RuleDraft:
    """By our rules, and by those of the team's `own`, by their ids."""
    rules = (*RULES, *own_rules(own or {}))
    change_context = _context(change, config_file, rules)
    found, half_read = _read(change_context, rules)
    listed = (*areas(change_context), *_half_read_area(half_read))
    return RuleDraft(findings=found, areas=listed)


def findings(change: Change, config_file: str = OWN_CONFIG, rules: tuple[Rule, ...] = RULES) -> tuple[Finding, ...]:
    """What the rules find, by path and line. Every location is a line of the diff, or line 0: the file."""
    return _read(_context(change, config_file, rules), rules)[0]


def _context(change: Change, config_file: str, rules: tuple[Rule, ...]) -> ChangeContext:
    return ChangeContext(change, config_file, ["model", *(rule.id for rule in rules)])


def _read(change_context: ChangeContext, rules: tuple[Rule, ...]) -> tuple[tuple[Finding, ...], Mapping[str, str]]:
    """The findings, and the paths of which only the lines could be read, each with the reason."""
    results: dict[tuple[str, Location, str], Finding] = {}
    half_read: dict[str, str] = {}
    for file in change_context.files:
        context = file.copy()
        for rule in rules:
            exempt_kinds = context.kinds & rule.exempt
            if not exempt_kinds or (rule.is_high_confidence and exempt_kinds <= NOT_WRITTEN_HERE):
                for finding in _findings(rule, context, only_new=bool(exempt_kinds)):
                    once = "" if finding.location.line else finding.message
                    results.setdefault((finding.id, finding.location, once), finding)
        if reason := _half_read(context):
            half_read[context.path] = reason
    order = attrgetter("location.path", "location.line", "location.side", "id")
    return tuple(sorted(results.values(), key=order)), half_read


def _half_read(context: FileContext) -> str:
    """Why only the lines of a source file of the product were read, "" where the rules had all of it."""
    # A bundle is what runs, as an action or a web page; it has to say of itself that it was generated.
    diff = context.diff
    path_kinds = kinds(context.path) if diff.is_bundle and not diff.attributes else context.kinds
    # An excerpt in which no rule has found anything shows no added line.
    if not diff.added_count or PathKind.SOURCE not in path_kinds or path_kinds & NOT_SHIPPED:
        return ""
    is_excerpt = diff.excerpt_of is not None and (context.head is None or diff.is_bundle)
    return "very large" if is_excerpt else context.unparsed


def _half_read_area(files: Mapping[str, str]) -> Iterator[Area]:
    if files:
        (path, reason), *more = files.items()
        others = f" and {count(len(more), 'more file')}" if more else ""
        reason = f"was read by the rules for lines alone in `{path}` ({reason}){others}"
        yield Area(PathKind.SOURCE, RiskLevel.MEDIUM, reason, tuple(files))


def _findings(rule: Rule, context: FileContext, *, only_new: bool) -> Iterator[Finding]:
    """The findings of a rule; `only_new` leaves out lines that the change has only brought from elsewhere."""
    met: set[tuple[Side, int]] = set()
    made, rest = 0, list[tuple[Severity, float]]()
    for hit in rule.check(context):
        if hit.line and (hit.side, hit.line) in met:
            continue  # one finding a line
        if hit.call is not None and expression_text(hit.call) in context.old_calls:
            continue
        met.add((hit.side, hit.line))
        line = context.anchors.line_at(hit.side, hit.line)
        if only_new and (line is None or line.text.strip() in context.change.old_lines):
            continue
        if line is not None and not rule.is_for_minified and hit.near and line.text.find(hit.near) >= CLIP:
            continue
        severity = hit.severity or rule.severity
        confidence = rule.confidence if hit.confidence is None else hit.confidence
        if made == MAX_OF_RULE:
            rest.append((severity, confidence))
            continue
        made += 1
        yield Finding(
            id=rule.id,
            title=hit.title or rule.title,
            message=hit.message or rule.reason,
            severity=severity,
            category=rule.category,
            # A line that the diff does not show is still in this file.
            location=Location(context.path, hit.line, side=hit.side) if line else Location(context.path),
            quote=hit.quote or (_quote(line.text, hit.near) if line else ""),
            confidence=confidence,
            advice=rule.remedy,
            suggestion=hit.suggestion if line else "",
        )
    if rest:
        yield _rest(rule, context.path, rest)


def _rest(rule: Rule, path: str, hits: Sequence[tuple[Severity, float]]) -> Finding:
    """One finding for what is beyond MAX_OF_RULE: as bad as the worst, and where no comment silences it."""
    severities, confidences = zip(*hits, strict=True)
    message = f"{count(len(hits), 'more line')} of this file: the first {MAX_OF_RULE:,} are listed. {rule.reason}"
    return Finding(
        id=rule.id,
        title=rule.title,
        message=message,
        severity=max(severities, key=lambda each: each.rank),
        category=rule.category,
        location=Location(path),
        confidence=max(confidences),
        advice=rule.remedy,
    )


def _quote(line: str, near: str) -> str:
    """The beginning of a line, or what is around some words far from there. It shows no secret, nor a part of one."""
    at = line.find(near) if near and len(line) > QUOTE else 0
    if at + len(near) <= QUOTE:
        return mask(line[:CLIP]).strip()[:QUOTE]
    # What a cut leaves of a secret is not known for one: the cuts are far from what is shown.
    start = max(0, at - CLIP)
    masked = mask(line[start : at + len(near) + CLIP])
    middle = masked.find(near) if near in masked else len(mask(line[start:at]))
    return masked[max(0, middle - _BEFORE) :][:QUOTE].strip()


def _changes_interpreter(context: FileContext) -> bool:
    """Whether the first line says anew which program runs a file of the product that was there before."""
    if context.diff.kind is ChangeKind.ADDED or context.kinds & NOT_SHIPPED:
        return False
    return any(number == 1 and text.startswith("#!") for number, text in (*context.added, *context.deleted))


def _by_content(context: FileContext) -> frozenset[PathKind]:
    texts = [text for text in (context.head, context.base) if text is not None]
    # Without a checkout the lines of the diff are all that is known.
    shown = texts or ["\n".join(line.text for line in context.diff.lines)]
    changed = (text for _, text in (*context.added, *context.deleted))
    return content_kinds(context.path, context.kinds, shown, changed)


def _area(kind: PathKind, floor: RiskLevel, what: str, paths: Sequence[str], change: Change) -> Area:
    """Types and comments do not change what the most sensitive file does: they are looked at, and no more."""
    if floor is RiskLevel.HIGH and all(is_cosmetic(file, change) for file in change.files if file.path in paths):
        return Area(kind, RiskLevel.MEDIUM, f"touches {what}, in types and comments alone", tuple(paths))
    return Area(kind, floor, f"touches {what}", tuple(paths))


def areas(change_context: ChangeContext) -> tuple[Area, ...]:
    """One area for each kind of risky file; a file with nothing but new comments touches none."""
    change = change_context.change
    touched: dict[PathKind, list[str]] = defaultdict(list)
    for context in change_context.files:
        risky = set(risky_kinds(context.kinds | _by_content(context)))
        if context.diff.kind is ChangeKind.RENAMED:
            # What moves away is no longer there: the owners of the code, the check of a login.
            risky.update(risky_kinds(kinds(context.diff.old_path)))
        if PathKind.OWN_CONFIG in risky and states_the_same(context):
            risky.remove(PathKind.OWN_CONFIG)
        if risky and not is_comment_only(context.diff, change):
            for kind in risky:
                touched[kind].append(context.path)
    listed = [_area(kind, floor, what, touched[kind], change) for kind, floor, what in FLOORS if kind in touched]
    scripts = tuple(context.path for context in change_context.files if _changes_interpreter(context))
    if scripts:
        reason = f"changes the program that runs {count(len(scripts), 'script')}"
        listed.append(Area(PathKind.SOURCE, RiskLevel.MEDIUM, reason, scripts))
    modules = tuple(file.path for file in change.files if file.is_submodule)
    if modules:
        reason = f"moves {count(len(modules), 'submodule')}, whose content was not looked at"
        listed.append(Area(PathKind.VENDORED, RiskLevel.MEDIUM, reason, modules))
    locks = lock_without_manifest(change.files)
    if locks:
        listed.append(Area(PathKind.LOCK_FILE, RiskLevel.LOW, "updates locked dependencies only", locks))
    return tuple(listed)
