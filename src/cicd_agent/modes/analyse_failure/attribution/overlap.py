"""Where the log of a failure and the change overlap, and how strongly each such location suggests the change."""

import re
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from cicd_agent.analysis.logs.extract import Kind, Trouble
from cicd_agent.domain.repository.paths import PathKind, kinds
from cicd_agent.domain.text.patterns import load_patterns
from cicd_agent.modes.analyse_failure.attribution.change_index import PIPELINE, SUPPLY, Changed
from cicd_agent.modes.analyse_failure.attribution.path_match import is_test
from cicd_agent.modes.analyse_failure.evidence import FailedRun, LogLocation
from cicd_agent.modes.analyse_failure.groups import Group
from cicd_agent.modes.analyse_failure.result import Overlap

_PATTERNS = load_patterns(__package__, "overlap")

EXACT, EXACT_DEEP, INNERMOST, DEEPER, APART = 0.95, 0.9, 0.9, 0.8, 0.75
"""The line itself; its function, or a file of which no more is known; those of frames farther out; another function."""
IMPORTED, FARTHER, FARTHEST, NAMED_LIKE = 0.7, 0.6, 0.5, 0.42
"""The last with `_NAMED` is no more than the one before it: not to know the imports never makes a file more suspect."""
SUPPLIED, SUPPLIED_BY_NAME, SUPPLIED_IN_TROUBLE, BUILT = 0.75, 0.85, 0.6, 0.7
_NAMED = 0.08
_GUESSED, _MAX_UNEXPLAINED = 0.85, 0.55
"""The share that is left where no tool's message points there; the maximum where no message says what is wrong."""

MAX_OVERLAPS = 30
_BESIDE = 1
"""The depth of a test's file that no frame names: the error itself may lie elsewhere."""
_FAR = 2
_BUILDS = frozenset({Kind.CONFIGURATION, Kind.BUILD_ERROR, Kind.LINT_ERROR})
REMOTE = frozenset({Trouble.NETWORK, Trouble.SERVICE, Trouble.RATE_LIMIT, Trouble.REGISTRY})


def find_overlaps(failed: FailedRun, group: Group, changed: Changed) -> tuple[Overlap, ...]:
    if not changed.files:
        return ()
    begun, names, text = starts(group, changed), _names_of(group), _text(group).lower()
    weighed = []
    for overlap in (
        *_at_locations(begun, changed),
        *_by_import(failed, begun, changed),
        *_by_file(group, changed, text),
    ):
        strength = overlap.strength
        if strength < INNERMOST and names & changed.names.get(overlap.path, frozenset()):
            strength += _NAMED
        strength = _dampened(min(strength, EXACT), group)
        sha = changed.commit_of(overlap.path, overlap.line)
        weighed.append(replace(overlap, strength=round(strength, 3), sha=sha))
    best: dict[str, Overlap] = {}
    for overlap in sorted(weighed, key=lambda each: (-each.strength, not each.exact, bool(each.via), each.path)):
        # A file that the log itself names is not repeated as one that another imports.
        best.setdefault(overlap.path, overlap)
    return tuple(best.values())[:MAX_OVERLAPS]


def starts(group: Group, changed: Changed) -> tuple[LogLocation, ...]:
    """Where a failure begins: its places, and the file of its test, as far as that is found among the known paths."""
    result = list(group.locations)
    tree = changed.tree
    number = group.problems[0][1].line if group.problems else 0
    tests = dict.fromkeys([group.failure.test, *(problem.test for _, problem in group.problems)])
    named = [(tree.find(case.file), case.line) for case in group.cases if case.file]
    named += [(tree.test(test), 0) for test in tests if test]
    result += [LogLocation(path, max(line, 0), number, _BESIDE, is_test(path)) for path, line in named if path]
    result += [LogLocation(note.path, max(note.line, 0), 0) for note in group.notes if note.path in tree]
    return tuple(dict.fromkeys(result))


def reached(failed: FailedRun, start: str) -> Mapping[str, int]:
    distances = {start: 0}
    queue = deque([start])
    while queue:
        path = queue.popleft()
        for imported in failed.imports.get(path, ()):
            if imported not in distances:
                distances[imported] = distances[path] + 1
                queue.append(imported)
    return distances


def _at_locations(begun: Sequence[LogLocation], changed: Changed) -> Iterator[Overlap]:
    for location in begun:
        if location.path in changed.files:
            exact, deep = changed.holds_line(location.path, location.line), location.depth > 0
            strength = (EXACT_DEEP if deep else EXACT) if exact else DEEPER if deep else INNERMOST
            if not exact and not changed.touches(location.path, location.line):
                strength = APART
            yield Overlap(location.path, location.line, location.number, exact=exact, strength=strength)


