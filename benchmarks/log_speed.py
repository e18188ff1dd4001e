"""How much CPU time and memory 200 MB of real logs take to reduce.

`python benchmarks/log_speed.py --data DIR`: the failed and the passing logs of DIR are written one after another, each
time with other digits, until there are so many megabytes; one process reduces them as one log. With `--alike` only the
largest ten, as the log of one job would be: most of its lines differ by numbers alone. Exits with 1 when the CPU
time is over the goal.
"""

import argparse
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from random import Random

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.log_extract import cases
from cicd_agent.analysis.logs.reduction import reduce

MEGABYTES = 200
MOST_SECONDS = 12
LARGEST = 10
CHUNK = 1 << 16
TIME = re.compile(rb"20\d\d-\d\d-\d\dT\S+Z ")


def large_log(logs: Sequence[bytes], size: int) -> Iterator[bytes]:
    """Logs of that size in sum, of which no two are the same: of each copy other digits than in the one before."""
    random, written = Random(11), 0  # noqa: S311  to be repeated, not to be unguessable
    for copy in count():
        digits = "".join(random.sample("0123456789", 10)) if copy else "0123456789"
        other = bytes.maketrans(b"0123456789", digits.encode())
        for log in logs:
            if written >= size:
                return
            lines = (_varied(line, other) for line in log.splitlines(keepends=True))
            text = b"".join(lines).rstrip(b"\n") + b"\n"
            written += len(text)
            yield text


def _varied(line: bytes, other: bytes) -> bytes:
    stamp = TIME.match(line)
    return stamp[0] + line[stamp.end() :].translate(other) if stamp else line.translate(other)


def chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as log:
        while chunk := log.read(CHUNK):
            yield chunk


def one(path: Path) -> None:
    started = time.process_time()
    extract = reduce(chunks(path))
    seconds = time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(seconds, peak, extract.total)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the logs")
    parser.add_argument("--megabytes", type=int, default=MEGABYTES)
    parser.add_argument("--alike", action="store_true", help=f"only the {LARGEST} largest logs")
    asked = parser.parse_args()
    logs = [log for case in cases(asked.data) for log in (case.log, case.green) if log]
    if asked.alike:
        logs = sorted(logs, key=len)[-LARGEST:]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "job.log")
        with path.open("wb") as file:
            file.writelines(large_log(logs, asked.megabytes * 1_000_000))
        code = "import sys, pathlib; from benchmarks.log_speed import one; one(pathlib.Path(sys.argv[1]))"
        done = subprocess.run([sys.executable, "-c", code, str(path)], check=True, capture_output=True, text=True)
    seconds, memory, lines = done.stdout.split()
    most = MOST_SECONDS * asked.megabytes / MEGABYTES
    size = f"{asked.megabytes} MB, {int(lines):,} lines"
    print(f"{size}: {float(seconds):.1f} s of CPU (goal {most:.0f}), {memory} MB of memory")
    return int(float(seconds) > most)


if __name__ == "__main__":
    raise SystemExit(main())
