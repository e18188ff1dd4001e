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

from cicd_agent.analysis.logs import headline
from cicd_agent.analysis.logs.extract import Kind, Problem
from cicd_agent.analysis.logs.matcher import Matcher
from cicd_agent.analysis.logs.reduction import reduce
from cicd_agent.analysis.logs.registry import load_tools
from cicd_agent.domain.events.event import Event, EventKind
from cicd_agent.domain.events.workflow_run import JobRun
from cicd_agent.domain.evidence import Evidence
from cicd_agent.modes.analyse_failure.evidence import FAILED_RUN, FailedJob, FailedRun, LogSource
from cicd_agent.modes.analyse_failure.rules import rules
from cicd_agent.modes.analyse_failure.runs.jobs import FIRST_TOKENS
from cicd_agent.settings.schema import Settings

HERE = Path(__file__).parent
TOKENS = 2_000
NO_TOOL, FEW, MIN_OF_TOOL = "no known tool", "tools with fewer logs", 5
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


def tool_of(line: int, problems: Sequence[Problem]) -> str:
    """The tool of the problem that a line is or is part of."""
    own = [each for each in problems if each.line == line] or [
        each for each in problems if each.first <= line <= each.last
    ]
    return own[0].tool or NO_TOOL if own else NO_TOOL


def right_kind(label: str, said: str) -> bool:
    """`dependency` and `configuration` say more precisely which error of a build it is."""
    return said == label or (label == Kind.BUILD_ERROR and said in {Kind.DEPENDENCY, Kind.CONFIGURATION})


def diagnosed(log: bytes, matcher: Matcher) -> Kind:
    """The type that `analyse-failure --log FILE` tells of a log, without a model, a run or a change."""
    extract = reduce([log], tokens=FIRST_TOKENS, matcher=matcher)
    job = FailedJob(JobRun(1, "job", "completed", "failure"), extract=extract, source=LogSource.FILE)
    evidence = Evidence(Event(kind=EventKind.LOCAL, name="")).put(FAILED_RUN, FailedRun(jobs=(job,)))
    return rules(evidence, Settings()).kind


def confusion(pairs: Sequence[tuple[str, str]]) -> Iterator[str]:
    """How often each type is told as which."""
    counts = Counter(pairs)
    columns = sorted({said for _, said in pairs})
    yield "  " + " " * 16 + "".join(f"{said:>16}" for said in columns)
    for label in sorted({label for label, _ in pairs}):
        yield f"  {label:16}" + "".join(f"{counts[label, said] or '·':>16}" for said in columns)


def by_tool(rows: Sequence[tuple[str, bool, bool]]) -> Iterator[str]:
    """Of the logs of each tool how many lines and types are right; tools with few logs together."""
    counts = Counter(tool for tool, _, _ in rows)
    merged = [(tool if counts[tool] >= MIN_OF_TOOL else FEW, line, kind) for tool, line, kind in rows]
    sizes = Counter(tool for tool, _, _ in merged)
    for tool, size in sizes.most_common():
        lines = sum(line for name, line, _ in merged if name == tool)
        kinds = sum(kind for name, _, kind in merged if name == tool)
        yield f"  {tool:26}{size:5}  line right {lines / size:4.0%}, type right {kinds / size:4.0%}"


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
    pairs = [(known[case.id].type, str(diagnosed(case.log(), matcher))) for case in cases]
    print(f"  type of analyse-failure: {sum(right_kind(*pair) for pair in pairs) / len(pairs):.0%} right")
    print(*confusion(pairs), sep="\n")
    if not asked.learnt:
        print(*unseen(asked.data), sep="\n")


def unseen(data: Path) -> Iterator[str]:
    """The line and the type by weights that saw no log of the repository, in all, by corpus and by tool."""
    from benchmarks.headlines import kinds, learn  # noqa: PLC0415  they import this module

    names = sorted(headline.names())
    some = list(learn.examples(data, names))
    folds = learn.of_folds(some, names)
    lines = list(learn.crossvalidated(some, folds))
    yield from shares("unseen repositories", [(one.case.corpus, name) for one, _, name in lines])
    types = {one.case.id: (label, said) for one, label, said in kinds.crossvalidated(some, folds)}
    right = sum(right_kind(*pair) for pair in types.values())
    yield f"  type on unseen repositories: {right / len(types):.0%} right"
    yield from confusion(list(types.values()))
    yield from by_tool([(tool, name in {"best", "fine"}, right_kind(*types[one.case.id])) for one, tool, name in lines])


if __name__ == "__main__":
    main()
