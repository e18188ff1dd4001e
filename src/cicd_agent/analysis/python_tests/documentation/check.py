"""Holds a test against the words about the code: what it says is documented stands there, and it contradicts none."""

import ast
import builtins
import re
import tomllib
from collections.abc import Iterator, Sequence
from importlib.resources import files

from cicd_agent.analysis.python_tests.documentation.assertion_model import Claim, claims, evaluate, replaced
from cicd_agent.analysis.python_tests.documentation.examples import (
    FAULT,
    Example,
    called,
    examples,
    is_call,
    literal,
    plain,
    prose,
)
from cicd_agent.analysis.python_tests.syntax import (
    UNREADABLE,
    Definition,
    DocLine,
    comments,
    definitions,
    docstring,
    docstring_lines,
    expression,
    parsed,
    path_to,
    signature,
)
from cicd_agent.domain.trials.candidate import Candidate

__all__ = ["Example", "contradiction", "examples", "says"]

SHORTEST = 12
"""Characters from which on a quote says something; a whole example may be shorter."""

_CORRECTED = re.compile(r"(?i)fix(?:ed|es)?\b|regress|no longer|used to|previously|closed?s?\b")
_TABLES = tomllib.loads(files(__package__).joinpath("admissions.toml").read_text("utf-8"))
_ADMISSIONS = tuple(map(re.compile, _TABLES["patterns"]))
_GIVES = re.compile(r"(?i)\b(?:returns?|gives?|yields?|is|raises?)\s+`{0,2}([^\s`,;.]+)")


def contradiction(candidate: Candidate, source: str) -> str:
    """Why a candidate goes against what is documented of its function in `source`, "" when it does not.

    It does when an example in the words there makes one of its assertions false, when a comment there calls a bug
    what it asserts, and when it says itself that what it expects is wrong.
    """
    if text := _admitted_mistake(candidate):
        return text
    try:
        return _against(candidate, source)
    except UNREADABLE:
        return ""


def says(source: str, function: str, quote: str, change_words: str) -> bool:
    """Whether a quote stands in the docstring or signature of a function, or in the words of the pull request.

    White space is folded. It has at least 12 characters, six of them letters or digits, or is a whole example.
    """
    requested = " ".join(quote.split()).strip("`\"'“” ")
    known = examples(source, function)
    if requested in {part.strip("`\"' ") for each in known for part in (each.words, f"{each.call} == {each.value}")}:
        return True
    if len(requested) < SHORTEST or sum(character.isalnum() for character in requested) < SHORTEST // 2:
        return False
    return any(requested in " ".join(text.split()) for text in (change_words, *_documentation(source, function)))


def _documentation(source: str, function: str) -> Iterator[str]:
    around = path_to(parsed(source), function)
    for node in around:
        yield docstring(node)
    if around:
        yield signature(around[-1], source)


def _admitted_mistake(candidate: Candidate) -> str:
    """Whether its name, docstring or comments call a mistake what it expects."""
    texts = [candidate.name.replace("_", " "), candidate.why, *(words.text for words in comments(candidate.code))]
    tree = parsed(candidate.code)
    texts += [docstring(node) for node in definitions(tree.body if tree is not None else [])]
    for text in texts:
        if _CORRECTED.search(text):
            continue
        for pattern in _ADMISSIONS:
            if (match := pattern.search(text)) is not None:
                return f"it says itself that what it expects is a mistake: “{' '.join(match[0].split())[:120]}”"
    return ""


def _against(candidate: Candidate, source: str) -> str:
    around = path_to(parsed(source), candidate.function)
    if not around:
        return ""
    node = around[-1]
    marked = [words for words in (*_comments(source, node), *docstring_lines(node)) if FAULT.search(words.text)]
    wished = prose(_comments(source, node), candidate.function, node)
    known = [
        example for example in (*examples(source, candidate.function), *wished) if example.call and not example.before
    ]
    for text in claims(candidate.code, candidate.name):
        claim = _plain(text, candidate.function)
        for example in known:
            if _refuted(claim, example):
                info = f"raises {example.raises}" if example.raises else f"gives {example.value}"
                return f"`{example.call}` is documented (line {example.line}) to be otherwise: it {info}"
        if (line := _pinned(claim, marked, node, candidate.function)) is not None:
            return f"line {line.line} calls a mistake what it expects: “{' '.join(line.text.split())[:120]}”"
    return ""


