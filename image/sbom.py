"""Writes what the image is made of, as CycloneDX 1.6: our program, its locked packages, and those of the system.

Runs after rootfs.py in the same stage: `python image/sbom.py LOCK /rootfs`. Python packages come from what is there,
their hashes from the lock; of the system only packages count from which a file was taken.
"""

import json
import platform
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import distributions
from pathlib import Path
from typing import Any
from urllib.parse import quote

PLACE = "usr/share/sbom/cicd-agent.cdx.json"
_NAME = re.compile(r"[-_.]+")


def locked(text: str) -> dict[str, tuple[str, list[str]]]:
    """Version and hashes of every package of a lock, by its normalised name."""
    found: dict[str, tuple[str, list[str]]] = {}
    name = ""
    for line in text.splitlines():
        if start := re.match(r"([A-Za-z0-9._-]+)==([^\s;\\]+)", line):
            name = normalised(start[1])
            found[name] = start[2], []
        elif name and (digest := re.search(r"--hash=sha256:([0-9a-f]{64})", line)):
            found[name][1].append(digest[1])
    return found


def normalised(name: str) -> str:
    """As PyPI compares names (PEP 503)."""
    return _NAME.sub("-", name).lower()


def python_packages(
    lock: Mapping[str, tuple[str, list[str]]], installed: Mapping[str, str]
) -> Iterator[dict[str, Any]]:
    """A component for each installed package; what is not locked has no business there."""
    for name, version in sorted(installed.items()):
        if lock.get(name, ("", []))[0] != version:
            raise SystemExit(f"sbom: {name} {version} is installed and not what the lock names")
        purl = f"pkg:pypi/{name}@{quote(version)}"
        yield {
            "type": "library",
            "bom-ref": purl,
            "name": name,
            "version": version,
            "purl": purl,
            # One of these is the wheel that was installed here; the others are those of other platforms.
            "properties": [{"name": "cicd-agent:locked-sha256", "value": each} for each in lock[name][1]],
        }


def system_packages(root: Path) -> Iterator[dict[str, Any]]:
    """A component for each Debian package that owns a file of the tree."""
    paths = [f"/{path.relative_to(root)}" for path in root.rglob("*") if path.is_file() and not path.is_symlink()]
    outside = [path for path in paths if not path.startswith(("/opt/", "/usr/local/"))]
    # The database names files as they were before /lib became a link to /usr/lib.
    asked = [name for path in outside for name in (path, path.removeprefix("/usr"))]
    told = subprocess.run(["dpkg", "-S", *asked], check=False, capture_output=True, text=True).stdout
    names = sorted({line.split(": ")[0] for line in told.splitlines() if ": /" in line and "diversion" not in line})
    fields = "${Package}\t${Version}\t${Architecture}\n"
    rows = subprocess.run(["dpkg-query", "-W", "-f", fields, *names], check=True, capture_output=True, text=True).stdout
    for row in rows.splitlines():
        name, version, architecture = row.split("\t")
        purl = f"pkg:deb/debian/{name}@{quote(version)}?arch={architecture}"
        yield {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}


def interpreter() -> dict[str, Any]:
    """Python itself, which a base may bring without a package."""
    version = platform.python_version()
    purl = f"pkg:generic/python@{version}"
    return {"type": "platform", "bom-ref": purl, "name": "python", "version": version, "purl": purl}


def document(version: str, components: list[dict[str, Any]]) -> dict[str, Any]:
    """The bill of materials. Without a time and a serial number: the same image has the same one."""
    ours = f"pkg:pypi/cicd-agent@{version}"
    subject = {
        "type": "application",
        "bom-ref": ours,
        "name": "cicd-agent",
        "version": version,
        "purl": ours,
        "licenses": [{"license": {"id": "Apache-2.0"}}],
    }
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": subject},
        "components": components,
        "dependencies": [{"ref": ours, "dependsOn": [each["bom-ref"] for each in components]}],
    }


def main(lock: Path, root: Path) -> None:
    """Write it into the tree."""
    installed = {normalised(each.metadata["Name"]): each.version for each in distributions()}
    installed = {name: version for name, version in installed.items() if name not in {"pip", "setuptools"}}
    from cicd_agent import __version__  # noqa: PLC0415  installed beside this program, in the image only

    components = [interpreter(), *python_packages(locked(lock.read_text("utf-8")), installed), *system_packages(root)]
    target = root / PLACE
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(document(__version__, components), indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
