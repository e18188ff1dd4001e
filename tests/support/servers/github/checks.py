"""Check runs of a commit, with the limits by which GitHub refuses one."""

from dataclasses import replace

from tests.support.servers.github.routes import Answer, Json, Refused, Route, Visit, paged
from tests.support.servers.github.state import Account, CheckRun
from tests.support.servers.openapi import github

LONGEST_TITLE = 255
LONGEST_SUMMARY = 65_535
MOST_ANNOTATIONS = 50
LONGEST_MESSAGE = 65_536
GITHUB_ACTIONS = 15_368
"""The number of the app whose checks are the jobs of workflows."""


def slug(account: Account) -> str:
    """The app behind an account; people have none."""
    if account.type != "Bot":
        raise Refused(403, "You must authenticate via a GitHub App.")
    return account.login.removesuffix("[bot]")


def check_runs(visit: Visit) -> Answer:
    """Those of a commit, each in a suite of its own, so that filter=latest leaves none out."""
    query = visit.query
    of_commit = [one for one in visit.repo.check_runs if one.commit == visit.args[0]]
    found = [
        one
        for one in of_commit
        if one.name == query.get("check_name", one.name) and one.status == query.get("status", one.status)
    ]
    page = paged(visit, found, lambda one: shown(visit, one))
    return Answer(200, {"total_count": len(found), "check_runs": page.body}, page.headers)


def create(visit: Visit) -> Answer:
    """One more, whatever its name is."""
    body = visit.body
    if not any(body["head_sha"] in pull.revisions for pull in visit.repo.pulls.values()):
        raise Refused(422, "Validation Failed", errors=["No commit found for SHA"])
    made = CheckRun(
        visit.new_id(), slug(visit.account), body["head_sha"], body["name"], body.get("external_id", ""), "", {}
    )
    visit.repo.check_runs.append(made)
    try:
        return Answer(201, shown(visit, written(visit, made)))
    except Refused:
        visit.repo.check_runs.remove(made)
        raise


def update(visit: Visit) -> Answer:
    """Another result for one of this app's own; annotations are added to those that it has."""
    found = next((one for one in visit.repo.check_runs if one.id == int(visit.args[0])), None)
    if found is None:
        raise Refused(404, "Not Found")
    if found.app != slug(visit.account):
        raise Refused(403, "Invalid app_id", X_Accepted_GitHub_Permissions="checks=write")
    return Answer(200, shown(visit, written(visit, found)))


def written(visit: Visit, check: CheckRun) -> CheckRun:
    """The check run with what was sent, if GitHub would store it."""
    output = visit.body.get("output", {})
    notes = output.get("annotations", [])
    wrong = [
        len(output.get("title", "")) > LONGEST_TITLE,
        len(output.get("summary", "")) > LONGEST_SUMMARY,
        len(notes) > MOST_ANNOTATIONS,
        *(unfit(note) for note in notes),
    ]
    if any(wrong):
        raise Refused(422, "Validation Failed", errors=["output is invalid"])
    changed = replace(
        check,
        conclusion=visit.body.get("conclusion", check.conclusion),
        output={name: text for name, text in output.items() if name != "annotations"} or check.output,
        annotations=(*check.annotations, *notes),
    )
    visit.repo.check_runs[visit.repo.check_runs.index(check)] = changed
    return changed


def unfit(note: Json) -> bool:
    """Whether an annotation is none that GitHub can show."""
    return (
        not 1 <= note["start_line"] <= note["end_line"]
        or not note["message"]
        or len(note["message"]) > LONGEST_MESSAGE
        or len(note.get("title", "")) > LONGEST_TITLE
        or note["path"].startswith(("/", "./"))
    )


def shown(visit: Visit, check: CheckRun) -> Json:
    """A check run as the API gives it."""
    app = github().sample("nullable-integration", id=app_id(check.app), slug=check.app, name=check.app)
    deployment = github().sample("deployment-simple", environment=check.environment) if check.environment else None
    output = {
        "title": check.output.get("title"),
        "summary": check.output.get("summary"),
        "text": None,
        "annotations_count": len(check.annotations),
        "annotations_url": f"{visit.base_url}/annotations",
    }
    return github().sample(
        "check-run",
        id=check.id,
        head_sha=check.commit,
        name=check.name,
        external_id=check.external_id,
        status=check.status,
        conclusion=check.conclusion or None,
        completed_at=check.completed_at,
        html_url=check.url or f"{visit.base_url}/{visit.repo.name}/runs/{check.id}",
        output=output,
        app=app,
        **({"deployment": deployment} if deployment else {}),
    )


def app_id(slug: str) -> int:
    """The number of an app."""
    return GITHUB_ACTIONS if slug == "github-actions" else sum(slug.encode())


ROUTES = (
    Route("GET", r"/commits/([0-9a-f]+)/check-runs", "checks=read", check_runs),
    Route("POST", r"/check-runs", "checks=write", create),
    Route("PATCH", r"/check-runs/(\d+)", "checks=write", update),
)
