"""Tests reach a pull request as additions to its own branch, or not at all; a plan chooses neither place nor more."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from cicd_agent.domain.effect_policy import EffectPolicy
from cicd_agent.domain.effects import Commit, OpenPull, Receipt, ReceiptState, TextFile
from cicd_agent.domain.events.event import Event, EventKind, PullRequest, Ref
from cicd_agent.domain.ports.commits import MadeCommit, NewFile
from cicd_agent.domain.ports.forge import PullState
from cicd_agent.domain.trials.test_delivery import branch_of
from tests.support.fakes.commits import FakeCommits
from tests.support.samples.plans import KEY, Site, refusal

OLD = "import pytest\n\n\ndef test_one():\n    assert 1 + 1 == 2\n"
NEW = f"{OLD}\n\ndef test_two():\n    assert 2 + 2 == 4\n"
FRESH = TextFile("tests/test_fresh.py", '"""Tests of fresh."""\n\n\ndef test_three():\n    assert 3\n')
GIVEN: Mapping[str, bytes | tuple[str, bytes]] = {
    "src/app.py": b"x = 1\n",
    "pkg/app_test.py": OLD.encode(),
    "tests/test_app.py": OLD.encode(),
    "tests/test_run.py": ("100755", OLD.encode()),
    "tests/test_latin.py": b"# \xe9\n",
    "tests/test_link.py": ("120000", b"../src/app.py"),
    "tests/linked": ("120000", b"../src"),
    "tests/module": ("160000", b""),
}


@dataclass
class Place:
    """The pull request, where it stands, and the job that delivers to it."""

    site: Site
    head: str
    state: PullState = field(init=False)

    def __post_init__(self) -> None:
        self.state = PullState(PullRequest(5), Ref("main", "b" * 40, "o/r"), Ref("topic", self.head, "o/r"))
        self.site.event = Event(
            EventKind.PULL_REQUEST,
            repo="o/r",
            default_branch="main",
            sha=self.head,
            pull=PullRequest(5),
            server="https://github.test",
        )

    def commit(self, *files: TextFile, key: str = "tests-1", **changed: Any) -> Receipt:
        given = files or (TextFile("tests/test_app.py", NEW),)
        return self._carry(Commit(key, 5, self.head, "Add tests of app", given), "commit", **changed)

    def open_pull(self, *files: TextFile, key: str = "tests-1", body: str = "What is new.", **changed: Any) -> Receipt:
        given = files or (TextFile("tests/test_app.py", NEW), FRESH)
        effect = OpenPull(key, 5, self.head, "Tests of app", body, "Add tests of app", given)
        return self._carry(effect, "pull-request", **changed)

    def _carry(self, effect: Commit | OpenPull, deliver: str, **changed: Any) -> Receipt:
        self.site.forge.pulls[5] = self.state
        self.site.grant = EffectPolicy(deliver="commit" if deliver == "commit" else "pull-request")
        [receipt] = self.site.perform(replace(effect, **changed)).values()
        return receipt

    @property
    def tip(self) -> str:
        return self.site.forge.committed.store.branches["topic"]

    @property
    def files(self) -> dict[str, bytes]:
        return self.site.forge.committed.store.files(self.tip)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    site = Site(tmp_path)
    store = site.forge.committed.store
    head = store.plant(GIVEN)
    store.branches |= {"topic": head, "main": head}
    return Place(site, head)


def test_a_commit_adds_to_the_branch_and_leaves_all_else_as_it_was(place: Place) -> None:
    receipt = place.commit(TextFile("tests/test_app.py", NEW), TextFile("tests/test_run.py", NEW), FRESH)
    assert (receipt.state, receipt.detail) == (ReceiptState.DONE, f"3 files in commit {place.tip[:7]}")
    store = place.site.forge.committed.store
    made = store.commits[place.tip]
    assert made.parents == (place.head,)
    assert made.message == "Add tests of app\n\nCicd-Agent-Key: tests-1\n"
    assert place.files["tests/test_app.py"].decode() == NEW
    assert store.flat(made.tree)["tests/test_run.py"][0] == "100755"
    before, after = store.flat(store.commits[place.head].tree), store.flat(made.tree)
    touched = {"tests/test_app.py", "tests/test_run.py", FRESH.path}
    assert {path for path in after if after[path] != before.get(path)} == touched
    assert {*before} <= {*after}
    assert place.site.journal.entries == [("intent", "tests-1"), ("receipt", "tests-1")]


@pytest.mark.parametrize("path", ["tests/unit/test_new.py", "lib/Tests/test_new.py", "pkg/test_new.py"])
def test_a_new_module_goes_where_tests_are(place: Place, path: str) -> None:
    assert place.commit(TextFile(path, FRESH.text)).state is ReceiptState.DONE
    assert place.files[path].decode() == FRESH.text


def test_a_second_run_finds_the_commit_and_makes_no_other(place: Place) -> None:
    place.commit()
    tip = place.tip
    place.state = replace(place.state, head=replace(place.state.head, sha=tip))
    assert place.commit().state is ReceiptState.UNCHANGED
    assert place.tip == tip


def test_a_run_that_our_own_commit_has_started_commits_no_more(place: Place) -> None:
    place.commit()
    place = Place(place.site, place.tip)
    receipt = place.commit(FRESH, key="tests-2")
    assert (receipt.state, receipt.detail) == (
        ReceiptState.SKIPPED,
        "the last commit of the pull request is a delivery of ours",
    )


def test_tests_that_stand_there_already_are_no_commit(place: Place) -> None:
    assert place.commit(TextFile("tests/test_app.py", OLD)).state is ReceiptState.UNCHANGED
    assert place.tip == place.head


@pytest.mark.parametrize("known", [True, False])
def test_the_token_that_starts_no_workflow_moves_no_branch(place: Place, *, known: bool) -> None:
    place.site.forge.committed.account, place.site.forge.committed.known = "github-actions[bot]", known
    receipt = place.commit()
    assert receipt.state is ReceiptState.DEGRADED
    assert "create-github-app-token" in receipt.detail
    assert receipt.detail.endswith("The patch file has the tests.")
    assert place.tip == place.head
    assert ("write" in place.site.forge.committed.calls) is not known


class Faster(FakeCommits):
    """Somebody pushes while the commit is made."""

    def write(self, parent: MadeCommit, message: str, files: Sequence[NewFile]) -> MadeCommit:
        self.store.branches["topic"] = self.store.commit(parent.tree, "faster", "octocat", (parent.sha,))
        return super().write(parent, message, files)


def test_a_lost_race_is_no_outage(place: Place) -> None:
    store = place.site.forge.committed.store
    place.site.forge.committed = Faster(store)
    receipt = place.commit()
    assert receipt.state is ReceiptState.DEGRADED
    assert "not a fast forward" in receipt.detail
    assert store.commits[place.tip].message == "faster"


@pytest.mark.parametrize("fork", ["event", "now", "repository", "gone"])
@pytest.mark.parametrize("how", ["commit", "open_pull"])
def test_a_fork_gets_the_patch(place: Place, fork: str, how: str) -> None:
    match fork:
        case "event":
            place.site.event = replace(place.site.event, pull=PullRequest(5, from_fork=True))
        case "now":
            place.state = replace(place.state, pull=PullRequest(5, from_fork=True))
        case _:
            repo = "mallory/r" if fork == "repository" else ""
            place.state = replace(place.state, head=replace(place.state.head, repo=repo))
    receipt: Receipt = getattr(place, how)()
    assert receipt.state is ReceiptState.SKIPPED
    assert "comes from a fork, which gets the patch file" in receipt.detail
    assert place.site.forge.committed.calls == []


@pytest.mark.parametrize("how", ["commit", "open_pull"])
@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"pull": 6}, "it names pull request 6, the event is about pull request 5"),
        ({"head": "c" * 40}, "the event is about"),
        ({"key": "a\nSigned-off-by: b"}, "the key of the delivery is not plain"),
        ({"key": "k" * 101}, "the key of the delivery is not plain"),
        ({"files": ()}, "0 files"),
        ({"files": (FRESH,) * 2}, "names a file twice"),
        ({"files": tuple(TextFile(f"tests/test_{n}.py", "") for n in range(21))}, "21 files"),
        ({"files": (TextFile("tests/test_\ud800.py", ""),)}, "hidden characters"),
        ({"files": (TextFile("tests/test_a.py", "\ud800"),)}, "not valid UTF-8"),
        ({"files": (TextFile("tests/test_a.py", "\0"),)}, "binary"),
        ({"files": (TextFile(".github/workflows/ci.yml", ""),)}, "hidden, absolute"),
        ({"files": (TextFile("tests/conftest.py", ""),)}, "not a module of tests"),
        ({"files": (TextFile("src/app.py", "x = 1\n"),)}, "not a module of tests"),
        ({"files": (TextFile("tests/Test_App.py", ""),)}, "not a module of tests"),
        ({"files": (TextFile("TESTS/test_app.py", NEW),)}, "there is `tests`, which differs in case only"),
        ({"files": (TextFile("tests/test_APP.py", NEW),)}, "there is `test_app.py`, which differs in case only"),
        ({"files": (TextFile("tests/test_link.py", NEW),)}, "a link"),
        ({"files": (TextFile("tests/linked/test_a.py", "import os\n"),)}, "`linked` is a link"),
        ({"files": (TextFile("tests/module/test_a.py", "import os\n"),)}, "a submodule"),
        ({"files": (TextFile("tests/test_latin.py", NEW),)}, "is not valid UTF-8"),
        ({"files": (TextFile("tests/test_ä.py", "import os\n"),)}, "a plain name"),
        ({"files": (TextFile("src/test_new.py", "import os\n"),)}, "no tests in its folder"),
        ({"files": (TextFile("new/test_new.py", "import os\n"),)}, "no tests in its folder"),
        ({"files": (TextFile("tests/test_app.py", OLD[:-5]),)}, "changes or takes away lines"),
        ({"files": (TextFile("tests/test_app.py", f"{NEW}x = ("),)}, "not Python"),
        ({"files": (TextFile("tests/test_app.py", f"{OLD}\n\ndef test_x():\n    assert '{KEY}'\n"),)}, "a secret"),
        ({"files": (TextFile("tests/test_big.py", "import os\n" * 20_001),)}, "are added"),
    ],
)
def test_a_plan_reaches_nothing_but_tests_of_its_own_pull_request(
    place: Place, how: str, changed: dict[str, Any], words: str
) -> None:
    receipt: Receipt = getattr(place, how)(**changed)
    assert receipt.state is ReceiptState.FAILED
    assert words in receipt.detail
    assert not {"write", "begin", "move", "open_pull"} & {*place.site.forge.committed.calls}


@pytest.mark.parametrize("how", ["commit", "open_pull"])
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"head": Ref("topic", "", "o/r")}, "has moved from"),
        ({"pull": PullRequest(5, is_open=False)}, "has been closed"),
        ({"head": Ref("main", "", "o/r")}, "is the default branch"),
    ],
)
def test_a_pull_request_that_has_changed_meanwhile_is_left_alone(
    place: Place, how: str, change: dict[str, Any], words: str
) -> None:
    other = place.site.forge.committed.store.plant(GIVEN, "pushed")
    place.state = replace(place.state, **change)
    place.state = replace(place.state, head=replace(place.state.head, sha=other))
    receipt: Receipt = getattr(place, how)()
    assert receipt.state is ReceiptState.SKIPPED
    assert words in receipt.detail
    assert "write" not in place.site.forge.committed.calls


@pytest.mark.parametrize("deliver", ["patch", "comment", "pull-request"])
def test_a_commit_is_made_only_where_the_jobs_own_settings_say_so(place: Place, deliver: str) -> None:
    receipt = place._carry(Commit("k", 5, place.head, "", (FRESH,)), deliver)
    assert receipt.state is ReceiptState.FAILED
    assert "not as `commit`" in receipt.detail
    assert place.tip == place.head


def test_an_event_without_a_pull_request_gets_no_commit(place: Place) -> None:
    place.site.event = Event(EventKind.PUSH, repo="o/r", default_branch="main", sha=place.head)
    assert place.commit().detail == "it names pull request 5, the event is about no pull request"


def test_a_missing_permission_is_named(place: Place) -> None:
    place.site.forge.committed.refusals["move"] = refusal(403, "lacks `contents: write`")
    receipt = place.commit()
    assert receipt.state is ReceiptState.DEGRADED
    assert "lacks `contents: write`" in receipt.detail
    assert place.tip == place.head


def test_a_pull_request_of_tests_stands_on_the_head_and_is_against_its_branch(place: Place) -> None:
    receipt = place.open_pull()
    commits = place.site.forge.committed
    [pull] = commits.pulls
    assert (receipt.state, receipt.detail, receipt.url) == (ReceiptState.DONE, "opened #101", pull.url)
    assert commits.against == {101: "topic"}
    assert pull.branch.startswith("cicd-agent/tests-5-")
    assert pull.body == "<!-- cicd-agent:tests-1 -->\nWhat is new."
    made = commits.store.commits[commits.store.branches[pull.branch]]
    assert made.parents == (place.head,)
    assert commits.store.files(made.sha)[FRESH.path].decode() == FRESH.text
    assert place.tip == place.head


def test_a_second_run_leaves_the_pull_request_as_it_is_and_a_change_of_words_edits_it(place: Place) -> None:
    place.open_pull()
    again = place.open_pull()
    assert (again.state, again.detail) == (ReceiptState.UNCHANGED, "#101 reads so already")
    edited = place.open_pull(body="Other words.")
    assert (edited.state, edited.detail) == (ReceiptState.DONE, "edited #101")
    [pull] = place.site.forge.committed.pulls
    assert pull.body.endswith("Other words.")


def test_an_older_pull_request_of_tests_is_left_and_named(place: Place) -> None:
    place.open_pull()
    receipt = place.open_pull(key="tests-2")
    assert receipt.detail == "opened #102; left as it is: #101"


def test_what_somebody_closed_or_wrote_is_not_touched(place: Place) -> None:
    place.open_pull()
    pulls = place.site.forge.committed.pulls
    pulls[0] = replace(pulls[0], is_ours=False)
    theirs = place.open_pull(body="Other words.")
    assert (theirs.state, theirs.detail) == (ReceiptState.UNCHANGED, "#101 has the tests, in somebody else's words")
    pulls[0] = replace(pulls[0], is_ours=True, is_open=False)
    closed = place.open_pull()
    assert (closed.state, closed.detail) == (ReceiptState.SKIPPED, "#101 was closed by somebody")


def test_a_branch_that_is_there_without_a_pull_request_is_taken_only_if_it_is_ours(place: Place) -> None:
    commits = place.site.forge.committed
    commits.refusals["open_pull"] = refusal(403, "not permitted to create or approve pull requests")
    refused = place.open_pull()
    [branch] = {*commits.store.branches} - {"topic", "main"}
    assert refused.state is ReceiptState.DEGRADED
    assert f"The branch `{branch}` has the tests" in refused.detail
    del commits.refusals["open_pull"]
    assert place.open_pull().detail == "opened #101"
    commits.pulls.clear()
    commits.store.branches[branch] = place.head
    foreign = place.open_pull()
    assert foreign.state is ReceiptState.DEGRADED
    assert "not of this delivery" in foreign.detail


def test_a_pull_request_opened_with_the_jobs_token_says_that_its_workflows_wait(place: Place) -> None:
    place.site.forge.committed.account = "github-actions[bot]"
    assert "its workflows wait until somebody approves them" in place.open_pull().detail


def test_a_branch_is_named_after_the_pull_request_the_delivery_and_the_head(place: Place) -> None:
    effect = OpenPull("tests-1", 5, place.head, "", "", "", ())
    names = {branch_of(effect), branch_of(replace(effect, key="tests-2")), branch_of(replace(effect, head="c" * 40))}
    assert len(names) == 3
    assert all(len(name) == len("cicd-agent/tests-5-12345678") for name in names)


@pytest.mark.parametrize("how", ["commit", "open_pull"])
def test_no_secret_gets_into_a_message(place: Place, how: str) -> None:
    getattr(place, how)(message=f"Add {KEY}")
    assert not [one for one in place.site.forge.committed.store.commits.values() if KEY in one.message]


def test_a_title_does_nothing_when_it_becomes_the_message_of_a_merge(place: Place) -> None:
    place.open_pull(title="Fixes #1 for @octocat\n[skip ci]")
    [pull] = place.site.forge.committed.pulls
    assert pull.title == "Fixes # 1 for @ octocat (skip ci)"
    assert place.open_pull(title="Fixes #1 for @octocat\n[skip ci]").state is ReceiptState.UNCHANGED
