"""Whether a file holds tests, by what is in it: suites of many projects stand where no name says so."""

import re
import tomllib
from dataclasses import dataclass
from importlib.resources import files

_MAX_TEXT = 1_000_000
"""Characters of a file that are looked at."""


@dataclass(frozen=True, slots=True)
class _Language:
    framework: re.Pattern[str]
    test: re.Pattern[str]
    other: re.Pattern[str]


def _languages() -> dict[str, _Language]:
    tables = tomllib.loads(files(__package__).joinpath("framework_tests.toml").read_text("utf-8"))["language"]
    patterns = ("framework", "test", "other")
    return {
        suffix: _Language(*(re.compile(table.get(name, "(?!)"), re.MULTILINE) for name in patterns))
        for table in tables
        for suffix in table["suffixes"]
    }


_LANGUAGES = _languages()


def holds_tests(path: str, text: str) -> bool:
    """Whether a text is one of tests: it names a test framework, and defines more tests than anything else."""
    language = _LANGUAGES.get(path.rpartition(".")[2].lower())
    text = text[:_MAX_TEXT]
    if language is None or not language.framework.search(text):
        return False
    return sum(1 for _ in language.test.finditer(text)) > sum(1 for _ in language.other.finditer(text))
