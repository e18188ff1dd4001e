# project: shelf
# path: src/shelf/settings.py
# function: environment
# kind: environment with a prefix

from shelf.settings import environment


def test_the_prefix_is_taken_off(monkeypatch):
    monkeypatch.setenv("SHELF_COLOUR", "green")
    assert environment("SHELF_C") == {"OLOUR": "green"}
