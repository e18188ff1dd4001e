import pytest

from app.preferences import load, save


def test_what_is_saved_is_loaded(tmp_path):
    save(tmp_path / "p.json", {"theme": "dark"})
    assert load(tmp_path / "p.json") == {"theme": "dark"}


def test_a_write_that_fails_changes_nothing(tmp_path, monkeypatch):
    save(tmp_path / "p.json", {"theme": "dark"})

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError):
        save(tmp_path / "p.json", {"theme": "light"})
    assert load(tmp_path / "p.json") == {"theme": "dark"}
    assert [each.name for each in tmp_path.iterdir()] == ["p.json"]
