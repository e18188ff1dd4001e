# project: shelf
# path: src/shelf/store.py
# function: save
# kind: tmp_path

import json

from shelf.store import save


def test_save_writes_titles_and_years(store, tmp_path):
    file = tmp_path / "books.json"
    save(store, file)
    assert json.loads(file.read_text(encoding="utf-8")) == [["Emma", 1815], ["Persuasion", 1817]]
