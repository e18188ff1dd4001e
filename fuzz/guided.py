"""One target under atheris, which watches the branches of our own code only: `guided.py TARGET ARGUMENTS…`."""

import importlib
import sys
from pathlib import Path

if __name__ == "__main__":
    ROOT = Path(__file__).resolve().parent.parent
    sys.path[:0] = [str(ROOT / "src"), str(ROOT)]
    atheris = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["cicd_agent"]):
        targets = importlib.import_module("fuzz.targets")
    name, *arguments = sys.argv[1:]
    atheris.Setup([name, *arguments], targets.TARGETS[name].feed)
    atheris.Fuzz()
