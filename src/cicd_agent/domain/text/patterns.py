"""Regular expressions as data: the `patterns.toml` beside a package's modules."""

import re
import tomllib
from functools import cache
from importlib.resources import files

_FOLD = re.compile(r"(?:\A|\n)[ \t]*")


def load_patterns(package: str, table: str) -> dict[str, re.Pattern[str]]:
    """The patterns of a table; blanks before it, a line break in it and the blanks after that are no part of one."""
    return {name: re.compile(_FOLD.sub("", pattern)) for name, pattern in _tables(package)[table].items()}


@cache
def _tables(package: str) -> dict[str, dict[str, str]]:
    return tomllib.loads(files(package).joinpath("patterns.toml").read_text("utf-8"))
