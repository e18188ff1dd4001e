"""What kind of failure a log is of: by its tools' messages and its words, with weights learnt from labelled logs.

`benchmarks/headlines/kinds.py` writes `kind.toml`. The kinds of single problems are what their tools are for; a log has
several of them, and what ended the job may be none of these: a registry that a build could not reach.
"""

import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from math import fsum

from cicd_agent.analysis.logs.extract import Kind, Problem
from cicd_agent.analysis.logs.reader import MAX_SEARCHED, Line
from cicd_agent.domain.text.patterns import load_patterns

_WORDS = load_patterns(__package__, "kind")
_RANKS = (1.0, 0.5, 0.25)
"""What the words of the first problems count."""
_MAX_VOTES = 12
_BEFORE, _AFTER = 6, 3
_LAST = 12
KINDS = (Kind.TEST_FAILURE, Kind.BUILD_ERROR, Kind.LINT_ERROR, Kind.TIMEOUT, Kind.INFRASTRUCTURE)
"""What the weights tell apart. No log says that a test is flaky; dependency and configuration are errors of a build."""
_FINER = {Kind.DEPENDENCY: Kind.BUILD_ERROR, Kind.CONFIGURATION: Kind.BUILD_ERROR}
_WHERE = ("says", "near", "step", "wraps")

Features = Mapping[str, float]


@cache
def weights() -> Mapping[str, Features]:
    """Of each kind the weights of the features."""
    learnt: Mapping[str, Features] = tomllib.loads(files(__package__).joinpath("kind.toml").read_text("utf-8"))
    return learnt


def names() -> frozenset[str]:
    """All features that a log may have."""
    words = (f"{where}_{word}" for where in _WHERE for word in _WORDS)
    votes = (f"{where}_{kind}" for where in ("first", "vote") for kind in Kind)
    return frozenset((*words, *votes, "always", "has_test", "has_code", "has_trouble", "no_tool"))


def failure_kind(lines: Sequence[Line], ranked: Sequence[Problem]) -> Kind:
    """The kind of the failure of a log, UNKNOWN where it has no problem. `ranked` are its problems, the first first."""
    if not ranked:
        return Kind.UNKNOWN
    found, learnt = features(lines, ranked), weights()

    def worth(kind: Kind) -> float:
        own = learnt.get(kind, {})
        return fsum(value * own.get(name, 0.0) for name, value in found.items())

    return closer(max(KINDS, key=worth), ranked[0].kind)


def closer(overall: Kind, own: Kind) -> Kind:
    """What a log is of as a whole, or the kind of its first message where that says the same more precisely."""
    return own if _FINER.get(own) is overall else overall


def features(lines: Sequence[Line], ranked: Sequence[Problem]) -> Features:
    first = ranked[0]
    explaining = [each for each in ranked[:_MAX_VOTES] if not each.wraps] or ranked[:1]
    total = fsum(each.score for each in explaining) or 1.0
    found: defaultdict[str, float] = defaultdict(float)
    for each in explaining:
        found[f"vote_{each.kind}"] += each.score / total
        found["has_trouble"] += each.score / total * (each.trouble is not None)
    for share, each in zip(_RANKS, explaining, strict=False):
        for word in _topics(each.text):
            found[f"says_{word}"] = max(found[f"says_{word}"], share)
    near = {f"near_{word}" for text in _near(lines, explaining[0]) for word in _topics(text)}
    step = {f"step_{word}" for word in _topics(explaining[0].step)}
    wraps = {f"wraps_{word}" for each in ranked if each.wraps for word in _topics(each.text)}
    found |= dict.fromkeys((*near, *step, *wraps, "always", f"first_{first.kind}"), 1.0)
    found["no_tool"] = float(not first.tool)
    found["has_code"] = float(bool(first.code))
    found["has_test"] = float(any(each.test for each in explaining[: len(_RANKS)]))
    return {name: value for name, value in found.items() if value}


def _near(lines: Sequence[Line], problem: Problem) -> Iterator[str]:
    """The lines around a problem and the last ones of its step."""
    own = [line for line in lines if line.step == problem.step and line.text.strip()]
    beside = [line for line in own if problem.first - _BEFORE <= line.number <= problem.last + _AFTER]
    yield from (line.text for line in (*beside[:40], *own[-_LAST:]))


def _topics(text: str) -> frozenset[str]:
    text = text[:MAX_SEARCHED]
    return frozenset(word for word, form in _WORDS.items() if form.search(text))
