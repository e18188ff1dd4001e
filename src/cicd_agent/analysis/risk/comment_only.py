"""Proves that a change says nothing to the machine: only such a change may lower a risk.

Everything here errs on the side of "this is code". Whoever writes the change would like to be believed too easily.
"""

import io
import re
import tokenize
from collections.abc import Iterator
from itertools import zip_longest

from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.diff import ChangeKind, FileDiff

_MARKERS = {
    "//": "c cc cpp cs dart go h hpp java js jsx kt kts mjs proto rs scala swift ts tsx",
    "#": "bash cfg ini pl r rb sh toml yaml yml",
    "--": "hs lua sql",
}
_MAYBE = {"//": ("//", "/*", "* ", "*/", "<!--"), "#": ("# ",), "--": ("-- ",)}
_MARKER_OF = {suffix: marker for marker, suffixes in _MARKERS.items() for suffix in suffixes.split()}

# PEP 263. Under another encoding, UTF-7 above all, what reads as a comment here may be code to the interpreter.
_ENCODING = re.compile(r"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_PLAIN_ENCODINGS = {"utf-8": "utf-8", "utf8": "utf-8", "ascii": "ascii", "us-ascii": "ascii"}

# String-only statements are dropped, unless they are f-strings, which run what they hold.
_INERT_STRING = re.compile(r"(?i)[rbu]{0,2}['\"]")
# Words in a comment that some tool obeys: build constraints, migrations, generated queries, Ruby's and editors' magic.
_ORDER = re.compile(
    r"[+@]\w|-\*-|name: |[a-z_]+: *(?:true|false|strict|literal|none)\b|.*\b(?:en)?coding[:=]|goose\b|migrate\b"
    r"|(?:liquibase|changeset|rollback|swift-tools-version)\b"
)
# Comments of Python that a compiler, a type checker or a measurement obeys.
_PYTHON_ORDER = re.compile(r"#\s*(?:type|pragma|mypy|pyright|cython|distutils)\s*:")
# PEP 723: a comment that names the dependencies which a runner installs, whatever stands around it.
_SCRIPT_METADATA = "# ///"
_LAYOUT = (tokenize.COMMENT, tokenize.NL, tokenize.ENDMARKER)


def is_comment_only(file: FileDiff, change: Change) -> bool:
    """Whether every changed line of this file is provably blank, a comment, or (in Python) a docstring."""
    if file.kind is not ChangeKind.MODIFIED or file.old_mode != file.new_mode or not file.hunks or not file.is_whole:
        return False
    if file.path.endswith((".py", ".pyi")):
        before, after = change.old_texts.get(file.old_path), change.texts.get(file.path)
        return before is not None and after is not None and _same_python(before, after)
    if file.path.endswith(".go") and not _has_plain_comments(file, change):
        return False
    marker = _MARKER_OF.get(file.path.rpartition(".")[2].lower())
    changed = (line.text for lines in (file.added, file.deleted) for line in lines)
    return marker is not None and all(_is_comment(text, marker) for text in changed)


def is_remark(path: str, line: str) -> bool:
    """Whether a line is blank or begins like a comment: enough to rank changes by, and no proof of anything."""
    text = f"{line.strip()} "
    suffix = path.rpartition(".")[2].lower()
    marker = "#" if suffix in {"py", "pyi"} else _MARKER_OF.get(suffix, "")
    return text == " " or text.startswith(_MAYBE.get(marker, ()))


def _has_plain_comments(file: FileDiff, change: Change) -> bool:
    """Whether no comment of a Go file can be C for `import "C"`, or the output that an example has to print."""
    texts = (change.old_texts.get(file.old_path), change.texts.get(file.path))
    return not file.path.endswith("_test.go") and all(text is not None and '"C"' not in text for text in texts)


def _is_comment(line: str, marker: str) -> bool:
    text = line.removesuffix("\r").replace("\t", " ").strip()
    rest = text.removeprefix(marker)
    # A blank after the marker tells prose from orders to a tool (#!, #include, //go:build). A backslash at the end
    # swallows the next line in C; a control character or U+2028 inside may end the comment early.
    is_prose = rest != text and rest[:1] in {"", " "} and not _ORDER.match(rest.strip())
    return not text or (is_prose and text.isprintable() and not text.endswith("\\"))


def _same_python(before: str, after: str) -> bool:
    try:
        return all(left == right for left, right in zip_longest(_statements(before), _statements(after)))
    except (tokenize.TokenError, SyntaxError):
        return False


def _statements(source: str) -> Iterator[list[str]]:
    """The logical lines that have an effect, as tokens without comments. Raises TokenError or SyntaxError.

    Tokens, not a syntax tree: hostile nesting can exhaust the parser's stack, the tokenizer has none.
    """
    # The interpreter takes a lone carriage return for the end of a line, and with it of a comment.
    text = source.replace("\r\n", "\n").replace("\r", "\n")
    # A system finds no interpreter whose name ends in a carriage return.
    yield [first for first in source.split("\n", 1)[:1] if first.startswith("#!")]
    yield [_encoding(text)]
    yield list(_script_metadata(text))
    for line in _logical_lines(text):
        if not all(_INERT_STRING.match(token) for token in line):
            yield line


def _encoding(text: str) -> str:
    cookies = (cookie[1] for first in text.split("\n", 2)[:2] if (cookie := _ENCODING.match(first)))
    name = next(cookies, "utf-8")
    encoding = _PLAIN_ENCODINGS.get(name.lower().replace("_", "-"))
    if encoding is None:
        raise SyntaxError(name)
    return encoding


def _script_metadata(text: str) -> Iterator[str]:
    is_inside = False
    for line in text.split("\n"):
        is_inside = line.startswith(_SCRIPT_METADATA) or (is_inside and line.startswith("#"))
        if is_inside:
            yield line


def _logical_lines(text: str) -> Iterator[list[str]]:
    line: list[str] = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        match token.type:
            case tokenize.COMMENT if _PYTHON_ORDER.match(token.string):
                line.append(token.string)
            case kind if kind in _LAYOUT:
                continue
            case tokenize.NEWLINE:
                yield line
                line = []
            case tokenize.INDENT | tokenize.DEDENT:
                # The depth counts, not the width of its blanks. It is its own line: a docstring follows it.
                yield [tokenize.tok_name[token.type]]
            case _:
                line.append(token.string)
    yield line
