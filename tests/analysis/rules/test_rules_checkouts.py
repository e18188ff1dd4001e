"""A workflow with secrets in reach that takes a stranger's change is told of, by whatever step it does so."""

import pytest

from cicd_agent.analysis.rules.run import findings
from tests.support.samples.changes import change_of

PATH = ".github/workflows/ci.yml"
ACTION = "      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1\n"
RULE = "untrusted-checkout"


def fires(event: str, step: str) -> bool:
    """Whether the rule speaks of a new workflow with this one step."""
    text = f"on: {event}\npermissions: {{}}\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n{step}"
    return RULE in {finding.id for finding in findings(change_of((PATH, None, text)))}


def taking(name: str, value: str) -> str:
    return f"{ACTION}        with:\n          {name}: {value}\n"


@pytest.mark.parametrize("event", ["pull_request_target", "workflow_run", "issue_comment", "[push, workflow_run]"])
@pytest.mark.parametrize(
    "step",
    [
        taking("ref", "${{ github.event.pull_request.head.sha }}"),
        taking("ref", "${{ github.event.pull_request.head.ref }}"),
        taking("ref", "${{ github.event.pull_request.merge_commit_sha }}"),
        taking("ref", "${{ github.head_ref }}"),
        taking("ref", "refs/pull/${{ github.event.issue.number }}/merge"),
        taking("ref", "refs/pull/${{ github.event.number }}/head"),
        taking("ref", "${{ github.event.workflow_run.head_sha }}"),
        taking("ref", "${{ github.event.workflow_run.head_branch }}"),
        taking("ref", "${{ github['event']['pull_request']['head']['sha'] }}"),
        taking("ref", "${{ GITHUB.Event.PULL_REQUEST.head.SHA }}"),
        taking("ref", "${{ github.event.pull_request.head.sha || github.sha }}"),
        taking("ref", "${{ github.event_name == 'push' && github.sha || github.event.pull_request.head.sha }}"),
        taking("ref", "${{ format('refs/pull/{0}/merge', github.event.number) }}"),
        taking("ref", ">-\n            ${{ github.event\n            .pull_request.head.sha }}"),
        taking("REF", "${{ github.head_ref }}").replace("actions/checkout", "Actions/Checkout"),
        taking("ref", "${{ env.SHA }}") + "        env:\n          SHA: ${{ github.event.pull_request.head.sha }}\n",
        taking("repository", "${{ github.event.pull_request.head.repo.full_name }}"),
        taking("repository", "${{ format('{0}/it', github.event.pull_request.head.repo.owner.login) }}"),
        taking("repository", "${{ github.event.workflow_run.head_repository.full_name }}"),
        "      - run: gh pr checkout 7\n",
        '      - run: |\n          set -e\n          gh  pr  checkout "$NUMBER"\n',
        '      - run: git fetch origin "pull/${NUMBER}/head" && git checkout FETCH_HEAD\n',
        "      - run: git fetch --depth=1 origin refs/pull/${{ github.event.number }}/merge:it\n",
    ],
)
def test_taking_the_change_beside_secrets_is_told(event: str, step: str) -> None:
    assert fires(event, step)


@pytest.mark.parametrize("event", ["pull_request", "push", "workflow_dispatch"])
def test_without_secrets_in_reach_it_may_be_taken(event: str) -> None:
    assert not fires(event, taking("ref", "${{ github.event.pull_request.head.sha }}"))
    assert not fires(event, "      - run: gh pr checkout 7\n")


@pytest.mark.parametrize(
    "step",
    [
        ACTION,
        taking("ref", "${{ github.event.repository.default_branch }}"),
        taking("ref", "${{ github.event.pull_request.base.sha }}"),
        taking("ref", "${{ github.event.pull_request.head.sha == github.sha && 'main' || 'next' }}"),
        taking("ref", "${{ startsWith(github.ref, 'refs/pull/') && github.base_ref || github.ref }}"),
        taking("ref", "${{ env.SHA }}") + "        env:\n          SHA: ${{ github.event.pull_request.base.sha }}\n",
        taking("path", "${{ github.event.pull_request.head.sha }}"),
        taking("repository", "${{ github.repository }}"),
        "      - run: gh pr view 7\n",
        "      - run: git fetch origin main\n",
        "      - run: git fetch origin && cat pull/7/header\n",
        "      - run: echo 'pull/7/head'\n",
    ],
)
def test_the_base_may_be_taken_and_a_change_be_looked_at(step: str) -> None:
    assert not fires("pull_request_target", step)


def test_an_event_added_to_a_checkout_that_was_harmless_is_told() -> None:
    after = f"on: pull_request_target\n{'jobs:'}\n  a:\n    runs-on: x\n    steps:\n      - run: gh pr checkout 7\n"
    before = after.replace("pull_request_target", "pull_request")
    [finding] = [each for each in findings(change_of((PATH, before, after))) if each.id == RULE]
    assert finding.location is not None
    assert finding.location.line == 1


def test_a_checkout_by_repository_and_ref_is_one_finding() -> None:
    step = taking("repository", "${{ github.event.pull_request.head.repo.full_name }}")
    step += "          ref: ${{ github.head_ref }}\n"
    text = f"on: pull_request_target\njobs:\n  a:\n    runs-on: x\n    steps:\n{step}"
    assert [each.location.line for each in findings(change_of((PATH, None, text))) if each.id == RULE] == [9]
