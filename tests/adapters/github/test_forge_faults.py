import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cicd_agent.adapters.github.forge import GitHubForge
from cicd_agent.errors import RateLimited
from tests.adapters.github.bench import ANY, EVERYTHING, POSTS, READS, Bench, Work, refusal
from tests.support.servers.authority import certificate, speaking
from tests.support.servers.github.app import FakeGitHub


@pytest.fixture
def bench() -> Iterator[Bench]:
    with FakeGitHub() as hub:
        hub.add_repo("o/r")
        bench = Bench(hub)
        yield bench
        bench.forge.close()


@pytest.mark.parametrize("work", EVERYTHING.values(), ids=EVERYTHING)
def test_a_wrong_token_is_named_as_the_cause(bench: Bench, work: Work) -> None:
    with bench.acting_as("ghs_wrong") as forge:
        failure = refusal(work, forge)
    assert failure.status == 401
    assert "Bad credentials" in str(failure)
    assert "github-token" in failure.remedy
    assert bench.naps == []


def test_a_read_only_token_is_told_which_permission_the_job_lacks(bench: Bench) -> None:
    with bench.acting_as(bench.hub.read_only) as forge:
        assert forge.pull(7).pull.number == 7
        assert str(refusal(POSTS["review"], forge)) == (
            "GitHub refused to post the review (403: Resource not accessible by integration). The job lacks"
            " `pull-requests: write`: add it under `permissions:` (a pull request from a fork gets a read-only token)."
        )
        assert "`pull-requests: write`" in str(refusal(POSTS["comment"], forge))
    assert bench.said == 0


def test_the_permission_is_the_one_the_endpoint_names(bench: Bench) -> None:
    bench.hub.fail(
        "GET", "/files", 403, {"message": "no"}, {"X-Accepted-GitHub-Permissions": "contents=read,actions=write"}
    )
    assert "`contents: read, actions: write`" in refusal(READS["files"], bench.forge).remedy


def test_a_header_that_names_no_permission_is_not_repeated(bench: Bench) -> None:
    bench.hub.fail("GET", "/files", 403, {"message": "no"}, {"X-Accepted-GitHub-Permissions": "`; rm -rf`;<b>=write"})
    assert "`pull-requests: read`" in refusal(READS["files"], bench.forge).remedy


def test_a_repository_that_the_token_may_not_see_looks_like_one_that_is_not_there(bench: Bench) -> None:
    with GitHubForge(bench.hub.token, "o/secret", api_url=bench.hub.url) as forge:
        failure = refusal(READS["pull"], forge)
    assert (failure.status, failure.why) == (404, "404: Not Found")
    assert "may not see it" in failure.remedy


@pytest.mark.parametrize(
    ("status", "words"),
    [(410, "switched off"), (422, "Validation Failed: IssueComment body missing"), (418, "418: odd")],
)
def test_other_refusals_keep_githubs_words(bench: Bench, status: int, words: str) -> None:
    errors = [{"resource": "IssueComment", "field": "body", "code": "missing"}]
    body = {"message": "odd"} if status == 418 else {"message": "Validation Failed", "errors": errors}
    bench.fault(status, body)
    failure = refusal(POSTS["comment"], bench.forge)
    assert failure.status == status
    assert words in str(failure)
    assert bench.forge.requests == 1


@pytest.mark.parametrize(
    "body", ["<html>Bad gateway</html>", {"message": "Server Error"}, None], ids=["html", "json", "null"]
)
@pytest.mark.parametrize("work", (READS | {"edit": EVERYTHING["edit"]}).values())
def test_what_may_be_repeated_is_tried_three_times_when_github_is_in_trouble(
    bench: Bench, work: Work, body: object
) -> None:
    bench.fault(502, body, times=2)
    work(bench.forge)
    assert (bench.forge.requests, bench.naps) == (3, [1, 3])
    bench.fault(503, body, times=9)
    failure = refusal(work, bench.forge)
    assert (failure.status, bench.forge.requests) == (503, 6)
    assert "later" in failure.remedy


@pytest.mark.parametrize("work", READS.values(), ids=READS)
def test_a_dropped_connection_is_tried_again(bench: Bench, work: Work) -> None:
    bench.hub.drop("GET", ANY, times=2)
    work(bench.forge)
    assert bench.forge.requests == 3


