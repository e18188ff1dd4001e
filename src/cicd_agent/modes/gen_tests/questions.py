"""What a model is asked for: tests of one function at a time, with all of its goals, the most valuable first."""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from typing import Any

from cicd_agent.agent.messages import Answer, Question, Tier
from cicd_agent.analysis.python_tests.contradictions import says
from cicd_agent.analysis.python_tests.syntax import fixtures, functions, parsed, path_to
from cicd_agent.analysis.python_tests.test_modules import home
from cicd_agent.domain.events.event import Event
from cicd_agent.domain.evidence import Evidence, Exhibit
from cicd_agent.domain.text.words import clip, count
from cicd_agent.domain.trials.candidate import Candidate, CandidateReport, Expectation, Hurdle, Origin, keyed
from cicd_agent.domain.verdict import Draft
from cicd_agent.errors import Exit
from cicd_agent.modes.gen_tests.coverage_targets import Target, left, subjects, targets
from cicd_agent.modes.gen_tests.evidence import TEST_EVIDENCE, TestEvidence, known
from cicd_agent.modes.gen_tests.flaky.fix import fix_questions
from cicd_agent.modes.gen_tests.result import BugGround
from cicd_agent.modes.shared.change_reader import changed, is_by_a_dependency_bot
from cicd_agent.settings.schema import Provider, Settings

MAX_LINES = 400
"""Of a function that are shown."""
MAX_CALLEES, MAX_FIXTURES, MAX_STYLE = 20, 30, 2
MAX_STYLE_LINES = 60
MAX_DESCRIPTION = 4_000
MAX_QUESTIONS = 20
"""Functions of one change that a model is asked about."""
_BEYOND_AUTHOR = frozenset({None, Hurdle.ADDS, Hurdle.BASE, Hurdle.TRIED})
"""Hurdles about which the author of a test can do nothing."""
_MAX_REASONS = 12
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
_LONGEST = 300


def exhibits(target: Target, text: str, tests: TestEvidence, home: str, event: Event) -> Iterator[Exhibit]:
    """All that is known of a function and belongs before somebody who writes tests for it; `text` is its file's."""
    lines = text.splitlines()
    function = target.function
    first, last = function.first, min(function.last, function.first + MAX_LINES - 1)
    around = [node.lineno for node in path_to(parsed(text), function.name)[:-1] if node.lineno < first]
    body = "\n".join([*(lines[number - 1] for number in around), *lines[first - 1 : last]])
    gutter = tuple(map(str, (*around, *range(first, last + 1))))
    yield Exhibit("SOURCE", target.path, body, first, priority=9, gutter=gutter)
    yield Exhibit("GOALS", f"what is open in {function.name}", "\n".join(_gap_lines(target, lines)), priority=9)
    if callees := "\n".join(_callees(text, function.name, first, last)):
        yield Exhibit("CALLEES", f"what {target.path} offers that it calls", callees, priority=5)
    if in_reach := "\n".join(_fixtures(tests.modules, home)):
        yield Exhibit("FIXTURES", "fixtures in reach", in_reach, priority=6)
    if style := "\n\n".join(_style(tests.modules.get(home, ""), function.name)):
        yield Exhibit("TESTS", home, style, priority=7)
    if event.pull is not None and (event.pull.title or event.pull.body):
        words = clip(f"{event.pull.title}\n\n{event.pull.body}".strip(), MAX_DESCRIPTION)
        yield Exhibit("PULL REQUEST", "its title and description", words, priority=1)


def pull_request_text(event: Event) -> str:
    return f"{event.pull.title}\n{event.pull.body}" if event.pull else ""


def _gap_lines(target: Target, lines: Sequence[str]) -> Iterator[str]:
    def shown(line: int) -> str:
        return clip(lines[line - 1].strip(), 120) if 0 < line <= len(lines) else ""

    for line in target.lines:
        yield f"never executed, line {line}: {shown(line)}"
    for start, end in target.branches:
        where = f"to line {end}" if end > 0 else "out of the function"
        yield f"branch never taken, line {start} {where}: {shown(start)}"
    for mutant in target.survivors:
        yield f"fault that no test notices, line {mutant.line}, {mutant.words}: {shown(mutant.line)}"


def _callees(text: str, name: str, first: int, last: int) -> Iterator[str]:
    """The signatures of what the same file defines and these lines name."""
    lines = text.splitlines()
    named = set(re.findall(r"\w+", "\n".join(lines[first - 1 : last])))
    others = [each for each in functions(text) if each.name != name and each.name.rpartition(".")[2] in named]
    for each in others[:MAX_CALLEES]:
        yield from (line.rstrip() for line in lines[each.first - 1 : each.signature_end])
        if each.docstring:
            yield f'    """{clip(each.docstring.strip().splitlines()[0], 120)}"""'


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


