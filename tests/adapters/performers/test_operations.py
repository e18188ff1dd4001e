"""A gate's decision is recorded once, for this job's own commit and environment, and a no creates no deployment."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from cicd_agent.domain.effect_policy import EffectPolicy
from cicd_agent.domain.effects import CommitComment, Deployment, Plan, ReceiptState
from cicd_agent.domain.events.event import Deployment as Deployed
from cicd_agent.domain.events.event import Event, EventKind
from cicd_agent.domain.gate_evidence import PastDeployment
from cicd_agent.domain.text.redaction import MASK
from cicd_agent.errors import BudgetExhausted
from cicd_agent.rendering.dry_run import dry_run
from tests.support.fakes.commits import ME
from tests.support.fakes.gates import FakeGates
from tests.support.samples.plans import KEY, LOCAL, SHA, Site, refusal

RUN = "https://github.test/o/r/actions/runs/81"
EVENT = Event(EventKind.PUSH, repo="o/r", sha=SHA, delivery="81.2", server="https://github.test")
GO = Deployment("go", "production", SHA, "queued", "score 91, needs 75", output="deployment_id")
OTHER = "f" * 40


@dataclass
class Signing(FakeGates):
    """Knows who creates deployments, as GitHub does."""

    def deploy(self, sha: str, environment: str, description: str) -> PastDeployment:
        made = replace(super().deploy(sha, environment, description), creator=ME)
        self.deployed[environment][0] = made
        return made


@pytest.fixture
def gates() -> Signing:
    return Signing()


@pytest.fixture
def site(tmp_path: Path, gates: Signing) -> Site:
    site = Site(tmp_path, event=EVENT, grant=EffectPolicy(deployment="production"))
    site.forge.gated = gates
    return site


def standing(state: str = "queued", *, sha: str = SHA, creator: str = ME, ident: int = 12) -> PastDeployment:
    return PastDeployment(ident, sha, sha, 1, state, creator=creator, url=f"https://github.test/deployments/{ident}")


def test_what_goes_ahead_is_recorded_once_journalled_first(site: Site, gates: Signing) -> None:
    receipt = site.perform(GO, *LOCAL)["go"]
    assert (receipt.state, receipt.detail) == (ReceiptState.DONE, "deployment 1")
    assert receipt.url == "https://github.test/deployments/1"
    assert gates.told == [(1, "queued", "score 91, needs 75", RUN)]
    assert site.journal.entries[:3] == [("intent", "go"), ("intent", "go"), ("receipt", "go")]
    assert site.outputs["deployment_id"] == "1"
    again = site.perform(GO)["go"]
    assert (again.state, again.detail) == (ReceiptState.UNCHANGED, "deployment 1 is queued already")
    assert (again.url, site.outputs["deployment_id"]) == (receipt.url, "1")
    assert gates.calls.count("deploy") == gates.calls.count("set_deployment_status") == 1
    site.assert_told()


@pytest.mark.parametrize("state", ["queued", "pending", "waiting", "in_progress"])
def test_one_of_ours_that_waits_or_goes_on_is_left_as_it_is(site: Site, gates: Signing, state: str) -> None:
    gates.deployed["production"] = [standing(state)]
    receipt = site.perform(GO)["go"]
    assert (receipt.state, receipt.detail) == (ReceiptState.UNCHANGED, f"deployment 12 is {state} already")
    assert gates.calls == ["deployments"]


def test_one_whose_run_ended_before_its_status_gets_it_now(site: Site, gates: Signing) -> None:
    gates.deployed["production"] = [standing("")]
    assert site.perform(GO)["go"].detail == "deployment 12"
    assert gates.calls == ["deployments", "set_deployment_status"]


@pytest.mark.parametrize(
    "there",
    [
        [standing("success")],
        [standing("failure")],
        [standing("inactive")],
        [standing(sha=OTHER)],
        [standing(creator="mallory")],
        [standing(creator="")],
        [standing(sha=OTHER, ident=13), standing()],
        [],
    ],
    ids=["done", "failed", "replaced", "another commit", "somebody's", "nobody's", "an older one", "none"],
)
def test_beside_any_other_a_new_one_is_created(site: Site, gates: Signing, there: list[PastDeployment]) -> None:
    gates.deployed["production"] = list(there)
    assert site.perform(GO)["go"].state is ReceiptState.DONE
    assert gates.calls == ["deployments", "deploy", "set_deployment_status"]


@pytest.mark.parametrize("state", ["failure", "inactive"])
@pytest.mark.parametrize(
    "there", [[], [standing("success")], [standing("in_progress", creator="mallory")], [standing(sha=OTHER)]]
)
def test_a_no_creates_nothing_that_somebody_listens_for(
    site: Site, gates: Signing, there: list[PastDeployment], state: Any
) -> None:
    gates.deployed["production"] = list(there)
    assert site.perform(replace(GO, state=state))["go"].state is ReceiptState.SKIPPED
    assert gates.calls == ["deployments"]


def test_a_no_takes_back_what_waits_and_nothing_that_has_begun(site: Site, gates: Signing) -> None:
    hold = replace(GO, state="failure", description="held")
    gates.deployed["production"] = [standing()]
    assert site.perform(hold)["go"].state is ReceiptState.DONE
    assert gates.told == [(12, "failure", "held", RUN)]
    gates.deployed["production"] = [standing("in_progress")]
    late = site.perform(hold)["go"]
    assert (late.state, late.detail) == (ReceiptState.SKIPPED, "deployment 12 is in_progress already")
    assert len(gates.told) == 1


OF_DEPLOYMENT = replace(EVENT, kind=EventKind.DEPLOYMENT, deployment=Deployed(12, "production", SHA))


@pytest.mark.parametrize("state", ["queued", "failure", "inactive"])
def test_the_events_own_deployment_gets_the_status_in_one_request(site: Site, gates: Signing, state: Any) -> None:
    site.event = OF_DEPLOYMENT
    assert site.perform(replace(GO, id=12, state=state))["go"].detail == "deployment 12"
    assert gates.calls == ["set_deployment_status"]
    assert gates.told == [(12, state, GO.description, RUN)]
    assert site.outputs["deployment_id"] == "12"


ELSEWHERE: dict[str, tuple[Deployment, Event, EffectPolicy]] = {
    "another environment": (replace(GO, environment="staging"), EVENT, EffectPolicy(deployment="production")),
    "no environment": (replace(GO, environment=""), EVENT, EffectPolicy()),
    "not asked for": (GO, EVENT, EffectPolicy()),
    "another commit": (replace(GO, commit=OTHER), EVENT, EffectPolicy(deployment="production")),
    "a commit that the job does not decide on": (GO, EVENT, EffectPolicy(deployment="production", commit=OTHER)),
    "no commit": (replace(GO, commit=""), replace(EVENT, sha=""), EffectPolicy(deployment="production")),
    "a deployment without an event of one": (replace(GO, id=12), EVENT, EffectPolicy(deployment="production")),
    "another deployment": (replace(GO, id=13), OF_DEPLOYMENT, EffectPolicy(deployment="production")),
    "the event's, to elsewhere": (
        replace(GO, id=12, environment="staging"),
        OF_DEPLOYMENT,
        EffectPolicy(deployment="staging"),
    ),
    "the event's, of another commit": (
        replace(GO, id=12, commit=OTHER),
        OF_DEPLOYMENT,
        EffectPolicy(deployment="production", commit=OTHER),
    ),
}


@pytest.mark.parametrize(("effect", "event", "granted"), ELSEWHERE.values(), ids=ELSEWHERE)
def test_a_target_that_is_not_this_jobs_is_refused_without_a_call(
    site: Site, gates: Signing, effect: Deployment, event: Event, granted: EffectPolicy
) -> None:
    site.event, site.grant = event, granted
    assert site.perform(effect, *LOCAL)["go"].state is ReceiptState.FAILED
    assert gates.calls == []
    assert "deployment_id" not in site.outputs
    site.assert_told()


def test_the_commit_that_the_job_names_counts_before_the_events(site: Site, gates: Signing) -> None:
    site.grant = EffectPolicy(deployment="production", commit=OTHER)
    assert site.perform(replace(GO, commit=OTHER))["go"].state is ReceiptState.DONE
    assert gates.deployed["production"][0].sha == OTHER


@pytest.mark.parametrize(("effect", "event"), [(GO, EVENT), (replace(GO, id=12), OF_DEPLOYMENT)])
def test_who_may_say_no_yes_lets_no_deployment_through_but_may_stop_it(
    site: Site, gates: Signing, effect: Deployment, event: Event
) -> None:
    site.event, site.grant = event, EffectPolicy(deployment="production", withheld="the plan comes from a file")
    gates.deployed["production"] = [standing()]
    receipt = site.perform(effect)["go"]
    assert receipt.state is ReceiptState.SKIPPED
    assert "the plan comes from a file" in receipt.detail
    assert gates.calls == []
    assert site.perform(replace(effect, state="failure"))["go"].state is ReceiptState.DONE


def test_a_plan_that_asks_twice_gets_one(site: Site, gates: Signing) -> None:
    states = [one.state for one in site.perform(GO, replace(GO, key="more", state="failure")).values()]
    assert states == [ReceiptState.DONE, ReceiptState.SKIPPED]
    assert gates.told == [(1, "queued", GO.description, RUN)]


@pytest.mark.parametrize("method", ["deployments", "deploy", "set_deployment_status"])
@pytest.mark.parametrize(
    "fault", [refusal(403, "The job lacks `deployments: write`"), refusal(0, "no answer"), BudgetExhausted("time over")]
)
def test_a_fault_at_any_request_is_a_warning_and_the_next_run_mends_it(
    site: Site, gates: Signing, method: str, fault: Any
) -> None:
    gates.refusals[method] = fault
    receipt = site.perform(GO, *LOCAL)["go"]
    assert receipt.state is ReceiptState.DEGRADED
    assert site.warnings == [f"Not done: deployment: {fault}"]
    site.assert_told()
    gates.refusals.clear()
    assert site.perform(GO)["go"].state is ReceiptState.DONE
    [one] = gates.deployed["production"]
    assert one.state == "queued"


def test_what_the_repository_has_against_it_keeps_nothing_else_from_being_said(site: Site, gates: Signing) -> None:
    gates.refusals["deploy"] = refusal(409, "Conflict")
    held = CommitComment("held", SHA, "It is held.")
    site.grant = replace(site.grant, commit_comment=True)
    states = [one.state for one in site.perform(GO, held).values()]
    assert states == [ReceiptState.DEGRADED, ReceiptState.DONE]
    assert "409: Conflict" in site.summary


def test_words_are_one_visible_line_that_github_takes_without_secrets(site: Site, gates: Signing) -> None:
    site.perform(replace(GO, description=f"a\nb\u202e {KEY} " + "x" * 200))
    [(_, _, said, _)] = gates.told
    assert said.startswith(f"a b<U+202E> {MASK} xxx")
    assert len(said) == 140
    assert not any(KEY in str(detail) for detail in site.journal.details)


def test_an_output_that_is_not_declared_is_told_in_the_summary(site: Site) -> None:
    assert site.perform(replace(GO, output="PATH"), *LOCAL)["go"].state is ReceiptState.DONE
    assert "PATH" not in site.outputs
    assert "declares no output" in site.summary


def test_without_a_connection_it_is_skipped(site: Site) -> None:
    site.connected = False
    assert site.perform(GO)["go"].state is ReceiptState.SKIPPED


def test_a_dry_run_tells_of_it() -> None:
    words = "1a2b3c4 to production: queued, score 91, needs 75"
    assert dry_run(Plan((GO,))) == f"a deployment of {words}"
    assert dry_run(Plan((replace(GO, id=12),))) == f"deployment 12 of {words}"
