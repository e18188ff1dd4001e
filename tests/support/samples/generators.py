"""Random changes to real text and random claims about them, from a seed: the same for the test and the benchmark."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from random import Random

from cicd_agent.domain.finding import Category, Severity
from cicd_agent.domain.repository.change import Change, ChangeSource
from cicd_agent.domain.repository.diff import DiffLine, FileDiff, LineKind
from cicd_agent.domain.repository.diff_parser import parse_diff
from cicd_agent.modes.review.questions.draft import Claim, ClaimedSide

LONGEST = 160
ODD_LINES = (
    "\n",
    "\t\n",
    "    # naïve Ω 漢字\n",
    "++ b/not/a/header\n",
    "-- \n",
    "@@ -1,2 +3,4 @@ not a hunk\n",
    "x" * 500 + "\n",
)
ODD_NAMES = ("a b.py", "dir/naïve.py", "-rf", "deep/er/and/er/file.js", "Makefile", "app.py")


@dataclass(frozen=True, slots=True)
class Posed:
    """A claim and how it was made. `line` is where it must stand: 0 nowhere, None wherever its quote is."""

    kind: str
    claim: Claim
    line: int | None = None


def change(random: Random, sources: Path) -> Change:
    """One to four files under `sources`, edited, and the diff parsed as any other."""
    texts = [path.read_text() for path in random.sample(sorted(sources.rglob("*.py")), 4)]
    names = random.sample(ODD_NAMES, random.randint(1, 4))
    diff = "".join(_diff(random, name, _window(random, text)) for name, text in zip(names, texts, strict=False))
    return Change("b" * 40, "h" * 40, ChangeSource.API, parse_diff(diff))


def claims(random: Random, change: Change, count: int) -> Iterator[Posed]:
    """Claims about the change: true, shifted, made up, on the wrong side, ambiguous, and plain rubbish."""
    lines = [(file, line) for file in change.files for line in file.lines]
    for _ in range(count):
        if lines:
            yield random.choice(_POSERS)(random, *random.choice(lines))
        else:
            yield _rubbish(
                random, FileDiff("none", "none", change.files[0].kind), DiffLine(LineKind.ADDED, None, 1, "x")
            )


def anchors(change: Change) -> frozenset[tuple[str, str, int, int]]:
    """(path, side, line, index of the hunk) of every place that takes a comment, counted from the hunks' headers."""
    found = set()
    for file in change.files:
        for index, hunk in enumerate(file.hunks):
            old, new = hunk.old_start, hunk.new_start
            for line in hunk.lines:
                if line.kind is LineKind.DELETED:
                    found.add((file.path, "LEFT", old, index))
                    old += 1
                else:
                    found.add((file.path, "RIGHT", new, index))
                    new += 1
                    old += line.kind is LineKind.CONTEXT
    return frozenset(found)


