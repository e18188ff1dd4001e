"""Every body that a scenario publishes, as GitHub shows it: laid out by headless Chromium and judged by its DOM."""

import re
from functools import cache
from pathlib import Path

import pytest

from scripts.github_page import Looks, chromium, measure
from tests.test_scenarios import SEPARATOR

ROOT = Path(__file__).parent.parent.parent
NAMES = {"<head>": "4a369f9", "<base>": "9f8e7d6", "<hash>": "0" * 16, "<python>": "3.13.1", "<sandbox>": "namespaces"}
MAX_HEIGHT, MAX_SUMMARY_HEIGHT = 900, 1_400
"""Pixels: a comment is seen in one window, a step summary in two."""
MAX_WORDS = 320
pytestmark = [pytest.mark.slow, pytest.mark.skipif(chromium() is None, reason="no Chromium: apt-get install chromium")]


def bodies() -> dict[str, str]:
    """By scenario, file and number."""
    found: dict[str, str] = {}
    for path in sorted((ROOT / "tests/scenarios").glob("*/*/expected/*.md")):
        text = path.read_text("utf-8")
        for name, value in NAMES.items():
            text = text.replace(name, value)
        text = re.sub(r"<(seconds|dir|api|case)>", r"\1", text)
        for number, body in enumerate(text.split(SEPARATOR)):
            found[f"{path.parent.parent.parent.name}/{path.parent.parent.name}/{path.stem}/{number}"] = body
    return found


BODIES = bodies()


@cache
def looks() -> dict[str, Looks]:
    return dict(zip(BODIES, measure([*BODIES.values()]), strict=True))


@pytest.mark.parametrize("name", BODIES)
def test_a_body_is_read_at_a_glance(name: str) -> None:
    found = looks()[name]
    is_summary = "/summary/" in name
    assert (found.overflow, found.raw, found.ticks) == ([], [], [])
    assert found.height <= (MAX_SUMMARY_HEIGHT if is_summary else MAX_HEIGHT)
    assert found.words <= MAX_WORDS
    if re.search(r"^#{1,3} ", BODIES[name], re.MULTILINE):
        assert found.first in {"h2", "h3"}, "the verdict comes first"
    assert found.tables <= (2 if is_summary else 1)


def test_what_is_wrong_with_a_body_is_seen() -> None:
    long = "a" * 300
    bodies = [f"| x |\n| --- |\n| `{long}` |\n", "\\*\\*bold\\*\\* and &lt;details&gt;\n", "`` `x` ``\n"]
    wide, raw, ticks, fine = measure([*bodies, "`x`\n\n```\n**a** `b`\n```\n"])
    assert any(each.startswith("table") for each in wide.overflow)
    assert (len(raw.raw), len(ticks.ticks)) == (1, 1)
    assert (fine.overflow, fine.raw, fine.ticks) == ([], [], [])
