"""A few days of each team of benchmarks/gate_month.py: nothing that does harm goes out, whatever is configured."""

import pytest

from benchmarks.gate_month import SEED, main, month
from benchmarks.month_project import History, teams
from benchmarks.month_simulation import SCENARIOS

DEPLOYMENTS = 6


@pytest.mark.parametrize("team", teams())
def test_a_few_days_of_each_team_let_nothing_harmful_through(team: str) -> None:
    result = month(team, SCENARIOS[1], DEPLOYMENTS, SEED)
    assert result["decisions"] >= DEPLOYMENTS
    assert result["clean"] > 0
    assert result["harmful"] == {}


def test_a_month_is_the_same_each_time_and_has_what_its_rates_say() -> None:
    flaky = teams()["flaky"]
    first, second = (History(flaky, 200, SEED, "") for _ in range(2))
    assert first.stream == second.stream
    assert {push.broken for push in first.pushes} == {True, False}
    changes = [change for push in first.pushes for change in push.changes]
    assert 0 < sum(not change.fit for change in changes) < len(changes) / 2
    assert any(change.number and not change.is_bot and not change.fit for change in changes)


def test_the_table_of_rates_is_printed_above_the_results(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--deployments", "2", "--team", "small", "--against", ""])
    printed = capsys.readouterr().out
    assert "lifts_by = " in printed
    assert "2 decisions" in printed
