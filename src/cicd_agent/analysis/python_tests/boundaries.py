"""Reads at which numbers a function's results change: in its docstring and comments, and by the names of constants."""

import ast
import math
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from cicd_agent.analysis.python_tests.documented_examples import FAULT, literal
from cicd_agent.analysis.python_tests.syntax import (
    Definition,
    DocLine,
    FunctionNode,
    docstring_lines,
    names_in,
)

_N = r"(?<![\w.])(-?\d+(?:[,_]\d{3})*(?:\.\d+)?)(?!\w|\.\d)"
_OF = r"(?:[a-z]+ ){0,3}?"
_BOUNDS = tuple(
    (re.compile(pattern.replace("N", _N).replace("OF", _OF), re.IGNORECASE), sides)
    for pattern, sides in (
        (r"\bbetween N and N|(?:\bfrom )?(?<!-)N ?(?:-|–|to) ?N(?!-)", "[]"),
        (r"N (?:and|or) (?:above|over|more|higher|up(?:wards?)?|greater|older|later)\b|N ?\+(?!\d)", "["),
        (r"N (?:and|or) (?:below|under|less|fewer|lower|younger|earlier)\b", "]"),
        (r"(?:\bat least|\b(?:no|not) (?:less|fewer|lower) than|>=|≥) ?OFN", "["),
        (r"(?:\bat most|\bup to|\b(?:no|not) (?:more|higher|greater) than|<=|≤) ?OFN", "]"),
        (r"\bfrom OFN(?: (?:on(?:wards?)?|up(?:wards?)?))?\b", "["),
        (
            r"(?:\babove|\bover|\b(?:more|greater|higher|older) than|\bbeyond|\bexceeds|\bexceeding|(?<![-=])>) ?OFN",
            "(",
        ),
        (r"(?:\bbelow|\bunder|\b(?:less|fewer|lower|smaller|younger) than|<) ?OFN", ")"),
    )
)
"""What says that numbers are meant: a square bracket is for a bound that belongs to them, a round one for another."""
_CONDITIONAL = re.compile(r"\b(?:not|never|neither|unless|except|but|cannot|without|nor)\b|n't\b", re.IGNORECASE)
_SENTENCE, _CLAUSE = re.compile(r"(?<=[.;!?])\s+"), re.compile(r",\s+")
_ITEM = re.compile(r"\s*(?:[-*•]|\d+[.)])\s")
_ARTICLE = r"(?! (?!(?:for|from|at|when|if|is|or|and|above|over|below|under)\b)[a-z])"
MAX_CHARACTERS = 6_000
"""Of a docstring that are read."""
_MARKS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("MIN", "MINIMUM", "FROM", "LEAST"), "["),
        **dict.fromkeys(("MAX", "MAXIMUM", "MOST"), "]"),
        **dict.fromkeys(("ABOVE",), "("),
        **dict.fromkeys(("BELOW", "UNDER"), ")"),
    }
)
"""The first or last word of a constant's name, and which numbers it says are within."""
_AGAINST: Mapping[str, tuple[type[ast.cmpop], ...]] = MappingProxyType(
    {"[": (ast.LtE, ast.Gt), "]": (ast.GtE, ast.Lt), "(": (ast.GtE, ast.Lt), ")": (ast.LtE, ast.Gt)}
)
"""Comparisons of a number with such a constant that put the constant's own value on the other side."""
_MIRRORED = {ast.Lt: ast.Gt, ast.Gt: ast.Lt, ast.LtE: ast.GtE, ast.GtE: ast.LtE}
_COUNTS = re.compile(r"(?:^|_)(?:attempt|retr|tries|try|index|idx|i|n|count|used|current|step|round|page|depth|level)")
"""What counts from nought, or how many there are before one more: there the most is one too many."""
_GROWS = frozenset({"append", "add", "insert", "extend", "push", "put"})


@dataclass(frozen=True, slots=True)
class DocumentedRange:
    """`outcome` (a literal as it is spelled, or the name of an exception) is said of some numbers by `words`."""

    low: float
    high: float
    sides: str
    outcome: str
    words: str

    def holds(self, number: float) -> bool:
        above = self.low < number or (self.low == number and "[" in self.sides)
        return above and (number < self.high or (number == self.high and "]" in self.sides))


def documented_ranges(
    node: Definition, tree: ast.Module, comments: Sequence[DocLine] = ()
) -> tuple[DocumentedRange, ...]:
    """What the words of a function of one argument say of numbers, where they name results that these can have."""
    lines = (*docstring_lines(node), *(line for comment in comments for line in (DocLine(0, ""), comment)))
    is_numeric = any(re.search(r"\d", line.text) for line in lines)
    if isinstance(node, ast.ClassDef) or len(_parameters(node)) != 1 or not is_numeric:
        return ()
    outcomes = _outcomes(node, tree)
    results: list[DocumentedRange] = []
    for text in _blocks(lines) if outcomes else ():
        for sentence in _SENTENCE.split(text):
            clauses = [_tokens(clause, outcomes) for clause in _CLAUSE.split(sentence)]
            if not all(map(_is_paired, clauses)):
                clauses = [_tokens(sentence, outcomes)]
            results += [each for tokens in clauses if _is_paired(tokens) for each in _paired(tokens, sentence)]
    return tuple(results)


