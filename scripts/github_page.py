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

WIDTH: Final = 780
"""CSS pixels between the margins of a comment on a pull request, in a window of 1,280."""
_SECONDS: Final = 60
_ALERT: Final = re.compile(r"<blockquote>\s*<p>\[!(CAUTION|WARNING|NOTE)\]\s*(?:<br>)?\s*", re.IGNORECASE)
_SUGGESTION: Final = re.compile(r'<pre><code class="language-suggestion">(.*?)</code></pre>', re.DOTALL)
_STYLE: Final = """
:root { --ink: #1f2328; --faint: #59636e; --ground: #fff; --edge: #d1d9e0; --code: #818b981f; --block: #f6f8fa;
  --link: #0969da; --caution: #cf222e; --warning: #9a6700; --added: #dafbe1 }
.dark { --ink: #f0f6fc; --faint: #9198a1; --ground: #0d1117; --edge: #3d444d; --code: #656c7633; --block: #151b23;
  --link: #4493f8; --caution: #f85149; --warning: #d29922; --added: #12261e }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 14px/1.5 "Noto Sans", "DejaVu Sans", "Noto Color Emoji", sans-serif }
.body { width: WIDTHpx; padding: 16px; border: 1px solid var(--edge); border-radius: 6px; margin: 12px;
  overflow-wrap: break-word }
.body > :last-child { margin-bottom: 0 }
h2, h3 { margin: 0 0 16px; line-height: 1.25 } h2 { font-size: 1.5em } h3 { font-size: 1.25em }
p, ul, pre, table, details, .alert, .suggestion { margin: 0 0 16px } ul { padding-left: 2em }
table { display: block; width: max-content; max-width: 100%; overflow: auto; border-spacing: 0; border-collapse: collapse }
th, td { padding: 6px 13px; border: 1px solid var(--edge); text-align: left }
code { padding: .2em .4em; font: 85%/1.45 "DejaVu Sans Mono", monospace; background: var(--code); border-radius: 6px;
  white-space: break-spaces }
pre { padding: 16px; overflow: auto; background: var(--block); border-radius: 6px } pre code { padding: 0; background: 0;
  white-space: pre }
a { color: var(--link); text-decoration: none } sub { font-size: 75%; line-height: 0; color: var(--faint) }
.alert { padding: 8px 16px; border-left: 4px solid } .alert p { margin: 0; color: var(--ink) }
.alert::before { content: attr(title); font-weight: 500 } .caution { color: var(--caution) }
.warning { color: var(--warning) } .note { color: var(--link) }
.suggestion { border: 1px solid var(--edge); border-radius: 6px } .suggestion::before { content: "Suggested change";
  display: block; padding: 8px 16px; color: var(--faint); border-bottom: 1px solid var(--edge) }
.suggestion pre { margin: 0; background: var(--added) }
""".replace("WIDTH", str(WIDTH))
_MEASURE: Final = r"""
const raw = /\*\*|``|~~|\|\s*-{3}|<\/?(?:details|summary|sub)\b|\[[^\]]*\]\(https?:|^#{1,6} |^\s*[-*] \[/;
const spent = node => { for (let at = node.parentElement; at; at = at.parentElement) if (at.tagName === "PRE") return true };
const look = body => {
  const found = {height: body.scrollHeight, overflow: [], raw: [], ticks: [], tables: 0, first: "", words: 0};
  found.first = (body.firstElementChild || body).tagName.toLowerCase();
  found.tables = [...body.querySelectorAll("table")].filter(each => !each.closest("details")).length;
  found.words = body.innerText.split(/\s+/).length;
  body.querySelectorAll("details").forEach(each => { each.open = true });
  const wide = [body, ...body.querySelectorAll("*:not(pre):not(pre *)")];
  found.overflow = wide.filter(each => each.clientWidth && each.scrollWidth > each.clientWidth + 1)
    .map(each => `${each.tagName.toLowerCase()}: ${each.innerText.slice(0, 80)}`);
  const walk = document.createTreeWalker(body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const node = walk.currentNode, text = node.data;
    if (spent(node)) continue;
    if (text.includes("`")) found.ticks.push(text.trim().slice(0, 120));
    else if (node.parentElement.tagName !== "CODE" && raw.test(text)) found.raw.push(text.trim().slice(0, 120));
  }
  return found;
};
const result = document.createElement("script"); result.type = "application/json"; result.id = "result";
result.textContent = JSON.stringify([...document.querySelectorAll(".body")].map(look)); document.body.append(result);
"""
# HTML comments and the few tags that we write are taken over, as GitHub does; whatever else could be one is escaped before.
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
        ran = subprocess.run(  # noqa: S603
            [program, *flags, "--no-first-run", "--disable-background-networking", *arguments],
            capture_output=True,
            check=True,
            text=True,
            timeout=_SECONDS,
        )
    return ran.stdout
