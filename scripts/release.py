"""What a release does to this repository, apart from the services it talks to: so that it can be tried without them.

python scripts/release.py check 1.2.0         is everything said that has to be, before anything is built
python scripts/release.py base                resolve what the image is built on, and write it into the Dockerfile
python scripts/release.py base REFERENCE SNAPSHOT    write what it was built on, if the registry still says the same
python scripts/release.py rehearse REFERENCE  make the release's tree, and see that `runtime: auto` takes this image
python scripts/release.py notes 1.2.0         the changelog's words on it
python scripts/release.py pin REFERENCE       make the action of this tree take this image, by its digest
python scripts/release.py complete            does this tree name all that a release has to
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

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts.image_base import DOCKERFILE, SNAPSHOTS, Base, NotResolved, resolve, verify
from scripts.rehearsal import NotTaken, rehearse

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
    try:
        if Base.read(root) != Base(Base.read(root).name):
            yield f"{DOCKERFILE} names a digest or a state of the archive: only the release's own commit does"
    except NotResolved as refused:
        yield str(refused)
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


def complete(root: Path) -> None:
    """Nothing, or what the tree of a release lacks: who built the image on what is never left open."""
    base = Base.read(root)
    if not base.is_resolved:
        raise Refused(
            f"{DOCKERFILE} names {base.reference} and no state of the archive, or no digest: resolve the base"
        )
    image = (root / PINNED).read_text("utf-8").strip()
    if not IMAGE.fullmatch(image):
        raise Refused(f"{PINNED} names no image by its digest")


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


def rehearsed(root: Path, reference: str) -> str:
    """Make the tree of the release, and see that its launcher takes the image."""
    base = Base.read(root)

    def finish(tree: Path) -> None:
        base.write(tree)
        pin(tree, reference)
        complete(tree)

    return rehearse(root, reference, finish)


def base(root: Path, given: Sequence[str], snapshots: str) -> str:
    """Write into the Dockerfile what the image is built on, as the services name it; the same as lines of outputs."""
    named = Base.read(root)
    if given:
        name, _, digest = given[0].partition("@")
        known = Base(name, digest, given[1])
        if name != named.name:
            raise Refused(f"{DOCKERFILE} builds on {named.name}, not on {name[:200]}")
        verify(known, snapshots)
    else:
        known = resolve(named.name, snapshots)
    known.write(root)
    return f"base={known.reference}\nsnapshot={known.snapshot}"


ARGUMENTS = {"base": (0, 2), "complete": (0,)}
"""How many each takes, where that is not one."""


def main(arguments: Sequence[str], root: Path = ROOT) -> int:
    """Do what is asked; 1 when something stands against it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = ("check", "base", "rehearse", "notes", "pin", "complete", "tags", "checksums")
    parser.add_argument("verb", choices=verbs)
    parser.add_argument("what", metavar="VERSION|REFERENCE|SNAPSHOT|DIR", nargs="*")
    parser.add_argument("--snapshots", default=SNAPSHOTS, help="the service that keeps Debian's archive as it was")
    options = parser.parse_args(arguments)
    if len(options.what) not in ARGUMENTS.get(options.verb, (1,)):
        parser.error(f"{options.verb} takes another number of arguments")
    try:
        if output := run(root, options.verb, options.what, options.snapshots):
            print(output)
    except (Refused, NotResolved, NotTaken, OSError, subprocess.SubprocessError) as refused:
        print(f"release: {refused}", file=sys.stderr)
        return 1
    return 0


def run(root: Path, verb: str, what: Sequence[str], snapshots: str) -> str:
    """Do one thing; what is to be printed of it."""
    output = ""
    match verb:
        case "check":
            check(root, what[0])
            output = f"v{what[0]} can be released"
        case "base":
            output = base(root, what, snapshots)
        case "rehearse":
            output = rehearsed(root, what[0])
        case "notes":
            output = notes(root, what[0].partition("-")[0])
        case "pin":
            pin(root, what[0])
        case "complete":
            complete(root)
        case "tags":
            output = "\n".join(tags(root, what[0]))
        case _:
            output = checksums(Path(what[0]))
    return output.rstrip("\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
