"""Makes tests of what a function was seen to do with plain values: what they expect comes from the code alone."""

import ast
import builtins
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from cicd_agent.analysis.python_tests.contradictions import contradiction, examples, says
from cicd_agent.domain.ports.test_runner import Observation, Probe
from cicd_agent.domain.trials.candidate import Candidate, Expectation, Origin, keyed
from cicd_agent.modes.gen_tests.synthesis.arguments import Row
from cicd_agent.modes.gen_tests.synthesis.calls import Callee
from cicd_agent.modes.gen_tests.synthesis.documented import BROAD
from cicd_agent.modes.gen_tests.synthesis.subject import Subject
from cicd_agent.modes.gen_tests.synthesis.text import WIDEST, compared, dressed, fits, function, named, table, worded

MAX_ROWS = 8
MAX_TELLING = 6
MAX_RAISING = 4

_SPECIAL = re.compile(r"[.^$*+?{}\[\]\\|()\"']|[^\x20-\x7e]")
_SHORTEST = 4


@dataclass(frozen=True, slots=True)
class _Case:
    """Arguments and what came of them."""

    row: Row
    seen: Observation

    @property
    def texts(self) -> tuple[str, ...]:
        return self.row.values


def probes(number: int, callee: Callee) -> Iterator[Probe]:
    for at, row in enumerate(callee.rows):
        given = dict(zip((each.name for each in callee.wanted), row.values, strict=True))
        yield Probe(f"{number}.{at}", callee.imports, callee.call(given))


def observed(
    number: int, subject: Subject, callee: Callee, seen: Iterable[Observation], taken: set[str], *, typed: bool
) -> Iterator[Candidate]:
    """A test of the values that were seen, and one for each exception with its message that is meant to be raised."""
    by_key = {each.key: each for each in seen}
    known = {example.call for example in examples(subject.source, subject.wanted.function)}
    cases = [
        _Case(row, by_key[probe.key])
        for row, probe in zip(callee.rows, probes(number, callee), strict=True)
        # What is documented of a call has a test of its own.
        if probe.key in by_key and ast.unparse(ast.parse(probe.expression, mode="eval")) not in known
    ]
    values = [case for case in cases if case.seen.value]
    # A function that gives nothing does something else, of which this would say nothing.
    if any(case.seen.value != "None" for case in values):
        yield from _agreeing(subject, callee, values, taken, typed=typed)
    raising: dict[tuple[str, str], list[_Case]] = {}
    for case in (case for case in cases if case.seen.exception):
        raising.setdefault((case.seen.exception, _message(subject, case.seen)), []).append(case)
    for (_, match), group in raising.items():
        candidate = _raising(subject, callee, group[:MAX_RAISING], match, taken, typed=typed)
        if candidate is not None:
            yield candidate


def _agreeing(
    subject: Subject, callee: Callee, cases: Sequence[_Case], taken: set[str], *, typed: bool
) -> Iterator[Candidate]:
    """The test of values, less the rows that go against what is documented."""
    fitting = [case for case in cases if len(", ".join((*case.texts, case.seen.value))) + 12 <= WIDEST]
    candidate = _valued(subject, callee, _chosen(fitting), set(taken), typed=typed) if fitting else None
    if candidate is not None and contradiction(candidate, subject.source):
        fitting = [case for case in fitting if _agrees(subject, callee, case)]
    candidate = _valued(subject, callee, _chosen(fitting), taken, typed=typed) if fitting else None
    if candidate is not None:
        yield candidate


def _agrees(subject: Subject, callee: Callee, case: _Case) -> bool:
    alone = _valued(subject, callee, [case], set(), typed=False)
    return alone is not None and not contradiction(alone, subject.source)


