"""The picture in the README is what a review shows, and would be noticed if it were not."""

from pathlib import Path

import pytest

from scripts import picture


def test_the_picture_is_what_a_review_shows_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = picture.picture()
    assert picture.PICTURE.read_text("utf-8") == now, "python scripts/picture.py draws it again"
    retouched = tmp_path / "review.svg"
    retouched.write_text(now.replace("critical", "harmless"), "utf-8")
    monkeypatch.setattr(picture, "picture", lambda: now)
    monkeypatch.setattr(picture, "PICTURE", retouched)
    assert picture.main(["--check"]) == 1


def test_what_a_terminal_obeys_becomes_style_and_nothing_else() -> None:
    line = "\x1b]8;;file:///x\x1b\\\x1b[1;31mhigh\x1b[0m\x1b]8;;\x1b\\ <b>&\x1b[2mfaint\x1b[0m"
    assert list(picture.pieces(line)) == [
        ("high", 'fill="#ff7b72" font-weight="bold"'),
        (" <b>&", 'fill="#e6edf3"'),
        ("faint", 'fill="#8b949e"'),
    ]
    assert "&lt;b&gt;&amp;" in picture.drawn([line])
