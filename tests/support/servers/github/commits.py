"""Single commits, and what lies between two of them along their first parents."""

from itertools import takewhile
from urllib.parse import unquote

from tests.support.servers.github.pulls import shown_file
from tests.support.servers.github.routes import Answer, Json, Refused, Route, Visit
from tests.support.servers.github.run_state import Commit
from tests.support.servers.openapi import github

MOST_COMMITS = 250
MOST_FILES = 300


def commit(visit: Visit) -> Answer:
    """One commit with its files."""
    found = known(visit, unquote(visit.args[0]))
    return Answer(200, shown(found) | {"files": shown_files(found.sha, found)})


def compare(visit: Visit) -> Answer:
    """The commits that the head has and the base has not, oldest first, with the files of all of them."""
    base, _, head = unquote(visit.args[0]).partition("...")
    below = ancestry(visit, base)
    ahead = list(takewhile(lambda one: one not in below, ancestry(visit, head)))[::-1]
    merge_base = next((one for one in ancestry(visit, head) if one in below), None)
    if merge_base is None:
        raise Refused(404, "No common ancestor")
    answer = github().sample(
        "commit-comparison",
        base_commit=shown(below[0]),
        merge_base_commit=shown(merge_base),
        status="ahead",
        ahead_by=len(ahead),
        total_commits=len(ahead),
        commits=[shown(one) for one in ahead[:MOST_COMMITS]],
        files=shown_files(head, *ahead),
    )
    return Answer(200, answer)


def ancestry(visit: Visit, sha: str) -> list[Commit]:
    """A commit and those it stands on."""
    found = [known(visit, sha)]
    while found[-1].parent:
        found.append(known(visit, found[-1].parent))
    return found


def known(visit: Visit, sha: str) -> Commit:
    """The commit of this name."""
    if sha not in visit.repo.commits:
        raise Refused(404, "Not Found")
    return visit.repo.commits[sha]


def shown(it: Commit) -> Json:
    """A commit as the API gives it."""
    person = {"name": it.author, "email": "a@example.com", "date": it.when}
    detail = github().sample("commit")["commit"] | {"message": it.message, "author": person, "committer": person}
    parents = [{"sha": it.parent, "url": "https://example.test/", "html_url": "https://example.test/"}]
    return github().sample("commit", sha=it.sha, commit=detail, parents=parents if it.parent else [])


def shown_files(head: str, *commits: Commit) -> list[Json]:
    """The files of some commits, each once."""
    files = {file.filename: file for one in commits for file in one.files}
    return [shown_file(head, file) for file in files.values()][:MOST_FILES]


ROUTES = (
    Route("GET", r"/commits/([^/]+)", "contents=read", commit),
    Route("GET", r"/compare/([^/]+)", "contents=read", compare),
)