def _chosen(cases: Sequence[_Case]) -> list[_Case]:
    """At most 8: what others call it with and its own boundaries, then plain values; each result once first."""
    telling, plain = ([case for case in cases if case.row.weight == weight] for weight in (0, 1))
    ordered = [*_once(telling), *telling]
    ordered = [*dict.fromkeys(ordered)][:MAX_TELLING]
    seen = {case.seen.value for case in ordered}
    ordered += [case for case in _once(plain) if case.seen.value not in seen]
    results = {case.seen.value for case in cases}
    # A function that gives one thing for all is told by few calls.
    requested = [*dict.fromkeys((*ordered, *telling, *plain))][: MAX_ROWS if len(results) > 1 else 2]
    return [case for case in cases if case in requested]


def _once(cases: Iterable[_Case]) -> list[_Case]:
    """The first case of each result."""
    first: dict[str, _Case] = {}
    for case in cases:
        first.setdefault(case.seen.value, case)
    return [*first.values()]


def _valued(
    subject: Subject, callee: Callee, cases: Sequence[_Case], taken: set[str], *, typed: bool
) -> Candidate | None:
    results = {case.seen.value for case in cases}
    operator = "is" if results <= {"None", "True", "False"} else "=="
    if len(cases) == 1:
        given = dict(zip((each.name for each in callee.wanted), cases[0].texts, strict=True))
        words = worded(cases[0].texts)
        name = f"test_{subject.words}_of_{words}" if words else f"test_{subject.words}_result"
        body, head, parameters, imports = [compared(callee.call(given), cases[0].seen.value)], "", "", callee.imports
    else:
        varied, given = _varied(callee, cases)
        rows = [(*(case.texts[at] for at in varied), case.seen.value) for case in cases]
        names = [_safe(callee, at) for at in varied]
        head = table([*names, "expected"], rows) + "\n"
        types = [_type(callee.wanted[at].annotation) for at in varied]
        parameters = ", ".join(
            f"{each}: {kind}" if typed else each
            for each, kind in zip([*names, "expected"], [*types, "object"], strict=True)
        )
        body = [f"assert {callee.call(given)} {operator} expected"]
        name = f"test_{subject.words}_by_{_about(names)}"
        imports = ("import pytest", *callee.imports)
    final = named(name, taken)
    says_so = "Seen by running it: what is expected comes from the code."
    code = dressed(head + function(final, says_so, body, parameters, typed=typed))
    reason = "pins what it gives for plain values and at its own boundaries"
    return _candidate(subject, final, imports, code, reason=reason) if fits(code) else None


def _raising(
    subject: Subject, callee: Callee, cases: Sequence[_Case], match: str, taken: set[str], *, typed: bool
) -> Candidate | None:
    kind = cases[0].seen.exception
    raised = _meant(subject, cases[0].seen)
    if raised is None:
        return None
    expected = f"pytest.raises({kind}, match={match})" if match else f"pytest.raises({kind})"
    if len(cases) == 1:
        given = dict(zip((each.name for each in callee.wanted), cases[0].texts, strict=True))
        words = worded(cases[0].texts)
        name, head, parameters = f"test_{subject.words}_of_{words}_raises", "", ""
        name = name if words else f"test_{subject.words}_raises"
    else:
        varied, given = _varied(callee, cases)
        names = [_safe(callee, at) for at in varied]
        head = table(names, [[case.texts[at] for at in varied] for case in cases]) + "\n"
        types = [_type(callee.wanted[at].annotation) for at in varied]
        parameters = ", ".join(f"{each}: {kind}" if typed else each for each, kind in zip(names, types, strict=True))
        name = f"test_{subject.words}_raises_{re.sub(r'(?<=[a-z0-9])(?=[A-Z])', '_', kind).lower()}"
    example = next(
        (each.words for each in examples(subject.source, subject.wanted.function) if each.raises == kind), ""
    )
    quoted = bool(example) and says(subject.source, subject.wanted.function, example, "")
    final = named(name, taken)
    origin = "the docstring says that it raises this" if quoted else "what is expected comes from the code"
    body = [f"with {expected}:\n    {callee.call(given)}"]
    code = dressed(head + function(final, f"Seen by running it: {origin}.", body, parameters, typed=typed))
    imports = ("import pytest", *callee.imports, *raised)
    reason = f"pins that it raises {kind}"
    candidate = _candidate(subject, final, imports, code, reason=reason, quote=example if quoted else "")
    return candidate if fits(code) and not contradiction(candidate, subject.source) else None


