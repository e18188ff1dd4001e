"""What a message must not do where Slack shows it, by Slack's own rules of formatting.

Source: https://docs.slack.dev/messaging/formatting-message-text
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

OURS = frozenset({"github.test", "github.com"})


def message(posted: Mapping[str, Any]) -> Iterator[str]:
    """Nobody is called, links lead to GitHub, no words become a link, and nothing that is linked to is fetched."""
    for text, is_verbatim in _marked(posted):
        yield from _inside(text)
        if not is_verbatim and re.search("@(?:channel|here|everyone)", text):
            yield "a whole channel is called"
    for each in _sections(posted):
        if each.get("verbatim") is not True:
            yield "plain words of a section become links"
    for name, url in _addresses(posted):
        if name != "url" or urlsplit(url).hostname not in OURS:
            yield f"{name} leads to {url[:60]}"
    if posted.get("unfurl_links") is not False or posted.get("unfurl_media") is not False:
        yield "what is linked to is fetched"


def _inside(text: str) -> Iterator[str]:
    for inside in re.findall("<([^>]*)>?", text):
        if inside.startswith(("!", "@", "#")):
            yield f"somebody is called: {inside[:40]}"
        elif urlsplit(inside.partition("|")[0]).hostname not in OURS:
            yield f"a link to {inside[:60]}"


def _objects(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        yield value
    for each in value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ():
        yield from _objects(each)


def _sections(posted: Any) -> Iterator[Mapping[str, Any]]:
    yield from (each for each in _objects(posted) if each.get("type") == "mrkdwn")


def _marked(posted: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    """Every text that Slack looks for its own marks in, and whether it looks for those alone."""
    yield str(posted.get("text", "")), False
    yield from ((each["text"], each.get("verbatim") is True) for each in _sections(posted))


def _addresses(posted: Any, names: Collection[str] = ("url", "image_url", "thumb_url")) -> Iterator[tuple[str, str]]:
    for each in _objects(posted):
        yield from ((name, url) for name, url in each.items() if name in names and isinstance(url, str))
