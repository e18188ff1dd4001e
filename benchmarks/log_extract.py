"""How much of what people marked as the cause of a failure is in our extract of its log, beside plainer ways to cut it.

`python benchmarks/log_extract.py --data DIR`, where DIR has `index.jsonl` and the logs that it names. A line of the
truth counts as found when it is a line of the extract, or a part of one, after both are normalised: escapes and times
off, blanks folded. Recall is the mean over the cases of the share of lines found, hit the share of cases with one.
"""

import argparse
import gzip
import hashlib
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from benchmarks.tokens import Counter, counter
from cicd_agent.core.log.extract import Extract
from cicd_agent.core.log.lines import read
from cicd_agent.core.log.messages import Registry
from cicd_agent.core.log.reduce import reduce
from cicd_agent.core.log.template import Templates
from cicd_agent.core.log.tools import tools

_ESCAPE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\[\d{1,2}(?:;\d{1,2})*m|\x1b\][^\x07]*\x07|[\x00-\x08\x0b-\x1f]")
_TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z ?")
_WORDS = re.compile(r"error|fail|exception|fatal|panic", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Case:
    """A failed log with the lines that a person marked."""

    id: str
    corpus: str
    on_github: bool
    log: bytes
    green: bytes
    truth: tuple[str, ...]

    @property
    def half(self) -> str:
        """Rules were made with an eye on the cases of one half, and never of the other."""
        return "ab"[hashlib.sha256(self.id.encode()).digest()[0] % 2]


@dataclass(frozen=True, slots=True)
class Score:
    recall: float
    hit: bool


def cases(data: Path) -> Iterator[Case]:
    for row in (data / "index.jsonl").read_text("utf-8").splitlines():
        case = json.loads(row)
        green = gzip.decompress((data / case["green_log"]).read_bytes()) if "green_log" in case else b""
        log = gzip.decompress((data / case["log"]).read_bytes())
        truth = tuple(filter(None, map(normal, case["truth"])))
        yield Case(case["id"], case["corpus"], case["github_actions"], log, green, truth)


def normal(line: str) -> str:
    return " ".join(_TIME.sub("", _ESCAPE.sub("", line).lstrip("\ufeff")).split())


def scored(truth: Sequence[str], shown: Sequence[str]) -> Score:
    lines = [normal(line) for line in shown]
    whole, text = set(lines), "\n".join(lines)
    found = sum(line in whole or (len(line) > 3 and line in text) for line in truth)
    return Score(found / len(truth), found > 0)


def last(case: Case, count: int) -> list[str]:
    return [line.text for line in read([case.log])][-count:]


def grep(case: Case, count: int) -> list[str]:
    return [line.text for line in read([case.log]) if _WORDS.search(line.text)][:count]


def last_within(case: Case, budget: int, counts: Counter) -> list[str]:
    lines = last(case, budget)
    while lines and counts.count(["\n".join(lines)])[0] > budget:
        lines = lines[max(1, len(lines) // 12) :]
    return lines


def ours(case: Case, budget: int, registry: Registry, *, with_green: bool) -> Extract:
    green = Templates(line.text for line in read([case.green])) if with_green and case.green else None
    return reduce([case.log], tokens=budget, green=green, registry=registry)


def row(name: str, group: Sequence[Case], shown: Mapping[str, Sequence[str]], counts: Counter) -> tuple[float, float]:
    scores = [scored(case.truth, shown[case.id]) for case in group]
    sizes = counts.count(["\n".join(shown[case.id]) for case in group])
    recall, hit = mean(score.recall for score in scores), mean(score.hit for score in scores)
    halves = [mean([s.recall for s, c in zip(scores, group, strict=True) if c.half == half] or [0]) for half in "ab"]
    print(f"  {name:34}{recall:8.3f}{hit:7.3f}{mean(sizes):9,.0f}{max(sizes):8,}    {halves[0]:.3f} {halves[1]:.3f}")
    return recall, hit


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--python", type=Path, action="append", default=[], help="an environment with tiktoken")
    parser.add_argument("--misses", action="store_true", help="print what was not found")
    parser.add_argument("--half", default="ab", help="only cases of this half (a or b)")
    parser.add_argument("--quick", action="store_true", help="without the baselines")
    asked = parser.parse_args()
    counts = counter(asked.python)
    print(counts.name)
    every = [case for case in cases(asked.data) if case.half in asked.half]
    registry = Registry(tools())
    for corpus in ("logchunks", "cidiff", "pytorch"):
        group = [case for case in every if case.corpus == corpus]
        print(f"\n{corpus}, {len(group)} cases {'':16}  recall    hit   tokens    most    half a, b")
        if not asked.quick:
            row("last 100 lines", group, {case.id: last(case, 100) for case in group}, counts)
            row("last 500 lines", group, {case.id: last(case, 500) for case in group}, counts)
            row("first 30 lines by keyword", group, {case.id: grep(case, 30) for case in group}, counts)
        for with_green in (False, True) if corpus == "cidiff" else (False,):
            for budget in (2_000, 4_000):
                if not asked.quick and not with_green:
                    row(
                        f"last lines, {budget:,} tokens",
                        group,
                        {case.id: last_within(case, budget, counts) for case in group},
                        counts,
                    )
                extracts = {case.id: ours(case, budget, registry, with_green=with_green) for case in group}
                shown = {id: [line.text for line in extract.kept] for id, extract in extracts.items()}
                name = f"extract, {budget:,}" + (", with green" if with_green else "")
                row(name, group, shown, counts)
                if corpus == "cidiff":
                    github = [case for case in group if case.on_github]
                    row(name + ", GitHub", github, shown, counts)
                if asked.misses:
                    for case in group:
                        found = scored(case.truth, shown[case.id])
                        if found.recall < 0.999:
                            lines = {normal(line) for line in shown[case.id]}
                            missed = [line for line in case.truth if line not in lines]
                            print(
                                f"    {case.half} {found.recall:.2f} {case.id}: {len(missed)} of {len(case.truth)}: {missed[0][:90]!r}"
                            )
        if corpus == "pytorch":
            ranked = {
                case.id: [normal(problem.text) for problem in ours(case, 2_000, registry, with_green=False).problems]
                for case in group
            }
            first = [bool(ranked[case.id]) and case.truth[0] in ranked[case.id][0] for case in group]
            print(f"  the first problem is the marked line: {mean(first):.2f}")
            if asked.misses:
                for case, found in zip(group, first, strict=True):
                    if not found:
                        print(f"    {case.id}: {ranked[case.id][:1]}")


if __name__ == "__main__":
    main()
