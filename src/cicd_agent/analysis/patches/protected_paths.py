"""Files that a patch of ours never touches: what builds and judges it, what git obeys, what no hand writes."""

import re

from cicd_agent.domain.paths import PathKind, kinds

_JUDGES = re.compile(
    r"(?:^|/)(?:\.github|\.gitlab|\.gitea|\.forgejo|\.circleci|\.buildkite|\.semaphore|\.teamcity|\.azure-pipelines"
    r"|\.pipelines|\.woodpecker|\.husky|\.tekton|\.ado|\.concourse)(?:/|$)"
    r"|(?:^|/)(?:action\.ya?ml|codeowners|[^/]*jenkinsfile[^/]*|[^/]*\.jenkinsfile|\.?gitlab-ci[^/]*"
    r"|[^/]*\.gitlab-ci\.ya?ml"
    r"|\.?azure-pipelines[^/]*|\.?travis\.ya?ml|circle\.ya?ml|\.?appveyor\.ya?ml|bitbucket-pipelines\.ya?ml"
    r"|\.?(?:drone|cirrus|woodpecker|wercker|shippable|semaphore|screwdriver|mergify|pullapprove"
    r"|codeship)[^/]*\.(?:ya?ml|star|toml)"
    r"|buildspec[^/]*\.ya?ml|cloudbuild[^/]*\.(?:ya?ml|json)|buildkite\.ya?ml|bors\.toml|\.?cicd-agent\.ya?ml"
    r"|\.?codecov\.ya?ml|\.?coveralls\.ya?ml|\.pre-commit-[^/]*|dependabot\.ya?ml|renovate\.json5?|\.renovaterc[^/]*)$"
)
_GITS = re.compile(r"(?:^|/)\.git[^/]*(?:/|$)")
_SHADOWS = re.compile(
    r"(?:^|/)(?:sitecustomize|usercustomize)\.py$|^(?:src/|tests?/)?(?:_?pytest|unittest|coverage|mypy|ruff"
    r"|tox)(?:\.py|/__init__\.py)$"
    r"|\.pth$|(?:^|/)node_modules/|(?:^|/)(?:site-packages|\.venv|venv)/"
)


def misplaced(path: str) -> str:
    """Why no patch of ours may touch a path: a clause that begins with a verb, "" when one may."""
    lower = path.lower()
    found = kinds(path)
    checks = (
        (_JUDGES.search(lower), "edits what runs or guards the checks"),
        (found & {PathKind.WORKFLOW, PathKind.CI_CONFIG, PathKind.OWN_CONFIG}, "edits what runs or guards the checks"),
        (_GITS.search(lower), "touches what git itself obeys"),
        (PathKind.LOCK_FILE in found, "writes a lock file by hand"),
        (_SHADOWS.search(lower), "puts itself in the place of a tool"),
    )
    return next((f"{what} ({path})" for wrong, what in checks if wrong), "")
