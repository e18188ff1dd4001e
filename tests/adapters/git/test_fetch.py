import os
from base64 import b64encode
from pathlib import Path

import pytest

from cicd_agent.adapters.git import fetch as git_fetch
from cicd_agent.adapters.git.repository import GitRepository
from cicd_agent.errors import ConfigError
from tests.support.repos import TempRepo
from tests.support.servers.git_http import serving

ENV = {"PATH": os.environ["PATH"]}
TOKEN = "ghs_secret"
HEADER = "basic " + b64encode(f"x-access-token:{TOKEN}".encode()).decode()


@pytest.fixture
def origin(tmp_path: Path) -> TempRepo:
    """main and topic part two commits ago; then main is merged with topic, as a pull request's checkout is."""
    repo = TempRepo(tmp_path / "served" / "origin")
    repo.commit({"a": "0\n"})
    repo.commit({"a": "1\n"})
    repo.branch("topic")
    repo.commit({"b": "1\n"})
    repo.commit({"b": "2\n"})
    repo.switch("main")
    repo.commit({"c": "1\n"})
    repo.commit({"c": "2\n"})
    repo.branch("merged")
    repo.git("merge", "--quiet", "--no-ff", "-m", "merge", "topic")
    return repo


def clone(origin: TempRepo, url: str, *options: str) -> TempRepo:
    place = origin.path.parent.parent / "clone"
    source = origin.path.as_uri()
    origin.git("clone", "--quiet", "--single-branch", "--branch=merged", *options, source, str(place))
    cloned = TempRepo(place)
    cloned.git("remote", "set-url", "origin", url)
    return cloned


def commits(origin: TempRepo) -> tuple[str, str, str]:
    return origin.git("rev-parse", "main"), origin.git("rev-parse", "topic"), origin.git("rev-parse", "main~2")


def snapshot(repo: TempRepo) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in repo.path.rglob("*") if path.is_file()}


def test_a_shallow_clone_is_deepened_and_itself_left_alone(origin: TempRepo) -> None:
    shallow = clone(origin, origin.path.as_uri(), "--depth=1")
    base, head, start = commits(origin)
    before = snapshot(shallow)
    repository = GitRepository(shallow.path, ENV)
    assert repository.resolve(head) is None
    assert repository.ensure([base, head]) == ""
    seen = repository.change(base, head)
    assert (seen.base, seen.texts, len(seen.commits)) == (start, {"b": "2\n"}, 2)
    assert snapshot(shallow) == before


