"""A failed log in so many tokens: the lines that are worth most, with numbers, and the size of what was left out."""

import re
import zlib
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, compress, pairwise, takewhile
from math import sqrt

from cicd_agent.analysis.logs.extract import Elision, Extract, ExtractLine, Kind
from cicd_agent.analysis.logs.failed_tests import failed_tests
from cicd_agent.analysis.logs.job_result import passing_line
from cicd_agent.analysis.logs.kind import failure_kind
from cicd_agent.analysis.logs.matcher import Matcher
from cicd_agent.analysis.logs.problems import MAX_PROBLEMS, problems
from cicd_agent.analysis.logs.reader import MAX_LINE, Line, StepSpan, read
from cicd_agent.analysis.logs.registry import load_tools
from cicd_agent.analysis.logs.score import LineScore, score_lines, trouble_of
from cicd_agent.analysis.logs.template import Templates
from cicd_agent.analysis.logs.test_results import FailedCounts, passes
from cicd_agent.domain.text.words import count as number_of

_MIN_SCORE = 0.02
_SHORT_GAP = 2
_LONG = 90
"""Characters of a line from which on its length counts against it."""
_MAX_CHARACTERS_PER_TOKEN = 12
_MAX_OTHER_SCORE = 0.99
"""The score that no line but the first problem's exceeds."""


MAX_LINES = 40_000
_MAX_CHARACTERS = 24_000_000
_FIRST, _LAST = 100, 2_000
_DIGITS = b"0123456789"
_MAX_KNOWN = 400_000
"""Lines of which it is known whether they may matter."""
MIN_RELEVANCE = 0.3
_QUOTAS = ((20, 10, 25), (5, 5, 12), (1, 2, 5))
"""How many lines of each kind are selected, each with so many lines before and after it."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The lines selected of a log, the hash of each line that it has, and what its test runners count.

    `cut` is the number of lines that were too long.
    """

    lines: list[Line]
    hashes: "array[int]"
    cut: int
    counts: FailedCounts


def reduce(
    chunks: Iterable[bytes],
    *,
    tokens: int = 2_000,
    green: Templates | None = None,
    job: str = "",
    steps: Sequence[StepSpan] = (),
    matcher: Matcher | None = None,
) -> Extract:
    """The extract of a log in at most so many tokens; a `matcher` that was made once serves many logs."""
    matcher = matcher or Matcher(load_tools())
    size = 0

    def counted() -> Iterator[bytes]:
        nonlocal size
        for chunk in chunks:
            size += len(chunk)
            yield chunk

    selection = select_lines(read(counted(), steps=steps), lambda text: relevance(text, matcher))
    blocks = list(matcher.blocks(selection.lines))
    scores = score_lines(selection.lines, blocks, green, frozenset(step.name for step in steps if step.failed))
    ranked = problems(selection.lines, blocks, scores, green)
    first = ranked[0].line if ranked else 0
    shown, used = _fill(selection.lines, scores, tokens, first)
    lines = tuple(_shown_lines(selection, scores, shown, job=job, first=first))
    total, notes, passing = len(selection.hashes), [], passing_line(selection.lines)
    if selection.cut:
        notes.append(
            f"{number_of(selection.cut, 'line')} longer than {MAX_LINE:,} characters, of which the rest was not read."
        )
    if total > len(selection.lines):
        notes.append(f"Of {total:,} lines {len(selection.lines):,} were looked at closely.")
    if len(ranked) > MAX_PROBLEMS:
        notes.append(f"{number_of(len(ranked) - MAX_PROBLEMS, 'problem')} less decisive not listed.")
    return Extract(
        kept=lines,
        elisions=tuple(_elisions(lines, selection.hashes)),
        problems=ranked[:MAX_PROBLEMS],
        total=total,
        tokens=used,
        bytes=size,
        notes=tuple(notes),
        job=job,
        passed=ExtractLine(passing.number, passing.text, 0.0, job, passing.step) if passing else None,
        kind=Kind.UNKNOWN if passing else failure_kind(selection.lines, ranked),
        tests=failed_tests(selection.lines, blocks, selection.counts),
    )


