"""How many findings the rules make on real changes, and what a reader calls them.

The changes are differences between consecutive source releases of published packages, read from git as any other
change. A unit is one directory of one such difference: release differences are larger than commits and hold many of
them, so that a unit stands for the commits of one release in one directory. The rules see the whole difference at
once, as they would see a branch.

    python benchmarks/rule_noise.py            downloads (first time), counts, writes the sample
    python benchmarks/rule_noise.py --held-out the packages that no rule was tuned on
    python benchmarks/rule_noise.py --rules a,b each finding of these rules and what a reader called it; exit 1 when
                                               they speak more often than once in 5,000 added lines of code
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
from cicd_agent.analysis.rules import RULES
from cicd_agent.analysis.rules.rule import Rule
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
FINDINGS = ROOT / "benchmarks" / "rule_noise_findings.tsv"
"""What a reader called the findings of `--rules`, sorted: name, version, path, line, rule, verdict, why."""

SAMPLE = 50
GOAL = 5_000
"""Added lines of code in which the rules of `--rules` together may speak once."""

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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--held-out", action="store_true", help="the packages that no rule was tuned on")
    parser.add_argument("--index", default="", help="simple index to download from (default: pip's)")
    parser.add_argument("--rules", default="", help="ids of the only rules to run, with commas between them")
    parser.add_argument("--packages", default="", help="the only packages to look at, with commas between them")
    parser.add_argument("--cache", type=Path, default=CACHE, help="where downloads are kept (default: .benchmarks)")
    options = parser.parse_args()
    rules = _rules(options.rules)
    tally, start = Tally(), time.process_time()
    for package, count in (HELD_OUT if options.held_out else PACKAGES).items():
        if not options.packages or package in options.packages.split(","):
            _count(package, count, tally, index=options.index or index_url(), cache=options.cache, rules=rules)
    _print(tally, time.process_time() - start)
    if options.rules:
        return _print_rules(tally)
    name = "rule_noise_held_out.txt" if options.held_out else "rule_noise_sample.txt"
    sample = list(_sample(tally.found))
    (options.cache / name).write_text("\n".join(_shown(*one) for one in sample))
    print(f"\nfirst {len(sample)} of a deterministic order, for a reader: {options.cache.name}/{name}")
    _print_verdicts(sample)
    return 0


def _rules(ids: str) -> tuple[Rule, ...]:
    wanted = set(ids.split(",")) if ids else {rule.id for rule in RULES}
    if unknown := wanted.difference(rule.id for rule in RULES):
        raise SystemExit(f"no such rules: {', '.join(sorted(unknown))}")
    return tuple(rule for rule in RULES if rule.id in wanted)


def _count(package: str, count: int, tally: Tally, *, index: str, cache: Path, rules: tuple[Rule, ...]) -> None:
    wanted = releases(package, count, index)
    uploaded = {release.version: release.uploaded for release in wanted}
    repo, commits = history(package, wanted, cache)
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
        tally.found.extend((package, f"{old}..{new}", finding) for finding in findings(change, rules=rules))


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


def _print_rules(tally: Tally) -> int:
    """Each finding with what a reader called it, and how often the rules speak; 1 when that is above the goal."""
    rows = [row.split("\t") for row in FINDINGS.read_text().splitlines()[1:]] if FINDINGS.exists() else []
    read = {tuple(row[:5]): row[5] for row in rows}
    verdicts = Counter[str]()
    for package, span, one in tally.found:
        version, line = span.rpartition("..")[2], str(one.location.line)
        verdict = read.get((package, version, one.location.path, line, one.id), "not read yet")
        verdicts[verdict] += 1
        print(f"\n{package}\t{version}\t{one.location.path}\t{line}\t{one.id}\t{verdict}")
        print(f"\t{one.message}\n\t> {one.quote}")
    print("\na reader calls them: " + ", ".join(f"{name} {number}" for name, number in verdicts.most_common()))
    rate = GOAL * len(tally.found) / max(tally.added_code, 1)
    print(f"{len(tally.found)} findings, {rate:.2f} in {GOAL:,} added lines of code; the goal is 1 at most")
    return 1 if rate > 1 else 0


def _is_inline(one: Finding) -> bool:
    """Whether the defaults show it on its line: medium or worse, and 0.7 sure."""
    return one.severity.rank >= Severity.MEDIUM.rank and one.confidence >= 0.7


if __name__ == "__main__":
    sys.exit(main())
