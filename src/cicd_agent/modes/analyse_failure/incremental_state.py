"""The failures that earlier runs of ours have seen in this repository, left as lines of which any may be missing."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace

from pydantic import TypeAdapter, ValidationError

from cicd_agent.domain.evidence import Evidence
from cicd_agent.modes.analyse_failure.evidence import FAILED_RUN, FailedRun, Role, Trace, failed_run
from cicd_agent.modes.analyse_failure.groups import fingerprints

MAX_TRACES = 300
"""Failures that are saved, the newest first."""
_SHAPE: TypeAdapter[Trace] = TypeAdapter(Trace)


def with_saved_traces(evidence: Evidence) -> FailedRun:
    """The failed run with saved traces of others, where GitHub was not asked about them; empty without one."""
    failed = failed_run(evidence)
    known = {(trace.run, trace.attempt, trace.job) for trace in failed.traces}
    own = failed.run.id if failed.run else 0
    loaded = (trace for trace in _load_traces(evidence.memory) if trace.run != own)
    fresh = tuple(trace for trace in loaded if (trace.run, trace.attempt, trace.job) not in known)
    return replace(failed, traces=(*failed.traces, *fresh)) if fresh else failed


def save_traces(evidence: Evidence) -> Sequence[str]:
    """What the next run in this repository may know of this one's failures, and of those before; a line each."""
    failed, event = evidence.get(FAILED_RUN), evidence.event
    run = failed.run if failed else None
    if failed is None or run is None:
        return ()
    own = [
        Trace(
            run=run.id,
            attempt=run.attempt,
            job=job.job.name,
            conclusion=job.job.conclusion or "failure",
            sha=run.sha,
            branch=run.branch,
            is_default=run.branch == event.default_branch and not run.event.startswith("pull_request"),
            pull=event.pull.number if event.pull else 0,
            strict=strict,
            url=job.job.url or run.url,
            when=run.created,
            event=run.event,
        )
        for job in failed.jobs
        if job.role is Role.FAILED and (strict := fingerprints(job))
    ]
    current = {(trace.run, trace.attempt, trace.job) for trace in own}
    before = [trace for trace in _load_traces(evidence.memory) if (trace.run, trace.attempt, trace.job) not in current]
    return [json.dumps(asdict(trace), sort_keys=True) for trace in (*own, *before)[:MAX_TRACES]]


def _load_traces(memory: str) -> Iterator[Trace]:
    """Any line may be missing or broken: each is read by itself."""
    for line in memory.split("\n")[:MAX_TRACES] if memory else ():
        try:
            yield _SHAPE.validate_json(line, strict=True)
        except (ValidationError, RecursionError):
            continue
