"""An order counts where a reader sees its author's own plain text, and nowhere else."""

from html.parser import HTMLParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from cicd_agent.domain.events.deploy_comment import deploy_command
from cicd_agent.domain.text.plain_text import mask_markup
from cicd_agent.modes.review.comment_commands import Command, ParsedComment, parse_comment

HASH = "0123456789abcdef"
ORDER = f"/approve-deploy {HASH}"
REVIEW = "@cicd-agent review"

NOT_PLAIN = [
    # struck
    "~~{}~~",
    "~~\n{}\n~~",
    "~{}~",
    "~~No:\n{}\nis what I would say~~",
    "~~\n\n{}\n\n~~",
    "~~a~~ ~~b\n{}~~",
    *(f"<{name}>{{}}</{name}>" for name in ("del", "s", "strike", "DEL", "S")),
    *(f"<{name}>\n{{}}\n</{name}>" for name in ("del", "s", "strike", "ins", "q")),
    *(f"<{name}>\n\n{{}}\n\n</{name}>" for name in ("del", "s", "strike", "span", "div", "sub", "kbd", "td")),
    "No.<del>\n{}</del>",
    "<del class='a>b' title=\"</del>\">\n\n{}\n\n</del>",
    "<del\n  a>\n\n{}",
    "<del/>\n\n{}",
    "<del>\n\n{}",
    "- <del>\n\n{}",
    "> <s>\n\n{}",
    "<del>\n\n> </del>\n\n{}\n\n</del>",
    "<del>\n\n`</del>`\n\n{}\n\n</del>",
    "<p>`<del>`</p>\n\n{}",
    # hidden
    "<!-- {} -->",
    "<!--\n{}\n-->",
    "<!--\n\n{}\n\n-->",
    "a <!--\n{}\n-->",
    "<!-- -->a<!--\n\n{}\n\n-->",
    "> <!--\n\n{}",
    "<span hidden>\n{}\n</span>",
    "<div style='display:none'>\n\n{}\n\n</div>",
    "<template>\n{}\n</template>",
    "<template>\n\n{}\n\n</template>",
    "<details><summary>Log</summary>\n\n{}\n\n</details>",
    "<details>\n{}\n</details>",
    "<?\n{}\n?>",
    "<!X\n{}\n>",
    "<![CDATA[\n{}\n]]>",
    "<a b='\n{}\n'>",
    '<p title="\n\n{}\n\n<b>">',
    "<foo>\n</ \n{}\n>",
    "[x]: {}",
    "[x]:\n{}",
    '[x]: /a "\n{}\n"',
    "[x]: /a '\n{}'\n\n[x]",
    '[x\ny]: /a "\n{}\n"',
    "[^1]: a\n{}",
    "![{}](https://example.org/a.png)",
    "![a\n{}\n](https://example.org/a.png)",
    "![a\n{}\n][b]\n\n[b]: /c",
    '![a](/b "\n{}\n")',
    '[a](/b ")\n{}\n")',
    '[a](/b "\\"\n{}\n")',
    "[\n{}\n](https://example.org)",
    "[a](https://example.org '\n{}')",
    # formulas
    "${}$",
    "$$\n{}\n$$",
    "$$\n\n{}\n\n$$",
    "$a\n{}\nb$",
    "$`\n{}\n`$",
    "```math\n{}\n```",
    # code
    "`{}`",
    "`\n{}\n`",
    "``a ` b\n{}\n``",
    "\\`a` b\n{}\n`",
    "    {}",
    "\t{}",
    "a\n\n    {}",
    "```\n{}\n```",
    "```\n{}",
    "~~~~\n~~~\n{}\n~~~~",
    "```\nfoo ```\n{}\n```",
    "```` a\n```\n{}",
    "<pre>\n{}\n</pre>",
    "<pre>\n\n{}\n\n</pre>",
    "<code>\n{}\n</code>",
    # quotations
    "> {}",
    "   > {}",
    ">{}",
    "> a\n{}",
    ">a\n>\n> {}",
    "- a\n\n  > b\n{}",
    "<blockquote>\n\n{}\n\n</blockquote>",
    # tables and headings' neighbours
    "| a |\n| - |\n| {} |",
    "a | b\n--|--\n{}",
]

PLAIN = [
    "{}",
    "{}\n",
    "\n\n{}\n\n",
    "Looks good.\n{}\nThanks!",
    "Looks good.\n\n{}\n\nThanks!",
    "> Ready?\n\n{}",
    "> ```\n> <div> ~~a $$\n> ```\n\n{}",
    "```\n<del>\n```\n{}",
    "- checked `a`\n- checked b\n{}",
    "1. checked\n2. checked\n\n{}",
    "- ```\n  <del>\n  ```\n{}",
    "-\tcode:\n\n        <del>\n\n{}",
    "The `<!--` marker is gone, and so is `<del>`.\n\n{}",
    "`List<String>` is List<String> now, a < b, and 2 <3.\n\n{}",
    "Map<T>\n{}",
    "<https://example.org/a?b=$c>\n{}",
    "[the dashboard](https://example.org/d_(e)?a=$b 'all ~~~') is fine (see [b])\n{}\n(done) $",
    "It costs $5, not $6\n{}\nand takes ~5 minutes",
    "About ~5 minutes\n{}\nor ~ 10",
    "~~not now~~ now:\n{}",
    "<details><summary>Log</summary>\n\n```\n~~\n```\n\n</details>\n\n{}",
    "<!-- a -->\n{}",
    "<!--\nb -->\n{}",
    "a <!-- b\nc -->\n{}",
    "<br>\n\n{}",
    "It is <b>good</b> <img src='a'>\n{}",
    "a\n<br/>\n{}",
    '<img alt="<del>">\n\n{}',
    "*Well*\n**then**\n{}",
    "\\<del> and \\`\n{}\n`",
    "``` not`a fence\n{}",
    "# Done\n{}",
    "***\n{}",
    "{}\n===",
    "{}\n--\nsent from a telephone",
    "&lt;del&gt;\n{}",
    "[ ] a\n{}",
    "[x] a\n{}",
    "a | b\n{}",
    "`\n\n{}\n\n`",
    "$x\n\n{}\n\ny$",
    "[a\n\n{}\n\n](/b)",
]


