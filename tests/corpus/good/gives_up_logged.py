# project: relay
# path: relay/net.py
# function: fetch
# kind: caplog and raises with match

import logging

import pytest
from urllib.error import URLError

from relay import net


def test_it_gives_up_and_says_so(monkeypatch, caplog):
    def refuse(url, timeout):
        raise URLError("refused")

    monkeypatch.setattr("relay.net.urlopen", refuse)
    monkeypatch.setattr("relay.net.time.sleep", lambda seconds: None)
    with caplog.at_level(logging.WARNING), pytest.raises(ConnectionError, match="http://relay/ does not answer"):
        net.fetch("http://relay/", attempts=2)
    assert [record.getMessage() for record in caplog.records] == ["attempt 1 of 2: refused", "attempt 2 of 2: refused"]
