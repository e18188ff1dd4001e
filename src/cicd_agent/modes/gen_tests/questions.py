"""What a model is asked for: tests of one function at a time, with all of its goals, the most valuable first."""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

from cicd_agent.agent.messages import Answer, Question, Tier
from cicd_agent.analysis.python_tests.contradictions import says
from cicd_agent.analysis.python_tests.syntax import fixtures, functions, parsed, path_to
from cicd_agent.analysis.python_tests.test_modules import dotted
from cicd_agent.domain.evidence import Evidence, Exhibit
from cicd_agent.domain.text.words import clip, count
from cicd_agent.domain.trials.candidate import Candidate, CandidateReport, Expectation, Hurdle, Origin, keyed
from cicd_agent.domain.verdict import Draft
from cicd_agent.errors import Exit
from cicd_agent.modes.gen_tests.coverage_targets import Target, entries, home_of, left, subjects, targets
from cicd_agent.modes.gen_tests.evidence import TEST_EVIDENCE, known
from cicd_agent.modes.gen_tests.flaky.fix import fix_questions
from cicd_agent.modes.gen_tests.result import BugGround
from cicd_agent.modes.shared.change_reader import changed, is_by_a_dependency_bot
from cicd_agent.settings.schema import OFF, Settings

MAX_LINES = 400
"""Of a function that are shown."""
MAX_CALLEES, MAX_FIXTURES, MAX_STYLE = 20, 30, 2
MAX_STYLE_LINES = 60
MAX_WORDS = 500
"""Characters of the docstring of a caller or callee; of the first caller three times as many."""
_STATES = {each: each for each in ("never executed", "never taken")}
MAX_DESCRIPTION = 4_000
MAX_QUESTIONS = 20
"""Functions of one change that a model is asked about."""
_BEYOND_AUTHOR = frozenset({None, Hurdle.ADDS, Hurdle.BASE, Hurdle.TRIED})
"""Hurdles about which the author of a test can do nothing."""
_MAX_REASONS, _MAX_OPEN = 12, 30
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{6,}")
_OF_THE_TEST = frozenset(
    {"NameError", "ImportError", "ModuleNotFoundError", "SyntaxError", "IndentationError", "fixture", "UsageError"}
)
"""What a test that is wrong in itself raises."""
_AGAINST_TYPES = {origin: frozenset({"AssertionError"}) for origin in Origin} | {
    Origin.MODEL: frozenset({"AssertionError", "TypeError", "AttributeError"})
}
"""What contradicts types: to refuse a value of the right type is no mistake, unless somebody says which and why."""
MAX_TESTS = 12
"""Of one answer: more would be variations."""
_LONGEST, _LONGEST_NAME = 300, 60


def exhibits(target: Target, text: str, evidence: Evidence, home: str) -> Iterator[Exhibit]:
    """All that is known of a function and belongs before somebody who writes tests for it; `text` is its file's."""
    tests, lines, function = known(evidence), text.splitlines(), target.function
    first, last = function.first, min(function.last, function.first + MAX_LINES - 1)
    around = [node.lineno for node in path_to(parsed(text), function.name)[:-1] if node.lineno < first]
    body = "\n".join([*(lines[number - 1] for number in around), *lines[first - 1 : last]])
    gutter = tuple(map(str, (*around, *range(first, last + 1))))
    yield Exhibit("SOURCE", target.path, body, first, priority=9, gutter=gutter)
    yield Exhibit("GOALS", f"what is open in {function.name}", "\n".join(_gap_lines(target, lines)), priority=9)
    reached = entries(target.path, function.name, evidence)
    shown = [_with_docstring(f"# {each.path}\n{each.head}", each.docstring, MAX_WORDS) for each in reached[1:]]
    shown[:0] = [_with_docstring(f"# {each.path}\n{each.head}", each.docstring, 3 * MAX_WORDS) for each in reached[:1]]
    if shown:
        yield Exhibit("CALLERS", f"what users call to reach {function.name}", "\n".join(shown), priority=7)
    if imports := "\n".join(_imports(target, [each.path for each in reached], evidence, home)):
        yield Exhibit("IMPORTS", f"how {home} has or would have them", imports, priority=8)
    if callees := "\n".join(_callees(text, function.name, first, last)):
        yield Exhibit("CALLEES", f"what {target.path} offers that it calls", callees, priority=5)
    if in_reach := "\n".join(_fixtures(tests.modules, home)):
        yield Exhibit("FIXTURES", "fixtures in reach", in_reach, priority=6)
    called = [part for name in (function.name, *(each.name for each in reached)) for part in name.split(".")]
    if style := "\n\n".join(_style(tests.modules.get(home, ""), called)):
        yield Exhibit("TESTS", home, style, priority=7)
    if words := clip(pull_request_text(evidence).strip(), MAX_DESCRIPTION):
        source = "its title and description" if evidence.event.pull else "the messages of its commits"
        yield Exhibit("PULL REQUEST", source, words, priority=1)


