"""Where packages and submodules come from: lock files, registries, and the repositories of submodules."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, NamedTuple
from urllib.parse import unquote

from cicd_agent.analysis.rules.context import CLIP, TABLES, ChangeContext, FileContext
from cicd_agent.analysis.rules.rule import Hit
from cicd_agent.domain.finding import Severity
from cicd_agent.domain.repository.diff import FileDiff, LineKind, Side
from cicd_agent.domain.repository.paths import PathKind

_SOURCES = TABLES["sources"]
_FORGES, _ALIASES = frozenset(_SOURCES["forges"]), _SOURCES["names"]
_USUAL = frozenset(_SOURCES["usual"])
_UNCHECKED = re.compile(_SOURCES["unchecked"])
_WINDOW = 8
"""So many lines tell what an address is for."""
_NARROW = 300
_NAMED = 3

_SCP = re.compile(r"(?<![\w/@.-])git@([\w-]+(?:\.[\w-]+)+):(?!/)")
_SHORT = re.compile(r"\b(github|gitlab|bitbucket)(?::\s*|\s*=>\s*)[\"']?(?=[\w.-]+/)")
_ESCAPE = re.compile(r"\\(?:(/)|[ux]([0-9a-fA-F]{4}|[0-9a-fA-F]{2}))")
# Clients take `https:/host` and `https:\\host` for addresses too.
_URL = re.compile(
    r"\b(?:(https?):[\\/]*|([a-z][a-z0-9+.-]{0,20}):[\\/]{2,})"
    r"((?:\$\{[^}\s\"']*\}|\$(?!\{)|[^$/?#\s\"'`<>,;)}\]])+)([^\s\"'`<>,;)}\]]*)",
    re.IGNORECASE,
)
_GIT = re.compile(r"\bgit\b")
_UNENCRYPTED = frozenset({"http", "git", "ftp", "svn"})
_LOCAL = frozenset({"file", "link", "portal"})

Lines = Iterable[tuple[int, str]]
"""Lines with their numbers."""


class Source(NamedTuple):
    """An address that something is fetched from.

    `name` is its host, with the account where everybody may have one; `before` is the line up to the host.
    """

    name: str
    host: str
    path: str
    is_plain: bool
    before: str

    @property
    def bare(self) -> "Source":
        return self._replace(path="", before="")

    def is_one_of(self, names: Iterable[str]) -> bool:
        return not {self.name, self.host}.isdisjoint(names)


def _sources(line: str) -> Iterator[Source]:
    if ":" not in line:
        return
    if "\\" in line:
        line = _ESCAPE.sub(lambda match: match[1] or chr(int(match[2], 16)), line)
    if "%2f" in line.lower():
        line = unquote(line)
    line = _SHORT.sub(lambda match: f"https://{match[1]}.{'org' if match[1] == 'bitbucket' else 'com'}/", line)
    for match in _URL.finditer(_SCP.sub(r"ssh://\1/", line)):
        scheme = (match[1] or match[2]).lower().rpartition("+")[2]
        if scheme not in _LOCAL:
            yield _source(scheme, match[3], match[4], match.string[max(0, match.start(3) - CLIP) : match.start(3)])


def _source(scheme: str, authority: str, path: str, before: str) -> Source:
    host, _, port = authority.rpartition("@")[2].lower().removesuffix(":443").partition(":")
    if port and not port.isdigit():
        path = f"/{port}{path}"  # ssh://git@github.com:account/repository
    elif port:
        host = f"{host}:{port}"
    parts = [part for part in path.lower().split("/") if part]
    if host == "api.github.com":
        parts = parts[1:]
    host = _ALIASES.get(host, host)
    name = f"{host}/{parts[0]}" if host in _FORGES and parts else host
    return Source(name, host, "/".join(parts), scheme in _UNENCRYPTED, before)


def _side(diff: FileDiff, kind: LineKind) -> Lines:
    """The lines of a diff as they are on the side of the kind, those that it shows around the changes included."""
    for line in diff.lines:
        if line.kind in {kind, LineKind.CONTEXT}:
            yield (line.new if kind is LineKind.ADDED else line.old) or 0, line.text


def _old(context: FileContext) -> Lines:
    text = context.base
    return _side(context.diff, LineKind.DELETED) if text is None else enumerate(text.split("\n"), 1)


def _new(context: FileContext) -> Lines:
    text = context.head
    return _side(context.diff, LineKind.ADDED) if text is None else enumerate(text.split("\n"), 1)


def _table_of(name: str, path: str) -> Mapping[str, Any] | None:
    parts = path.lower().split("/")
    names = (parts[-1], "/".join(parts[-2:]))
    for table in _SOURCES[name]:
        if any(fnmatchcase(each, pattern) for each in names for pattern in table["files"]):
            return table  # type: ignore[no-any-return]
    return None


def reads_sources(path: str) -> bool:
    """Whether the rule sees each address that a lock file takes packages from; not where any account of a forge is."""
    table = _table_of("locks", path)
    return table is not None and _FORGES.isdisjoint(table["usual"])


def _severity(context: FileContext, in_tests: Severity) -> Severity | None:
    if PathKind.TEST in context.kinds:
        return in_tests
    return Severity.MEDIUM if PathKind.EXAMPLE in context.kinds else None


def _joined(names: Iterable[str]) -> str:
    """Names as code; whatever is in them comes out of the change."""
    shown = [f"`{ascii(name[:100].replace('`', ' '))[1:-1]}`" for name in names]
    more = f" and {len(shown) - _NAMED} more" if len(shown) > _NAMED else ""
    return ", ".join(shown[:_NAMED]) + more


def _first(lines: Mapping[str, int]) -> str:
    """The host on the first of some lines, as the quote of a long one has to show it."""
    return min(lines, key=lines.__getitem__).partition("/")[0]


def lock_file_source(context: FileContext) -> Iterator[Hit]:
    table = _table_of("locks", context.path)
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for what, source, number in _unknown(context, table) if table else ():
        found[what].setdefault(source.name, number)
    for what, names in found.items():
        severity = Severity.MEDIUM if what == _ACCOUNT else _severity(context, Severity.MEDIUM)
        yield Hit(min(names.values()), what.format(_joined(names)), severity=severity, near=_first(names))


_HOST = (
    "Packages come from {}, where this lock file took nothing from before, and which is not the ecosystem's registry."
)
_PLAIN = "Packages come from {} unencrypted: whoever is on the way can exchange them."
_ACCOUNT = "Code of {} is installed from a forge, not from a registry; no manifest of this change says so."


def _unknown(context: FileContext, table: Mapping[str, Any]) -> Iterator[tuple[str, Source, int]]:
    """What a lock file did not name before: what is to be said of it, the source and its line."""
    unusual = _unusual(context.diff, table)
    known = {source.bare for _, line in _old(context) for source in _sources(line)} if unusual else set()
    names = {source.name for source in known}.union(_declared(context.change) if unusual else ())
    for source, number in unusual.items():
        if source.name not in names and not source.is_one_of(table["usual"]):
            yield _ACCOUNT if source.host in _FORGES else _HOST, source, number
        elif source.is_plain and source not in known:
            yield _PLAIN, source, number


def _unusual(diff: FileDiff, table: Mapping[str, Any]) -> dict[Source, int]:
    """The sources on added lines with their first lines, but for usual ones and links in descriptions and the like."""
    aside = re.compile(table.get("aside", "(?!)"), re.MULTILINE)
    unusual: dict[Source, int] = {}
    previous = ""
    for line in diff.lines:
        for source in _sources(line.text) if line.kind is LineKind.ADDED else ():
            is_usual = not source.is_plain and source.is_one_of(table["usual"])
            if not is_usual and source.bare not in unusual and not aside.search(f"{previous}\n{source.before}"):
                unusual[source.bare] = line.new or 0
        if line.kind is not LineKind.DELETED:
            previous = line.text[:_NARROW]
    return unusual


def _declared(change: ChangeContext) -> set[str]:
    """What the change's manifests name: dependencies on repositories, and new registries, which are findings there."""
    names: set[str] = set()
    for file in change.files:
        if PathKind.DEPENDENCY_MANIFEST in file.kinds:
            found = {source for _, line in _new(file) for source in _sources(line)}
            names.update(source.name for source in found if source.host in _FORGES or _GIT.search(source.before))
            names.update(_new_registries(file))
    return names