def _style(text: str, function: str) -> Iterator[str]:
    """One or two tests of the module, those that name the function before others, with the module's imports."""
    tree = parsed(text) or ast.Module([], [])
    if imports := [ast.unparse(node) for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]:
        yield "\n".join(imports)
    lines = text.splitlines()
    short = function.rpartition(".")[2]
    tests = [
        "\n".join(lines[each.first - 1 : each.last])
        for each in functions(text)
        if each.name.rpartition(".")[2].startswith("test") and each.last - each.first < MAX_STYLE_LINES
    ]
    yield from sorted(tests, key=lambda test: short not in test)[:MAX_STYLE]


class ProposedTest(Draft):
    """One test function. prompt.md says what each field is for, once."""

    name: str
    imports: tuple[str, ...]
    code: str
    expected_from: Expectation
    quote: str | None
    why: str


class TestsDraft(Draft):
    """The answer to the question for tests of one function; `nothing` says why there are none."""

    __test__ = False

    tests: tuple[ProposedTest, ...]
    nothing: str | None


def questions(evidence: Evidence, answers: Sequence[Answer[Any]], settings: Settings) -> Sequence[Question[Any]]:
    """The next question; none when nothing is open, or when somebody did not answer."""
    tests, event = evidence.get(TEST_EVIDENCE), evidence.event
    if tests is None or settings.provider is Provider.NONE:
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
    tests = known(evidence)
    location = home(target.path, tests.suite.coverage, tests.paths)
    text = changed(evidence).texts[target.path]
    shown = tuple(exhibits(target, text, tests, location, evidence.event))
    if settings.instructions:
        requested = Exhibit("house-rules", "what this repository asks of tests", settings.instructions, priority=8)
        shown = (requested, *shown)
    return Question(
        name=question_name(target),
        instructions=prompt(),
        evidence=shown,
        draft=TestsDraft,
        check=complain,
        tier=Tier.FAST,
        looks=False,
        weigh=lambda draft, tried: weigh(draft, target, tried),
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


def complain(draft: TestsDraft) -> str | None:
    if not draft.tests and not (draft.nothing or "").strip():
        return "`tests` is empty and `nothing` does not say why."
    return None


def weigh(draft: TestsDraft, target: Target, evidence: Evidence) -> str | None:
    """What the trial has found, for another answer; None when nothing is open that another answer could close."""
    own = {each.key for each in candidates(draft, target.path, target.function.name)}
    reports = [each for each in known(evidence).screened if own & {each.candidate.key, each.origin_key}]
    stopped = [each for each in reports if each.stopped not in _BEYOND_AUTHOR and bug_ground(each, evidence) is None]
    still = left(target, reports)
    if not stopped or not still.gap_count:
        return None
    stops = [f"- `{each.candidate.name}` ({each.stopped}): {_plain(each.reason)}" for each in stopped[:_MAX_REASONS]]
    stands = [f"`{each.candidate.name}`" for each in reports if each.stands]
    retained = [f"These are kept, do not repeat them: {', '.join(stands)}."] if stands else []
    open_ = [
        *(f"line {line}" for line in still.lines[:10]),
        *(f"branch {start} → {end}" for start, end in still.branches[:10]),
        *(f"{mutant.words} in line {mutant.line}" for mutant in still.survivors[:10]),
    ]
    first = f"{count(len(stopped), 'test')} did not come through the trial:"
    return "\n".join([first, *stops, *retained, f"Still open: {', '.join(open_)}."])


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
    words = pull_request_text(evidence.event) if candidate.expectation is Expectation.PULL_REQUEST else ""
    return BugGround.DOCUMENTED if says(source, candidate.function, candidate.quote, words) else None


def candidates(draft: TestsDraft, path: str, function: str) -> tuple[Candidate, ...]:
    """The tests of a draft as candidates for a function, each once."""
    result = (
        keyed(
            Candidate(
                *("", path, function, test.name.strip()),
                imports=tuple(line.strip() for text in test.imports for line in text.splitlines() if line.strip()),
                code=test.code.strip("\n"),
                origin=Origin.MODEL,
                expectation=test.expected_from,
                quote=(test.quote or "").strip(),
                why=" ".join(test.why.split())[:_LONGEST],
            )
        )
        for test in draft.tests[:MAX_TESTS]
    )
    return tuple({each.key: each for each in result}.values())
