"""The example workflows of gate and route, step by step: their inputs run, and their jobs branch as they say."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from cicd_agent.cli.init import FOLDER, Answers, files
from cicd_agent.modes.deploy_gate.mode import MODE as GATE_MODE
from scripts.blocks import all_blocks
from tests.support.jobs.gate import AFTER, RUN, GateJobs
from tests.support.jobs.pull_request import BEFORE, Job, Left
from tests.support.samples.archives import zipped
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.github.run_state import Artifact, Run

EXAMPLES = Path(__file__).parents[3] / "examples/workflows"
OWN, GATE = "org/cicd-agent@v1", "org/cicd-agent/deploy-gate@v1"


@pytest.fixture
def jobs(tmp_path: Path, hub: FakeGitHub) -> GateJobs:
    """A repository with nothing configured; the gate's token is what the workflow permits."""
    jobs = GateJobs(tmp_path, hub)
    jobs.token = hub.add_token("ghs_permitted", **permitted("deploy-gate.yml", "gate"))
    return jobs


def cover(jobs: GateJobs, sha: str, covered: int, *, run: int) -> None:
    """A run of this commit has left the example's artifact: so many of a hundred lines ran."""
    lines = "".join(f"DA:{at},{int(at <= covered)}\n" for at in range(1, 101))
    data = zipped({"coverage.xml": f"SF:app.py\n{lines}end_of_record\n".encode()})
    artifact = Artifact(jobs.hub.new_id(), "coverage", data)
    jobs.repo.runs.append(Run(run, "deploy", sha, "main", "success", artifacts=[artifact]))


def load(name: str) -> dict[Any, Any]:
    loaded: dict[Any, Any] = yaml.safe_load((EXAMPLES / name).read_text("utf-8"))
    return loaded


def permitted(name: str, job: str) -> dict[str, str]:
    """The permissions of a job, as the API names them."""
    return {each.replace("-", "_"): level for each, level in load(name)["jobs"][job]["permissions"].items()}


def given(name: str, job: str, uses: str = OWN, **secrets: str) -> dict[str, str]:
    """The inputs of a job's own step, as the command line takes them; a secret that is not set is empty."""
    [step] = [one for one in load(name)["jobs"][job]["steps"] if one.get("uses") == uses]
    inputs = {each.replace("-", "_"): str(value) for each, value in step.get("with", {}).items()}
    return {
        each: re.sub(r"\$\{\{ secrets\.(\w+) \}\}", lambda match: secrets.get(match[1], ""), value)
        for each, value in inputs.items()
        if each != "mode"
    }


def runs(name: str, job: str, outputs: Mapping[str, str], *, cancelled: bool = False) -> bool:
    """Whether a job's `if:` lets it run after the job that it needs: a small part of GitHub's expressions.

    Without one of the functions that look at the status, a job runs only after a success.
    """
    return branches(load(name)["jobs"], job, outputs, cancelled=cancelled)


def branches(jobs: Mapping[str, Any], job: str, outputs: Mapping[str, str], *, cancelled: bool = False) -> bool:
    told = jobs[job]
    [needed] = [told["needs"]] if isinstance(told["needs"], str) else told["needs"]
    passed_on, ids = jobs[needed]["outputs"], {step.get("id") for step in jobs[needed]["steps"]}
    words = str(told["if"]).removeprefix("${{").removesuffix("}}").strip()
    looks = "cancelled()" in words or "always()" in words
    if not looks and outputs["conclusion"] == "failure":
        return False
    words = words.replace("!cancelled()", str(not cancelled)).replace("always()", "True")

    def value(match: re.Match[str]) -> str:
        assert match[1] == needed
        step, output = re.fullmatch(r"\$\{\{ steps\.(\w+)\.outputs\.(\w+) \}\}", passed_on[match[2]]).groups()  # type: ignore[union-attr]
        assert step in ids
        return repr(outputs.get(output, ""))

    words = re.sub(r"needs\.([\w-]+)\.outputs\.(\w+)", value, words).replace("&&", "and").replace("||", "or")
    words = re.sub(r"!(?=contains|\()", "not ", words)
    assert re.fullmatch(r"(?:True|False|and|or|not|contains|[=!]=|[(),]|'[^'\\]*'|\s)+", words)
    return bool(eval(words, {"__builtins__": {}, "contains": lambda text, part: part in text}))


def gate(jobs: GateJobs) -> Left:
    return jobs.run(payload=None, **({"signals_file": ""} | given("deploy-gate.yml", "gate")))