def _window(random: Random, text: str) -> list[str]:
    lines = re.findall(r"[^\n]*\n|[^\n]+", text)
    start = random.randrange(max(1, len(lines) - LONGEST // 2))
    return lines[start : start + random.randint(1, LONGEST)] or ["x = 1\n"]


def _diff(random: Random, name: str, before: list[str]) -> str:
    after = list(before)
    for _ in range(random.randint(1, 6)):
        _edit(random, after)
    if random.random() < 0.1:
        before, after = [line.replace("\n", "\r\n") for line in before], [line.replace("\n", "\r\n") for line in after]
    if after and random.random() < 0.2:
        after[-1] = after[-1].rstrip("\r\n") or "end"
    old, new, header = f"a/{name}", f"b/{name}", f"diff --git a/{name} b/{name}\n"
    match random.random():
        case share if share < 0.1:
            before, old, header = [], "/dev/null", f"{header}new file mode 100644\n"
        case share if share < 0.2:
            after, new, header = [], "/dev/null", f"{header}deleted file mode 100644\n"
        case share if share < 0.3:
            old = f"a/old {name}"
            header = f"diff --git {old} {new}\nsimilarity index 80%\nrename from old {name}\nrename to {name}\n"
    rows = unified_diff(before, after, f"{old}\t", f"{new}\t")
    return header + "".join(row if row.endswith("\n") else f"{row}\n\\ No newline at end of file\n" for row in rows)


def _edit(random: Random, lines: list[str]) -> None:
    at = random.randint(0, len(lines))
    until = at + random.randint(1, 5)
    match random.choice(("delete", "copy", "odd", "change", "indent", "move")):
        case "delete":
            del lines[at:until]
        case "copy":
            lines[at:at] = lines[at:until] * random.randint(1, 2)
        case "odd":
            lines[at:at] = random.choices(ODD_LINES, k=random.randint(1, 3))
        case "change":
            lines[at:until] = [line.replace("e", "E", 1).replace("(", "( ", 1) for line in lines[at:until]]
        case "indent":
            lines[at:until] = [f"    {line}" for line in lines[at:until]]
        case "move":
            moved = lines[at:until]
            del lines[at:until]
            to = random.randint(0, len(lines))
            lines[to:to] = moved


def _claim(random: Random, file: FileDiff, line: DiffLine, quote: str, shift: int = 0) -> Claim:
    deleted = line.kind is LineKind.DELETED
    return Claim(
        path=file.path,
        side=ClaimedSide.OLD if deleted else ClaimedSide.NEW,
        line=_number(line) + shift,
        quote=quote,
        severity=random.choice(list(Severity)),
        category=random.choice(list(Category)),
        confidence=random.random(),
        title="something is wrong",
        explanation="it breaks",
        advice=None,
        suggestion=random.choice((None, "pass")),
    )


def _number(line: DiffLine) -> int:
    number = line.old if line.kind is LineKind.DELETED else line.new
    assert number is not None
    return number


def _true(random: Random, file: FileDiff, line: DiffLine) -> Posed:
    number = _number(line) if line.text.strip() else 0
    return Posed("true", _claim(random, file, line, line.text), number)


def _shifted(random: Random, file: FileDiff, line: DiffLine) -> Posed:
    return Posed("shifted", _claim(random, file, line, line.text, random.choice((-9, -2, -1, 1, 3, 40))))


def _partial(random: Random, file: FileDiff, line: DiffLine) -> Posed:
    start = random.randint(0, len(line.text))
    return Posed("partial", _claim(random, file, line, line.text[start : start + random.randint(0, 60)]))


def _several(random: Random, file: FileDiff, line: DiffLine) -> Posed:
    side = [each for each in file.lines if (each.kind is LineKind.DELETED) == (line.kind is LineKind.DELETED)]
    at = side.index(line)
    run = side[at : at + random.randint(2, 6)]
    return Posed("several lines", _claim(random, file, run[-1], "\n".join(each.text for each in run)))


def _respaced(random: Random, file: FileDiff, line: DiffLine) -> Posed:
    quote = "\t " + re.sub(r"(?<=\S)\s+(?=\S)", random.choice(("  ", "\t", "\r\n")), line.text) + "\n\n"
    return Posed("other white space", _claim(random, file, line, quote))


def _invented(random: Random, file: FileDiff, line: DiffLine) -> Posed:
    words = "".join(random.choices("bcdfghjklmnpqrstvwxz", k=random.randint(12, 60)))
    return Posed("made up", _claim(random, file, line, f"{words}({line.text.strip()})"), 0)


def _wrong_side(random: Random, file: FileDiff, line: DiffLine) -> Posed:
    claim = _claim(random, file, line, line.text)
    other = ClaimedSide.NEW if claim.side is ClaimedSide.OLD else ClaimedSide.OLD
    return Posed("wrong side", claim.model_copy(update={"side": other}))


def _elsewhere(random: Random, file: FileDiff, line: DiffLine) -> Posed:
    path = random.choice(("", "/etc/passwd", "../../x.py", f"{file.path}\n", "no/such/file.py", "\x00"))
    return Posed("another path", _claim(random, file, line, line.text).model_copy(update={"path": path}), 0)


def _respelt(random: Random, file: FileDiff, line: DiffLine) -> Posed:
    """A path that is not in the change, of a file whose name is."""
    path = random.choice((f"./{file.path}", f"src/{file.path}", file.path.rpartition("/")[2]))
    return Posed("its path respelt", _claim(random, file, line, line.text).model_copy(update={"path": path}))


def _guttered(random: Random, file: FileDiff, line: DiffLine) -> Posed:
    return Posed("with its gutter", _claim(random, file, line, f"{_number(line):>6} {line.kind}│ {line.text}"))


def _rubbish(random: Random, file: FileDiff, line: DiffLine) -> Posed:
    quote = random.choice(("", "\n\n", " \t ", "x" * 100_000, f"{line.text}\n" * 2_000, "\ud800", "```", "\x00\x1b[2J"))
    claim = _claim(random, file, line, quote, random.choice((0, -(10**9), 10**12)))
    return Posed("rubbish", claim.model_copy(update={"title": random.choice(("", "t\n::error::x", "t" * 70_000))}))


_POSERS: tuple[Callable[[Random, FileDiff, DiffLine], Posed], ...] = (
    _true,
    _shifted,
    _partial,
    _several,
    _respaced,
    _invented,
    _wrong_side,
    _elsewhere,
    _respelt,
    _guttered,
    _rubbish,
)
