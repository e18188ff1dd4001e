"""What a deployment gate asks for by REST: statuses, rules, deployments, permissions, and reviewers to be asked."""

from subprocess import CalledProcessError
from urllib.parse import unquote

from tests.support.servers.github.gates_graphql import node_id
from tests.support.servers.github.gates_state import CommitStatus, Deployment, DeploymentStatus
from tests.support.servers.github.routes import Answer, Json, Refused, Route, Visit, paged, user
from tests.support.servers.github.state import Account
from tests.support.servers.openapi import github

LONGEST = 140
UPGRADE = "Upgrade to GitHub Pro or make this repository public to enable this feature."
LEGACY = {"maintain": "write", "triage": "read"}
"""What the older field says of roles that came later."""


def status(visit: Visit) -> Answer:
    """The newest status of each context of a commit, all of them together."""
    statuses = visit.repo.gate.statuses.get(visit.args[0], [])
    page = paged(visit, statuses, shown_status)
    states = {one.state for one in statuses}
    whole = "failure" if states & {"failure", "error"} else "success" if states == {"success"} else "pending"
    combined = github().sample("combined-commit-status", sha=visit.args[0], state=whole)
    return Answer(200, combined | {"total_count": len(statuses), "statuses": page.body}, page.headers)


def rules(visit: Visit) -> Answer:
    """The rules of a branch, among them one that is not about checks."""
    if not visit.repo.gate.has_rules:
        raise Refused(403, UPGRADE)
    required = visit.repo.gate.rules.get(unquote(visit.args[0]))
    if required is None:
        return Answer(200, [])
    checks = [{"context": name} | ({"integration_id": app} if app else {}) for name, app in required]
    parameters = {"required_status_checks": checks, "strict_required_status_checks_policy": False}
    return Answer(200, [{"type": "deletion"}, {"type": "required_status_checks", "parameters": parameters}])


def branch(visit: Visit) -> Answer:
    """A branch with its classic protection, as far as whoever may read the contents sees it."""
    name, gate = unquote(visit.args[0]), visit.repo.gate
    required = gate.classic.get(name)
    checks = {
        "enforcement_level": "off" if required is None else "non_admins",
        "contexts": [context for context, _ in required or ()],
        "checks": [{"context": context, "app_id": app or None} for context, app in required or ()],
    }
    protection = {"enabled": required is not None, "required_status_checks": checks}
    is_protected = required is not None or name in gate.rules
    return Answer(
        200, github().sample("branch-with-protection", name=name, protected=is_protected) | {"protection": protection}
    )


def deployments(visit: Visit) -> Answer:
    """The newest first."""
    query = visit.query
    wanted = [
        one
        for one in reversed(visit.repo.gate.deployments)
        if query.get("environment", one.environment) == one.environment and query.get("sha", one.sha) == one.sha
    ]
    return paged(visit, wanted, shown)


def deploy(visit: Visit) -> Answer:
    """A new deployment, before which GitHub merges the base branch and looks at the checks unless it is told not to."""
    body, gate = visit.body, visit.repo.gate
    if not exists(visit, body["ref"]):
        raise Refused(422, f"No ref found for: {body['ref']}")
    if body.get("auto_merge", True):
        return Answer(202, {"message": "Auto-merged main into it on deployment."})
    if body.get("required_contexts") is None and any(
        one.state != "success" for one in gate.statuses.get(body["ref"], [])
    ):
        raise Refused(409, "Conflict: Commit status checks failed for it.")
    unfit(body)
    made = Deployment(
        visit.new_id(),
        body["ref"],
        body["ref"],
        body.get("environment", "production"),
        visit.account.login,
        body.get("description", ""),
        gate.now,
        body.get("payload", ""),
    )
    gate.deployments.append(made)
    return Answer(201, shown(made))


def exists(visit: Visit, sha: str) -> bool:
    """Whether there is such a commit."""
    repo = visit.repo
    known = {*repo.shas, *repo.commits, *repo.store.branches.values(), *(one.sha for one in repo.runs)}
    known |= {sha for pull in repo.pulls.values() for sha in (*pull.revisions, *pull.landed, pull.base_sha)}
    if sha in known or repo.directory is None:
        return sha in known
    try:
        return bool(repo.git("rev-parse", "--verify", "--quiet", f"{sha}^{{commit}}"))
    except CalledProcessError:
        return False


