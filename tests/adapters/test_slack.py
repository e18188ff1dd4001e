"""A message reaches Slack through its own client, can call nobody, and no failure gives the address or token away."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from cicd_agent.adapters.slack import Slack, connect, content, message
from cicd_agent.domain.effects import Button
from cicd_agent.errors import Exit, NotifierRefused
from cicd_agent.settings.schema import Settings
from tests.support.servers.authority import certificate, speaking
from tests.support.servers.slack import CHANNEL, SECRET, TOKEN, FakeSlack, faults

LINK = "https://github.test/o/r/actions/runs/81?a=1&b=2"


@pytest.fixture
def server() -> Iterator[FakeSlack]:
    with FakeSlack() as server:
        yield server


@pytest.fixture
def naps() -> list[float]:
    return []


WAYS = pytest.mark.parametrize("way", ["webhook", "token"])


def reached(server: FakeSlack, way: str, naps: list[float] | None = None, **more: Any) -> Slack:
    told: dict[str, Any] = {"webhook": server.webhook} if way == "webhook" else {"token": TOKEN, "channel": CHANNEL}
    sleep = naps.append if naps is not None else lambda _: None
    return Slack(**{"api": server.api, "sleep": sleep, **told, **more})


def refusal(slack: Slack, text: str = "main turned red") -> str:
    """How it fails: always in one line that shows neither address nor token, nor anything they were sent with."""
    with pytest.raises(NotifierRefused) as caught:
        slack.send(text, LINK)
    error = caught.value
    shown = f"{error} {error!r} {error.args} {error.__cause__!r} {error.__context__!r} {slack!r}"
    assert not any(part in shown for part in (SECRET, TOKEN, "/services/", text))
    assert "\n" not in str(error)
    assert error.exit is Exit.FORGE
    return str(error)


@WAYS
def test_a_line_is_told_once_and_nothing_that_it_names_is_fetched(server: FakeSlack, way: str) -> None:
    reached(server, way).send("main turned red: `test_limit`", LINK)
    [said] = server.messages
    line = "main turned red: `test_limit` <https://github.test/o/r/actions/runs/81?a=1&amp;b=2|details>"
    assert said["text"] == line
    assert said["blocks"] == [{"type": "section", "text": {"type": "mrkdwn", "text": line, "verbatim": True}}]
    assert said["unfurl_links"] is said["unfurl_media"] is False
    assert said.get("channel") == (CHANNEL if way == "token" else None)
    assert server.received[0].token == (TOKEN if way == "token" else "")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a < b && c > d", "a &lt; b &amp;&amp; c &gt; d"),
        ("<!channel> <@U123> <#C1> <!here|x>", "&lt;!channel&gt; &lt;＠U123&gt; &lt;#C1&gt; &lt;!here|x&gt;"),
        ("@here @channel @everyone a@b.example", "＠here ＠channel ＠everyone a＠b.example"),
        ("<https://evil.example|our site>", "&lt;https://evil.example|our site&gt;"),
        ("&lt;!channel&gt;", "&amp;lt;!channel&amp;gt;"),
        ("one\ntwo\r\n three", "one two three"),
        ("a\u202eb\x1b[2J\u200b", "a&lt;U+202E&gt;b&lt;U+001B&gt;[2J&lt;U+200B&gt;"),
        ("x" * 301, "x" * 299 + "…"),
        ("&" * 301, "&amp;" * 299 + "…"),
    ],
)
def test_what_slack_would_act_on_is_shown(text: str, shown: str) -> None:
    assert message(text) == shown


@given(st.text() | st.text("<>&@!#|`\n\u202e:/"))
def test_no_text_calls_anybody_or_ends_its_line(text: str) -> None:
    line = message(text)
    assert not {"<", ">", "@", "\n", "\r"} & {*line}
    assert line.count("&") == sum(line.count(escape) for escape in ("&amp;", "&lt;", "&gt;"))
    assert len(line) <= 5 * 300


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://x.test/a|b>c", "x <https://x.test/a%7Cb%3Ec|details>"),
        ("https://x.test/<!channel>", "x <https://x.test/%3C!channel%3E|details>"),
        ("https://x.test/a\nb", "x <https://x.test/a%0Ab|details>"),
        ("https://x.test/" + "a" * 1_000, "x"),
        ("", "x"),
    ],
)
def test_a_link_cannot_be_broken_out_of(url: str, shown: str) -> None:
    assert message("x", url) == shown


@WAYS
def test_what_somebody_has_to_decide_is_told_with_links_to_where(server: FakeSlack, way: str) -> None:
    details = ("tests 96.2 %: 10 of 35 points", "a <b> & @here\n*c*")
    reached(server, way).send("production is held", LINK, details, (Button("Approve", LINK), Button("Run", LINK)))
    [said] = server.messages
    assert said["text"] == "production is held <https://github.test/o/r/actions/runs/81?a=1&amp;b=2|details>"
    assert [block["type"] for block in said["blocks"]] == ["section", "section", "actions"]
    assert said["blocks"][0]["text"]["text"] == said["text"]
    below = "tests 96.2 %: 10 of 35 points\na &lt;b&gt; &amp; ＠here *c*"
    assert said["blocks"][1]["text"] == {"type": "mrkdwn", "text": below, "verbatim": True}
    assert said["blocks"][2]["elements"] == [
        {"type": "button", "text": {"type": "plain_text", "text": text, "emoji": False}, "url": LINK}
        for text in ("Approve", "Run")
    ]


ANY_TEXT = st.text() | st.text("<>&@!#|`\n\u202e:/", max_size=400)


@settings(max_examples=60)
@given(ANY_TEXT.filter(message), ANY_TEXT, st.lists(ANY_TEXT, max_size=14), st.lists(ANY_TEXT, max_size=5))
def test_no_words_make_a_message_that_slack_refuses_or_that_calls_anybody(
    text: str, url: str, details: list[str], labels: list[str]
) -> None:
    post = content(text, url, details, [Button(label, f"https://github.test/{url}") for label in labels])
    assert faults(post) == ""
    below = [line for block in post["blocks"][1:] if block["type"] == "section" for line in texts(block)]
    shown = [each["text"]["text"] for block in post["blocks"] for each in block.get("elements", ())]
    assert len(below) <= 10
    assert all(len(line) <= 290 for line in below)
    assert len(shown) <= 3
    assert all(0 < len(text) <= 75 for text in shown)
    assert not {"<", ">", "@", "\n", "\r"} & {*"".join((*below, *shown))}


def texts(block: Any) -> list[str]:
    return str(block["text"]["text"]).split("\n")


@pytest.mark.parametrize(
    ("detail", "shown"),
    [("x" * 151, "x" * 149 + "…"), ("&" * 151, "&amp;" * 57 + "…"), ("<" * 150, "&lt;" * 72 + "…")],
)
def test_a_detail_is_cut_so_that_ten_of_them_fit(detail: str, shown: str) -> None:
    post = content("x", "", [detail] * 10)
    assert texts(post["blocks"][1]) == [shown] * 10
    assert faults(post) == ""


@pytest.mark.parametrize(
    ("label", "shown"), [("x" * 76, "x" * 74 + "…"), ("&" * 76, "&amp;" * 14 + "…"), ("a\n@b", "a ＠b")]
)
def test_a_button_is_cut_to_what_slack_takes(label: str, shown: str) -> None:
    post = content("x", "", (), [Button(label, LINK)])
    assert post["blocks"][1]["elements"][0]["text"]["text"] == shown
    assert faults(post) == ""


def test_details_beyond_the_tenth_are_counted() -> None:
    lines = texts(content("x", "", [str(number) for number in range(13)])["blocks"][1])
    assert (len(lines), lines[8], lines[9]) == (10, "8", "… and 4 more")


def test_what_is_no_link_or_says_nothing_is_no_button() -> None:
    buttons = [Button("", LINK), Button("x", ""), Button("y", "https://github.test/" + "a" * 1_000)]
    assert [block["type"] for block in content("x", "", [" \n"], buttons)["blocks"]] == ["section"]


@WAYS
def test_a_rate_limit_is_waited_for_once(server: FakeSlack, naps: list[float], way: str) -> None:
    server.fail(429, "rate_limited", headers={"Retry-After": "30"})
    reached(server, way, naps).send("x", "")
    assert naps == [30]
    assert server.heard == ["x"]


@WAYS
@pytest.mark.parametrize("asked", ["31", "", "soon", "-1", "9" * 99])
def test_a_rate_limit_is_not_waited_for_long(server: FakeSlack, naps: list[float], way: str, asked: str) -> None:
    server.fail(429, "rate_limited", headers={"Retry-After": asked} if asked else {})
    assert "rate limit" in refusal(reached(server, way, naps))
    assert naps == []
    assert len(server.received) == 1


@WAYS
def test_a_rate_limit_is_not_waited_for_twice(server: FakeSlack, naps: list[float], way: str) -> None:
    server.fail(429, "rate_limited", headers={"Retry-After": "2"}, times=2)
    assert "rate limit" in refusal(reached(server, way, naps))
    assert naps == [2]
    assert len(server.received) == 2


@pytest.mark.parametrize(
    ("status", "says", "shown"),
    [
        (404, "no_service", "(404: no_service). Look at `slack-webhook-url`"),
        (403, "invalid_token", "(403: invalid_token). Look at `slack-webhook-url`"),
        (410, "channel_is_archived", "(410: channel_is_archived). Choose another channel"),
        (400, "invalid_payload", "(400: invalid_payload)."),
        (500, "<html>oops</html>", "(500: no explanation)."),
        (200, "<html>Please sign in</html>", "(200: no explanation)."),
        (200, "", "(200: no explanation)."),
        (403, f"echo {SECRET}", "(403: no explanation)."),
    ],
)
def test_a_webhooks_refusal_is_named_in_slacks_word_and_no_other(
    server: FakeSlack, status: int, says: str, shown: str
) -> None:
    server.fail(status, says)
    assert shown in refusal(reached(server, "webhook"))


@pytest.mark.parametrize(
    ("status", "says", "shown"),
    [
        (200, {"ok": False, "error": "not_in_channel"}, "(200: not_in_channel). Invite the app"),
        (200, {"ok": False, "error": "missing_scope", "needed": "chat:write"}, "Give the app the scope `chat:write`"),
        (200, {"ok": False, "error": f"::error::{TOKEN}"}, "(200: no explanation)."),
        (200, {"ok": False}, "(200: no explanation)."),
        (200, {}, "(200: no explanation)."),
        (503, "<html>", "(503: no explanation)."),
        (200, "<html>Please sign in</html>", "(200: no explanation)."),
        (200, [1], "its answer is not understood"),
        (200, 5, "its answer is not understood"),
    ],
)
def test_a_methods_refusal_is_named_likewise(server: FakeSlack, status: int, says: object, shown: str) -> None:
    server.fail(status, says)
    assert shown in refusal(reached(server, "token"))


def test_a_wrong_token_and_a_wrong_channel_are_told_apart(server: FakeSlack) -> None:
    assert "invalid_auth). Look at `slack-token`" in refusal(reached(server, "token", token="xoxb-else"))
    assert "Let `slack-channel` be the id" in refusal(reached(server, "token", channel="C9"))


@WAYS
@pytest.mark.parametrize("acts", [False, True])
def test_a_message_whose_answer_was_lost_is_not_sent_again(server: FakeSlack, way: str, *, acts: bool) -> None:
    server.drop(acts=acts)
    assert "there was no answer" in refusal(reached(server, way))
    assert len(server.received) == 1


@WAYS
def test_a_server_that_hangs_is_given_up(server: FakeSlack, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cicd_agent.adapters.slack.TIMEOUT", 0.1)
    server.hang()
    assert "there was no answer" in refusal(reached(server, way))


@pytest.mark.parametrize(
    "address",
    [
        "hooks.slack.com/services/T/B/x",
        "http://hooks.slack.com/services/T/B/x",
        "http://127.0.0.1.evil.example/services/x",
        "file:///etc/passwd",
        "https://hooks.slack.com/services/T/B/x\nHost: evil",
        "https://hooks.slack.com/services/T B",
        "https://hooks.släck.com/services/T",
        "slack",
        "https:///services/T/B/x",
        "https://[::1/services/T/B/x",
        "https://127.0.0.1:99999999/services/T/B/x",
    ],
)
def test_what_is_no_address_is_never_asked(address: str) -> None:
    assert refusal(Slack(webhook=address)).startswith(
        "the input `slack-webhook-url` is not an https address. Copy it from Slack"
    )


def test_a_token_without_a_channel_says_what_is_missing() -> None:
    assert "Set `slack-channel` as well" in refusal(Slack(token=TOKEN))


def test_a_token_that_no_header_can_hold_is_refused(server: FakeSlack) -> None:
    assert "is not understood" in refusal(reached(server, "token", token=f"{TOKEN}\nx"))
    assert server.received == []


def test_the_settings_say_which_slack_is_told_if_any() -> None:
    assert connect(Settings(slack_channel="C1"), "") is None
    assert isinstance(connect(Settings(slack_token=SecretStr(TOKEN)), ""), Slack)
    assert isinstance(connect(Settings(slack_webhook_url=SecretStr("x")), ""), Slack)


def test_a_webhook_counts_before_a_token(server: FakeSlack) -> None:
    reached(server, "webhook", token=TOKEN, channel=CHANNEL).send("x", "")
    assert [request.token for request in server.received] == [""]


@WAYS
def test_nothing_of_it_is_logged(server: FakeSlack, way: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    reached(server, way).send("x", "")
    server.drop()
    refusal(reached(server, way))
    assert caplog.records == []


@WAYS
def test_a_proxy_of_the_environment_is_the_way_out(
    server: FakeSlack, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", server.url)
    setting, address = ("webhook", server.webhook) if way == "webhook" else ("api", server.api)
    elsewhere: dict[str, Any] = {setting: address.replace(server.url, "http://127.0.0.1:9")}
    reached(server, way, **elsewhere).send("x", "")
    assert server.heard == ["x"]
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert "there was no answer" in refusal(reached(server, way, **elsewhere))
    assert len(server.received) == 1


@WAYS
def test_a_certificate_of_ones_own_is_trusted_where_it_is_named(tmp_path: Path, way: str) -> None:
    authority = certificate(tmp_path)
    with FakeSlack(tls=speaking(authority)) as server:
        assert "its certificate is not trusted" in refusal(reached(server, way))
        reached(server, way, ca_bundle=str(authority)).send("x", "")
        assert server.heard == ["x"]
        assert "a certificate file cannot be read" in refusal(reached(server, way, ca_bundle="/nowhere"))
