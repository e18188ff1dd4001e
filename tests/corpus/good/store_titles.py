# project: shelf
# path: src/shelf/store.py
# function: Store.titles
# kind: keyword argument

def test_titles_since_a_year(store):
    assert store.titles() == ["Emma", "Persuasion"]
    assert store.titles(since=1816) == ["Persuasion"]
    assert store.titles(since=1817) == ["Persuasion"]
