import ast

import pytest

from cicd_agent.agent.tools.names import definitions, parse, uses

TEXT = '''\
import json as j, os.path
from shop import Cart as Basket

LIMIT = 3
"""fetch in a text"""  # fetch in a comment

class Client:
    retries: int = 2

    def __init__(self):
        self.url = "fetch"

    async def fetch(self, limit=LIMIT):
        def inner():
            return j.dumps(self.url)
        return await (
            self
            .fetch(limit=1)
        )

fetch = Client().fetch
del fetch
for (a, LIMIT) in []:
    Basket()
'''


def tree(text: str = TEXT) -> ast.Module:
    parsed = parse(text)
    assert parsed is not None
    return parsed


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("Client", [(7, "class", "")]),
        ("fetch", [(13, "function", "Client"), (21, "assignment", "")]),
        ("Client.fetch", [(13, "function", "Client")]),
        ("fetch.inner", [(14, "function", "Client.fetch")]),
        ("LIMIT", [(4, "assignment", ""), (23, "assignment", "")]),
        ("Client.url", [(11, "assignment", "Client.__init__")]),
        ("Client.retries", [(8, "assignment", "Client")]),
        ("lient", []),
        ("json", []),
    ],
)
def test_a_definition_is_found_by_its_name_or_the_end_of_its_full_name(
    name: str, found: list[tuple[int, str, str]]
) -> None:
    assert [(place.line, place.what, place.inside) for place in definitions(tree(), name)] == found


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("fetch", [(18, "call", "Client.fetch"), (21, "use", ""), (22, "use", "")]),
        ("Client.fetch", [(18, "call", "Client.fetch"), (21, "use", ""), (22, "use", "")]),
        ("LIMIT", [(13, "use", "Client.fetch")]),
        ("limit", [(18, "argument", "Client.fetch")]),
        ("Basket", [(2, "import", ""), (24, "call", "")]),
        ("Cart", [(2, "import", "")]),
        ("path", [(1, "import", "")]),
        ("dumps", [(15, "call", "Client.fetch.inner")]),
        ("comment", []),
    ],
)
def test_a_use_is_found_and_text_is_not(name: str, found: list[tuple[int, str, str]]) -> None:
    assert [(place.line, place.what, place.inside) for place in uses(tree(), name)] == found


@pytest.mark.parametrize(
    "text", ["def", "print 'x'", "\0", "(" * 10_000, "-" * 100_000 + "1", "x" + ".a" * 50_000, "x = '\\d'\n" * 3]
)
def test_whatever_the_text_is_nothing_is_raised(text: str) -> None:
    parsed = parse(text)
    if parsed is not None:
        assert definitions(parsed, "a") == []
        assert isinstance(uses(parsed, "a"), list)
