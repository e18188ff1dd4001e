"""Random changes as git writes them, and claims about them: what models get right, nearly right, wrong, and make up."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import unified_diff
from random import Random

from cicd_agent.domain.finding import Category, Severity
from cicd_agent.domain.text.quote import shown
from cicd_agent.modes.review.questions.draft import Claim, ClaimedSide
from tests.support.servers.github.diff import HUNK
from tests.support.servers.github.state import PullFile

NAMES = ("app.py", "a b.py", "dir/naïve.py", "-rf", "deep/er/file.js", "日本/語.py", "x😀.ts", "Makefile", "a'b/c$d.py")
CODE = (
    "def total(rows):\n",
    "    return sum(row.amount for row in rows)\n",
    "    for row in rows:\n",
    "        if row.is_open:\n",
    "            return None\n",
    "    }\n",
    "\n",
    "\t\n",
    "x = 1\n",
    "import os\n",
)
ODD = (
    "    # naïve Ω 漢字 😀\n",
    "++ b/not/a/header\n",
    "-- \n",
    "@@ -1,2 +3,4 @@ not a hunk\n",
    "diff --git a/x b/x\n",
    "\\ No newline at end of file\n",
    "a\x0cb = '\u2028\x85'\n",
    "path = 'C:\\\\temp'\r\n",
    "z" * 600 + "\n",
)
HIDDEN = "name_{} = 'adm\u200bin\u202e'\n"
SECRETIVE = "TOKEN_{} = '{}'\n"


@dataclass(frozen=True, slots=True)
class Row:
    """A line that a comment may stand on: `hunk` is its index, `text` without its sign."""

    hunk: int
    side: str
    number: int
    text: str


@dataclass(frozen=True, slots=True)
class Posed:
    """A claim and how it was made. `line` is where it must stand: 0 nowhere, None wherever its quote is."""

    kind: str
    claim: Claim
    line: int | None = None


def diff(random: Random) -> str:
    """What git would say of one to four changed files."""
    names = random.sample(NAMES, random.randint(1, 4))
    return "".join(_file(random, name) for name in names)


def rows(file: PullFile) -> tuple[Row, ...]:
    """The lines of a file's patch, read apart from the code under test."""
    found, hunk, old, new = [], -1, 0, 0
    for text in (file.patch or "").split("\n"):
        if start := HUNK.match(text):
            hunk, old, new = hunk + 1, int(start[1]), int(start[2])
        elif text[:1] == "-":
            found.append(Row(hunk, "LEFT", old, text[1:]))
            old += 1
        elif text[:1] in {"+", " "}:
            found.append(Row(hunk, "RIGHT", new, text[1:]))
            new, old = new + 1, old + (text[0] == " ")
    return tuple(found)


def claims(random: Random, files: Sequence[PullFile], count: int) -> tuple[Posed, ...]:
    """Claims about the files, each made in one of the ways below."""
    read = {file.filename: rows(file) for file in files}
    told = {path: found for path, found in read.items() if any(row.text.strip() for row in found)}
    made: list[Posed] = []
    while len(made) < count:
        if not told:
            made.append(_fabricated(random, _claim(random, files[0].filename, Row(0, "RIGHT", 1, "x"), "x")))
            continue
        if made and random.random() < 0.1:
            again = random.choice(made)
            made.append(replace(again, kind="said twice" if again.line else again.kind))
            continue
        path = random.choice(sorted(told))
        made.append(_posed(random, path, told))
    return tuple(made)