def _candidate(
    subject: Subject, name: str, imports: Iterable[str], code: str, *, reason: str, quote: str = ""
) -> Candidate:
    return keyed(
        Candidate(
            key="",
            path=subject.wanted.path,
            function=subject.wanted.function,
            name=name,
            imports=tuple(dict.fromkeys(imports)),
            code=code,
            origin=Origin.OBSERVED,
            expectation=Expectation.DOCSTRING if quote else Expectation.CODE,
            quote=quote,
            why=reason,
        )
    )


def _varied(callee: Callee, cases: Sequence[_Case]) -> tuple[list[int], dict[str, str]]:
    """Which parameters differ among the cases, and what stands for each in the call."""
    varied = [at for at in range(len(callee.wanted)) if len({case.texts[at] for case in cases}) > 1]
    given = {
        each.name: _safe(callee, at) if at in varied else cases[0].texts[at] for at, each in enumerate(callee.wanted)
    }
    return varied, given


def _safe(callee: Callee, at: int) -> str:
    """The name of a parameter, where a test can bear it: not that of something else in it."""
    name = callee.wanted[at].name
    others = {word for line in (*callee.imports, callee.before) for word in re.findall(r"\w+", line)}
    return f"{name}_" if name in others | {"request", "expected", "pytest"} else name


def _about(names: Sequence[str]) -> str:
    words = [name.strip("_") for name in names]
    return "_and_".join(words) if len(words) <= 2 else "its_arguments"  # noqa: PLR2004  more are no name


def _type(annotation: str) -> str:
    known = annotation and all(hasattr(builtins, word) for word in re.findall(r"\w+", annotation))
    return annotation if known else "object"


def _meant(subject: Subject, seen: Observation) -> tuple[str, ...] | None:
    """The imports that an exception needs, None when nobody says that it is meant to be raised."""
    kind, (home, _, qualified) = seen.exception, seen.type.rpartition(".")
    documented = {each.raises for each in examples(subject.source, subject.wanted.function)}
    explicit = {name for name, _ in _raises(subject)}
    own = home.split(".")[0] == subject.wanted.module.split(".")[0]
    if kind in BROAD or not (kind in documented | explicit or own):
        return None
    known = subject.imports(kind)
    if known is None and own and qualified == kind:
        return (f"from {home} import {kind}",)
    return known


def _raises(subject: Subject) -> Iterator[tuple[str, ast.expr | None]]:
    """The types that are raised in the text of a function, with the first argument of each."""
    for node in ast.walk(subject.node):
        match node:
            case ast.Raise(exc=ast.Call(func=kind, args=[first, *_])):
                yield ast.unparse(kind).rpartition(".")[2], first
            case ast.Raise(exc=ast.Call(func=kind)) | ast.Raise(exc=ast.Name() as kind):
                yield ast.unparse(kind).rpartition(".")[2], None
            case _:
                pass


def _message(subject: Subject, seen: Observation) -> str:
    """The longest words of one place that raises this which were seen in its message, as a literal; else ""."""
    pieces: list[str] = []
    for name, first in _raises(subject):
        match first:
            case ast.Constant(value=str() as text) if name == seen.exception:
                pieces.append(text)
            case ast.JoinedStr(values=parts) if name == seen.exception:
                pieces += [str(part.value) for part in parts if isinstance(part, ast.Constant)]
            case _:
                pass
    runs = (run.strip() for piece in pieces for run in _SPECIAL.split(piece))
    longest = max((run for run in runs if run in seen.message), key=len, default="")[:40].strip()
    return repr(longest) if len(longest) >= _SHORTEST else ""
