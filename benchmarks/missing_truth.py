"""What is said of a failure when the lines that prove it are missing: no cause may be named with .6 or more.

`python benchmarks/missing_truth.py --data DIR`, where DIR has `index.jsonl` and the logs that it names: see
log_extract.py. Of each log the lines that people marked are taken out, and the rest is analysed three times: with no
change known, with one that touches only documentation, and with one that touches code which the log does not name.
Beside it stands how often a cause is named so surely when nothing is taken out. Exits with 1 when one is.
"""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

from cicd_agent.modes.analyse_failure.evidence import FAILED_RUN

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.log_extract import Case, cases, normal
from cicd_agent.analysis.logs.matcher import Matcher
from cicd_agent.analysis.logs.reduction import reduce
from cicd_agent.analysis.logs.registry import load_tools
from cicd_agent.domain.events.event import Event, EventKind
from cicd_agent.domain.events.workflow_run import JobRun, StepRun
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.facts import Cause
from cicd_agent.domain.repository.change import Change
from cicd_agent.modes.analyse_failure.attribution.path_match import find_locations
from cicd_agent.modes.analyse_failure.evidence import FailedJob, FailedRun, LogSource
from cicd_agent.modes.analyse_failure.result import Diagnosis
from cicd_agent.modes.analyse_failure.rules import rules
from cicd_agent.settings.schema import Settings
from tests.support.samples.changes import change_of

TOO_SURE = 0.6
CHANGES: Mapping[str, Change | None] = {
    "no change known": None,
    "documentation": change_of(("docs/guide.md", "old\n", "new\n")),
    "code not named": change_of(("lib/zz_unrelated_part.py", "a = 1\n", "a = 2\n")),
}


def without_truth(case: Case) -> bytes:
    """The log without the lines that were marked."""
    marked = set(case.truth)
    lines = case.log.split(b"\n")
    return b"\n".join(line for line in lines if normal(line.decode("utf-8", "replace")) not in marked)


def diagnosed(log: bytes, change: Change | None, matcher: Matcher) -> Diagnosis:
    """What the rules say of it."""
    step = StepRun("Run it", 1, "failure")
    job = JobRun(1, "job", "completed", "failure", steps=(step,))
    extract = reduce([log], tokens=4_000, job="job", matcher=matcher)
    paths = tuple(file.path for file in change.files) if change else ()
    failed = FailedJob(job, extract=extract, source=LogSource.FILE, places=find_locations(extract, paths))
    evidence = Evidence(Event(EventKind.PUSH), change).put(FAILED_RUN, FailedRun(jobs=(failed,)))
    return rules(evidence, Settings())


def main() -> int:
    """Print the table; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--misses", action="store_true", help="name the cases of which too much is said")
    asked = parser.parse_args()
    matcher, known = Matcher(load_tools()), list(cases(asked.data))
    too_sure = 0
    print(f"{len(known)} logs; a cause named with {TOO_SURE} or more\n")
    print(f"{'':<20} {'without the truth':>18} {'whole':>6}")
    for name, change in CHANGES.items():
        counts = []
        for cut in (True, False):
            found = [
                (case.name, diagnosed(without_truth(case) if cut else case.log, change, matcher)) for case in known
            ]
            named = [
                (each, one) for each, one in found if one.cause is not Cause.UNKNOWN and one.confidence >= TOO_SURE
            ]
            counts.append(len(named))
            if cut:
                too_sure += len(named)
            if cut and asked.misses:
                for each, one in named:
                    print(f"  {each}: {one.cause} {one.confidence}: {one.root_cause[:150]}")
        print(f"{name:<20} {counts[0]:>18} {counts[1]:>6}")
    return 1 if too_sure else 0


if __name__ == "__main__":
    sys.exit(main())
