"""Whether the rules stay linear, and below two seconds of CPU, on the worst files that a change can hold.

Every case is generated at two sizes, n and 2n, and goes through all that a review does of its own accord: the rules,
the risk, and the suppressions. Printed are the CPU seconds of a file, those that reading its bytes takes, and the
growth: CPU seconds at 2n over those at n. Exit 1 when a file takes more than 2 seconds, or the time of a file
more than 2.5 times as much at twice the size; without the garbage collector, which walks a growing tree ever again.

    python benchmarks/worst_files.py               all cases
    python benchmarks/worst_files.py f-string      those whose name holds the word
"""

import argparse
import gc
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from cicd_agent.analysis.risk.assessment import assess, floors
from cicd_agent.analysis.rules.run import RuleDraft, ruled
from cicd_agent.analysis.rules.suppression import weighed
from cicd_agent.domain.repository.change import Change, ChangeSource
from cicd_agent.domain.repository.diff import ChangeKind, DiffLine, FileDiff, Hunk, LineKind
from cicd_agent.settings.schema import Settings

MAX_SECONDS = 2.0
MAX_GROWTH = 2.5
RETRIES = 2
FLOOR = 0.05
"""CPU seconds below which growth is noise."""

Files = Mapping[str, str]
"""The texts that a change adds, by path."""


