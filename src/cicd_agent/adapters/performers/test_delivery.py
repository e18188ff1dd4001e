"""Brings tests to a pull request: as a commit on its branch, or as a pull request against that; a fork gets neither."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from cicd_agent.adapters.performers.context import UNPROCESSABLE, EffectContext, Outcome, find_ours, lines
from cicd_agent.analysis.python_tests.insertion import added_lines, alteration
from cicd_agent.domain.effects import Commit, OpenPull, PostedComment, Receipt, ReceiptState, TextFile
from cicd_agent.domain.events.event import ACTIONS, Event, same_login
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
    "no commit: what GITHUB_TOKEN pushes starts no workflow, and required checks would wait for it forever. Pass"
    " `github-token` the token of an App (actions/create-github-app-token)"
)
APPROVAL = "its workflows wait until somebody approves them, since GITHUB_TOKEN has opened it"
Delivery = Commit | OpenPull
FOLDER = "040000"
FILES = frozenset({"100644", "100755"})


class _Rejected(Exception):
    """Why nothing of a delivery is written."""


def deliver(run: EffectContext, effect: Delivery) -> Receipt:
    """Bring the tests there, unless they are; nothing that stands on the branch is changed or lost.

    Neither the plan nor the change says which branch: GitHub does, of the event's own pull request.
    """
    kind, allowed = "commit" if isinstance(effect, Commit) else "pull-request", run.policy.deliver
    reason = "" if allowed == kind else f"this job delivers tests as `{allowed}`, not as `{kind}`"
    reason = reason or run.other_pull(effect.pull)
    if not reason and effect.head != run.event.sha:
        reason = f"it names commit {effect.head}, the event is about {run.event.sha}"

    def act(forge: Forge) -> Outcome:
        try:
            return _deliver(run, forge, effect)
        except _Rejected as rejected:
            return Outcome(ReceiptState.FAILED, str(rejected))
        except ForgeRefused as refusal:
            if refusal.status not in LOST_RACE:
                raise
            # Somebody was faster, or a rule of the repository forbids it: that is no outage.
            return _degraded(str(refusal))

    return run.attempt(effect, reason or overload(effect), act)


def _deliver(run: EffectContext, forge: Forge, effect: Delivery) -> Outcome:
    state, commits = forge.pull(effect.pull), forge.commits
    if reason := _unreachable(state, run.event):
        return _declined(reason)
    head = commits.commit(state.head.sha)
    if outcome := _obstacle(effect, head, commits):
        return outcome
    files = CommitFiles(commits, head.tree).additions(effect.files, run.redact)
    if not files:
        return Outcome(ReceiptState.UNCHANGED, "the tests stand there already", head.url)

    def write() -> MadeCommit:
        return commits.write(head, message(run.redact(effect.message), effect.key), files)

    if isinstance(effect, OpenPull):
        return _open(run, commits, effect, write, state.head.name)
    run.intend(effect, f"commit {count(len(files), 'file')} on {head.sha}", pull=str(effect.pull))
    made = write()
    if same_login(made.author, ACTIONS, is_bot=True):
        return _degraded(SILENT)  # it is on no branch, and nobody sees it
    commits.move(state.head.name, made.sha)
    return Outcome(ReceiptState.DONE, f"{count(len(files), 'file')} in commit {made.sha[:7]}", made.url)


def _obstacle(effect: Delivery, head: MadeCommit, commits: Commits) -> Outcome | None:
    """The outcome where nothing goes on top of the pull request's last commit, or nothing of ours."""
    keys = keys_of(head.message)
    if effect.key in keys:
        return Outcome(ReceiptState.UNCHANGED, "the last commit of the pull request is this delivery", head.url)
    if head.sha != effect.head:
        return _declined(f"the pull request has moved from {effect.head[:7]} to {head.sha[:7]} meanwhile")
    if keys:
        # Our own commit has started this run: tests on top of tests would never end.
        return Outcome(ReceiptState.SKIPPED, "the last commit of the pull request is a delivery of ours")
    return _degraded(SILENT) if isinstance(effect, Commit) and same_login(commits.login, ACTIONS, is_bot=True) else None


def _open(
    run: EffectContext, commits: Commits, effect: OpenPull, write: Callable[[], MadeCommit], base: str
) -> Outcome:
    """Open a pull request against the pull request's branch, or edit the one that is there."""
    against = [one for one in commits.pulls_against(base) if one.repo.lower() == run.event.repo.lower()]
    branch = branch_of(effect)
    existing = next((one for one in against if one.branch == branch), None)
    others = [one for one in against if existing is None or one.number != existing.number]
    older = [f"#{one.number}" for one in others if one.is_open and one.branch.startswith(family(effect.pull))]
    left = f"; left as it is: {', '.join(older)}" if older else ""
    if existing is not None:
        return _edit(run, commits, effect, existing, left)
    if sha := commits.branch(branch):
        if effect.key not in keys_of(commits.commit(sha).message):
            return _degraded(f"there is a branch `{branch}` already, which is not of this delivery")
        run.intend(effect, f"open {branch} against {base}", pull=str(effect.pull))
        author = commits.login
    else:
        run.intend(effect, f"make {branch} on {effect.head}, open it against {base}", pull=str(effect.pull))
        made = write()
        author = made.author
        commits.begin(branch, made.sha)
    try:
        posted = commits.open_pull(branch, base, _title(run, effect), run.body(effect.key, effect.body))
    except ForgeRefused as refusal:
        refusal.remedy = f"{refusal.remedy.rstrip('. ')}. The branch `{branch}` has the tests".removeprefix(". ")
        raise
    waits = f"; {APPROVAL}" if same_login(author, ACTIONS, is_bot=True) else ""
    return Outcome(ReceiptState.DONE, f"opened #{posted.number}{left}{waits}", posted.url)