def package_registry(context: FileContext) -> Iterator[Hit]:
    table = _table_of("registries", context.path)
    if table is None:
        return
    # What a test writes of registries is a sample more often than not.
    severity = _severity(context, Severity.LOW)
    new = _new_registries(context)
    if new:
        message = f"Packages come from {_joined(new)}, or go there; this file did not name it before."
        yield Hit(min(new.values()), message, severity=severity, near=_first(new))
    for number, line in context.added:
        if _UNCHECKED.search(line) and not line.lstrip().startswith(("#", ";")):
            message = "The registry's identity is no longer verified."
            yield Hit(number, message, severity=severity)
    if new:
        return
    present = {source.name for _, source in _registries(_new(context), table)}
    for number, source in _registries(_old(context), table):
        if number in context.deleted_numbers and source.name not in present and not source.is_one_of(_USUAL):
            message = f"{_joined([source.name])} is no registry any longer: packages of its names come from another."
            yield Hit(number, message, side=Side.LEFT, severity=severity or Severity.MEDIUM)


def _new_registries(context: FileContext) -> dict[str, int]:
    """The registries that a file's added lines name for the first time, or without encryption, with these lines."""
    table = _table_of("registries", context.path)
    if table is None:
        return {}
    new: dict[str, int] = {}
    found = [
        (number, source)
        for number, source in _registries(_new(context), table)
        if number in context.added_numbers and (source.is_plain or not source.is_one_of(_USUAL))
    ]
    known = {(source.name, source.is_plain) for _, source in _registries(_old(context), table)} if found else set()
    for number, source in found:
        if (source.name, True) not in known and (source.name, source.is_plain) not in known:
            new.setdefault(source.name, number)
    return new


