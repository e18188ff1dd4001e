"""Draws docs/pictures/review.svg: what a terminal shows of a review of the sample pull request, and nothing invented.

python scripts/picture.py           draw it again
python scripts/picture.py --check   exit 1 when it is not what a review shows now
"""

import os
import pty
import re
import sys
import tempfile
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Final

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "src"), str(ROOT)]  # the picture is of this tree, whatever is installed

from scripts.sample_pull_request import BASE, HEAD, build  # noqa: E402  after the path is set

PICTURE: Final = ROOT / "docs/pictures/review.svg"
COLUMNS: Final = 104
MOST_LINES: Final = 50
WIDTH, HEIGHT, MARGIN = 8.43, 18, 16
INK: Final = {"31": "#ff7b72", "32": "#7ee787", "33": "#e3b341", "36": "#79c0ff"}
PLAIN, FAINT, GROUND = "#e6edf3", "#8b949e", "#0d1117"
FONT: Final = "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace"
_CODES = re.compile(r"\x1b\]8;[^\x1b\x07]*(?:\x1b\\|\x07)|\x1b\[([0-9;]*)m|\x1b\[[0-9;?]*[A-Za-z]")


def shown() -> list[str]:
    """The lines of the review on a terminal, with their codes; progress is overwritten there, and so it is here."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "sample"
        build(folder)
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(folder)
            kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
            environ = {**kept, "PYTHONPATH": str(ROOT / "src"), "TERM": "xterm", "COLUMNS": str(COLUMNS), "HOME": place}
            command = ["-m", "cicd_agent", "review", "--base", BASE, "--head", HEAD]
            os.execve(sys.executable, [sys.executable, *command], environ)  # noqa: S606
        told = b"".join(_read(terminal))
        os.waitpid(pid, 0)
    text = told.decode("utf-8", "replace").replace("\r\n", "\n")
    return [line.rpartition("\r")[2].replace("\x1b[K", "").replace("\x1b[2K", "") for line in text.split("\n")]


def _read(terminal: int) -> Iterator[bytes]:
    while True:
        try:
            part = os.read(terminal, 65_536)
        except OSError:  # the other end is closed
            return
        if not part:
            return
        yield part


def pieces(line: str) -> Iterator[tuple[str, str]]:
    """The line's texts, each with its style as attributes of SVG."""
    codes: set[str] = set()
    at = 0
    for found in [*_CODES.finditer(line), None]:
        text = line[at : found.start() if found else len(line)]
        if text:
            yield text, _style(codes)
        if found is None:
            return
        at = found.end()
        if found[1] is not None:
            given = [code for code in found[1].split(";") if code and code != "0"]
            codes = codes | {*given} if given else set()


def _style(codes: set[str]) -> str:
    ink = next((INK[code] for code in sorted(codes) if code in INK), FAINT if "2" in codes else PLAIN)
    return f'fill="{ink}"' + (' font-weight="bold"' if "1" in codes else "")


def drawn(lines: list[str]) -> str:
    """The picture of these lines."""
    height = len(lines) * HEIGHT + 2 * MARGIN
    longest = max(sum(len(text) for text, _ in pieces(line)) for line in lines)
    width = round(longest * WIDTH + 2 * MARGIN)
    rows = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"',
        ' role="img" aria-label="A review of a sample pull request at a terminal">',
        f'<rect width="{width}" height="{height}" rx="8" fill="{GROUND}"/>',
        f'<g font-family="{FONT}" font-size="14" xml:space="preserve">',
    ]
    for number, line in enumerate(lines):
        spans = "".join(f"<tspan {style}>{escape(text)}</tspan>" for text, style in pieces(line))
        if spans:
            rows.append(f'<text x="{MARGIN}" y="{MARGIN + (number + 1) * HEIGHT - 5}">{spans}</text>')
    return "\n".join([*rows, "</g>", "</svg>"]) + "\n"


def picture() -> str:
    """The picture as it would be drawn now: the command as it was given, and what came of it."""
    lines = shown()
    while lines and not lines[-1].strip():
        lines.pop()
    cut = [*lines[:MOST_LINES], "\x1b[2m  …\x1b[0m"] if len(lines) > MOST_LINES else lines
    return drawn([f"\x1b[2m$\x1b[0m \x1b[1mcicd-agent review --base {BASE}\x1b[0m", "", *cut])


def main(arguments: list[str]) -> int:
    """Draw it, or compare."""
    now = picture()
    if "--check" in arguments:
        return 0 if PICTURE.exists() and PICTURE.read_text("utf-8") == now else 1
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    PICTURE.write_text(now, "utf-8")
    print(f"wrote {PICTURE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
