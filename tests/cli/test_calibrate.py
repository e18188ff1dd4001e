import io
import json
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from pydantic_core import to_jsonable_python

from cicd_agent.analysis.risk.outcome_labels import DAY
from cicd_agent.app.console import Streams
from cicd_agent.app.main import run
from cicd_agent.cli.outcome_sources import open_sources
from cicd_agent.cli.parser import parse
from cicd_agent.domain.audit_entry import Entry
from cicd_agent.domain.gate_evidence import PastDeployment
from cicd_agent.domain.repository.change import Commit
from cicd_agent.domain.repository.history import Past, PastCommit
from cicd_agent.domain.repository.risk_file import RISK_FILE, RiskFile
from cicd_agent.errors import ConfigError, ForgeRefused
from cicd_agent.insights.accuracy.deployment_outcome import OutcomeSources
from cicd_agent.modes.deploy_gate.result import GateDecision
from cicd_agent.settings.environment import Environment
from tests.insights.accuracy.test_gate import decided
from tests.support.fakes.gates import FakeGates
from tests.support.fakes.repository import FakeRepository
from tests.support.fakes.store import FakeStore
from tests.support.repos import TempRepo
from tests.support.sessions import session_of

START = 1_700_000_000


def sha(number: int) -> str:
    return f"{number:08x}" * 5


def past(changes: int, *, days: float = 1) -> Past:
    """A line of changes, each followed by its revert when it is large; a few of the small ones are, too."""
    random = Random(7)
    commits: list[PastCommit] = []
    for number in range(changes):
        lines = int(random.lognormvariate(3, 1.4))
        when = START + int(2 * number * days * DAY)
        name = f"{number % 40}.py"
        change = PastCommit(sha(2 * number), when, f"{number % 5}", "Add it", (name,), ((lines, 1),))
        commits.append(change)
        if random.random() < (0.7 if lines > 40 else 0.03):
            undo = replace(change, sha=sha(2 * number + 1), subject="Undo it", reverts=change.sha, when=when + DAY)
            commits.append(undo)
    return Past(tuple(commits[::-1]))


class Line(FakeRepository):
    """A history without branches, as git would tell it."""

    def __init__(self, history: Past) -> None:
        self.history = history
        known = {commit.sha: commit.sha for commit in history.commits}
        super().__init__(refs={**known, **({"HEAD": history.commits[0].sha} if known else {})})

    def past(self, sha: str, most: int, counted: int) -> Past:  # noqa: ARG002  all lines are counted
        start = next(index for index, commit in enumerate(self.history.commits) if commit.sha == sha)
        return replace(self.history, commits=self.history.commits[start:][:most])

    def between(self, base: str, head: str, most: int) -> tuple[Commit, ...]:
        before = {commit.sha for commit in self.past(base, 10_000, 0).commits}
        after = [commit for commit in self.past(head, 10_000, 0).commits if commit.sha not in before]
        return tuple(Commit(commit.sha, commit.subject) for commit in after)[:most]


class Site:
    def __init__(self, top: Path, history: Past, gates: FakeGates | None = None) -> None:
        self.top, self.gates = top, gates
        self.repository = Line(history)
        self.now = START + 2_000 * DAY

    @property
    def file(self) -> Path:
        return self.top / RISK_FILE

    def ask(self, *arguments: str) -> tuple[str, str]:
        out, err = io.StringIO(), io.StringIO()
        invocation = parse(["calibrate", *arguments])
        session = session_of(invocation, Environment(), Streams(out, err), lambda: self.now)

        def outside(*_: object) -> OutcomeSources:
            return OutcomeSources(self.repository, self.top, self.gates)

        assert invocation.run(session, sources_of=outside) == 0
        return out.getvalue(), err.getvalue()

    def told(self, *arguments: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.ask("--format", "json", *arguments)[0])
        return found


@pytest.fixture(scope="module")
def history() -> Past:
    return past(300)


def test_a_file_for_review_comes_of_a_history(tmp_path: Path, history: Past) -> None:
    site = Site(tmp_path, history)
    out, err = site.ask()
    file = RiskFile.model_validate_json(site.file.read_text())
    assert (file.commit, file.made) == (history.commits[0].sha, "2029-05-06")
    assert file.matured == file.labels == len(history.commits)
    assert file.sources == {"revert": file.positives}
    assert file.slope is not None
    assert f"{file.matured} of them 90 days old or older; {file.positives} of these were bad" in out
    assert "learnt from the " in out
    assert "area under the curve" in out
    assert "review and commit it, it counts once it is on the base branch" in err
    assert "\x1b" not in out


def test_the_documented_example_is_what_is_printed_of_such_a_history(tmp_path: Path, history: Past) -> None:
    out, _ = Site(tmp_path, history).ask("--dry-run")
    documented = (Path(__file__).parents[2] / "docs/reference/risk.md").read_text("utf-8")
    assert "".join(f"    {line}\n" for line in out.splitlines()) in documented


