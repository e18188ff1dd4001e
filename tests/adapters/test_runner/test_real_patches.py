"""Correct patches for real failures of three languages: proved where their tests can run, and untried elsewhere."""

from pathlib import Path

import pytest

from cicd_agent.adapters.sandbox.sandbox import LocalSandbox
from cicd_agent.domain.trials.patch_trial import Step
from cicd_agent.domain.trials.sandbox import SandboxUnavailable, Tier
from tests.support.real_trials import Attempts
from tests.support.samples.real_cheats import cheats
from tests.support.samples.real_failures import REAL, RealFailure, failed_job, missing


@pytest.mark.parametrize("tier", [Tier.LANDLOCK, Tier.BUBBLEWRAP])
@pytest.mark.parametrize("failure", REAL, ids=lambda failure: failure.name)
def test_a_correct_patch_is_verified_or_said_to_be_untried(failure: RealFailure, tier: Tier, tmp_path: Path) -> None:
    sandbox = LocalSandbox(only=tier)
    try:
        sandbox.tier()
    except SandboxUnavailable as error:
        pytest.skip(f"this machine does not have it: {error.why}")
    if why := missing(failure):
        pytest.skip(why)
    attempts = Attempts(failure, failed_job(failure, tmp_path), sandbox)
    report = attempts.attempt(failure.fixed)
    assert report.is_offered, report
    if failure.loopback and tier is Tier.LANDLOCK:
        assert report.step is Step.CANNOT_BE_TRIED
        assert "operation not permitted" in report.detail.lower()
        assert report.remedy.startswith("Install bubblewrap")
    else:
        assert (report.step, report.sandbox) == (Step.VERIFIED, tier), report
    cheating = cheats(failure)["looks at its caller"]
    assert attempts.attempt(cheating).step is Step.REFUSED
