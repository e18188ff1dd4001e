"""Reads what the docstring of a function says by example: doctests, short prose in backticks, what it raises."""

import ast
import doctest
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from cicd_agent.analysis.python_tests.syntax import (
    UNREADABLE,
    Definition,
    DocLine,
    bound_names,
    docstring,
    docstring_lines,
    dotted_name,
    expression,
    names_in,
    parsed,
    path_to,
    replaced,
)

MAX_ITEMS = 50
"""Examples of one function that are read."""

FAULT = re.compile(r"\b(?:BUG|FIXME|XXX)\b|(?i:\b(?:known|existing|current) (?:bug|issue|defect)s?\b|\bbug\b)")
"""Marks words that call a behaviour a mistake."""

_SPAN = re.compile(r"(`{1,2})([^`]{1,300})\1")
_SAYS = re.compile(
    r"\s*(?:(?:should|must|will|is documented to)\s+)?"
    r"(?:->|=>|==|→|returns?|gives?|yields?|is|be|equals?|evaluates? to)\s*"
)
_RAISED = re.compile(r"\s*(?:(?:should|must|will)\s+)?raises?\s+(?:an?\s+)?(?::\w+:)?[`~]*(?P<type>[A-Za-z_][\w.]*)")
_FOR = re.compile(r"\s*(?:for|on|when given|if given|given|when passed)\s+(?:an?\s+)?")
_ARROW = re.compile(r"\s+(?:->|=>|==|→)\s+")
_FIELD = re.compile(r":(?:raises?|except|exception)\s+[`~]*(?P<type>[A-Za-z_][\w.]*)[`]*\s*:\s*(?P<words>.*)")
_SECTION = re.compile(r"(?:Raises|Exceptions?):?")
_ENTRY = re.compile(r"[`~]*(?P<type>[A-Za-z_][\w.]*)[`]*\s*(?::|$|\s--?\s)")
_SENTENCE = re.compile(r"\b[Rr]aises?\s+(?:an?\s+)?[`~]*([A-Z]\w*(?:Error|Exception))\b")
_RULE = re.compile(r"-{3,}|={3,}")
_EXCEPTION = re.compile(r"[A-Z]\w*(?:Error|Exception|Warning|Exit|Interrupt|Iteration)?")


@dataclass(frozen=True, slots=True)
class Example:
    """`call` is an expression as `ast.unparse` writes it, "" when no single call is meant; `line` is in the file.

    `value` is the literal that it gives, "" when it raises, `raises` the type's name. `before` are statements that the
    call needs, as they stand in the docstring. `words` is the line that says so.
    """

    call: str
    value: str
    raises: str
    line: int
    words: str
    before: tuple[str, ...] = ()


def examples(source: str, function: str) -> tuple[Example, ...]:
    """What the docstring of a function (by its qualified name) says by example; () for whatever cannot be read."""
    tree = parsed(source)
    around = path_to(tree, function)
    if not around:
        return ()
    node = around[-1]
    lines = [doc_line for doc_line in docstring_lines(node) if not FAULT.search(doc_line.text)]
    results: dict[tuple[str, str, str], Example] = {}
    try:
        for example in (*_doctests(node, function), *prose(lines, function, node), *_raises(lines)):
            results.setdefault((example.call, example.value, example.raises), example)
            if len(results) >= MAX_ITEMS:
                break
    except UNREADABLE:
        pass
    return tuple(results.values())


def literal(node: ast.expr | None) -> str:
    """The normal spelling of a literal, "" for what is none."""
    try:
        return "" if node is None or ast.literal_eval(node) is Ellipsis else ast.unparse(node)
    except (TypeError, *UNREADABLE):
        return ""


def called(function: str) -> str:
    parts = [part for part in function.split(".") if part != "<locals>"]
    return parts[-2] if parts[-1] == "__init__" and len(parts) > 1 else parts[-1]


def is_call(node: ast.expr, name: str) -> bool:
    match node:
        case ast.Call(func=ast.Name(id=matched)) | ast.Call(func=ast.Attribute(attr=matched)):
            return matched == name
        case _:
            return False


def plain(node: ast.expr, function: str) -> ast.expr:
    """The expression with a function of a module called by its bare name, through whatever module it was reached."""
    if "." in function.replace("<locals>.", "") and not function.endswith(".__init__"):
        return node
    name = called(function)

    def bare(part: ast.expr) -> ast.expr | None:
        is_it = isinstance(part, ast.Attribute) and part.attr == name and dotted_name(part)
        return ast.Name(name, ast.Load()) if is_it else None

    return replaced(node, bare)


def _doctests(node: Definition, function: str) -> Iterator[Example]:
    text, name = docstring(node), called(function)
    first = next((doc_line.line for doc_line in docstring_lines(node)), 1)
    before: list[str] = []
    for each in doctest.DocTestParser().get_examples(text):
        if each.options.get(doctest.SKIP) or FAULT.search(each.source):
            continue
        tree = expression(each.source)
        words = " ".join(f">>> {each.source} {each.want}".split())
        if tree is not None and name in {getattr(part, "id", getattr(part, "attr", "")) for part in ast.walk(tree)}:
            # A want with an ellipsis is matched by more than one value.
            if each.exc_msg is not None:
                raised = each.exc_msg.split(":")[0].strip().split(".")[-1]
                if raised.isidentifier():
                    call = ast.unparse(plain(tree, function))
                    yield Example(call, "", raised, first + each.lineno, words, _needed(before, call))
            elif each.want and "..." not in each.want and "<BLANKLINE>" not in each.want:
                valued = _valued(plain(tree, function), each.want)
                if valued is not None:
                    yield Example(*valued, "", first + each.lineno, words, _needed(before, valued[0]))
        if each.exc_msg is None and parsed(each.source):
            before.append(each.source.strip())


