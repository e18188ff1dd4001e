# project: relay
# path: relay/rates.py
# function: notify
# kind: mock of a collaborator

from unittest.mock import Mock, call

from relay.rates import notify


def test_everybody_who_wants_mail_gets_it():
    mailer = Mock()
    assert notify(mailer, [{"mail": "a@relay"}, {}, {"mail": "b@relay"}], "hello") == 2
    assert mailer.send.call_args_list == [call(to="a@relay", text="hello"), call(to="b@relay", text="hello")]