def _posed(random: Random, path: str, told: Mapping[str, Sequence[Row]]) -> Posed:
    all_rows = told[path]
    row = random.choice([each for each in all_rows if each.text.strip()])
    claim = _claim(random, path, row, row.text)
    kind = random.choice(_KINDS)
    match kind:
        case "true":
            posed = Posed(kind, claim, row.number)
        case "shifted" | "several lines, shifted":
            run = _run(random, all_rows, row) if kind.startswith("several") else (row,)
            last, quote = run[-1], "\n".join(each.text for each in run)
            shift = random.choice((-1, 1)) * random.randint(1, 20)
            moved = _claim(random, path, last, quote, shift)
            once = _places(all_rows, last.side, quote) == 1
            posed = Posed(kind, moved, last.number) if once else Posed(f"{kind}, but repeated", moved)
        case "as it is shown":
            posed = Posed(kind, claim.model_copy(update={"quote": shown(row.text.rstrip("\r"))}), row.number)
        case "another white space":
            quote = "\t " + re.sub(r"(?<=\S)[ \t]+(?=\S)", random.choice(("  ", "\t")), row.text) + " \n\n"
            posed = Posed(kind, claim.model_copy(update={"quote": quote}), row.number)
        case "part of a line":
            start = random.randint(0, len(row.text))
            posed = Posed(kind, claim.model_copy(update={"quote": row.text[start : start + random.randint(0, 40)]}))
        case "across hunks":
            other = random.choice(all_rows)
            posed = Posed(kind, claim.model_copy(update={"quote": f"{row.text}\n{other.text}"}))
        case "wrong side":
            other_side = ClaimedSide.NEW if claim.side is ClaimedSide.OLD else ClaimedSide.OLD
            posed = Posed(kind, claim.model_copy(update={"side": other_side}))
        case "wrong file":
            elsewhere = random.choice(("", "/etc/passwd", f"{path}\n", "no/such.py"))
            posed = Posed("fabricated: file", claim.model_copy(update={"path": elsewhere}), 0)
        case "rubbish":
            quote = random.choice(("", "\n\n", "x" * 50_000, f"{row.text}\n" * 500, "\ud800", "```", "\x00\x1b[2J"))
            posed = Posed(kind, _claim(random, path, row, quote, random.choice((-(10**9), 10**12))))
        case _:
            posed = _fabricated(random, claim)
    return posed


_KINDS = (
    "true",
    *("shifted",) * 3,
    *("several lines, shifted",) * 2,
    "as it is shown",
    "another white space",
    "part of a line",
    "across hunks",
    "wrong side",
    "wrong file",
    "rubbish",
    *("fabricated",) * 2,
)


def _fabricated(random: Random, claim: Claim) -> Posed:
    """Code that is nowhere, or a line with one word that is not in it."""
    word = "".join(random.choices("bcdfghjklmnpqrstvwxz", k=random.randint(12, 30)))
    parts = claim.quote.split()
    parts[random.randrange(len(parts))] = word
    quote = random.choice((f"{word}({claim.quote.strip()})", " ".join(parts), f"{claim.quote}\n    {word}()"))
    return Posed("fabricated: quote", claim.model_copy(update={"quote": quote}), 0)


def _run(random: Random, all_rows: Sequence[Row], row: Row) -> tuple[Row, ...]:
    """Some lines that follow one another on one side of one hunk, the last of them not blank."""
    side = [each for each in all_rows if (each.hunk, each.side) == (row.hunk, row.side)]
    run = side[side.index(row) : side.index(row) + random.randint(2, 5)]
    touching = [each for at, each in enumerate(run) if each.number == row.number + at]
    while not touching[-1].text.strip():
        touching.pop()
    return tuple(touching)


def _places(all_rows: Sequence[Row], side: str, quote: str) -> int:
    """How often the quote stands on a side of the file, blanks folded and blank lines left out."""
    wanted = [" ".join(line.split()) for line in quote.split("\n") if line.strip()]
    texts = [" ".join(row.text.split()) for row in all_rows if row.side == side and row.text.strip()]
    if len(wanted) == 1:
        return sum(wanted[0] in text for text in texts)
    return sum(
        texts[at].endswith(wanted[0])
        and texts[at + 1 : at + len(wanted) - 1] == wanted[1:-1]
        and texts[at + len(wanted) - 1].startswith(wanted[-1])
        for at in range(len(texts) - len(wanted) + 1)
    )


