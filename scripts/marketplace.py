"""Makes the tree of the repository that GitHub's Marketplace lists: `python scripts/marketplace.py DIR`.

The Marketplace takes a repository with one action.yml at its root and without workflows, see
https://docs.github.com/en/actions/how-tos/create-and-publish-actions/publish-in-github-marketplace. The actions of modes
stay in their folders, which it does not list. Links of the README that leave the tree lead to the main repository.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
if __name__ == "__main__":
    sys.path[:0] = [str(ROOT / "src"), str(ROOT)]

from scripts.actions import sub_actions  # noqa: E402  after the path is set

MAIN: Final = "https://github.com/org/cicd-agent/blob/main/"
SHIPPED: Final = (
    *("action.yml", "README.md", "LICENSE", "SECURITY.md", "CHANGELOG.md", "pyproject.toml", "docs/pictures"),
    *("requirements.lock", "requirements-fleet.lock", "launch", "src"),
)
_LINK: Final = re.compile(r"(\]\()(?!https?:|#)([^)\s]+)(\))")


def make(target: Path) -> None:
    """Write the tracked files that an action needs. Raises SystemExit where something is there already."""
    if target.exists() and any(target.iterdir()):
        raise SystemExit(f"{target} is not empty: name a directory that is new")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", *SHIPPED, *sub_actions()], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        place = target / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, place)
    readme = target / "README.md"
    readme.write_text(_LINK.sub(lambda found: _outward(found, target), readme.read_text("utf-8")), "utf-8")


def _outward(found: re.Match[str], target: Path) -> str:
    path = found[2].partition("#")[0]
    return found[0] if (target / path).exists() else f"{found[1]}{MAIN}{found[2]}{found[3]}"


def main(arguments: Sequence[str]) -> int:
    if len(arguments) != 1:
        raise SystemExit("usage: python scripts/marketplace.py DIR")
    make(Path(arguments[0]))
    print(f"wrote {arguments[0]}: push it as a repository of its own, and draft its release from there")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
