"""Whatever a run is given or comes upon, no secret of it is in anything that the run leaves, in any spelling."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cicd_agent.adapters.store_lines import LINES
from cicd_agent.config.values import catalogue
from cicd_agent.environment import Environment
from cicd_agent.storing import DATABASE, open_store
from tests.canaries import (
    CANARIES,
    GIVEN,
    INPUTS,
    KEY,
    PLANTED,
    SPELLINGS,
    TOKEN,
    VARIABLES,
    Blabbermouth,
    files,
    leaks,
    put,
)
from tests.failure_jobs import PYTEST, FailureJobs, failed
from tests.failure_jobs import WRONG as FAILING
from tests.gate_jobs import GateJobs
from tests.generating_jobs import BEFORE as UNTESTED
from tests.generating_jobs import GeneratingJob
from tests.jobs import BEFORE, Job, Left
from tests.servers.github import FakeGitHub

READS = ("actions", "checks", "deployments", "statuses")
CODE = f'import os\n{PLANTED}\n\ndef go(name):\n    os.system(f"echo {{name}}")\n    return name\n'
CONFIG = f"instructions: |\n  {PLANTED.replace(chr(10), chr(10) + '  ')}\nno-such-key: {KEY}\n"
SARIF = {
    "version": "2.1.0",
    "runs": [
        {
            "tool": {"driver": {"name": "scanner"}},
            "results": [
                {
                    "ruleId": "leak",
                    "message": {"text": f"found {PLANTED}"},
                    "locations": [
                        {
                            "physicalLocation": {
                                "artifactLocation": {"uri": "app.py"},
                                "region": {"startLine": 2, "snippet": {"text": PLANTED}},
                            }
                        }
                    ],
                }
            ],
        }
    ],
}


@dataclass
class Scene:
    """One run and all around it; `book` is the directory of its account book."""

    hub: FakeGitHub
    model: Blabbermouth
    place: Path
    book: Path
    job: Job | None = None
    left: Left | None = None
    more: dict[str, str] = field(default_factory=dict)

    def given(self) -> dict[str, str]:
        """What every run is given."""
        return {**INPUTS, "state_dir": str(self.book), "base_url": self.model.url, "github_token": TOKEN}

    def sinks(self) -> Iterator[tuple[str, str]]:
        """Every place where somebody could read something of the run, but for the evidence, which holds the change."""
        assert self.job is not None
        assert self.left is not None
        yield "log", self.left.log
        for folder in (self.job.temp, self.book):
            yield from files(folder, without=frozenset({"evidence.json"}))
        for sent in self.hub.received:
            yield f"{sent.method} {sent.path}", json.dumps([sent.path, sent.query, sent.body], ensure_ascii=False)
        for asked in self.model.asked:
            yield "prompt", put(asked)
        yield from self.more.items()


Mode = Callable[[Scene], Left]


def review(scene: Scene) -> Left:
    before = BEFORE | {".github/cicd-agent.yml": CONFIG}
    job = scene.job = Job(scene.place, before, {"app.py": CODE}, body=f"Closes it.\n{PLANTED}")
    (job.repo.path / "scan.sarif").write_text(json.dumps(SARIF))
    scene.hub.add_repo("octo/app", job.repo.path)
    scene.hub.add_pull(7, base="main", head="topic")
    scene.hub.add_token(TOKEN, pull_requests="write")
    job.variables |= {"GITHUB_API_URL": scene.hub.url, **VARIABLES}
    return job.run("review", **scene.given(), api="responses", sarif_files="scan.sarif")


def analyse_failure(scene: Scene) -> Left:
    log = PYTEST.replace("E       assert 9 == 3\n", f"E       assert 9 == 3\n{PLANTED}")
    jobs = FailureJobs(scene.place, scene.hub, FAILING, [failed(501, text=log)])
    scene.job = jobs.job
    scene.hub.add_token(TOKEN, actions="write", checks="write", pull_requests="write")
    jobs.job.variables |= VARIABLES
    return jobs.within(**scene.given(), api="chat")


def deploy_gate(scene: Scene) -> Left:
    jobs = GateJobs(scene.place, scene.hub, {"app.py": CODE})
    scene.job = jobs.job
    scene.hub.add_token(TOKEN, **dict.fromkeys(READS, "read"), pull_requests="write")
    scene.hub.gate.review(7, "second", at=jobs.now - 600)
    scene.hub.gate.add_check(jobs.sha, f"leaks {CANARIES['leaked token']}", at=jobs.now - 600)
    jobs.signals({"coverage_delta": 0.5, "note": PLANTED})
    jobs.job.variables |= VARIABLES
    return jobs.run("push", payload=None, **scene.given())


def route(scene: Scene) -> Left:
    job = scene.job = Job(scene.place, BEFORE, {"app.py": CODE}, body=PLANTED)
    job.variables |= VARIABLES
    given = scene.given() | {"base_url": ""}
    return job.run("route", **given)


def gen_tests(scene: Scene) -> Left:
    # One function and no example of its own: what a sandbox runs takes its time.
    after = {
        "calc.py": UNTESTED["calc.py"] + f'\n\ndef half(value):\n    return value / 2\n\n\nLEFT = """\n{PLANTED}"""\n'
    }
    job = GeneratingJob(scene.place, after=after, body=PLANTED)
    scene.job = job
    scene.hub.add_repo("octo/app", job.repo.path)
    scene.hub.add_pull(7, base="main", head="topic")
    scene.hub.add_token(TOKEN, pull_requests="write")
    job.variables |= {"GITHUB_API_URL": scene.hub.url, **VARIABLES}
    return job.write("gen-tests", url=scene.model.url, **scene.given(), max_rounds="1")


MODES: dict[str, Mode] = {
    "review": review,
    "analyse-failure": analyse_failure,
    "deploy-gate": deploy_gate,
    "route": route,
    "gen-tests": gen_tests,
}


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    place, book = tmp_path / "place", tmp_path / "book"
    place.mkdir()
    book.mkdir()
    with FakeGitHub() as hub, Blabbermouth(path="app.py", line=1, side="new", quote="return name") as model:
        yield Scene(hub, model, place, book)


def clean(scene: Scene) -> None:
    """Nothing is anywhere."""
    found = {name: told for name, text in scene.sinks() if (told := leaks(text))}
    assert not found


@pytest.mark.parametrize("mode", MODES)
def test_no_secret_is_in_anything_that_a_run_leaves(scene: Scene, mode: str) -> None:
    scene.left = MODES[mode](scene)
    assert scene.left.exit in {0, 1}, scene.left.log
    assert (scene.book / DATABASE).exists()
    assert bool(scene.model.asked) == (mode != "route"), "the model had the chance to say it all"
    entered(scene, mode)
    clean(scene)


def entered(scene: Scene, mode: str) -> None:
    """The run stands in its book, and the book tells the same through its port."""
    opened = open_store({"state-dir": str(scene.book)}, Environment(), scene.place)
    assert opened
    store = opened.store
    rows = [row for repository in store.repositories() for row in store.rows(repository)]
    store.close()
    assert [row.columns.mode for row in rows if row.columns.kind == "run"] == [mode]
    scene.more["rows of the book"] = "\n".join(map(str, rows))


def test_the_book_in_lines_holds_no_secret_either(scene: Scene) -> None:
    (scene.book / LINES).touch()
    scene.left = review(scene)
    assert not (scene.book / DATABASE).exists()
    entered(scene, "review")
    clean(scene)


def test_a_book_that_cannot_be_reached_is_named_without_its_password(scene: Scene) -> None:
    job = scene.job = Job(scene.place)
    job.variables |= VARIABLES
    scene.left = job.run("review", **INPUTS | {"provider": "none"})
    assert scene.left.exit == 0, scene.left.log
    assert "account book" in scene.left.log
    clean(scene)


def test_inputs_that_are_all_wrong_are_refused_without_being_shown(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(scene.place)
    job = scene.job = Job(scene.place)
    job.variables |= VARIABLES
    wrong = {name.replace("-", "_"): f"x {PLANTED}" for name in catalogue()}
    scene.left = job.run("review", **wrong | INPUTS)
    assert scene.left.exit == 2
    clean(scene)


def test_variables_of_the_runner_that_hold_secrets_are_not_entered_as_they_are(scene: Scene) -> None:
    job = scene.job = Job(scene.place)
    told = dict.fromkeys(
        ("GITHUB_ACTOR", "GITHUB_REF", "GITHUB_SHA", "GITHUB_HEAD_REF", "GITHUB_BASE_REF", "GITHUB_RUN_ID"), KEY
    )
    job.variables |= {**VARIABLES, **told}
    scene.left = job.run("review", **INPUTS, state_dir=str(scene.book), provider="none")
    assert scene.left.exit == 0, scene.left.log
    clean(scene)


def test_the_search_itself_finds_every_spelling() -> None:
    for name, canary in GIVEN.items():
        for spelling, spell in SPELLINGS.items():
            assert f"{name}, {spelling}" in leaks(f"a {spell(canary)} b")
