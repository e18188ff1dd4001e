"""The line of a failed log to read first: by its form and its place, with weights that were learnt from labelled logs.

`benchmarks/headlines/learn.py` writes `headline.toml`. A weight is of form and position, never of a project's words.
"""

import tomllib
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from heapq import nlargest
from importlib.resources import files
from math import fsum, log2

from cicd_agent.analysis.logs.extract import Kind, Problem
from cicd_agent.analysis.logs.matcher import Block
from cicd_agent.analysis.logs.reader import MAX_SEARCHED, Line
from cicd_agent.analysis.logs.score import LineScore
from cicd_agent.analysis.logs.template import line_key
from cicd_agent.domain.text.patterns import load_patterns

_FORMS = load_patterns(__package__, "headline")
_ABOVE = ("announces", "exception", "test", "heading", "place", "ruler", "excerpt", "names_place", "indented")
_BELOW = (
    *("frame", "place", "excerpt", "compares", "exception", "heading", "e_line", "names_place", "ruler", "indented"),
    *("wrapper", "inner"),
)
_HEAD = (
    *("warning", "passing", "announces", "test", "inner", "fails_word", "command", "harmless", "heading", "ruler"),
    *("exception", "counter"),
)
"""Forms of the first line of a paragraph that say something of the others."""
_NEVER = frozenset(("place", "ruler", "frame", "diff", "only_exit", "progress", "skipped", "skips"))
"""Lines of these forms are read first only where there is nothing else."""
_ASIDE = _NEVER | {"decides", "command"}
"""Forms that are no features of the line itself."""
_PARAGRAPH = 40
_MAX_CANDIDATES = 100
_MAX_PROBLEMS = 60
_BEFORE_EXIT, _MAX_EXITS = 6, 6
_STRONG_TROUBLE, _STRONG_WEIGHT, _MAX_WRAPPER_WEIGHT = 0.5, 0.7, 0.2
_NEAR = 5
_SHORT, _LONG, _PAIR = 20, 300, 2
_NUMBERS = (
    *(
        "trouble",
        "score",
        "step",
        "problem",
        "problem_score",
        "problem_first",
        "problem_count",
        "block",
        "weight",
        "wraps",
        "has_trouble",
    ),
    *(
        "has_test",
        "has_path",
        "has_code",
        "first_of_message",
        "nth_of_message",
        "inside",
        "inside_weight",
        "inside_test",
    ),
    *("exits", "after_exits", "exit_distance", "exit_near", "exit_first", "exit_step", "exit_steps", "retried", "end"),
    *("strong", "strong_first", "strong_last", "strong_nth", "strong_leads", "strong_above", "first_form", "nth_form"),
    *("repeats", "length", "short", "long", "one_word", "two_words"),
)

Features = Mapping[str, float]


@cache
def weights() -> Features:
    learnt: Features = tomllib.loads(files(__package__).joinpath("headline.toml").read_text("utf-8"))["weights"]
    return learnt


def names() -> frozenset[str]:
    """All features that a line may have."""
    around = (
        f"{where}_{name}" for where, forms in (("above", _ABOVE), ("below", _BELOW), ("head", _HEAD)) for name in forms
    )
    return frozenset((*(_FORMS.keys() - _ASIDE), *around, *(f"kind_{kind}" for kind in Kind), *_NUMBERS))


def headline(
    lines: Sequence[Line], blocks: Sequence[Block], scores: Sequence[LineScore], ranked: Sequence[Problem]
) -> int | None:
    """The index of the line to read first, None where there is no candidate."""
    learnt = weights()

    def worth(candidate: tuple[int, Features]) -> float:
        return fsum(value * learnt.get(name, 0.0) for name, value in candidate[1].items())

    return max(candidates(lines, blocks, scores, ranked), key=worth, default=(None, {}))[0]


def candidates(
    lines: Sequence[Line], blocks: Sequence[Block], scores: Sequence[LineScore], ranked: Sequence[Problem]
) -> Sequence[tuple[int, Features]]:
    """The lines that may be read first, with their features, in the order of the log."""
    log = _Log(lines, blocks, scores, ranked)
    every = [(index, log.features(index)) for index in log.candidates]
    return [each for each in every if log.may_lead(each[0])] or every


