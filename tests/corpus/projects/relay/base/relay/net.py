"""What is asked of other machines."""


def fetch(url):
    """Nothing yet."""
    raise NotImplementedError(url)


def rate(url, otherwise):
    """Nothing yet."""
    raise NotImplementedError(url, otherwise)
