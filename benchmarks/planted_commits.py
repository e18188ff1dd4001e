"""Bugs that one of five to eight commits brings: are its file and the commit itself named, in three languages?

Each range is a git repository, and its log is explained as at a terminal: `analyse-failure --log FILE --base REF`.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.planted_project import FILES
from benchmarks.planted_projects import GO, JAVASCRIPT

BUGS = 20
"""Of each language."""
FILE_FIRST, COMMIT_NAMED = 0.90, 0.80
ROOT = "/home/runner/work/shop/shop"
SWAP = {"+": "-", "-": "+", "<": "<=", "<=": "<", ">": ">=", "==": "!=", "!=": "==", "===": "!==", "!==": "===",
        "+=": "-=", "-=": "+=", "&&": "||", "%": "/"}  # fmt: skip
TOKEN = re.compile(r"(?<=\s)(?:===|!==|\+=|-=|<=|==|!=|&&|[-+<>%])(?=\s)")
Tree = dict[str, str]


@dataclass(frozen=True, slots=True)
class Language:
    """How a project is tested, and how what is harmless in it looks."""

    name: str
    files: Mapping[str, str]
    program: str
    commands: tuple[tuple[str, ...], ...]
    suffix: str
    comment: str
    function: str
    harmless: str
    opening: re.Pattern[str]
    """A line that opens the body of a function."""
    deletable: re.Pattern[str]
    """A statement that can be deleted without leaving what does not parse."""

    def product(self, tree: Iterable[str]) -> Sequence[str]:
        tests = re.compile(r"(?:^|/)tests?/|_test\.|__init__")
        return sorted(path for path in tree if path.endswith(self.suffix) and not tests.search(path))


def _legacy(path: str, text: str) -> str:
    """With a function at the end that nobody uses, as the other languages have it."""
    name = path.rpartition("/")[2].removesuffix(".py")
    return f"{text}\n\ndef legacy_{name}():\n    return 0\n" if "tests/" not in path and text else text


LANGUAGES = (
    Language(
        "Python",
        {"README.md": "# Shop\n", "tests/__init__.py": "",
         **{path: _legacy(path, text) for path, text in FILES.items()}},
        sys.executable,
        (("-m", "pytest", "-p", "no:cacheprovider", "--color=no"),
         ("-m", "unittest", "discover", "-s", "tests", "-t", "."),
         ("-m", "pytest", "-p", "no:cacheprovider", "--color=no", "--tb=no", "-q")),
        ".py", "# {}", "\n\ndef {0}():\n    return {1}\n", "    _ = None",
        re.compile(r"\s*def \w+\(.*\):$"),
        re.compile(r"\s+(?:self\.\w+(?:\.\w+)?(?:\(| [-+]?= )|value [-+]= |return date).*"),
    ),
    Language(
        "JavaScript", JAVASCRIPT, "node", (("--test", "test/"), ("--test", "--test-reporter=spec", "test/")),
        ".js", "// {}", "\nexport function {0}() {{\n  return {1};\n}}\n", "  void 0;",
        re.compile(r"(?:export )?function \w+\(.*\) \{$"),
        re.compile(r"\s+(?:this\.\w+(?:\.\w+)?(?:\(| [-+]?= )|value [-+]= |found\.).*;"),
    ),
    Language(
        "Go", GO, "go", (("test", "./..."), ("test", "-v", "./...")),
        ".go", "// {}", "\nfunc {0}() int {{\n\treturn {1}\n}}\n", "\t_ = 0",
        re.compile(r"func (?:\([^)]*\) )?\w+\(.*\{$"),
        re.compile(r"\s+(?:account\.\w+ (?:[-+]?= )|value [-+]= |parts = |found\[).*"),
    ),
)  # fmt: skip


def harmless(language: Language, tree: Tree, random: Random, near: str, number: int) -> tuple[str, Tree]:
    """A commit that breaks nothing: its subject and the files after it; half of them are in the culprit's file."""
    path = near if near in tree and random.random() < 0.5 else random.choice(language.product(tree))
    text, kind = tree[path], random.choice(("comment", "blank", "function", "edit", "delete", "rename", "docs"))
    lines = text.split("\n")
    match kind:
        case "comment":
            at = random.choice([at for at, line in enumerate(lines) if language.opening.match(line)] or [0])
            lines.insert(at, language.comment.format(f"Note {number} on what follows."))
        case "blank":
            at = random.choice([at for at, line in enumerate(lines) if language.opening.match(line)] or [0])
            lines.insert(at, "")
        case "function":
            name = f"Extra{number}" if language.suffix == ".go" else f"extra{number}"
            return f"Add {name}", {**tree, path: text.rstrip("\n") + "\n" + language.function.format(name, number)}
        case "edit" if path != near:
            at = random.choice([at for at, line in enumerate(lines) if language.opening.match(line)] or [0])
            indent = re.match(r"\s*", lines[at])
            lines.insert(at + 1, (indent[0] if indent else "") + language.harmless)
        case "delete" if "legacy" in text:
            at = next(at for at, line in enumerate(lines) if "legacy" in line)
            return f"Drop what {path} keeps for old times", {**tree, path: "\n".join(lines[:at]).rstrip("\n") + "\n"}
        case "rename" if language.suffix != ".go":
            return _rename(language, tree, path, number)
        case _:
            readme = tree["README.md"] + f"\nNote {number}.\n"
            return f"Write note {number}", {**tree, "README.md": readme}
    return f"Tidy {path} ({kind})", {**tree, path: "\n".join(lines)}


