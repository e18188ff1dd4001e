"""The parser of GitHub's expressions, against what actions/runner takes and refuses."""

import math
from contextlib import suppress
from itertools import product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cicd_agent.analysis.rules.expressions import (
    MAX_DEPTH,
    MAX_LENGTH,
    Call,
    Expression,
    ExpressionError,
    Index,
    Literal,
    Named,
    Operation,
    find_expressions,
    parse_expression,
)
from cicd_agent.analysis.rules.taint import Source, masked, sources, tainted

A, B, C = Named("a"), Named("b"), Named("c")


def key(of: Expression, *names: str) -> Expression:
    for name in names:
        of = Index(of, Literal(name))
    return of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a", A),
        (" \t\n A\xa0", A),
        ("null", Literal(None)),
        ("true", Literal(value=True)),
        ("TRUE", Named("true")),
        ("0", Literal(0.0)),
        ("-1.5e3", Literal(-1500.0)),
        ("+.5", Literal(0.5)),
        ("0xfF", Literal(255.0)),
        ("0o17", Literal(15.0)),
        ("Infinity", Literal(math.inf)),
        ("-Infinity", Literal(-math.inf)),
        ("''", Literal("")),
        ("'it''s'", Literal("it's")),
        ("''''", Literal("'")),
        ("a.b-c._d", key(A, "b-c", "_d")),
        ("a . B\n. null", key(A, "B", "null")),
        ("a['b c'].d", key(A, "b c", "d")),
        ("a[0]", Index(A, Literal(0.0))),
        ("a.*.b", key(Index(A, None), "b")),
        ("a[ * ]", Index(A, None)),
        ("a[b.c]", Index(A, key(B, "c"))),
        ("a[b[c]]", Index(A, Index(B, C))),
        ("(a).b", key(A, "b")),
        ("F()", Call("f", ())),
        ("f (a, 'x')", Call("f", (A, Literal("x")))),
        ("f(a).b", key(Call("f", (A,)), "b")),
        ("f(g(a), (b))", Call("f", (Call("g", (A,)), B))),
        ("!a", Operation("!", (A,))),
        ("!!a", Operation("!", (Operation("!", (A,)),))),
        ("a && b && c", Operation("&&", (A, B, C))),
        ("a || b && c", Operation("||", (A, Operation("&&", (B, C))))),
        ("(a || b) && c", Operation("&&", (Operation("||", (A, B)), C))),
        ("!a == b", Operation("==", (Operation("!", (A,)), B))),
        ("a == b == c", Operation("==", (Operation("==", (A, B)), C))),
        ("a == b < c", Operation("==", (A, Operation("<", (B, C))))),
        ("a>=b&&b!=c", Operation("&&", (Operation(">=", (A, B)), Operation("!=", (B, C))))),
        ("a <= b || c > b", Operation("||", (Operation("<=", (A, B)), Operation(">", (C, B))))),
    ],
)
def test_an_expression_is_parsed_as_the_runner_does(text: str, expected: Expression) -> None:
    assert parse_expression(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "a b", "a b.c", "'a", "a'", "''a", "a.", ".a", "a..b", "a.0", "a.'b'", "a[", "a[]", "a]", "a[b"),
        *("a[b)", "(", ")", "()", "(a", "a)", "f(", "f(a", "f(a,)", "f(,a)", "f(a b)", "f)", "a,b", "*", "a*"),
        *("*.a", "!", "a!", "a !b", "&&", "a &&", "&& a", "a && && b", "a & b", "a | b", "a = b", "a === b"),
        *("1a", "0x", "0xg", "1.2.3", "--1", "1e", "'a'.b", "'a'['b']", "1[0]", "true.a", "null['a']", "a.b c"),
        *("a + b", "a - b", "a$", "é"),
        *('"a"', "a; b", "a:b", "{a}", "a.b()", "a[0](b)", "-a", "\0", "a\0"),
    ],
)  # fmt: skip
def test_what_the_runner_refuses_is_refused(text: str) -> None:
    with pytest.raises(ExpressionError):
        parse_expression(text)


@pytest.mark.parametrize(
    ("before", "after"), [("(", ")"), ("!", ""), ("f(", ")"), ("a[", "]"), ("", ".b"), ("", "[1]")]
)
def test_nesting_has_the_runners_limit(before: str, after: str) -> None:
    parse_expression(before * (MAX_DEPTH - 1) + "a" + after * (MAX_DEPTH - 1))
    for times in (MAX_DEPTH + 1, 5_000):
        with pytest.raises(ExpressionError):
            parse_expression(before * times + "a" + after * times)