def _fill(size: int, unit: str, before: str = "", after: str = "") -> str:
    return before + unit * (size // len(unit)) + after


def _numbered(size: int, line: str) -> str:
    return "".join(line.replace("@", str(number)) for number in range(size // len(line)))


CASES: Mapping[str, tuple[int, Callable[[int], Files]]] = {
    "one f-string": (240_000, lambda n: {"a.py": _fill(n, "{a}", "x = f'", "'\n")}),
    "f-string of many lines": (240_000, lambda n: {"a.py": _fill(n, "{a}\n", "x = f'''", "'''\n")}),
    "f-strings that nest": (80_000, lambda n: {"a.py": _fill(n, "x = f'{a:{b}}{c!r:>{d}}'\n")}),
    "20 files of f-strings": (240_000, lambda n: {f"{i}.py": _fill(n, "{a}", "x = f'", "'\n") for i in range(20)}),
    "brackets": (79_000, lambda n: {"a.py": _fill(n, "x = " + "(" * 90 + "1" + ")" * 90 + "\n")}),
    "brackets never closed": (240_000, lambda n: {"a.py": _fill(n, "[", "x = ", "\n")}),
    "calls in calls": (79_000, lambda n: {"a.py": _fill(n, "x(" * 90 + "a" + ")" * 90 + "\n")}),
    "unary minus": (500_000, lambda n: {"a.py": _fill(n, "-", "x = ", "1\n")}),
    "sum": (240_000, lambda n: {"a.py": _fill(n, "1+", "x = ", "1\n")}),
    "sums": (79_000, lambda n: {"a.py": _fill(n, "x = " + "a+" * 400 + "1\n")}),
    "attributes": (240_000, lambda n: {"a.py": _fill(n, ".b", "x = a", "\n")}),
    "chains of calls": (79_000, lambda n: {"a.py": _fill(n, "x = a" + ".b()" * 100 + "\n")}),
    "semicolons": (79_000, lambda n: {"a.py": _fill(n, "x;", "", "\n")}),
    "calls in one line": (79_000, lambda n: {"a.py": _fill(n, "f();", "", "\n")}),
    "calls": (120_000, lambda n: {"a.py": _fill(n, "os.system(a)\n", "import os\n")}),
    "calls of one function": (160_000, lambda n: {"a.py": _fill(n, "    os.system(a)\n", "import os\ndef f(a):\n")}),
    "statements in one function": (
        160_000,
        lambda n: {"a.py": _fill(n, "    c.execute(q)\n", "def f(q):\n    q = 1\n")},
    ),
    "dynamic code in one function": (130_000, lambda n: {"a.py": _fill(n, "    eval(q)\n", "def f(q):\n")}),
    "dictionary": (85_000, lambda n: {"a.py": _fill(n, "'a': 1,\n", "x = {\n", "}\n")}),
    "functions": (1_400_000, lambda n: {"a.py": _numbered(n, "def f@(): pass\n")}),
    "small functions": (120_000, lambda n: {"a.py": _numbered(n, "def f@(a):\n    return a\n")}),
    "functions in functions": (
        240_000,
        lambda n: {"a.py": _fill(n, "".join(f"{' ' * i}def f():\n" for i in range(20)) + " " * 20 + "pass\n")},
    ),
    "classes": (160_000, lambda n: {"a.py": _numbered(n, "class C@:\n    def f(self): pass\n")}),
    "tests": (120_000, lambda n: {"tests/test_a.py": _numbered(n, "def test_@():\n    f()\n")}),
    "skipped tests": (240_000, lambda n: {"tests/test_a.py": _numbered(n, "@pytest.mark.skip\ndef test_@(): f()\n")}),
    "decorators": (79_000, lambda n: {"a.py": _fill(n, "@a\n", "", "def f(): pass\n")}),
    "imports": (180_000, lambda n: {"a.py": _numbered(n, "import a@ as b@\n")}),
    "except": (140_000, lambda n: {"a.py": _fill(n, "try: f()\nexcept: pass\n")}),
    "coroutines": (60_000, lambda n: {"a.py": _numbered(n, "async def f@(a): pass\ndef g@():\n    f@(1)\n")}),
    "exchanged arguments": (
        40_000,
        lambda n: {
            "a.py": _numbered(n, "def f@(aa, bb): pass\n") + "def g(aa, bb):\n" + _numbered(n, "    f@(bb, aa)\n")
        },
    ),
    "switches": (120_000, lambda n: {"a.py": "import os\n" + _numbered(n, "x@ = os.getenv('a', '0')\nif x@: f()\n")}),
    "locks in Go": (600_000, lambda n: {"a.go": _numbered(n, "\ta@.Lock()\n\tif b {\n\t\treturn\n\t}\n")}),
    "no Python": (240_000, lambda n: {"a.py": _fill(n, "x = 1\n", "", "x = = 1\n")}),
    "escapes": (240_000, lambda n: {"a.py": _fill(n, "x = '\\q'\n")}),
    "one line": (2_500_000, lambda n: {"a.js": _fill(n, "a", "", "\n"), "b.py": _fill(n, "a", "", "\n")}),
    "secrets": (1_200_000, lambda n: {"a.txt": _numbered(n, "key@ = ghp_0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0uV1wX\n")}),
    "findings": (650_000, lambda n: {"a.js": _numbered(n, "a.innerHTML = b@;debugger;\n")}),
    "suppressed findings": (
        600_000,
        lambda n: {"a.js": _numbered(n, "a.innerHTML = b@; // cicd-agent: ignore[js-html-injection] r\n")},
    ),
    "workflow steps": (
        500_000,
        lambda n: {
            ".github/workflows/a.yml": _fill(
                n,
                "      - uses: a/b@v1\n      - run: echo ${{ github.event.issue.title }}\n",
                "on: issues\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n",
            )
        },
    ),
    "workflow jobs": (
        240_000,
        lambda n: {
            ".github/workflows/a.yml": _numbered(n, "  j@:\n    runs-on: x\n    steps:\n      - run: a\n").join(
                ("on: push\njobs:\n", "")
            )
        },
    ),
    "YAML aliases": (
        240_000,
        lambda n: {
            ".github/workflows/a.yml": "a0: &a0 [x]\n"
            + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, n // 70))
            + "jobs: *a9\n"
        },
    ),
    "YAML brackets": (240_000, lambda n: {"k8s/a.yaml": _fill(n, "[", "a: ", "\n")}),
    "YAML brackets that close": (240_000, lambda n: {"k8s/a.yaml": _fill(n, "- " + "[" * 90 + "]" * 90 + "\n")}),
    "YAML keys": (140_000, lambda n: {"k8s/a.yaml": _numbered(n, "a@: b\n")}),
    "OpenAPI": (140_000, lambda n: {"openapi.yaml": "paths:\n" + _numbered(n, "  /a@:\n    get: {}\n")}),
    "JSON": (1_200_000, lambda n: {"a.json": "{" + _numbered(n, '"a@": [1, 2, {"b": null}],\n') + '"z": 1}\n'}),
    "package manifest": (
        600_000,
        lambda n: {"package.json": '{"dependencies": {' + _numbered(n, '"a@": "^1.0.0",\n') + '"z": "1"}}\n'},
    ),
    "lock file": (
        1_200_000,
        lambda n: {"package-lock.json": _numbered(n, '"resolved": "https://r.example/a@.tgz",\n')},
    ),
    "requirements": (600_000, lambda n: {"requirements.txt": _numbered(n, "package@>=1.0\n")}),
    "SQL migration": (1_200_000, lambda n: {"migrations/1.sql": _numbered(n, "ALTER TABLE t DROP COLUMN c@;\n")}),
    "SQL in one line": (1_200_000, lambda n: {"migrations/1.sql": _fill(n, "add column a ", "alter table t ", "\n")}),
    "SQL that must not be null": (
        1_200_000,
        lambda n: {"migrations/1.sql": _fill(n, "add column a " * 140 + "text not null default 1\n", "alter table t ")},
    ),
    "JavaScript bundle": (2_400_000, lambda n: {"web/a.js": _fill(n, "function(a,b){return a.b(c)};" * 60 + "\n")}),
    "Dockerfile": (500_000, lambda n: {"Dockerfile": _fill(n, "RUN curl https://a.example/b | sh\n", "FROM a\n")}),
    "Terraform": (600_000, lambda n: {"a.tf": _fill(n, 'cidr_blocks = ["0.0.0.0/0"]\n')}),
    "protocol": (600_000, lambda n: {"a.proto": _numbered(n, "  string name@ = 1;\n")}),
    "own configuration": (240_000, lambda n: {".github/cicd-agent.yml": _numbered(n, "a@: b\n")}),
    "many files": (20_000, lambda n: {f"src/a{i}/b{i}.py": "import os\nos.system(a)\n" for i in range(n // 20)}),
    "requests in one function": (
        80_000,
        lambda n: {
            "a.py": _numbered(n, "    u@ = request.args['u'] + u\n    if u@ in A: open(u@)\n").join(
                ("from flask import request\n@a.get('/')\ndef f(u):\n", "")
            )
        },
    ),
    "queries in loops": (
        80_000,
        lambda n: {"a.py": _fill(n, "    for a in b:\n        x = A.objects.get(id=a)\n", "def f(b):\n")},
    ),
    "loops in loops": (
        60_000,
        lambda n: {
            "a.py": "".join(f"{' ' * i}for a{i} in b:\n" for i in range(1, 90)).join(
                ("def f(b):\n", _fill(n, " " * 91 + "A.objects.get(id=a1)\n"))
            )
        },
    ),
    "repeated blocks": (
        600_000,
        lambda n: {"a.js": _fill(n, "".join(f"if (a{i}) return b({i});\n" for i in range(40)))},
    ),
    "foreign keys": (600_000, lambda n: {"a.sql": _numbered(n, "CREATE TABLE t@ (a int REFERENCES b, c int);\n")}),
    "columns of one table": (
        300_000,
        lambda n: {"a.sql": _numbered(n, "a@ int REFERENCES b,\n").join(("CREATE TABLE t (", "c int);\n"))},
    ),
    "create index": (600_000, lambda n: {"a.sql": _fill(n, "create index references ")}),
    "imports of each other": (
        20_000,
        lambda n: {f"s/a{i}.py": f"from s import a{i + 1}\nfrom s import a0\n" for i in range(n // 20)},
    ),
    "spaces": (1_200_000, lambda n: {"a.py": _fill(n, " " * 1_900 + "\n"), "b.js": _fill(n, " " * 1_900 + "\n")}),
}


def change_of(files: Files, old: Files | None = None) -> Change:
    """The change that adds these files, or that deletes the `old` ones of the same name line by line."""
    old = old or {}
    return Change(
        base="1" * 40,
        head="2" * 40,
        source=ChangeSource.GIT,
        files=tuple(_diff(path, text, old.get(path, "")) for path, text in files.items()),
        texts=files,
        old_texts=old,
        paths=tuple(files),
    )


def _diff(path: str, text: str, before: str) -> FileDiff:
    deleted = [DiffLine(LineKind.DELETED, number, None, line) for number, line in enumerate(before.split("\n")[:-1], 1)]
    added = [DiffLine(LineKind.ADDED, None, number, line) for number, line in enumerate(text.split("\n")[:-1], 1)]
    hunk = Hunk(bool(deleted), len(deleted), 1, len(added), "", (*deleted, *added))
    kind = ChangeKind.MODIFIED if deleted else ChangeKind.ADDED
    return FileDiff(path, path, kind, (hunk,), "100644" if deleted else "", "100644")


def judge(change: Change) -> RuleDraft:
    """All that a review does with a change when it asks nobody."""
    draft = ruled(change)
    _, counted = weighed(draft, change, Settings())
    assess(change, floors(draft.areas, counted, Settings().min_confidence))
    return draft


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("word", nargs="?", default="", help="cases whose name holds it (default: all)")
    word = parser.parse_args().word
    judge(change_of({"a.py": "import os\n", "a.yml": "a: b\n"}))  # what is imported and compiled once
    print(f"{'case':28}{'kB':>8}{'s/file':>9}{'reading':>9}{'growth':>8}{'findings':>10}")
    bad = [name for name, (size, make) in CASES.items() if word in name and not _measure(name, size, make)]
    print(f"\n{len(bad)} over {MAX_SECONDS:g} s a file, or over {MAX_GROWTH:g} times as long at twice the size", *bad)
    return 1 if bad else 0


def _measure(name: str, size: int, make: Callable[[int], Files]) -> bool:
    small, _, _ = _seconds(make(size))
    files = make(2 * size)
    seconds, reading, found = _seconds(files)
    for _ in range(RETRIES):
        if seconds <= MAX_GROWTH * small:
            break  # else something else may have kept the processor
        small, seconds = min(small, _seconds(make(size))[0]), min(seconds, _seconds(files)[0])
    growth = seconds / small if small > FLOOR else 0.0
    good = seconds / len(files) <= MAX_SECONDS and growth <= MAX_GROWTH
    kilobytes = sum(map(len, files.values())) / 1000
    print(
        f"{name:28}{kilobytes:>8,.0f}{seconds / len(files):>9.3f}{reading:>9.4f}"
        f"{f'{growth:.2f}' if growth else '-':>8}{found:>10,}{'' if good else '  OVER'}",
        flush=True,
    )
    return good


def _seconds(files: Files) -> tuple[float, float, int]:
    """CPU seconds of judging a change and of reading the lines of its texts, and how many findings there are."""
    change = change_of(files)
    gc.collect()
    gc.disable()  # it walks the whole tree again and again while that is built: growth is that of our own work
    start = time.process_time()
    for text in files.values():
        for line in text.encode().split(b"\n"):
            line.decode()
    read = time.process_time()
    draft = judge(change)
    gc.enable()
    return time.process_time() - read, read - start, len(draft.findings)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    sys.exit(main())