def test_a_merge_base_out_of_reach_is_looked_for_step_by_step(
    origin: TempRepo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(git_fetch, "DEPTHS", (1, 2, 3))
    shallow = clone(origin, origin.path.as_uri(), "--depth=2")
    base, head, start = commits(origin)
    repository = GitRepository(shallow.path, ENV)
    with pytest.raises(ConfigError, match=r"no common ancestor in this clone \(it is shallow\).*fetch-depth: 0"):
        repository.change(base, head)
    assert repository.ensure([base, head]) == ""
    assert repository.change(base, head).base == start


def test_a_complete_clone_asks_nobody(origin: TempRepo) -> None:
    base, head, _ = commits(origin)
    whole = clone(origin, "http://127.0.0.1:9/nobody")
    assert GitRepository(whole.path, ENV).ensure([base, head], TOKEN) == ""
    assert GitRepository(whole.path, ENV).ensure([head]) == ""
    assert GitRepository(whole.path, ENV).ensure([]) == ""


def test_the_token_reaches_its_server_and_no_other_process(origin: TempRepo, tmp_path: Path) -> None:
    log = tmp_path / "log"
    wrapper = tmp_path / "bin" / "git"
    wrapper.parent.mkdir()
    wrapper.write_text(
        f"#!/bin/sh\nif env | grep -q GIT_CONFIG_VALUE; then carries=yes; else carries=no; fi\n"
        f'echo "$1 $carries $*" >> {log}\nPATH={ENV["PATH"]} exec git "$@"\n'
    )
    wrapper.chmod(0o755)
    base, head, _ = commits(origin)
    with serving(origin.path.parent, token_header=HEADER) as server:
        shallow = clone(origin, f"{server.url}/origin", "--depth=1")
        before = snapshot(shallow)
        repository = GitRepository(shallow.path, {"PATH": f"{wrapper.parent}:{ENV['PATH']}"}, server=server.url)
        assert repository.ensure([base, head], TOKEN) == ""
        assert set(server.authorizations) == {HEADER}
    repository.change(base, head)
    lines = log.read_text().splitlines()
    assert {line.split()[1] for line in lines if line.startswith("fetch ")} == {"yes"}
    assert {line.split()[1] for line in lines if not line.startswith("fetch ")} == {"no"}
    assert TOKEN not in log.read_text()
    assert HEADER.split()[1] not in log.read_text()
    assert snapshot(shallow) == before


def test_an_origin_on_another_host_gets_no_token(origin: TempRepo) -> None:
    base, head, _ = commits(origin)
    with serving(origin.path.parent) as server:
        shallow = clone(origin, f"{server.url}/origin", "--depth=1")
        other = server.url.replace("127.0.0.1", "localhost")
        assert GitRepository(shallow.path, ENV, server=other).ensure([base, head], TOKEN) == ""
        assert set(server.authorizations) == {""}


def test_a_redirect_does_not_carry_the_token_away(origin: TempRepo) -> None:
    base, head, _ = commits(origin)
    with serving(origin.path.parent) as thief, serving(origin.path.parent, redirect=thief.url) as server:
        shallow = clone(origin, f"{server.url}/origin", "--depth=1")
        assert "302" in GitRepository(shallow.path, ENV, server=server.url).ensure([base, head], TOKEN)
        assert thief.authorizations == []


def test_the_checkouts_own_rewriting_of_addresses_is_not_followed(origin: TempRepo) -> None:
    base, head, _ = commits(origin)
    with serving(origin.path.parent) as thief, serving(origin.path.parent, token_header=HEADER) as server:
        shallow = clone(origin, f"{server.url}/origin", "--depth=1")
        shallow.git("config", f"url.{thief.url}/.insteadOf", f"{server.url}/")
        shallow.git("config", f"http.{server.url}/.proxy", thief.url)
        assert GitRepository(shallow.path, ENV, server=server.url).ensure([base, head], TOKEN) == ""
        assert thief.authorizations == []


def test_a_refusal_is_one_line_without_secrets(origin: TempRepo) -> None:
    with serving(origin.path.parent, token_header="basic other") as server:
        address = f"{server.url}/origin".replace("//", "//user:pass@")
        shallow = clone(origin, address, "--depth=1")
        reason = GitRepository(shallow.path, ENV, server=server.url).ensure(["1" * 40], TOKEN)
    assert reason.isprintable()
    assert "uthentication failed" in reason
    assert "pass" not in reason


def test_a_commit_that_origin_does_not_have_is_said_so(origin: TempRepo) -> None:
    whole = clone(origin, origin.path.as_uri())
    assert "not our ref" in GitRepository(whole.path, ENV).ensure(["1" * 40])


def test_an_origin_that_is_gone_is_said_so(origin: TempRepo) -> None:
    whole = clone(origin, "../nowhere")
    assert "does not appear to be a git repository" in GitRepository(whole.path, ENV).ensure(["1" * 40])
    whole.git("remote", "remove", "origin")
    assert GitRepository(whole.path, ENV).ensure(["1" * 40]) == "the clone has no remote named origin"


@pytest.mark.parametrize("sha", ["", "main", "--upload-pack=x", "1" * 39])
def test_only_full_ids_are_fetched(origin: TempRepo, sha: str) -> None:
    assert GitRepository(origin.path, ENV).ensure([sha]) == "a commit's id is not a full SHA"


def test_histories_that_never_met_are_said_so(origin: TempRepo) -> None:
    origin.git("checkout", "--quiet", "--orphan", "island")
    island = origin.commit({"z": "1\n"})
    base, _, _ = commits(origin)
    shallow = clone(origin, origin.path.as_uri(), "--depth=1")
    assert GitRepository(shallow.path, ENV).ensure([base, island]) == "the commits have no common ancestor"


def test_a_partial_clone_gets_the_contents_that_the_change_needs(origin: TempRepo) -> None:
    origin.git("config", "uploadpack.allowFilter", "true")
    base, head, _ = commits(origin)
    start = origin.git("rev-parse", "main~3")
    origin.switch("main")
    origin.git("rm", "--quiet", "-r", ".")
    origin.commit({"last": "1\n"})
    origin.git("branch", "--force", "merged")
    partial = clone(origin, origin.path.as_uri(), "--filter=blob:none")
    repository = GitRepository(partial.path, ENV)
    with pytest.raises(ConfigError, match="no `filter`"):
        repository.change(start, base)
    with pytest.raises(ConfigError, match="no `filter`"):
        repository.blob(start, "a")
    assert repository.ensure([start, base]) == ""
    assert repository.change(start, base).texts == {"a": "1\n", "c": "2\n"}
    assert repository.ensure([base, head]) == ""
    assert repository.change(base, head).texts == {"b": "2\n"}


def test_a_partial_clone_gets_what_stood_where_both_sides_began(origin: TempRepo) -> None:
    origin.git("config", "uploadpack.allowFilter", "true")
    for branch in ("main", "topic"):
        origin.switch(branch)
        origin.commit({"a": f"1\n{branch}\n"})
    origin.switch("main")
    origin.git("rm", "--quiet", "-r", ".")
    origin.commit({"last": "end\n"})
    origin.git("merge", "--quiet", "-s", "ours", "-m", "merge", "topic")
    origin.git("branch", "--force", "merged")
    base, head = origin.git("rev-parse", "main^^"), origin.git("rev-parse", "topic")
    repository = GitRepository(clone(origin, origin.path.as_uri(), "--filter=blob:none").path, ENV)
    assert repository.ensure([base, head]) == ""
    assert repository.change(base, head).old_texts == {"a": "1\n"}


def test_fetching_ends_when_its_time_is_over(origin: TempRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git_fetch, "SECONDS", -1.0)
    base, head, _ = commits(origin)
    shallow = clone(origin, origin.path.as_uri(), "--depth=1")
    assert "took longer" in GitRepository(shallow.path, ENV).ensure([base, head])