def test_the_same_history_on_the_same_day_writes_the_same_bytes(tmp_path: Path, history: Past) -> None:
    site = Site(tmp_path, history)
    site.ask()
    before = site.file.read_bytes()
    site.now += 3_000
    site.ask()
    assert site.file.read_bytes() == before
    assert list(json.loads(before)) == sorted(json.loads(before))


def test_a_dry_run_writes_nothing_and_the_file_can_go_elsewhere(tmp_path: Path, history: Past) -> None:
    site = Site(tmp_path, history)
    _, err = site.ask("--dry-run")
    assert list(tmp_path.iterdir()) == []
    assert "commit it" not in err
    site.ask("--out", str(tmp_path / "deep/risk.json"))
    assert [path.name for path in tmp_path.iterdir()] == ["deep"]
    assert RiskFile.model_validate_json((tmp_path / "deep/risk.json").read_text()).tool.startswith("cicd-agent ")


def test_json_holds_the_file_and_what_it_rests_on(tmp_path: Path, history: Past) -> None:
    site = Site(tmp_path, history)
    told = site.told()
    assert told["file"] == json.loads(site.file.read_text())
    assert told["fitted"] + told["judged"] == told["file"]["matured"]


def test_what_floors_lift_is_counted_by_what_the_base_says_and_named_where_it_is_too_much(tmp_path: Path) -> None:
    commits = past(110).commits
    names = ["src/sessions.py", "src/pay/a.py", *(f"src/{number}.py" for number in range(4))]
    moved = [replace(each, paths=(names[at % 6],), reverts="", subject="Add") for at, each in enumerate(commits)]
    site = Site(tmp_path, Past(tuple(moved)))
    head = moved[0].sha
    session = b"def save(response, user_id):\n    response.set_cookie('s', user_id, httponly=True, max_age=9)\n"
    config = b"version: 1\nrisk:\n  floors:\n    src/pay/: high\n"
    site.repository.blobs = {(head, "src/sessions.py"): session, (head, ".github/cicd-agent.yml"): config}
    told = site.told()
    assert set(told["lifted"]) == {"authentication or permissions", "`src/pay/` in the configuration"}
    assert sum(told["file"]["shares_after"][2:]) > 0.3
    out = " ".join(site.ask()[0].split())
    assert "are high or critical by a floor alone: " in out
    assert "are high or critical where 15% are meant, because of these floors" in out
    site.repository.blobs = {}
    assert site.told()["lifted"] == {}
    assert sum(site.told()["file"]["shares_after"][2:]) <= 0.15


def test_few_outcomes_are_named_and_make_no_probability(tmp_path: Path) -> None:
    site = Site(tmp_path, past(110))
    out, _ = site.ask()
    assert "no probability: there are" in out
    assert "it takes 200" in " ".join(out.split())
    file = RiskFile.model_validate_json(site.file.read_text())
    assert (file.slope, file.offset, file.weights) == (None, None, {})
    assert file.thresholds is not None


def test_a_rollback_and_a_failed_deployment_blame_what_they_brought(tmp_path: Path) -> None:
    calm = Past(tuple(commit for commit in past(300).commits if not commit.reverts))
    commits = calm.commits[::-1]

    def deployed(number: int, of: int, state: str = "") -> PastDeployment:
        return PastDeployment(number, commits[of].sha, "main", commits[of].when + 10 * number, state)

    rolled_back = replace(deployed(13, 20), created=commits[22].when + DAY)
    newest_first = [deployed(15, 31), deployed(14, 30, "failure"), rolled_back, deployed(12, 22), deployed(11, 20)]
    site = Site(tmp_path, calm, FakeGates(deployed={"staging": newest_first}))
    assert site.told("--environment", "staging")["file"]["sources"] == {"failed_deployment": 10, "rollback": 2}
    assert site.told()["file"]["sources"] == {}