def pull_request_text(evidence: Evidence) -> str:
    """Its title and description; without a pull request the messages of the commits."""
    pull, commits = evidence.event.pull, evidence.change.commits if evidence.change else ()
    said = [(pull.title, pull.body)] if pull else [(each.subject, each.body) for each in commits]
    return "\n\n".join(part.strip() for parts in said for part in parts if part.strip())


def _gap_lines(target: Target, lines: Sequence[str]) -> Iterator[str]:
    """Each goal by its label, with the line that it is about."""
    starts = [*target.lines, *(start for start, _ in target.branches), *(each.line for each in target.survivors)]
    for (label, what), line in zip(target.labels.items(), starts, strict=True):
        shown = clip(lines[line - 1].strip(), 120) if 0 < line <= len(lines) else ""
        yield f"{label}, {_STATES.get(what, f'that no test notices: {what}')}: {shown}"


def _imports(target: Target, callers: Sequence[str], evidence: Evidence, home: str) -> Iterator[str]:
    """The test module's imports of the project, and for what they do not bring the names of modules."""
    modules, paths = known(evidence).modules, evidence.change.paths if evidence.change else ()
    own = [dotted(path, paths, modules.values()) for path in dict.fromkeys((target.path, *callers))]
    roots, names, plain = {name.partition(".")[0] for name in own if name}, set[str](), False
    for node in (parsed(modules.get(home, "")) or ast.Module([], [])).body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            of = {node.module or ""} if isinstance(node, ast.ImportFrom) else {each.name for each in node.names}
            if {name.partition(".")[0] for name in of} & roots:
                names |= of.union(f"{each}.{alias.name}" for each in of for alias in node.names)
                plain |= isinstance(node, ast.Import)
                yield ast.unparse(node)
    yield from (f"import {name}" if plain else f"from {name} import …" for name in own if name and name not in names)


def _with_docstring(head: str, words: str, longest: int) -> str:
    return f'{head}\n    """{clip(" ".join(words.split()), longest)}"""' if words else head


def _callees(text: str, name: str, first: int, last: int) -> Iterator[str]:
    """The signatures of what the same file defines and these lines name."""
    lines = text.splitlines()
    named = set(re.findall(r"\w+", "\n".join(lines[first - 1 : last])))
    others = [each for each in functions(text) if each.name != name and each.name.rpartition(".")[2] in named]
    for each in others[:MAX_CALLEES]:
        head = "\n".join(line.rstrip() for line in lines[each.first - 1 : each.signature_end])
        yield _with_docstring(head, each.docstring, MAX_WORDS)


def _fixtures(modules: Mapping[str, str], home: str) -> list[str]:
    """Those of the home and of the conftest files above it, outermost first."""
    results = []
    for path in sorted(modules, key=lambda each: (each.count("/"), each)):
        folder, _, name = path.rpartition("/")
        if path != home and (name != "conftest.py" or (folder and not home.startswith(f"{folder}/"))):
            continue
        lines = modules[path].splitlines()
        for node in fixtures(modules[path]):
            first = (ast.get_docstring(node) or "").strip().split("\n")[0]
            results.append(f"{lines[node.lineno - 1].strip()}  # {path}{f': {clip(first, 100)}' if first else ''}")
    return results[:MAX_FIXTURES]


def _style(text: str, names: Sequence[str]) -> Iterator[str]:
    """One or two tests of the module, those that name most of this before others, with the module's imports."""
    tree = parsed(text) or ast.Module([], [])
    if imports := [ast.unparse(node) for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]:
        yield "\n".join(imports)
    lines = text.splitlines()
    tests = [
        "\n".join(lines[each.first - 1 : each.last])
        for each in functions(text)
        if each.name.rpartition(".")[2].startswith("test") and each.last - each.first < MAX_STYLE_LINES
    ]
    yield from sorted(tests, key=lambda test: -sum(name in test for name in names))[:MAX_STYLE]


class ProposedTest(Draft):
    """One test function. prompt.md says what each field is for, once."""

    name: str
    imports: tuple[str, ...]
    code: str
    expected_from: Expectation
    quote: str | None
    why: str


class Unreachable(Draft):
    """A goal, by its label or "all", for which no sensible test can be written."""

    goal: str
    reason: str


class TestsDraft(Draft):
    """The answer to the question for tests of one function."""

    __test__ = False

    tests: tuple[ProposedTest, ...]
    unreachable: tuple[Unreachable, ...]


