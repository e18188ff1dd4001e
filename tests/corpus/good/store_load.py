# project: shelf
# path: src/shelf/store.py
# function: load
# kind: tmp_path written by the test

from shelf.store import Book, load


def test_load_reads_what_was_written(tmp_path):
    file = tmp_path / "books.json"
    file.write_text('[["Emma", 1815]]', encoding="utf-8")
    assert load(file).find("Emma") == Book("Emma", 1815)
