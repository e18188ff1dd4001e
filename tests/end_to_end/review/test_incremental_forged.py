"""A memory that this run cannot know to be its own says nothing: everything is asked, and the log says why."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cicd_agent.adapters.cache.blob_store import sign
from cicd_agent.adapters.cache.incremental_state import pack
from tests.support.jobs.incremental import KEY, Site, claim, draft, model_findings, rulings, site
from tests.support.jobs.pull_request import Job
from tests.support.jobs.recorded import folder, same
from tests.support.servers.openai.app import answer

ALL = (answer(draft(*map(claim, ("alpha", "beta", "gamma")))), rulings("keep", "keep", "keep"))
NOTE = "damaged or not ours"


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Site]:
    with site(tmp_path) as found:
        yield found


def without_claims(lines: tuple[str, ...]) -> list[str]:
    """What a forger would like us to remember: all of these files, and nothing wrong with any."""
    told = [json.loads(line) for line in lines]
    return [json.dumps({**line, "claims": 0} if "claims" in line else line) for line in told if "at" not in line]


def signed(lines: list[str], key: bytes) -> str:
    return sign(key, "octo/app#7", pack(lines)).decode()


FORGED: dict[str, Callable[[str, list[str]], str]] = {
    "another key": lambda _, lines: signed(lines, b"guessed"),
    "an empty key": lambda _, lines: signed(lines, b""),
    "the lines alone": lambda _, lines: "\n".join(lines),
    "another text under the same signature": lambda blob, lines: blob[:65] + pack(lines).decode(),
    "cut": lambda blob, _: blob[: len(blob) // 2],
    "one character": lambda blob, _: blob[:99] + ("A" if blob[99] != "A" else "B") + blob[100:],
    "no signature": lambda blob, _: blob.partition("\n")[2],
    "nothing": lambda *_: "",
    "no text": lambda *_: "\0\ud800",
    "too much": lambda blob, _: blob + "A" * 2_000_000,
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED.keys())
def test_what_is_not_sealed_by_us_is_not_believed_and_said_to_be_so(
    here: Site, forge: Callable[[str, list[str]], str]
) -> None:
    here.run(*ALL)
    sealed = here.memory.read_text()
    forged = forge(sealed, without_claims(here.remembered()))
    here.memory.write_bytes(forged.encode("utf-8", "surrogatepass"))
    left = here.run(*ALL)
    assert NOTE in left.log
    assert set(model_findings(left)) == {"alpha.py", "beta.py", "gamma.py"}
    assert here.memory.read_text() == sealed
    assert same(here.job)
    assert NOTE not in here.run().log


@pytest.mark.parametrize("kind", ["link", "broken link", "fifo", "sparse"])
def test_only_a_regular_file_is_opened_and_whatever_stands_there_is_replaced(here: Site, kind: str) -> None:
    here.run(*ALL)
    path = here.memory
    elsewhere = path.rename(here.job.place / "elsewhere")
    match kind:
        case "link":
            path.symlink_to(elsewhere)
        case "broken link":
            path.symlink_to(here.job.place / "nowhere")
        case "fifo":
            os.mkfifo(path)
        case _:
            path.touch()
            os.truncate(path, 2_000_000_000)
    assert NOTE in here.run(*ALL).log
    assert path.is_file()
    assert not path.is_symlink()
    assert not (here.job.place / "nowhere").exists()
    here.run()


@pytest.mark.parametrize(("before", "after"), [('"number": 7', '"number": 8'), ("octo/app", "octo/fork")])
def test_a_memory_of_another_pull_request_or_repository_is_not_believed(
    here: Site, tmp_path: Path, before: str, after: str
) -> None:
    here.run(*ALL)
    own = here.memory
    (tmp_path / "other").mkdir()
    with site(tmp_path / "other") as other:
        other.cache, other.server = here.cache, here.server
        other.job.event.write_text(other.job.event.read_text().replace(before, after))
        other.job.variables["GITHUB_REPOSITORY"] = "octo/fork"
        other.run(answer(draft()), github_token="")
    (foreign,) = {*here.files} - {own}
    own.write_bytes(foreign.read_bytes())
    left = here.run(*ALL)
    assert NOTE in left.log
    assert set(model_findings(left)) == {"alpha.py", "beta.py", "gamma.py"}


def test_a_new_key_asks_again(here: Site) -> None:
    here.run(*ALL)
    other = KEY[::-1]
    assert NOTE not in here.run(*ALL, openai_api_key=other).log
    here.run(openai_api_key=other)
    here.run()


def test_what_stands_in_comments_is_never_recalled(here: Site) -> None:
    here.run(*ALL)
    sealed = here.memory.read_text()
    here.memory.unlink()
    for comment in here.pull.comments:
        comment.body += f"\n<!-- cicd-agent-memory:{sealed} -->\n"
    here.run(*ALL)


def test_a_secret_is_not_remembered_but_its_file_is_asked_about_again(here: Site) -> None:
    token = "ghp_" + "0123456789abcdefghij" * 2
    told = draft(claim("alpha"), claim("beta", explanation=f"It knows {token}."), claim("gamma"))
    here.run(answer(told), ALL[1])
    text = "\n".join(here.remembered())
    assert "alpha" in text
    assert token not in text
    assert "beta_last" not in text
    here.run(answer(draft(claim("beta"))), rulings("keep"))
    assert "alpha" not in here.asked(2)
    here.run()


def test_a_memory_is_for_its_owner_alone_and_shows_nothing_of_the_change(here: Site) -> None:
    here.run(*ALL)
    assert here.memory.stat().st_mode & 0o777 == 0o600
    for word in ("octo", "alpha", "7.json"):
        assert word not in here.memory.name
        assert word not in here.memory.read_text()


def test_a_replay_of_a_run_from_memory_is_the_same_to_the_byte(here: Site) -> None:
    here.run(*ALL)
    assert same(here.job)
    here.push({"beta.py": "beta = 1\n"})
    here.run(answer(draft(claim("beta", quote="beta = 1"))), rulings("keep"))
    memory = here.memory.read_bytes()
    assert same(here.job)
    here.run()
    assert same(here.job)
    assert here.memory.read_bytes() == memory


def test_the_stages_apart_remember_what_the_whole_does(here: Site) -> None:
    here.run(*ALL)
    assert staged(here) == 0
    assert same(here.job)
    here.push({"beta.py": "beta = 1\n"})
    assert staged(here, answer(draft(claim("beta", quote="beta = 1"))), rulings("keep")) == 2
    assert same(here.job)
    assert "1 of 3 files sent to the model" in here.body
    here.run()


def bring(evidence: Path, memory: str, **event: str) -> None:
    """Put a memory into evidence that was gathered, and say it is of another event."""
    told = json.loads(evidence.read_text())
    told["body"]["memory"] = memory
    told["body"]["event"] |= event
    evidence.write_text(json.dumps(told))


def test_evidence_from_a_file_brings_no_memory_of_its_own(here: Site) -> None:
    here.run(*ALL)
    forged = "\n".join(without_claims(here.remembered()))
    assert staged(here, change=lambda path: bring(path, forged)) == 0
    here.memory.unlink()
    assert staged(here, *ALL, change=lambda path: bring(path, forged)) == 2


def test_evidence_from_a_file_reaches_no_memory_but_that_of_the_jobs_own_pull_request(here: Site) -> None:
    here.run(*ALL)
    before = here.memory.read_bytes()
    staged(here, stages=1, change=lambda path: bring(path, "", repo="octo/other"))
    evidence, decision = (str(here.job.place / name) for name in ("gathered.json", "decision.json"))
    left = here.job.run(
        "decide", "review", "--in", evidence, "--out", decision, openai_api_key=KEY, cache_dir=str(here.cache)
    )
    assert left.exit == 2
    assert "the evidence of something else" in left.log
    assert [path.read_bytes() for path in here.files] == [before]


def staged(here: Site, *steps: object, stages: int = 3, change: Callable[[Path], None] = lambda _: None) -> int:
    """Gather without a key, decide without a token, perform without a key; the number of requests to the model."""
    job: Job = here.job
    here.forget_answers()
    before = here.server.requests
    here.server.steps[:] = steps  # type: ignore[assignment]  # each is a Step
    evidence, decision = job.place / "gathered.json", str(job.place / "decision.json")
    token = {"github_token": here.hub.token}
    model = {"base_url": here.server.url, "openai_api_key": KEY, "cache_dir": str(here.cache)}
    for argv, given in (
        (("gather", "review", "--out", str(evidence)), token),
        (("decide", "review", "--in", str(evidence), "--out", decision, "--keep-evidence"), model),
        (("perform", "review", "--in", decision), token),
    )[:stages]:
        left = job.run(*argv, **given)
        assert left.exit == 0, left.log
        if argv[0] == "gather":
            change(evidence)
    assert folder(job).exists()
    return here.server.requests - before
