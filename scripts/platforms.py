"""Asks the package index whether each lock can be installed on each kind of runner: `make platforms`.

Wheels only, by their hashes, as the action installs them. Nothing is downloaded but metadata, and nothing is installed.
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

ROOT = Path(__file__).resolve().parent.parent
LOCKS: Final = ("requirements.lock", "requirements-fleet.lock")
PYTHONS: Final = ("3.11", "3.12", "3.13", "3.14")
RUNNERS: Final = {
    "x86_64-unknown-linux-gnu": "ubuntu-24.04",
    "aarch64-unknown-linux-gnu": "ubuntu-24.04-arm",
    "x86_64-unknown-linux-musl": "Alpine, self-hosted",
    "aarch64-apple-darwin": "macos-15",
    "x86_64-pc-windows-msvc": "windows-2025",
}
"""Where the action runs. Not Intel Macs and Windows on ARM: cryptography, which PyGithub needs, has no wheels there."""


def missing(lock: str, platform: str, python: str, place: str) -> str:
    """Why the lock cannot be installed there, "" when it can."""
    uv = Path(sys.executable).with_name("uv")
    done = subprocess.run(
        [
            *(str(uv), "pip", "install", "--dry-run", "--no-config", "--target", place),
            *("--python-platform", platform, "--python-version", python),
            *("--only-binary", ":all:", "--require-hashes", "--requirement", str(ROOT / lock)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    return "" if done.returncode == 0 else " ".join(done.stderr.split())


def main() -> int:
    """A line for each platform; 1 when one of them lacks something."""
    failed = False
    for platform, runner in RUNNERS.items():
        with tempfile.TemporaryDirectory() as place:
            why = [
                f"{lock}, Python {python}: {reason}"
                for lock in LOCKS
                for python in PYTHONS
                if (reason := missing(lock, platform, python, place))
            ]
        print(f"{'MISSING' if why else 'ok':<8}{platform:<28}{runner}")
        for reason in why:
            print(f"        {reason}")
        failed = failed or bool(why)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