def _by_import(failed: FailedRun, begun: Sequence[LogLocation], changed: Changed) -> Iterator[Overlap]:
    firsts: dict[str, LogLocation] = {}
    for each in begun:
        firsts.setdefault(each.path, each)
    for location in firsts.values():
        for path, away in reached(failed, location.path).items():
            if away and path in changed.files:
                strength = IMPORTED if away == 1 else FARTHER if away == _FAR else FARTHEST
                yield Overlap(path, 0, location.number, via=location.path, strength=strength)
        if location.is_test and location.path not in failed.imports:
            yield from _by_name(location, changed)


def _by_name(location: LogLocation, changed: Changed) -> Iterator[Overlap]:
    """A file is tested by the one that is called after it: little, but all there is where no import is known."""
    subject = _stem(location.path)
    for path in changed.files:
        if subject and path != location.path and not is_test(path) and _stem(path) == subject:
            yield Overlap(path, 0, location.number, via=location.path, strength=NAMED_LIKE)


def _stem(path: str) -> str:
    stem = path.rpartition("/")[2].partition(".")[0]
    while (shorter := _PATTERNS["test_word"].sub("", stem)) != stem:
        stem = shorter
    return stem.lower()


def _by_file(group: Group, changed: Changed, text: str) -> Iterator[Overlap]:
    """Changed files that no frame names: what is installed, how the job runs, how the tool is set up."""
    number = group.problems[0][1].line if group.problems else 0
    kind = group.failure.kind
    remote = any(problem.trouble in REMOTE for _, problem in group.problems)
    for path in changed.files:
        of, name = kinds(path), path.lower().rpartition("/")[2]
        strength = 0.0
        if of & SUPPLY and (kind is Kind.DEPENDENCY or name in text):
            names = _packages(changed, path) & {word.lower() for word in _PATTERNS["package"].findall(text)}
            strength = SUPPLIED_BY_NAME if names else SUPPLIED
            if remote:
                # A registry that is down says nothing of what is asked of it, but for the name that it does not know.
                strength = SUPPLIED_IN_TROUBLE if names else 0.0
        elif _runs_it(group, changed, path, of):
            strength = SUPPLIED
        elif (name in text and len(name) > len("a.py") and kind in _BUILDS) or (
            kind is Kind.LINT_ERROR and _PATTERNS["linter"].search(name)
        ):
            strength = BUILT
        if strength:
            yield Overlap(path, 0, number, strength=strength)


def _runs_it(group: Group, changed: Changed, path: str, of: Collection[PathKind]) -> bool:
    if PIPELINE.intersection(of):
        edits = changed.edited_text(path)
        step = group.failure.step.removeprefix("Run ").strip()
        # `sh` is no name.
        return group.failure.kind is Kind.CONFIGURATION or (len(step) > len("sh") and step in edits)
    tools = [problem.tool for _, problem in group.problems]
    return PathKind.DOCKERFILE in of and any("docker" in tool or "buildkit" in tool for tool in tools)


def _packages(changed: Changed, path: str) -> frozenset[str]:
    text = changed.edited_text(path)[:50_000].lower()
    return frozenset(word for word in _PATTERNS["package"].findall(text) if not _PATTERNS["no_package"].fullmatch(word))


def _text(group: Group) -> str:
    cited = [line.text for line in group.failure.decisive]
    return "\n".join([group.failure.title, group.failure.test, *cited, *(case.detail for case in group.cases)])[:50_000]


def _names_of(group: Group) -> frozenset[str]:
    """The names that the failure names, and those that its test's name is made of: `total` of `test_total`."""
    words = set(_PATTERNS["word"].findall(_text(group)))
    tests = {re.sub(r"^test_?|_?test$", "", word) for word in words if word.lower().startswith("test")}
    return frozenset(words | tests)


def _dampened(strength: float, group: Group) -> float:
    """What is left of it where the log explains little: no tool's message, or none but a wrapper's."""
    problems = [problem for _, problem in group.problems]
    # The same may be in the log of a run that passed.
    if problems and not (group.is_explained and any(problem.novel for problem in problems)):
        return min(strength, _MAX_UNEXPLAINED)
    if problems and not group.cases and not any(problem.tool for problem in problems):
        return strength * _GUESSED
    return strength