def _plain(claim: Claim, function: str) -> Claim:
    condition = plain(claim.condition, function) if claim.condition is not None else None
    return Claim(condition, plain(claim.call, function) if claim.call is not None else None, claim.raises)


def _comments(source: str, node: Definition) -> list[DocLine]:
    last = node.end_lineno or node.lineno
    lines = source.removeprefix("\ufeff").split("\n")[node.lineno - 1 : last]
    # The comments of the function alone: the rest of the file may not even be read by the tokenizer.
    return [DocLine(words.line + node.lineno - 1, words.text) for words in comments("\n".join(lines) + "\n")]


def _refuted(claim: Claim, example: Example) -> bool:
    """Whether a documented example makes the claim false. What cannot be told is no contradiction."""
    call = expression(example.call)
    if call is None:
        return False
    spelled = ast.dump(call)
    if claim.condition is not None:
        if example.raises:
            return any(ast.dump(each) == spelled for each in _evaluated_parts(claim.condition))
        value = expression(example.value)
        if value is None:
            return False
        condition = replaced(claim.condition, lambda part: value if ast.dump(part) == spelled else None)
        result = evaluate(condition)
        return ast.dump(condition) != ast.dump(claim.condition) and result is not None and not result[0]
    inner = claim.call is not None and ast.dump(claim.call) == spelled
    return inner and (not example.raises or not any(_may_be(example.raises, each) for each in claim.raises))


def _evaluated_parts(node: ast.expr) -> Iterator[ast.AST]:
    """What is evaluated whatever the rest of a condition is."""
    match node:
        case ast.BoolOp(values=[first, *_]):
            yield from _evaluated_parts(first)
        case ast.IfExp(test=test):
            yield from _evaluated_parts(test)
        case _:
            yield from (each for each in ast.walk(node) if isinstance(each, ast.expr))


def _may_be(documented: str, expected: str) -> bool:
    """Whether one type of exception may be the other: what is no built-in type may be derived from anything."""
    one, other = (getattr(builtins, name, None) for name in (documented, expected))
    if not isinstance(one, type) or not isinstance(other, type):
        return documented == expected or not isinstance(one, type) or not isinstance(other, type)
    return issubclass(one, other) or issubclass(other, one)


def _pinned(claim: Claim, marked: Sequence[DocLine], node: Definition, function: str) -> DocLine | None:
    """The line that calls a bug what the claim expects: the value is named there or returned beside it."""
    if not marked:
        return None
    expected = set(claim.raises) if claim.condition is None else _expects(claim.condition, called(function))
    for words in marked:
        named = {value for item in _GIVES.finditer(words.text) for value in [_spelled(item[1])]}
        if expected & (named | _returned(node, words.line)):
            return words
    return None


def _spelled(text: str) -> str:
    value = expression(text)
    return (literal(value) if value is not None else "") or text


def _expects(condition: ast.expr, name: str) -> set[str]:
    """The literals that a call of the function is said to be."""
    match condition:
        case ast.Compare(left=left, ops=[ast.Eq() | ast.Is()], comparators=[right]):
            sides = ((left, right), (right, left))
            return {literal(other) for side, other in sides if is_call(side, name)} - {""}
        case ast.UnaryOp(op=ast.Not(), operand=operand) if is_call(operand, name):
            return {"None", "False", "[]", "''", "0", "{}", "()"}
        case ast.Call() if is_call(condition, name):
            return {"True"}
        case ast.BoolOp(op=ast.And(), values=values):
            return {each for value in values for each in _expects(value, name)}
        case _:
            return set()


def _returned(node: Definition, line: int) -> set[str]:
    """What a `return` or `raise` on a line, or on the next one of code, gives."""
    near = [each for each in ast.walk(node) if isinstance(each, ast.Return | ast.Raise) and each.lineno >= line]
    near = [each for each in near if each.lineno == line] or [each for each in near if each.lineno == line + 1]
    returned = {literal(each.value) if each.value else "None" for each in near if isinstance(each, ast.Return)}
    raised = [each.exc for each in near if isinstance(each, ast.Raise) and each.exc]
    return {*returned, *(ast.unparse(each.func if isinstance(each, ast.Call) else each) for each in raised)} - {""}
