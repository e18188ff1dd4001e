"""An approval is of what changes in the environment: it outlives a rebase, and nothing that goes out differently."""

import os
from pathlib import Path

import pytest

from cicd_agent.adapters.git.repository import GitRepository
from cicd_agent.domain.events.event import Event, EventKind
from cicd_agent.domain.gate_evidence import ApprovalComment, Deployed, GateEvidence, PastDeployment
from cicd_agent.modes.deploy_gate.subject import Subject, with_patches
from cicd_agent.settings.schema import Settings
from tests.support.repos import TempRepo

EVENT = Event(EventKind.PUSH)
TEXT = "".join(f"    line {number}\n" for number in range(40))
CHANGED = TEXT.replace("line 20", "line twenty")


def looked_at(repo: TempRepo, *deployed: str, at: int = 0, subject: Subject | None = None) -> GateEvidence:
    """The gate in front of HEAD, after these were deployed one after the other; an order was given `at`."""
    past = tuple(
        PastDeployment(time, sha, "main", time, "inactive", time, succeeded=time)
        for time, sha in enumerate(deployed, start=1)
    )
    order = ApprovalComment(1, "approve", "", "", "ann", "write", at)
    gate = GateEvidence(
        repo.head, "production", 100, commits=(Deployed(repo.head, ""),), deployments=past, words=(order,)
    )
    repository = GitRepository(repo.path, {"PATH": os.environ["PATH"]})
    return with_patches(gate, subject or Subject(deployed[-1] if deployed else ""), EVENT, repository, Settings())


def ids(gate: GateEvidence) -> tuple[str, ...]:
    return gate.patch, *(each.content for each in gate.commits)


@pytest.fixture
def repo(tmp_path: Path) -> TempRepo:
    repo = TempRepo(tmp_path / "repo")
    repo.commit({"a.py": TEXT, "b.py": "1\n"})
    return repo


def test_a_rebased_commit_with_another_message_has_the_same_ids_and_a_second_run_too(repo: TempRepo) -> None:
    base = repo.head
    repo.commit({"a.py": CHANGED})
    first = looked_at(repo, base)
    assert all(ids(first))
    assert first.sha not in ids(first)
    assert looked_at(repo, base, repo.head).patch == first.patch
    repo.git("checkout", "--quiet", "--detach", base)
    base = repo.commit({"b.py": "2\n", "a.py": "import os\n" + TEXT})
    repo.commit({"a.py": "import os\n" + CHANGED}, "Say it better")
    assert ids(looked_at(repo, base)) == ids(first)


@pytest.mark.parametrize(
    "command",
    [
        "sed -i 's/^    line 20$/  line twenty/' a.py",
        "sed -i 's/line 20$/line twenty /' a.py",
        "sed -i 's/line 20$/line twenty/' a.py; chmod +x b.py",
        "sed -i 's/line 20$/line twenty/' a.py; git mv b.py c.py",
        "sed -i 's/line 20$/line twenty/' a.py; rm b.py; ln -s 1 b.py",
        "sed -i 's/line 20$/line twenty/' a.py; : > empty",
        "sed -i 's/line 20$/line twenty/' a.py; git update-index --add --cacheinfo 160000,$(git rev-parse HEAD),lib",
    ],
    ids=["indentation", "blank", "mode", "rename", "link", "empty file", "submodule"],
)
def test_what_goes_out_differently_has_another_id(repo: TempRepo, command: str) -> None:
    base = repo.head
    repo.commit({"a.py": CHANGED})
    first = looked_at(repo, base)
    repo.git("checkout", "--quiet", "--detach", base)
    assert os.system(f"cd '{repo.path}' && {command}") == 0
    repo.git("add", "--all", ":!lib")
    repo.git("commit", "--quiet", "-m", "Other")
    assert not {*ids(first)} & {*ids(looked_at(repo, base))}


def test_what_cannot_be_compared_and_what_changes_nothing_is_its_commit(repo: TempRepo) -> None:
    base = repo.head
    repo.git("commit", "--quiet", "--allow-empty", "-m", "Nothing")
    assert ids(looked_at(repo, base)) == ("", repo.head)
    repo.commit({"a.py": CHANGED})
    for gate in (
        looked_at(repo),
        looked_at(repo, "f" * 40),
        looked_at(repo, base, subject=Subject(base, unknown="nobody could say")),
        looked_at(repo, base, subject=Subject(base, problem="too many")),
    ):
        assert ids(gate) == ("", repo.head)


def test_a_patch_that_was_deployed_and_taken_back_is_approved_once_more(repo: TempRepo) -> None:
    base = repo.head
    brought = repo.commit({"a.py": CHANGED})
    back = repo.commit({"a.py": TEXT})
    again = repo.commit({"a.py": CHANGED})
    assert looked_at(repo, base, brought, back, at=1).patch_deployed == 2
    assert looked_at(repo, base, brought, back, at=3).patch_deployed == 0
    # What is not here may have been the same; the commit itself is another run of what was approved.
    assert looked_at(repo, base, "f" * 40, back, at=1).patch_deployed == 3
    assert looked_at(repo, base, again, at=1).patch_deployed == 0


def test_whoever_deployed_as_many_in_between_approves_again(repo: TempRepo) -> None:
    line = [repo.head, *(repo.commit({"b.py": f"{number}\n"}) for number in range(2, 25))]
    repo.commit({"a.py": CHANGED})
    assert looked_at(repo, *line, at=1).patch_deployed == 4
    assert looked_at(repo, *line, at=10).patch_deployed == 0