def _rename(language: Language, tree: Tree, path: str, number: int) -> tuple[str, Tree]:
    folder, _, name = path.rpartition("/")
    stem = name.removesuffix(language.suffix)
    new = f"{stem}{number}"
    old_name, new_name = (
        (f"{folder}.{stem}", f"{folder}.{new}") if language.suffix == ".py" else (f"/{stem}.js", f"/{new}.js")
    )
    after = {each: re.sub(rf"{re.escape(old_name)}\b", new_name, text) for each, text in tree.items()}
    after[f"{folder}/{new}{language.suffix}"] = after.pop(path)
    return f"Rename {path}", after


def culprits(language: Language, tree: Tree, path: str, random: Random) -> Iterator[tuple[str, Tree]]:
    """Bugs of a file, in random order: operators swapped, numbers moved, statements, functions and files deleted."""
    lines = tree[path].split("\n")
    found: list[tuple[str, Tree]] = []
    for at, line in enumerate(lines):
        if (
            not line.strip()
            or re.match(r"\s*(?:import|from|//|#|\"|func legacy|def legacy|package)", line)
            or "legacy" in line
        ):
            continue
        edits = [line[: token.start()] + SWAP[token[0]] + line[token.end() :] for token in TOKEN.finditer(line)]
        edits += [
            line[: digit.start()] + str(int(digit[0]) + 1) + line[digit.end() :]
            for digit in re.finditer(r"(?<![\w.\"'])\d+\b", line)
        ]
        found += [("Simplify", {**tree, path: "\n".join([*lines[:at], edit, *lines[at + 1 :]])}) for edit in edits[:1]]
        if language.deletable.fullmatch(line):
            found += [("Drop a line", {**tree, path: "\n".join([*lines[:at], *lines[at + 1 :]])})] * 2
        if language.opening.match(line) and "legacy" not in line:
            end = next((end for end in range(at + 1, len(lines)) if _ends(language, lines, at, end)), len(lines))
            found.append(("Drop a function", {**tree, path: "\n".join([*lines[:at], *lines[end:]])}))
    found.append(("Drop a file", {other: text for other, text in tree.items() if other != path}))
    random.shuffle(found)
    yield from found


def _ends(language: Language, lines: Sequence[str], first: int, at: int) -> bool:
    depth = len(lines[first]) - len(lines[first].lstrip())
    line = lines[at]
    if language.suffix == ".py":
        return bool(line.strip()) and len(line) - len(line.lstrip()) <= depth
    return lines[at - 1].strip() == "}" and len(lines[at - 1]) - len(lines[at - 1].lstrip()) <= depth


