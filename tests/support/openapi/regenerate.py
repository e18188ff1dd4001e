"""Cuts GitHub's OpenAPI description down to the operations the fake serves: run it as a program.

Needs npm. The full description is 13 MB of JSON; what is kept is what a validator reads. To serve one more
operation, add its line to OPERATIONS and run this again.
"""

import json
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PACKAGE = "@octokit/openapi@23.0.2"
HERE = Path(__file__).parent
OPERATIONS = (
    "GET /repos/{owner}/{repo}/actions/artifacts/{artifact_id}/{archive_format}",
    "GET /repos/{owner}/{repo}/actions/jobs/{job_id}/logs",
    "GET /repos/{owner}/{repo}/actions/runs",
    "GET /repos/{owner}/{repo}/actions/runs/{run_id}",
    "GET /repos/{owner}/{repo}/actions/runs/{run_id}/artifacts",
    "GET /repos/{owner}/{repo}/actions/runs/{run_id}/attempts/{attempt_number}",
    "GET /repos/{owner}/{repo}/actions/runs/{run_id}/attempts/{attempt_number}/jobs",
    "GET /repos/{owner}/{repo}/actions/runs/{run_id}/attempts/{attempt_number}/logs",
    "POST /repos/{owner}/{repo}/actions/runs/{run_id}/rerun-failed-jobs",
    "GET /repos/{owner}/{repo}/actions/workflows/{workflow_id}/runs",
    "GET /repos/{owner}/{repo}/check-runs/{check_run_id}/annotations",
    "GET /repos/{owner}/{repo}/commits/{ref}",
    "GET /repos/{owner}/{repo}/compare/{basehead}",
    "GET /repos/{owner}/{repo}/contents/{path}",
    "GET /repos/{owner}/{repo}/git/trees/{tree_sha}",
    "GET /repos/{owner}/{repo}/issues/{issue_number}/comments",
    "POST /repos/{owner}/{repo}/issues/{issue_number}/comments",
    "PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}",
    "GET /repos/{owner}/{repo}/pulls",
    "GET /repos/{owner}/{repo}/pulls/{pull_number}",
    "GET /repos/{owner}/{repo}/pulls/{pull_number}/comments",
    "GET /repos/{owner}/{repo}/pulls/{pull_number}/files",
    "GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews",
    "GET /repos/{owner}/{repo}/pulls/{pull_number}/commits",
    "POST /repos/{owner}/{repo}/pulls/{pull_number}/reviews",
    "DELETE /repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}",
    "PUT /repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}/dismissals",
    "GET /repos/{owner}/{repo}/issues/{issue_number}/labels",
    "POST /repos/{owner}/{repo}/issues/{issue_number}/labels",
    "DELETE /repos/{owner}/{repo}/issues/{issue_number}/labels/{name}",
    "GET /repos/{owner}/{repo}/commits/{ref}/check-runs",
    "POST /repos/{owner}/{repo}/check-runs",
    "PATCH /repos/{owner}/{repo}/check-runs/{check_run_id}",
    "GET /repos/{owner}/{repo}/pulls/comments/{comment_id}",
    "POST /repos/{owner}/{repo}/pulls/{pull_number}/comments/{comment_id}/replies",
    *(
        # Notices: what is said on commits and in issues.
        "GET /repos/{owner}/{repo}/commits/{commit_sha}/comments",
        "POST /repos/{owner}/{repo}/commits/{commit_sha}/comments",
        "PATCH /repos/{owner}/{repo}/comments/{comment_id}",
        "GET /repos/{owner}/{repo}/issues",
        "POST /repos/{owner}/{repo}/issues",
        "PATCH /repos/{owner}/{repo}/issues/{issue_number}",
    ),
    *(
        # Delivery: commits that are made of nothing but texts, and the branches and pull requests that show them.
        "GET /repos/{owner}/{repo}/git/blobs/{file_sha}",
        "POST /repos/{owner}/{repo}/git/trees",
        "GET /repos/{owner}/{repo}/git/commits/{commit_sha}",
        "POST /repos/{owner}/{repo}/git/commits",
        "GET /repos/{owner}/{repo}/git/ref/{ref}",
        "POST /repos/{owner}/{repo}/git/refs",
        "PATCH /repos/{owner}/{repo}/git/refs/{ref}",
        "POST /repos/{owner}/{repo}/pulls",
        "PATCH /repos/{owner}/{repo}/pulls/{pull_number}",
    ),
    *(
        # The gate: what is known of a commit and of an environment, who may approve, and what becomes of it.
        "GET /repos/{owner}/{repo}/commits/{ref}/status",
        "GET /repos/{owner}/{repo}/branches/{branch}",
        "GET /repos/{owner}/{repo}/rules/branches/{branch}",
        "GET /repos/{owner}/{repo}/deployments",
        "POST /repos/{owner}/{repo}/deployments",
        "GET /repos/{owner}/{repo}/deployments/{deployment_id}/statuses",
        "POST /repos/{owner}/{repo}/deployments/{deployment_id}/statuses",
        "GET /repos/{owner}/{repo}/collaborators/{username}/permission",
        "POST /repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers",
    ),
    *(
        # Rulesets: what examples/rulesets/ sends.
        "POST /orgs/{org}/rulesets",
        "POST /repos/{owner}/{repo}/rulesets",
    ),
)
PROSE = {"description", "summary", "title", "example", "examples", "externalDocs", "tags", "headers", "links"}


