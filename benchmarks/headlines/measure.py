"""How often the first problem of an extract is the line to read first, beside two plain guesses.

`python benchmarks/headlines/measure.py --data DIR`, where DIR has `index.jsonl` and the logs that it names. README.md
beside this is the rule by which `labels.jsonl` was made; `blind.jsonl` has some cases labelled again by a reader who
had not seen the first labels, and how far both agree is printed first. Nothing was tuned on these labels.
"""

import argparse
import gzip
import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from cicd_agent.analysis.logs.matcher import Matcher
from cicd_agent.analysis.logs.reduction import reduce
from cicd_agent.analysis.logs.registry import load_tools

HERE = Path(__file__).parent
TOKENS = 2_000
_WORDS = re.compile(rb"error|fail|exception|fatal|panic", re.IGNORECASE)


class Label(BaseModel):
    """What a reader says of one log; lines count from 1."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    type: str
    best: tuple[int, ...] = ()
    fine: tuple[int, ...] = ()
    wrong: Mapping[str, tuple[int, ...]] = {}

    def judge(self, line: int) -> str:
        """The class of a line: best, fine, one of the wrong ones, or `not labelled`; `none` for no line."""
        if not line:
            return "none"
        classes = {"best": self.best, "fine": self.fine, **self.wrong}
        return next((name for name, lines in classes.items() if line in lines), "not labelled")


def labels(name: str) -> dict[str, Label]:
    rows = (HERE / name).read_text("utf-8").splitlines()
    return {label.id: label for label in map(Label.model_validate_json, rows)}


def agreement(first: Mapping[str, Label], again: Mapping[str, Label]) -> Iterator[str]:
    """How often two readers say the same of a log."""
    pairs = [(first[name], other) for name, other in again.items()]
    same_type = sum(one.type == other.type for one, other in pairs)
    best = sum(bool({*one.best} & {*other.best}) for one, other in pairs)
    near = sum(bool({*one.best} & {*other.best, *other.fine} or {*other.best} & {*one.fine}) for one, other in pairs)
    yield f"{len(pairs)} cases labelled twice: type {same_type}, a best line in common {best}, best or fine {near}"


def first_problem(log: bytes, matcher: Matcher) -> int:
    problems = reduce([log], tokens=TOKENS, matcher=matcher).problems
    return problems[0].line if problems else 0


def first_word(log: bytes, _: Matcher) -> int:
    return next((number for number, line in enumerate(log.split(b"\n"), 1) if _WORDS.search(line)), 0)


def last_word(log: bytes, _: Matcher) -> int:
    return max((number for number, line in enumerate(log.split(b"\n"), 1) if _WORDS.search(line)), default=0)


GUESSES: Mapping[str, Callable[[bytes, Matcher], int]] = {
    "first problem": first_problem,
    "first line with `error`": first_word,
    "last line with `error`": last_word,
}


def table(judged: Mapping[str, Sequence[tuple[str, str]]]) -> Iterator[str]:
    """For each guess the share of each class, over all cases and by corpus."""
    for name, outcomes in judged.items():
        for corpus in ("", *sorted({corpus for corpus, _ in outcomes})):
            classes = Counter(outcome for of, outcome in outcomes if corpus in {"", of})
            shares = ", ".join(f"{outcome} {number / classes.total():.0%}" for outcome, number in classes.most_common())
            yield f"  {name if not corpus else '':26}{corpus or 'all':12}{classes.total():5}  {shares}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a directory with index.jsonl and logs")
    data = parser.parse_args().data
    data = data if (data / "index.jsonl").exists() else data / "ci-logs"
    known = labels("labels.jsonl")
    cases = [json.loads(row) for row in (data / "index.jsonl").read_text("utf-8").splitlines()]
    print(*agreement(known, labels("blind.jsonl")), sep="\n")
    print(", ".join(f"{kind} {number}" for kind, number in Counter(each.type for each in known.values()).most_common()))
    matcher = Matcher(load_tools())
    judged: dict[str, list[tuple[str, str]]] = {name: [] for name in GUESSES}
    for case in cases:
        log = gzip.decompress((data / case["log"]).read_bytes())
        for name, guess in GUESSES.items():
            judged[name].append((case["corpus"], known[case["id"]].judge(guess(log, matcher))))
    print(*table(judged), sep="\n")


if __name__ == "__main__":
    main()
