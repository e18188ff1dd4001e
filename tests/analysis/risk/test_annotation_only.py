import pytest

from cicd_agent.analysis.risk.annotation_only import is_annotation_only
from cicd_agent.analysis.risk.features import features
from cicd_agent.analysis.rules.run import ruled
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.verdict import RiskLevel
from tests.support.samples.changes import change_of

BEFORE = "import os\n\n\nclass A:\n    x = 1\n\n    def f(self, a, b=2):\n        total = a + b\n        return total\n"


def proved(before: str, after: str, path: str = "src/a.py") -> bool:
    change: Change = change_of((path, before, after))
    return is_annotation_only(change.files[0], change)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("def f(self, a, b=2):", "def f(self, a: int, b: int | None = 2) -> int:"),
        ("def f(self, a, b=2):", 'def f(self, a: "int", b: typing.Optional[list[str]] = 2) -> dict[str, int]:'),
        ("        total = a", "        total: int = a"),
        ("import os\n", "from __future__ import annotations\n\nimport os\nfrom collections.abc import Iterable\n"),
        ("        total = a", "        # the sum\n        total = a"),
        ("(self, a, b=2):", "(self, a: int, b: int = 2):  # type: ignore[misc]"),
    ],
)
def test_annotations_of_functions_and_variables_count_for_little(old: str, new: str) -> None:
    assert proved(BEFORE, BEFORE.replace(old, new))
    assert proved(BEFORE.replace(old, new), BEFORE)
    measures = features(change_of(("src/a.py", BEFORE, BEFORE.replace(old, new)))).measures
    assert (measures.files, measures.added, measures.deleted) == (1, 0, 0)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("b=2", "b: int = 3"),
        ("def f(self, a, ", "def f(self, a: os.remove('x'), "),
        ("def f(self, a, ", "def f(self, a: [x for x in y], "),
        ("def f(self, a, ", "def f(self, a: (x := 1), "),
        ("    x = 1", "    x: int = 1"),
        ("        return total", "        total: int\n        return total"),
        ("import os\n", "import os\nfrom typing_extension import Any\n"),
        ("import os\n", "import os\nfrom .typing import Any\n"),
        ("import os\n", "import os\nimport typing\n"),
        ("return total", "return (total"),
        ("total = a + b", "total = " + "(" * 5_000 + "a" + ")" * 5_000),
        ("total = a + b", "total = " + "-" * 100_000 + "a"),
    ],
)
def test_whatever_else_changes_counts_in_full(old: str, new: str) -> None:
    assert not proved(BEFORE, BEFORE.replace(old, new))


def test_what_is_no_python_or_too_long_is_not_proved() -> None:
    assert not proved("a = 1\n", "a: int = 1\n", "a.ts")
    assert proved("a = 1\n", "a: int = 1\n")
    assert not proved("a = 1\n", "a: int = 1\n" + "#" * 500_000)


def test_lines_that_are_comments_beside_code_do_not_count() -> None:
    change = change_of(("src/a.ts", "run()\n", "// why\n" * 300 + "run()\n"), ("src/b.ts", "run()\n", "walk()\n"))
    measures = features(change).measures
    assert (measures.files, measures.added, measures.deleted) == (2, 1, 1)


SESSIONS = """\
class SessionInterface:
    def open_session(self, app, request, user: Administrator):
        value = request.cookies.get(self.cookie_name)
        return self.get(value)

    def save_session(self, app, session, response):
        response.set_cookie("session", session, httponly=True, expires=self.expiration)
        session_id = session.session_id
        return session_id
"""


@pytest.mark.parametrize(
    ("old", "new", "floor"),
    [
        ("return self.get(value)", "return self.get(value)  # type: ignore[no-any-return]", RiskLevel.MEDIUM),
        ("app, request,", "app: Flask, request: Request,", RiskLevel.MEDIUM),
        ("value = request", "value: str | None = request", RiskLevel.MEDIUM),
        ("httponly=True", "httponly=False", RiskLevel.HIGH),
        ("user: Administrator", "user: User", RiskLevel.HIGH),
        ("user: Administrator", "user", RiskLevel.HIGH),
        ("return session_id", "return session_id or None  # type: ignore", RiskLevel.HIGH),
    ],
)
@pytest.mark.parametrize("path", ["src/web/sessions.py", "src/auth/login.py"])
def test_types_of_a_sensitive_file_are_not_high(path: str, old: str, new: str, floor: RiskLevel) -> None:
    changed = change_of((path, SESSIONS, SESSIONS.replace(old, new)))
    assert [area.floor for area in ruled(changed).areas] == [floor]
    both = change_of((path, SESSIONS, SESSIONS.replace(old, new)), ("src/oauth.py", "a = 1\n", "a = 2\n"))
    assert [area.floor for area in ruled(both).areas] == [RiskLevel.HIGH]


def test_a_deep_tree_is_compared_all_the_same() -> None:
    deep = "total = " + "a + " * 1_000 + "b"
    assert proved(
        BEFORE.replace("total = a + b", deep), BEFORE.replace("total = a + b", deep.replace("total", "total: int"))
    )
    assert not proved(BEFORE.replace("total = a + b", deep), BEFORE.replace("total = a + b", deep[:-1] + "c"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("        total = a", "        @other\n        def total(): pass\n        total = a"),
        ("    def f", "    @cached\n    def f"),
        ("return total", "return total; exit()"),
    ],
)
def test_what_stands_around_equal_words_counts(old: str, new: str) -> None:
    assert not proved(BEFORE, BEFORE.replace(old, new))
    assert not proved(BEFORE.replace(old, new), BEFORE)