def without_prose(node: Any) -> Any:
    """The same node without what only people read; names of properties are left alone."""
    match node:
        case dict():
            return {
                key: {name: without_prose(schema) for name, schema in value.items()}
                if key == "properties"
                else without_prose(value)
                for key, value in node.items()
                if key not in PROSE and not key.startswith("x-")
            }
        case list():
            return [without_prose(item) for item in node]
        case _:
            return node


def json_only(operation: dict[str, Any]) -> dict[str, Any]:
    """The operation without the media types that the fake does not speak."""
    for holder in (operation.get("requestBody", {}), *operation["responses"].values()):
        if "content" in holder:
            holder["content"] = {kind: it for kind, it in holder["content"].items() if kind == "application/json"}
    return operation


def references(node: Any) -> set[str]:
    """Every $ref below a node."""
    match node:
        case dict():
            own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
            return own.union(*(references(value) for value in node.values()))
        case list():
            return set().union(*(references(item) for item in node))
        case _:
            return set()


def trim(whole: Mapping[str, Any]) -> dict[str, Any]:
    """The operations and every component they lead to."""
    paths: dict[str, Any] = {}
    for operation in OPERATIONS:
        method, path = operation.split(" ")
        paths.setdefault(path, {})[method.lower()] = json_only(without_prose(whole["paths"][path][method.lower()]))
    components: dict[str, Any] = {}
    todo = references(paths)
    while todo:
        _, _, kind, name = todo.pop().split("/")
        if name in components.setdefault(kind, {}):
            continue
        components[kind][name] = without_prose(whole["components"][kind][name])
        todo |= references(components[kind][name])
    return {"openapi": whole["openapi"], "info": {"version": PACKAGE}, "paths": paths, "components": components}


def main() -> None:
    """Fetch the package, cut it, write it beside this file with its licence."""
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=scratch, check=True, stdout=subprocess.DEVNULL)
        with tarfile.open(next(Path(scratch).glob("*.tgz"))) as archive:
            archive.extractall(scratch, filter="data")
        package = Path(scratch) / "package"
        whole = json.loads((package / "generated" / "api.github.com.json").read_text(encoding="utf-8"))
        text = json.dumps(trim(whole), indent=1, sort_keys=True, ensure_ascii=False)
        (HERE / "github.json").write_text(text + "\n", encoding="utf-8")
        shutil.copyfile(package / "LICENSE", HERE / "LICENSE")


if __name__ == "__main__":
    main()