def _edit(run: EffectContext, commits: Commits, effect: OpenPull, existing: PostedPull, left: str) -> Outcome:
    """Let the pull request that is there read as it should."""
    title, body = _title(run, effect), run.body(effect.key, effect.body)
    number, url = existing.number, existing.url
    if not existing.is_open:
        return Outcome(ReceiptState.SKIPPED, f"#{number} was closed by somebody{left}", url)
    if not find_ours([PostedComment(number, existing.body, "", existing.is_ours)], body):
        return Outcome(ReceiptState.UNCHANGED, f"#{number} has the tests, in somebody else's words{left}", url)
    if existing.title == title and lines(existing.body) == lines(body):
        return Outcome(ReceiptState.UNCHANGED, f"#{number} reads so already{left}", url)
    run.intend(effect, f"edit #{number}", pull=str(effect.pull))
    commits.edit_pull(number, title, body)
    return Outcome(ReceiptState.DONE, f"edited #{number}{left}", url)


def _title(run: EffectContext, effect: OpenPull) -> str:
    return clip(plain(" ".join(run.redact(effect.title).split())), MAX_TITLE) or UNSAID


def _unreachable(state: PullState, event: Event) -> str:
    """Why nothing is put on this branch, or against it."""
    known_fork = event.pull is not None and event.pull.from_fork
    if known_fork or state.pull.from_fork or state.head.repo.lower() != event.repo.lower():
        return "the pull request comes from a fork, which gets the patch file"
    if not state.pull.is_open:
        return "the pull request has been closed"
    if state.head.name == event.default_branch:
        return "the pull request's branch is the default branch"
    return ""


def _degraded(reason: str) -> Outcome:
    return Outcome(ReceiptState.DEGRADED, f"{reason.rstrip('. ')}. The patch file has the tests.")


def _declined(reason: str) -> Outcome:
    """The outcome where nothing may be delivered, which is nobody's mistake."""
    return _degraded(reason)._replace(state=ReceiptState.SKIPPED, expected=True)


@dataclass
class CommitFiles:
    """The files of one commit, whose tree is `tree`, read folder by folder: a link leads nowhere."""

    commits: Commits
    tree: str
    _folders: dict[str, Mapping[str, Node]] = field(default_factory=dict, init=False)

    def additions(self, files: Sequence[TextFile], redact: Callable[[str], str]) -> list[NewFile]:
        """What of the files is new; _Rejected when they are more than tests added to those that are there."""
        new, befores, afters = list[NewFile](), list[str](), list[str]()
        for file in files:
            try:
                node, beside = self._find(file.path)
                before = self._text(node) if node else None
            except _Rejected as rejected:
                raise _Rejected(f"`{file.path}` is not written: {rejected}") from None
            if problem := alteration(before, file.text) or _secret(before or "", file.text, redact):
                raise _Rejected(f"`{file.path}` is not written: {problem}")
            if not node and (reason := objection(file.path, existing=False) or stray(file.path, beside)):
                raise _Rejected(reason)
            if before != file.text:
                new.append(NewFile(file, node.mode if node else "100644"))
                befores.append(before or "")
                afters.append(file.text)
        if reason := gain(befores, afters):
            raise _Rejected(reason)
        return new

    def _find(self, path: str) -> tuple[Node | None, tuple[str, ...]]:
        """The file that stands under a path, if there is one, and the names in its folder."""
        *folders, name = path.split("/")
        tree = self.tree
        for step in folders:
            node = self._entry(tree, step)
            if node is None:
                return None, ()
            if node.mode != FOLDER:
                raise _Rejected(f"`{step}` is a link, a submodule or a file")
            tree = node.sha
        node = self._entry(tree, name)
        if node is not None and node.mode not in FILES:
            raise _Rejected("it is a link, a submodule or a folder")
        return node, tuple(self._folders[tree])

    def _entry(self, tree: str, name: str) -> Node | None:
        """What stands under a name in a folder. Another spelling of it is the same file to some systems."""
        if tree not in self._folders:
            self._folders[tree] = self.commits.folder(tree)
        names = self._folders[tree]
        twin = next((one for one in names if one != name and one.casefold() == name.casefold()), "")
        if twin:
            raise _Rejected(f"there is `{visible_line(twin)}`, which differs in case only")
        return names.get(name)

    def _text(self, node: Node) -> str:
        if node.size > LARGEST:
            raise _Rejected(f"the file as it is now has {count(node.size, 'byte')}")
        try:
            return self.commits.content(node.sha).decode()
        except UnicodeDecodeError:
            raise _Rejected("the file as it is now is not valid UTF-8") from None


def _secret(before: str, after: str, redact: Callable[[str], str]) -> str:
    added = "\n".join(added_lines(before, after) or ())
    return "it holds what looks like a secret" if redact(added) != added else ""
