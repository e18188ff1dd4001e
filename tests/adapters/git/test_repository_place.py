import os
from pathlib import Path

import pytest

from cicd_agent.adapters.git.repository import GitRepository
from cicd_agent.errors import ConfigError
from tests.support.repos import TempRepo

ENV = {"PATH": os.environ["PATH"]}


@pytest.fixture
def repo(tmp_path: Path) -> TempRepo:
    return TempRepo(tmp_path / "repo")


def opened(repo: TempRepo) -> GitRepository:
    return GitRepository(repo.path, ENV)


def test_a_ref_is_found_by_its_name_or_as_a_branch_of_origin(repo: TempRepo) -> None:
    head = repo.commit({"a": "1\n"})
    repo.git("update-ref", "refs/remotes/origin/trunk", head)
    repo.git("tag", "-a", "v1", "-m", "v1")
    repository = opened(repo)
    for ref in ("HEAD", "main", "trunk", "origin/trunk", "v1", head, head[:10]):
        assert repository.resolve(ref) == head


def test_a_commit_is_looked_for_once_and_a_name_each_time(repo: TempRepo) -> None:
    first = repo.commit({"a": "1\n"})
    repository = opened(repo)
    assert repository.resolve("main") == first
    second = repo.commit({"a": "2\n"})
    assert repository.resolve("main") == second
    (repo.path / ".git").rename(repo.path / "elsewhere")
    assert repository.resolve("main") is None
    assert [repository.resolve(each) for each in (first, second)] == [first, second]


@pytest.mark.parametrize(
    "ref",
    ["", "-h", "--output=x", "nothing", "main\n", "ma\0in", "HEAD:a", "^main", "main..main", "0" * 40, "x" * 5000],
)
def test_what_names_no_commit_is_nothing(repo: TempRepo, ref: str) -> None:
    repo.commit({"a": "1\n"})
    assert opened(repo).resolve(ref) is None


def test_a_missing_commit_is_a_clear_error(repo: TempRepo) -> None:
    repo.commit()
    with pytest.raises(ConfigError, match=r"names no commit of this clone.*fetch-depth: 0"):
        opened(repo).change("1" * 40, "HEAD")


def test_a_blob_is_a_regular_file_at_a_commit(repo: TempRepo) -> None:
    repo.write("dir/é", "old\n")
    (repo.path / "link").symlink_to("dir/é")
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},sub")
    head = repo.commit({"run": "x"})
    repo.commit({"dir/é": "new\n"})
    repository = opened(repo)
    assert repository.blob(head, "dir/é") == b"old\n"
    assert repository.blob(head, "dir/é", limit=4) == b"old\n"
    assert repository.blob(head, "dir/é", limit=3) is None
    strange = ["", "dir", "dir/", "link", "sub", "missing", "/etc/passwd", "../x", ".", "*", "-z", "a\0b", "\udcff"]
    assert [repository.blob(head, path) for path in strange] == [None] * len(strange)
    assert repository.blob("HEAD", "run") is None
    assert repository.blob("1" * 40, "run") is None


def test_a_subdirectory_and_a_linked_worktree_are_checkouts(repo: TempRepo, tmp_path: Path) -> None:
    base = repo.commit({"dir/a": "1\n"})
    repo.git("worktree", "add", "--quiet", "-b", "side", str(tmp_path / "side"))
    side = TempRepo(tmp_path / "side")
    head = side.commit({"dir/a": "2\n"})
    below = GitRepository(repo.path / "dir", ENV)
    assert below.top == repo.path.resolve()
    assert below.change(base, "side").texts == {"dir/a": "2\n"}
    assert opened(side).top == side.path.resolve()
    assert opened(side).resolve("HEAD") == head
    side.write("dir/a", "3\n")
    assert opened(side).uncommitted(base).texts == {"dir/a": "3\n"}


def test_a_repository_with_sha256_works(tmp_path: Path) -> None:
    repo = TempRepo(tmp_path / "repo", "--object-format=sha256")
    base = repo.commit({"a": "1\n"})
    seen = opened(repo).change(base, repo.commit({"a": "2\n", "empty": ""}))
    assert len(seen.head) == 64
    assert [(file.path, file.omitted) for file in seen.files] == [("a", ""), ("empty", "")]