def relevance(text: str, matcher: Matcher) -> float:
    # Whether it can be a tool's message is the cheaper question.
    if passes(text):
        return 0.0
    return 1.0 if matcher.candidates(text) else trouble_of(text)


def passed(chunks: Iterable[bytes]) -> Templates:
    """What a log that passed says: `green` for one that did not."""
    return Templates(line.text for line in read(chunks))


def _fill(lines: Sequence[Line], scores: Sequence[LineScore], budget: int, first: int) -> tuple[list[int], int]:
    """The lines that are shown, and the tokens they take: before all others the first problem's, no text twice."""

    def value(index: int) -> float:
        # A line as long as ten has to tell more than one of them.
        return scores[index].score * min(1.0, sqrt(_LONG / max(1, len(lines[index].text))))

    order = sorted(
        (index for index in range(len(lines)) if scores[index].score >= _MIN_SCORE),
        key=lambda index: (lines[index].number != first, -value(index), index),
    )
    shown: set[int] = set()
    texts: set[str] = set()
    used = 0.0
    for index in order:
        text = lines[index].text
        # Counting costs: what cannot fit, or is there already, is not counted.
        if text in texts or len(text) > _MAX_CHARACTERS_PER_TOKEN * (budget - used):
            continue
        cost = estimate_tokens(text)
        if used + cost <= budget:
            shown.add(index)
            texts.add(text)
            used += cost
    for before, after in pairwise(sorted(shown)):
        if after - before > _SHORT_GAP + 1 or lines[after].number - lines[before].number != after - before:
            continue
        for index in range(before + 1, after):
            if scores[index].features.passes:
                continue
            cost = estimate_tokens(lines[index].text)
            if used + cost <= budget and lines[index].text not in texts:
                shown.add(index)
                used += cost
    return sorted(shown), int(used + 0.999)


def _shown_lines(
    selection: Selection, scores: Sequence[LineScore], shown: Sequence[int], *, job: str, first: int
) -> Iterator[ExtractLine]:
    lines = selection.lines
    repeats = {hash_: -times for hash_, times in Counter(line_hash(lines[index].text) for index in shown).items()}
    for hash_ in selection.hashes:
        if hash_ in repeats:
            repeats[hash_] += 1
    repeats[0] = 0
    for index in shown:
        line, own = lines[index], scores[index]
        # The first of its kind stands for all that are not shown.
        times = 1 + repeats.pop(line_hash(line.text), 0)
        score = 1.0 if line.number == first else min(own.score, _MAX_OTHER_SCORE)
        yield ExtractLine(line.number, line.text, round(score, 3), job, line.step, own.tool, times)


def _elisions(lines: Sequence[ExtractLine], hashes: "array[int]") -> Iterator[Elision]:
    shown = {line_hash(line.text) for line in lines} - {0}
    before = 0
    for number in [*(line.number for line in lines), len(hashes) + 1]:
        if number > before + 1:
            yield Elision(before + 1, number - 1, sum(map(shown.__contains__, hashes[before : number - 1])))
        before = number


_PIECES = re.compile(
    r"(?P<word>[A-Z]?[a-z]+|[A-Z]+(?![a-z]))|(?P<digits> ?[0-9]+)|(?P<run>([^\w\s])\4{3,})|(?P<marks>[!-/:-@\[-`{-~]+)"
    r"|(?P<blanks>\s{2,})|(?P<other>[^\x00-\x7f])"
)
_VOWEL = re.compile("[aeiouy]", re.IGNORECASE)
_MARGIN = 1.11
_LONG_PIECE = 5


