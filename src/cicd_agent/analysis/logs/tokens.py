"""How many tokens a line of a log has, without a tokenizer: fitted on real logs, which are half names and numbers."""

import re

_PIECES = re.compile(
    r"(?P<word>[A-Z]?[a-z]+|[A-Z]+(?![a-z]))|(?P<digits> ?[0-9]+)|(?P<run>([^\w\s])\4{3,})|(?P<marks>[!-/:-@\[-`{-~]+)"
    r"|(?P<blanks>\s{2,})|(?P<other>[^\x00-\x7f])"
)
_VOWEL = re.compile("[aeiouy]", re.IGNORECASE)
_MARGIN = 1.11
_LONG = 5


def tokens(text: str) -> float:
    """Tokens of one line with its end: within a few percent over some lines, and not below in sum."""
    count = 1.0
    for piece in _PIECES.finditer(text):
        size = piece.end() - piece.start()
        match piece.lastgroup:
            case "word":
                word = piece[0]
                rare = 0.12 if word.isupper() else 0 if _VOWEL.search(word) else 0.16
                count += 0.86 + 0.13 * max(0, size - _LONG) + rare * (size - 1)
            case "digits":
                # A blank before a word is free, before a number it is not.
                count += 1.18 * ((size + 2) // 3 if piece[0][0] != " " else 1 + (size + 1) // 3)
            case "marks":
                # A few that often stand together are one token; a drawing made of them is nearly one each.
                count += 0.67 + 0.36 * (min(size, _LONG) - 1) + 0.75 * max(0, size - _LONG)
            case "other":
                count += 0.58 * (len(piece[0].encode("utf-8", "surrogatepass")) - 1)
            case "run" if not piece[0].isascii():
                count += 1.1 * size
            case _:
                count += 1.5 + 0.04 * size
    return count * _MARGIN
