from random import Random

import pytest

from cicd_agent.analysis.risk.calibration import learn
from cicd_agent.analysis.risk.discrimination import auc
from cicd_agent.analysis.risk.model import WEIGHTS, log_odds
from cicd_agent.domain.repository.history import Experience, Measures
from cicd_agent.domain.repository.risk_file import RiskFile


def past(count: int) -> tuple[list[Measures], list[bool]]:
    """Changes of which those of newcomers go wrong, and the large ones of others now and then."""
    random = Random(3)
    changes, outcomes = [], []
    for _ in range(count):
        commits, added = random.randrange(60), random.randrange(300)
        changes.append(
            Measures(
                subsystems=1,
                directories=1,
                files=1,
                added=added,
                experience=Experience(commits=float(commits), recent_commits=float(commits), age=5.0),
            )
        )
        outcomes.append(random.random() < (0.8 if commits < 6 else added / 1_500))
    return changes, outcomes


def test_what_is_learnt_orders_new_changes_better_than_what_is_shipped() -> None:
    changes, outcomes = past(900)
    learnt = learn(changes[:600], outcomes[:600])
    assert learnt.weights["rexp"] < -0.3
    own = auc([log_odds(change, learnt) for change in changes[600:]], outcomes[600:])
    shipped = auc([log_odds(change) for change in changes[600:]], outcomes[600:])
    assert own is not None
    assert shipped is not None
    assert own > shipped + 0.1


def test_what_is_never_known_gets_no_weight() -> None:
    learnt = learn(*past(50))
    assert not {"ndev", "nuc", "sexp"} & set(learnt.weights)


def test_a_handful_of_outcomes_hardly_moves_the_shipped_weights() -> None:
    learnt = learn(*past(12))
    assert learnt.weights["la"] == pytest.approx(WEIGHTS["la"], abs=0.05)
    assert learnt.weights["rexp"] == pytest.approx(0, abs=0.05)


def test_added_lines_are_never_learnt_to_be_a_blessing() -> None:
    changes, _ = past(300)
    learnt = learn(changes, [change.added < 150 for change in changes])
    assert learnt.weights["la"] == 0


@pytest.mark.parametrize("outcome", [True, False])
def test_one_outcome_alone_teaches_no_weight(outcome: bool) -> None:  # noqa: FBT001  the two of them
    changes, _ = past(20)
    learnt = learn(changes, [outcome] * 20)
    assert learnt.weights["la"] == WEIGHTS["la"]
    assert (log_odds(changes[0], learnt) > 0) is outcome


def test_nothing_teaches_nothing() -> None:
    assert learn([], []) == RiskFile(intercept=0.0)
