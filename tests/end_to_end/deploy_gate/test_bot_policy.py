"""A bot's pull request that nobody has approved: released by the base branch's policy, and by no other."""

from pathlib import Path

from tests.support.jobs.gate import AFTER, GateJobs
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.github.state import Account

CONFIG, ON = ".github/cicd-agent.yml", "bot-policy: rules-and-green\n"
BOT = "dependabot[bot]"


def by_bot(jobs: GateJobs, kind: str = "Bot") -> GateJobs:
    """The pull request is a bot's, whose only commit GitHub has signed; nobody has approved it."""
    jobs.unapprove()
    jobs.pull.author = Account(BOT, kind)
    jobs.pull.writers = (BOT,)
    jobs.repo.gate.signed.add(jobs.head)
    return jobs


def test_it_goes_out_and_the_report_says_by_which_policy(tmp_path: Path, hub: FakeGitHub) -> None:
    left = by_bot(GateJobs(tmp_path, hub, config=ON)).run()
    assert (left.exit, left.outputs["decision"]) == (0, "proceed"), left.log
    assert "dependabot's pull request `#7`, rules and checks are green: bot-policy" in left.summary


def test_a_person_of_that_name_and_a_commit_that_anybody_could_have_made_wait_for_an_approval(
    tmp_path: Path, hub: FakeGitHub
) -> None:
    jobs = by_bot(GateJobs(tmp_path, hub, config=ON), "User")
    assert jobs.run().outputs["decision"] == "hold"
    by_bot(jobs).repo.gate.signed.clear()
    left = jobs.run()
    assert left.outputs["decision"] == "hold"
    assert (
        "bot-policy does not release `#7` (not all of its commits are dependabot's own, signed by GitHub)"
        in left.summary
    )


def test_a_policy_that_the_bot_brings_itself_releases_nothing(tmp_path: Path, hub: FakeGitHub) -> None:
    left = by_bot(GateJobs(tmp_path, hub, {**AFTER, CONFIG: ON})).run()
    assert left.outputs["decision"] == "hold"
    assert "bot-policy" not in "".join(each["words"] for each in left.report["gated"]["factors"])


def test_a_changed_policy_is_approved_by_no_bot(tmp_path: Path, hub: FakeGitHub) -> None:
    jobs = by_bot(GateJobs(tmp_path, hub, {**AFTER, CONFIG: f"{ON}threshold: 10\n"}, config=ON))
    left = jobs.run("workflow_dispatch")
    assert "own-policy" in {each["id"] for each in left.report["gated"]["stops"]}, left.log
