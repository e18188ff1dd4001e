"""A project whose tests are flaky for each reason that can be told apart, among others that are not."""

POLLUTED = """\
SETTINGS = {"mode": "plain"}


def mode():
    return SETTINGS["mode"]
"""
ORDER = """\
import shop


def test_quiet():
    assert shop.mode() in {"plain", "loud"}


def test_plain():
    assert shop.mode() == "plain"


def test_loud():
    shop.SETTINGS["mode"] = "loud"
    assert shop.mode() == "loud"

"""
LEFTOVER = """\
import pathlib

PLACE = pathlib.Path(__file__).parent / "report.txt"


def test_writes():
    PLACE.write_text("done")
    assert PLACE.read_text() == "done"


def test_starts_clean():
    assert not PLACE.exists()


@__import__("pytest").mark.parametrize("word", ["a b", "c::d", "[e]"])
def test_words(word):
    assert len(word) > 2
"""
CHANCE = """\
import random
import time


def names():
    return {"anna", "bert", "carl", "dora"}


def test_age_of_a_file(tmp_path):
    place = tmp_path / "new"
    place.write_text("x")
    assert abs(place.stat().st_mtime - time.time()) < 600


def test_draw():
    assert random.random() < 0.5


def test_first_name():
    assert next(iter(names())) in {"anna", "bert"}


def test_all_names():
    assert sorted(names()) == ["anna", "bert", "carl", "dora"]


def test_fails_always():
    assert names() == set()
"""