def documented() -> dict[str, Mapping[str, Any]]:
    """The jobs of every workflow around a gate that people copy: the example, what `init` writes, the quick start."""
    made = files(Answers(modes=("deploy-gate",)))[f"{FOLDER}/cicd-agent-deploy-gate.yml"]
    made, after, deployment = made.partition("  # deploy:\n")
    made += (after + deployment).replace("  # ", "  ")
    shown = next(
        block.text
        for block in all_blocks()
        if block.page == "docs/reference/deploy-gate.md" and "deploy:" in block.text
    )
    return {
        "example": load("deploy-gate.yml")["jobs"],
        "init": yaml.safe_load(made)["jobs"],
        "quick start": yaml.safe_load(shown)["jobs"],
    }


HIGH = {"app/auth/login.py": "def login(name):\n    return name\n"}
UNPROVED = {name: str(value) for name, value in GATE_MODE.unproved.items()}
AT_ONCE, AFTER_APPROVAL = ["deploy"], ["deploy-approved"]


@pytest.mark.parametrize("where", documented())
@pytest.mark.parametrize(
    ("review", "after", "ends", "ways"),
    [
        ("approved", AFTER, ("fail", 0, "proceed", "", "false"), AT_ONCE),
        ("approved", HIGH, ("fail", 0, "proceed", "", "true"), AT_ONCE),
        ("none", AFTER, ("fail", 1, "hold", "", "true"), AFTER_APPROVAL),
        ("none", HIGH, ("fail", 1, "hold", "", "true"), AFTER_APPROVAL),
        ("no pull request", HIGH, ("fail", 1, "hold", "", "false"), []),
        ("approved", HIGH, ("output", 0, "proceed", "", "true"), AT_ONCE),
        ("none", AFTER, ("output", 0, "hold", "", "true"), AFTER_APPROVAL),
        ("approved", HIGH, ("shadow", 0, "proceed", "proceed", "true"), AT_ONCE),
        ("none", AFTER, ("shadow", 0, "proceed", "hold", "false"), AT_ONCE),
        ("none", HIGH, ("shadow", 0, "proceed", "hold", "true"), AT_ONCE),
    ],
)
def test_one_job_of_a_documented_workflow_deploys_what_its_gate_lets_through(
    tmp_path: Path,
    hub: FakeGitHub,
    where: str,
    *,
    review: str,
    after: Mapping[str, str],
    ends: tuple[str, int, str, str, str],
    ways: list[str],
) -> None:
    """What takes an approval is deployed once, too: by the job that waits for one, or by the other."""
    jobs = GateJobs(tmp_path, hub, after)
    if review == "none":
        jobs.unapprove()
    elif review == "no pull request":
        jobs.pull.landed = ()
    workflow = documented()[where]
    [step] = [one for one in workflow["gate"]["steps"] if "cicd-agent" in one.get("uses", "")]
    inputs = {name.replace("-", "_"): str(value) for name, value in step["with"].items() if "${{" not in str(value)}
    inputs.pop("mode", "")
    left = jobs.run(payload=None, **{"signals_file": ""} | inputs | {"enforce": ends[0]})
    said = tuple(left.outputs.get(name, "") for name in ("decision", "shadow_decision", "requires_approval"))
    assert (ends[0], left.exit, *said) == ends, left.log
    deploying = [name for name in (*AT_ONCE, *AFTER_APPROVAL) if name in workflow]
    assert [name for name in deploying if branches(workflow, name, left.outputs)] == [
        name for name in ways if name in workflow
    ]


def test_what_init_and_the_quick_start_write_is_in_shadow_and_stops_nothing() -> None:
    for where in ("init", "quick start"):
        [step] = [one for one in documented()[where]["gate"]["steps"] if "deploy-gate@" in one.get("uses", "")]
        assert step["with"]["enforce"] == "shadow"


def ways(left: Left) -> dict[str, bool]:
    return {name: runs("deploy-gate.yml", name, left.outputs) for name in ("deploy", "deploy-approved")}


def test_a_deployment_that_proceeds_is_deployed_and_asks_nobody(jobs: GateJobs) -> None:
    left = gate(jobs)
    assert (left.exit, left.outputs["decision"], left.outputs["safety_score"]) == (0, "proceed", "100"), left.log
    assert "this repository has none" in left.summary
    assert ways(left) == {"deploy": True, "deploy-approved": False}


def test_coverage_wires_itself_from_what_the_example_leaves(jobs: GateJobs) -> None:
    cover(jobs, jobs.base, 80, run=60)
    cover(jobs, jobs.sha, 81, run=RUN)
    left = gate(jobs)
    assert (left.exit, left.outputs["safety_score"]) == (0, "100"), left.log
    assert "80.0 % → 81.0 % of lines" in left.summary


def test_a_change_that_leaves_no_coverage_any_more_loses_its_points(jobs: GateJobs) -> None:
    cover(jobs, jobs.base, 80, run=60)
    left = gate(jobs)
    assert left.outputs["safety_score"] == "77.7"
    assert "there is none of this commit, and artifacts of run 60 had coverage" in left.summary


