"""Text from bytes whose encoding is whatever the tool that wrote them had in mind."""

import codecs
import re

# UTF-32 first: its little-endian mark begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_UNMARKED = ((b"<\0", "utf-16-le"), (b"\0<", "utf-16-be"), (b"{\0", "utf-16-le"), (b"\0{", "utf-16-be"))
_DECLARED = re.compile(rb"\s{0,100}<\?xml[^>]{0,200}?encoding\s{0,9}=\s{0,9}[\"']([A-Za-z0-9._-]{1,40})[\"']")
# Python knows codecs that are no character sets or take quadratic time (punycode): only these may be asked for.
# What declares UTF-16 in single bytes, as .NET does, is UTF-8.
_CHARACTER_SETS = re.compile(
    r"iso[-_]?8859[-_]\d{1,2}|latin-?1|windows-?125\d|cp\d{3,4}|shift[-_]jis|euc-(?:jp|kr)|gbk|gb2312|gb18030|big5"
    r"|koi8-[ru]",
    re.IGNORECASE,
)


# What a text has for its layout are tabs, line ends, \a, \b, \v, \f and escapes.
_ODD = re.compile(r"[\x01-\x06\x0e-\x1a\x1c-\x1f\x7f\ufffd]")
_LOOKED_AT = 1 << 18
_MOST_ODD = 0.05


def text_in(data: bytes) -> str | None:
    """The text that bytes are to who runs them: decoded, and without the NULs that shells pass over; else None."""
    text = decoded(data).replace("\0", "")
    start = text[:_LOOKED_AT]
    return text if len(_ODD.findall(start)) <= _MOST_ODD * len(start) else None


def decoded(data: bytes) -> str:
    """The text without its byte order mark; what is not of the encoding becomes U+FFFD."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    for start, encoding in _UNMARKED:
        if data.startswith(start):
            return data.decode(encoding, "replace")
    declared = _DECLARED.match(data)
    name = declared[1].decode("ascii") if declared else ""
    if _CHARACTER_SETS.fullmatch(name):
        try:
            return data.decode(name, "replace")
        except LookupError:
            pass
    return data.decode("utf-8", "replace")
