"""Commits without a checkout, on GitHub: made of texts alone, put on a branch only where nobody was faster."""

import binascii
from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import quote

from cicd_agent.adapters.github.channel import WRITES, Channel, unless_missing
from cicd_agent.adapters.github.payloads import Pull, Shape, Text, Tree, at, each
from cicd_agent.domain.ports.commits import MadeCommit, NewFile, Node, PostedPull
from cicd_agent.errors import ForgeRefused

CONTENTS = "contents: write"
"""What it takes. Reading takes less, but here nobody reads who would not write."""


class GitCommit(Shape):
    sha: str
    message: str
    author: str = at("author", "name")
    tree: str = at("tree", "sha")
    parents: Annotated[tuple[str, ...], each("sha")] = ()
    url: Text = at("html_url", default="")


class Blob(Shape):
    content: str
    encoding: str


class Reference(Shape):
    sha: str = at("object", "sha")


@dataclass(frozen=True, slots=True)
class GitHubCommits:
    channel: Channel

    @property
    def login(self) -> str:
        return self.channel.login or ""

    def commit(self, sha: str) -> MadeCommit:
        return self.channel.get(f"read commit {sha[:7]}", f"/git/commits/{sha}", GitCommit, CONTENTS).to(MadeCommit)

    def folder(self, tree: str) -> Mapping[str, Node]:
        task = "list a folder of the branch"
        folder = self.channel.get(task, f"/git/trees/{tree}", Tree, CONTENTS)
        if folder.truncated:
            raise ForgeRefused(f"GitHub could not {task}", why="it has too many names", status=422)
        return {entry.path: entry.to(Node) for entry in folder.entries}

    def content(self, blob: str) -> bytes:
        task = "read a module of tests"
        content = self.channel.get(task, f"/git/blobs/{blob}", Blob, CONTENTS)
        try:
            if content.encoding != "base64":
                return content.content.encode()
            return b64decode(content.content)
        except (binascii.Error, ValueError):
            raise ForgeRefused(f"GitHub could not {task}", why="the content is damaged", status=422) from None

    def write(self, parent: MadeCommit, message: str, files: Sequence[NewFile]) -> MadeCommit:
        """A commit on top of another, on no branch yet. Without a name in it, GitHub puts that of the token."""
        entries = [{"path": one.file.path, "mode": one.mode, "type": "blob", "content": one.file.text} for one in files]
        sent: dict[str, Any] = {"base_tree": parent.tree, "tree": entries}
        call = self.channel.call("write the files of a commit", "POST", "/git/trees", CONTENTS, sent)
        tree = self.channel.read(call, Tree)
        sent = {"message": message, "tree": tree.sha, "parents": [parent.sha]}
        call = self.channel.call("make a commit", "POST", "/git/commits", CONTENTS, sent)
        return self.channel.read(call, GitCommit).to(MadeCommit)

    def branch(self, name: str) -> str:
        path = f"/git/ref/heads/{quote(name)}"
        return unless_missing(lambda: self.channel.get("look for a branch", path, Reference, CONTENTS).sha, "")

    def begin(self, name: str, sha: str) -> None:
        sent = {"ref": f"refs/heads/{name}", "sha": sha}
        call = self.channel.call("make a branch", "POST", "/git/refs", CONTENTS, sent, repeatable=False)
        self.channel.once(lambda: self.channel.read(call, Reference).sha, lambda: self.branch(name) or None)

    def move(self, name: str, sha: str) -> None:
        sent, path = {"sha": sha, "force": False}, f"/git/refs/heads/{quote(name)}"
        self.channel.read(self.channel.call("put the commit on its branch", "PATCH", path, CONTENTS, sent), Reference)

    def pulls_against(self, base: str) -> tuple[PostedPull, ...]:
        query = {"state": "all", "base": base, "sort": "created", "direction": "desc"}
        listed = self.channel.entries("list the pull requests against a branch", "/pulls", Pull, 1, query)
        return tuple(self._posted(one) for one in listed)

    def open_pull(self, branch: str, base: str, title: str, body: str) -> PostedPull:
        sent = {"title": title, "head": branch, "base": base, "body": body}
        call = self.channel.call("open a pull request", "POST", "/pulls", WRITES, sent, repeatable=False)

        def existing() -> PostedPull | None:
            return next((one for one in self.pulls_against(base) if one.branch == branch and one.is_open), None)

        def create() -> PostedPull:
            return self._posted(self.channel.read(call, Pull))

        return self.channel.once(create, existing)

    def edit_pull(self, number: int, title: str, body: str) -> PostedPull:
        sent = {"title": title, "body": body}
        call = self.channel.call(f"edit pull request {number}", "PATCH", f"/pulls/{number}", WRITES, sent)
        return self._posted(self.channel.read(call, Pull))

    def _posted(self, pull: Pull) -> PostedPull:
        return pull.to(
            PostedPull,
            branch=pull.head.name,
            repo=pull.head.repo,
            is_open=pull.state == "open",
            is_ours=self.channel.is_ours(pull),
        )
