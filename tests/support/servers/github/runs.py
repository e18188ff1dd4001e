"""Runs of workflows: their attempts, jobs, logs, annotations and artifacts, and how failed jobs are run again."""

import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from tests.support.servers.github.routes import Answer, Json, Refused, Route, Visit, paged
from tests.support.servers.github.run_state import Artifact, Attempt, Job, Run, Step
from tests.support.servers.openapi import github

T = TypeVar("T")


def runs(visit: Visit) -> Answer:
    """The newest first; `status` asks for a status or for a conclusion."""
    return listed(visit, visit.repo.runs)


def runs_of_workflow(visit: Visit) -> Answer:
    """The same of one workflow."""
    return listed(visit, [run for run in visit.repo.runs if run.workflow == int(visit.args[0])])


def listed(visit: Visit, among: Sequence[Run]) -> Answer:
    """Those that the query's filters let through, each as its last attempt left it."""
    found = []
    for run in among:
        attempt = last(run)
        has: Mapping[str, tuple[str | None, ...]] = {
            "branch": (run.branch,),
            "head_sha": (run.sha,),
            "status": (attempt.status, attempt.conclusion),
        }
        young = run.created_at >= visit.query.get("created", "").removeprefix(">=")
        if young and all(value in has.get(name, (value,)) for name, value in visit.query.items()):
            found.append(run)
    return enveloped(visit, "workflow_runs", found, lambda run: shown_run(visit, run, last(run)))


def run(visit: Visit) -> Answer:
    """One run, at the attempt that is named or else at its last."""
    it, attempt = attempted(visit)
    return Answer(200, shown_run(visit, it, attempt))


def jobs(visit: Visit) -> Answer:
    """The jobs of an attempt."""
    it, attempt = attempted(visit)
    number = int(visit.args[1])
    return enveloped(visit, "jobs", attempt.jobs, lambda job: shown_job(it, number, job))


def job_log(visit: Visit) -> Answer:
    """Where the log of a job is to be had, once it has ended."""
    for it in visit.repo.runs:
        for attempt in it.attempts:
            for job in attempt.jobs:
                if job.id == int(visit.args[0]) and job.log is not None and job.status == "completed":
                    return away(visit, job.log, expired=it.expired)
    raise Refused(404, "Not Found")


def run_logs(visit: Visit) -> Answer:
    """Where the logs of an attempt are to be had."""
    it, attempt = attempted(visit)
    if attempt.status != "completed":
        raise Refused(404, "Not Found")
    logs = {f"{at}_{job.name}.txt": job.log for at, job in enumerate(attempt.jobs) if job.log is not None}
    return away(visit, attempt.archive or zipped(logs), expired=it.expired)


def annotations(visit: Visit) -> Answer:
    """What was noted on the check run of a job."""
    for it in visit.repo.runs:
        for attempt in it.attempts:
            for job in attempt.jobs:
                if job.id == int(visit.args[0]):
                    return paged(visit, job.notes, lambda note: github().sample("check-annotation") | note)
    raise Refused(404, "Not Found")


def artifacts(visit: Visit) -> Answer:
    """Those of a run."""
    it, _ = attempted(visit)
    return enveloped(visit, "artifacts", it.artifacts, shown_artifact)


def artifact(visit: Visit) -> Answer:
    """Where an artifact is to be had."""
    for it in visit.repo.runs:
        for one in it.artifacts:
            if one.id == int(visit.args[0]):
                return away(visit, one.data, expired=one.expired)
    raise Refused(404, "Not Found")


def rerun(visit: Visit) -> Answer:
    """Run the failed jobs of a run again, unless it is still going on."""
    it, attempt = attempted(visit)
    if attempt.status != "completed":
        raise Refused(403, "This workflow is already running")
    it.rerun(visit.new_id)
    return Answer(201, {})


def attempted(visit: Visit) -> tuple[Run, Attempt]:
    """The run and the attempt that the path names."""
    it = next((one for one in visit.repo.runs if one.id == int(visit.args[0])), None)
    number = int(visit.args[1]) if len(visit.args) > 1 else 0
    attempt = it.attempt(number) if it is not None else None
    if it is None or attempt is None:
        raise Refused(404, "Not Found")
    return it, attempt


