"""A review as text for a person at a terminal: each finding under its code, then the risk and what was left out."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TextIO
from urllib.parse import quote

from cicd_agent.adapters.cells import clip, fold
from cicd_agent.adapters.frame import frame
from cicd_agent.agent.turns import Usage
from cicd_agent.core.diff import FileDiff
from cicd_agent.core.evidence import Evidence
from cicd_agent.core.finding import Finding, Origin
from cicd_agent.core.quote import shown
from cicd_agent.core.redact import mask
from cicd_agent.core.text import visible_line
from cicd_agent.core.verdict import Rejected, Risk, Suppressed, Verdict
from cicd_agent.core.words import count

_INK = {
    "critical": "1;31",
    "high": "31",
    "medium": "33",
    "low": "36",
    "added": "32",
    "bold": "1",
    "faint": "2",
}


class Cost(Protocol):
    """What the answers cost: the part of a run's account that is shown."""

    @property
    def model(self) -> str:
        """The model that answered, "" when none was asked."""
        ...

    @property
    def usage(self) -> Usage:
        """Requests and tokens."""
        ...

    @property
    def cost_usd(self) -> float | None:
        """Dollars, None when they are not known."""
        ...

    @property
    def degraded(self) -> str:
        """Why no model was heard, "" when nothing is missing."""
        ...

    @property
    def notices(self) -> tuple[str, ...]:
        """What else the reader should know, one line each."""
        ...


@dataclass(frozen=True, slots=True)
class _Style:
    """What the terminal can do."""

    colour: bool
    width: int
    links: str = ""
    """Address of the checkout, `file:///…`."""

    def ink(self, text: str, name: str) -> str:
        """The text in a colour or weight, plain where there is none."""
        return f"\x1b[{_INK[name]}m{text}\x1b[0m" if self.colour else text

    def wrapped(self, text: str, indent: str, hanging: str = "") -> Iterator[str]:
        """Foreign text made harmless, in lines that fit; all but the first of each paragraph are indented by more."""
        for line in shown(text).split("\n"):
            yield from fold(line, self.width, indent, hanging)

    def linked(self, text: str, path: str, line: int) -> str:
        """The text as a link to a line of a file of the checkout, where there is one and the terminal knows links."""
        if not self.links:
            return text
        target = f"{self.links.rstrip('/')}/{quote(path, errors='replace')}" + (f"#{line}" if line else "")
        return f"\x1b]8;;{target}\x1b\\{text}\x1b]8;;\x1b\\"


def render(
    verdict: Verdict,
    evidence: Evidence,
    cost: Cost,
    *,
    report: str,
    outputs: Mapping[str, str] | None = None,
    colour: bool = False,
    width: int = 100,
    links: str = "",
) -> str:
    """The whole review, findings worst first; `report` is the path of the JSON report, `outputs` the step outputs.

    `links` is the `file:` address of the checkout, which places of findings lead to; "" for none.
    """
    style = _Style(colour, max(width, 40), links)
    worst_first = sorted(verdict.findings, key=lambda each: (-each.severity.rank, -each.confidence))
    lines: list[str] = []
    for finding in worst_first:
        lines += [*_finding(finding, evidence, style), ""]
    for part in (
        _risk(verdict.risk, style),
        _tally(verdict, evidence, cost, style),
        _left_out(verdict, evidence, style),
        _outputs(outputs or {}),
    ):
        lines += part
    if cost.degraded:
        lines += style.wrapped(f"degraded: {cost.degraded}", "")
    for notice in cost.notices:
        lines += style.wrapped(notice, "")
    lines.append(" · ".join([f"report {_line(report)}", *_price(cost)]))
    return "\n".join(lines) + "\n"


def progress(stream: TextIO, *, enabled: bool = True, width: Callable[[], int] = lambda: 80) -> Callable[[str], None]:
    """A function that says what is being done: on a terminal in one line that it rewrites, elsewhere in lines.

    An empty text clears the line before something else is printed. `width` is asked for each time: a window changes.
    """
    live = stream.isatty()

    def say(text: str) -> None:
        text = visible_line(text)
        if live:
            # A line that wraps could not be rewritten.
            stream.write(f"\r\x1b[K{clip(text, width() - 3)} …" if text else "\r\x1b[K")
        elif text:
            stream.write(f"{text} …\n")
        stream.flush()

    def stay_silent(text: str) -> None:
        del text

    return say if enabled else stay_silent


