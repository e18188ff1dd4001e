"""Files at a commit, from what a test put there or from a git repository on disk."""

import subprocess
from base64 import encodebytes
from urllib.parse import unquote

from tests.support.servers.github.git import shown_folder
from tests.support.servers.github.routes import Answer, Refused, Route, Visit
from tests.support.servers.openapi import github

LARGEST = 1_000_000


def content(visit: Visit) -> Answer:
    """One file, base64; above 1 MB only its size; a directory or link as the test described it."""
    path = unquote(visit.args[0])
    found = visit.repo.contents.get((visit.query.get("ref", ""), path))
    if found is None and visit.repo.directory is not None:
        found = blob(visit, path)
    if found is None:
        raise Refused(404, "Not Found")
    if not isinstance(found, bytes):
        return Answer(200, found)
    large = len(found) > LARGEST
    return Answer(
        200,
        github().sample(
            "content-file",
            path=path,
            name=path.rpartition("/")[2],
            size=len(found),
            encoding="none" if large else "base64",
            content="" if large else encodebytes(found).decode(),
        ),
    )


def blob(visit: Visit, path: str) -> bytes | None:
    """From git's object database."""
    try:
        return visit.repo.git("cat-file", "blob", f"{visit.query.get('ref', 'HEAD')}:{path}")
    except subprocess.CalledProcessError:
        return None


def tree(visit: Visit) -> Answer:
    """The names of all files of a commit."""
    commit = unquote(visit.args[0])
    if commit in visit.repo.store.trees:
        return Answer(200, shown_folder(visit.repo.store, commit))
    if visit.repo.directory is None or not visit.query.get("recursive"):
        raise Refused(404, "Not Found")
    try:
        listed = visit.repo.git("ls-tree", "-r", "-z", "--name-only", commit).decode().split("\0")
    except subprocess.CalledProcessError:
        raise Refused(404, "Not Found") from None
    entries = [
        {"path": path, "mode": "100644", "type": "blob", "sha": "0" * 40, "size": 1, "url": "https://example.test/"}
        for path in listed
        if path
    ]
    shown = {"sha": "0" * 40, "url": "https://example.test/", "tree": entries, "truncated": visit.repo.huge}
    return Answer(200, shown)


ROUTES = (
    Route("GET", r"/contents/(.+)", "contents=read", content),
    Route("GET", r"/git/trees/([^/]+)", "contents=read", tree),
)