def estimate_tokens(text: str) -> float:
    """Tokens of one line with its end: within a few percent over some lines, and not below in sum."""
    count = 1.0
    for piece in _PIECES.finditer(text):
        size = piece.end() - piece.start()
        match piece.lastgroup:
            case "word":
                word = piece[0]
                rare = 0.12 if word.isupper() else 0 if _VOWEL.search(word) else 0.16
                count += 0.86 + 0.13 * max(0, size - _LONG_PIECE) + rare * (size - 1)
            case "digits":
                # A blank before a word is free, before a number it is not.
                count += 1.18 * ((size + 2) // 3 if piece[0][0] != " " else 1 + (size + 1) // 3)
            case "marks":
                # A few that often stand together are one token; a drawing made of them is nearly one each.
                count += 0.67 + 0.36 * (min(size, _LONG_PIECE) - 1) + 0.75 * max(0, size - _LONG_PIECE)
            case "other":
                count += 0.58 * (len(piece[0].encode("utf-8", "surrogatepass")) - 1)
            case "run" if not piece[0].isascii():
                count += 1.1 * size
            case _:
                count += 1.5 + 0.04 * size
    return count * _MARGIN


def select_lines(lines: Iterable[Line], relevance: Callable[[str], float]) -> Selection:
    """Read the lines once, and select those that may matter. `relevance` of a text is 0–1."""
    selected: list[Line] = []
    hashes = array("I")
    size = cut = 0
    known: dict[int, bool] = {}
    counts = FailedCounts()

    for line in lines:
        text = line.text
        hashes.append(line_hash(text))
        selected.append(line)
        counts.see(text)
        size += len(text)
        if line.cut:
            cut += 1
        if len(selected) > MAX_LINES or size > _MAX_CHARACTERS:
            selected = _thin(selected, _relevant(selected, hashes, relevance, known))
            if len(known) > _MAX_KNOWN:
                known.clear()
            size = sum(len(each.text) for each in selected)
    return Selection(selected, hashes, cut, counts)


def line_hash(text: str) -> int:
    """The same for lines that differ by their numbers alone, 0 for blank ones."""
    key = text.encode("utf-8", "surrogatepass").translate(None, _DIGITS).strip()
    return zlib.crc32(key) or 1 if key else int(not text.isspace() and text != "")


def _relevant(
    lines: Sequence[Line], hashes: "array[int]", relevance: Callable[[str], float], known: dict[int, bool]
) -> list[tuple[int, int]]:
    """The lines that may matter, by index, each with how many of them so far are like it."""
    counts: dict[int, int] = {}
    found = []
    for index, line in enumerate(lines):
        key = hashes[line.number - 1]
        if (matters := known.get(key)) is None:
            matters = known[key] = relevance(line.text) >= MIN_RELEVANCE
        if matters:
            counts[key] = nth = counts.get(key, 0) + 1
            found.append((index, nth))
    return found


def _thin(lines: list[Line], relevant: Sequence[tuple[int, int]]) -> list[Line]:
    """At most half of the limits: thinning costs what was read since it was done last, so that all of it is linear."""
    sample = lines
    for quota in _QUOTAS:
        sample = _sample(lines, quota, relevant)
        if len(sample) <= MAX_LINES // 2 and sum(len(line.text) for line in sample) <= _MAX_CHARACTERS // 2:
            return sample
    # The beginning and the end of what is still too much.
    quarter = min(MAX_LINES // 4, len(sample) // 2)
    return [*_fit(sample[:quarter]), *reversed(_fit(sample[: -quarter - 1 : -1]))]


def _sample(lines: Sequence[Line], quota: tuple[int, int, int], relevant: Sequence[tuple[int, int]]) -> list[Line]:
    each, before, after = quota
    size, around = len(lines), b"\x01" * (before + after + 1)
    last = size - _LAST
    # With room at both ends, so that what is around a line needs no bounds.
    chosen = bytearray(before + size + after)
    for index, nth in relevant:
        if nth <= each or index >= last:
            chosen[index : index + len(around)] = around
    for first, end in ((0, min(_FIRST, size)), (max(last, 0), size)):
        chosen[before + first : before + end] = b"\x01" * (end - first)
    return list(compress(lines, chosen[before:]))


def _fit(lines: Sequence[Line]) -> Sequence[Line]:
    sizes = accumulate(len(line.text) for line in lines)
    return lines[: sum(1 for _ in takewhile(lambda size: size <= _MAX_CHARACTERS // 4, sizes))]
