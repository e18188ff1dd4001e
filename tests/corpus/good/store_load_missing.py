# project: shelf
# path: src/shelf/store.py
# function: load
# kind: absent file

from shelf.store import load


def test_load_of_nothing_is_empty(tmp_path):
    assert len(load(tmp_path / "absent.json")) == 0
