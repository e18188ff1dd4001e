"""How a file is opened where others may have put another thing in its place; what a system has not is left out.

Windows has none of these: there a link is followed, which only who may make links there can use.
"""

import os
from typing import Final

NOFOLLOW: Final[int] = getattr(os, "O_NOFOLLOW", 0)
NONBLOCK: Final[int] = getattr(os, "O_NONBLOCK", 0)
CLOEXEC: Final[int] = getattr(os, "O_CLOEXEC", 0)
