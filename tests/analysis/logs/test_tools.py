"""The registry of tools: each message is what its example shows, names its tool, and leaves green builds alone."""

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.analysis.logs.extract import Kind
from cicd_agent.analysis.logs.matcher import Block, Matcher
from cicd_agent.analysis.logs.reader import Line
from cicd_agent.analysis.logs.registry import TOOL_FILES, Message, Tool, load_tools, read_tools, trouble_excerpt
from cicd_agent.analysis.logs.template import mask_numbers
from tests.analysis.logs.harmless import HARMLESS
from tests.analysis.logs.messages import SPOKEN

MATCHER = Matcher(load_tools())
NO_NAME = "Failed to establish a new connection: [Errno -3] Temporary failure in name resolution"
MESSAGES = [(tool, message) for tool in load_tools() for message in tool.messages]
NAMES = [f"{tool.name}: {message.example.splitlines()[message.lines_before][:60]}" for tool, message in MESSAGES]
ROOT = Path(__file__).parents[3]
GOOD = """\
[[tool]]
name = "make"
kind = "unknown"
[[tool.message]]
start = '^make: '
hints = ["*** "]
example = "make: *** no"
"""
each_message = pytest.mark.parametrize(("tool", "message"), MESSAGES, ids=NAMES)


def read(*texts: str) -> list[Line]:
    return [Line(number, text) for number, text in enumerate(texts, start=1)]


def found(tool: Tool, message: Message, *texts: str) -> list[Block]:
    """The blocks of this one message."""
    return list(Matcher([replace(tool, messages=(message,))]).blocks(read(*texts)))


def patterns() -> Iterator[tuple[str, str]]:
    """Tool and pattern, for every pattern of the registry."""
    for tool, message in MESSAGES:
        for pattern in (message.start, message.continuation, message.end, message.stop_before, message.headline):
            if pattern:
                yield tool.name, pattern
    for tool in load_tools():
        for pattern in tool.noise:
            yield tool.name, pattern


