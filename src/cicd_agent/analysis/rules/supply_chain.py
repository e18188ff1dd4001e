"""Dependencies: manifests and lock files that say different things."""

import re
from collections.abc import Iterator

from cicd_agent.analysis.rules.context import TABLES, FileContext
from cicd_agent.analysis.rules.rule import Hit
from cicd_agent.domain.repository.diff import FileDiff

_MANIFESTS = TABLES["dependencies"]["manifests"]
_LINES = {kind: re.compile(pattern) for kind, pattern in TABLES["dependencies"]["lines"].items()}
_TABLE = re.compile(r"^\s*\[+\s*([^\]]+?)\s*\]+")
_DEPENDENCY_TABLE = re.compile(
    r"^(?:project|project\.optional-dependencies|dependency-groups|build-system|packages|dev-packages|"
    r"(?:.*\.)?(?:dev-|build-)?dependencies(?:\..*)?|tool\.(?:poetry|pdm|uv).*)$"
)


def stale_lock_file(context: FileContext) -> Iterator[Hit]:
    name = context.path.rpartition("/")[2].lower()
    if name not in _MANIFESTS:
        return
    manifest = _MANIFESTS[name]
    folder = context.path[: -len(name)]
    locks = [folder + lock for lock in manifest["locks"] if folder + lock in context.change.present]
    changed = {file.path for file in context.change.change.files}
    if not locks or not changed.isdisjoint(locks):
        return
    pattern = _LINES[manifest["lines"]]
    tables = _tables(context.head) if manifest["lines"] == "toml" and context.head is not None else None
    # A line that moved, or got a comma, is in both.
    before = {_plain(text) for _, text in context.deleted if pattern.match(text)}
    new = [
        number
        for number, text in context.added
        if pattern.match(text)
        and (tables is None or _DEPENDENCY_TABLE.match(tables.get(number, "")))
        and _plain(text) not in before
    ]
    if new:
        yield Hit(min(new), f"The dependencies change here, but `{locks[0]}` does not.")


def _tables(text: str) -> dict[int, str]:
    results: dict[int, str] = {}
    table = ""
    for number, line in enumerate(text.split("\n"), 1):
        heading = _TABLE.match(line[:200])
        if heading and not line.startswith((" ", "\t")):
            table = heading[1]
        results[number] = table
    return results


def _plain(text: str) -> str:
    return text.partition("#")[0].strip().rstrip(",")


def lock_without_manifest(files: tuple[FileDiff, ...]) -> tuple[str, ...]:
    """Lock files that change although no manifest beside them does: an update, worth a note, no mistake."""
    changed = {file.path.lower() for file in files}
    results: list[str] = []
    for file in files:
        folder, _, name = file.path.rpartition("/")
        manifests = [manifest for manifest, entry in _MANIFESTS.items() if name in entry["locks"]]
        prefix = f"{folder}/".lower() if folder else ""
        if manifests and not any(prefix + manifest in changed for manifest in manifests):
            results.append(file.path)
    return tuple(results)