def questions(evidence: Evidence, answers: Sequence[Answer[Any]], settings: Settings) -> Sequence[Question[Any]]:
    """The next question; none when nothing is open, or when somebody did not answer."""
    tests, event = evidence.get(TEST_EVIDENCE), evidence.event
    if tests is None or settings.model == OFF:
        return ()
    if is_by_a_dependency_bot(event) or len(answers) >= MAX_QUESTIONS:
        return ()
    if any(answer.exit in {Exit.MODEL, Exit.BUDGET} for answer in answers):
        return ()  # who did not answer once is not asked again: the others would wait as long
    requested = {answer.question for answer in answers}
    if known(evidence).suite.can_judge:
        reports = _reports(evidence, answers)
        for target in targets(subjects(changed(evidence), settings), known(evidence).suite):
            still = left(target, reports)
            if question_name(target) not in requested and still.gap_count:
                return (question(still, evidence, settings),)
    return tuple(fix_questions(evidence, answers))


def question(target: Target, evidence: Evidence, settings: Settings) -> Question[TestsDraft]:
    """What is asked about one function."""
    location = home_of(target.path, target.function.name, evidence)
    shown = tuple(exhibits(target, changed(evidence).texts[target.path], evidence, location))
    if settings.instructions:
        requested = Exhibit("house-rules", "what this repository asks of tests", settings.instructions, priority=8)
        shown = (requested, *shown)
    return Question(
        name=question_name(target),
        instructions=prompt(),
        evidence=shown,
        draft=TestsDraft,
        check=lambda draft: complain(draft, target),
        tier=Tier.FAST,
        looks=False,
        weigh=Correction(target).weigh,
    )


def question_name(target: Target) -> str:
    return f"tests {target.path}::{target.function.name}"


def all_candidates(answers: Sequence[Answer[Any]]) -> tuple[Candidate, ...]:
    """The tests of all answers, each once."""
    results = {}
    for answer in answers:
        path, _, function = answer.question.removeprefix("tests ").rpartition("::")
        if isinstance(answer.draft, TestsDraft) and path:
            results.update({each.key: each for each in candidates(answer.draft, path, function)})
    return tuple(results.values())


def complain(draft: TestsDraft, target: Target) -> str | None:
    if not draft.tests and not draft.unreachable:
        return "`tests` is empty and `unreachable` does not say of which goals, and why."
    for each in draft.unreachable:
        if not each.reason.strip():
            return f"`unreachable` does not say why {each.goal} is."
        if _label(each) not in {*target.labels, "all"}:
            first = next(iter(target.labels), "all")
            return f"`unreachable` names {clip(each.goal, 60)!r}, which is no goal: write it as GOALS does ({first!r})."
    return None


def _label(each: Unreachable) -> str:
    return " ".join(each.goal.replace("->", "→").split())


def unreachable(answers: Sequence[Answer[Any]]) -> Mapping[tuple[str, str], Mapping[str, str]]:
    """Labels of goals that models hold for that, with the reason, by path and function."""
    found: dict[tuple[str, str], Mapping[str, str]] = {}
    for answer in answers:
        path, _, function = answer.question.removeprefix("tests ").rpartition("::")
        if isinstance(answer.draft, TestsDraft):
            reasons = {_label(each): clip(" ".join(each.reason.split()), _LONGEST) for each in answer.draft.unreachable}
            found[path, function] = reasons
    return found


@dataclass(slots=True)
class Correction:
    """What one question's drafts came to so far: the `keys` of their tests, and the goals that the model was `told`."""

    target: Target
    keys: set[str] = field(default_factory=set)
    told: set[str] = field(default_factory=set)

    def weigh(self, draft: TestsDraft, evidence: Evidence) -> str | None:
        """What the trial has found, for another answer; None when nothing is open that another answer could close."""
        target = self.target
        own = {each.key for each in candidates(draft, target.path, target.function.name)}
        self.keys |= own
        screened = [(each, {each.candidate.key, each.origin_key}) for each in known(evidence).screened]
        reports = [each for each, keys in screened if self.keys & keys]
        stopped = [each for each, keys in screened if own & keys and not _is_beyond(each, evidence)]
        held = {_label(each) for each in draft.unreachable}
        still = left(target, reports)
        still = still.without(still.labels if "all" in held else held)
        # In lines that are executed now: the model has not heard of them.
        fresh = [label for label in still.labels if label not in {*target.labels, *self.told}]
        self.told |= {*fresh}
        if not still.gap_count or not (stopped or fresh):
            return None
        parts = []
        if stopped:
            parts = [f"{count(len(stopped), 'test')} did not come through the trial:"]
        parts += [
            f"- `{each.candidate.name}` ({each.stopped}): {_plain(each.reason)}" for each in stopped[:_MAX_REASONS]
        ]
        if stands := [f"`{each.candidate.name}`" for each in reports if each.stands]:
            parts.append(f"These are kept, do not repeat them: {', '.join(stands)}.")
        if fresh:
            goals = "; ".join(f"{label} ({still.labels[label]})" for label in fresh[:_MAX_REASONS])
            parts.append(f"They pass with these faults in lines that are executed now: {goals}.")
        others = [f"{label} ({what})" for label, what in still.labels.items() if label not in fresh]
        if others:
            parts.append(f"Still open: {'; '.join(others[:_MAX_OPEN])}.")
        return "\n".join(parts)


