"""A mode is its folder and one line: with a toy in a copy of the tree, everything that a mode has follows."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.support.repos import TempRepo

ROOT = Path(__file__).parents[2]
MODULES = {
    "__init__": '"""A mode that greets."""',
    "settings": """
        from cicd_agent.settings.section import Section, setting

        class GreetSettings(Section):
            greeting: str = setting("What is said to the author.", "hello", max_length=20)

        SECTION = GreetSettings
    """,
    "contract": """
        from cicd_agent.modes.contract import RUN_INPUTS, Contract, Permission

        CONTRACT = Contract(
            inputs=(*RUN_INPUTS, "greeting"),
            permissions=(Permission("contents", "read", "the change"),),
            decisions=("greeted", "ignored"),
            history="the merge base has to be there",
            outputs={"decision": "`greeted` or `ignored`.", "greeted_files": "How many files were greeted."},
        )
    """,
    "evidence": """
        from cicd_agent.domain.evidence import Section

        NAMES = Section[tuple[str, ...]]("greet_names", tuple[str, ...])
        SECTIONS = (NAMES,)
    """,
    "result": """
        from dataclasses import dataclass

        from cicd_agent.domain.verdict import Conclusion, Risk, RiskLevel

        @dataclass(frozen=True, slots=True)
        class Greeted:
            text: str
            files: int
            conclusion: Conclusion = Conclusion.SUCCESS
            risk: Risk = Risk(RiskLevel.LOW, 1)
            confidence: float | None = None
            escalate: tuple[str, ...] = ()

        RESULTS = {"greeted": Greeted}
    """,
    "mode": """
        from cicd_agent.domain.effects import Output, Plan, Summary
        from cicd_agent.domain.evidence import Evidence
        from cicd_agent.domain.facts import Fact, FactKind
        from cicd_agent.modes.greet.evidence import NAMES
        from cicd_agent.modes.greet.result import Greeted
        from cicd_agent.modes.protocol import Mode
        from cicd_agent.modes.shared.change_reader import read_change
        from cicd_agent.rendering.github_markdown import github_markdown
        from cicd_agent.rendering.page import Heading, Page, Table

        class Greet(Mode):
            name = "greet"
            outputs = ("decision", "greeted_files")

            def gather(self, event, world, settings):
                change = read_change(event, world, settings)
                return Evidence(event, change).put(NAMES, tuple(file.path for file in change.files))

            def rules(self, evidence, settings):
                return None

            def verify(self, rules, answers, evidence, settings):
                return Greeted(settings.greeting, len(evidence[NAMES]))

            def report(self, verdict, evidence, account, settings):
                effects = (
                    Output("decision", "decision", "greeted"),
                    Output("files", "greeted_files", str(verdict.files)),
                    Summary("summary", github_markdown(self.page(verdict, evidence, account, settings))),
                )
                return Plan(effects)

            def page(self, result, evidence, account, settings):
                return Page([Heading(f"{result.text}: {result.files} greeted"), Table(("name",), [("you",)])])

            def facts(self, result, evidence, outputs):
                event = evidence.event
                return [Fact("", FactKind.REVIEW, event.sha, 0, sha=event.sha, values={"decision": "greeted"})]

        MODE = Greet()
    """,
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of ours with the toy in it."""
    tree = tmp_path_factory.mktemp("tree")
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("src", "scripts"):
        shutil.copytree(ROOT / name, tree / name, ignore=ignored)
    shutil.copy(ROOT / "action.yml", tree)
    folder = tree / "src/cicd_agent/modes/greet"
    folder.mkdir()
    for name, text in MODULES.items():
        lines = text.splitlines()
        (folder / f"{name}.py").write_text("\n".join(line.removeprefix(" " * 8) for line in lines) + "\n")
    registry = tree / "src/cicd_agent/domain/modes.py"
    text = registry.read_text()
    last = '    "route": '
    assert last in text
    registry.write_text(text.replace(last, '    "greet": "greet whoever wrote a change",\n' + last))
    return tree


@pytest.fixture
def repo(tmp_path: Path) -> TempRepo:
    repo = TempRepo(tmp_path / "repo")
    repo.commit({"a.py": "x = 1\n"})
    repo.run("checkout", "--quiet", "-b", "topic")
    repo.commit({"a.py": "x = 2\n", "b.py": "y = 1\n"})
    return repo


def run(tree: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.environ["PATH"], "HOME": str(tree), "PYTHONPATH": f"{tree / 'src'}:{tree}", **variables}
    command = [sys.executable, "-P", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=env, cwd=tree, check=False)


def test_the_command_line_has_it(tree: Path) -> None:
    assert "greet whoever wrote a change" in run(tree, "-m", "cicd_agent", "--help").stdout
    assert "--base" in run(tree, "-m", "cicd_agent", "greet", "--help").stdout
    assert "did you mean `greet`?" in run(tree, "-m", "cicd_agent", "gret").stderr