def _finding(finding: Finding, evidence: Evidence, style: _Style) -> Iterator[str]:
    where = finding.location
    place = _line(where.path) + (f":{where.line}" if where.line else "")
    before = " (before)" if where.line and where.side == "LEFT" else ""
    source = f"{finding.confidence:.2f}" if finding.origin is Origin.MODEL else _line(finding.id)
    title = _line(finding.title)
    severity = style.ink(finding.severity, finding.severity)
    here = place if before else style.linked(place, where.path, where.line)
    yield f"{style.ink(here, 'bold')}{before}  {severity}  {title}  {style.ink(f'({source})', 'faint')}"
    yield from frame(finding, evidence.change, style.width)
    yield from style.wrapped(finding.message, "    ")
    if finding.advice:
        yield from style.wrapped(f"→ {finding.advice}", "    ", "  ")
    if finding.suggestion:
        for line in shown(finding.suggestion).expandtabs(4).split("\n"):
            yield f"    {style.ink(f'+ {line}'.rstrip(), 'added')}"
    if finding.committable:
        yield style.ink("    the file parses with it", "faint")


def _risk(risk: Risk, style: _Style) -> Iterator[str]:
    yield f"risk {style.ink(risk.level, risk.level)} ({risk.score} of 100)"
    for reason in risk.reasons:
        points = f"{reason.points:+.0f}" if round(reason.points) else "·"
        yield f"  {points:>4}  {_line(reason.text)}"


def _tally(verdict: Verdict, evidence: Evidence, cost: Cost, style: _Style) -> Iterator[str]:
    files = evidence.change.files if evidence.change else ()
    read = _read(evidence)
    if files:
        added = sum(1 for file in read for _ in file.added)
        deleted = sum(1 for file in read for _ in file.deleted)
        seen = count(len(files), "file") if len(read) == len(files) else f"{len(read)} of {count(len(files), 'file')}"
        yield f"looked at {seen}, {count(added, 'added line')}, {count(deleted, 'deleted line')}"
    counts = Counter(finding.severity for finding in verdict.findings)
    worst_first = sorted(counts, key=lambda severity: -severity.rank)
    words = ", ".join(f"{counts[severity]} {style.ink(severity, severity)}" for severity in worst_first)
    yield f"{count(len(verdict.findings), 'finding')}: {words}" if words else _nothing(evidence, cost)
    for strength in verdict.strengths:
        place = f" ({strength.location.path}:{strength.location.line})" if strength.location else ""
        yield from style.wrapped(f"done well: {strength.text}{place}", "", "  ")


def _nothing(evidence: Evidence, cost: Cost) -> str:
    """No more than is true: of what was looked at, by those who looked."""
    words = "nothing found" if cost.model and not cost.degraded else "the rules found nothing"
    files, read = len(evidence.change.files) if evidence.change else 0, len(_read(evidence))
    if files and not read:
        return "nothing looked at"
    return words if read == files else f"{words} in {read} of {count(files, 'file')}"


def _read(evidence: Evidence) -> Sequence[FileDiff]:
    missed = {gap.what for gap in evidence.gaps}
    return [file for file in evidence.change.files if file.path not in missed] if evidence.change else ()


def _left_out(verdict: Verdict, evidence: Evidence, style: _Style) -> Iterator[str]:
    """Everything that is not among the findings, and why: nothing is dropped in silence."""
    sections = {
        f"{count(len(verdict.rejected), 'claim')} rejected": [_rejected(each) for each in verdict.rejected],
        f"{count(len(verdict.merged), 'claim')} merged": [_rejected(each) for each in verdict.merged],
        f"{len(verdict.suppressed)} suppressed": [_suppressed(each) for each in verdict.suppressed],
        "a person should look": list(verdict.escalate),
        "not looked at": [f"{gap.what}: {gap.why}" if gap.what else gap.why for gap in evidence.gaps],
    }
    for heading, items in sections.items():
        if items:
            yield heading
        for item in items:
            yield from style.wrapped(item, "  ")


def _rejected(each: Rejected) -> str:
    return f"“{each.claim.title}” at {_place(each.claim)}: {each.reason}"


def _suppressed(each: Suppressed) -> str:
    by = f"{each.by} in this change" if each.in_change else str(each.by)
    return f"{each.finding.id} at {_place(each.finding)}, by {by}" + (f": {each.reason}" if each.reason else "")


def _place(finding: Finding) -> str:
    where = finding.location
    return f"{where.path}:{where.line}" if where.line else where.path


def _outputs(outputs: Mapping[str, str]) -> Iterator[str]:
    if not outputs:
        return
    # Not cut at the width: a path has to be copied whole.
    yield "step outputs"
    longest = max(map(len, outputs))
    for name, value in outputs.items():
        yield f"  {name:<{longest}}  {_line(value, 200)}".rstrip()


def _line(text: str, room: int = 1_000) -> str:
    """Foreign text made harmless, in one line."""
    line = visible_line(mask(" ".join(text.split())))
    return line if len(line) <= room else f"{line[: room - 1]}…"


def _price(cost: Cost) -> Iterator[str]:
    if cost.usage.requests or cost.usage.from_cache:
        yield f"{_line(cost.model)}, {cost.usage.words}"
        yield "cost unknown" if cost.cost_usd is None else f"${cost.cost_usd:.2f}"
