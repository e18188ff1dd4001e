"""Pull requests made of two releases of a published package each: what changed in the world, of four sizes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import requests

from benchmarks.releases import Release, history, index_url, releases
from cicd_agent.domain.repository.diff import FileDiff, LineKind
from cicd_agent.domain.repository.diff_parser import parse_diff
from cicd_agent.domain.repository.paths import PathKind, kinds
from scripts.sample_pull_request import git

PINNED: Mapping[str, Mapping[str, str]] = {
    "httpx": {
        "0.27.1": "ce9d45798d6d047b7db67d7949e371f2b453105a53d8df315564b2483d346878",
        "0.27.2": "f7c2be1d2f3c3c3160d441802406b206c2b76f5947b11115e6df10c6c65e66c2",
    },
    "werkzeug": {
        "3.1.2": "f471a4cd167233077e9d2a8190c3471c5bc520c636a9e3c1e9300c33bced03bc",
        "3.1.3": "60723ce945c19328679790e3282cc758aa4a6040e4bb330f53d30fa546d44746",
    },
    "celery": {
        "5.6.0": "641405206042d52ae460e4e9751a2e31b06cf80ab836fcf92e0b9311d7ea8113",
        "5.6.1": "bdc9e02b1480dd137f2df392358c3e94bb623d4f47ae1bc0a7dc5821c90089c7",
        "5.6.3": "177006bd2054b882e9f01be59abd8529e88879ef50d7918a7050c5a9f4e12912",
        "5.7.0": "6a5dfcf6662287204f009a02002b9e66c83d4105e47ebabdc7079108772fc6f0",
    },
}
"""Versions, oldest first, and the SHA-256 of their source archives."""

SHORTEST_LINE = 12
"""Characters from which on a line is looked for in prompts: shorter ones stand everywhere."""
_NOT_PRODUCTION = {PathKind.TEST, PathKind.EXAMPLE, PathKind.DOCS, PathKind.GENERATED, PathKind.VENDORED}


@dataclass(frozen=True, slots=True)
class Sample:
    """A pull request that leads from one release to another; `size` is what the goals call it."""

    size: str
    package: str
    before: str
    after: str

    @property
    def title(self) -> str:
        """As its author would call it."""
        return f"{self.package} {self.before} to {self.after}"


SAMPLES = (
    Sample("small", "httpx", "0.27.1", "0.27.2"),
    Sample("small", "werkzeug", "3.1.2", "3.1.3"),
    Sample("medium", "celery", "5.6.0", "5.6.1"),
    Sample("large", "celery", "5.6.3", "5.7.0"),
)


@dataclass(frozen=True)
class PullRequest:
    """A sample as a git repository whose branch `feature` is checked out, `main` being what it was before."""

    sample: Sample
    directory: Path
    base: str
    head: str
    diff: str

    @cached_property
    def files(self) -> tuple[FileDiff, ...]:
        """The files that it changes."""
        return parse_diff(self.diff)

    @cached_property
    def numbered(self) -> str:
        """Each line of each hunk once, behind its number and its sign, and a heading for each file."""
        rows = []
        for file in self.files:
            rows.append(file.path)
            rows += [f"{line.new or line.old} {line.kind.value} | {line.text}" for line in file.lines]
        return "\n".join(rows)

    def added(self, *, production: bool) -> Mapping[str, Sequence[str]]:
        """The added lines that can be told apart, by path; with `production` without tests, documents and examples."""
        found = {}
        for file in self.files:
            told = kinds(file.path)
            if production and (PathKind.SOURCE not in told or told & _NOT_PRODUCTION):
                continue
            lines = [line.text.strip() for line in file.lines if line.kind is LineKind.ADDED]
            if long := [text for text in lines if len(text) >= SHORTEST_LINE]:
                found[file.path] = long
        return found

    @cached_property
    def planted(self) -> tuple[str, int, str]:
        """Path, line and text of what the fake model complains about: the first line of production code it sees."""
        for file in self.files:
            if file.path in self.added(production=True):
                for line in file.lines:
                    if line.kind is LineKind.ADDED and len(line.text.strip()) >= SHORTEST_LINE and line.new:
                        return file.path, line.new, line.text.strip()
        raise SystemExit(f"{self.sample.title} adds no production code")


def build(sample: Sample, directory: Path, cache: Path, index: str, *, offline: bool) -> PullRequest:
    """The pull request in `directory`, made of archives in `cache`, which is filled from the index unless `offline`."""
    repository, commits = history(sample.package, _archives(sample.package, cache, index, offline=offline), cache)
    versions = dict(commits)
    base, head = versions[sample.before], versions[sample.after]
    directory.mkdir()
    git(directory, "init", "--quiet", "--template=", "--initial-branch=empty")
    git(
        directory,
        "fetch",
        "--quiet",
        "--no-tags",
        str(repository),
        f"{base}:refs/heads/main",
        f"{head}:refs/heads/feature",
    )
    git(directory, "checkout", "--quiet", "feature")
    options = ("--no-ext-diff", "--no-textconv", "--find-renames", "--no-color")
    diff = git(directory, "-c", "core.quotePath=false", "diff", *options, f"{base}...{head}")
    return PullRequest(sample, directory, base, head, diff)


def _archives(package: str, cache: Path, index: str, *, offline: bool) -> tuple[Release, ...]:
    """The pinned releases of a package. SystemExit when the cache lacks one that cannot be fetched."""
    pinned = PINNED[package]
    missing = [version for version in pinned if not (cache / "sdists" / package / f"{version}.tar.gz").exists()]
    if not missing:
        return tuple(Release(version, "", digest, "") for version, digest in pinned.items())
    if offline:
        raise SystemExit(f"{cache} has no {package} {', '.join(missing)}; run once without --offline")
    try:
        listed = {each.version: each for each in releases(package, 10_000, index or index_url())}
    except requests.RequestException as error:
        raise SystemExit(
            f"the package index cannot be reached ({error}); --offline DIR takes an earlier cache"
        ) from None
    if absent := [version for version in pinned if version not in listed]:
        raise SystemExit(f"the package index has no {package} {', '.join(absent)}")
    if odd := [version for version, digest in pinned.items() if listed[version].sha256 != digest]:
        raise SystemExit(f"{package} {', '.join(odd)} is not what was pinned")
    return tuple(listed[version] for version in pinned)
