"""A team's month of pushes to main, drawn by chance from its rates, as a real git repository and what happened to each.

Nothing here knows of the gate: what it may see and what is true of a push is decided before it looks.
"""

import random
import subprocess
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.repos import TempRepo

START = 1_790_000_000
DAY, HOUR, MINUTE = 86_400, 3_600, 60
CONFIG = ".github/cicd-agent.yml"
LOCK = "package-lock.json"
MODULES = 240
RECENT = 16
"""Changes back within which two do not touch the same file, so that none is in another's way."""
TABLE = Path(__file__).with_suffix("").with_name("gate_month.toml")


@dataclass(frozen=True)
class Team:
    """See gate_month.toml."""

    name: str
    people: int
    bots: float
    bot_meddled: float
    bot_locks: float
    hostile: float
    locks: float
    direct: float
    unapproved: float
    updated: float
    slipped: float
    outsider_objects: float
    writer_objects: float
    several: float
    merges: Mapping[str, float]
    images: float
    broken: float
    flaky: float
    flaky_left: float
    pending: float
    pending_minutes: Sequence[int]
    tolerated: float
    nightly_red: float
    deploy_fails: float
    incidents: float
    lifted: float
    lifts_by: str
    required: str
    issues: bool
    coverage: bool
    config: str
    allows: Sequence[str] = ()
    """What its configuration permits to go out without an approval: "bots" (and lock files alone), "unreviewed"."""


def teams() -> dict[str, Team]:
    table = tomllib.loads(TABLE.read_text("utf-8"))
    defaults = table.pop("defaults")
    return {name: Team(name, **{**defaults, **values}) for name, values in table.items()}


@dataclass
class Change:
    """What came to main by one pull request, or by a direct push (`number` 0). Commits are marks, then ids.

    `fit` is whether a person with write access who did not write it has approved exactly this patch.
    """

    number: int
    author: str
    is_bot: bool = False
    is_lock: bool = False
    """Whether it changes nothing but a lock file."""
    harm: str = ""
    """Why no policy for bots and lock files may release it."""
    meddler: str = ""
    """Who wrote the last commit on the branch of a bot."""
    commits: list[Any] = field(default_factory=list)
    branch: list[Any] = field(default_factory=list)
    """Its own commits, oldest first; the last is its head."""
    reviews: list[tuple[str, str, str, int]] = field(default_factory=list)
    """Reviewer, state, association, and which commit of the branch was reviewed."""
    fit: bool = True
    refused: bool = False
    """Whether somebody with write access asks for changes, and nobody has taken that back."""
    title: str = ""


@dataclass
class Push:
    """What is pushed `at` a time, and what becomes of its checks."""

    at: int
    before: Any = 0
    sha: Any = 0
    changes: list[Change] = field(default_factory=list)
    broken: bool = False
    attempts: int = 1
    """Of its CI run; only the last counts."""
    pending_until: int = 0
    tolerated: bool = False
    deploy_fails: bool = False
    lifted: bool = False
    """Whether a maintainer lets it through where review or score hold it."""
    coverage_delta: float = 0.0


