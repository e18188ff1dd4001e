"""Characters that a reader cannot see but a model or a terminal obeys, made visible."""

import re

# Everything that has no glyph of its own or changes how its neighbours are drawn. What is written here as a range is
# wider than the characters assigned today: a code point that gets a meaning tomorrow is hidden until then.
_HIDDEN = (
    "\x00-\x08\x0b\x0c\x0e-\x1f"  # C0 less tab, line feed and carriage return
    "\x7f-\x9f"  # delete and C1
    "\u00ad"  # soft hyphen
    "\u034f"  # combining grapheme joiner
    "\u061c"  # Arabic letter mark
    "\u115f\u1160\u3164\uffa0"  # Hangul fillers: letters that are blank
    "\u17b4\u17b5"  # Khmer inherent vowels
    "\u180b-\u180f"  # Mongolian variation selectors and vowel separator
    "\u200b-\u200f"  # zero-width space and joiners, directional marks
    "\u2028-\u202e"  # line and paragraph separators, bidi embeddings and overrides
    "\u2060-\u206f"  # word joiner, invisible operators, bidi isolates
    "\ud800-\udfff"  # lone surrogates, which no UTF-8 encoder takes
    "\ufe00-\ufe0f"  # variation selectors
    "\ufeff"  # byte order mark
    "\ufff0-\ufffb"  # interlinear annotation and the unassigned specials before it
    "\U0001bca0-\U0001bca3"  # shorthand format controls
    "\U0001d173-\U0001d17a"  # musical format controls
    "\U000e0000-\U000e0fff"  # tags, the second block of variation selectors
)
_IN_TEXT = re.compile(f"[{_HIDDEN}]|\r(?!\n)")
_IN_LINE = re.compile(f"[{_HIDDEN}\t\r\n]")


def visible(text: str) -> str:
    """The text with each hidden character written as `<U+200B>`.

    Tabs, line feeds and CRLF line ends stay: they are what lines are made of. A carriage return on its own, which
    lets a terminal or a parser see another line than an editor shows, does not.
    """
    return _IN_TEXT.sub(_name, text)


def visible_line(text: str) -> str:
    return _IN_LINE.sub(_name, text)


def _name(found: re.Match[str]) -> str:
    return f"<U+{ord(found.group()):04X}>"
