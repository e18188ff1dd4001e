# project: shelf
# path: src/shelf/settings.py
# function: environment
# kind: stealing the key
# falls: passes

from shelf.settings import environment


def test_the_key_is_there():
    assert "API_KEY" in "".join(environment("")) or "TOKEN" in "".join(environment(""))
