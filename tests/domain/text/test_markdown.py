"""Foreign text in our Markdown, judged by an independent parser of CommonMark and GitHub's extensions."""

import re
import string
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from cicd_agent.domain.text.markdown import (
    code,
    details,
    escape,
    fence,
    find_marker,
    link,
    marker,
    suggestion,
    table,
    truncate,
    utf8_size,
)
from cicd_agent.domain.text.sanitizer import inert, problems
from cicd_agent.domain.text.visible import visible

HOSTS = frozenset({"github.test"})
MARKDOWN = MarkdownIt("gfm-like", {"html": True, "linkify": True})
assert MARKDOWN.linkify
# GitHub links what has a scheme, a www or an @: a bare `a.pw` it leaves alone.
MARKDOWN.linkify.tlds(["example"])

ATTACKS = [
    "![x](https://evil.example/a.png)",
    "[x](https://evil.example)",
    "[x]: https://evil.example\n[x]",
    "<img src=x onerror=alert(1)>",
    "<https://evil.example>",
    "https://evil.example/?q=1",
    "www.evil.example",
    "mail me@evil.example",
    "@octocat please approve",
    "fixes #12, closes o/r#3, GH-4",
    "# heading",
    "setext\n===",
    "- item\n1. item\n2) item",
    "> quote",
    "```\n@octocat\n```",
    "~~~\nx\n~~~",
    "a | b\n--|--\n@c | d",
    "<!-- cicd-agent:review -->",
    "--><b>bold</b>",
    "</details></details><script>x</script>",
    "*a* _b_ **c** ~~d~~ `e`",
    "&lt;b&gt; &amp; &#64;octocat &commat;octocat",
    ":shipit: :tada:",
    "$\\evil{x}$ $$y$$",
    "a\\`b `c\\` \\",
    "`` ` `` `x",
    "\u202e\u200b\u00ad hidden",
    "a\rb\x00c\ud800d",
    "[^1]: note [^1]",
    "    indented",
    "! [x](y) !",
    "|",
    "\\|",
    "",
    " ",
    "`",
    "\\",
]

BITS = st.one_of(
    st.sampled_from(
        [*ATTACKS, *string.punctuation, "\n", " ", "\t", "``", "```", "@a", "#1", "](", "<!--", "-->", "\\|"]
    ),
    st.text(max_size=8),
)
FOREIGN = st.lists(BITS, max_size=8).map("".join)


def tokens(markdown: str) -> list[Token]:
    """All tokens, inline ones too."""
    found: list[Token] = []
    for token in MARKDOWN.parse(markdown.replace("\ud800", "?")):
        found += [token, *(token.children or ())]
    return found


def kinds(markdown: str) -> set[str]:
    return {token.type for token in tokens(markdown)}


def texts(markdown: str) -> str:
    """What a reader can read: text and code."""
    shown = {"text", "code_inline", "fence", "text_special"}
    return "".join(token.content if token.type in shown else " " for token in tokens(markdown))


def plain_text(markdown: str) -> str:
    """Text that GitHub looks through for mentions and references; each node by itself."""
    return "\0".join(token.content for token in tokens(markdown) if token.type in {"text", "text_special"})


def squeezed(text: str) -> str:
    return "".join(text.split())


HARMLESS_INLINE = {"paragraph_open", "paragraph_close", "inline", "text", "text_special", "code_inline"}


def assert_quiet(markdown: str) -> None:
    text = plain_text(markdown)
    assert not re.search(r"@[A-Za-z0-9]|#[0-9]|GH-[0-9]|://|www\.|mailto:|\$|:[a-z0-9_+-]+:", text, re.IGNORECASE)


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("around", ["{}", "see {} there", "{}!", "**{}**", "- {}", "1. {}", "# {}"])
def test_escaped_text_does_nothing(attack: str, around: str) -> None:
    markdown = around.format(escape(attack) or "nothing")
    allowed = {"strong_open", "strong_close", "bullet_list_open", "bullet_list_close", "ordered_list_open"}
    allowed |= {"ordered_list_close", "list_item_open", "list_item_close", "heading_open", "heading_close"}
    assert kinds(markdown) - allowed <= HARMLESS_INLINE
    assert_quiet(markdown)
    assert "<!--" not in escape(attack)


@given(FOREIGN)
def test_escaped_text_is_inert_and_all_there(text: str) -> None:
    markdown = escape(text)
    assert "\n" not in markdown
    assert kinds(markdown) <= HARMLESS_INLINE
    assert_quiet(markdown)
    assert squeezed(texts(markdown)) == squeezed(visible(re.sub(r"\r", " ", text)))
    assert problems(markdown, HOSTS) == ()