class History:
    """Draws the month, and writes it for `git fast-import`."""

    def __init__(self, team: Team, pushes: int, seed: int, config: str) -> None:
        self.team, self.config = team, config
        self.chance = random.Random(f"{seed} {team.name}")  # noqa: S311  the same month each time
        self.rare = random.Random(f"{seed} {team.name} bots")  # noqa: S311  and what bots do changes nothing of the rest
        self.stream: list[bytes] = []
        self.files = {
            f"src/app/module_{at}.py": [f"value_{line} = {line}" for line in range(30)] for at in range(MODULES)
        }
        self.files["requirements.txt"] = [f"package-{at}==1.{at}.0" for at in range(20)]
        self.files[LOCK] = [_locked(at, 0) for at in range(20)]
        self.trunk: list[tuple[int, dict[str, bytes]]] = []
        """Each commit of main, and what it brought."""
        self.recent: list[list[str]] = []
        self.marks, self.number = 0, 0
        self._first()
        self.pushes = [*self._pushes(pushes)]

    def write(self, place: Path) -> TempRepo:
        """The repository; marks become ids."""
        repo = TempRepo(place)
        repo.run("fast-import", "--quiet", "--export-marks=.git/marks", stdin=b"".join(self.stream))
        lines = (place / ".git/marks").read_text().splitlines()
        ids = {int(mark[1:]): sha for mark, sha in (line.split() for line in lines)}
        for push in self.pushes:
            push.before, push.sha = ids[push.before], ids[push.sha]
            for change in push.changes:
                change.commits = [ids[mark] for mark in change.commits]
                change.branch = [ids[mark] for mark in change.branch]
        subprocess.run(["git", "reset", "--quiet", "--hard", "main"], cwd=place, env=repo.env, check=True)
        return repo

    def _first(self) -> None:
        files = {path: _text(lines) for path, lines in self.files.items()} | {"README.md": b"An app.\n"}
        files |= {CONFIG: self.config.encode()} if self.config else {}
        self.trunk.append((self._commit("main", [], files, "Begin", START - DAY), files))

    def _commit(self, branch: str, parents: Sequence[int], files: Mapping[str, bytes], message: str, at: int) -> int:
        self.marks += 1
        text = message.encode()
        who = b"committer Person <person@example.com> %d +0000\n" % at
        self.stream.append(
            b"commit refs/heads/%s\nmark :%d\n%sdata %d\n%s\n" % (branch.encode(), self.marks, who, len(text), text)
        )
        self.stream += [b"%s :%d\n" % (b"merge" if at else b"from", one) for at, one in enumerate(parents)]
        for path, content in files.items():
            self.stream.append(b"M 100644 inline %s\ndata %d\n%s\n" % (path.encode(), len(content), content))
        self.stream.append(b"\n")
        return self.marks

    def _pushes(self, number: int) -> Iterator[Push]:
        chance, team = self.chance, self.team
        pace = 30 * DAY // number
        for index in range(number):
            push = Push(START + pace * index + chance.randrange(pace // 3), before=self.trunk[-1][0])
            for _ in range(chance.randint(2, 4) if chance.random() < team.several else 1):
                push.changes.append(self._change(push.at))
            push.sha = self.trunk[-1][0]
            flaky = chance.random() < team.flaky
            push.broken = chance.random() < team.broken or (flaky and chance.random() < team.flaky_left)
            push.attempts = 2 if flaky and not push.broken else 1
            if chance.random() < team.pending:
                push.pending_until = push.at + chance.randint(*team.pending_minutes) * MINUTE
            push.tolerated = chance.random() < team.tolerated
            push.deploy_fails = chance.random() < team.deploy_fails
            push.lifted = chance.random() < team.lifted
            push.coverage_delta = round(chance.gauss(0.1, 0.6), 2)
            yield push

    def _change(self, at: int) -> Change:
        chance, team = self.chance, self.team
        is_bot = chance.random() < team.bots
        author = "dependabot[bot]" if is_bot else f"person-{chance.randrange(team.people)}"
        if not is_bot and chance.random() < team.direct:
            return self._direct(author, at)
        self.number += 1
        change = Change(self.number, author, is_bot, title=f"Change {self.number}")
        edits = [self._bot_edit()] if is_bot else [self._edit() for _ in range(chance.choice((1, 1, 2, 3)))]
        self._lock_edit(change, edits)
        self.recent.append([path for edit in edits for path in edit])
        # A bot rebases its pull requests by itself, and lock files of two branches cannot be merged.
        behind = 0 if is_bot else chance.randint(0, min(4, len(self.trunk) - 1))
        behind = 0 if change.is_lock else behind
        base = self.trunk[-1 - behind][0]
        branch, tip = f"change-{self.number}", base
        for count, edit in enumerate(edits):
            tip = self._commit(branch, [tip], edit, f"Step {count + 1} of {self.number}", at - 3 * HOUR)
            change.branch.append(tip)
        self._review(change, edits, branch, behind, at)
        self._land(change, edits, at)
        return change

    def _direct(self, author: str, at: int) -> Change:
        edit = self._edit()
        self.recent.append([*edit])
        change = Change(0, author, fit=False, title="Direct change")
        self._onto_main(change, edit, "Mend something", at)
        return change

    def _review(self, change: Change, edits: list[dict[str, bytes]], branch: str, behind: int, at: int) -> None:
        """What reviewers say, and what comes to the branch afterwards."""
        chance, team = self.chance, self.team
        others = [f"person-{each}" for each in range(team.people) if f"person-{each}" != change.author]
        if change.is_bot or change.is_lock or chance.random() < team.unapproved:
            change.fit = False
            return
        change.reviews.append((chance.choice(others), "APPROVED", "MEMBER", len(change.branch) - 1))
        if chance.random() < team.outsider_objects:
            change.reviews.append(
                ("passer-by", "CHANGES_REQUESTED", chance.choice(("NONE", "CONTRIBUTOR")), len(change.branch) - 1)
            )
        if chance.random() < team.writer_objects and len(others) > 1:
            second = next(each for each in others if each != change.reviews[0][0])
            change.reviews.append((second, "CHANGES_REQUESTED", "MEMBER", len(change.branch) - 1))
            change.refused = True
        if chance.random() < team.slipped:
            edits.append(self._edit())
            self.recent[-1] += [*edits[-1]]
            change.branch.append(self._commit(branch, [change.branch[-1]], edits[-1], "One thing more", at - HOUR))
            change.fit = False
        elif behind and chance.random() < team.updated:
            brought = {path: text for _, files in self.trunk[-behind:] for path, text in files.items()}
            tip = self._commit(
                branch, [change.branch[-1], self.trunk[-1][0]], brought, f"Merge branch 'main' into {branch}", at - HOUR
            )
            change.branch.append(tip)

    def _land(self, change: Change, edits: Sequence[dict[str, bytes]], at: int) -> None:
        kinds = [*self.team.merges]
        kind = self.chance.choices(kinds, [self.team.merges[each] for each in kinds])[0]
        whole = {path: text for edit in edits for path, text in edit.items()}
        if kind == "rebase":
            for count, edit in enumerate(edits):
                self._onto_main(change, edit, f"Step {count + 1} of {change.number}", at)
        elif kind == "merge":
            self._onto_main(
                change,
                whole,
                f"Merge pull request #{change.number} from change-{change.number}",
                at,
                [change.branch[-1]],
            )
        else:
            self._onto_main(change, whole, f"{change.title} (#{change.number})", at)

    def _onto_main(
        self, change: Change, files: dict[str, bytes], message: str, at: int, merged: Sequence[int] = ()
    ) -> None:
        mark = self._commit("main", [self.trunk[-1][0], *merged], files, message, at)
        self.trunk.append((mark, files))
        change.commits.append(mark)

    def _edit(self) -> dict[str, bytes]:
        """One or two modules with some lines more and some others."""
        chance = self.chance
        taken = {path for paths in self.recent[-RECENT:] for path in paths}
        free = [path for path in self.files if path.endswith(".py") and path not in taken]
        edit = {}
        for path in chance.sample(free, chance.choice((1, 1, 2))):
            lines = self.files[path]
            lines[chance.randrange(len(lines))] = f"value_{chance.randrange(99)} = {chance.randrange(10_000)}"
            lines += [f"more_{chance.randrange(10_000)} = {chance.randrange(99)}" for _ in range(chance.randint(0, 6))]
            edit[path] = _text(lines)
        if chance.random() < self.team.images:
            edit[f"docs/picture_{self.marks}.png"] = b"\x89PNG\r\n\x1a\n\0\0" + chance.randbytes(200)
        return edit

    def _lock_edit(self, change: Change, edits: list[dict[str, bytes]]) -> None:
        """Some changes are of the lock file instead, and some branches of a bot get a person's commit."""
        rare, team = self.rare, self.team
        change.is_lock = rare.random() < (team.bot_locks if change.is_bot else team.locks)
        if change.is_lock:
            at, is_hostile = rare.randrange(20), rare.random() < team.hostile
            line = _locked(at, self.number, "git+https://github.com/mallory/package" if is_hostile else "")
            edits[:] = [{LOCK: _text([*self.files[LOCK][:at], line, *self.files[LOCK][at + 1 :]])}]
            self.files[LOCK][at] = line
            change.harm = "a hostile lock file" if is_hostile else ""
        if change.is_bot and rare.random() < team.bot_meddled:
            change.meddler = f"person-{rare.randrange(team.people)}"
            edits.append({f"src/app/meddled_{self.number}.py": b"value = 1\n"})
            change.harm = "a person's commit on the branch of a bot"

    def _bot_edit(self) -> dict[str, bytes]:
        at = self.chance.randrange(20)
        self.files["requirements.txt"][at] = f"package-{at}==1.{at}.{self.number}"
        return {"requirements.txt": _text(self.files["requirements.txt"])}


def _locked(at: int, minor: int, address: str = "") -> str:
    source = address or f"https://registry.npmjs.org/package-{at}/-/package-{at}-1.{minor}.0.tgz"
    return f'"node_modules/package-{at}": {{"version": "1.{minor}.0", "resolved": "{source}"}},'


def _text(lines: Sequence[str]) -> bytes:
    return ("\n".join(lines) + "\n").encode()
