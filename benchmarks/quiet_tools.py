"""Which tools' messages are found where nothing failed: in prose, and in logs of jobs that passed?

Prose are the descriptions of all packages that this Python has installed; `--data DIR` adds the logs that passed of a
folder with an `index.jsonl` (`green_log`). A log that passed may still hold a real error, which somebody ignored.
"""

import argparse
import gzip
import json
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path

from cicd_agent.analysis.logs.matcher import Matcher
from cicd_agent.analysis.logs.reader import read
from cicd_agent.analysis.logs.registry import load_tools

MOST_IN_PROSE = 0.002
"""Messages of a weight that decides, as a share of the lines of prose."""
DECISIVE = 0.5


def prose() -> Iterator[bytes]:
    for each in distributions():
        yield (each.read_text("METADATA") or "").encode()


def passed_logs(data: Path) -> Iterator[bytes]:
    for line in (data / "ci-logs/index.jsonl").read_text("utf-8").splitlines():
        if log := json.loads(line).get("green_log"):
            yield gzip.decompress((data / "ci-logs" / log).read_bytes())


def spoken(texts: Iterator[bytes], matcher: Matcher) -> tuple[int, Counter[tuple[str, str]]]:
    """How many lines there are, and each message by its tool and line."""
    found: Counter[tuple[str, str]] = Counter()
    size = 0
    for text in texts:
        lines = list(read([text]))
        size += len(lines)
        found.update(
            (block.tool.name, lines[block.headline].text.strip()[:120])
            for block in matcher.blocks(lines)
            if block.weight >= DECISIVE
        )
    return size, found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--show", action="store_true", help="print each message")
    options, matcher = parser.parse_args(), Matcher(load_tools())
    sources = {"prose": prose()}
    if options.data:
        sources["logs that passed"] = passed_logs(options.data)
    shares = {}
    for name, texts in sources.items():
        size, found = spoken(texts, matcher)
        shares[name] = len(found) / max(size, 1)
        print(f"{name}: {len(found):,} different messages in {size:,} lines, of {len({t for t, _ in found})} tools")
        if options.show:
            print(*(f"  {tool}: {line}" for tool, line in sorted(found)), sep="\n")
    return int(shares["prose"] > MOST_IN_PROSE)


if __name__ == "__main__":
    raise SystemExit(main())
