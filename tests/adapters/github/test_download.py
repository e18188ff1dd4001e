"""What lies behind a signed address: fetched without the token, in pieces, within limits, and never shown."""

import gzip
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from cicd_agent.adapters.github import download as github_download
from cicd_agent.adapters.github import runs as github_runs
from cicd_agent.adapters.github.forge import GitHubForge
from cicd_agent.errors import Exit, ForgeRefused
from tests.support.servers.authority import certificate, speaking
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.github.run_state import Attempt, Job, Run
from tests.support.servers.github.storage import SIGNATURE

LOG = b"\xef\xbb\xbf2026-01-01T00:00:00.0000000Z It broke\n" * 20_000
OK = {"Content-Type": "text/plain"}


class Bench:
    """A hub with one failed job, and a forge that naps instead of sleeping."""

    def __init__(self, hub: FakeGitHub, **more: Any) -> None:
        self.hub = hub
        self.naps: list[float] = []
        self.run = Run(5, "CI", "c" * 40, "main", attempts=[Attempt([Job(71, "test", log=LOG)])])
        hub.add_repo("o/r").runs.append(self.run)
        token = hub.add_token("ghs_reads_runs", actions="read")
        settings: dict[str, Any] = {"api_url": hub.url, "timeout": 1, "sleep": self.naps.append} | more
        self.forge = GitHubForge(token, "o/r", **settings)

    def log(self) -> bytes:
        return b"".join(self.forge.runs.log(71))

    def refusal(self) -> ForgeRefused:
        """How reading the log fails: in one line that shows neither the token nor the signature."""
        with pytest.raises(ForgeRefused) as caught:
            self.log()
        failure = caught.value
        shown = f"{failure} {failure!r} {failure.args} {failure.__cause__!r}"
        assert "ghs_" not in shown
        assert SIGNATURE not in shown
        assert "sig=" not in shown
        assert "\n" not in str(failure)
        assert failure.exit is Exit.FORGE
        return failure


@pytest.fixture
def bench() -> Iterator[Bench]:
    with FakeGitHub() as hub:
        bench = Bench(hub)
        yield bench
        bench.forge.close()


def test_a_log_is_fetched_from_the_storage_without_the_token(bench: Bench) -> None:
    assert bench.log() == LOG
    (sent,) = bench.hub.storage.received
    assert not sent.authorized
    assert {"authorization", "cookie"}.isdisjoint(sent.headers)
    assert "ghs_" not in str(sent)
    assert bench.hub.received[-1].authorized


