"""Photographs what people see on GitHub, for the docs: bodies of the scenarios, light and dark. Needs Chromium.

python scripts/pictures.py     write docs/pictures/*.png again

The pictures show what the scenarios publish, which tests compare to the letter. They are never compared themselves:
each machine has other fonts.
"""

import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]

from scripts.github_page import photograph  # noqa: E402  after the path is set
from tests.rendering.test_published_bodies import BODIES  # noqa: E402

PICTURES: Final = ROOT / "docs/pictures"
MAX_BYTES: Final = 1_000_000
"""Of all pictures together."""
SHOWN: Final = {
    "pull-request-comment": "review/model-findings/posted/0",
    "inline-comment": "review/suggestion/posted/2",
    "failure": "analyse-failure/many-tests/summary/0",
    "approval-request": "deploy-gate/needs-approval/posted/0",
    "generated-tests": "gen-tests/model-writes/posted/0",
    "step-summary": "route/migration/summary/0",
}


def main() -> int:
    """Write them, and say how large they are."""
    PICTURES.mkdir(exist_ok=True)
    bodies = {
        PICTURES / f"{name}-{'dark' if dark else 'light'}.png": (BODIES[body], dark)
        for name, body in SHOWN.items()
        for dark in (False, True)
    }
    photograph(bodies)
    size = sum(path.stat().st_size for path in bodies)
    print(f"wrote {len(bodies)} pictures, {size:,} bytes together")
    return int(size > MAX_BYTES)


if __name__ == "__main__":
    sys.exit(main())
