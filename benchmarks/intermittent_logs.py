"""Logs of jobs whose failure a person judged to be intermittent or not: which get infrastructure as their cause?

The logs are those of a folder with an `intermittent.jsonl` (`log`, `intermittent`), packed by gzip; they come from one
project, so that no figure for others can be had from them. No change is known.
"""

import argparse
import gzip
import json
from pathlib import Path

from cicd_agent.analysis.logs.matcher import Matcher
from cicd_agent.analysis.logs.reduction import reduce
from cicd_agent.analysis.logs.registry import load_tools
from cicd_agent.domain.events.event import Event, EventKind
from cicd_agent.domain.events.workflow_run import JobRun
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.facts import Cause
from cicd_agent.modes.analyse_failure.evidence import FAILED_RUN, FailedJob, FailedRun, LogSource
from cicd_agent.modes.analyse_failure.rules import rules
from cicd_agent.settings.schema import Settings

PRECISION, RECALL = 0.95, 0.70


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--show", action="store_true", help="print those that are judged otherwise")
    options = parser.parse_args()
    folder, matcher = options.data / "ci-logs", Matcher(load_tools())
    counts = {(truth, said): 0 for truth in (True, False) for said in (True, False)}
    for line in (folder / "intermittent.jsonl").read_text("utf-8").splitlines():
        case = json.loads(line)
        extract = reduce([gzip.decompress((folder / case["log"]).read_bytes())], tokens=4_000, matcher=matcher)
        job = FailedJob(JobRun(1, "job", "completed", "failure"), extract=extract, source=LogSource.FILE)
        evidence = Evidence(Event(kind=EventKind.LOCAL, name="")).put(FAILED_RUN, FailedRun(jobs=(job,)))
        diagnosis = rules(evidence, Settings())
        said = diagnosis.cause is Cause.INFRASTRUCTURE
        counts[case["intermittent"], said] += 1
        if options.show and said is not case["intermittent"]:
            print(f"{case['id']}: {diagnosis.kind}, {diagnosis.cause}: {diagnosis.root_cause}")
    right = counts[True, True]
    precision, recall = right / max(right + counts[False, True], 1), right / max(right + counts[True, False], 1)
    print(f"{sum(counts.values())} logs, {right + counts[True, False]} of them of intermittent failures")
    print(f"infrastructure: precision {precision:.2f} (goal {PRECISION}), recall {recall:.2f} (goal {RECALL})")
    return int(precision < PRECISION or recall < RECALL)


if __name__ == "__main__":
    raise SystemExit(main())
