"""A plan as one line for the log, and as a page."""

from collections.abc import Iterator, Sequence
from posixpath import commonpath

from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.paths import PathKind, kinds
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.text.words import capital, clip, count
from cicd_agent.domain.verdict import Ground, Risk
from cicd_agent.modes.protocol import Account
from cicd_agent.modes.route.result import Cells, RouteResult
from cicd_agent.modes.route.table import outside
from cicd_agent.modes.shared.blocks import account_blocks, bullets, first_parts, headline
from cicd_agent.modes.shared.change_risk import describe_score
from cicd_agent.modes.shared.services import services_block
from cicd_agent.rendering.page import Block, Details, Inline, Page, Paragraph, Table, code, joined, strong
from cicd_agent.settings.schema import Settings

MAX_REASONS = 12
MAX_PATHS = 3
_MAX_GAPS = 20
_LONGEST = 300


def sentence(result: RouteResult, evidence: Evidence) -> str:
    """The plan as plain text in one line, for the log and the `summary` output."""
    why = "; ".join(_why(result, evidence.change))
    words = f"{_heading(result)}. {capital(why)}."
    return visible_line(clip(" ".join(words.split()), 600))


def page(result: RouteResult, evidence: Evidence, account: Account, _settings: Settings) -> Page:
    """The plan, why it is as it is, and what was not looked at."""
    return Page(
        (
            *headline(_heading(result), account),
            _cells(result),
            *services_block(result.services),
            *_areas(result, evidence),
            *_doubts(result),
            *_would_be(result),
            *_reasons(result.risk),
            *account_blocks(account),
            *_gaps(evidence),
        )
    )


def _deployment(cells: Cells) -> str:
    watched = f", watched for {cells.monitor_minutes} min" if cells.monitor_minutes else ""
    share = f" at {cells.canary_percentage} %" if cells.strategy == "canary" else ""
    return f"{cells.strategy.replace('_', '-')} deployment{share}{watched}"


def _why(result: RouteResult, change: Change | None) -> Iterator[str]:
    """What a reader asks first: what is in doubt, what is touched, and what is not."""
    if result.doubts:
        yield f"in doubt, {clip(result.doubts[0], _LONGEST)}"
    named = [reason.text for reason in result.risk.reasons if reason.ground is not Ground.SHAPE]
    if change is not None:
        yield ", ".join([_where(change), *([] if named else _absent(change))])
    if named:
        yield ", ".join(clip(text, _LONGEST) for text in named[:2])


def _where(change: Change) -> str:
    files = count(len(change.files), "file")
    parents = {file.path.rpartition("/")[0] for file in change.files}
    shared = commonpath(parents) if parents and "" not in parents else ""
    return f"{files} under {shared}/" if shared else files


def _absent(change: Change) -> Iterator[str]:
    found: frozenset[PathKind] = frozenset().union(*(kinds(file.path) for file in change.files))
    if PathKind.MIGRATION not in found:
        yield "no migration"
    if not found & {PathKind.DEPENDENCY_MANIFEST, PathKind.LOCK_FILE}:
        yield "no dependency change"


def _heading(result: RouteResult) -> str:
    cells = result.cells
    approval = " · approval required" if cells.requires_approval else ""
    risk = f"{result.risk.level} risk {describe_score(result.risk)}"
    tests = "no" if cells.tests == "none" else cells.tests
    return f"{risk} → {tests} tests · {cells.build} build · {_deployment(cells)}{approval}"


def _cells(result: RouteResult) -> Table:
    cells = result.cells
    rows: list[tuple[str, str, str]] = [
        ("tests", cells.tests, _set("tests", result, result.tests_why)),
        ("build", cells.build, _set("build", result, result.build_why)),
        ("strategy", cells.strategy, _set("strategy", result, _strategy_reason(result))),
    ]
    if cells.canary_percentage:
        rows.append(("canary", f"{cells.canary_percentage} %", _set("canary_percentage", result, "")))
    if cells.monitor_minutes:
        rows.append(("monitoring", f"{cells.monitor_minutes} min", _set("monitor_minutes", result, "")))
    if cells.requires_approval:
        rows.append(("approval", "required", f"risk {result.risk.level}"))
    return Table(("", "plan", "why"), [(name, code(value), clip(why, _LONGEST)) for name, value, why in rows])


def _strategy_reason(result: RouteResult) -> str:
    return "nothing that runs has changed" if result.cells.strategy == "direct" else f"risk {result.risk.level}"


def _set(cell: str, result: RouteResult, reason: str) -> str:
    """The reason of a cell; that the config sets it, where it does and still holds."""
    if cell not in result.overridden or (result.doubts and cell in {"tests", "build"}):
        return reason
    by_config = "set in the configuration"
    return by_config if not reason or reason == by_config or cell == "strategy" else f"{by_config}; {reason}"


def _areas(result: RouteResult, evidence: Evidence) -> Iterator[Block]:
    yield Table(("area", "files"), [(code(area.name), _paths(area.paths)) for area in result.areas if area.run])
    if idle := [code(area.name) for area in result.areas if not area.run]:
        yield Paragraph(("Not affected: ", joined(idle), "."))
    missed = outside(evidence.change, result.areas) if evidence.change is not None else ()
    if result.areas and missed and not result.doubts:
        yield Paragraph(
            (f"{count(len(missed), 'file')} in no area, so no area job runs for them: ", _paths(missed), ".")
        )


def _paths(paths: Sequence[str]) -> Inline:
    return first_parts([code(clip(path, 120)) for path in paths], MAX_PATHS)


def _doubts(result: RouteResult) -> Iterator[Block]:
    if result.doubts:
        yield Paragraph(strong("In doubt, so everything runs:"))
        yield bullets([clip(doubt, _LONGEST) for doubt in result.doubts], _MAX_GAPS)


def _would_be(result: RouteResult) -> Iterator[Block]:
    plan = result.would_be
    if plan is not None:
        label = strong("Would be")
        yield Paragraph(
            (label, ", once the test map is proven: tests ", code(plan.tests), ", build ", code(plan.build), ".")
        )


def _reasons(risk: Risk) -> Iterator[Block]:
    if not risk.reasons:
        yield Paragraph("No risk factors.")
        return
    rows = [(f"{each.points:+.0f}", clip(each.text, _LONGEST)) for each in risk.reasons[:MAX_REASONS]]
    yield Details(f"Why the risk is {risk.level}", [Table(("points", "reason"), rows)])
    if risk.probability:
        yield Paragraph(f"In this repository, {risk.probability:.0%} of such changes needed a repair.")


def _gaps(evidence: Evidence) -> Iterator[Block]:
    lines: list[Inline] = [(code(gap.what), f": {gap.why}") if gap.what else gap.why for gap in evidence.gaps]
    if lines:
        yield Details(f"Not analysed line by line: {len(lines):,}", [bullets(lines, _MAX_GAPS)])
