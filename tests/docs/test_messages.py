"""The page of messages has what the source says, and a new message appears there by itself."""

import ast

from scripts.pages.messages import DERIVED, ERRORS, LAUNCHER, Message, messages, page, prose, sources

MODULE = """
REMEDY = "Set `a`"

def check(name: str, wide: bool) -> None:
    why = f"it has {len(name)} letters"
    raise ConfigError(f"{name!r} is no name", why=why, remedy=REMEDY)

def other(config, limits, error):
    config.note("only a part was read: " + str(error))
    limits.append(f"only the first {MAX_FILES:,} files were read")
    found.append("not a message")
    raise ConfigError(error.what, why="lost")
"""


def test_a_message_is_read_with_its_reason_and_remedy() -> None:
    assert set(messages(MODULE)) == {
        Message("<name> is no name", "it has <name> letters", "Set `a`", "2"),
        Message("only a part was read: <error>", "", "", "note"),
        Message("only the first <max files> files were read", "", "", "note"),
    }


def test_a_new_message_of_any_kind_of_failure_appears() -> None:
    known = {*ERRORS, *DERIVED}
    classes = [
        node
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ClassDef)
    ]
    derived = {node.name for node in classes for base in node.bases if isinstance(base, ast.Name) and base.id in known}
    assert derived - known == set()
    for name in (*ERRORS, *DERIVED, *LAUNCHER):
        assert [each.what for each in messages(f'raise {name}("nobody has said this before")')] == [
            "nobody has said this before"
        ]


def test_the_page_has_what_people_meet_and_no_html_by_accident() -> None:
    text = page("")
    for words in ("there is no event", "the time limit of the run is over", "`state-dir` lies in the checkout"):
        assert words in text
    assert text.count("\n| ") > 300
    assert prose("Give <file>, or `<name>`") == "Give \\<file>, or `<name>`"
