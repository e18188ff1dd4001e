"""The tree for the Marketplace is complete, and has nothing that the Marketplace refuses."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from scripts.actions import sub_actions
from scripts.marketplace import ROOT, main, missing, readme, write


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("marketplace") / "tree"
    write(folder)
    return folder


def test_every_path_that_an_action_names_is_there_and_no_workflow_is(target: Path) -> None:
    assert missing(target) == []
    actions = {f"{path.relative_to(target)}" for path in target.rglob("action.yml")}
    assert actions == {"action.yml", *(f"{name}/action.yml" for name in sub_actions())}
    assert not (target / ".github").exists()
    assert {"name", "description", "branding"} <= {*yaml.safe_load((target / "action.yml").read_text("utf-8"))}


def test_what_the_launcher_installs_and_runs_is_there(target: Path) -> None:
    for name in ("requirements.lock", "requirements-fleet.lock", "launch/image.txt", "src/cicd_agent/__main__.py"):
        assert (target / name).read_bytes() == (ROOT / name).read_bytes()
    code = "import sys; sys.path.insert(0, 'src'); import cicd_agent.cli.parser as p; print(p.__file__)"
    done = subprocess.run([sys.executable, "-I", "-c", code], cwd=target, capture_output=True, text=True, check=True)
    assert Path(done.stdout.strip()).is_relative_to(target)


def test_its_readme_links_to_the_repository_that_has_the_documents(target: Path) -> None:
    text = (target / "README.md").read_text("utf-8")
    assert [link for link in re.findall(r"\]\(([^)]+)\)", text) if not link.startswith("https://")] == []
    assert readme("[a](docs/a.md#b) ![p](docs/pictures/p.svg) [c](https://c.org)", "https://x.org/r") == (
        "[a](https://x.org/r/blob/main/docs/a.md#b) ![p](https://x.org/r/raw/main/docs/pictures/p.svg) [c](https://c.org)"
    )


def test_what_is_missing_or_refused_is_named(tmp_path: Path) -> None:
    (tmp_path / ".github/workflows").mkdir(parents=True)
    (tmp_path / "action.yml").write_text('run: source "$GITHUB_ACTION_PATH/launch/run.sh"\n')
    (tmp_path / "review").mkdir()
    (tmp_path / "review/action.yml").write_text("steps:\n  - uses: ./stage\n")
    assert missing(tmp_path) == [
        "README.md is not there",
        "LICENSE is not there",
        ".github is there",
        "action.yml names launch/run.sh, which is not there",
        "review/action.yml names stage, which is not there",
    ]
    assert main([str(tmp_path)]) == 2