def test_a_place_that_is_no_checkout_is_a_clear_error(tmp_path: Path) -> None:
    bare = TempRepo(tmp_path / "bare", "--bare")
    with pytest.raises(ConfigError, match="bare repository"):
        opened(bare)
    (tmp_path / "plain").mkdir()
    with pytest.raises(ConfigError, match=r"not in a git repository.*actions/checkout"):
        GitRepository(tmp_path / "plain", ENV)
    with pytest.raises(ConfigError, match="not a directory"):
        GitRepository(tmp_path / "missing", ENV)
    (tmp_path / "plain" / ".git").write_text("gitdir: /nowhere\n")
    with pytest.raises(ConfigError, match="not in a git repository"):
        GitRepository(tmp_path / "plain", ENV)


def test_a_repository_without_commits_is_a_clear_error(repo: TempRepo) -> None:
    with pytest.raises(ConfigError, match="no commits"):
        opened(repo).uncommitted("HEAD")
    with pytest.raises(ConfigError, match="names no commit"):
        opened(repo).change("main", "main")


def test_a_machine_without_git_is_a_clear_error(repo: TempRepo, tmp_path: Path) -> None:
    repo.commit()
    with pytest.raises(ConfigError, match=r"could not be started.*Install git"):
        GitRepository(repo.path, {"PATH": str(tmp_path)})


@pytest.fixture
def misleading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "elsewhere"))


@pytest.mark.usefixtures("misleading")
def test_the_environment_does_not_say_which_repository(tmp_path: Path) -> None:
    repo = TempRepo(tmp_path / "repo")
    head = repo.commit()
    env = {**ENV, "GIT_DIR": str(tmp_path / "elsewhere"), "GIT_WORK_TREE": "/"}
    repository = GitRepository(repo.path, env)
    assert repository.resolve("HEAD") == head
    assert repository.top == repo.path.resolve()


def test_a_damaged_object_is_a_clear_error(repo: TempRepo) -> None:
    base = repo.commit({"a": "1\n"})
    head = repo.commit({"a": "2\n"})
    blob = repo.git("rev-parse", f"{head}:a")
    path = repo.path / ".git/objects" / blob[:2] / blob[2:]
    path.chmod(0o600)
    path.unlink()
    with pytest.raises(ConfigError, match=r"git diff failed .*fetch-depth: 0"):
        opened(repo).change(base, head)


def test_nothing_is_left_behind(repo: TempRepo, tmp_path: Path) -> None:
    head = repo.commit({"a": "1\n"})
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    repository = GitRepository(repo.path, ENV, scratch=scratch)
    before = sorted(str(path) for path in repo.path.rglob("*"))
    repo.write("b", "2\n")
    repository.uncommitted(head)
    assert sorted(str(path) for path in repo.path.rglob("*")) == sorted([*before, str(repo.path / "b")])
    assert list(scratch.iterdir())
    del repository
    assert not list(scratch.iterdir())


@pytest.mark.parametrize("content", [b"[core\n", b"\xff\x00", b"[core]\n\tbare = maybe\n"])
def test_a_damaged_configuration_is_a_clear_error(repo: TempRepo, content: bytes) -> None:
    (repo.path / ".git/config").write_bytes(content)
    with pytest.raises(ConfigError, match=r"bad .*config"):
        opened(repo)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a checkout away, as containers do")
def test_a_checkout_that_belongs_to_somebody_else_can_be_read(repo: TempRepo) -> None:
    base = repo.commit({"a": "1\n"})
    head = repo.commit({"a": "2\n"})
    for path in (repo.path, *repo.path.rglob("*")):
        os.chown(path, 12345, 12345)
    repository = opened(repo)
    assert repository.resolve("main") == head
    assert repository.change(base, head).texts == {"a": "2\n"}
    assert repository.uncommitted(base).texts == {"a": "2\n"}
