"""gen-tests at a terminal: what is not committed is the change, and `--fix` puts the tests beside it."""

import io
import os
from pathlib import Path

import pytest

from cicd_agent.app.console import Streams
from cicd_agent.app.main import run
from cicd_agent.cli.parser import parse
from tests.support.jobs.gen_tests import BEFORE
from tests.support.project_python import project_python
from tests.support.repos import TempRepo
from tests.support.test_runners import sandbox

CLAMP = '''

def clamp(value, low):
    """Keep a value above a limit.

    >>> clamp(0, 1)
    1
    """
    return max(value, low)
'''
INPUTS = ("--input", f"python={project_python()}", "--input", "model=off")


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TempRepo:
    sandbox()
    repo = TempRepo(tmp_path / "work")
    repo.commit(BEFORE)
    repo.write("calc.py", BEFORE["calc.py"] + CLAMP)  # not committed
    monkeypatch.chdir(repo.path)
    return repo


def gen_tests(*argv: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    asked = parse(["gen-tests", "--base", "HEAD", *INPUTS, *argv])
    code = run(asked, {"PATH": os.environ["PATH"], "HOME": "/nowhere"}, Streams(out, err))
    return code, out.getvalue(), err.getvalue()


def test_fix_puts_the_tests_into_the_working_tree_that_they_were_written_for(repo: TempRepo) -> None:
    code, out, err = gen_tests("--fix", "--dry-run")
    assert code == 0, err
    assert repo.git("status", "--porcelain") == " M calc.py"
    diff = out[out.index("diff --git") :]
    assert "+def test_clamp_of_zero_and_1():" in diff
    code, _, err = gen_tests("--fix")
    assert code == 0, err
    assert "wrote tests/test_calc.py: " in err
    written = repo.git("diff", "tests/test_calc.py").splitlines()
    assert [line for line in written if line.startswith("+")] == [
        line for line in diff.splitlines() if line.startswith("+")
    ]
    gone = [line for line in written if line.startswith("-") and not line.startswith("---")]
    assert gone == ["-from calc import grade"], "which gains names, and nothing else is touched"
