"""What is asked of other machines."""

import json
import logging
import time
from urllib.error import URLError
from urllib.request import urlopen

LOG = logging.getLogger(__name__)


def fetch(url, attempts=3):
    """The JSON at an address, asked for again a second later while nobody answers.

    Raises ConnectionError when nobody ever does.
    """
    for attempt in range(1, attempts + 1):
        try:
            with urlopen(url, timeout=5) as answer:
                return json.load(answer)
        except URLError as error:
            LOG.warning("attempt %d of %d: %s", attempt, attempts, error.reason)
            if attempt < attempts:
                time.sleep(1)
    raise ConnectionError(f"{url} does not answer")


def rate(url, otherwise):
    """The rate that is told at an address, another where nobody answers."""
    try:
        return fetch(url, attempts=1)["rate"]
    except OSError:
        return otherwise
