"""Where the host runtime puts its environment on each system, and where its wheels come from."""

import re
import subprocess
from pathlib import Path

import pytest

from launch.install import KEPT, NotInstalled, installer_environment, packages_of, python_of, wheelhouse
from tests.support.jobs.hostile import ROOT

SCRIPTS = ("ground.sh", "install.sh", "run.sh")


@pytest.mark.parametrize(
    ("system", "python", "packages"),
    [
        ("linux", "bin/python", "lib/python3.13/site-packages"),
        ("darwin", "bin/python", "lib/python3.13/site-packages"),
        ("win32", "Scripts/python.exe", "Lib/site-packages"),
    ],
)
def test_an_environment_is_laid_out_as_the_system_does_it(
    tmp_path: Path, system: str, python: str, packages: str
) -> None:
    (tmp_path / packages).mkdir(parents=True)

    assert python_of(tmp_path, system) == tmp_path / python
    assert packages_of(tmp_path, system) == tmp_path / packages


def test_an_installer_on_windows_keeps_what_programs_there_need() -> None:
    windows = {"SYSTEMROOT": r"C:\Windows", "USERPROFILE": r"C:\Users\r", "TEMP": r"D:\t", "PATHEXT": ".EXE"}
    told = installer_environment({**windows, "PIP_INDEX_URL": "x", "GITHUB_TOKEN": "ghs_" + "x" * 20})

    assert windows.items() <= told.items()
    assert {*told} - KEPT == {"PIP_CONFIG_FILE", "PIP_NO_INPUT", "PIP_DISABLE_PIP_VERSION_CHECK"}


def test_a_folder_of_wheels_stands_for_an_index(tmp_path: Path) -> None:
    spaced = tmp_path / "my wheels"
    spaced.mkdir()

    assert wheelhouse(str(spaced)) == spaced
    assert wheelhouse(spaced.as_uri()) == spaced
    assert "PIP_INDEX_URL" not in installer_environment({"INDEX_URL": str(spaced)})
    for index in ("", "https://mirror.test/simple", "wheels", "--find-links=/x"):
        assert wheelhouse(index) is None
    with pytest.raises(NotInstalled, match="is not a folder"):
        wheelhouse(str(tmp_path / "nothing"))


def test_the_scripts_keep_to_what_bash_of_macos_knows() -> None:
    # Bash 3.2: no associative arrays, no changes of case, no mapfile, no references to names, no negative indices.
    later = re.compile(
        r"declare -[An]|local -[An]|\$\{\w+(?:\^|,)|mapfile|readarray|\[-1\]|&>>|\|&|coproc|\$EPOCH|wait -n"
    )
    for name in SCRIPTS:
        text = (ROOT / "launch" / name).read_text("utf-8")
        assert later.findall(text) == []
        assert subprocess.run(["bash", "-n", "-c", text], check=False).returncode == 0
        assert "\r" not in text


def test_the_steps_name_their_shell_so_that_no_default_of_the_job_counts() -> None:
    for action in (ROOT / "action.yml", *ROOT.glob("*/action.yml")):
        text = action.read_text("utf-8")
        assert text.count("shell: bash") == text.count("run: source ") == 2