@pytest.mark.parametrize("path", sorted(TOOL_FILES.glob("*.toml")), ids=lambda path: path.stem)
def test_a_file_of_tools_is_as_its_schema_says_and_has_its_place_in_the_order(path: Path) -> None:
    order = tomllib.loads((TOOL_FILES / "order.toml").read_text("utf-8"))["files"]
    if path.stem == "order":
        assert sorted(order) == sorted(other.stem for other in TOOL_FILES.glob("*.toml") if other != path)
        return
    schema = json.loads((ROOT / "schema/log-tools.schema.json").read_text("utf-8"))
    jsonschema.validate(tomllib.loads(path.read_text("utf-8")), schema)
    assert path.stem in order
    assert read_tools(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[[tool]\n", "broken.toml: Expected ']]' at the end of an array declaration"),
        ("", "broken.toml: tool: Field required"),
        (
            GOOD.replace("kind =", "kid ="),
            "broken.toml: tool make, kind: Field required; tool make, kid: Unexpected keyword argument",
        ),
        (
            f"{GOOD}weight = 2\n",
            "broken.toml: tool make, message 1, weight: Input should be less than or equal to 1",
        ),
        (GOOD.replace('["*** "]', "[]"), "broken.toml: tool make, message 1, hints: Tuple should have at least 1 item"),
    ],
)
def test_what_is_wrong_in_a_file_of_tools_is_named(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "broken.toml"
    path.write_text(content)
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        read_tools(path)


def test_lines_of_a_pattern_are_one_pattern_and_an_example_ends_with_its_last_line(tmp_path: Path) -> None:
    path = tmp_path / "folded.toml"
    path.write_text(
        GOOD.replace("'^make: '", "'''^make: |\n    ^gmake: '''").replace('"make: *** no"', '"""\na\n\n"""')
    )
    ((message,),) = (tool.messages for tool in read_tools(path))
    assert (message.start, message.example) == ("^make: |^gmake: ", "a\n")


def test_no_tool_is_read_before_there_is_a_log() -> None:
    program = "import sys, cicd_agent.analysis.logs.reduction as r; sys.exit(bool(r.load_tools.cache_info().currsize))"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_every_tool_has_a_name_of_its_own() -> None:
    names = [tool.name for tool in load_tools()]
    assert sorted(names) == sorted(set(names))


@each_message
def test_the_block_is_the_example(tool: Tool, message: Message) -> None:
    lines = message.example.split("\n")
    opening = lines[message.lines_before]
    assert any(mask_numbers(hint) in mask_numbers(opening) for hint in message.hints), (
        "without a hint the line is never looked at"
    )
    first = found(tool, message, *lines)[0]
    assert (first.first, first.last) == (0, len(lines) - 1)


@each_message
def test_no_other_tool_claims_the_example_for_more(tool: Tool, message: Message) -> None:
    opening = message.example.split("\n")[message.lines_before]
    rivals = {
        block.tool.name
        for block in MATCHER.blocks(read(opening))
        if block.tool.name != tool.name and block.weight > message.weight
    }
    assert rivals == set()


@each_message
def test_the_line_that_says_it_can_be_read(tool: Tool, message: Message) -> None:
    """Where `headline` is given, the example has a line that it matches."""
    lines = message.example.split("\n")
    assert not message.headline or any(re.search(message.headline, line) for line in lines)
    assert set(re.compile(message.headline or message.start).groupindex) <= {"test", "path", "line", "code"} | SECOND
    assert 0 < message.weight <= 1
    assert not tool.wraps or message.weight <= 0.3


# A pattern of several forms cannot use a name twice: what the second form says goes by another, and is not read.
SECOND = {"name", "file", "at", "id", "rule", "script", "status", "text", "module", "host", "browser"}


def test_what_is_outside_of_the_code_is_not_the_code_s_fault() -> None:
    """Whoever names a trouble does not say at the same time that a test or the build is wrong."""
    wrong = [
        (tool.name, message.kind)
        for tool, message in MESSAGES
        if message.trouble and (message.kind or tool.kind) not in {Kind.INFRASTRUCTURE, Kind.TIMEOUT, Kind.DEPENDENCY}
    ]
    assert wrong == []


@pytest.mark.parametrize(("tool", "line"), SPOKEN)
def test_the_tool_that_says_it_is_named(tool: str, line: str) -> None:
    blocks = list(MATCHER.blocks(read(line)))
    most = max((block.weight for block in blocks), default=0.0)
    assert tool in [block.tool.name for block in blocks if block.weight == most]


@pytest.mark.parametrize("line", HARMLESS)
def test_lines_of_green_builds_say_nothing(line: str) -> None:
    assert [(block.tool.name, block.message.start) for block in MATCHER.blocks(read(line))] == []


def test_no_pattern_repeats_what_repeats() -> None:
    """`(?:a+)*` takes forever on a hostile line; a repeated group begins or ends with something that is there once."""
    often = r"(?:\[[^]]+\]|\\[wsdWSD]|(?<!\\)\.)[*+]"
    nested = re.compile(rf"\(\?:{often}(?:[^()]*{often})?\)(?:[*+]|\{{\d*,\}})")
    assert nested.search(r"^(?:\w+)*$")
    assert nested.search(r"^(?:\s*a\w+)+$")
    assert [(name, pattern) for name, pattern in patterns() if nested.search(pattern)] == []


@pytest.mark.parametrize(
    "unit", ["a", " ", "\t", "1", ":", ".", "/", "a/", "a.", "1:", "(", "[", "=", "_ ", "x, ", "A::"]
)
def test_a_hostile_line_of_every_hint_is_read_to_its_end(unit: str) -> None:
    filler = unit * (4_000 // len(unit))
    hints = {message.hints[0] for _, message in MESSAGES}
    blocks = list(MATCHER.blocks(read(*(hint + filler for hint in sorted(hints)))))
    assert all(block.first <= block.headline <= block.last for block in blocks)


@given(st.lists(st.one_of(st.text(max_size=60), st.sampled_from([m.example for _, m in MESSAGES])), max_size=8))
def test_blocks_lie_within_the_log_and_within_their_length(texts: list[str]) -> None:
    lines = read(*(line for text in texts for line in text.split("\n")))
    for block in MATCHER.blocks(lines):
        assert 0 <= block.first <= block.headline <= block.last < len(lines)
        assert block.last - block.first < block.message.max_lines + block.message.lines_before


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (
            f"Retrying after connection broken by 'Error('<{'pip.' * 40}>: {NO_NAME}')': /simple/requests/",
            NO_NAME,
        ),
        ("curl: (6) Could not resolve host: bricks.example.org", "Could not resolve host: bricks.example.org"),
        ("AssertionError: 1 == 2", ""),
        ("(" * 3_000 + "ECONNREFUSED", ""),
    ],
)
def test_the_words_that_name_the_trouble_are_found_inside_a_long_message(message: str, words: str) -> None:
    assert trouble_excerpt(message) == words
