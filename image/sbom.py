"""Writes what the image consists of, as CycloneDX: the agent, its packages by their locked hashes, and Debian's own."""

import argparse
import json
import platform
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any
from urllib.parse import quote

PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)")
HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
VERSION = re.compile(r'__version__ = "([^"]+)"')


@dataclass(frozen=True)
class Locked:
    """One package of a lock file: the hashes are those of the files that may be installed."""

    name: str
    version: str
    hashes: tuple[str, ...]


@dataclass(frozen=True)
class Package:
    """One package of the base."""

    name: str
    version: str
    architecture: str
    source: str


def normal(name: str) -> str:
    """A distribution's name as the index spells it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def locked(text: str) -> dict[str, Locked]:
    """The packages of a lock file by their names."""
    found: dict[str, Locked] = {}
    for block in re.split(r"\n(?=\S)", text):
        if pinned := PINNED.match(block):
            name = normal(pinned[1])
            found[name] = Locked(name, pinned[2], tuple(HASH.findall(block)))
    return found


def packages(status: str) -> dict[str, Package]:
    """Dpkg's packages by name, also by name and architecture as its lists of files are called."""
    found: dict[str, Package] = {}
    for block in status.split("\n\n"):
        fields: dict[str, str] = dict(re.findall(r"^([A-Za-z-]+): (.*)$", block, re.MULTILINE))
        if {"Package", "Version", "Architecture"} <= fields.keys():
            name, kind = fields["Package"], fields["Architecture"]
            source = fields.get("Source", name).split(" ")[0]
            found[name] = found[f"{name}:{kind}"] = Package(name, fields["Version"], kind, source)
    return found


def owners(sources: Iterable[str], dpkg: Path) -> tuple[list[Package], list[str]]:
    """The packages that own the copied files, and the files that belong to none."""
    known = packages((dpkg / "status").read_text("utf-8"))
    owner: dict[Path, Package] = {}
    for listing in sorted((dpkg / "info").glob("*.list")):
        if package := known.get(listing.stem):
            for line in listing.read_text("utf-8").splitlines():
                # Lists still say /lib where that is a link to /usr/lib.
                path = Path(line)
                owner[path.parent.resolve() / path.name] = package
    owned = {owner[path] for path in map(Path, sources) if path in owner}
    orphans = [source for source in sources if Path(source) not in owner]
    return sorted(owned, key=lambda package: package.name), orphans


def library(distribution: Distribution, lock: Mapping[str, Locked]) -> dict[str, Any]:
    """The component of an installed distribution. CycloneDX has one hash a component: the lock allows several files."""
    name, version = normal(distribution.metadata["Name"]), distribution.version
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": f"pkg:pypi/{name}@{version}",
        "name": name,
        "version": version,
        "purl": f"pkg:pypi/{name}@{version}",
        "scope": "required",
    }
    if (pinned := lock.get(name)) and pinned.version == version:
        component["properties"] = [{"name": "cicd-agent:locked-sha256", "value": each} for each in pinned.hashes]
    return component


def system(package: Package) -> dict[str, Any]:
    """The component of a package of the base."""
    version = quote(package.version, safe=".~-+")
    purl = f"pkg:deb/debian/{quote(package.name)}@{version}?arch={package.architecture}"
    return {
        "type": "library",
        "bom-ref": purl,
        "name": package.name,
        "version": package.version,
        "purl": purl,
        "properties": [{"name": "cicd-agent:debian-source", "value": package.source}],
    }


def interpreter(orphans: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Python itself, where the base has built it and dpkg knows nothing of it."""
    if any("/libpython3" in path or re.search(r"/bin/python3[0-9.]*$", path) for path in orphans):
        purl = f"pkg:generic/python@{platform.python_version()}"
        yield {
            "type": "platform",
            "bom-ref": purl,
            "name": "python",
            "version": platform.python_version(),
            "purl": purl,
        }


def bill(
    version: str, installed: Iterable[Distribution], lock: Mapping[str, Locked], base: tuple[list[Package], list[str]]
) -> dict[str, Any]:
    """The whole document; the same for the same image, so it says no time."""
    owned, orphans = base
    us = f"pkg:pypi/cicd-agent@{version}"
    parts = [
        *sorted((library(each, lock) for each in installed), key=lambda part: str(part["name"])),
        *interpreter(orphans),
        *map(system, owned),
    ]
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": us,
                "name": "cicd-agent",
                "version": version,
                "purl": us,
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            }
        },
        "components": parts,
        "dependencies": [{"ref": us, "dependsOn": [str(part["bom-ref"]) for part in parts]}],
    }


def main(arguments: argparse.Namespace) -> None:
    """Write the document of a file system that `rootfs.py` has made."""
    home = arguments.root / "opt/cicd-agent"
    [site] = home.glob("lib/python3.*/site-packages")
    version = VERSION.search((home / "src/cicd_agent/__init__.py").read_text("utf-8"))
    assert version, "the agent names its version"  # noqa: S101
    sources = arguments.root.with_name(f"{arguments.root.name}.sources").read_text("utf-8").splitlines()
    document = bill(
        version[1],
        distributions(path=[str(site)]),
        locked(arguments.lock.read_text("utf-8")),
        owners([source for source in sources if not source.startswith("/opt/cicd-agent/")], arguments.dpkg),
    )
    arguments.to.parent.mkdir(parents=True, exist_ok=True)
    arguments.to.write_text(f"{json.dumps(document, indent=1)}\n", "utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("--lock", type=Path, required=True)
    parser.add_argument("--to", type=Path, required=True)
    parser.add_argument("--dpkg", type=Path, default=Path("/var/lib/dpkg"))
    main(parser.parse_args())
