"""What is asked of this machine."""

import getpass
import os
import platform
import shutil
import socket
import subprocess
import time
from datetime import date
from pathlib import Path


def workers(wanted):
    """How many processes to start, one for each processor when nothing is wanted."""
    return wanted if wanted > 0 else os.cpu_count()


def banner(name):
    """The name with the version of Python."""
    return f"{name} {platform.python_version()}" if name else platform.python_version()


def signed(text, name=""):
    """A text with the name of who wrote it and where."""
    return f"{text} ({name or getpass.getuser()} on {socket.gethostname()})"


def columns(percent):
    """So many percent of the width of the terminal."""
    return shutil.get_terminal_size().columns * percent // 100


def settings(name):
    """Where the settings of that name are kept."""
    return str(Path.home() / f".{name}.toml") if name else ""


def revision(folder):
    """The revision that is checked out in a folder; LookupError where there is none."""
    try:
        ran = subprocess.run(
            ["git", "-C", str(folder), "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True
        )
    except subprocess.CalledProcessError as error:
        raise LookupError(f"{folder} has no revision") from error
    return ran.stdout.strip()


def is_due(day):
    """Whether a day has come."""
    return date.today() >= day


def timed(work):
    """What some work gives, and how many seconds it took."""
    begun = time.monotonic()
    given = work()
    return given, time.monotonic() - begun


def has_room(path, wanted):
    """Whether so many bytes are free beside a file."""
    return shutil.disk_usage(path).free >= wanted
