"""Pages that people write, with parts in them that are made: `<!-- made: inputs review -->` to `<!-- /made -->`."""

import re
from collections.abc import Callable, Mapping

Maker = Callable[..., str]

_PART = re.compile(r"^<!-- made: (?P<words>.+) -->\n(?P<old>(?:(?!<!-- ).*\n)*?)<!-- /made -->$", re.MULTILINE)
_BEGINS = re.compile(r"^<!-- made: .+ -->$", re.MULTILINE)
_ENDS = re.compile(r"^<!-- /made -->$", re.MULTILINE)


class Unmade(Exception):
    """A mark that nothing can be made of."""


def remade(text: str, makers: Mapping[str, Maker]) -> str:
    """The text with each marked part as its maker writes it now, and all else to the letter. Raises Unmade."""
    parts = marks(text)
    if not len(parts) == len(_BEGINS.findall(text)) == len(_ENDS.findall(text)):
        raise Unmade("a mark `made` without its end, or an end without its mark")
    for words in parts:
        if words.split()[0] not in makers:
            raise Unmade(f"nothing is called `{words}`: it may be {', '.join(sorted(makers))}")

    def written(part: re.Match[str]) -> str:
        name, *arguments = part["words"].split()
        return f"<!-- made: {part['words']} -->\n{makers[name](*arguments)}\n<!-- /made -->"

    return _PART.sub(written, text)


def marks(text: str) -> list[str]:
    """What each marked part of a page names."""
    return [part["words"] for part in _PART.finditer(text)]
