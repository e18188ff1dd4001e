"""How often the first problem of an extract is the line to read first, beside two plain guesses.

`python benchmarks/headlines/measure.py --data DIR`, where DIR has `index.jsonl` and the logs that it names. README.md
beside this is the rule by which `labels.jsonl` was made; `blind.jsonl` has some cases labelled again by a reader who
had not seen the first labels, and how far both agree is printed first. `learn.py` fits the weights of
`analysis/logs/headline.toml` to these labels: the rows of the first problem flatter them, those of unseen repositories
do not. `--learnt` leaves these out, which take some minutes.
"""

import argparse
import gzip
import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Labelled:
    """A log of the corpus; `group` is the repository that it comes from."""

    id: str
    corpus: str
    group: str
    path: Path

    def log(self) -> bytes:
        return gzip.decompress(self.path.read_bytes())


def labelled(data: Path) -> Sequence[Labelled]:
    data = data if (data / "index.jsonl").exists() else data / "ci-logs"
    cases = map(json.loads, (data / "index.jsonl").read_text("utf-8").splitlines())
    return [Labelled(each["id"], each["corpus"], each["group"], data / each["log"]) for each in cases]


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


def shares(name: str, outcomes: Sequence[tuple[str, str]]) -> Iterator[str]:
    """The share of each class, over all cases and by corpus."""
    for corpus in ("", *sorted({corpus for corpus, _ in outcomes})):
        classes = Counter(outcome for of, outcome in outcomes if corpus in {"", of})
        total, best, fine = classes.total(), classes["best"], classes["fine"]
        wrong = total - best - fine - classes["not labelled"] - classes["none"]
        others = ", ".join(f"{outcome} {number / total:.0%}" for outcome, number in classes.most_common())
        right = f"right {(best + fine) / total:4.0%}, wrong {wrong / total:4.0%}"
        yield f"  {name if not corpus else '':26}{corpus or 'all':12}{total:5}  {right}: {others}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a directory with index.jsonl and logs")
    parser.add_argument("--learnt", action="store_true", help="without the figure of unseen repositories")
    asked = parser.parse_args()
    known, cases = labels("labels.jsonl"), labelled(asked.data)
    print(*agreement(known, labels("blind.jsonl")), sep="\n")
    print(", ".join(f"{kind} {number}" for kind, number in Counter(each.type for each in known.values()).most_common()))
    matcher = Matcher(load_tools())
    for name, guess in GUESSES.items():
        outcomes = [(case.corpus, known[case.id].judge(guess(case.log(), matcher))) for case in cases]
        print(*shares(name, outcomes), sep="\n")
    if not asked.learnt:
        from benchmarks.headlines.learn import cross_validated_rows  # noqa: PLC0415  it imports this module

        print(*cross_validated_rows(asked.data), sep="\n")


if __name__ == "__main__":
    main()
