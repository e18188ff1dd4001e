"""Logs in an archive: every job finds its own, however its name was packed, and never another's."""

import io
from collections.abc import Iterator

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cicd_agent.adapters.github.archive import Archive, GitHubLogs
from cicd_agent.adapters.github.forge import GitHubForge
from cicd_agent.domain.events.workflow_run import JobRun
from cicd_agent.errors import ForgeRefused
from tests.support.samples.archives import called, distinct, zipped
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.github.run_state import Attempt, Job, Run

NAMES = st.text(
    st.one_of(st.sampled_from('ab1_-. ()/:<>|*?"\\,😅é'), st.characters(exclude_categories=["Cs"])), max_size=120
)
LONG = "thisisnineteenchars_" * 5
EMOJI = "emoji test " + "😅" * 60


def opened(files: dict[str, bytes]) -> GitHubLogs:
    return GitHubLogs(Archive(io.BytesIO(zipped(files)), "read logs", lambda _: None))


def jobs(*names: str) -> tuple[JobRun, ...]:
    return tuple(JobRun(at, name) for at, name in enumerate(names, start=1))


def found(files: dict[str, bytes], *listed: JobRun) -> list[bytes | None]:
    """The log of each job, found among all of them."""
    logs = opened(files)
    answers = [logs.log(job, listed) for job in listed]
    read = [None if pieces is None else b"".join(pieces) for pieces in answers]
    logs.close()
    return read


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("build", "0_build.txt"),
        ("build", "build.txt"),
        ("build", "-9999999999_build.txt"),
        ("1_build", "0_1_build.txt"),
        ("1_build", "1_build.txt"),
        ("test (3.12, ubuntu-latest)", "14_test (3.12, ubuntu-latest).txt"),
        ("a / b / c", "0_a  b  c.txt"),
        ("a / b", "0_a _ b.txt"),
        ('x: "y" <z> | * ? \\', "0_x y z.txt"),
        ('x: "y" <z> | * ? \\', "0_x_ _y_ _z_ _ _ _ _.txt"),
        (LONG, f"{LONG[:90]}/1_step.txt"),
        (EMOJI, f"0_{called(EMOJI)}.txt"),
        ("\u202ebuild\t", "0_\u202ebuild.txt"),
        ("🎉", "0_🎉.txt"),
        ("build", "build/1_Set up job.txt"),
        ("build", "build/system.txt"),
        ("a/b", "ab\\1_Set up job.txt"),
    ],
)
def test_a_job_finds_its_log_by_whatever_name_it_was_packed(name: str, file: str) -> None:
    assert found({file: b"own", "9_other.txt": b"other"}, *jobs(name, "other"))[0] == b"own"


def test_a_character_that_is_cut_in_half_is_replaced() -> None:
    assert called(EMOJI).endswith("😅\ufffd")


@given(st.lists(NAMES, min_size=1, max_size=6, unique=True), st.sampled_from(["", "_"]), st.booleans())
def test_any_job_finds_its_own_log_or_none(names: list[str], filler: str, is_cut: bool) -> None:  # noqa: FBT001
    packed = [called(name, filler, is_cut=is_cut) for name in names]
    files = {f"{at}_{name}.txt": names[at].encode("utf-8", "replace") for at, name in enumerate(packed)}
    for name, log in zip(names, found(files, *jobs(*names)), strict=True):
        if packed.count(called(name, filler, is_cut=is_cut)) == 1:
            assert log == name.encode("utf-8", "replace")
        else:
            assert log is None, "two logs have the same name, and nothing tells which is whose"


@given(st.lists(NAMES, min_size=1, max_size=6, unique=True))
def test_any_job_finds_its_own_steps_or_none(names: list[str]) -> None:
    packed = [called(name) for name in names]
    assume(all(folder and folder not in {".", ".."} for folder in packed))
    files = {f"{folder}/1_a.txt": names[at].encode() for at, folder in enumerate(distinct(packed))}
    for name, log in zip(names, found(files, *jobs(*names)), strict=True):
        assert log in {name.encode(), None}
        if packed.count(called(name)) == 1 and not any(char in name for char in "()"):
            assert log == name.encode()


