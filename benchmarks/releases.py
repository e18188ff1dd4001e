"""Histories of published packages: source releases from the package index, committed one after the other."""

import hashlib
import io
import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urljoin

import requests

_STABLE = re.compile(r"\d+(?:\.\d+)*")
_LARGEST = 2_000_000


@dataclass(frozen=True, slots=True)
class Release:
    """One source archive of the index."""

    version: str
    url: str
    sha256: str
    uploaded: str


def releases(package: str, count: int, index: str) -> tuple[Release, ...]:
    """The newest `count` stable source releases, oldest first."""
    url = f"{index.rstrip('/')}/{package}/"
    answer = requests.get(
        url, headers={"Accept": "application/vnd.pypi.simple.v1+json"}, timeout=60, verify=_authorities()
    )
    answer.raise_for_status()
    listed: list[Mapping[str, Any]] = answer.json()["files"]
    archives = {
        found[1]: Release(found[1], urljoin(url, file["url"]), file["hashes"]["sha256"], file.get("upload-time", ""))
        for file in listed
        if (found := re.fullmatch(rf"(?i){re.escape(package)}-([\d.]+)\.tar\.gz", file["filename"]))
        and _STABLE.fullmatch(found[1])
        and not file.get("yanked")
    }
    ordered = sorted(archives.values(), key=lambda release: tuple(map(int, release.version.split("."))))
    return tuple(ordered[-count:])


def index_url() -> str:
    """The index that pip is configured to use on this machine, as `pip download --help` tells it."""
    told = subprocess.run(
        [sys.executable, "-m", "pip", "download", "--help"], capture_output=True, text=True, check=True
    )
    found = re.search(r"--index-url <url>.*?\(default\s+(\S+?)\)", told.stdout, re.DOTALL)
    if found is None:
        raise SystemExit("pip does not tell its index; name one with --index URL")
    return found[1]


def history(package: str, wanted: Sequence[Release], cache: Path) -> tuple[Path, tuple[tuple[str, str], ...]]:
    """A git repository with one commit for each release, and (version, commit) in their order."""
    repo = cache / "history" / package
    if not repo.exists():
        repo.mkdir(parents=True)
        _git(repo, "init", "--quiet", "--initial-branch=main")
    known = dict(
        row.split(" ", 1)[::-1] for row in _git(repo, "log", "--all", "--format=%H %s", check=False).splitlines()
    )
    if list(known)[::-1] != [release.version for release in wanted]:
        _git(repo, "update-ref", "-d", "refs/heads/main", check=False)
        stream = b"".join(_commit(release, cache / "sdists" / package) for release in wanted)
        subprocess.run(["git", "fast-import", "--quiet", "--force"], cwd=repo, input=stream, check=True)
        known = dict(row.split(" ", 1)[::-1] for row in _git(repo, "log", "main", "--format=%H %s").splitlines())
    return repo, tuple((release.version, known[release.version]) for release in wanted)


def _commit(release: Release, folder: Path) -> bytes:
    """One commit in git's fast-import format that replaces the whole tree by the archive's text files."""
    parts = [
        f"commit refs/heads/main\ncommitter release <release@example.invalid> 0 +0000\n"
        f"data {len(release.version)}\n{release.version}\ndeleteall\n".encode()
    ]
    for path, content in _files(archive(release, folder)):
        parts.append(f'M 100644 inline "{path}"\ndata {len(content)}\n'.encode() + content + b"\n")
    return b"".join(parts)


def archive(release: Release, folder: Path) -> bytes:
    path = folder / f"{release.version}.tar.gz"
    if not path.exists():
        answer = requests.get(release.url, timeout=120, verify=_authorities())
        answer.raise_for_status()
        folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(answer.content)
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != release.sha256:
        raise SystemExit(f"{path} is not what the index promises; delete it and try again")
    return content


def _files(archive: bytes) -> list[tuple[str, bytes]]:
    """Path below the archive's top folder and content of each regular file; what packaging made is left out."""
    found: list[tuple[str, bytes]] = []
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar:
            path = PurePosixPath(member.name)
            plain = "/".join(path.parts[1:])
            if not member.isfile() or member.size > _LARGEST or not plain or '"' in plain or not plain.isprintable():
                continue
            if path.name == "PKG-INFO" or any(part.endswith(".egg-info") for part in path.parts):
                continue
            stream = tar.extractfile(member)
            if stream is not None:
                found.append((plain, stream.read()))
    return found


def _git(repo: Path, *args: str, check: bool = True) -> str:
    env = {"PATH": os.environ["PATH"], "HOME": str(repo), "GIT_CONFIG_NOSYSTEM": "1"}
    return subprocess.run(["git", *args], cwd=repo, env=env, capture_output=True, text=True, check=check).stdout


def _authorities() -> str | bool:
    return os.environ.get("PIP_CERT") or True
