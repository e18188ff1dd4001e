"""What is written on the back of a book."""


def upper(title):
    """The title in capitals."""
    return title.upper()