def expected(rules: Sequence[DocumentedRange], number: float) -> Mapping[str, str]:
    """The outcomes that are said of a number, with the words: of rules that hold the narrowest of each kind."""
    narrowest: dict[str, DocumentedRange] = {}
    for rule in rules:
        kind = "both" if math.isfinite(rule.low + rule.high) else "high" if math.isinf(rule.low) else "low"
        before = narrowest.get(kind)
        is_narrower = before is None or (rule.low, -rule.high) >= (before.low, -before.high)
        if rule.holds(number) and is_narrower:
            narrowest[kind] = rule
    return {rule.outcome: rule.words for rule in narrowest.values()}


def _outcomes(node: FunctionNode, tree: ast.Module) -> dict[str, str]:
    """What the function may give or raise, by the pattern that finds it in words; the rows of its tables, too."""
    used = names_in(node)
    tables = [each.value for each in tree.body if isinstance(each, ast.Assign) and used.intersection(_targets(each))]
    given: list[ast.Constant] = []
    words: dict[str, str] = {}
    for part in (*ast.walk(node), *(inner for table in tables for inner in ast.walk(table))):
        match part:
            case ast.Return(value=ast.expr() as value):
                given += _chosen(value)
            case ast.Tuple(elts=parts) | ast.List(elts=parts) | ast.Dict(values=parts):
                given += [each for each in parts if isinstance(each, ast.Constant) and isinstance(each.value, str)]
            case ast.Raise(exc=ast.Call(func=ast.Name(id=name)) | ast.Name(id=name)):
                words[rf"\b{re.escape(name)}\b"] = name
            case _:
                pass
    return words | {pattern: ast.unparse(each) for each in given if (pattern := _spelled(each.value))}


def _chosen(node: ast.expr) -> list[ast.Constant]:
    match node:
        case ast.Constant():
            return [node]
        case ast.IfExp(body=one, orelse=other):
            return [*_chosen(one), *_chosen(other)]
        case _:
            return []


