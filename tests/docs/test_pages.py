"""What the written pages claim of the source: messages that they quote are there, and tests that they name exist."""

import re
from pathlib import Path

import pytest

from cicd_agent.domain.modes import MODES

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def told() -> str:
    """Everything that the program and its launcher can say, on one line, without what only joins parts of a text."""
    texts = [path.read_text("utf-8") for path in (ROOT / "src").rglob("*.py")]
    texts += [path.read_text("utf-8") for path in (ROOT / "launch").iterdir() if path.is_file()]
    joined = re.sub(r'"\s*\n\s*f?"', "", "\n".join(texts))
    return re.sub(r"\s+", " ", joined)


def test_every_message_that_is_quoted_is_said_somewhere() -> None:
    page = (DOCS / "how-to/troubleshooting.md").read_text("utf-8")
    quoted = [double or single for double, single in re.findall(r"^\| (?:``(.+?)``|`(.+?)`) \|", page, re.MULTILINE)]
    assert len(quoted) >= 25
    said = told()
    assert [message for message in quoted if message not in said] == []
    assert "a message that nobody says" not in said


@pytest.mark.parametrize(
    ("page", "begin", "least"),
    [
        ("explanation/security-model.md", "# Security model", 15),
        ("reference/attacks.md", "## What takes a world of its own", 13),
    ],
)
def test_every_test_that_a_table_of_threats_names_exists(page: str, begin: str, least: int) -> None:
    part = (DOCS / page).read_text("utf-8").partition(begin)[2].partition("\n## ")[0]
    rows = [
        line for line in part.splitlines() if line.startswith("| ") and "shown by" not in line and "Made by" not in line
    ]
    assert len(rows) >= least
    for row in rows:
        named = re.findall(r"`(tests/[\w/.]+)`", row.rpartition(" | ")[2])
        assert named, row
        assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_pages_name_scripts_that_exist() -> None:
    pages = [ROOT / "README.md", *DOCS.rglob("*.md")]
    named = {name for page in pages for name in re.findall(r"benchmarks/(\w+\.py)", page.read_text("utf-8"))}
    guide = (DOCS / "how-to/cost-control.md").read_text("utf-8")
    named |= set(re.findall(r"`(\w+\.py)`", guide)) | set(
        re.findall(r"`(\w+\.py)` \|", (ROOT / "README.md").read_text())
    )
    assert [name for name in named if not (ROOT / "benchmarks" / name).is_file()] == []


ORDER = (
    "Quick start",
    "When it runs",
    "How it decides",
    "Permissions",
    "Inputs",
    "Outputs",
    "When something fails",
    "Recipes",
)


@pytest.mark.parametrize("mode", [*MODES])
def test_the_pages_of_modes_are_laid_out_alike(mode: str) -> None:
    """Whoever knows one finds everything in the others, and sees how each decides in a picture."""
    text = (DOCS / "reference" / f"{mode}.md").read_text("utf-8")
    bare = re.sub(r"^(`{3,}).*?^\1$", "", text, flags=re.DOTALL | re.MULTILINE)
    titles = re.findall(r"^## (.+)$", bare, re.MULTILINE)
    assert tuple(title for title in titles if title in ORDER) == ORDER
    assert {*titles[titles.index("Permissions") :]} <= {*ORDER, "Limits", "Measured"}
    how = text.partition("\n## How it decides\n")[2]
    assert how.lstrip().startswith("```mermaid\nflowchart LR\n")
    assert f"org/cicd-agent/{mode}@v1" in text.partition("\n## When it runs\n")[0]
