# project: shelf
# path: src/shelf/settings.py
# function: limit
# kind: environment and raises

import pytest
from shelf.settings import limit


def test_the_limit_is_at_least_one(monkeypatch):
    monkeypatch.setenv("SHELF_LIMIT", "0")
    with pytest.raises(ValueError, match="positive"):
        limit()
    monkeypatch.setenv("SHELF_LIMIT", "1")
    assert limit() == 1