def test_coverage_that_falls_is_no_better_than_none(jobs: GateJobs) -> None:
    cover(jobs, jobs.base, 80, run=60)
    cover(jobs, jobs.sha, 70, run=RUN)
    assert gate(jobs).outputs["safety_score"] == "77.7"


def policy_in(name: str) -> str:
    """The configuration that an example shows in its first comment."""
    lines = [each.removeprefix("#") for each in (EXAMPLES / name).read_text("utf-8").split("\n")]
    at = next(index for index, each in enumerate(lines) if each.strip() == "signals:")
    shown = lines[at : lines.index("", at)]
    return "\n".join(each.removeprefix("   ") for each in shown) + "\n"


@pytest.mark.parametrize(
    ("scores", "decision", "said"),
    [
        ({"answer_quality": 0.93, "harmful_share": 0.0}, "proceed", "0.93"),
        ({"answer_quality": 0.93, "harmful_share": 0.02}, "hold", "`harm` is 0.02, above 0.01"),
        ({"answer_quality": 0.5, "harmful_share": 0.0}, "proceed", "| answers | 0.5 | 22 | 0 |"),
        ({"answer_quality": "great", "harmful_share": 0.0}, "hold", "`/answer_quality` is a text, and no number"),
        (None, "hold", "`harm` is not known"),
    ],
)
def test_an_evaluation_decides_by_the_example(
    tmp_path: Path, hub: FakeGitHub, scores: dict[str, Any] | None, decision: str, said: str
) -> None:
    jobs = GateJobs(tmp_path, hub, config=policy_in("llm-evaluation.yml"))
    jobs.token = hub.add_token("ghs_permitted", **permitted("llm-evaluation.yml", "gate"))
    if scores is not None:
        (jobs.job.repo.path / "evaluation").mkdir()
        (jobs.job.repo.path / "evaluation/scores.json").write_text(json.dumps(scores))
    left = jobs.run(payload=None, **({"signals_file": ""} | given("llm-evaluation.yml", "gate", uses=GATE)))
    assert left.outputs["decision"] == decision, left.log
    assert said in left.summary, left.summary
    assert runs("llm-evaluation.yml", "deploy", left.outputs) == (decision == "proceed")


def test_a_hold_that_a_person_may_lift_leads_to_the_reviewers_of_the_environment(jobs: GateJobs) -> None:
    jobs.unapprove()
    left = gate(jobs)
    assert (left.exit, left.outputs["decision"], left.outputs["requires_approval"]) == (1, "hold", "true"), left.log
    assert ways(left) == {"deploy": False, "deploy-approved": True}
    assert not runs("deploy-gate.yml", "deploy-approved", left.outputs, cancelled=True)


def test_a_rollback_and_what_takes_an_override_lead_nowhere(jobs: GateJobs) -> None:
    jobs.pull.landed = ()
    unreviewed = gate(jobs)
    assert (unreviewed.outputs["decision"], unreviewed.outputs["requires_approval"]) == ("hold", "false")
    jobs.hub.gate.add_deployment(jobs.sha, "production", "success", at=jobs.now - 60)
    jobs.hub.gate.add_incident("Checkout is down", at=jobs.now)
    back = gate(jobs)
    assert back.outputs["decision"] == "rollback"
    assert [ways(left) for left in (unreviewed, back)] == [{"deploy": False, "deploy-approved": False}] * 2


def push(jobs: GateJobs, number: int, *, approved: bool) -> dict[str, bool]:
    """One more pull request is squashed onto main and pushed; the jobs that its gate lets run, as GitHub records it."""
    git, gates = jobs.job.repo.git, jobs.hub.gate
    before, topic = jobs.job.repo.head, f"topic-{number}"
    git("checkout", "--quiet", "-b", topic)
    (jobs.job.repo.path / f"app{number}.py").write_text(f"LIMIT = {number}\n")
    git("add", f"app{number}.py")
    git("commit", "--quiet", "-m", "Add a limit")
    jobs.hub.add_pull(number, base="main", head=topic, head_ref=topic)
    git("checkout", "--quiet", "main")
    git("merge", "--quiet", "--squash", topic)
    git("commit", "--quiet", "-m", f"Add a limit (#{number})")
    sha = jobs.job.repo.head
    gates.merge(number, sha)
    if approved:
        gates.review(number, "reviewer", at=jobs.now)
    for name in ("unit", "lint"):
        gates.add_check(sha, name, at=jobs.now)
    jobs.job.variables |= {"GITHUB_SHA": sha, "GITHUB_RUN_ID": str(100 + number)}
    payload = jobs.payload("push") | {"before": before, "after": sha}
    left = jobs.run(payload=payload, **({"signals_file": ""} | given("deploy-gate.yml", "gate")))
    ran = ways(left)
    for name in (name for name, lets in ran.items() if lets):
        environment = load("deploy-gate.yml")["jobs"][name]["environment"]
        gates.add_deployment(sha, environment, "in_progress", "success", at=jobs.now + number)
    return ran