def test_a_password_kept_for_the_storages_host_is_not_sent(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("default login a password b\n", "utf-8")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert bench.log() == LOG
    assert not bench.hub.storage.received[0].authorized


def test_a_log_comes_in_pieces_that_are_small(bench: Bench) -> None:
    assert max(len(piece) for piece in bench.forge.runs.log(71)) <= 65_536


def test_an_empty_log_is_empty(bench: Bench) -> None:
    bench.run.attempts[0].jobs[0] = Job(71, "test", log=b"")
    assert bench.log() == b""


def test_a_log_that_nobody_reads_to_its_end_is_let_go(bench: Bench) -> None:
    pieces = bench.forge.runs.log(71)
    next(pieces)
    del pieces
    assert bench.log() == LOG


def test_a_log_that_is_gone_is_refused_before_anything_is_read(bench: Bench) -> None:
    bench.run.attempts[0].jobs[0] = Job(71, "test", log=None)
    assert bench.refusal().status == 404
    bench.hub.add_repo("o/r").runs[0] = Run(5, "CI", "c" * 40, "main", attempts=bench.run.attempts, expired=True)
    bench.run.attempts[0].jobs[0] = Job(71, "test", log=LOG)
    failure = bench.refusal()
    assert failure.status == 410
    assert "has expired" in failure.remedy
    assert bench.hub.storage.received == []


@pytest.mark.parametrize("status", [401, 403, 429, 502])
def test_the_api_itself_may_refuse(bench: Bench, status: int) -> None:
    body = "<html>" if status == 502 else {"message": "no"}
    bench.hub.fail("GET", "/logs$", status, body, {"Retry-After": "7"}, times=9)
    # With a time to come again, 403 is a rate limit.
    assert bench.refusal().status == (429 if status == 403 else status)
    assert bench.naps == ([1, 3] if status == 502 else [] if status == 401 else [7])


@pytest.mark.parametrize("body", [b"the log itself", "<html>Sign in</html>", {"message": "?"}, None])
def test_an_api_that_does_not_redirect_is_not_understood(bench: Bench, body: object) -> None:
    bench.hub.fail("GET", "/logs$", 200, body)
    assert "is not understood" in str(bench.refusal())


@pytest.mark.parametrize("status", [400, 401, 403, 410, 416])
def test_a_storage_that_refuses_is_told_by_status_and_host_alone(bench: Bench, status: int) -> None:
    bench.hub.storage.fail(status, f"<Error>{SIGNATURE}</Error>")
    failure = bench.refusal()
    assert (failure.status, failure.why) == (status, f"{status} from localhost")
    assert "storage refused to read the log" in str(failure)
    assert "permissions" not in failure.remedy
    assert bench.naps == []


def test_a_log_that_has_not_arrived_yet_is_asked_for_again(bench: Bench) -> None:
    bench.hub.storage.fail(404, "<Error><Code>BlobNotFound</Code></Error>", times=2)
    assert bench.log() == LOG
    assert bench.naps == [1, 3]
    bench.hub.storage.fail(404, "", times=3)
    assert bench.refusal().status == 404


@pytest.mark.parametrize("status", [500, 503])
def test_a_storage_in_trouble_is_asked_three_times(bench: Bench, status: int) -> None:
    bench.hub.storage.fail(status, "<html>", times=2)
    assert bench.log() == LOG
    assert bench.naps == [1, 3]
    bench.hub.storage.fail(status, "<html>", times=3)
    assert bench.refusal().status == status
    assert len(bench.hub.of("GET", "/logs$")) == 2


def test_a_storage_that_drops_the_connection_is_asked_again(bench: Bench) -> None:
    bench.hub.storage.drop(times=2)
    assert bench.log() == LOG
    bench.hub.storage.drop(times=3)
    assert "broke off" in str(bench.refusal())


def test_a_storage_that_never_answers_is_given_up(bench: Bench) -> None:
    bench.hub.storage.hang(times=3)
    assert "no answer within the time limit" in str(bench.refusal())


def test_a_storage_that_nobody_listens_at_is_given_up(bench: Bench) -> None:
    with FakeGitHub() as gone:
        url = gone.url
    bench.hub.redirect("GET", "/logs$", f"{url}/?sig={SIGNATURE}")
    assert "refused or the host is not known" in str(bench.refusal())


def test_a_short_rate_limit_of_the_storage_is_waited_for_once(bench: Bench) -> None:
    bench.hub.storage.fail(429, "", {"Retry-After": "7"})
    assert bench.log() == LOG
    assert bench.naps == [7]
    bench.hub.storage.fail(429, "", {"Retry-After": "7"}, times=2)
    assert bench.refusal().status == 429
    bench.hub.storage.fail(429, "", {"Retry-After": "61"})
    assert bench.refusal().status == 429
    assert bench.naps == [7, 7]


@pytest.mark.parametrize("sent", [b"", b"half", LOG])
def test_a_download_that_is_cut_off_is_not_taken_for_the_whole(bench: Bench, sent: bytes) -> None:
    bench.hub.storage.fail(200, sent, OK | {"Content-Length": str(len(sent) + 1)}, times=9)
    assert "broke off" in str(bench.refusal())


def test_a_download_that_breaks_off_before_anything_came_is_tried_again(bench: Bench) -> None:
    bench.hub.storage.fail(200, b"", OK | {"Content-Length": "9"})
    assert bench.log() == LOG


def test_the_storage_may_redirect_twice_more(bench: Bench) -> None:
    storage = bench.hub.storage
    kept = storage.sign(b"the log")
    storage.fail(307, "", {"Location": f"/elsewhere?sig={SIGNATURE}"})
    storage.fail(302, "", {"Location": kept})
    assert bench.log() == b"the log"
    assert [sent.authorized for sent in storage.received] == [False] * 3


def test_a_circle_of_redirects_ends(bench: Bench) -> None:
    storage = bench.hub.storage
    storage.fail(302, "", {"Location": storage.sign(b"")}, times=99)
    assert "redirects more than 3 times" in str(bench.refusal())
    assert len(storage.received) == 3


@pytest.mark.parametrize(
    "location",
    ["file:///etc/passwd", "ftp://127.0.0.1/log", "//", "https://", "javascript:alert(1)", "http:///x", "gopher://a/"],
)
def test_a_redirect_to_no_web_address_is_refused(bench: Bench, location: str) -> None:
    bench.hub.redirect("GET", "/logs$", location)
    assert "not https" in str(bench.refusal())
    assert bench.naps == []


@pytest.mark.parametrize("location", ["http://[::1", "http://a:b/", "http://\udcff/", "http://*/"])
def test_a_redirect_to_no_address_at_all_is_an_error_in_one_line(bench: Bench, location: str) -> None:
    bench.hub.redirect("GET", "/logs$", location.encode("utf-8", "replace").decode(), times=9)
    bench.refusal()


def test_an_api_that_speaks_https_may_not_redirect_to_http(tmp_path: Path) -> None:
    authority = certificate(tmp_path)
    with FakeGitHub(tls=speaking(authority)) as hub:
        bench = Bench(hub, ca_bundle=str(authority))
        assert "not https" in str(bench.refusal())
        assert hub.storage.received == []
        with FakeGitHub(tls=speaking(authority)) as other:
            hub.redirect("GET", "/logs$", f"{other.url}/log?sig={SIGNATURE}")
            other.fail("GET", "/log", 200, LOG)
            assert bench.log() == LOG, "the certificates that are trusted for the API are trusted for the storage"
            assert [request.authorized for request in other.received] == [False]
        bench.forge.close()


def test_the_proxy_of_the_environment_is_used(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = bench.hub.storage.sign(b"by proxy").replace("localhost", "127.0.0.1")
    bench.hub.redirect("GET", "/logs$", "http://storage.invalid/log")
    bench.hub.storage.fail(302, "", {"Location": kept})
    monkeypatch.setenv("HTTP_PROXY", bench.hub.storage.url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert bench.log() == b"by proxy"


def test_what_a_storage_packs_on_the_way_is_unpacked(bench: Bench) -> None:
    bench.hub.storage.fail(200, gzip.compress(LOG), OK | {"Content-Encoding": "gzip"})
    assert bench.log() == LOG


def test_what_is_packed_wrongly_on_the_way_is_an_error(bench: Bench) -> None:
    bench.hub.storage.fail(200, b"no gzip", OK | {"Content-Encoding": "gzip"}, times=9)
    bench.refusal()


def test_a_log_that_is_too_long_is_cut_with_a_note(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(github_runs, "MAX_LOG", 70_000)
    assert bench.log() == LOG[:70_000]
    assert bench.forge.notes == ("only the first 0 MB were read when asked to read the log of a job",)


def test_a_log_that_is_just_short_enough_is_read_whole(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(github_runs, "MAX_LOG", len(LOG))
    assert bench.log() == LOG
    assert bench.forge.notes == ()


@pytest.mark.parametrize("claims", [{}, {"Content-Length": "999999999999"}])
def test_an_archive_that_is_too_large_is_refused(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, claims: dict[str, str]
) -> None:
    monkeypatch.setattr(github_runs, "MAX_ARCHIVE", 70_000)
    bench.hub.storage.fail(200, LOG, OK | claims)
    with pytest.raises(ForgeRefused, match="larger than"):
        bench.forge.runs.archive(5, 1)


def test_a_download_that_takes_for_ever_is_given_up(bench: Bench) -> None:
    ticks = count(step=github_download.MAX_SECONDS / 2)
    with GitHubForge("ghs_reads_runs", "o/r", api_url=bench.hub.url, clock=lambda: float(next(ticks))) as forge:
        pieces = forge.runs.log(71)
        with pytest.raises(ForgeRefused, match="longer than 300 seconds"):
            list(pieces)
