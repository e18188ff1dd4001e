"""Runs of workflows, as far as somebody asks which of them failed on a branch."""

from tests.servers.github_routes import Answer, Route, Visit
from tests.servers.openapi import github


def runs(visit: Visit) -> Answer:
    """The newest first; `status` asks for a status or for a conclusion."""
    wanted = visit.query.get("branch"), visit.query.get("status")
    found = [run for run in visit.repo.runs if (run.branch, run.conclusion) == wanted]
    page = found[: int(visit.query.get("per_page", "30"))]
    shown = [
        github().sample(
            "workflow-run",
            id=run.id,
            name=run.name,
            display_title=run.title,
            head_branch=run.branch,
            head_sha=run.sha,
            status="completed",
            conclusion=run.conclusion,
            created_at=run.created_at,
        )
        for run in page
    ]
    return Answer(200, {"total_count": len(found), "workflow_runs": shown})


ROUTES = (Route("GET", r"/actions/runs", "actions=read", runs),)
