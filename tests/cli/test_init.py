"""`cicd-agent init`: whatever is answered, what is written is valid, safe, and loses nothing that was there."""

import io
import itertools
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from cicd_agent.analysis.rules.run import ruled
from cicd_agent.app.console import Streams
from cicd_agent.app.main import run
from cicd_agent.cli.init import CONFIG, FOLDER, Answers, Prompt, files
from cicd_agent.cli.parser import parse
from cicd_agent.domain.modes import MODES
from cicd_agent.domain.repository.paths import PathKind
from cicd_agent.modes import contract_of
from cicd_agent.settings.loader import lint
from cicd_agent.settings.schema import ModeName
from scripts.actions import sub_actions
from tests.repository.test_workflows import PINS
from tests.support.repos import TempRepo
from tests.support.samples.changes import change_of

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
SERVERS = ("none", "openai", "https://models.example.com/v1")
SETS: tuple[tuple[ModeName, ...], ...] = (
    ("review",),
    ("gen-tests", "analyse-failure"),
    ("review", "gen-tests", "analyse-failure", "deploy-gate", "route"),
)
EVERY = [
    Answers(modes, forks, model, branch, watched)
    for modes, forks, model, (branch, watched) in itertools.product(
        SETS, (True, False), SERVERS, [("main", ("ci",)), ("re: lease", ('a "b"', "x: y # z", "${{ github.token }}"))]
    )
]


@pytest.fixture
def repo(tmp_path: Path) -> TempRepo:
    repo = TempRepo(tmp_path / "repo")
    repo.commit(
        {"app.py": "print(1)\n", ".github/workflows/test.yml": "name: the tests\non: push\njobs: {}\n"}, "Begin"
    )
    return repo


def init(repo: TempRepo, *arguments: str) -> tuple[int, str]:
    out = io.StringIO()
    code = run(
        parse(["init", "--repo-dir", str(repo.path), *arguments]), {"PATH": os.environ["PATH"]}, Streams(out, out)
    )
    return code, out.getvalue()


