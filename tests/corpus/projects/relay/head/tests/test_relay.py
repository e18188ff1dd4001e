import relay


def test_it_is_there():
    assert relay.__doc__