class _Log:
    def __init__(
        self, lines: Sequence[Line], blocks: Sequence[Block], scores: Sequence[LineScore], ranked: Sequence[Problem]
    ) -> None:
        self.lines, self.scores = lines, scores
        exits = {index for index, each in enumerate(scores) if each.features.exits}
        exits |= {each.headline for each in blocks if each.tool.wraps and each.weight <= _MAX_WRAPPER_WEIGHT}
        self.exits = sorted(exits)
        index_of = {line.number: index for index, line in enumerate(lines)}
        self.problems = {index_of[each.line]: each for each in reversed(ranked[:_MAX_PROBLEMS])}
        self.first = next(iter(ranked), None)
        self.candidates = self._candidates()
        self.said: dict[int, Block] = {}
        self.within: dict[int, Block] = {}
        for block in sorted(blocks, key=lambda block: block.weight):
            self.said[block.headline] = block
            self.within.update(dict.fromkeys(range(block.first, block.last + 1), block))
        self.spans: list[int] = []
        for index, line in enumerate(lines):
            changes = index > 0 and line.step != lines[index - 1].step
            self.spans.append(self.spans[-1] + changes if index else 0)
        self.retries = [
            index for index, line in enumerate(lines)
            if scores[index].features.trouble > 0 and _FORMS["retries"].search(line.text[:MAX_SEARCHED])
        ]  # fmt: skip
        self.strong: dict[int, list[int]] = defaultdict(list)
        for index in self.candidates:
            if self._is_strong(index):
                self.strong[self.spans[index]].append(index)
        self.keys = Counter(line_key(line.text) for line in lines)
        self.forms: dict[int, frozenset[str]] = {}
        # Where the runner says which command failed: steps before the first such line have passed.
        self.decisive = [
            index for index, line in enumerate(lines) if _FORMS["decides"].search(line.text[:MAX_SEARCHED])
        ]
        self.seen: Counter[object] = Counter()

    def _candidates(self) -> Sequence[int]:
        lines, scores = self.lines, self.scores
        found = set(nlargest(_MAX_CANDIDATES, range(len(lines)), key=lambda index: (scores[index].score, -index)))
        found.update(self.problems)
        for exit_ in {*self.exits[:_MAX_EXITS], *self.exits[-_MAX_EXITS:]}:
            found.update(range(max(0, exit_ - 2 * _BEFORE_EXIT), exit_))
        return sorted(index for index in found if lines[index].text.strip() and not scores[index].echo)

    def _is_strong(self, index: int) -> bool:
        block = self.said.get(index)
        says = block is not None and block.weight >= _STRONG_WEIGHT and not block.tool.wraps
        return says or self.scores[index].features.trouble >= _STRONG_TROUBLE

    def may_lead(self, index: int) -> bool:
        """Whether the line can be the one to read first at all: no place or ruler, nothing of what passed."""
        if self.form(index) & _NEVER or "skips" in self.form(self._head(index)):
            return False
        if not self.decisive:
            return True
        return self.spans[index] >= self.spans[self.decisive[0]] and index <= self.decisive[-1]

    def _head(self, index: int) -> int:
        """The first line of the paragraph that a line is in."""
        first = index
        while first > 0 and index - first < _PARAGRAPH and self.lines[first - 1].text.strip():
            first -= 1
        return first

    def form(self, index: int) -> frozenset[str]:
        if index not in self.forms:
            text = self.lines[index].text[:MAX_SEARCHED]
            self.forms[index] = frozenset(name for name, form in _FORMS.items() if form.search(text))
        return self.forms[index]

    def features(self, index: int) -> Features:
        """Asked in the order of the log: some tell how many there were before."""
        line, score, forms = self.lines[index], self.scores[index], self.form(index)
        found = dict.fromkeys(forms - _ASIDE, 1.0)
        if (head := self._head(index)) != index:
            found |= dict.fromkeys((f"head_{form}" for form in self.form(head) if form in _HEAD), 1.0)
        for name, side, step in (("above", _ABOVE, -1), ("below", _BELOW, 1)):
            found |= dict.fromkeys((f"{name}_{form}" for form in self._beside(index, step) if form in side), 1.0)
        self.seen[forms] += 1
        text = line.text.strip()
        words = len(text.split())
        found |= {
            "trouble": score.features.trouble,
            "score": score.score,
            "step": score.factor,
            "exits": float(score.features.exits),
            "end": log2(1 + self.lines[-1].number - line.number) / 10,
            "first_form": float(self.seen[forms] == 1),
            "nth_form": log2(self.seen[forms]) / 4,
            "repeats": log2(self.keys[line_key(line.text)]) / 4,
            "length": log2(1 + len(text)) / 8,
            "short": float(len(text) < _SHORT),
            "long": float(len(text) > _LONG),
            "one_word": float(words == 1),
            "two_words": float(words == _PAIR),
        }
        return found | self._of_messages(index) | self._of_position(index)

    def _beside(self, index: int, step: int) -> frozenset[str]:
        for other in range(index + step, index + 4 * step, step):
            if 0 <= other < len(self.lines) and self.lines[other].text.strip():
                return self.form(other)
        return frozenset()

    def _of_messages(self, index: int) -> dict[str, float]:
        found: dict[str, float] = {}
        if problem := self.problems.get(index):
            found |= {"problem": 1, "problem_score": problem.score, "problem_count": log2(problem.count) / 4}
            found["problem_first"] = float(problem is self.first)
        if block := self.said.get(index):
            seen = self.seen[block.message.start]
            self.seen[block.message.start] += 1
            found |= {f"has_{name}": 1 for name in ("test", "path", "code") if name in block.groups}
            found |= {"block": 1, "weight": block.weight, f"kind_{block.kind}": 1, "wraps": float(block.tool.wraps)}
            found |= {"first_of_message": float(seen == 0), "nth_of_message": log2(1 + seen) / 4}
            found["has_trouble"] = float(block.message.trouble is not None)
        elif block := self.within.get(index):
            found |= {"inside": 1, "inside_weight": block.weight, "inside_test": float("test" in block.groups)}
        return found

    def _of_position(self, index: int) -> dict[str, float]:
        found: dict[str, float] = {}
        span, next_ = self.spans[index], bisect_right(self.exits, index)
        if next_ == len(self.exits):
            found["after_exits"] = 1
        else:
            exit_ = self.exits[next_]
            distance = self.lines[exit_].number - self.lines[index].number
            retry = bisect_right(self.retries, index)
            found |= {
                "exit_distance": log2(distance) / 8,
                "exit_near": 1 / distance,
                "exit_first": float(next_ == 0),
                "exit_step": float(self.spans[exit_] == span),
                "exit_steps": min(self.spans[exit_] - span, 4) / 4,
                "retried": float(retry < len(self.retries) and self.retries[retry] < exit_),
            }
        mates = self.strong[span]
        place = bisect_left(mates, index)
        near = place > 0 and index - mates[place - 1] <= _NEAR
        if place < len(mates) and mates[place] == index:
            found |= {"strong": 1, "strong_first": float(place == 0), "strong_last": float(place == len(mates) - 1)}
            found |= {"strong_nth": log2(1 + place) / 4, "strong_leads": float(not near)}
        else:
            found["strong_above"] = float(near)
        return found
