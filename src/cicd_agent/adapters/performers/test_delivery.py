"""Brings tests to a pull request: as a commit on its branch, or as a pull request against that; a fork gets neither."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from cicd_agent.adapters.github.channel import ACTIONS
from cicd_agent.adapters.performers.comments import UNPROCESSABLE, Conversation, is_same_comment, lines
from cicd_agent.analysis.python_tests.insertion import added_lines, alteration
from cicd_agent.domain.effect_policy import EffectPolicy
from cicd_agent.domain.effects import Commit, OpenPull, PostedComment, Receipt, ReceiptState, TextFile
from cicd_agent.domain.events.event import Event
from cicd_agent.domain.ports.commits import Commits, MadeCommit, NewFile, Node, PostedPull
from cicd_agent.domain.ports.forge import Forge, PullState
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.text.words import clip, count
from cicd_agent.domain.trials.test_delivery import (
    LARGEST,
    UNSAID,
    branch_of,
    family,
    gain,
    keys_of,
    message,
    objection,
    overload,
    plain,
    stray,
)
from cicd_agent.errors import ForgeRefused

MAX_TITLE = 200
"""Characters of a title; GitHub takes 256, and at least one."""
LOST_RACE = frozenset({409, UNPROCESSABLE})
"""What GitHub answers where a branch has moved, is protected, or is gone."""
SILENT = (
    "no commit: what GITHUB_TOKEN pushes starts no workflow, and required checks would wait for it for ever. Pass"
    " `github-token` the token of an App (actions/create-github-app-token)"
)
APPROVAL = "its workflows wait until somebody approves them, since GITHUB_TOKEN has opened it"
Delivery = Commit | OpenPull
FOLDER = "040000"
FILES = frozenset({"100644", "100755"})


@dataclass(frozen=True, slots=True)
class Additions:
    """What is to be written, none when all of it stands there already, or the `objection` against all of it."""

    files: tuple[NewFile, ...] = ()
    objection: str = ""


@dataclass(frozen=True, slots=True)
class _PathEntry:
    """What stands under a path, why nothing may be written there, and the names in its folder."""

    node: Node | None
    problem: str = ""
    beside: tuple[str, ...] = ()


@dataclass
class CommitFiles:
    """The files of one commit, whose tree is `tree`, read folder by folder: a link leads nowhere."""

    commits: Commits
    tree: str
    _folders: dict[str, Mapping[str, Node]] = field(default_factory=dict, init=False)

    def additions(self, files: Sequence[TextFile], redact: Callable[[str], str]) -> Additions:
        """What of the files is new; an objection when they are more than tests added to those that are there."""
        new, befores, afters = list[NewFile](), list[str](), list[str]()
        for file in files:
            entry = self._find(file.path)
            node, problem, before = entry.node, entry.problem, None
            if node is not None and not problem:
                before, problem = self._text(node)
            problem = problem or alteration(before, file.text) or _secret(before or "", file.text, redact)
            if problem:
                return Additions(objection=f"`{file.path}` is not written: {problem}")
            if not node and (problem := objection(file.path, existing=False) or stray(file.path, entry.beside)):
                return Additions(objection=problem)
            if before != file.text:
                new.append(NewFile(file, node.mode if node else "100644"))
                befores.append(before or "")
                afters.append(file.text)
        return Additions(tuple(new), gain(befores, afters))

    def _find(self, path: str) -> _PathEntry:
        """What stands under a path."""
        *folders, name = path.split("/")
        tree = self.tree
        for step in folders:
            node, problem = self._step(tree, step)
            if node is None or problem:
                return _PathEntry(None, problem)
            if node.mode != FOLDER:
                return _PathEntry(None, f"`{step}` is a link, a submodule or a file")
            tree = node.sha
        node, problem = self._step(tree, name)
        if node is not None and node.mode not in FILES:
            problem = "it is a link, a submodule or a folder"
        return _PathEntry(node, problem, tuple(self._folders[tree]))

    def _step(self, tree: str, name: str) -> tuple[Node | None, str]:
        """What stands under a name in a folder. Another spelling of it is the same file to some systems."""
        if tree not in self._folders:
            self._folders[tree] = self.commits.folder(tree)
        names = self._folders[tree]
        node = names.get(name)
        twin = next((one for one in names if one != name and one.casefold() == name.casefold()), "")
        return node, f"there is `{visible_line(twin)}`, which differs in case only" if twin else ""

    def _text(self, node: Node) -> tuple[str | None, str]:
        if node.size > LARGEST:
            return None, f"the file as it is now has {count(node.size, 'byte')}"
        try:
            return self.commits.content(node.sha).decode(), ""
        except UnicodeDecodeError:
            return None, "the file as it is now is not valid UTF-8"


def _secret(before: str, after: str, redact: Callable[[str], str]) -> str:
    added = "\n".join(added_lines(before, after) or ())
    return "it holds what looks like a secret" if redact(added) != added else ""


@dataclass(frozen=True, slots=True)
class DeliveryPerformer:
    """Carries out commits and pull requests of tests for the event of a conversation, as far as `grant` goes.

    Neither the plan nor the change says which branch: GitHub does, of the event's own pull request.
    """

    conversation: Conversation
    grant: EffectPolicy

    def deliver(self, effect: Delivery) -> Receipt:
        """Bring the tests there, unless they are; nothing that stands on the branch is changed or lost."""
        reason = _not_permitted(effect, self.grant) or _misdirected(effect, self.conversation.event) or overload(effect)
        return self.conversation.attempt(effect, reason, lambda forge: self._try(forge, effect))

    def _try(self, forge: Forge, effect: Delivery) -> Receipt:
        try:
            return self._deliver(forge, effect)
        except ForgeRefused as refusal:
            if refusal.status not in LOST_RACE:
                raise
            # Somebody was faster, or a rule of the repository forbids it: that is no outage.
            return _degraded(effect, str(refusal))

    def _deliver(self, forge: Forge, effect: Delivery) -> Receipt:
        state = forge.pull(effect.pull)
        if reason := _unreachable(state, self.conversation.event):
            return _degraded(effect, reason)
        commits = forge.commits
        head = commits.commit(state.head.sha)
        if receipt := _not_wanted_there(effect, head, commits):
            return receipt
        additions = CommitFiles(commits, head.tree).additions(effect.files, self.conversation.redact)
        if additions.objection:
            return Receipt(effect.key, effect.kind, ReceiptState.FAILED, additions.objection)
        if not additions.files:
            return _unchanged(effect, head, "the tests stand there already")
        if isinstance(effect, Commit):
            return self._commit(commits, effect, head, additions, state.head.name)
        return self._open(commits, effect, head, additions, state.head.name)

    def _commit(self, commits: Commits, effect: Commit, head: MadeCommit, additions: Additions, branch: str) -> Receipt:
        """Put a commit on the pull request's own branch."""
        self._intend(effect, f"commit {count(len(additions.files), 'file')} on {head.sha}")
        made = self._write(commits, effect, head, additions)
        if _is_actions(made.author):
            return _degraded(effect, SILENT)  # it is on no branch, and nobody sees it
        commits.move(branch, made.sha)
        detail = f"{count(len(additions.files), 'file')} in commit {made.sha[:7]}"
        return Receipt(effect.key, effect.kind, ReceiptState.DONE, detail, made.url)

    def _open(self, commits: Commits, effect: OpenPull, head: MadeCommit, additions: Additions, base: str) -> Receipt:
        """Open a pull request against the pull request's branch, or edit the one that is there."""
        ours = self.conversation.event.repo
        against = [one for one in commits.pulls_against(base) if _same(one.repo, ours)]
        branch = branch_of(effect)
        older = [one.number for one in against if one.is_open and one.branch.startswith(family(effect.pull))]
        standing = next((one for one in against if one.branch == branch), None)
        older = [number for number in older if standing is None or number != standing.number]
        left = f"; left as it is: {', '.join(f'#{number}' for number in older)}" if older else ""
        if standing is not None:
            return self._edit(commits, effect, standing, left)
        if sha := commits.branch(branch):
            if effect.key not in keys_of(commits.commit(sha).message):
                return _degraded(effect, f"there is a branch `{branch}` already, which is not of this delivery")
            self._intend(effect, f"open {branch} against {base}")
            author = commits.login
        else:
            self._intend(effect, f"make {branch} on {head.sha}, open it against {base}")
            made = self._write(commits, effect, head, additions)
            author = made.author
            commits.begin(branch, made.sha)
        try:
            posted = commits.open_pull(branch, base, self._title(effect), self._body(effect))
        except ForgeRefused as refusal:
            refusal.remedy = f"{refusal.remedy.rstrip('. ')}. The branch `{branch}` has the tests".removeprefix(". ")
            raise
        waits = f"; {APPROVAL}" if _is_actions(author) else ""
        detail = f"opened #{posted.number}{left}{waits}"
        return Receipt(effect.key, effect.kind, ReceiptState.DONE, detail, posted.url)

    def _edit(self, commits: Commits, effect: OpenPull, standing: PostedPull, left: str) -> Receipt:
        """Let the pull request that is there read as it should."""
        title, body = self._title(effect), self._body(effect)
        receipt = Receipt(effect.key, effect.kind, ReceiptState.UNCHANGED, "", standing.url)
        if not standing.is_open:
            closed = f"#{standing.number} was closed by somebody{left}"
            return replace(receipt, state=ReceiptState.SKIPPED, detail=closed)
        as_comment = PostedComment(standing.number, standing.body, "", standing.is_ours)
        if not is_same_comment(as_comment, body):
            return replace(receipt, detail=f"#{standing.number} has the tests, in somebody else's words{left}")
        if standing.title == title and lines(standing.body) == lines(body):
            return replace(receipt, detail=f"#{standing.number} reads so already{left}")
        self._intend(effect, f"edit #{standing.number}")
        posted = commits.edit_pull(standing.number, title, body)
        return replace(receipt, state=ReceiptState.DONE, detail=f"edited #{posted.number}{left}")

    def _write(self, commits: Commits, effect: Delivery, head: MadeCommit, additions: Additions) -> MadeCommit:
        return commits.write(head, message(self.conversation.redact(effect.message), effect.key), additions.files)

    def _title(self, effect: OpenPull) -> str:
        title = " ".join(self.conversation.redact(effect.title).split())
        return clip(plain(title), MAX_TITLE) or UNSAID

    def _body(self, effect: OpenPull) -> str:
        return self.conversation.body(effect.key, effect.body)

    def _intend(self, effect: Delivery, detail: str) -> None:
        given = {"pull": str(effect.pull), "detail": detail}
        self.conversation.journal.intend(effect.key, effect.kind, given)


