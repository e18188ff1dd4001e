"""Paths by the patterns that .gitignore knows, for settings that name files."""

import re
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec


def matcher(patterns: Sequence[str]) -> "GitIgnoreSpec":
    """What tells whether a path is meant. Raises ValueError for what is no pattern, such as `[z-a]` or a lone `!`."""
    from pathspec import GitIgnoreSpec  # noqa: PLC0415  whoever asks for `--help` names no files

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of Python's, about `[[`, which git reads as we do
        try:
            return GitIgnoreSpec.from_lines(patterns)
        except re.error as error:  # a library's slip: it lets that of the expression through that it makes
            raise ValueError(str(error)) from None


def all_patterns(patterns: tuple[str, ...]) -> tuple[str, ...]:
    """The same when each can be matched with. Raises ValueError that names the first that cannot by its number."""
    for number, pattern in enumerate(patterns, 1):
        try:
            matcher([pattern])
        except ValueError:
            raise ValueError(f"a list of patterns as .gitignore has them, and number {number} is none") from None
    return patterns