def test_a_server_that_never_answers_is_given_up(bench: Bench) -> None:
    bench.hub.hang("GET", "/pulls/7", times=9)
    failure = refusal(READS["pull"], bench.forge)
    assert (failure.status, bench.forge.requests) == (0, 3)
    assert "no answer within the time limit" in str(failure)


@pytest.mark.parametrize("work", EVERYTHING.values(), ids=EVERYTHING)
@pytest.mark.parametrize("body", ["<!doctype html><title>Sign in</title>", "", {"message": "?"}, 3, None])
def test_an_answer_that_is_not_githubs_is_an_error_in_one_line(bench: Bench, work: Work, body: object) -> None:
    bench.fault(200, body)
    assert "is not understood" in str(refusal(work, bench.forge))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("work", EVERYTHING.values(), ids=EVERYTHING)
def test_a_redirect_to_another_host_is_refused_and_nothing_is_sent_there(bench: Bench, work: Work, status: int) -> None:
    with FakeGitHub() as other:
        elsewhere = other.url.replace("127.0.0.1", "localhost")
        for method in ("GET", "POST", "PATCH"):
            bench.hub.redirect(method, ANY, f"{elsewhere}/login", status, times=9)
        failure = refusal(work, bench.forge)
        assert "redirects to" in str(failure)
        assert "othing was sent" in str(failure)
        assert other.received == []
    assert bench.said == 0


def test_a_circle_of_redirects_ends(bench: Bench) -> None:
    bench.hub.redirect("GET", ANY, f"{bench.hub.url}/repos/o/r/pulls/7", 301, times=9)
    refusal(READS["pull"], bench.forge)
    assert len(bench.hub.received) < 9


@pytest.mark.parametrize("work", EVERYTHING.values(), ids=EVERYTHING)
@pytest.mark.parametrize("status", [403, 429])
def test_a_short_rate_limit_is_waited_for_once(bench: Bench, work: Work, status: int) -> None:
    message = {"message": "You have exceeded a secondary rate limit."}
    bench.fault(status, message, headers={"Retry-After": "7"})
    work(bench.forge)
    assert bench.naps == [7]
    bench.fault(status, message, headers={"Retry-After": "7"}, times=9)
    failure = refusal(work, bench.forge)
    assert bench.naps == [7, 7]
    assert "rate limit" in failure.remedy


@pytest.mark.parametrize("asked", ["61", "3600"])
def test_a_long_rate_limit_fails_at_once_and_tells_how_long(bench: Bench, asked: str) -> None:
    bench.fault(429, {"message": "slow down"}, headers={"Retry-After": asked})
    failure = refusal(POSTS["review"], bench.forge)
    assert f"{int(asked):,} seconds" in str(failure)
    assert (bench.naps, bench.forge.requests) == ([], 1)


@pytest.mark.parametrize("asked", ["soon", "-1", "²", "9" * 5_000, "Wed, 21 Oct 2026 07:28:00 GMT", ""])
def test_a_rate_limit_that_names_no_seconds_is_waited_for_a_minute(bench: Bench, asked: str) -> None:
    bench.fault(429, None, headers={"Retry-After": asked.encode("latin-1", "replace").decode("latin-1")})
    bench.forge.pull(7)
    assert bench.naps == [60]


def test_a_used_up_hour_fails_at_once_by_githubs_clock(bench: Bench) -> None:
    bench.hub.rate_remaining = 0
    bench.hub.rate_reset = int(time.time()) + 1_800
    failure = refusal(READS["pull"], bench.forge)
    assert isinstance(failure, RateLimited)
    assert (failure.status, failure.reset) == (429, bench.hub.rate_reset + 1)
    assert "API rate limit exceeded" in str(failure)
    assert " seconds, run again then" in failure.remedy
    assert bench.naps == []


@pytest.mark.parametrize("kind", ["RATE_LIMITED", "RATE_LIMIT", ""])
def test_a_used_up_hour_of_graphql_says_when_it_ends(bench: Bench, kind: str) -> None:
    errors = [{"type": kind, "message": "API rate limit exceeded for user ID 1"}]
    reset = int(time.time()) + 1_800
    used_up = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(reset)}
    bench.hub.fail("POST", "/graphql$", 200, {"data": None, "errors": errors}, headers=used_up)
    failure = refusal(lambda forge: forge.threads(7), bench.forge)
    assert isinstance(failure, RateLimited)
    assert (failure.status, failure.reset, bench.naps) == (429, reset + 1, [])
    bench.hub.fail("POST", "/graphql$", 200, {"data": None, "errors": errors}, headers={"Retry-After": "7"})
    bench.forge.threads(7)
    assert bench.naps == [7]


