"""What is published as a package is this tree's program with everything that it reads, and nothing else."""

import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

from cicd_agent import __version__

ROOT = Path(__file__).parents[2]


def test_the_wheel_holds_the_program_its_data_and_its_command(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        about = f"cicd_agent-{__version__}.dist-info"
        metadata = Parser().parsestr(archive.read(f"{about}/METADATA").decode())
        command_line = archive.read(f"{about}/entry_points.txt").decode()
    tracked = subprocess.run(
        ["git", "ls-files", "src/cicd_agent"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split()
    assert {name for name in names if not name.startswith(about)} == {name.removeprefix("src/") for name in tracked}
    assert "cicd-agent = cicd_agent.__main__:main" in command_line
    assert metadata["License-Expression"] == "Apache-2.0"
    assert f"{about}/licenses/LICENSE" in names
