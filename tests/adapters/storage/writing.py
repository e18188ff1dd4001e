"""Processes that write to one audit log at once: `python writing.py KIND PLACE NAME COUNT [WRITERS]`."""

import os
import subprocess
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).resolve().parents[3] / "src"), str(Path(__file__).resolve().parents[3])]

import cicd_agent.adapters.storage.postgres  # noqa: F401  what each would load for itself is loaded before they part
from tests.adapters.storage.books import Book, run


def started(book: Book, name: str, count: int = 0, writers: int = 1) -> subprocess.Popen[str]:
    """Writers that enter `count` runs each, or as many as they can where that is 0, and print the number of each."""
    command = [sys.executable, __file__, book.kind, book.place, name, str(count), str(writers)]
    return subprocess.Popen(
        command,
        env={"PATH": os.defpath},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def write(book: Book, name: str, count: int) -> None:
    """Each time a text of another length."""
    store = book.open(60)
    number = 0
    while number < count or not count:
        number += 1
        link = store.append(run(number, event_id=f"{name}.{number}", output="x" * (number * 997 % 20_000)))
        os.write(1, f"{link.seq}\n".encode())
    store.close()


def main(kind: str, place: str, name: str, count: str, writers: str) -> int:
    """What all of them need is loaded once; what each opens it opens for itself."""
    if writers == "1":
        write(Book(kind, place), name, int(count))
        return 0
    running = []
    for number in range(int(writers)):
        process = os.fork()
        if not process:
            write(Book(kind, place), f"{name}-{number}", int(count))
            return 0
        running.append(process)
    return max(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) for process in running)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