def test_over_several_pushes_the_example_holds_nothing_for_what_was_approved_before(jobs: GateJobs) -> None:
    """What people approve is deployed under another name of the environment: the later pushes know of it."""
    at_once, approved = {"deploy": True, "deploy-approved": False}, {"deploy": False, "deploy-approved": True}
    assert push(jobs, 8, approved=True) == at_once
    assert push(jobs, 9, approved=False) == approved
    assert push(jobs, 10, approved=True) == at_once
    assert push(jobs, 11, approved=True) == at_once
    assert push(jobs, 12, approved=False) == approved
    assert push(jobs, 13, approved=True) == at_once


@pytest.mark.parametrize("conclusion", ["success", "failure"])
@pytest.mark.parametrize("left", [{}, {"requires_approval": "true"}, UNPROVED])
def test_outputs_that_nobody_wrote_and_those_of_a_failed_run_deploy_nothing(
    conclusion: str, left: dict[str, str]
) -> None:
    for name in ("deploy", "deploy-approved"):
        assert not runs("deploy-gate.yml", name, {"conclusion": conclusion} | left)


def test_the_workflow_that_hears_an_approval_may_start_the_run_again(jobs: GateJobs) -> None:
    jobs.unapprove()
    hash_ = jobs.hold(**{"signals_file": ""} | given("deploy-gate.yml", "gate"))
    inputs = given("approve-deploy.yml", "approve", uses="org/cicd-agent/approve-deploy@v1")
    assert inputs == {}
    grants = permitted("approve-deploy.yml", "approve")
    left = jobs.comment(f"/approve-deploy {hash_}", grants=grants)
    assert (left.exit, left.outputs["conclusion"]) == (0, "neutral"), left.log
    assert len(jobs.hub.of("POST", "/rerun-failed-jobs$")) == 1
    assert gate(jobs).outputs["decision"] == "proceed"


def test_the_workflow_that_hears_an_approval_answers_every_person_and_no_other_comment() -> None:
    workflow = load("approve-deploy.yml")
    assert workflow[True] == {"issue_comment": {"types": ["created"]}}
    [job] = workflow["jobs"].values()
    # What the event says of the author's association is wrong for members who keep that private.
    assert "author_association" not in job["if"]
    for asked in ("comment.user.type != 'Bot'", "'/approve-deploy'", "'/override-deploy'"):
        assert asked in job["if"]
    [checkout, _] = job["steps"]
    assert checkout["with"]["ref"] == "${{ github.event.repository.default_branch }}"


ROUTED = {
    "docs": ({"README.md": "An app, and how to use it.\n"}, {"docs"}),
    "code": ({"app.py": "def go(name):\n    return name.strip()\n"}, {"test", "build"}),
}


@pytest.mark.parametrize(("after", "ran"), ROUTED.values(), ids=ROUTED)
def test_a_route_skips_what_need_not_run_and_the_one_check_agrees(
    tmp_path: Path, after: dict[str, str], ran: set[str]
) -> None:
    job = Job(tmp_path, BEFORE, after)
    left = job.run("route", **given("route.yml", "route"))
    assert left.exit == 0, left.log
    assert {name for name in ("test", "build", "docs") if runs("route.yml", name, left.outputs)} == ran
    results = {name: "success" if name in ran else "skipped" for name in ("test", "build", "docs")}
    assert judged(job, left.outputs, results) == 0
    # What had to run and did not, or failed, is no yes.
    assert judged(job, left.outputs, results | {min(ran): "skipped"}) == 1
    assert judged(job, left.outputs, results | {min(ran): "failure"}) == 1


def test_a_route_that_failed_skips_nothing_and_its_check_says_no() -> None:
    outputs = {"conclusion": "failure"}
    assert all(runs("route.yml", name, outputs) for name in ("test", "build", "docs"))


def judged(job: Job, outputs: Mapping[str, str], results: Mapping[str, str]) -> int:
    """What the last job says after jobs that ended like this."""
    passed_on = {name: outputs.get(name, "") for name in load("route.yml")["jobs"]["route"]["outputs"]}
    needs: dict[str, Any] = {name: {"result": result, "outputs": {}} for name, result in results.items()}
    needs["route"] = {"result": "success", "outputs": passed_on}
    inputs = given("route.yml", "gate", uses="org/cicd-agent/gate-result@v1")
    assert inputs.pop("needs") == "${{ toJSON(needs) }}"
    return job.run("gate-result", needs=json.dumps(needs), **inputs).exit
