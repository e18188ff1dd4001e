import sys
from pathlib import Path

import pytest

from benchmarks.risk_model import ADOPTED, BASELINE, COLD, OWN, Project, Result, inside_deciles, main, misses, read
from cicd_agent.domain.repository.history import Measures

HEADER = "_id,date,bug,__,ns,nd,nf,entrophy,la,ld,lt,fix,ndev,age,nuc,exp,rexp,sexp"
ROW = "ca99,{date},{bug},0,1,2,3,0.5,10,4,100,1,35,16.3,27,6,5.5,5"
GOOD = Result(0.8, 0.5, 0.7, 0.1)


def table(own: Result, adopted: Result = GOOD) -> dict[str, list[Result]]:
    return {BASELINE: [Result(0.79, 0.4, 0.5, 0.1)], COLD: [GOOD], OWN: [own], ADOPTED: [adopted]}


def test_a_project_is_read_oldest_first(tmp_path: Path) -> None:
    rows = [ROW.format(date=100 - number, bug=number % 2) for number in range(12)]
    (tmp_path / "go.csv").write_text("\n".join([HEADER, *rows]))
    project = read(tmp_path / "go.csv")
    assert (project.name, project.cut) == ("go", 9)
    assert project.bugs[:3] == (True, False, True)
    change = project.changes[0]
    assert (change.subsystems, change.added, change.entropy, change.is_fix) == (1, 10, 0.5, True)
    assert (change.experience.developers, change.experience.subsystem_commits) == (35, 5)


@pytest.mark.parametrize(
    "text", ["", HEADER, "a,b\n1,2\n" * 20, f"{HEADER}\n" + "x,y\n" * 20, f"{HEADER}\n" + "1,1,1,0,nan\n" * 20, "\0\n"]
)
@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_what_is_not_of_the_form_is_told_in_a_line(
    text: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_text(text)
    monkeypatch.setattr(sys, "argv", ["risk_model", "--data", str(tmp_path)])
    assert main() == 2
    assert capsys.readouterr().err.startswith("risk_model: ")


def test_each_goal_that_is_missed_is_named() -> None:
    project = Project("go", (Measures(),), (True,))
    assert not list(misses([project], table(GOOD)))
    missed = list(misses([project], table(Result(0.70, 0.5, None, None))))
    assert len(missed) == 3
    assert missed[-1] == "MISSED: go: own history 0.7000 is below lines added 0.7900"
    (missed_by_calibrate,) = misses([project], table(GOOD, Result(0.791, 0.5, 0.7, 0.1)))
    assert "what calibrate leaves 0.7910 is below cold start" in missed_by_calibrate


def test_without_data_it_is_said_how_to_give_some(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["risk_model"])
    monkeypatch.delenv("JIT_DATA", raising=False)
    assert main() == 2
    assert "give --data DIR or JIT_DATA=DIR" in capsys.readouterr().err


def test_a_score_that_is_the_size_says_nothing_inside_its_deciles() -> None:
    sizes = [number // 10 for number in range(100)]
    bugs = [number % 2 == 0 for number in range(100)]
    assert inside_deciles(sizes, bugs, sizes) == 0.5
    assert inside_deciles([float(bug) for bug in bugs], bugs, sizes) == 1
