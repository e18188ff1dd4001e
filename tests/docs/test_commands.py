"""Every command line that the documents tell somebody to type is one that our own parser takes."""

import re
import shlex
from pathlib import Path

import pytest
import yaml

from cicd_agent.cli.parser import commands, parse
from cicd_agent.errors import ConfigError
from scripts.blocks import Block, Command, all_blocks, commands_of, pages

SHELLS = ("console", "sh", "shell", "bash")
MAKE = re.compile(r"^([a-z][a-z-]*):", re.MULTILINE)
ROOT = Path(__file__).parents[2]


def typed() -> list[Command]:
    found = [line for block in all_blocks() if block.language in SHELLS for line in commands_of(block)]
    for block in all_blocks():
        if block.language == "yaml":
            found += [line for script in runs(yaml.safe_load(block.text)) for line in script_lines(block, script)]
    return found


def runs(node: object) -> list[str]:
    """Every `run:` of a workflow, wherever it stands."""
    if isinstance(node, list):
        return [script for each in node for script in runs(each)]
    if not isinstance(node, dict):
        return []
    own = [node["run"]] if isinstance(node.get("run"), str) else []
    return own + [script for each in node.values() for script in runs(each)]


def script_lines(block: Block, script: str) -> list[Command]:
    return list(commands_of(Block(block.page, block.line, "sh", script)))


def words(line: str) -> list[str]:
    """The words of a command line, without its comment and what comes after a pipe."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    taken: list[str] = []
    for word in lexer:
        if word in {"|", "&&", ";", "||", ">", ">>", "<"}:
            break
        taken.append(word)
    return taken


ALL = typed()
OURS = [line for line in ALL if words(line.text)[:1] and Path(words(line.text)[0]).name == "cicd-agent"]


MADE = [line for line in ALL if words(line.text)[:1] == ["make"]]


def test_there_are_command_lines_to_check() -> None:
    assert len(OURS) >= 20
    assert {line.page for line in OURS} >= {
        "README.md",
        "docs/reference/recordings.md",
        "docs/reference/route.md",
        "docs/reference/gen-tests.md",
    }


@pytest.mark.parametrize("line", OURS, ids=lambda line: line.place)
def test_a_command_line_of_ours_parses(line: Command) -> None:
    try:
        parse(words(line.text)[1:])
    except ConfigError as error:
        pytest.fail(f"{line.place}: {line.text}\n{error}")


@pytest.mark.parametrize("line", MADE, ids=lambda line: line.place)
def test_what_make_is_asked_for_is_there(line: Command) -> None:
    [target, *_] = [word for word in words(line.text)[1:] if "=" not in word]
    assert target in MAKE.findall((ROOT / "Makefile").read_text("utf-8"))


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_a_command_that_the_prose_names_is_there(page: Path) -> None:
    named = re.findall(r"(?<!check run )`cicd-agent ([a-z][a-z-]*)[^`\n]*`", page.read_text("utf-8"))
    assert {*named} <= {*commands()}


def test_a_line_that_goes_on_is_one_command_and_output_is_none() -> None:
    text = "$ cicd-agent review \\\n  --base main # why\nnothing found\n$ make test\n"
    found = [*commands_of(Block("x.md", 3, "console", text))]
    assert [(line.line, line.text) for line in found] == [
        (3, "cicd-agent review --base main # why"),
        (6, "make test"),
    ]
    assert words(found[0].text) == ["cicd-agent", "review", "--base", "main"]