class Range:
    """A repository with a base, and commits on it."""

    def __init__(self, root: Path, tree: Mapping[str, str]) -> None:
        self.root, self.tree = root, Tree()
        self.git("init", "-q", "-b", "main")
        self.base = self.commit("Begin", dict(tree))

    def git(self, *arguments: str) -> str:
        identity = ("-c", "user.name=A", "-c", "user.email=a@localhost", "-c", "commit.gpgsign=false")
        done = subprocess.run(["git", *identity, *arguments], cwd=self.root, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def commit(self, subject: str, tree: Tree) -> str:
        self.write(tree)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", subject)
        return self.git("rev-parse", "HEAD")

    def go_on(self, language: Language, random: Random, near: str, number: int) -> str:
        """Commit something harmless; the name that `near` has then."""
        there = self.tree.keys()
        self.commit(*harmless(language, self.tree, random, near, number))
        return next(iter(self.tree.keys() - there)) if near in there - self.tree.keys() else near

    def write(self, tree: Tree) -> None:
        for path in self.tree.keys() - tree.keys():
            (self.root / path).unlink()
        for path, text in tree.items():
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            (self.root / path).write_text(text)
        self.tree = tree

    def test(self, language: Language, command: Sequence[str]) -> str:
        """What failing tests print, "" when they pass."""
        try:
            done = subprocess.run(
                [language.program, *command], cwd=self.root, capture_output=True, text=True, check=False, timeout=60
            )
        except subprocess.TimeoutExpired:
            return ""
        # What the machine has killed proves nothing.
        return (done.stdout + done.stderr).replace(str(self.root), ROOT) if done.returncode > 0 else ""

    def explain(self, log: str) -> Mapping[str, Any]:
        name = self.root.parent / "failed.log"
        name.write_text(f"##[group]Run tests\n##[endgroup]\n{log}\n##[error]Process completed with exit code 1.\n")
        arguments = ["analyse-failure", "--log", str(name), "--base", self.base, "--format", "json"]
        left = ("--output-dir", str(self.root.parent / "left"))
        done = subprocess.run(
            [sys.executable, "-m", "cicd_agent", *arguments, *left],
            cwd=self.root,
            capture_output=True,
            text=True,
            check=True,
        )
        found: Mapping[str, Any] = json.loads(done.stdout)["body"]["diagnosis"]
        return found


def trial(language: Language, random: Random, tally: Counter[str]) -> None:
    """One range: a bug among harmless commits."""
    command = language.commands[tally["bugs"] % len(language.commands)]
    path = random.choice(language.product(language.files))
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "shop")
        root.mkdir()
        history = Range(root, language.files)
        before, after = (random.randint(0, 4) for _ in range(2))
        after += max(0, 4 - before - after)
        for number in range(before):
            path = history.go_on(language, random, path, number)
        if history.test(language, command):
            raise RuntimeError(f"the tests of {language.name} fail without a bug: {history.git('log', '--format=%s')}")
        subject, broken = next(culprits(language, history.tree, path, random))
        sha = history.commit(subject, broken)
        if not history.test(language, command):
            tally["unnoticed"] += 1
            return
        for number in range(before, before + after):
            path = history.go_on(language, random, path, number)
        log = history.test(language, command)
        if not log:
            return
        found = history.explain(log)
        tally["bugs"] += 1
        affected, suspects = found["affected"], found["suspects"]
        tally["file"] += affected[:1] == [path] and found["cause"] == "change"
        tally["commit"] += found["responsible"] == sha
        tally["wrong"] += found["responsible"] not in {"", sha}
        tally["first"] += bool(suspects) and suspects[0]["sha"] == sha
        if affected[:1] != [path] or found["responsible"] != sha:
            _print_miss(history, path, subject, sha, found)


def _print_miss(history: Range, path: str, subject: str, sha: str, found: Mapping[str, Any]) -> None:
    named = history.git("log", "-1", "--format=%s", str(found["responsible"])) if found["responsible"] else "none"
    print(f"  {path}, {subject!r} ({sha[:7]}): {found['cause']}, {found['affected']}, commit {named!r}")


def measure(bugs: int = BUGS, languages: Sequence[Language] = LANGUAGES) -> int:
    """Print the rates; 1 when a goal is missed in a language that is installed."""
    missed, rows = False, list[str]()
    for language in languages:
        if shutil.which(language.program) is None:
            print(f"{language.name} is left out: there is no `{language.program}` on this machine")
            continue
        random, tally = Random(7), Counter[str]()  # noqa: S311  to be repeated, not to be unguessable
        while tally["bugs"] < bugs:
            trial(language, random, tally)
        count = tally["bugs"]
        rows.append(
            f"{language.name:<12}{tally['file']:>5} of {count}{tally['commit']:>11} of {count}"
            f"{tally['first']:>11} of {count}{tally['wrong']:>9}"
        )
        missed |= tally["file"] < FILE_FIRST * count or tally["commit"] < COMMIT_NAMED * count
    print(f"a bug among 5 to 8 commits{'':<4}goals: file first {FILE_FIRST:.0%}, commit named {COMMIT_NAMED:.0%}")
    print(f"{'':<12}{'file first':>11}{'commit named':>17}{'ranked first':>15}{'wrong':>9}")
    for row in rows:
        print(row)
    return int(missed)


if __name__ == "__main__":
    sys.exit(measure(int(sys.argv[1]) if len(sys.argv) > 1 else BUGS))