def test_it_runs_from_its_input_to_report_outputs_both_renderings_and_the_audit_log(
    tree: Path, repo: TempRepo, tmp_path: Path
) -> None:
    out, summary, state = tmp_path / "out", tmp_path / "summary.md", tmp_path / "state"
    done = run(
        tree, "-m", "cicd_agent", "greet", "--base", "main", "--repo-dir", str(repo.path), "--output-dir", str(out),
        INPUT_GREETING="good day", INPUT_STATE_DIR=str(state),
        GITHUB_OUTPUT=str(tmp_path / "outputs"), GITHUB_STEP_SUMMARY=str(summary),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("good day: 2 greeted\n\nname\nyou\n\nreport ")
    assert "### good day: 2 greeted\n\n| name |\n| --- |\n| you |\n" in summary.read_text()
    body = json.loads((out / "report.json").read_text())["body"]
    assert body["greeted"] == {
        "text": "good day", "files": 2, "conclusion": "success", "confidence": None, "escalate": [],
        "risk": body["greeted"]["risk"],
    }  # fmt: skip
    assert (body["outputs"]["decision"], body["outputs"]["greeted_files"]) == ("greeted", "2")
    assert body["outputs"]["risk_level"] == "low"
    outputs = (tmp_path / "outputs").read_text()
    assert "greeted_files" in outputs
    assert "risk_level" in outputs
    [database] = [path for path in state.iterdir() if path.suffix == ".db"]
    with sqlite3.connect(database) as opened:
        tables = [name for (name,) in opened.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        texts = "\n".join(str(row) for name in tables for row in opened.execute(f"SELECT * FROM {name}"))
    assert '"mode":"greet"' in texts
    assert '"decision":"greeted"' in texts
    shown = run(tree, "-m", "cicd_agent", "audit", "list", INPUT_STATE_DIR=str(state))
    assert "greet" in shown.stdout
    replayed = run(tree, "-m", "cicd_agent", "replay", str(out / "tape.jsonl"))
    assert replayed.stdout.startswith("identical: "), replayed.stdout + replayed.stderr
    replayed = run(tree, "-m", "cicd_agent", "replay", str(out / "tape.jsonl"), "--input", "greeting=hello")
    assert 'greeting: "good day" → "hello"' in replayed.stdout


def test_its_settings_are_known_to_the_commands_that_read_or_write_a_configuration(
    tree: Path, repo: TempRepo, tmp_path: Path
) -> None:
    schema = json.loads(run(tree, "-m", "cicd_agent", "schema", "config").stdout)
    assert schema["properties"]["greeting"]["maxLength"] == 20
    state = str(tmp_path / "state")
    (repo.path / ".github").mkdir()
    (repo.path / ".github/cicd-agent.yml").write_text("greeting: good day\n")
    repo.commit({".github/cicd-agent.yml": "greeting: good day\n"})
    explained = run(tree, "-m", "cicd_agent", "config", "explain", "--base", "HEAD", "--repo-dir", str(repo.path))
    assert ".github/cicd-agent.yml line 1" in explained.stdout, explained.stderr
    out = str(tmp_path / "accuracy.json")
    run(tree, "-m", "cicd_agent", "review", "--base", "main", "--repo-dir", str(repo.path), INPUT_STATE_DIR=state)
    judged = run(
        tree, "-m", "cicd_agent", "accuracy", "--repo-dir", str(repo.path), "--out", out, INPUT_STATE_DIR=state
    )
    assert judged.returncode == 0, judged.stderr
    assert "greeting" not in json.dumps(json.loads(Path(out).read_text())["limits"])
    made = run(tree, "-m", "cicd_agent", "init", "--modes", "greet", "--yes", "--dry-run", "--repo-dir", str(repo.path))
    assert "uses: org/cicd-agent/greet@v1" in made.stdout, made.stderr


def test_a_wrong_value_of_its_input_is_refused_in_one_line(tree: Path, repo: TempRepo, tmp_path: Path) -> None:
    arguments = ("--base", "main", "--repo-dir", str(repo.path), "--output-dir", str(tmp_path / "out"))
    done = run(tree, "-m", "cicd_agent", "greet", *arguments, INPUT_GREETING="x" * 21)
    assert done.returncode == 2
    assert "greeting" in done.stderr


def test_its_action_and_its_tables_are_made(tree: Path) -> None:
    program = (
        "from scripts.actions import sub_action; from scripts.pages import of_mode;"
        "tables = of_mode.inputs('greet'), of_mode.outputs('greet'), of_mode.permissions('greet');"
        "print(sub_action('greet'), *tables, sep='\\0')"
    )
    done = run(tree, "-c", program)
    assert done.returncode == 0, done.stderr
    action, inputs, outputs, permissions = done.stdout.split("\0")
    made = yaml.safe_load(action)
    assert made["name"] == "cicd-agent greet"
    assert made["inputs"]["greeting"] == {"description": "What is said to the author."}
    assert made["outputs"]["greeted_files"]["value"] == "${{ steps.run.outputs.greeted_files }}"
    [step] = [step for step in made["runs"]["steps"] if step.get("id") == "run"]
    assert (step["env"]["INPUT_MODE"], step["env"]["INPUT_GREETING"]) == ("greet", "${{ inputs.greeting }}")
    assert "openai-api-key" not in made["inputs"]
    assert "| `greeting` | `hello` | yes | What is said to the author." in inputs
    assert "| `greeted_files` | How many files were greeted. |" in outputs
    assert "`contents: read`" in permissions