def last(run: Run) -> Attempt:
    """Its last attempt."""
    attempt = run.attempt(0)
    assert attempt is not None
    return attempt


def away(visit: Visit, data: bytes, *, expired: bool) -> Answer:
    """The signed address of something, as long as it is kept."""
    if expired:
        raise Refused(410, "Server Error: the logs or the artifact are gone")
    return Answer(302, b"", {"Location": visit.sign(data)})


def enveloped(visit: Visit, name: str, items: Sequence[T], show: Callable[[T], Json]) -> Answer:
    """One page, with the number of all items beside it."""
    page = paged(visit, items, show)
    return Answer(200, {"total_count": len(items), name: page.body}, page.headers)


def zipped(files: Mapping[str, bytes | None]) -> bytes:
    """A zip file of these."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content or b"")
    return data.getvalue()


def shown_run(visit: Visit, it: Run, attempt: Attempt) -> Json:
    """A run as the API gives it."""
    pull = github().sample("pull-request-minimal")
    head = github().sample("minimal-repository", full_name=it.head_repo or visit.repo.name)
    return github().sample(
        "workflow-run",
        id=it.id,
        name=it.name,
        workflow_id=it.workflow,
        path=it.path,
        display_title=it.title,
        event=it.event,
        head_branch=it.branch,
        head_sha=it.sha,
        head_repository=head,
        run_attempt=1 + next((at for at, one in enumerate(it.attempts) if one is attempt), 0),
        status=attempt.status,
        conclusion=attempt.conclusion,
        created_at=it.created_at,
        html_url=f"https://github.test/{visit.repo.name}/actions/runs/{it.id}",
        pull_requests=[pull | {"number": number} for number in it.pulls],
    )


def shown_job(it: Run, number: int, job: Job) -> Json:
    """A job as the API gives it."""
    return github().sample(
        "job",
        id=job.id,
        run_id=it.id,
        run_attempt=number,
        name=job.name,
        status=job.status,
        conclusion=job.conclusion,
        started_at=job.started_at,
        completed_at=job.completed_at,
        runner_name=job.runner,
        html_url=f"https://github.test/runs/{it.id}/job/{job.id}",
        steps=[shown_step(step) for step in job.steps],
    )


def shown_step(step: Step) -> Json:
    """A step as the API gives it."""
    return {
        "name": step.name,
        "number": step.number,
        "status": "completed" if step.conclusion else "in_progress",
        "conclusion": step.conclusion,
        "started_at": step.started_at,
        "completed_at": step.completed_at,
    }


def shown_artifact(it: Artifact) -> Json:
    """An artifact as the API gives it."""
    return github().sample("artifact", id=it.id, name=it.name, size_in_bytes=len(it.data), expired=it.expired)


ROUTES = (
    Route("GET", r"/actions/artifacts/(\d+)/zip", "actions=read", artifact),
    Route("GET", r"/actions/jobs/(\d+)/logs", "actions=read", job_log),
    Route("GET", r"/actions/runs", "actions=read", runs),
    Route("GET", r"/actions/runs/(\d+)", "actions=read", run),
    Route("GET", r"/actions/runs/(\d+)/artifacts", "actions=read", artifacts),
    Route("GET", r"/actions/runs/(\d+)/attempts/(\d+)", "actions=read", run),
    Route("GET", r"/actions/runs/(\d+)/attempts/(\d+)/jobs", "actions=read", jobs),
    Route("GET", r"/actions/runs/(\d+)/attempts/(\d+)/logs", "actions=read", run_logs),
    Route("POST", r"/actions/runs/(\d+)/rerun-failed-jobs", "actions=write", rerun),
    Route("GET", r"/actions/workflows/(\d+)/runs", "actions=read", runs_of_workflow),
    Route("GET", r"/check-runs/(\d+)/annotations", "checks=read", annotations),
)
