import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from cicd_agent import __version__

ROOT = Path(__file__).parents[2]


@pytest.fixture
def command(tmp_path: Path) -> Path:
    """`.venv/bin/cicd-agent` as set-up writes it, in a tree whose packages are there already."""
    tree, programs = tmp_path / "tree", tmp_path / "programs"
    (tree / "scripts").mkdir(parents=True)
    shutil.copy(ROOT / "scripts/setup", tree / "scripts/setup")
    (tree / "requirements-dev.lock").touch()
    (tree / "src").symlink_to(ROOT / "src")
    venv.create(tree / ".venv", symlinks=True)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(tree / ".venv"), "platbase": str(tree / ".venv")}))
    (site / "packages.pth").write_text(sysconfig.get_path("purelib"))
    programs.mkdir()
    (programs / "uv").write_text("#!/bin/sh\n")
    (programs / "uv").chmod(0o755)
    subprocess.run(
        [tree / "scripts/setup"],
        env={"PATH": f"{programs}:{os.environ['PATH']}", "PYTHON": sys.executable},
        check=True,
        capture_output=True,
    )
    return tree / ".venv/bin/cicd-agent"


def test_the_command_imports_nothing_from_the_directory_where_it_is_called(tmp_path: Path, command: Path) -> None:
    place = tmp_path / "somebody's"
    place.mkdir()
    for name in ("types", "json", "pydantic", "cicd_agent"):
        (place / f"{name}.py").write_text(f"raise SystemExit('{name} was imported')\n")
    done = subprocess.run([command, "--version"], cwd=place, env={}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split()[-1:], done.stderr) == (0, [__version__], "")