def _not_permitted(effect: Delivery, grant: EffectPolicy) -> str:
    delivery = "commit" if isinstance(effect, Commit) else "pull-request"
    return "" if grant.deliver == delivery else f"this job delivers tests as `{grant.deliver}`, not as `{delivery}`"


def _misdirected(effect: Delivery, event: Event) -> str:
    """Why it is none of this event's."""
    if event.pull is None or effect.pull != event.pull.number:
        about = f"pull request {event.pull.number}" if event.pull else "no pull request"
        return f"it names pull request {effect.pull}, the event is about {about}"
    if effect.head != event.sha:
        return f"it names commit {effect.head}, the event is about {event.sha}"
    return ""


def _unreachable(state: PullState, event: Event) -> str:
    """Why nothing is put on this branch, or against it."""
    known_fork = event.pull is not None and event.pull.from_fork
    if known_fork or state.pull.from_fork or not _same(state.head.repo, event.repo):
        return "the pull request comes from a fork, which gets the patch file"
    if not state.pull.is_open:
        return "the pull request has been closed"
    if state.head.name == event.default_branch:
        return "the pull request's branch is the default branch"
    return ""


def _not_wanted_there(effect: Delivery, head: MadeCommit, commits: Commits) -> Receipt | None:
    """What becomes of it where the branch as it is wants none of it, or none of ours."""
    keys = keys_of(head.message)
    if effect.key in keys:
        return _unchanged(effect, head, "the last commit of the pull request is this delivery")
    if head.sha != effect.head:
        return _degraded(effect, f"the pull request has moved from {effect.head[:7]} to {head.sha[:7]} meanwhile")
    if keys:
        # Our own commit has started this run: tests on top of tests would never end.
        why = "the last commit of the pull request is a delivery of ours"
        return Receipt(effect.key, effect.kind, ReceiptState.SKIPPED, why)
    return _degraded(effect, SILENT) if isinstance(effect, Commit) and _is_actions(commits.login) else None


def _unchanged(effect: Delivery, head: MadeCommit, why: str) -> Receipt:
    return Receipt(effect.key, effect.kind, ReceiptState.UNCHANGED, why, head.url)


def _is_actions(login: str) -> bool:
    return login.removesuffix("[bot]").lower() == ACTIONS.removesuffix("[bot]")


def _same(one: str, other: str) -> bool:
    return one.lower() == other.lower()


def _degraded(effect: Delivery, why: str) -> Receipt:
    return Receipt(effect.key, effect.kind, ReceiptState.DEGRADED, f"{why.rstrip('. ')}. The patch file has the tests.")
