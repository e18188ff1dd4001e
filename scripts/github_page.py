"""Published Markdown as GitHub shows it: rendered by a GFM reader, laid out and photographed by headless Chromium.

The styles are the few of GitHub's that decide what fits: widths, fonts, tables that take the width they need.
"""

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Final

from markdown_it import MarkdownIt

_HERE: Final = Path(__file__)
WIDTH: Final = 780
"""CSS pixels between the margins of a comment on a pull request, as in the style sheet."""
_SECONDS: Final = 60
_ALERT: Final = re.compile(r"<blockquote>\s*<p>\[!(CAUTION|WARNING|NOTE)\]\s*(?:<br>)?\s*", re.IGNORECASE)
_SUGGESTION: Final = re.compile(r'<pre><code class="language-suggestion">(.*?)</code></pre>', re.DOTALL)
_STYLE: Final = _HERE.with_suffix(".css").read_text("utf-8")
_MEASURE: Final = _HERE.with_suffix(".js").read_text("utf-8")
# The few tags that we write are taken over, as GitHub does; whatever else could be one was escaped before.
_READER: Final = MarkdownIt("gfm-like", {"html": True})


@dataclass(frozen=True, slots=True)
class Looks:
    """How a body looks with everything folded that is folded: pixels, visible tables, and words.

    `overflow` are elements wider than their place, `raw` texts that show markup, `ticks` texts with backticks outside a
    block of code: all of them with everything unfolded.
    """

    height: int
    first: str
    tables: int
    words: int
    overflow: Sequence[str]
    raw: Sequence[str]
    ticks: Sequence[str]


def chromium() -> str | None:
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def html(markdown: str) -> str:
    made = _ALERT.sub(lambda found: f'<blockquote class="alert {found[1].lower()}" title="{found[1].title()}"><p>',
                      _READER.render(markdown))  # fmt: skip
    return _SUGGESTION.sub(r'<div class="suggestion"><pre><code>\1</code></pre></div>', made)


def measure(bodies: Sequence[str]) -> list[Looks]:
    """One start of the browser for all of them. Raises RuntimeError where it shows nothing."""
    parts = [f'<div class="body">{html(body)}</div>' for body in bodies]
    with tempfile.TemporaryDirectory() as place:
        page = _page(Path(place), parts, script=_MEASURE)
        shown = _browse("--dump-dom", f"--window-size={WIDTH + 60},2000", page.as_uri())
    found = re.search(r'<script type="application/json" id="result">(.*?)</script>', shown, re.DOTALL)
    if found is None:
        raise RuntimeError(f"{chromium()} did not finish the page")
    return [Looks(**each) for each in json.loads(unescape(found[1]))]


def photograph(pictures: Mapping[Path, tuple[str, bool]]) -> None:
    """Write each picture: of a body, dark or light, as high as it is."""
    heights = [looks.height for looks in measure([body for body, _ in pictures.values()])]
    for (path, (body, dark)), height in zip(pictures.items(), heights, strict=True):
        with tempfile.TemporaryDirectory() as place:
            page = _page(Path(place), [f'<div class="body">{html(body)}</div>'], dark=dark)
            size = f"--window-size={WIDTH + 58},{height + 26}"
            _browse(f"--screenshot={path.resolve()}", "--hide-scrollbars", size, page.as_uri())


def _page(place: Path, bodies: Sequence[str], *, script: str = "", dark: bool = False) -> Path:
    page = place / "page.html"
    page.write_text(
        f'<!doctype html><meta charset="utf-8"><style>{_STYLE}</style><html class="{"dark" if dark else "light"}">'
        f"<body>{''.join(bodies)}<script>{script}</script></body></html>",
        "utf-8",
    )
    return page


def _browse(*arguments: str) -> str:
    program = chromium()
    if program is None:
        raise RuntimeError("no Chromium is installed: apt-get install chromium")
    with tempfile.TemporaryDirectory() as profile:
        # Root has no sandbox of Chromium's; the page is our own and the network is not used.
        flags = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", f"--user-data-dir={profile}")
        ran = subprocess.run(
            [program, *flags, "--no-first-run", "--disable-background-networking", *arguments],
            capture_output=True,
            check=True,
            text=True,
            timeout=_SECONDS,
        )
    return ran.stdout
