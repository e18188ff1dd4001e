# project: relay
# path: relay/net.py
# function: rate
# kind: urlopen patched, parametrised

import io

import pytest

from relay import net


@pytest.mark.parametrize(("told", "expected"), [(b'{"rate": 1.25}', 1.25), (None, 0.5)])
def test_the_rate_that_is_told_or_another(monkeypatch, told, expected):
    def answer(url, timeout):
        if told is None:
            raise net.URLError("refused")
        return io.BytesIO(told)

    monkeypatch.setattr(net, "urlopen", answer)
    assert net.rate("http://relay/", 0.5) == pytest.approx(expected)
