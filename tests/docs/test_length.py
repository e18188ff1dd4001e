"""What people read from beginning to end stays short: a page fits between two meetings."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MOST: dict[str, int] = {"docs/tutorials": 1_200, "docs/how-to": 1_800, "docs/explanation": 1_800}
OWN = {"README.md": 1_000, "CONTRIBUTING.md": 2_000, "SECURITY.md": 2_000, "docs/index.md": 300}
TOGETHER = 25_000
PAGES = {page: most for folder, most in MOST.items() for page in sorted((ROOT / folder).glob("*.md"))} | {
    ROOT / name: most for name, most in OWN.items()
}


def words(page: Path) -> int:
    return len(page.read_text("utf-8").split())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.relative_to(ROOT)}")
def test_a_page_is_no_longer_than_its_kind_may_be(page: Path) -> None:
    assert words(page) <= PAGES[page]


def test_all_of_them_together_can_be_read_in_an_afternoon() -> None:
    assert len(PAGES) >= 20
    assert sum(map(words, PAGES)) <= TOGETHER


def test_every_page_belongs_to_a_part() -> None:
    inside = {page.parent.name for page in (ROOT / "docs").rglob("*.md")}
    assert inside == {"docs", "tutorials", "how-to", "reference", "explanation"}
