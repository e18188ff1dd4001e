import io
import os
import subprocess
from pathlib import Path

import pytest

from cicd_agent.adapters.files import replace_text
from cicd_agent.app.console import Streams
from cicd_agent.app.main import run
from cicd_agent.cli.parser import parse
from tests.support.repos import TempRepo

BEFORE = "import requests\nimport yaml\n\n"
AFTER = f"{BEFORE}\ndef go(url):\n    return requests.get(url)\n\n\ndef read(text):\n    return yaml.load(text)\n"
FIXED = AFTER.replace("get(url)", "get(url, timeout=10)").replace("yaml.load", "yaml.safe_load")


@pytest.fixture
def repo(tmp_path: Path) -> TempRepo:
    made = TempRepo(tmp_path / "checkout")
    made.commit({"app.py": BEFORE.encode()}, "Begin")
    (made.path / "app.py").write_text(AFTER)
    return made


def review(repo: TempRepo, *argv: str, **variables: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    place = ["--repo-dir", str(repo.path), "--output-dir", str(repo.path.parent / "out")]
    asked = parse(["review", *place, *argv])
    code = run(asked, {"PATH": os.environ["PATH"], **variables}, Streams(out, err))
    return code, out.getvalue(), err.getvalue()


def test_fix_applies_what_is_proved_and_says_so(repo: TempRepo) -> None:
    file = repo.path / "app.py"
    file.chmod(0o775)
    code, _, err = review(repo, "--base", "HEAD", "--fix")
    assert code == 0, err
    assert file.read_text() == FIXED
    assert file.stat().st_mode & 0o777 == 0o775
    assert "fixed app.py:6" in err
    assert "fixed app.py:10" in err


def test_a_dry_run_prints_a_diff_that_git_applies(repo: TempRepo) -> None:
    code, out, err = review(repo, "--base", "HEAD", "--fix", "--dry-run")
    assert code == 0, err
    assert (repo.path / "app.py").read_text() == AFTER
    subprocess.run(["git", "apply", "-"], cwd=repo.path, input=out.encode(), check=True)
    assert (repo.path / "app.py").read_text() == FIXED


def test_without_a_suggestion_fix_says_that_there_is_nothing_to_do(repo: TempRepo) -> None:
    (repo.path / "app.py").write_text(BEFORE + "x = 1\n")
    for more in ((), ("--dry-run",)):
        code, _, err = review(repo, "--base", "HEAD", "--fix", *more)
        assert code == 0
        assert "nothing to fix" in err


@pytest.mark.parametrize(
    ("argv", "variables"),
    [
        (("--base", "HEAD", "--fix"), {"GITHUB_ACTIONS": "true"}),
        (("--base", "HEAD", "--head", "HEAD", "--fix"), {}),
        (("--fix",), {}),
    ],
)
def test_fix_is_refused_where_the_working_tree_is_not_what_is_reviewed(
    repo: TempRepo, argv: tuple[str, ...], variables: dict[str, str]
) -> None:
    code, out, err = review(repo, *argv, **variables)
    assert code == 2
    assert "--fix" in out + err
    assert "Traceback" not in out + err
    assert (repo.path / "app.py").read_text() == AFTER


def test_nothing_is_written_through_links_outside_or_over_what_was_edited_since(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "folder").mkdir(parents=True)
    (tmp_path / "outside.py").write_text("a")
    (root / "link.py").symlink_to(tmp_path / "outside.py")
    (root / "way").symlink_to(root / "folder")
    (root / "folder/edited.py").write_text("b")
    for name in (
        "link.py",
        "way/edited.py",
        "../outside.py",
        str(tmp_path / "outside.py"),
        "folder/edited.py",
        "no.py",
    ):
        assert replace_text(root, name, "a", "c"), name
    assert replace_text(root, "folder/edited.py", "b", "c\r\n") == ""
    assert (root / "folder/edited.py").read_bytes() == b"c\r\n"
    assert (tmp_path / "outside.py").read_text() == "a"