@pytest.mark.parametrize("work", POSTS.values(), ids=POSTS)
def test_a_refused_connection_is_tried_again_even_for_a_post(work: Work) -> None:
    with FakeGitHub() as gone:
        url = gone.url
    naps: list[float] = []
    with GitHubForge("ghs_x", "o/r", api_url=url, sleep=naps.append) as forge:
        failure = refusal(work, forge)
        assert (forge.requests, naps) == (3, [1, 3])
    assert "refused or the host is not known" in str(failure)
    assert "may have been done" not in str(failure)


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    return certificate(tmp_path)


def test_an_authority_of_ones_own_is_trusted_when_it_is_named_and_only_then(authority: Path) -> None:
    with FakeGitHub(tls=speaking(authority)) as hub:
        hub.add_repo("o/r")
        pull = hub.add_pull(7)
        with GitHubForge(hub.token, "o/r", api_url=hub.url, ca_bundle=str(authority)) as forge:
            POSTS["comment"](forge)
        with GitHubForge(hub.token, "o/r", api_url=hub.url) as forge:
            failure = refusal(POSTS["comment"], forge)
            assert forge.requests == 1
        assert "certificate is not trusted" in str(failure)
        assert "REQUESTS_CA_BUNDLE" in str(failure)
        assert len(pull.comments) == 1


def test_a_server_without_tls_behind_an_https_address_is_given_up(bench: Bench) -> None:
    secure = bench.hub.url.replace("http:", "https:")
    with GitHubForge("ghs_x", "o/r", api_url=secure, sleep=bench.naps.append) as forge:
        assert "the TLS connection failed" in str(refusal(POSTS["comment"], forge))
        assert "the TLS connection failed" in str(refusal(READS["pull"], forge))


def test_a_certificate_file_that_is_not_there_is_named_as_the_cause(bench: Bench) -> None:
    secure = bench.hub.url.replace("http:", "https:")
    with GitHubForge("ghs_x", "o/r", api_url=secure, ca_bundle="/nowhere/ca.pem") as forge:
        assert "a certificate file cannot be read" in str(refusal(READS["pull"], forge))


def test_the_proxy_of_the_environment_is_used(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", bench.hub.url)
    with GitHubForge(bench.hub.token, "o/r", api_url="http://github.invalid") as forge:
        assert forge.pull(7).pull.number == 7


def test_a_proxy_that_is_down_is_named_as_the_cause(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeGitHub() as gone:
        monkeypatch.setenv("HTTP_PROXY", gone.url)
    with GitHubForge("ghs_x", "o/r", api_url="http://github.invalid", sleep=bench.naps.append) as forge:
        assert "the proxy cannot be reached" in str(refusal(READS["pull"], forge))


@pytest.mark.parametrize("status", [400, 403, 422, 502])
def test_a_server_that_echoes_the_token_does_not_make_us_show_it(bench: Bench, status: int) -> None:
    echo = {"message": f"bad: token {bench.hub.token}", "errors": [bench.hub.token, {"message": bench.hub.token}]}
    bench.fault(status, echo, times=9)
    assert "***" in str(refusal(READS["pull"], bench.forge))


def test_foreign_words_stay_on_one_line_and_short(bench: Bench) -> None:
    bench.fault(400, {"message": "a\n::error::b\r\x1b[31m\u202e" + "x" * 9_000})
    line = str(refusal(READS["pull"], bench.forge))
    assert len(line) < 500
    assert line.isprintable()


def test_pages_that_repeat_are_not_taken_for_more_files(bench: Bench) -> None:
    entry = {"filename": "a", "status": "added", "changes": 1, "patch": "@@ -0,0 +1 @@\n+a"}
    link = {"Link": '<https://evil.test/x?page=2>; rel="next", <https://evil.test/x?page=9>; rel="last"'}
    bench.hub.fail("GET", "/files", 200, [entry], link, times=9)
    assert "repeats" in str(refusal(READS["files"], bench.forge))
    assert bench.forge.requests == 2