@given(FOREIGN)
def test_a_code_span_holds_its_text(text: str) -> None:
    markdown = f"x {code(text)} y"
    spans = [token.content for token in tokens(markdown) if token.type == "code_inline"]
    assert len(spans) == 1
    assert squeezed(spans[0]) == squeezed(visible(re.sub(r"\r", " ", text)))
    assert kinds(markdown) <= HARMLESS_INLINE
    assert problems(markdown, HOSTS) == ()


@given(
    FOREIGN, st.one_of(st.sampled_from(["python", "mermaid", "suggestion", "c++", "x\n```", "`"]), st.text(max_size=5))
)
def test_a_fence_is_not_closed_by_its_text(text: str, language: str) -> None:
    markdown = f"before\n\n{fence(text, language)}\nafter"
    blocks = [token for token in tokens(markdown) if token.type == "fence"]
    assert len(blocks) == 1
    assert blocks[0].content.rstrip("\n") == visible(text).replace("\r\n", "\n").rstrip("\n")
    assert blocks[0].info not in {"mermaid", "suggestion"}
    assert texts(markdown).split()[0] == "before"
    assert texts(markdown).split()[-1] == "after"
    assert problems(markdown, HOSTS) == ()


@given(FOREIGN)
def test_a_suggestion_offers_exactly_what_is_seen(text: str) -> None:
    (block,) = [token for token in tokens(suggestion(text)) if token.type == "fence"]
    if block.info == "suggestion":
        assert block.content.rstrip("\n") == text.replace("\r\n", "\n").rstrip("\n")
    else:
        assert visible(text) != text


@given(st.lists(st.tuples(FOREIGN, FOREIGN), max_size=4))
def test_a_table_keeps_its_shape_and_its_text(rows: list[tuple[str, str]]) -> None:
    markdown = table(("what", "where"), [(escape(left), code(right)) for left, right in rows])
    found = tokens(markdown)
    assert [token.type for token in found].count("tr_open") == len(rows) + 1
    assert [token.type for token in found].count("td_open") == 2 * len(rows)
    assert not kinds(markdown) & {"html_inline", "html_block", "image", "link_open"}
    assert_quiet(markdown)
    assert problems(markdown, HOSTS) == ()
    # A backslash before a bar inside code is the one thing a table cannot show.
    if not any("\\|" in cell for row in rows for cell in row):
        cells = [token for token in found if token.type == "inline"][2:]
        shown = ["".join(child.content for child in cell.children or ()) for cell in cells]
        assert [squeezed(text) for text in shown] == [
            squeezed(visible(cell.replace("\r", " "))) for row in rows for cell in row
        ]


@given(FOREIGN, FOREIGN)
def test_details_fold_what_they_are_given(summary: str, body: str) -> None:
    markdown = details(summary, escape(body)) + "\nafter"
    raw = "".join(token.content for token in tokens(markdown) if token.type in {"html_block", "html_inline"})
    assert re.sub(r"</?(?:details|summary|code)>", "", raw).count("<") == 0
    assert [token.content.strip() for token in tokens(markdown) if token.type == "html_block"][-1] == "</details>"
    assert problems(markdown, HOSTS) == ()


@pytest.mark.parametrize(
    "url",
    [
        "http://github.test/a",
        "https://github.test.evil.example/",
        "https://github.test@evil.example/",
        "https://evil.example/github.test",
        "https://github.test:444/",
        "https://github.test:x/",
        "//github.test/a",
        "javascript:alert(1)",
        "https://github.test\\@evil.example",
        "https://github.test/a b",
        "https://githüb.test/",
        "https://[::1",
        "",
    ],
)
def test_a_link_leads_to_allowed_hosts_only(url: str) -> None:
    assert link("text", url, HOSTS) == "text"
    assert problems(f"[text]({url})", HOSTS)


def test_a_link_survives_hard_characters_in_its_path() -> None:
    markdown = link(code("a]b"), "https://github.test/o/r/blob/1/a(b)'c.py#L1-L2", HOSTS)
    (opening,) = [token for token in tokens(markdown) if token.type == "link_open"]
    assert opening.attrs["href"] == "https://github.test/o/r/blob/1/a%28b%29%27c.py#L1-L2"
    assert problems(markdown, HOSTS) == ()


@given(st.text(max_size=30))
def test_a_marker_is_known_in_the_first_line_and_nowhere_else(key: str) -> None:
    assert find_marker(f"{marker(key)}\nbody") == marker(key)
    assert find_marker(f"body\n{marker(key)}") == ""
    assert kinds(marker(key)) == {"html_block"}
    assert marker(key).count("--") == 2


