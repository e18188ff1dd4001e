"""People read the docs between two meetings: what is not reference stays short, page by page and in all."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIMITS = {"tutorials": 600, "how-to": 1_700, "explanation": 1_700}
MAX_WORDS, MAX_README = 25_000, 1_200
PAGES = [page for folder in LIMITS for page in sorted((ROOT / "docs" / folder).glob("*.md"))]


def words(page: Path) -> int:
    return len(page.read_text("utf-8").split())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}/{page.stem}")
def test_a_page_is_short(page: Path) -> None:
    assert words(page) <= LIMITS[page.parent.name], "cut it, or move its tables to docs/reference"


def test_all_that_people_read_is_a_small_book() -> None:
    assert words(ROOT / "README.md") <= MAX_README
    assert sum(map(words, [ROOT / "README.md", ROOT / "docs/index.md", *PAGES])) <= MAX_WORDS


def test_every_page_is_in_one_of_the_four_parts() -> None:
    folders = {page.parent.name for page in (ROOT / "docs").rglob("*.md") if page.name != "index.md"}
    assert folders == {*LIMITS, "reference"}
