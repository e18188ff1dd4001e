"""Tools for the tests of the loop and of the dialects: they look at a dictionary of files."""

from typing import Any

from pydantic import Field

from cicd_agent.agent.tools.tool import NoSuchThing, Tool, TryAgain
from cicd_agent.domain.verdict import Draft

FILES = {
    "a.py": "import os\nos.system(x)\n",
    "b.py": "token = 'hunter2'\u200b\n",
    "long.py": "line\n" * 10_000,
    "no.py": "",
}


class ReadFile(Draft):
    """Arguments of `read_file`."""

    path: str = Field(description="Path from the root of the repository.")
    first_line: int | None = Field(default=None, ge=1)


class Search(Draft):
    """Arguments of `search`."""

    pattern: str


def read_file(arguments: ReadFile) -> str:
    if arguments.path not in FILES:
        raise NoSuchThing(f"There is no file {arguments.path}")
    return FILES[arguments.path]


def search(arguments: Search) -> str:
    if not arguments.pattern:
        raise TryAgain("An empty pattern matches everything: give one letter at least")
    return "".join(f"{name}\n" for name, text in FILES.items() if arguments.pattern in text)


READ_FILE = Tool("read_file", "Read a file.", ReadFile, read_file)
SEARCH = Tool("search", "Find files by a word in them.", Search, search)
TOOLS: tuple[Tool[Any], ...] = (READ_FILE, SEARCH)
