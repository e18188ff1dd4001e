import textwrap

from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.analysis.python_tests.syntax import function_at, functions

TEXT = textwrap.dedent('''
    import functools

    class Client:
        @functools.lru_cache(
            maxsize=3
        )
        def retry(
            self,
            times: "int" = {"a:": 1}["a:"],  # up to: three
        ) -> dict[str, int]:
            """Asks again."""
            def inner(): return 1
            class Local:
                def method(self): pass
            return inner

        def _hidden(self): pass
        def __init__(self): pass

    class _Private:
        def shown(self): pass

    async def waits(*, key=lambda: 1):
        pass

    if functools:
        def under():
            pass
    ''')


def test_functions_are_told_with_where_they_begin_and_end() -> None:
    assert [(one.name, one.first, one.signature_end, one.last) for one in functions(TEXT)] == [
        ("Client.retry", 5, 11, 16),
        ("Client.retry.inner", 13, 13, 13),
        ("Client.retry.Local.method", 15, 15, 15),
        ("Client._hidden", 18, 18, 18),
        ("Client.__init__", 19, 19, 19),
        ("_Private.shown", 22, 22, 22),
        ("waits", 24, 24, 25),
        ("under", 28, 28, 29),
    ]


def test_functions_are_told_by_what_they_are() -> None:
    found = {one.name: one for one in functions(TEXT)}
    assert [name for name, one in found.items() if one.is_public] == [
        *("Client.retry", "Client.__init__", "waits", "under"),
    ]
    assert found["Client.retry"].docstring == "Asks again."


def test_the_innermost_function_around_a_line_is_found() -> None:
    found = functions(TEXT)
    around = [function_at(found, line) for line in (4, 5, 12, 13, 15, 16, 26, 29)]
    assert [one.name if one else "" for one in around] == [
        *("", "Client.retry", "Client.retry", "Client.retry.inner"),
        *("Client.retry.Local.method", "Client.retry", "", "under"),
    ]


def test_what_does_not_parse_has_no_functions() -> None:
    for text in ("def f(:", "\0", "\ud800", "(" * 9_999, "x" * 2_000_000, ""):
        assert functions(text) == ()


@given(st.text(max_size=60), st.sampled_from(["", "\ufeff", "\x0c"]))
def test_no_text_makes_it_fail(text: str, mark: str) -> None:
    functions(mark + text)
    (one, *_) = functions(f"{mark}def f(a='ä𝒳', b=2): # :\n    pass\n")
    assert (one.name, one.first, one.signature_end) == ("f", 1, 1)
