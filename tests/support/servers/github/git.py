"""git's objects by the API: folders and files are read, commits are made of texts, branches move forwards only."""

import subprocess
from base64 import encodebytes
from contextlib import suppress
from urllib.parse import unquote

from tests.support.servers.github.git_state import FOLDER, GitCommit, GitData
from tests.support.servers.github.routes import Answer, Json, Refused, Route, Visit
from tests.support.servers.github.state import WHEN
from tests.support.servers.openapi import github

URL = "https://example.test/"


def commit(visit: Visit) -> Answer:
    """One commit."""
    return Answer(200, shown(visit, known(visit, visit.args[0])))


def make_commit(visit: Visit) -> Answer:
    """A commit on no branch; nobody named is the author but the account of the token."""
    store, body = visit.repo.store, visit.body
    if body["tree"] not in store.trees or not {*body["parents"]} <= store.commits.keys():
        raise Refused(422, "Tree or parent SHA does not exist")
    sha = store.commit(body["tree"], body["message"], visit.account.login, tuple(body["parents"]))
    return Answer(201, shown(visit, store.commits[sha]))


def make_tree(visit: Visit) -> Answer:
    """A folder: that of another with some files more."""
    store, body = visit.repo.store, visit.body
    if body.get("base_tree") not in store.trees:
        raise Refused(422, "base_tree is not a valid tree oid")
    flat = store.flat(body["base_tree"])
    for entry in body["tree"]:
        if any(part in {"", ".", "..", ".git"} for part in entry["path"].split("/")):
            raise Refused(422, "tree.path contains a malformed path component")
        flat[entry["path"]] = (entry["mode"], store.keep(entry["content"].encode()))
    return Answer(201, shown_folder(store, store.folder(flat)))


def blob(visit: Visit) -> Answer:
    """The content of a file."""
    content = visit.repo.store.blobs.get(visit.args[0])
    if content is None and visit.repo.directory is not None:
        with suppress(subprocess.CalledProcessError):
            content = visit.repo.git("cat-file", "blob", visit.args[0])
    if content is None:
        raise Refused(404, "Not Found")
    text = encodebytes(content).decode()
    sample = github().sample("blob", sha=visit.args[0], content=text, encoding="base64", size=len(content))
    return Answer(200, sample)


def branch(visit: Visit) -> Answer:
    """Where a branch ends."""
    name = unquote(visit.args[0])
    sha = visit.repo.store.branches.get(name)
    if sha is None:
        raise Refused(404, "Not Found")
    return Answer(200, shown_branch(name, sha))


def begin_branch(visit: Visit) -> Answer:
    """A branch that was not there."""
    store, ref, sha = visit.repo.store, visit.body["ref"], visit.body["sha"]
    name = ref.removeprefix("refs/heads/")
    if name == ref or sha not in store.commits:
        raise Refused(422, "Object does not exist")
    if name in store.branches:
        raise Refused(422, "Reference already exists")
    store.branches[name] = sha
    return Answer(201, shown_branch(name, sha))


def move_branch(visit: Visit) -> Answer:
    """A branch goes on to another commit, and with it the pull requests that are about it."""
    store, name, sha = visit.repo.store, unquote(visit.args[0]), visit.body["sha"]
    if name not in store.branches or sha not in store.commits:
        raise Refused(422, "Reference does not exist")
    if name in store.protected:
        raise Refused(422, "Repository rule violations found. Changes must be made through a pull request.")
    if not visit.body.get("force") and not store.stands_on(sha, store.branches[name]):
        raise Refused(422, "Update is not a fast forward")
    store.branches[name] = sha
    for pull in visit.repo.pulls.values():
        if (pull.head_repo, pull.head_ref, pull.state) == (visit.repo.name, name, "open"):
            pull.push(sha, pull.files)
    return Answer(200, shown_branch(name, sha))


def known(visit: Visit, sha: str) -> GitCommit:
    """The commit of this id."""
    if sha not in visit.repo.store.commits:
        raise Refused(404, "Not Found")
    return visit.repo.store.commits[sha]


def shown(visit: Visit, it: GitCommit) -> Json:
    """A commit as the API gives it."""
    person = {"name": it.author, "email": f"{it.author}@users.noreply.github.com", "date": WHEN}
    return github().sample(
        "git-commit",
        sha=it.sha,
        message=it.message,
        author=person,
        committer=person,
        tree={"sha": it.tree, "url": URL},
        parents=[{"sha": sha, "url": URL, "html_url": URL} for sha in it.parents],
        html_url=f"{visit.base_url}/{visit.repo.name}/commit/{it.sha}",
    )


def shown_folder(store: GitData, tree: str) -> Json:
    """A folder as the API gives it: its own names only."""
    kinds = {FOLDER: "tree", "160000": "commit"}
    entries: list[Json] = [
        {"path": name, "mode": mode, "type": kinds.get(mode, "blob"), "sha": sha, "url": URL}
        | ({"size": len(store.blobs[sha])} if sha in store.blobs else {})
        for name, (mode, sha) in sorted(store.trees[tree].items())
    ]
    return {"sha": tree, "url": URL, "tree": entries, "truncated": store.too_many}


def shown_branch(name: str, sha: str) -> Json:
    """A branch as the API gives it."""
    target = {"type": "commit", "sha": sha, "url": URL}
    return github().sample("git-ref", ref=f"refs/heads/{name}", object=target)


ROUTES = (
    Route("GET", r"/git/commits/([0-9a-f]+)", "contents=read", commit),
    Route("POST", r"/git/commits", "contents=write", make_commit),
    Route("POST", r"/git/trees", "contents=write", make_tree),
    Route("GET", r"/git/blobs/([0-9a-f]+)", "contents=read", blob),
    Route("GET", r"/git/ref/heads/(.+)", "contents=read", branch),
    Route("POST", r"/git/refs", "contents=write", begin_branch),
    Route("PATCH", r"/git/refs/heads/(.+)", "contents=write", move_branch),
)
