# project: relay
# path: relay/net.py
# function: fetch
# kind: time and urlopen patched with unittest.mock

import io
from unittest.mock import patch
from urllib.error import URLError

from relay.net import fetch


def test_it_is_asked_again_a_second_later():
    answers = [URLError("refused"), URLError("refused"), io.BytesIO(b"[1]")]
    with patch("relay.net.urlopen", side_effect=answers) as opened, patch("relay.net.time.sleep") as slept:
        assert fetch("http://relay/") == [1]
    assert opened.call_count == 3
    assert [call.args for call in slept.call_args_list] == [(1,), (1,)]
