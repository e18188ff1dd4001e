"""The fenced blocks of the documents, with the place of each: what is checked in them is code like any other."""

import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from markdown_it import MarkdownIt

ROOT: Final = Path(__file__).resolve().parent.parent
_OWN_PAGES: Final = ("README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: the page, the line of its first line of text, the language after the fence."""

    page: str
    line: int
    language: str
    text: str

    @property
    def place(self) -> str:
        """Where somebody finds it."""
        return f"{self.page}:{self.line}"


@dataclass(frozen=True, slots=True)
class Command:
    """One command line of a block, its continued lines joined."""

    page: str
    line: int
    text: str

    @property
    def place(self) -> str:
        """Where somebody finds it."""
        return f"{self.page}:{self.line}"


def pages(root: Path = ROOT) -> tuple[Path, ...]:
    """Every document that people read."""
    return (*(root / name for name in _OWN_PAGES), *sorted((root / "docs").rglob("*.md")))


def blocks_of(text: str, page: str) -> Iterator[Block]:
    """The fenced blocks of a page, without the indentation that is common to all their lines."""
    for token in MarkdownIt("commonmark").parse(text):
        if token.type == "fence" and token.map is not None:
            language = (token.info.split() or [""])[0]
            yield Block(page, token.map[0] + 2, language, textwrap.dedent(token.content))


def all_blocks(root: Path = ROOT) -> tuple[Block, ...]:
    """The blocks of every page."""
    return tuple(
        block for page in pages(root) for block in blocks_of(page.read_text("utf-8"), f"{page.relative_to(root)}")
    )


def commands_of(block: Block) -> Iterator[Command]:
    """What somebody types: after `$ ` in a console block, every line of a script."""
    typed = _typed(block) if block.language == "console" else enumerate(block.text.splitlines(), block.line)
    start, text = 0, ""
    for number, line in typed:
        start, text = (start, text + line.strip()) if text else (number, line.strip())
        if text.endswith("\\"):
            text = text[:-1]
            continue
        if text and not text.startswith("#"):
            yield Command(block.page, start, text)
        text = ""
    if text:
        yield Command(block.page, start, text)


def _typed(block: Block) -> Iterable[tuple[int, str]]:
    continued = False
    for number, line in enumerate(block.text.splitlines(), block.line):
        if continued or line.startswith("$ "):
            yield number, line.removeprefix("$ ")
            continued = line.endswith("\\")
