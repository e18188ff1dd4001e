"""What a failure is known again by: keys over the line that says it, with all that changes from run to run masked."""

import hashlib
import re

from cicd_agent.analysis.logs.template import loose_template, template

_LETTERS = 16
_MASK = re.compile("‹[^›]{1,10}›")
_WORD = re.compile(r"[^\W\d_]{3,}")
_FEWEST_WORDS = 2


def strict(tool: str, text: str) -> str:
    """The key of exactly this message; 16 hexadecimal digits, "" when too little of the line is left to know it by."""
    return _key(tool, template(text))


def loose(tool: str, text: str) -> str:
    """The key of this message about any file, "" when too little is left."""
    return _key(tool, loose_template(text))


def _key(tool: str, masked: str) -> str:
    if len(set(_WORD.findall(_MASK.sub(" ", masked)))) < _FEWEST_WORDS:
        return ""
    return hashlib.sha256(f"{tool}\n{masked}".encode("utf-8", "surrogatepass")).hexdigest()[:_LETTERS]
