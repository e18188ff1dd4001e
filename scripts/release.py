"""What a release does to this repository, apart from the services it talks to: so that it can be tried without them.

python scripts/release.py check 1.2.0         is everything said that has to be, before anything is built
python scripts/release.py notes 1.2.0         the changelog's words on it
python scripts/release.py pin REFERENCE       make the action of this tree take this image, by its digest
python scripts/release.py tags 1.2.0          the moving tags that follow it, none backwards
python scripts/release.py checksums DIR       SHA-256 of every file, as `sha256sum --check` reads them
"""

import argparse
import hashlib
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-(rc)\.([1-9]\d*))?")
IMAGE = re.compile(r"[a-z0-9.-]+(?::\d+)?(?:/[a-z0-9._-]+)+@sha256:[0-9a-f]{64}")
PINNED = "launch/image.txt"


class Refused(Exception):
    """Why there is no release, in one line."""


def parsed(version: str) -> tuple[int, int, int, int]:
    """A version to compare by; the release comes after all of its candidates."""
    found = VERSION.fullmatch(version)
    if found is None:
        raise Refused(f"`{version}` is no version: say 1.2.0, or 1.2.0-rc.1 for the canaries")
    return int(found[1]), int(found[2]), int(found[3]), int(found[5]) if found[4] else sys.maxsize


def check(root: Path, version: str) -> None:
    """Nothing, or all that stands against the release at once."""
    if found := list(problems(root, version)):
        raise Refused("; ".join(found))


def problems(root: Path, version: str) -> Iterator[str]:
    """Whatever stands against releasing this tree as `version`."""
    parsed(version)
    source = (root / "src/cicd_agent/__init__.py").read_text("utf-8")
    said = re.search(r'^__version__ = "([^"]+)"$', source, re.MULTILINE)
    base = version.partition("-")[0]
    if said is None or said[1] != base:
        yield f"src/cicd_agent/__init__.py says {said[1] if said else 'nothing'}, not {base}"
    try:
        notes(root, base)
    except Refused as refused:
        yield str(refused)
    if (root / PINNED).exists() and (root / PINNED).read_text("utf-8").strip():
        yield f"{PINNED} names an image: only the release's own commit does"
    if f"v{version}" in git(root, "tag", "--list").split():
        yield f"the tag v{version} is there already: what is released is never changed"
    if git(root, "status", "--porcelain"):
        yield "the working tree has changes that are not committed"


def notes(root: Path, version: str) -> str:
    """What the changelog says of the version."""
    text = (root / "CHANGELOG.md").read_text("utf-8")
    found = re.search(
        rf"^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE
    )
    if found is None or not found[1].strip():
        raise Refused(f"CHANGELOG.md has no `## [{version}] - YYYY-MM-DD` with something in it")
    return found[1].strip() + "\n"


def pin(root: Path, reference: str) -> None:
    """Write down the image that this release runs in."""
    if not IMAGE.fullmatch(reference):
        raise Refused(f"`{reference}` names no image by its digest: registry/name@sha256:…")
    (root / PINNED).write_text(f"{reference}\n", "utf-8")


def tags(root: Path, version: str) -> list[str]:
    """The tags that move to a release: canaries follow every one, the others only what is no candidate.

    A fix of an old line moves that line's tags, and none of a newer one.
    """
    new = parsed(version)
    released = [parsed(tag[1:]) for tag in git(root, "tag", "--list").split() if VERSION.fullmatch(tag[1:])]
    major, minor, *_ = new
    moving = {f"v{major}-canary": [each for each in released if each[0] == major]}
    if new[3] == sys.maxsize:
        stable = [each for each in released if each[3] == sys.maxsize]
        moving[f"v{major}"] = [each for each in stable if each[0] == major]
        moving[f"v{major}.{minor}"] = [each for each in stable if each[:2] == (major, minor)]
    return sorted(tag for tag, before in moving.items() if all(each <= new for each in before))


def checksums(folder: Path) -> str:
    """A line for each regular file of a folder."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.name != "SHA256SUMS")
    return "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files)


def git(root: Path, *arguments: str) -> str:
    """What git says."""
    done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Refused(f"git {arguments[0]}: {done.stderr.strip()}")
    return done.stdout


def main(arguments: Sequence[str], root: Path = ROOT) -> int:
    """Do what is asked; 1 when something stands against it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=("check", "notes", "pin", "tags", "checksums"))
    parser.add_argument("what", metavar="VERSION|REFERENCE|DIR")
    asked = parser.parse_args(arguments)
    try:
        match asked.verb:
            case "check":
                check(root, asked.what)
                print(f"v{asked.what} can be released")
            case "notes":
                print(notes(root, asked.what.partition("-")[0]), end="")
            case "pin":
                pin(root, asked.what)
            case "tags":
                print("\n".join(tags(root, asked.what)))
            case _:
                print(checksums(Path(asked.what)), end="")
    except (Refused, OSError) as refused:
        print(f"release: {refused}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