def test_every_combination_of_answers_is_valid_for_githubs_schema_and_clean_for_the_auditor(tmp_path: Path) -> None:
    written = []
    for number, answers in enumerate(EVERY):
        for path, text in files(answers).items():
            place = tmp_path / f"{number}" / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
            if path == CONFIG:
                assert lint(text) == ()
            else:
                written.append(str(place))
    schema = [str(BIN / "check-jsonschema"), "--builtin-schema", "vendor.github-workflows", *written]
    checked = subprocess.run(schema, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout
    auditor = [str(BIN / "zizmor"), "--quiet", "--offline", "--no-progress", "--persona=auditor", "--no-exit-codes"]
    settings = ["--config", str(ROOT / ".github/zizmor.yml"), "--format=plain"]
    audited = subprocess.run([*auditor, *settings, *written], capture_output=True, text=True, check=False)
    assert audited.returncode == 0, audited.stderr
    assert "No findings to report" in audited.stdout or not audited.stdout.strip(), audited.stdout[-2000:]


@pytest.mark.parametrize("answers", EVERY, ids=lambda each: f"{len(each.modes)}-{each.forks}-{each.model[:6]}")
def test_no_job_has_a_key_and_a_strangers_code(answers: Answers) -> None:
    for path, text in files(answers).items():
        if path == CONFIG:
            continue
        workflow = yaml.safe_load(text)
        assert workflow["permissions"] == {}
        for job in workflow["jobs"].values():
            keys = "secrets." in yaml.safe_dump(job)
            outside = "workflow_run" in workflow[True]
            checks_out = any("checkout" in step.get("uses", "") for step in job["steps"])
            assert not (outside and checks_out)
            if keys and answers.forks and checks_out and "pull_request" in workflow[True]:
                assert "== github.repository" in job["if"]


@pytest.mark.parametrize("answers", EVERY, ids=lambda each: f"{len(each.modes)}-{each.forks}-{each.model[:6]}")
def test_every_step_of_ours_has_inputs_that_its_mode_takes_and_the_permissions_that_it_needs(answers: Answers) -> None:
    for path, text in files(answers).items():
        for job in yaml.safe_load(text).get("jobs", {}).values() if path != CONFIG else ():
            for step in job["steps"]:
                if ours := re.fullmatch(r"org/cicd-agent/([a-z-]+)@v1", step.get("uses", "")):
                    given = step.get("with", {})
                    assert {*given} <= {*sub_actions()[ours[1]].inputs}, path
                    if ours[1] in MODES:
                        needed = {each.name: each.access for each in contract_of(ours[1]).needed}
                        assert needed.items() <= job["permissions"].items(), path


@pytest.mark.parametrize("answers", EVERY, ids=lambda each: f"{len(each.modes)}-{each.forks}-{each.model[:6]}")
def test_our_own_review_finds_nothing_in_what_it_writes(answers: Answers) -> None:
    draft = ruled(change_of(*((path, None, text) for path, text in files(answers).items())))
    assert draft.findings == ()
    assert [area.kind for area in draft.areas] == [PathKind.WORKFLOW]


def test_every_action_that_it_names_is_pinned_as_in_the_examples() -> None:
    texts = "".join(text for answers in EVERY for text in files(answers).values())
    used = set(re.findall(r"uses: ((?!org/)\S+)@([0-9a-f]{40})", texts))
    assert used <= {*PINS.items()}
    assert {name for name, _ in used} >= {"actions/checkout", "actions/setup-python"}


def test_what_it_writes_is_what_it_says(repo: TempRepo) -> None:
    code, told = init(repo, "--modes", "analyse-failure,review", "--forks", "no", "--model", "openai")
    assert code == 0, told
    made = sorted(path.relative_to(repo.path).as_posix() for path in repo.path.rglob(".github/**/cicd-agent*"))
    assert made == [CONFIG, f"{FOLDER}/cicd-agent-analyse-failure.yml", f"{FOLDER}/cicd-agent-review.yml"]
    assert [line for line in told.splitlines() if line.startswith("wrote")] == [
        f"wrote {FOLDER}/cicd-agent-review.yml",
        f"wrote {FOLDER}/cicd-agent-analyse-failure.yml",
        f"wrote {CONFIG}",
    ]
    assert "gh secret set OPENAI_API_KEY" in told
    watched = yaml.safe_load((repo.path / FOLDER / "cicd-agent-analyse-failure.yml").read_text())[True]["workflow_run"]
    assert watched["workflows"] == ["the tests"]


def test_what_is_there_is_not_lost(repo: TempRepo) -> None:
    (repo.path / CONFIG).write_text("mine: true\n")
    code, told = init(repo, "--yes")
    assert code == 2
    assert CONFIG in told
    assert "--force" in told
    assert (repo.path / CONFIG).read_text() == "mine: true\n"
    assert not (repo.path / FOLDER / "cicd-agent-review.yml").exists()
    assert init(repo, "--yes", "--force")[0] == 0
    assert "min-severity" in (repo.path / CONFIG).read_text()


def test_a_dry_run_writes_nothing(repo: TempRepo) -> None:
    code, told = init(repo, "--yes", "--dry-run")
    assert code == 0
    assert f"--- {FOLDER}/cicd-agent-review.yml" in told
    assert not (repo.path / CONFIG).exists()


def test_without_a_terminal_and_flags_it_says_which_there_are(repo: TempRepo) -> None:
    code, told = init(repo)
    assert code == 2
    assert "--modes review,analyse-failure --forks no --model none" in told


@pytest.mark.parametrize(
    "wrong",
    [
        ("--modes", "revew"),
        ("--modes", ","),
        ("--model", "gpt-5.5"),
        ("--model", "ftp://x"),
        ("--model", "http://x/$(id)"),
    ],
)
def test_an_answer_that_is_none_is_one_line(repo: TempRepo, wrong: tuple[str, str]) -> None:
    code, told = init(repo, "--yes", *wrong)
    assert code == 2
    assert "is none of the answers" in told
    assert told.count("\n") <= 2


def test_a_link_on_the_way_is_not_followed(repo: TempRepo, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    repo.git("rm", "-rq", ".github")
    (repo.path / ".github").symlink_to(outside)
    code, told = init(repo, "--yes")
    assert code == 2
    assert ".github is a link" in told
    assert list(outside.iterdir()) == []


def test_outside_of_a_repository_it_says_so(tmp_path: Path) -> None:
    out = io.StringIO()
    assert run(parse(["init", "--yes", "--repo-dir", str(tmp_path)]), {}, Streams(out, out)) == 2
    assert "no git repository" in out.getvalue()


def test_a_person_is_asked_until_the_answer_is_one() -> None:
    lines: Iterator[str] = iter(["everything\n", "\n"])
    out = io.StringIO()
    prompt = Prompt(out, lambda: next(lines, ""))
    assert prompt.ask("What?", "review", lambda text: text in MODES) == "review"
    assert out.getvalue().count("What? [review]") == 2


def test_a_gate_is_offered_a_backtest_where_a_token_is_there(repo: TempRepo) -> None:
    command = parse(["init", "--repo-dir", str(repo.path), "--yes", "--force", "--modes", "deploy-gate"])
    for token, offered in (("", False), ("ghs_1", True)):
        out = io.StringIO()
        variables = {"PATH": os.environ["PATH"], "GITHUB_TOKEN": token}
        assert run(command, variables, Streams(out, out)) == 0
        assert ("cicd-agent deploy-gate --backtest 30d" in out.getvalue()) is offered
