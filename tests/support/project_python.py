"""The Python of the projects whose tests are tried: pytest, coverage and Hypothesis, and no plugin of anybody's.

Our own environment holds plugins that come with what we are built of, and each start of pytest would load them all:
that takes longer than most of the tests that are tried.
"""

import compileall
import hashlib
import os
import shutil
import sys
import tempfile
import venv
from functools import cache
from importlib.metadata import distribution
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("pytest", "pluggy", "iniconfig", "packaging", "pygments", "coverage", "hypothesis", "sortedcontainers")
ENTRY_POINTS = "entry_points.txt"


@cache
def project_python() -> Path:
    """Its interpreter; made once for each state of our own environment, and shared by all that test."""
    versions = "\n".join(f"{name} {distribution(name).version}" for name in PACKAGES)
    state = hashlib.sha256(f"{sys.executable}\n{sys.version}\n{versions}\n{Path(__file__).read_text()}".encode())
    place = ROOT / ".cicd-agent" / f"project-python-{state.hexdigest()[:16]}"
    if not place.is_dir():
        place.parent.mkdir(exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix="project-python-", dir=place.parent))
        _make(made)
        try:
            made.rename(place)
        except OSError:  # another worker was first
            shutil.rmtree(made)
    return place / "bin/python"


def _make(place: Path) -> None:
    venv.EnvBuilder(symlinks=True, with_pip=False).create(place)
    place.chmod(0o755)
    [packages] = place.glob("lib/python*/site-packages")
    for name in PACKAGES:
        found = distribution(name)
        for file in found.files or ():
            source = Path(str(found.locate_file(file)))
            if ".." in file.parts or not source.is_file():
                continue  # scripts, and what nobody has compiled
            if name == "hypothesis" and file.name == ENTRY_POINTS:
                continue  # its plugin is loaded for nothing: what its tests need they import
            target = packages / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    # In the sandbox nothing is written beside it, so that every start would compile all of it again.
    compileall.compile_dir(packages, quiet=2)
    assert os.access(place / "bin/python", os.X_OK)
