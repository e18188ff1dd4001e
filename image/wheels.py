"""Fetches the wheels of a lock for an image that is built without a network: `python image/wheels.py LOCK DIR PYTHON`.

Every package that any Python on Linux could need, whatever this one is: the markers are for the image's own.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

_OTHERS = re.compile(r"""sys_platform\s*==\s*['"](?!linux)|platform_python_implementation\s*==\s*['"]PyPy""")


def unmarked(lock: str) -> str:
    """The lock's packages for Linux, without their markers."""
    kept: list[str] = []
    for entry in re.split(r"(?m)^(?=[A-Za-z0-9])", lock):
        head, _, hashes = entry.partition("\\\n")
        pinned, _, marker = head.partition(";")
        if "==" in pinned and not _OTHERS.search(marker):
            kept.append(f"{pinned.strip()} \\\n{hashes}")
    return "".join(kept)


def main(lock: Path, folder: Path, python: str) -> int:
    """Download them; pip's exit code."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", suffix=".lock", encoding="utf-8") as file:
        file.write(unmarked(lock.read_text("utf-8")))
        file.flush()
        command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "download", "--no-deps"]
        command += ["--require-hashes", "--only-binary", ":all:", "--python-version", python]
        return subprocess.run([*command, "--dest", str(folder), "-r", file.name], check=False).returncode


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]))
