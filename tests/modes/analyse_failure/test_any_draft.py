"""Whatever the schema lets a model say, it excuses nothing and makes nothing surer."""

from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from cicd_agent.analysis.logs.extract import Kind
from cicd_agent.domain.facts import Cause
from cicd_agent.domain.trials.patch_trial import Step
from cicd_agent.modes.analyse_failure.result import CascadeStep, ClaimDraft, Diagnosis, FailureDraft, Remedy
from cicd_agent.modes.analyse_failure.verdict import MAX_SURE
from tests.modes.analyse_failure.model_builders import (
    AGAIN,
    BLAMED,
    CHANGE_CITED,
    MADE_UP,
    MESSAGE_CITED,
    NAMED,
    PATCH,
    UNNAMED,
    WRAPPER_CITED,
    claim,
    diagnosis,
    evidence,
    fix,
    judged,
    tried,
)
from tests.support.strategies import drafts

RULES = st.sampled_from(Cause).flatmap(
    lambda cause: st.builds(
        lambda rung, kind, again: diagnosis(cause, rung=rung, kind=kind, **(AGAIN if again else {})),
        st.sampled_from(CascadeStep),
        st.sampled_from(Kind),
        st.booleans(),
    )
)
CITATIONS = st.sampled_from([MESSAGE_CITED, CHANGE_CITED, WRAPPER_CITED, NAMED, UNNAMED, MADE_UP])
PROVEN = st.lists(CITATIONS, max_size=4).map(lambda cited: (claim(*cited),))


@given(rules=RULES, said=drafts(FailureDraft), proven=st.none() | PROVEN, step=st.none() | st.sampled_from(Step))
@examples(max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_whatever_a_model_says_it_excuses_nothing_and_makes_nothing_surer(
    rules: Diagnosis, said: FailureDraft, proven: tuple[ClaimDraft, ...] | None, step: Step | None
) -> None:
    if proven is not None:
        said = said.model_copy(update={"claims": proven, "insufficient_evidence": False})
    if step is not None:
        said = said.model_copy(update={"fix": fix(said.fix.kind, said.fix.description, PATCH)})
    told = judged(said, rules, evidence(trials=(tried(step),) if step else ()))
    assert told.cause in {rules.cause, Cause.CHANGE}
    if rules.cause is Cause.UNKNOWN:
        assert told.confidence <= max(rules.confidence, MAX_SURE)
        assert told.cause is Cause.UNKNOWN or not told.rerun
    else:
        assert told.cause is rules.cause
        assert told.confidence <= rules.confidence
    assert told.rerun <= rules.rerun
    assert told.kind in {rules.kind, *Kind} - ({Kind.FLAKY_TEST, Kind.INFRASTRUCTURE} - {rules.kind})
    assert told.remedy is not Remedy.RETRY or rules.remedy is Remedy.RETRY
    assert told.responsible in {"", rules.responsible, BLAMED}
    assert told.trial is None or told.trial.step is step
    assert told.failures == rules.failures
    assert all(each.reason for each in told.dropped)