def _claim(random: Random, path: str, row: Row, quote: str, shift: int = 0) -> Claim:
    return Claim(
        path=path,
        side=ClaimedSide.OLD if row.side == "LEFT" else ClaimedSide.NEW,
        line=row.number + shift,
        quote=quote,
        severity=random.choice(list(Severity)),
        category=random.choice(list(Category)),
        confidence=random.uniform(0.5, 1),
        title="something is wrong",
        explanation=random.choice(("it breaks", "it breaks\n```\n<!-- x -->", "@all ![x](https://example.org/x.png)")),
        advice=None,
        suggestion=random.choice((None, "pass", "```suggestion\nx\n```")),
    )


def _file(random: Random, name: str) -> str:
    before = _text(random)
    after = _edited(random, before)
    old, header = name, ""
    match random.random():
        case share if share < 0.06:
            return f"diff --git a/{name} b/{name}\nold mode 100644\nnew mode 100755\n"
        case share if share < 0.12:
            return f"diff --git a/{name} b/{name}\nindex 1..2 100644\nBinary files a/{name} and b/{name} differ\n"
        case share if share < 0.16:
            return f"diff --git a/{name} b/{name}\nnew file mode 100644\nindex 0000000..e69de29\n"
        case share if share < 0.24:
            before, header = [], "new file mode 100644\n"
        case share if share < 0.32:
            after, header = [], "deleted file mode 100644\n"
        case share if share < 0.44:
            old = f"old {name}"
            header = f"similarity index 80%\nrename from {old}\nrename to {name}\n"
        case share if share < 0.5:
            header = "old mode 100644\nnew mode 100755\n"
    first, second = f"a/{old}" if before else "/dev/null", f"b/{name}" if after else "/dev/null"
    changed = "".join(
        row if row.endswith("\n") else f"{row}\n\\ No newline at end of file\n"
        for row in unified_diff(before, after, first, second)
    )
    # The library writes names as they are; git ends one with a blank in it by a tab.
    changed = re.sub(r"\A(--- .* .*)\n(\+\+\+ .*)\n", lambda found: f"{found[1]}\t\n{found[2]}\t\n", changed)
    return f"diff --git a/{old} b/{name}\n{header}{changed}"


def _text(random: Random) -> list[str]:
    lines = [_line(random, number) for number in range(random.choice((1, 3, 40, 120)))]
    if random.random() < 0.1:
        lines = [re.sub(r"\r?\n", "\r\n", line) for line in lines]
    if random.random() < 0.2:
        lines[-1] = lines[-1].rstrip("\r\n") or "end"
    return lines


def _line(random: Random, number: int) -> str:
    """Mostly lines that stand nowhere else, some that are everywhere, a few that are odd."""
    secret = "ghp_" + "".join(random.choices("ABCDEFGHabcdefgh0123456789", k=36))
    unlike = f"    value_{number} = compute(rows, {random.randrange(10**6)})\n"
    drawn = random.choices((unlike, random.choice(CODE), random.choice(ODD)), weights=(70, 22, 5))[0]
    return random.choices((drawn, HIDDEN.format(number), SECRETIVE.format(number, secret)), weights=(97, 1.5, 1.5))[0]


def _edited(random: Random, lines: Sequence[str]) -> list[str]:
    after = list(lines)
    for _ in range(random.randint(1, 6)):
        at = random.randint(0, len(after))
        until = at + random.randint(1, 5)
        match random.choice(("delete", "copy", "new", "change", "indent")):
            case "delete" if len(after) > until - at:
                del after[at:until]
            case "copy":
                after[at:at] = after[at:until]
            case "change":
                after[at:until] = [line.replace("e", "E", 1).replace("(", "( ", 1) for line in after[at:until]]
            case "indent":
                after[at:until] = [f"    {line}" for line in after[at:until]]
            case _:
                after[at:at] = [_line(random, random.randrange(1_000, 9_999)) for _ in range(random.randint(1, 4))]
    # A line without an end can only be the last one.
    return [line if line.endswith("\n") or at == len(after) - 1 else f"{line}\n" for at, line in enumerate(after)]
