"""Commits, branches and pull requests as a double of our own port: what is made stays, and it can be told to refuse."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from cicd_agent.domain.ports.commits import Commits, MadeCommit, NewFile, Node, PostedPull
from cicd_agent.errors import ForgeRefused
from tests.support.servers.github.git_state import GitData

ME = "tests-app[bot]"


@dataclass
class FakeCommits(Commits):
    """One repository's objects. `refusals` are as those of FakeForge."""

    store: GitData = field(default_factory=GitData)
    pulls: list[PostedPull] = field(default_factory=list)
    against: dict[int, str] = field(default_factory=dict)
    """Pull request → its base branch."""
    account: str = ME
    """Whose token it is; its commits bear the name."""
    known: bool = True
    """Whether GitHub says whose it is."""
    refusals: dict[str, ForgeRefused] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    @property
    def login(self) -> str:
        return self.account if self.known else ""

    def commit(self, sha: str) -> MadeCommit:
        self._called("commit")
        it = self.store.commits[sha]
        return MadeCommit(sha, it.tree, it.message, it.author, it.parents, f"https://github.test/commit/{sha}")

    def folder(self, tree: str) -> Mapping[str, Node]:
        self._called("folder")
        blobs = self.store.blobs
        return {name: Node(mode, sha, len(blobs.get(sha, b""))) for name, (mode, sha) in self.store.trees[tree].items()}

    def content(self, blob: str) -> bytes:
        self._called("content")
        return self.store.blobs[blob]

    def write(self, parent: MadeCommit, message: str, files: Sequence[NewFile]) -> MadeCommit:
        self._called("write")
        flat = self.store.flat(parent.tree)
        flat |= {one.file.path: (one.mode, self.store.keep(one.file.text.encode())) for one in files}
        tree = self.store.folder(flat)
        return self.commit(self.store.commit(tree, message, self.account, (parent.sha,)))

    def branch(self, name: str) -> str:
        self._called("branch")
        return self.store.branches.get(name, "")

    def begin(self, name: str, sha: str) -> None:
        self._called("begin")
        assert name not in self.store.branches
        self.store.branches[name] = sha

    def move(self, name: str, sha: str) -> None:
        self._called("move")
        if not self.store.stands_on(sha, self.store.branches[name]):
            raise ForgeRefused("GitHub refused to move it", why="422: Update is not a fast forward", status=422)
        self.store.branches[name] = sha

    def pulls_against(self, base: str) -> tuple[PostedPull, ...]:
        self._called("pulls_against")
        return tuple(one for one in self.pulls if self.against.get(one.number) == base)

    def open_pull(self, branch: str, base: str, title: str, body: str) -> PostedPull:
        self._called("open_pull")
        number = 101 + len(self.pulls)
        url = f"https://github.test/pull/{number}"
        self.pulls.append(PostedPull(number, title, body, branch, "o/r", is_open=True, is_ours=True, url=url))
        self.against[number] = base
        return self.pulls[-1]

    def edit_pull(self, number: int, title: str, body: str) -> PostedPull:
        self._called("edit_pull")
        at = next(at for at, one in enumerate(self.pulls) if one.number == number)
        self.pulls[at] = replace(self.pulls[at], title=title, body=body)
        return self.pulls[at]

    def _called(self, method: str) -> None:
        self.calls.append(method)
        if method in self.refusals:
            raise self.refusals[method]
