"""How large the package and its tests are, and where: `scripts/sizes.py --base REV` shows before and after.

Tests are those that pytest collects, CPU minutes those that it has recorded in a JUnit file (`--junit-xml`).
"""

import argparse
import ast
import io
import subprocess
import sys
import tarfile
import tempfile
import tokenize
from collections.abc import Iterator, Mapping
from pathlib import Path
from xml.etree import ElementTree as ET

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "src/cicd_agent"
NONE = "-"


def sizes(top: Path, junit: Path | None, *, is_collected: bool = True) -> dict[str, str]:
    """What is measured of a tree, by its name."""
    files = {path: path.read_text("utf-8") for path in sorted((top / PACKAGE).rglob("*.py"))}
    tests = [path.read_text("utf-8") for path in (top / "tests").rglob("*.py")]
    lines = {path: len(text.splitlines()) for path, text in files.items()}
    trees = {path: ast.parse(text) for path, text in files.items()}
    longest = max(lines, key=lambda path: lines[path])
    functions = {
        (path, node.name): (node.end_lineno or 0) - node.lineno + 1
        for path, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    (path, name), length = max(functions.items(), key=lambda each: each[1])
    total = sum(lines.values())
    documented = sum(map(docstring_lines, trees.values()))
    commented = sum(map(comment_lines, files.values()))
    return {
        "lines of Python in src": f"{total:,}",
        "files in src": f"{len(files):,}",
        "longest file": f"{longest.stem} {lines[longest]}",
        "longest function": f"{path.stem}.{name} {length}",
        "docstrings": f"{documented:,} ({documented / total:.1%})",
        "comments": f"{commented:,} ({commented / total:.1%})",
        "lines of Python in tests": f"{sum(len(text.splitlines()) for text in tests):,}",
        "tests collected": collected(top) if is_collected else NONE,
        "CPU minutes of the tests": cpu_minutes(junit) if junit else NONE,
        **{f"modules in {folder}": str(count) for folder, count in folders(top / PACKAGE)},
    }


def folders(package: Path) -> Iterator[tuple[str, int]]:
    for folder in sorted({path.parent for path in package.rglob("*.py")}):
        modules = [path for path in folder.glob("*.py") if path.name != "__init__.py"]
        yield folder.relative_to(package.parent).as_posix(), len(modules)


def docstring_lines(tree: ast.Module) -> int:
    """Lines of strings that stand for themselves: docstrings, and what is written below a name."""
    return sum(
        (node.end_lineno or 0) - node.lineno + 1
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    )


def comment_lines(text: str) -> int:
    """Lines that are comments alone."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return sum(token.type == tokenize.COMMENT and token.line.lstrip().startswith("#") for token in tokens)


def collected(top: Path) -> str:
    """How many tests pytest finds."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-n", "0", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=top, capture_output=True, text=True, check=False)
    count = next((line.split()[0] for line in reversed(done.stdout.splitlines()) if " collected" in line), "")
    return f"{int(count):,}" if count.isdecimal() else f"failed (exit code {done.returncode})"


def cpu_minutes(junit: Path) -> str:
    """CPU time where the tests have recorded it (tests/support/tiers.py), the time they took where they have not."""
    cases = [*ET.parse(junit).getroot().iter("testcase")]  # noqa: S314  pytest's own file
    recorded = [float(found.get("value", "0")) for case in cases for found in case.iterfind(".//property[@name='cpu']")]
    if recorded:
        return f"{sum(recorded) / 60:.1f}"
    return f"{sum(float(case.get('time', '0')) for case in cases) / 60:.1f} (wall)"


def unpacked(revision: str, to: Path) -> Path:
    """The tree of a revision."""
    archive = subprocess.run(["git", "archive", revision], cwd=ROOT, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(to, filter="data")
    return to


def table(columns: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    names = list(dict.fromkeys(name for column in columns.values() for name in column))
    rows = [("", *columns), *((name, *(column.get(name, NONE) for column in columns.values())) for name in names)]
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    for first, *cells in rows:
        numbers = (cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True))
        yield "  ".join((first.ljust(widths[0]), *numbers)).rstrip()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", default="", help="revision to compare with")
    parser.add_argument("--junit", type=Path, help="JUnit file of the tests of this tree")
    parser.add_argument("--base-junit", type=Path, help="the same of the base")
    parser.add_argument("--no-tests", action="store_true", help="do not collect the tests, which takes a while")
    options = parser.parse_args()
    columns = {}
    if options.base:
        with tempfile.TemporaryDirectory() as folder:
            base = unpacked(options.base, Path(folder))
            columns[options.base[:12]] = sizes(base, options.base_junit, is_collected=not options.no_tests)
    columns["here"] = sizes(ROOT, options.junit, is_collected=not options.no_tests)
    print("\n".join(table(columns)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
