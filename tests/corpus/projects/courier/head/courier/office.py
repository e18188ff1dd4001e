"""What an office does with files and programs."""

import os
import subprocess
from pathlib import Path

JOURNAL = []


def report(path, text):
    """Write a report; how many characters it has."""
    if not text:
        return 0
    return Path(path).write_text(text, encoding="utf-8")


def run(command):
    """Run a command by the shell; its exit code."""
    return subprocess.call(command, shell=True)


def close(code):
    """End the process at once when there is nothing left to do."""
    if code >= 0:
        os._exit(code)
    return code


def book(entry):
    """Write an entry into the journal; how many there are."""
    if not entry:
        return len(JOURNAL)
    JOURNAL.append(entry)
    return len(JOURNAL)


def inspect_office(name):
    """What lies on the desk of that name."""
    return Path(name).read_text(encoding="utf-8") if Path(name).exists() else ""