def _targets(node: ast.Assign | ast.AnnAssign) -> list[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return [each.id for each in targets if isinstance(each, ast.Name)]


def _spelled(value: object) -> str:
    """The pattern that finds a value in words, "" for one that no words would name."""
    match value:
        case str() if value.strip() and len(value) <= 40 and "\n" not in value:  # noqa: PLR2004  longer is a message
            quoted = rf"[\"'`“]{{1,2}}{re.escape(value)}[\"'`”]{{1,2}}"
            if not value.isalnum() or (len(value) == 1 and not value.isupper()):
                return quoted
            return rf"(?:{quoted}|(?<![\w\"'`]){re.escape(value)}(?![\w\"'`]){_ARTICLE if value in {'A', 'I'} else ''})"
        case None | bool():
            return rf"\b{value}\b"
        case int() | float() if not isinstance(value, complex):
            # A number alone may be anything.
            return (
                rf"(?:\b(?:is|are|gives?|returns?|yields?|costs?|gets?|means?|takes?)|[:=→]|->) {value}(?![\w%]|\.\d)"
            )
        case _:
            return ""


def _blocks(lines: Sequence[DocLine]) -> Iterator[str]:
    """Paragraphs and items of lists, each as one line; examples, and what is marked as a mistake, are left out."""
    parts: list[str] = []
    left = MAX_CHARACTERS
    for line in (*lines, DocLine(0, "")):
        is_shown = line.text.lstrip().startswith((">>>", "...")) or FAULT.search(line.text)
        if (not line.text.strip() or is_shown or _ITEM.match(line.text)) and parts:
            yield " ".join(parts)
            parts = []
        left -= len(line.text)
        if line.text.strip() and not is_shown and left > 0:
            parts.append(line.text.strip())


_Token = str | tuple[float, float, str]


def _tokens(text: str, outcomes: Mapping[str, str]) -> list[_Token] | None:
    """Bounds and outcomes in their order; None where words take back what they say, or say it of something else."""
    found: list[tuple[int, _Token]] = []
    for pattern, sides in _BOUNDS:
        for match in pattern.finditer(text):
            numbers = [float(re.sub("[,_]", "", each)) for each in match.groups() if each]
            low = numbers[0] if sides[0] in "[(" else -math.inf
            high = numbers[-1] if sides[-1] in "])" else math.inf
            found.append((match.start(), (low, high, sides)))
        text = pattern.sub(lambda match: "\0" * len(match[0]), text)
    if _CONDITIONAL.search(text):
        return None
    for pattern_of, outcome in sorted(outcomes.items(), key=lambda each: -len(each[1])):
        found += [(match.start(), outcome) for match in re.finditer(pattern_of, text)]
        text = re.sub(pattern_of, lambda match: "\0" * len(match[0]), text)
    return [token for _, token in sorted(found, key=lambda each: each[0])]


def _is_paired(tokens: Sequence[_Token] | None) -> bool:
    """Whether there are bounds and outcomes in turn, or nothing at all."""
    kinds = [isinstance(token, str) for token in tokens or ()]
    first = kinds[:1] == [True]
    return tokens is not None and kinds == [first, not first] * (len(kinds) // 2)


def _paired(tokens: Sequence[_Token] | None, words: str) -> Iterator[DocumentedRange]:
    for pair in zip(tokens[::2], tokens[1::2], strict=True) if tokens else ():
        match pair:
            case (str() as outcome, (low, high, sides)) | ((low, high, sides), str() as outcome):
                yield DocumentedRange(low, high, sides, outcome, words.strip())
            case _:
                pass


@dataclass(frozen=True, slots=True)
class Misplaced:
    """`constant` is compared with a parameter (with `is_length` with its length) otherwise than its name says."""

    constant: str
    value: float
    parameter: str
    is_length: bool
    line: int


def misplaced(node: Definition, tree: ast.Module) -> Iterator[Misplaced]:
    """The comparisons that end a function early, or choose what it gives, with the constant's own value misplaced."""
    if isinstance(node, ast.ClassDef):
        return
    constants = {
        name: number
        for each in tree.body
        if isinstance(each, ast.Assign | ast.AnnAssign) and each.value is not None
        for name in _targets(each)
        if name.isupper() and (number := _number(each.value)) is not None
    }
    parameters = set(_parameters(node))
    for part in ast.walk(node):
        match part:
            case ast.If(test=ast.Compare() as test, body=[*_, ast.Return() | ast.Raise()]):
                yield from _misplaced(test, node, parameters, constants)
            case ast.Return(value=ast.IfExp(test=ast.Compare() as test) | (ast.Compare() as test)):
                yield from _misplaced(test, node, parameters, constants)
            case _:
                pass


def _misplaced(
    test: ast.Compare, node: Definition, parameters: set[str], constants: Mapping[str, float]
) -> Iterator[Misplaced]:
    match test:
        case ast.Compare(left=value, ops=[op], comparators=[ast.Name(id=name)]) if name in constants:
            kind = type(op)
        case ast.Compare(left=ast.Name(id=name), ops=[op], comparators=[value]) if name in constants:
            kind = _MIRRORED.get(type(op), type(op))
        case _:
            return
    words = name.split("_")
    sides = _MARKS.get(words[0], _MARKS.get(words[-1], ""))
    match value:
        case ast.Call(func=ast.Name(id="len"), args=[ast.Name(id=parameter)]):
            is_length = True
        case ast.Name(id=parameter):
            is_length = False
        case _:
            return
    is_count = _grows(node, parameter) if is_length else _COUNTS.search(parameter.lower())
    if sides and parameter in parameters and kind in _AGAINST[sides] and not is_count:
        yield Misplaced(name, constants[name], parameter, is_length, test.lineno)


def _grows(node: Definition, parameter: str) -> bool:
    calls = (each.func for each in ast.walk(node) if isinstance(each, ast.Call))
    return any(
        isinstance(each, ast.Attribute) and each.attr in _GROWS and parameter in ast.unparse(each.value)
        for each in calls
    )


def number_of(call: ast.Call) -> float | None:
    """The number that is the only argument of a call."""
    match [*call.args, *(each.value for each in call.keywords)]:
        case [argument]:
            return _number(argument)
        case _:
            return None


def is_at(one: Misplaced, call: ast.Call, node: Definition) -> bool:
    """Whether a call is given the constant's own value, or something of just that length."""
    if isinstance(node, ast.ClassDef):
        return False
    given = dict(zip(_parameters(node), call.args, strict=False)) | {
        each.arg or "": each.value for each in call.keywords
    }
    argument = given.get(one.parameter)
    if argument is None:
        return False
    if not one.is_length:
        name = getattr(argument, "id", getattr(argument, "attr", ""))
        return name == one.constant or _number(argument) == one.value
    value = ast.literal_eval(argument) if literal(argument) else None
    return isinstance(value, str | bytes | list | tuple | dict | set) and len(value) == one.value


def _parameters(node: FunctionNode) -> list[str]:
    args = node.args
    names = [each.arg for each in (*args.posonlyargs, *args.args, *args.kwonlyargs)]
    return [name for name in names if name not in {"self", "cls"}]


def _number(node: ast.expr) -> float | None:
    value: object = ast.literal_eval(node) if literal(node) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) <= sys.maxsize else None
