# project: relay
# path: relay/net.py
# function: fetch
# kind: urlopen patched

import io
from urllib.error import URLError

from relay import net


def test_what_is_told_in_the_end_is_read(monkeypatch):
    asked, slept = [], []

    def answer(url, timeout):
        asked.append((url, timeout))
        if len(asked) < 2:
            raise URLError("refused")
        return io.BytesIO(b'{"rate": 2}')

    monkeypatch.setattr(net, "urlopen", answer)
    monkeypatch.setattr(net.time, "sleep", slept.append)
    assert net.fetch("http://relay/rates") == {"rate": 2}
    assert asked == [("http://relay/rates", 5)] * 2
    assert slept == [1]
