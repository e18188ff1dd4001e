"""What is written on the back of a book."""

import random
import re
import time


def upper(title):
    """The title in capitals."""
    return title.upper()


def slug(title):
    """The title for an address: small letters and digits, with one hyphen between words.

    >>> slug("War & Peace")
    'war-peace'
    """
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def shorten(title, width):
    """The title in at most `width` characters, with a full stop at its end when it was cut.

    >>> shorten("Middlemarch", 6)
    'Middl.'
    """
    if len(title) <= width:
        return title
    return title[:width] + "."


def sticker(title):
    """A code for a sticker, another one each time."""
    return f"{title[:3].upper()}-{random.randint(0, 9)}"


def words(title):
    """The different words of a title."""
    return list({word.lower() for word in title.split()})


def stamp(title):
    """The title with the day and hour on which it was stamped."""
    return f"{title} {time.strftime('%Y-%m-%d %H')}"