def unfit(body: Json) -> None:
    """Refuse a description that is too long to be stored."""
    if len(body.get("description") or "") > LONGEST:
        raise Refused(422, "Validation Failed", errors=["description is too long (maximum is 140 characters)"])


def statuses(visit: Visit) -> Answer:
    """What was said of a deployment, the newest first."""
    return paged(visit, deployment(visit).statuses[::-1], lambda one: shown_deployment_status(visit, one))


def tell(visit: Visit) -> Answer:
    """Say more of it."""
    body = visit.body
    unfit(body)
    of = deployment(visit)
    said = DeploymentStatus(
        visit.new_id(), body["state"], body.get("description", ""), body.get("log_url", ""), visit.repo.gate.now
    )
    of.statuses.append(said)
    return Answer(201, shown_deployment_status(visit, said))


def deployment(visit: Visit) -> Deployment:
    """That which the address names."""
    found = next((one for one in visit.repo.gate.deployments if one.id == int(visit.args[0])), None)
    if found is None:
        raise Refused(404, "Not Found")
    return found


def permission(visit: Visit) -> Answer:
    """What an account may do, by the older field and by the name of its role."""
    role = visit.repo.gate.permissions.get(unquote(visit.args[0]))
    if role is None:
        raise Refused(404, f"{unquote(visit.args[0])} is not a user")
    shown = {"permission": LEGACY.get(role, role), "role_name": role}
    return Answer(200, github().sample("repository-collaborator-permission") | shown)


def ask(visit: Visit) -> Answer:
    """Ask collaborators and teams to review a pull request; one who may not be asked spoils it for all."""
    pull, gate = visit.pull, visit.repo.gate
    people, teams = visit.body.get("reviewers", []), visit.body.get("team_reviewers", [])
    if pull.author is not None and pull.author.login in people:
        raise Refused(422, "Review cannot be requested from pull request author.")
    if not {*people} <= gate.permissions.keys() or not {*teams} <= gate.teams:
        raise Refused(422, "Reviews may only be requested from collaborators.")
    asked = gate.asked.setdefault(pull.number, [])
    asked += [one for one in (*people, *(f"@{team}" for team in teams)) if one not in asked]
    return Answer(201, github().sample("pull-request-simple") | {"number": pull.number})


def shown_status(status: CommitStatus) -> Json:
    """A commit status as the API gives it."""
    return github().sample(
        "simple-commit-status",
        context=status.context,
        state=status.state,
        target_url=status.url,
        updated_at=status.updated_at,
    )


def shown(deployment: Deployment) -> Json:
    """A deployment as the API gives it."""
    return github().sample(
        "deployment",
        id=deployment.id,
        node_id=node_id(deployment),
        sha=deployment.sha,
        ref=deployment.ref,
        environment=deployment.environment,
        description=deployment.description,
        payload=deployment.payload,
        creator=user(Account(deployment.creator)),
        created_at=deployment.created_at,
        url=f"https://api.github.test/deployments/{deployment.id}",
    )


def shown_deployment_status(visit: Visit, status: DeploymentStatus) -> Json:
    """A status of a deployment as the API gives it."""
    return github().sample(
        "deployment-status",
        id=status.id,
        state=status.state,
        description=status.description,
        log_url=status.log_url,
        created_at=status.created_at,
        creator=user(visit.account),
    )


ROUTES = (
    Route("GET", r"/commits/([0-9a-f]+)/status", "statuses=read", status),
    Route("GET", r"/branches/([^/]+)", "contents=read", branch),
    Route("GET", r"/rules/branches/([^/]+)", "metadata=read", rules),
    Route("GET", r"/deployments", "deployments=read", deployments),
    Route("POST", r"/deployments", "deployments=write", deploy),
    Route("GET", r"/deployments/(\d+)/statuses", "deployments=read", statuses),
    Route("POST", r"/deployments/(\d+)/statuses", "deployments=write", tell),
    Route("GET", r"/collaborators/([^/]+)/permission", "metadata=read", permission),
    Route("POST", r"/pulls/(\d+)/requested_reviewers", "pull_requests=write", ask),
)