def test_length_has_the_runners_limit() -> None:
    text = "a||" * (MAX_LENGTH // 3 - 1) + "a"
    assert parse_expression(text) == Operation("||", (A,) * (MAX_LENGTH // 3))
    with pytest.raises(ExpressionError, match=str(MAX_LENGTH)):
        parse_expression(text + " " * 10)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("a ${{ b }} c", ["${{ b }}"]),
        ("${{a}}${{b}}", ["${{a}}", "${{b}}"]),
        ("${{}}", ["${{}}"]),
        ("$${{{ a }}}", ["${{{ a }}"]),
        ("${{ '}}' }}", ["${{ '}}' }}"]),
        ("${{ 'it''s }}' }} }}", ["${{ 'it''s }}' }}"]),
        ("${{ a\n}}", ["${{ a\n}}"]),
        ("${{ a ${{ b }}", ["${{ a ${{ b }}"]),
        ("${{ a } }", []),
        ("$ {{ a }} ${ { a }}", []),
        ("${{ a }} ${{", ["${{ a }}"]),
    ],
)
def test_expressions_are_found_in_a_text(text: str, expected: list[str]) -> None:
    assert [text[start:end] for start, end in find_expressions(text)] == expected


def test_an_expression_is_one_word_where_it_is_masked() -> None:
    assert masked("a/${{ b }}/${{ 'c d' }}e") == "a/N/Ne"
    assert masked("${{ a }}") == "N"
    assert masked("a ${{") == "a ${{"


NAMES = st.from_regex(r"[a-z_][a-z0-9_-]{0,5}", fullmatch=True).filter(
    lambda name: name not in {"null", "true", "false"}
)
LITERALS = st.one_of(
    st.none(), st.booleans(), st.text(max_size=8), st.floats(allow_nan=False).map(float), st.integers(0, 9).map(float)
).map(Literal)


def nested(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    owners = inner.filter(lambda each: isinstance(each, Named | Index | Call))
    chain = st.sampled_from(["&&", "||"]).flatmap(
        lambda operator: st.lists(
            inner.filter(lambda each: not (isinstance(each, Operation) and each.operator == operator)),
            min_size=2,
            max_size=3,
        ).map(lambda operands: Operation(operator, tuple(operands)))
    )
    return st.one_of(
        st.builds(Index, owners, st.one_of(st.none(), inner)),
        st.builds(Call, NAMES, st.lists(inner, max_size=3).map(tuple)),
        st.builds(lambda each: Operation("!", (each,)), inner),
        st.builds(
            lambda operator, left, right: Operation(operator, (left, right)),
            st.sampled_from(["==", "!=", "<", "<=", ">", ">="]),
            inner,
            inner,
        ),
        chain,
    )


EXPRESSIONS: st.SearchStrategy[Expression] = st.recursive(LITERALS | NAMES.map(Named), nested, max_leaves=12)


def written(expression: Expression) -> str:
    """One spelling of an expression, with more groups than it needs."""
    text = ""
    match expression:
        case Literal(value):
            text = literal(value)
        case Named(name):
            text = name
        case Index(of, within):
            text = f"{written(of)}.*" if within is None else f"{written(of)} [{written(within)}]"
        case Call(name, arguments):
            text = f"{name}( {', '.join(map(written, arguments))} )"
        case Operation("!", (operand,)):
            text = f"!({written(operand)})"
        case Operation(operator, operands):
            text = operator.join(f"({written(each)})" for each in operands)
    return text


def literal(value: object) -> str:
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value).replace("inf", "Infinity")


@given(EXPRESSIONS)
def test_what_is_written_is_parsed_again(expression: Expression) -> None:
    text = written(expression)
    assert parse_expression(text) == expression
    assert list(find_expressions(f"${{{{{text}}}}}")) == [(0, len(text) + 5)]


SYMBOLS = st.one_of(
    st.sampled_from(["github", "event", "issue", "title", "''", "&&", "||", "==", "toJSON", "case", "${{", "}}", "0x"]),
    st.sampled_from(".*[]()',!<1 \né\0"),
)
TREE = Source(sources(["github.event.issue.title", "github.event.commits.*.message", "env.*"]))


@given(st.one_of(st.text(max_size=60), st.lists(SYMBOLS, max_size=30).map("".join)))
@example("${{" + "(" * 30_000 + "}}")
@example("${{" + "a." * 30_000 + "}}")
@example("${{" + "'" * 30_001 + "}}")
@example("${{ " * 10_000)
def test_any_text_is_parsed_or_refused(text: str) -> None:
    with suppress(ExpressionError):
        parse_expression(text)
    for whole in (text, f"${{{{{text}}}}}"):
        spans = list(find_expressions(whole))
        assert spans == sorted(spans)
        assert {index for index, _ in tainted(whole, TREE)} <= set(range(len(spans)))


@given(EXPRESSIONS, EXPRESSIONS)
def test_text_travels_through_whatever_is_not_a_condition(one: Expression, other: Expression) -> None:
    def carries(text: str) -> bool:
        return any(True for _ in tainted(f"${{{{ {text} }}}}", TREE))

    title, value, condition = "github.event.issue.title", f"({written(one)})", f"({written(other)})"
    assert carries(title)
    for text in (f"{condition} && {title}", f"{value} || {title}", f"format({value}, {condition}, {title})"):
        assert carries(text)
        assert carries(f"toJSON(fromJSON(join({text})))")
    for operator, text in product(("==", "!=", "<"), (f"{value} || {title}", title)):
        assert not carries(f"({text}) {operator} {condition}")
        assert not carries(f"contains({value}, ({text}))")