def _registries(lines: Lines, table: Mapping[str, Any]) -> Iterator[tuple[int, Source]]:
    pattern = re.compile(table["line"])
    window: list[str] = []
    for number, line in lines:
        found = list(_sources(line[:CLIP]))
        if found and pattern.search("\n".join([*window, line[:CLIP]])):
            yield from ((number, source) for source in found)
        window = [*window[1 - _WINDOW :], line[:_NARROW]]


_SECTION = re.compile(r"\s*\[\s*submodule\b")
_SETTING = re.compile(r"\s*(url|path)\s*=\s*(.*?)\s*$")
# What git once ran as a command, and an old git still does.
_COMMAND = re.compile(r"\s*(?:update\s*=\s*!|(?:url|path)\s*=\s*[\"']?(?:-|ext::))")


def submodule_url(context: FileContext) -> Iterator[Hit]:
    if context.path != ".gitmodules":
        return
    for number, line in context.added:
        if _COMMAND.match(line):
            yield Hit(number, "Git may run this as a command while fetching the submodule.")
    old = dict(_submodules(_old(context)))
    for path, (number, url) in _submodules(_new(context)):
        before = old.get(path, (0, ""))[1]
        if before and number in context.added_numbers and _repository(before) != _repository(url):
            shown = _joined([path])
            yield Hit(number, f"{shown} comes from a different repository than before, or is no longer encrypted.")


def _submodules(lines: Lines) -> Iterator[tuple[str, tuple[int, str]]]:
    """Each submodule's path with its address and the line of that."""
    found: dict[str, tuple[int, str]] = {}
    for number, line in (*lines, (0, "[submodule]")):
        setting = _SETTING.match(line[:CLIP])
        if setting:
            found[setting[1]] = (number, setting[2].strip('"'))
        elif _SECTION.match(line):
            if len(found) > 1:
                yield found["path"][1], found["url"]
            found = {}


def _repository(url: str) -> tuple[str, str, bool]:
    source = next(_sources(url), None)
    return (url, "", False) if source is None else (source.host, source.path.removesuffix(".git"), source.is_plain)
