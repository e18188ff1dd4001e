"""Logs of jobs that passed and failed: how many say so themselves, and is a failed one ever taken for one that passed?

The logs are those of a folder with an `index.jsonl` (`log`, `green_log`) and an `intermittent.jsonl`, packed by gzip.
"""

import argparse
import gzip
import json
from collections.abc import Iterator
from pathlib import Path

from cicd_agent.analysis.logs.job_result import passing_line
from cicd_agent.analysis.logs.reader import read


def logs(data: Path) -> Iterator[tuple[Path, bool]]:
    """Each log, and whether its job passed."""
    for index in ("index.jsonl", "intermittent.jsonl"):
        for line in (data / index).read_text("utf-8").splitlines():
            case = json.loads(line)
            yield data / case["log"], False
            if case.get("green_log"):
                yield data / case["green_log"], True


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    counts = {True: [0, 0], False: [0, 0]}
    for path, is_green in logs(parser.parse_args().data / "ci-logs"):
        says_so = passing_line([*read([gzip.decompress(path.read_bytes())])]) is not None
        counts[is_green][says_so] += 1
        if says_so is not is_green:
            print(f"{'passed' if is_green else 'failed'}, and its log says {says_so or 'nothing'}: {path.name}")
    print(f"passed: {counts[True][1]} of {sum(counts[True])} logs say so")
    print(f"failed: {counts[False][1]} of {sum(counts[False])} logs are taken for passed ones")
    return int(counts[False][1] > 0 or counts[True][1] < 0.9 * sum(counts[True]))


if __name__ == "__main__":
    raise SystemExit(main())
