"""How many findings the rules make on real changes, and what a reader calls them.

The changes are differences between consecutive source releases of published packages, read from git as any other
change. A unit is one directory of one such difference: release differences are larger than commits and hold many of
them, so that a unit stands for the commits of one release in one directory. The rules see the whole difference at
once, as they would see a branch.

    python benchmarks/rule_noise.py            downloads (first time), counts, writes the sample
    python benchmarks/rule_noise.py --held-out the packages that no rule was tuned on
"""

import argparse
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path, PurePosixPath

from cicd_agent.adapters.git.repository import GitRepository
from cicd_agent.analysis.rules.run import findings
from cicd_agent.domain.finding import Finding, Severity
from cicd_agent.domain.repository.paths import PathKind, kinds

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.releases import history, index_url, releases

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = {"werkzeug": 40, "urllib3": 40, "celery": 25, "scrapy": 20, "starlette": 40, "django": 8}
HELD_OUT = {"flask": 40, "requests": 40, "paramiko": 30}
CACHE = ROOT / ".benchmarks"
VERDICTS = ROOT / "benchmarks" / "rule_noise_verdicts.tsv"
SAMPLE = 50

# The words of the same dangers, as one would grep for them.
NAIVE = re.compile(
    r"\beval\b|\bexec\b|pickle|marshal|yaml\.load|subprocess|os\.system|popen|shell=True|execute\(|verify=False|"
    r"CERT_NONE|mktemp|extractall|md5|sha1|password|secret|token|requests\.(?:get|post)|urlopen|time\.sleep|"
    r"except(?: Exception)?:|breakpoint|pdb|\bskip\b|xfail|DROP |DELETE FROM|login_required|csrf_exempt|DEBUG = True|"
    r"innerHTML|document\.write|permissions:|uses:|curl|0\.0\.0\.0",
    re.IGNORECASE,
)
_CODE = frozenset({PathKind.SOURCE, PathKind.WORKFLOW, PathKind.DOCKERFILE, PathKind.INFRASTRUCTURE})


@dataclass(slots=True)
class Tally:
    """What was counted."""

    units: set[tuple[str, str, str]] = field(default_factory=set)
    added: int = 0
    added_code: int = 0
    naive: int = 0
    found: list[tuple[str, str, Finding]] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--held-out", action="store_true", help="the packages that no rule was tuned on")
    parser.add_argument("--index", default="", help="simple index to download from (default: pip's)")
    options = parser.parse_args()
    tally, start = Tally(), time.process_time()
    for package, count in (HELD_OUT if options.held_out else PACKAGES).items():
        _count(package, count, options.index or index_url(), tally)
    _print(tally, time.process_time() - start)
    name = "rule_noise_held_out.txt" if options.held_out else "rule_noise_sample.txt"
    sample = list(_sample(tally.found))
    (CACHE / name).write_text("\n".join(_shown(*one) for one in sample))
    print(f"\nfirst {len(sample)} of a deterministic order, for a reader: {CACHE.name}/{name}")
    _print_verdicts(sample)


def _count(package: str, count: int, index: str, tally: Tally) -> None:
    wanted = releases(package, count, index)
    uploaded = {release.version: release.uploaded for release in wanted}
    repo, commits = history(package, wanted, CACHE)
    repository = GitRepository(repo, os.environ)
    for (old, base), (new, head) in pairwise(commits):
        if uploaded[new] <= uploaded[old]:
            continue  # 2.0.2 was there before 1.26.20: the difference between branches is nobody's change
        change = repository.change(base, head)
        for file in change.files:
            tally.units.add((package, new, str(PurePosixPath(file.path).parent)))
            lines = [line.text for line in file.added]
            tally.added += len(lines)
            if _CODE & kinds(file.path):
                tally.added_code += len(lines)
            tally.naive += sum(1 for line in lines if NAIVE.search(line[:2_000]))
        tally.found.extend((package, f"{old}..{new}", finding) for finding in findings(change))


def _print(tally: Tally, seconds: float) -> None:
    print(f"units {len(tally.units):,} (one directory of one release difference)")
    print(f"added lines {tally.added:,}, of them code {tally.added_code:,}; {seconds:.0f} s CPU with git")
    counts = Counter(finding.id for _, _, finding in tally.found)
    print(f"\n{'rule':28} findings  per 1,000 added lines")
    for rule, number in counts.most_common():
        print(f"{rule:28} {number:8} {_rate(number, tally.added)}")
    loud = [one for _, _, one in tally.found if _is_inline(one)]
    print(f"{'all rules':28} {len(tally.found):8} {_rate(len(tally.found), tally.added)}")
    print(f"{'  of them inline by default':28} {len(loud):8} {_rate(len(loud), tally.added)}")
    print(f"{'grep for the same words':28} {tally.naive:8} {_rate(tally.naive, tally.added)}")


def _rate(number: int, lines: int) -> str:
    return f"{1000 * number / max(lines, 1):8.2f}"


def _sample(found: list[tuple[str, str, Finding]]) -> Iterator[tuple[str, str, Finding]]:
    """One finding for each fingerprint, in the order of the fingerprints: as good as drawn by lot, always the same."""
    unique = {f"{package} {one.fingerprint}": (package, span, one) for package, span, one in reversed(found)}
    for _, chosen in sorted(unique.items(), key=lambda item: item[0].split()[1])[:SAMPLE]:
        yield chosen


def _shown(package: str, span: str, one: Finding) -> str:
    place = f"{one.location.path}:{one.location.line} {one.location.side}"
    grade = f"{one.severity} {one.confidence}"
    return (
        f"{package}:{one.fingerprint}\t{one.id}\t{grade}\t{package} {span}\t{place}\n\t{one.message}\n\t> {one.quote}\n"
    )


def _print_verdicts(sample: list[tuple[str, str, Finding]]) -> None:
    rows = [row.split("\t") for row in VERDICTS.read_text().splitlines() if row and not row.startswith("#")]
    read = {row[0]: row[1] for row in rows}
    said = [(_is_inline(one), read.get(f"{package}:{one.fingerprint}", "not read yet")) for package, _, one in sample]
    for place, inline in (("inline", True), ("folded in the summary", False)):
        tally = Counter(verdict for where, verdict in said if where is inline)
        print(f"a reader calls those {place}: " + ", ".join(f"{name} {number}" for name, number in tally.most_common()))


def _is_inline(one: Finding) -> bool:
    """Whether the defaults show it on its line: medium or worse, and 0.7 sure."""
    return one.severity.rank >= Severity.MEDIUM.rank and one.confidence >= 0.7


if __name__ == "__main__":
    main()
