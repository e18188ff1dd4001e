"""A small fault that could be in a line: what a test is worth is how many of these it notices."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mutant:
    """One edit of one expression or statement: `replacement` in place of what stands in `path` from `start` to `end`.

    `start` and `end` count characters of the whole text, 0 first; the edit keeps the number of lines. `line` is where
    it begins, `function` the qualified name of the innermost function around it, `operator` the family ("relational").
    """

    id: str
    path: str
    line: int
    function: str
    operator: str
    start: int
    end: int
    replacement: str
    words: str
    """For a person, on one line: "`<` → `<=`"."""
