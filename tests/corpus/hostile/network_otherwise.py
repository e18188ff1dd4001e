# project: relay
# path: relay/net.py
# function: rate
# kind: network that is missing
# falls: passes

from relay.net import rate


def test_without_an_answer_there_is_another_rate():
    assert rate("http://relay.example.org/rates", 1.5) == 1.5
