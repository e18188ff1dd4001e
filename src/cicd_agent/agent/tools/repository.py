"""The look-ups that a model is offered: they read the commit under review, and there is nothing else in their reach."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field

from cicd_agent.agent.tools.names import Name, find_name
from cicd_agent.agent.tools.tool import MAX_ROWS, NoSuchThing, Tool, TryAgain, fitting, note, numbered, result
from cicd_agent.agent.tools.visible_files import DENIED, MAX_BYTES, VisibleFiles, changed_file, shown
from cicd_agent.domain.ports.forge import Library
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.library import BadPattern, Entry, EntryKind, Unreadable
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.text.words import count
from cicd_agent.domain.verdict import Draft

MAX_MATCHES = 100
MAX_COMMITS = 20
MAX_BLAMED = 200
MAX_PATTERN = 500


def _counted_from(minimum: int, message: str) -> AfterValidator:
    """A validator and not Field(ge=0): the words for a bound would be paid for in every request."""

    def check(value: int) -> int:
        if value < minimum:
            raise ValueError(message)
        return value

    return AfterValidator(check)


# In a schema a type that may be null takes thrice the tokens of one that may not, with every request: a model writes 0
# or "" instead. Servers that do not hold it to the schema let a null through.
_Line = Annotated[int, BeforeValidator(lambda value: value or 0), _counted_from(0, "lines are counted from 1")]
_Text = Annotated[str, BeforeValidator(lambda value: "" if value is None else value)]


class _ReadFile(Draft):
    path: Annotated[str, Field(description="From the top of the repository.")]
    first_line: Annotated[int, _counted_from(1, "lines are counted from 1")]
    last_line: Annotated[_Line, Field(description="0: as many as fit")]


class _Search(Draft):
    pattern: Annotated[_Text, Field(description='Perl-compatible, for single lines; "": list the files')]
    glob: Annotated[_Text, Field(description='`*.py` in any folder, `src/**/*.{ts,tsx}`; "": all files')]


class _FileDiffOf(Draft):
    path: str
    skip: Annotated[
        int, _counted_from(0, "must not be negative"), Field(description="Lines to leave out at its beginning.")
    ]


class _History(Draft):
    path: str
    first_line: Annotated[_Line, Field(description="0: the whole file")]
    last_line: _Line


def lookups(change: Change, library: Library | None, denied: Callable[[str], bool]) -> tuple[Tool[Any], ...]:
    """What can be looked up about a change, of `denied` files only their names; without a library the diff alone."""
    diff = _tool(partial(_file_diff, change, denied), "file_diff", "The diff of one file of the change.", _FileDiffOf)
    if library is None:
        return (diff,)
    files = VisibleFiles(change, library, denied)
    read, search, *others = (
        _tool(partial(run, files), name, description, arguments) for run, name, description, arguments in _TOOLS
    )
    return (read, search, diff, *others)


def _tool(run: Callable[[Any], str], name: str, description: str, arguments: type[Draft]) -> Tool[Any]:
    """A tool whose trouble is of the two kinds that a tool may have."""

    def run_tool(given: Any) -> str:
        try:
            return run(given)
        except BadPattern as bad:
            raise TryAgain(f"the pattern cannot be used ({bad}): give a simpler one or a narrower glob") from None
        except Unreadable as gone:
            raise NoSuchThing(f"git could not show it: {visible_line(str(gone))}") from None

    return Tool(name, description, arguments, run_tool)


def _read_file(files: VisibleFiles, arguments: _ReadFile) -> str:
    lines = files.lines(arguments.path)
    first, last = _range(arguments.path, len(lines), arguments.first_line, arguments.last_line)
    rows = fitting(numbered(lines[first - 1 : last], range(first, last + 1)))
    end = first + len(rows) - 1
    more = f"lines {end + 1} to {len(lines)} are not shown: ask with first_line {end + 1}" if end < len(lines) else ""
    heading = f"{shown(arguments.path)}, lines {first} to {end} of {len(lines)}"
    return result(heading if rows else f"{shown(arguments.path)} is empty", *rows, note(more))


def _search(files: VisibleFiles, arguments: _Search) -> str:
    pattern = arguments.pattern
    if not pattern:
        return _listed(files, arguments.glob)
    if len(pattern) > MAX_PATTERN or {"\0", "\n"} & set(pattern):
        raise TryAgain(f"give a pattern of one line, of at most {MAX_PATTERN} characters")
    entries = files.select(arguments.glob or None)
    searched = files.searchable(entries)
    matches = files.library.search(pattern, searched, MAX_MATCHES)
    limits = (matches.note, files.unsearched(entries), *files.library.limits)
    if not matches.found:
        raise NoSuchThing(f"nothing matches in {count(len(searched), 'file')} {note(*limits)}".strip())
    every = [f"{visible_line(match.path)}:{match.line}:{match.text}" for match in matches.found]
    rows = fitting(every)
    more = matches.more or len(rows) < len(every)
    return result(
        *rows,
        note(f"the first {len(rows)} lines; there are more: narrow the pattern or the glob" if more else "", *limits),
    )


def _listed(files: VisibleFiles, glob: str) -> str:
    entries = files.select(glob or None)
    if not entries:
        if below := files.below(glob):
            raise NoSuchThing(f"that is a folder: ask with the glob {below}")
        raise NoSuchThing("no file matches this glob in the commit under review")
    rows = fitting([f"{visible_line(entry.path)}  {_about(files, entry)}" for entry in entries[:MAX_ROWS]])
    rest = f"{len(entries) - len(rows):,} more: narrow the glob" if len(rows) < len(entries) else ""
    return result(*rows, note(rest, *files.library.limits))


def _about(files: VisibleFiles, entry: Entry) -> str:
    if files.is_denied(entry.path):
        return DENIED
    match entry.kind:
        case EntryKind.LINK:
            return "link, not followed"
        case EntryKind.SUBMODULE:
            return "submodule, not read"
        case EntryKind.FILE:
            return f"{entry.size:,} bytes{', not read' if entry.size > MAX_BYTES else ''}"


def _file_diff(change: Change, denied: Callable[[str], bool], arguments: _FileDiffOf) -> str:
    if denied(arguments.path):
        raise NoSuchThing(f"{shown(arguments.path)}: {DENIED}")
    file = changed_file(change, arguments.path)
    if denied(file.path) or denied(file.old_path):
        raise NoSuchThing(f"{shown(arguments.path)}: {DENIED}")
    lines = tuple(file.lines)
    if arguments.skip > max(len(lines) - 1, 0):
        raise NoSuchThing(f"the diff of {shown(file.path)} has {count(len(lines), 'line')}")
    every = numbered(
        [line.text for line in lines],
        [f"{line.old if line.new is None else line.new} {line.kind.value}" for line in lines],
    )
    rows = fitting(every[arguments.skip :])
    seen = arguments.skip + len(rows)
    was = f", was {shown(file.old_path)}" if file.old_path != file.path else ""
    return result(
        f"{shown(file.path)}, {file.kind}{was}",
        *rows,
        note(
            f"no lines, or not all of them: {file.omitted}" if file.omitted else "",
            f"{len(lines) - seen:,} more: ask with skip {seen}" if seen < len(lines) else "",
        ),
    )


def _history(files: VisibleFiles, arguments: _History) -> str:
    if arguments.first_line:
        return _blame(files, arguments.path, arguments.first_line, arguments.last_line)
    path = arguments.path
    # A file that the change deletes or renames has a history all the same.
    if files.is_denied(path) or not any(file.old_path == path for file in files.change.files):
        files.entry(path)
    commits = files.library.history(path, MAX_COMMITS)
    if not commits:
        raise NoSuchThing(f"no commit in this clone touched {shown(path)}")
    rows = [f"{commit.sha[:12]} {_day(commit.when)} {commit.author}: {commit.subject}" for commit in commits]
    cut = f"the newest {MAX_COMMITS}" if len(commits) == MAX_COMMITS else ""
    return result(*fitting([visible_line(row) for row in rows]), note(cut, *files.library.limits))


def _blame(files: VisibleFiles, path: str, first_line: int, last_line: int) -> str:
    lines = files.lines(path)
    first, wanted = _range(path, len(lines), first_line, last_line)
    last = min(wanted, first + MAX_BLAMED - 1)
    blamed = files.library.blame(path, first, last) if lines else ()
    gutter = [f"{line.line} {line.sha[:12]} {_day(line.when)} {visible_line(line.author[:40])}" for line in blamed]
    rows = fitting(numbered([line.text for line in blamed], gutter))
    commits = {line.sha: line for line in blamed[: len(rows)]}
    subjects = [visible_line(f"{line.sha[:12]} {line.subject}"[:200]) for line in commits.values()]
    end = first + len(rows) - 1
    more = f"lines {end + 1} to {wanted} are not shown" if end < wanted else ""
    return result(*rows, note(more, *files.library.limits), "Commits:", *subjects)


def _range(path: str, length: int, first: int, last: int) -> tuple[int, int]:
    """The lines asked for, as far as they exist (0: to the end); NoSuchThing when none of them does."""
    if first > max(length, 1):
        raise NoSuchThing(f"{shown(path)} has {count(length, 'line')}")
    if 0 < last < first:
        raise TryAgain(f"last_line {last} comes before first_line {first}")
    return first, min(last or length, length)


def _day(when: int) -> str:
    """The day in UTC; "-" for uncommitted work and for a date that is none."""
    try:
        return datetime.fromtimestamp(when, UTC).date().isoformat() if when else "-"
    except (ValueError, OverflowError, OSError):
        return "-"


_TOOLS: Final[tuple[tuple[Callable[[VisibleFiles, Any], str], str, str, type[Draft]], ...]] = (
    (_read_file, "read_file", "Numbered lines of a file after the change.", _ReadFile),
    (_search, "search", "Find lines, or list files, after the change.", _Search),
    (
        find_name,
        "find_name",
        "Where a name is defined and used: by syntax in Python, else a search for the word.",
        Name,
    ),
    (_history, "history", "The newest commits of a file, or the one that last touched each line.", _History),
)
