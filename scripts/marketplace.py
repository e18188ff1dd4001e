"""The tree that GitHub's Marketplace takes: one action.yml at the root, and no workflows.

python scripts/marketplace.py DIR    write it into DIR, which must be empty or not there yet

The Marketplace lists a public repository with its action.yml at the root and without workflow files
(https://docs.github.com/en/actions/how-tos/create-and-publish-actions/publish-in-github-marketplace). This repository
has workflows, so it is published from a second one that holds this tree.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from posixpath import normpath

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts.actions import sub_actions

ROOT = Path(__file__).resolve().parent.parent
TAKEN = ("action.yml", "launch", "src", "pyproject.toml", "requirements.lock", "requirements-fleet.lock", "LICENSE")
_LINK = re.compile(r"(\]\()(?![a-z]+:|#)([^)\s]+\))")
_PATH = re.compile(r"\$GITHUB_ACTION_PATH/([\w./-]+)|^\s*(?:- )?uses:\s*\./([\w./-]+)", re.MULTILINE)


def tree(root: Path = ROOT) -> Iterator[str]:
    """The files that the Marketplace's tree takes over as they are, by their names."""
    wanted = [*TAKEN, *(f"{name}/action.yml" for name in sub_actions())]
    named = subprocess.run(["git", "ls-files", "-z", *wanted], cwd=root, capture_output=True, text=True, check=True)
    yield from filter(None, named.stdout.split("\0"))


def write(target: Path, root: Path = ROOT) -> None:
    """Write the tree. Raises FileExistsError where something lies there already."""
    if target.exists() and any(target.iterdir()):
        raise FileExistsError(f"{target} is not empty. Give a folder that is, or that is not there yet.")
    for name in tree(root):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / name, target / name)
    (target / "README.md").write_text(readme((root / "README.md").read_text("utf-8"), repository(root)), "utf-8")


def repository(root: Path) -> str:
    """The address of the repository that has documents and examples."""
    found = re.search(r"^repo_url: (\S+)$", (root / "mkdocs.yml").read_text("utf-8"), re.MULTILINE)
    if found is None:
        raise ValueError("mkdocs.yml has no `repo_url`")
    return found[1]


def readme(text: str, address: str) -> str:
    """The README with links into the repository that has what it links to."""
    return _LINK.sub(lambda link: f"{link[1]}{address}/blob/main/{link[2]}", text).replace(
        "/blob/main/docs/pictures/", "/raw/main/docs/pictures/"
    )


def missing(target: Path) -> list[str]:
    """What an action of the tree names and the tree does not have, and what the Marketplace refuses."""
    wrong = [f"{name} is not there" for name in ("action.yml", "README.md", "LICENSE") if not (target / name).is_file()]
    wrong += [".github is there"] if (target / ".github").exists() else []
    for action in sorted(target.rglob("action.yml")):
        folder = action.parent.relative_to(target)
        for own, used in _PATH.findall(action.read_text("utf-8")):
            path = normpath(f"{folder}/{own}") if own else normpath(used)
            if path.startswith("..") or not (target / path).exists():
                wrong.append(f"{folder / 'action.yml'} names {path}, which is not there")
    return wrong


def main(arguments: Sequence[str]) -> int:
    """Write the tree and check it."""
    if len(arguments) != 1:
        print(__doc__)
        return 2
    target = Path(arguments[0])
    try:
        write(target)
    except FileExistsError as error:
        print(f"marketplace: {error}")
        return 2
    wrong = missing(target)
    print("\n".join(wrong) or f"wrote {target}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
