import pytest

from cicd_agent.analysis.rules.run import findings
from cicd_agent.domain.finding import Severity
from tests.support.samples.changes import change_of

File = tuple[str, str | None, str]


def messages(rule: str, *files: File, paths: tuple[str, ...] = ()) -> list[str]:
    return [each.message for each in findings(change_of(*files, paths=paths)) if each.id == rule]


def cycles(*files: File, paths: tuple[str, ...] = ()) -> list[str]:
    return messages("import-cycle", *files, paths=paths)


B = ("shop/b.py", "from shop.a import X\n", "from shop.a import X\n\nY = 1\n")


@pytest.mark.parametrize(
    ("added", "expected"),
    [
        ("from shop.b import Y", True),
        ("from shop import b", True),
        ("from . import b", True),
        ("from .b import (\n    Y,  # a comment\n)", True),
        ("import shop.b as other", True),
        ("from shop.c import Y", False),
        ("if TYPE_CHECKING:\n    from shop.b import Y", False),
        ("def f():\n    from shop.b import Y", False),
        ("from other.b import Y", False),
    ],
)
def test_an_import_that_leads_back_is_found(added: str, *, expected: bool) -> None:
    found = cycles(("shop/a.py", "X = 1\n", f"{added}\n\nX = 1\n"), B)
    assert found == ["This import closes a cycle: `shop/a.py` → `shop/b.py` → `shop/a.py`."] * expected


def test_a_cycle_of_old_imports_is_not_new() -> None:
    before = "from shop.b import Y\n\nX = 1\n"
    assert cycles(("shop/a.py", before, before + "Z = 2\n"), B) == []
    assert cycles(("shop/a.py", before, "from shop.b import Y, Z\n\nX = 1\n"), B) == []


def test_a_package_may_import_its_modules_and_they_it() -> None:
    package: File = ("shop/__init__.py", None, "from shop.a import X\n")
    assert cycles(package, ("shop/a.py", None, "from shop import VERSION\n")) == []


def test_modules_below_src_have_no_src_in_their_names() -> None:
    one: File = ("src/shop/a.py", None, "from shop.b import Y\n")
    assert len(cycles(one, ("src/shop/b.py", None, "from shop.a import X\n"))) == 1


def test_a_cycle_is_found_once_and_a_plain_import_weighs_less() -> None:
    files: list[File] = [("a.py", None, "import b\n"), ("b.py", None, "import a\n")]
    (only,) = findings(change_of(*files))
    assert (only.id, only.severity) == ("import-cycle", Severity.MEDIUM)


BLOCK = """\
    total = 0
    for row in rows:
        if row.cancelled:
            continue
        price = row.price * row.count
        if row.discount:
            price -= price * row.discount
        total += round(price, 2)
"""


def function(name: str, block: str = BLOCK) -> str:
    return f"def {name}(rows):\n{block}    return total\n\n\n"


def blocks(*files: File) -> list[str]:
    return messages("block-repeated", *files)


def test_a_block_in_three_places_is_found_at_the_last_that_is_new() -> None:
    once = function("x")
    (only,) = blocks(("a.py", once, once + "LIMIT = 3\n"), ("b.py", None, once), ("c.py", once, once + "LIMIT = 3\n"))
    assert only == "These 10 lines stand in 3 places, also at `a.py:1`, `c.py:1`."


@pytest.mark.parametrize(
    "text",
    [
        function("x") + function("y"),
        function("x") + function("y") + function("z", BLOCK.replace("cancelled", "paid")),
        "".join(function(name, BLOCK.partition("        if row.disc")[0]) for name in "xyz"),
        "".join(f"import {name}\n" for name in "abcdefghijkl") * 3,
        ("".join(f'    "{name}": {name}(1),\n' for name in "abcdefghijkl") + "}\n").join(["A = {\n"] * 4),
    ],
)
def test_two_places_other_blocks_and_tables_are_left_alone(text: str) -> None:
    assert blocks(("a.py", None, text)) == []


def test_white_space_and_comments_make_no_difference() -> None:
    other = BLOCK.replace("total = 0", "total  =  0").replace(
        "            continue", "            # no price\n\n            continue"
    )
    text = function("x") + function("y") + function("z", other)
    assert len(blocks(("a.py", None, text))) == 1
    assert blocks(("tests/test_a.py", None, text)) == []


def test_a_block_that_stood_there_before_is_not_new() -> None:
    thrice = function("x") + function("y") + function("z")
    assert blocks(("a.py", thrice, thrice.replace("def x", "def w"))) == []
    assert blocks(("a.py", thrice, "LIMIT = 3\n"), ("b.py", None, thrice)) == []
