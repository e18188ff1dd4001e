"""Prints, as JSON, all our workflows, actions and the parts of them in documents, for the language service."""

import json
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]

from scripts.blocks import all_blocks  # noqa: E402  after the path is set
from scripts.fragments import whole  # noqa: E402

_FILES: Final = ("action.yml", "*/action.yml", ".github/workflows/*.yml", "examples/workflows/*.yml")


def documents(root: Path) -> list[dict[str, object]]:
    """Each with its name, its text, and for a part of a page the line of the page for each line of the text."""
    files = [path for pattern in _FILES for path in sorted(root.glob(pattern))]
    parts = [made for block in all_blocks(root) if block.language in {"yaml", "yml"} and (made := whole(block))]
    found: list[dict[str, object]] = []
    found += ({"name": f"{path.relative_to(root)}", "text": path.read_text("utf-8")} for path in files)
    found += ({"name": part.page, "text": part.text, "lines": part.lines} for part in parts)
    return found


if __name__ == "__main__":
    print(json.dumps(documents(ROOT)))
