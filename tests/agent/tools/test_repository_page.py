"""docs/reference/lookups.md says what the look-ups do: their names, their arguments and their limits."""

import re
from pathlib import Path

from cicd_agent.adapters.git import diff as git_diff
from cicd_agent.adapters.git import library as git_lookup
from cicd_agent.agent.tools import names
from cicd_agent.agent.tools import repository as tools
from cicd_agent.agent.tools import tool as rows
from cicd_agent.agent.tools import visible_files as shelf
from cicd_agent.modes.review.exhibits import guidelines
from tests.support.fakes.library import FakeLibrary
from tests.support.samples.changes import change_of

PAGE = (Path(__file__).parents[3] / "docs/reference/lookups.md").read_text("utf-8")


def test_the_page_names_every_look_up_with_its_arguments() -> None:
    told = re.findall(r"^\| `(\w+)` \| (.*?) \|", PAGE.partition("## Limits")[0], re.MULTILINE)
    assert {name: re.findall(r"`(\w+)`", arguments) for name, arguments in told} == {
        tool.name: list(tool.arguments.model_fields)
        for tool in tools.lookups(change_of(), FakeLibrary(), lambda _: False)
    }


def test_the_page_tells_the_limits_that_hold() -> None:
    text = " ".join(PAGE.split())
    for words in (
        f"{rows.MAX_ROWS} lines, {rows.MAX_CHARACTERS:,} characters; {rows.MAX_WIDTH} characters of a line",
        f"{git_lookup.SEARCH_SECONDS:g} seconds, {tools.MAX_MATCHES} lines; patterns of {tools.MAX_PATTERN}",
        f"{git_lookup.HISTORY_SECONDS:g} seconds; {tools.MAX_COMMITS} commits, {tools.MAX_BLAMED} lines",
        f"{names.MAX_HITS:,} lines with the word, {names.MAX_PARSED // 10**6} MB of Python parsed",
        f"files over {shelf.MAX_BYTES // 10**6} MB",
        f"{git_diff.PATHS:,} files",
        f"up to {guidelines.MAX_TOKENS} tokens of them all",
    ):
        assert words in text
    assert all(f"`{path}`" in text for path in guidelines.GUIDELINES)