def _is_beyond(report: CandidateReport, evidence: Evidence) -> bool:
    """Whether its author could do nothing about what came of it."""
    return report.stopped in _BEYOND_AUTHOR or bug_ground(report, evidence) is not None


def prompt() -> str:
    return files(__package__).joinpath("prompt.md").read_text("utf-8")


def _reports(evidence: Evidence, answers: Sequence[Answer[Any]]) -> Sequence[CandidateReport]:
    """What came of the tests of these answers, and of those that nobody was asked for and that are tried before.

    Not of all that the evidence holds: a replay has everything at once, and has to ask the same.
    """
    tests = known(evidence)
    keys = {each.key for each in tests.proposed if each.origin is Origin.DOCUMENTED}
    keys |= {each.key for each in all_candidates(answers)}
    return [each for each in tests.screened if keys & {each.candidate.key, each.origin_key}]


def _plain(reason: str) -> str:
    """The reason without what differs from run to run: the answer to the same test is asked for in the same words."""
    return clip(_ADDRESS.sub("0x…", " ".join(reason.split())), 400)


def bug_ground(report: CandidateReport, evidence: Evidence) -> BugGround | None:
    """Why a candidate that fails on the change may be right, None when nothing speaks for it.

    What it says of its expectation counts only if the words that it quotes stand where it says.
    """
    candidate = report.candidate
    if report.stopped is not Hurdle.PASSES or not report.fails_with or report.exception in _OF_THE_TEST:
        return None
    if report.passes_on_base:
        return BugGround.PASSES_ON_BASE
    if candidate.expectation is Expectation.CODE and candidate.origin is not Origin.DOCUMENTED:
        return None
    if candidate.expectation is Expectation.TYPES and report.exception not in _AGAINST_TYPES[candidate.origin]:
        return None
    source = evidence.change.texts.get(candidate.path, "") if evidence.change else ""
    words = pull_request_text(evidence) if candidate.expectation is Expectation.PULL_REQUEST else ""
    sources = known(evidence).sources
    said = [(source, candidate.function)]
    said += [(sources.get(each.path, ""), each.name) for each in entries(candidate.path, candidate.function, evidence)]
    return BugGround.DOCUMENTED if any(says(text, name, candidate.quote, words) for text, name in said) else None


def candidates(draft: TestsDraft, path: str, function: str) -> tuple[Candidate, ...]:
    """The tests of a draft as candidates for a function, each once."""
    result = (
        keyed(
            Candidate(
                *("", path, function, name),
                imports=tuple(line.strip() for text in test.imports for line in text.splitlines() if line.strip()),
                code=code,
                origin=Origin.MODEL,
                expectation=test.expected_from,
                quote=(test.quote or "").strip(),
                why=" ".join(test.why.split())[:_LONGEST],
            )
        )
        for test in draft.tests[:MAX_TESTS]
        for name, code in [_spoken(test, function)]
    )
    return tuple({each.key: each for each in result}.values())


def _spoken(test: ProposedTest, function: str) -> tuple[str, str]:
    """Its name and its code; one that only numbers the tests of a function is called by what its author says of it."""
    name, code = test.name.strip(), test.code.strip("\n")
    known = {*re.findall(r"[a-z0-9]+", function.lower()), "case", "function", "it", "test"}
    bare, digits, _ = re.split(r"(\d+)$", name.lower()) if re.search(r"\d$", name) else (name, "", "")
    words = "_".join(re.findall(r"[a-z0-9]+", test.why.lower()))[:_LONGEST_NAME].rpartition("_")[0]
    if not digits or not {*re.findall(r"[a-z0-9]+", bare)} <= known or "_" not in words:
        return name, code
    renamed = f"test_{words}"
    return renamed, re.sub(rf"^((?:async )?def ){re.escape(name)}\(", rf"\1{renamed}(", code, flags=re.MULTILINE)