def test_a_rollback_that_only_the_account_book_knows_counts_and_is_said_to(tmp_path: Path) -> None:
    calm = Past(tuple(commit for commit in past(300).commits if not commit.reverts))
    store, commits = FakeStore(), calm.commits[::-1]

    def proceeded(of: int, days: int, environment: str = "production") -> None:
        each = decided(commits[of].sha, GateDecision.PROCEED, commits[22].when + days * DAY, environment=environment)
        output = {"gated": to_jsonable_python(each.gated)}
        told = {"kind": "run", "mode": "deploy-gate", "sha": each.gated.sha, "at": each.gated.at, "output": output}
        store.append(Entry.of("o/r", told))

    for of, days in ((20, 0), (22, 1), (20, 2), (30, 12)):
        proceeded(of, days)
        proceeded(of, days, "staging")
    rows = store.chains["o/r"]
    store.append(Entry.of("o/r", {"kind": "run", "mode": "deploy-gate", "output": {"gated": 7}}))
    site = Site(tmp_path, calm)
    out = io.StringIO()
    invocation = parse(["calibrate", "--format", "json"])
    environment = Environment.read({"INPUT_STATE-DIR": "kept", "GITHUB_REPOSITORY": "o/r"})

    def learn() -> dict[str, Any]:
        out.seek(0)
        out.truncate()
        session = session_of(invocation, environment, Streams(out, io.StringIO()), lambda: site.now)
        outside = OutcomeSources(site.repository, site.top, site.gates)
        invocation.run(session, sources_of=lambda *_: outside, open_log=lambda *_: store)
        found: dict[str, Any] = json.loads(out.getvalue())
        return found

    told = learn()
    assert told["file"]["sources"] == {"rollback": 2}
    assert told["limits"][-1] == "2 changes went wrong by the audit log alone: production went back"
    assert "cannot be read" in told["limits"][-2]
    rows[4] = replace(rows[4], text=rows[4].text.replace(commits[20].sha, commits[31].sha))
    assert learn()["file"]["sources"] == {}, "an entry that was changed proves nothing"


def test_what_github_would_not_tell_is_said(tmp_path: Path, history: Past) -> None:
    refused = FakeGates(refusals={"deployments": ForgeRefused("no", remedy="Give `deployments: read`")})
    assert Site(tmp_path, history, refused).told()["limits"] == [
        "deployments were not read: no. Give `deployments: read`."
    ]
    unasked = FakeGates(deployed={"production": [PastDeployment(1, sha(0), "main", START)]})
    assert "GitHub has no word how 1 ended" in Site(tmp_path, history, unasked).told()["limits"][0]


def test_a_history_that_cannot_be_learnt_from_is_one_line_with_a_remedy(tmp_path: Path, history: Past) -> None:
    for broken, words in (
        (replace(history, shallow=True), r"shallow.*git fetch --unshallow"),
        (past(50), r"\d\d commits is too little to learn from\. It takes 100"),
        (Past(tuple(replace(commit, churn=()) for commit in history.commits)), "the lines of none could be counted"),
        (Past(), "no commit to learn from"),
    ):
        with pytest.raises(ConfigError, match=words) as raised:
            Site(tmp_path, broken).ask()
        assert "\n" not in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, history: Past) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"risk\.json cannot be written .* Give --out"):
        Site(tmp_path, history).ask("--out", str(tmp_path / "file/risk.json"))


@pytest.mark.parametrize(
    ("variables", "missing"),
    [
        ({}, "GITHUB_TOKEN and GITHUB_REPOSITORY"),
        ({"GITHUB_TOKEN": "t"}, "GITHUB_REPOSITORY"),
        ({"GITHUB_REPOSITORY": "o/r"}, "GITHUB_TOKEN"),
    ],
)
def test_without_a_token_it_is_said_what_would_be_read(
    tmp_path: Path, variables: Mapping[str, str], missing: str
) -> None:
    invocation, environment = parse(["calibrate", "--repo-dir", str(tmp_path)]), Environment.read(variables)
    with pytest.raises(ConfigError, match="no checkout to learn from"):
        invocation.run(session_of(invocation, environment, Streams(io.StringIO(), io.StringIO())))
    with ExitStack() as closing:
        found = open_sources(invocation.options, environment, closing)
    assert (found.repository, found.gates) == (None, None)
    assert found.notices[-1] == f"deployments were not read: set {missing} for that"


def test_the_command_learns_from_git(tmp_path: Path) -> None:
    repo = TempRepo(tmp_path / "repo")
    stream = ""
    for number in range(120):
        text = f"{number}\n" * (number % 30 + 1)
        stream += f"commit refs/heads/main\ncommitter a <a@example.com> {START + number * 60} +0000\n"
        stream += f"data 6\nAdd it\nM 644 inline {number % 9}.py\ndata {len(text)}\n{text}\n"
    repo.run("fast-import", "--quiet", stdin=stream.encode())
    repo.run("reset", "--quiet", "--hard", "main")
    repo.commit({"3.py": ""}, f"Undo it\n\nThis reverts commit {repo.git('rev-parse', 'main~5')}.")
    out, err = io.StringIO(), io.StringIO()
    asked = parse(["calibrate", "--repo-dir", str(repo.path), "--format", "json"])
    assert run(asked, {"PATH": repo.env["PATH"]}, Streams(out, err)) == 0
    told = json.loads(out.getvalue())
    assert told["file"]["commit"] == repo.head
    assert (told["file"]["labels"], told["file"]["sources"], told["file"]["slope"]) == (121, {"revert": 1}, None)
    assert RiskFile.model_validate_json((repo.path / RISK_FILE).read_text()).labels == 121