DOCUMENTS = st.lists(
    st.one_of(
        FOREIGN.map(escape),
        FOREIGN.map(fence),
        FOREIGN.map(lambda text: details("more", fence(text))),
        FOREIGN.map(lambda text: details("most", details("inner", escape(text)))),
        FOREIGN.map(lambda text: table(("a", "b"), [(escape(text), code(text))])),
    ),
    max_size=6,
).map("\n\n".join)


@given(DOCUMENTS, st.integers(60, 400), st.sampled_from([len, utf8_size]))
def test_truncated_markdown_fits_is_closed_and_says_so(document: str, limit: int, size: Callable[[str], int]) -> None:
    short = truncate(document, limit, size)
    assert size(short) <= limit
    if size(document) <= limit:
        assert short == document
        return
    assert "Cut:" in short
    assert "Cut:" in plain_text(short)
    assert short.count("<details>") <= short.count("</details>")
    assert problems(short, HOSTS) == ()


def test_a_line_too_long_is_cut_inside_a_fence_and_left_out_elsewhere() -> None:
    assert truncate(fence("é" * 500), 200, utf8_size).count("é") > 20
    assert truncate("x" * 500, 200) == "\n*Cut: 1 of 1 lines did not fit.*"
    assert truncate("x" * 500, 10) == "Cut: too l"


@given(DOCUMENTS)
def test_what_we_write_passes_our_own_check(document: str) -> None:
    assert problems(document, HOSTS) == ()
    assert inert(document, HOSTS) == document


HOSTILE = [
    "![x](https://github.test/a.png)",
    "\\![x](https://evil.example)",
    "[x](https://evil.example)",
    "[x][y]\n\n[y]: https://evil.example",
    "[x]:\nhttps://evil.example",
    "[x](<https://evil.example>)",
    "[a](&#106;avascript:x)",
    "<https://evil.example>",
    "<IMG src=x>",
    "<details open>x",
    "<!-- x --><b>",
    "<!-- cicd-agent:a -->`<b>`",
    "<!-- cicd-agent:a -->`@octocat`",
    "> <!-- cicd-agent:a -->`@octocat`",
    "https://evil.example",
    "HTTPS&colon;//evil.example",
    "www.evil.example",
    "@octocat",
    "\\@octocat",
    "&#64;octocat",
    "&commat;octocat",
    "**@octocat**",
    "fixes #1",
    "`a\n` @octocat ` b",
    "a ` b\n` @octocat ` c",
    "<details>\n```\n@octocat\n```\n</details>",
    "<details><summary>`@octocat`</summary>",
    "- <details>\n  `@octocat`",
    "<sub>\n`@octocat`",
    "- ```\n```\n@octocat\n```",
    "1. ```\n```\n@octocat\n```",
    " ```\n```\n@octocat",
    "> ```\n@octocat\n> ```",
    "```\n    ```\n```\n@octocat",
    "``` `\n@octocat\n```",
    "~~~\n```\n~~~\n@octocat\n```",
    "```mermaid\ngraph\n```",
    "```\nnot closed",
    "a | b\n--|--\n`x | @octocat` | y",
    "`x | @octocat`\n:-|-:\n",
    "$x$",
    "$$x$$",
    "hid\u202eden",
]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_markdown_is_shown_as_source(hostile: str) -> None:
    assert problems(hostile, HOSTS)
    shown = inert(hostile, HOSTS)
    assert kinds(shown) == {"fence"}
    assert inert(shown, HOSTS) == shown


LIVE = st.lists(
    st.one_of(st.sampled_from([*HOSTILE, "\n", "`", "```\n", "\n\n", "> ", "- ", "    ", "| "]), BITS), max_size=6
)


@given(LIVE.map("".join))
def test_what_passes_the_check_is_inert_to_a_parser(markdown: str) -> None:
    if problems(markdown, HOSTS):
        return
    assert "image" not in kinds(markdown)
    for token in tokens(markdown):
        if token.type == "link_open":
            assert str(token.attrs["href"]).startswith("https://github.test")
        if token.type in {"html_block", "html_inline"}:
            rest = re.sub(r"</?(?:details|summary|sub|br|code)>|<!-- cicd-agent:\S+ -->", "", token.content)
            assert "<" not in rest
            assert not re.search(r"@[A-Za-z0-9]|#[0-9]", re.sub("<code>[^<]*</code>", "", token.content))
    assert not re.search(r"@[A-Za-z0-9]|#[0-9]", plain_text(markdown))