@pytest.mark.parametrize("around", NOT_PLAIN)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_nothing_but_plain_text_gives_an_order(around: str, end: str) -> None:
    assert deploy_command(around.format(ORDER).replace("\n", end)) is None
    parsed = parse_comment(around.format(REVIEW).replace("\n", end))
    assert parsed is None or not parsed.leads


@pytest.mark.parametrize("around", PLAIN)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_plain_text_gives_an_order_whatever_else_is_in_the_comment(around: str, end: str) -> None:
    body = around.replace("{}", f"{ORDER} all is well").replace("\n", end)
    assert deploy_command(body) == ("approve", HASH, "all is well")
    assert REVIEW in mask_markup(around.replace("{}", REVIEW).replace("\n", end))


@pytest.mark.parametrize("around", ["{}", "> Ready?\n\n{}", "<!-- a -->\n{}", "```\na\n```\n\n{}", "\n {}\r\n"])
def test_a_name_leads_after_what_is_not_its_authors_own(around: str) -> None:
    assert parse_comment(around.format(REVIEW)) == ParsedComment(Command.REVIEW, leads=True)


PIECES = st.lists(
    st.sampled_from(
        [
            *("\n", "\n", "\n\n", " ", "    ", "a", ORDER, ORDER, f"\n{ORDER}\n", f"\n\n{ORDER}\n\n"),
            *(
                "~~",
                "~",
                "`",
                "``",
                "```",
                "\n```\n",
                "~~~",
                "$$",
                "\\",
                "> ",
                "- ",
                "1. ",
                "* ",
                "# ",
                "---",
                "===",
                "|",
            ),
            *("<del>", "</del>", "<del\n", "<s>", "</s>", "<b>", "<pre>", "</pre>", "<p>", "</p>", "<div>", "</div>"),
            *("<!--", "-->", "<?", "?>", "<!A", ">", "<", "</", "<![CDATA[", "]]>", '<x a="', "'", '"', "<x>", "</x>"),
            *("[x]: ", "[", "![", "]", "](", "(", ")", "/u "),
        ]
    ),
    max_size=14,
).map("".join)


class _Shown(HTMLParser):
    """The text outside of every element but those that a paragraph, a heading, a list or a table makes."""

    PLAIN = frozenset({*("p", "li", "ul", "ol", "em", "strong"), *(f"h{level}" for level in range(1, 7))})
    PLAIN |= {"table", "thead", "tbody", "tr", "th", "td"}

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002  the parser gives them
        if tag.isalnum() and tag not in {"br", "hr", "img", "x"}:  # `x` is no element of HTML
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self.open:
            while self.open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if set(self.open) <= self.PLAIN:
            self.text += data


GITHUB = MarkdownIt("commonmark").enable(["strikethrough", "table"])


@given(PIECES)
@example(f"<x>`<del>`</x>\n\n{ORDER}")
def test_an_order_is_one_to_who_reads_the_comment_as_github_shows_it(body: str) -> None:
    if deploy_command(body) is not None:
        shown = _Shown()
        try:
            shown.feed(GITHUB.render(body))
            shown.close()
        except AssertionError:
            return  # Python's parser does not take every declaration
        assert any(line.startswith(ORDER) for line in shown.text.split("\n")), GITHUB.render(body)


@given(PIECES, st.sampled_from(["~~{}~~", "<del>{}</del>", "<!--{}-->", "<s>\n\n{}\n\n</s>", "$${}$$", "> {}"]))
def test_what_is_wrapped_gives_no_order_whatever_stands_before_it(before: str, around: str) -> None:
    fence = "`" * 40
    before = f"{fence}\n{before}\n{fence}"
    assert deploy_command(f"{before}\n{around.format(ORDER)}") is None


@given(st.text(alphabet="ab \t.,;:!?()é\n", max_size=200), st.text(alphabet="ab .,;:!?()é", max_size=80))
def test_a_plain_order_counts_among_any_plain_words(words: str, reason: str) -> None:
    assert deploy_command(f"{words}\n\n{ORDER} {reason}\n{words}") == ("approve", HASH, reason.strip())


@given(st.text() | PIECES)
def test_what_is_masked_is_as_long_as_the_comment(body: str) -> None:
    assert len(mask_markup(body)) == len(body.replace("\r\n", "\n"))


UNITS = [
    *(
        "`",
        "<!--",
        "<",
        "<a ",
        "<del>",
        "</del>",
        "> ",
        "- ",
        "` `` ",
        "~~",
        "~ ",
        "$",
        "\n",
        "[",
        "![",
        "](",
        "[a](",
        "]",
    ),
    *(
        "[\n",
        "]\n",
        "-\n",
        "|\n",
        "* ",
        "\\",
        "<a b='",
        "<?",
        "\t",
        "-",
        "_",
        "1. ",
        "[a\n",
        "> " * 60 + "a\n\n" + "a\n" * 60,
    ),
]


@pytest.mark.parametrize("unit", UNITS)
def test_the_longest_comment_is_read(unit: str) -> None:
    body = (unit * 65_536)[:65_000]
    assert deploy_command(f"{body}\n{ORDER}") in {None, ("approve", HASH, "")}
