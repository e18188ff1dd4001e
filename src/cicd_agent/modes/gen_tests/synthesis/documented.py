"""Makes tests of the examples in the docstring of a function: they expect what is documented, be it so or not."""

import ast
from collections.abc import Iterator

from cicd_agent.analysis.python_tests.contradictions import Example, examples, says
from cicd_agent.analysis.python_tests.documented_examples import literal
from cicd_agent.analysis.python_tests.syntax import parsed
from cicd_agent.domain.trials.candidate import Candidate, Expectation, Origin, keyed
from cicd_agent.modes.gen_tests.synthesis.subject import Subject
from cicd_agent.modes.gen_tests.synthesis.text import compared, dressed, fits, function, named, worded

MAX_ITEMS = 6
"""Examples of one function that become tests."""

BROAD = frozenset({"Exception", "BaseException", "AssertionError", "SystemExit", "KeyboardInterrupt", "RecursionError"})
"""What a test does not expect: nearly anything that goes wrong is one of these."""


def documented(subject: Subject, taken: set[str], *, typed: bool) -> Iterator[Candidate]:
    """One test for each example that names a call and can be run with what its module knows."""
    made = 0
    for example in examples(subject.source, subject.wanted.function):
        if (
            made < MAX_ITEMS
            and example.call
            and (candidate := _candidate(subject, example, taken, typed=typed)) is not None
        ):
            made += 1
            yield candidate


def _candidate(subject: Subject, example: Example, taken: set[str], *, typed: bool) -> Candidate | None:
    known = _imports(subject, example)
    if known is None or example.raises in BROAD:
        return None
    imports, before = known
    call = ast.unparse(ast.parse(example.call, mode="eval"))
    if example.raises:
        raised = subject.imports(example.raises)
        if raised is None:
            return None
        imports = ("import pytest", *imports, *raised)
        body = [*before, f"with pytest.raises({example.raises}):\n    {call}"]
    else:
        body = [*before, compared(call, example.value)]
    name = _name(subject, example)
    code = dressed(function(name, "The docstring of the function says so by example.", body, typed=typed))
    if not fits(code):
        return None
    final = named(name, taken)
    quoted = says(subject.source, subject.wanted.function, example.words, "")
    return keyed(
        Candidate(
            key="",
            path=subject.wanted.path,
            function=subject.wanted.function,
            name=final,
            imports=tuple(dict.fromkeys(imports)),
            code=code.replace(f"def {name}(", f"def {final}(", 1),
            origin=Origin.DOCUMENTED,
            expectation=Expectation.DOCSTRING if quoted else Expectation.CODE,
            quote=example.words if quoted else "",
            why=f"the docstring gives this example (line {example.line})",
        )
    )


def _imports(subject: Subject, example: Example) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """The imports and the statements that the example needs; None when it uses a name that nobody knows."""
    imports: list[str] = []
    before: list[str] = []
    bound: set[str] = set()
    used: list[str] = []
    for statement in (*example.before, example.call):
        tree = parsed(statement)
        if tree is None:
            return None
        for node in tree.body:
            match node:
                case ast.ImportFrom(names=[ast.alias(name="*")]):
                    continue
                case ast.Import(names=aliases) | ast.ImportFrom(names=aliases, level=0):
                    imports.append(ast.unparse(node))
                    bound |= {(alias.asname or alias.name).split(".")[0] for alias in aliases}
                case _ if statement is not example.call:
                    before.append(ast.unparse(node))
                case _:
                    pass
        names = [each for each in ast.walk(tree) if isinstance(each, ast.Name)]
        bound |= {each.id for each in names if isinstance(each.ctx, ast.Store)}
        bound |= {each.arg for each in ast.walk(tree) if isinstance(each, ast.arg)}
        used += [each.id for each in names if isinstance(each.ctx, ast.Load)]
    for name in dict.fromkeys(used):
        result = () if name in bound else subject.imports(name)
        if result is None:
            return None
        imports += result
    return tuple(imports), tuple(before)


def _name(subject: Subject, example: Example) -> str:
    text = ""
    for each in ast.walk(ast.parse(example.call, mode="eval")):
        match each:
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name == subject.last:
                text = worded(filter(None, map(literal, (*each.args, *(more.value for more in each.keywords)))))
            case _:
                pass
    about = f"test_{subject.words}_of_{text}" if text else f"test_{subject.words}_as_documented"
    return f"{about}_raises" if example.raises else about