@given(st.lists(NAMES, max_size=5), st.lists(NAMES, max_size=8))
def test_any_names_at_all_are_borne(names: list[str], files: list[str]) -> None:
    logs = opened({f"{name}.txt": b"x" for name in files})
    for job in jobs(*names):
        logs.log(job, ())
    logs.close()


def test_the_whole_log_is_preferred_to_its_steps() -> None:
    assert found({"build/1_a.txt": b"step", "0_build.txt": b"whole"}, *jobs("build")) == [b"whole"]


def test_steps_follow_one_another_by_number_each_on_lines_of_its_own() -> None:
    files = {"b/10_z.txt": b"ten", "b/2_y.txt": b"two", "b/system.txt": b"runner", "b/1_x.txt": b"one\n"}
    assert found(files, *jobs("b")) == [b"one\ntwo\nten"]


def test_the_runners_own_words_are_better_than_none() -> None:
    assert found({"b/system.txt": b"lost the runner"}, *jobs("b")) == [b"lost the runner"]


def test_a_job_that_was_skipped_has_none() -> None:
    assert found({"0_build.txt": b"own"}, *jobs("build", "deploy")) == [b"own", None]
    assert found({}, *jobs("build")) == [None]


def test_an_empty_log_is_one() -> None:
    assert found({"0_build.txt": b""}, *jobs("build")) == [b""]


def test_a_name_that_begins_like_another_is_not_taken_for_it() -> None:
    files = {"0_build and test everything.txt": b"short", "1_build and test everything twice.txt": b"long"}
    assert found(files, *jobs("build and test everything twice", "build and test everything")) == [b"long", b"short"]


def test_a_number_that_belongs_to_the_name_tells_jobs_apart() -> None:
    files = {"0_build (1).txt": b"one", "1_build.txt": b"none", "2_build (2).txt": b"two"}
    assert found(files, *jobs("build", "build (2)", "build (1)")) == [b"none", b"two", b"one"]


@pytest.mark.parametrize("second", ["1_build.txt", "build/1_a.txt"])
def test_of_two_jobs_with_one_name_neither_is_given_the_log_of_the_other(second: str) -> None:
    assert found({"0_build.txt": b"one", second: b"two"}, *jobs("build", "build")) == [None, None]


@pytest.fixture
def hub() -> Iterator[FakeGitHub]:
    with FakeGitHub() as hub:
        hub.add_repo("o/r")
        yield hub


@pytest.fixture
def forge(hub: FakeGitHub) -> Iterator[GitHubForge]:
    token = hub.add_token("ghs_reads_runs", actions="read")
    with GitHubForge(token, "o/r", api_url=hub.url) as forge:
        yield forge


def test_the_logs_of_an_attempt_are_fetched_once(hub: FakeGitHub, forge: GitHubForge) -> None:
    listed = [Job(71, "build", log=b"one"), Job(72, "test", log=b"two"), Job(73, "skipped", "skipped", log=None)]
    hub.repos["o/r"].runs.append(Run(5, "CI", "c" * 40, "main", attempts=[Attempt(listed)]))
    told = forge.runs.jobs(5, 1)
    archive = forge.runs.archive(5, 1)
    logs = [archive.log(job, told) for job in told]
    assert [pieces and b"".join(pieces) for pieces in logs] == [b"one", b"two", None]
    archive.close()
    assert len(hub.storage.received) == 1
    assert not hub.storage.received[0].authorized


def test_the_logs_of_an_attempt_that_goes_on_are_refused(hub: FakeGitHub, forge: GitHubForge) -> None:
    hub.repos["o/r"].runs.append(Run(5, "CI", "c" * 40, "main", attempts=[Attempt(status="in_progress")]))
    with pytest.raises(ForgeRefused, match="read the logs of run 5") as caught:
        forge.runs.archive(5, 1)
    assert caught.value.status == 404


@pytest.mark.parametrize("archive", [b"<html>", zipped({"0_a.txt": b"x"})[:-9], b"PK\x05\x06"])
def test_an_archive_that_is_none_is_refused(hub: FakeGitHub, forge: GitHubForge, archive: bytes) -> None:
    hub.repos["o/r"].runs.append(Run(5, "CI", "c" * 40, "main", attempts=[Attempt([], archive=archive)]))
    with pytest.raises(ForgeRefused, match="not a zip file"):
        forge.runs.archive(5, 1)