def _valued(node: ast.expr, want: str) -> tuple[str, str] | None:
    """The expression that has a literal value, and that: of what was called, of its `repr`, or of what it prints."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
        one = len(node.args) == 1 and not node.keywords and not isinstance(node.args[0], ast.Starred)
        return (f"str({ast.unparse(node.args[0])})", repr(want.removesuffix("\n"))) if one else None
    value = expression(want)
    if value is not None and (spelled := literal(value)):
        return ast.unparse(node), spelled
    if isinstance(value, ast.Call) and all(literal(each) for each in value.args) and "\n" not in want.strip():
        return f"repr({ast.unparse(node)})", repr(want.strip())
    return None


def _needed(before: Sequence[str], call: str) -> tuple[str, ...]:
    """The statements on which a call depends, found backwards from the names that it uses."""
    bound = set[str]().union(*map(bound_names, before))
    names = names_in(ast.parse(call)) & bound
    needed: list[str] = []
    for each in reversed(before):
        used = names_in(parsed(each) or ast.Module([], [])) | bound_names(each)
        if used & names:
            names |= used & bound
            needed.append(each)
    return tuple(reversed(needed))


def prose(lines: Iterable[DocLine], function: str, node: Definition) -> Iterator[Example]:
    """Examples in sentences: a call and its value in backticks, or with an arrow between them."""
    lines, name = list(lines), called(function)
    for doc_line, after in zip(lines, [*lines, DocLine(0, "")][1:], strict=True):
        if doc_line.text.lstrip().startswith((">>>", "...")):
            continue
        # A sentence may go on in the next line, but begins in this one.
        text = f"{doc_line.text} {after.text.strip()}"
        for call, value, raises in (*_spans(text, len(doc_line.text), name, node), *_arrows(doc_line.text)):
            if (
                isinstance(call, ast.Call)
                and is_call(call, name)
                and all(map(literal, call.args))
                and (value or raises)
            ):
                yield Example(
                    ast.unparse(plain(call, function)), value, raises, doc_line.line, " ".join(doc_line.text.split())
                )


def _spans(text: str, end: int, name: str, node: Definition) -> Iterator[tuple[ast.expr | None, str, str]]:
    spans = list(_SPAN.finditer(text))
    for at, span in enumerate(spans):
        if span.start() >= end:
            return
        after = spans[at + 1] if at + 1 < len(spans) else None
        yield from _arrows(span[2])
        if (raised := _RAISED.match(text, span.end())) and _EXCEPTION.fullmatch(raised["type"].split(".")[-1]):
            yield expression(span[2]), "", raised["type"].split(".")[-1]
        if after is not None and _SAYS.fullmatch(text, span.end(), after.start()):
            yield expression(span[2]), literal(expression(after[2])), ""
        if after is not None and _FOR.fullmatch(text, span.end(), after.start()) and _one_argument(node):
            argument = expression(after[2])
            if argument is not None and literal(argument):
                yield ast.Call(ast.Name(name, ast.Load()), [argument], []), literal(expression(span[2])), ""


def _arrows(text: str) -> Iterator[tuple[ast.expr | None, str, str]]:
    """`f(1) -> 2`, as all of a text or after words that end in a colon or a comma."""
    parts = _ARROW.split(text.strip().strip("`").removeprefix("- ").removeprefix("* "))
    if len(parts) != 2:  # noqa: PLR2004  an arrow has two sides
        return
    left, right = (part.strip("` ") for part in parts)
    call = expression(left) or expression(re.split(r"[:,]\s+(?=[A-Za-z_.]+\()", left)[-1])
    yield call, literal(expression(right.rstrip(".,;"))), ""


def _one_argument(node: Definition) -> bool:
    """Whether a function of a module takes one argument: then "`[]` for `""`" says which call is meant."""
    if isinstance(node, ast.ClassDef):
        return False
    names = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]
    needed = names[: len(names) - len(node.args.defaults)]
    return len(needed) == 1 and needed[0] not in {"self", "cls"}


def _raises(lines: Sequence[DocLine]) -> Iterator[Example]:
    section: int | None = None
    ruled = [bool(_RULE.fullmatch(line.text.strip())) for line in (*lines[1:], DocLine(0, ""))]
    for doc_line, is_ruled in zip(lines, ruled, strict=True):
        text = doc_line.text.strip()
        if (field := _FIELD.match(text)) is not None:
            yield _raised(field["type"], doc_line)
        elif _SECTION.fullmatch(text):
            section = doc_line.indent - 1 if is_ruled else doc_line.indent if text.endswith(":") else None
        elif section is not None and text and not _RULE.fullmatch(text):
            entry = _ENTRY.match(text)
            if doc_line.indent <= section or is_ruled:
                section = None
            elif entry is not None and _EXCEPTION.fullmatch(entry["type"].split(".")[-1]):
                yield _raised(entry["type"], doc_line)
        elif (sentence := _SENTENCE.search(text)) is not None:
            yield _raised(sentence[1], doc_line)


def _raised(name: str, doc_line: DocLine) -> Example:
    return Example("", "", name.rpartition(".")[2], doc_line.line, " ".join(doc_line.text.split()))
