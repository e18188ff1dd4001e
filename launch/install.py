"""Makes ready what the agent runs in: the released image, or an environment of the locked wheels by their hashes.

Runs before anything is installed, hence on the standard library alone, by `python -I -S` and with no secret in sight.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

if not __package__:
    # Isolated, Python does not look where its script lies; at the end, so that nothing of ours stands for the library.
    sys.path.append(str(Path(__file__).resolve().parent.parent))

from launch.runtime import Client, NoRuntimeError, asked_here, choose
from launch.telling import inert, refuse, tell_outputs

LOCK = "requirements.lock"
FLEET = "requirements-fleet.lock"
ASKING = (
    *("DATABASE_URL", "REDIS_URL"),
    *(f"OTEL_EXPORTER_OTLP_{name}ENDPOINT" for name in ("", "TRACES_", "METRICS_", "LOGS_")),
)
"""What asks for a database, a shared cache or a collector: only such a job pays for their packages."""
TIME_LIMIT_S = 300

# All that an installer learns of the job: where programs and proxies are, and whom to trust. The lock file decides
# what is installed and `index-url` from where; the job's PIP_* and UV_* variables and configuration files do not.
KEPT = {
    *("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "LD_LIBRARY_PATH"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy"),
    # Without these, programs on Windows find neither their libraries nor a place for what is temporary.
    *("SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "TEMP", "TMP", "USERPROFILE", "APPDATA"),
    *("LOCALAPPDATA", "PROGRAMDATA", "PROGRAMFILES", "PROCESSOR_ARCHITECTURE", "NUMBER_OF_PROCESSORS"),
}


class NotInstalled(Exception):
    """Why there is no environment, in one line."""


def install(action: Path, temp: Path, environ: Mapping[str, str], system: str = sys.platform) -> Path:
    """The interpreter of the environment, made now or by an earlier step of the same job."""
    lock, source = action / lock_for(environ), action / "src"
    key = hashlib.sha256(b"\0".join([lock.read_bytes(), os.fsencode(source), os.fsencode(sys.executable)])).hexdigest()
    home = temp / f"cicd-agent-{key[:16]}"
    python, complete = python_of(home, system), home / "complete"
    if complete.exists():
        return python

    shutil.rmtree(home, ignore_errors=True)
    env = installer_environment(environ)
    uv = working_uv(env)
    deadline = time.monotonic() + TIME_LIMIT_S
    run([sys.executable, "-I", "-S", "-m", "venv", *(["--without-pip"] if uv else []), str(home)], env, deadline)
    locked = ["--quiet", "--require-hashes", "--only-binary", ":all:", "--requirement", str(lock)]
    if wheels := wheelhouse(environ.get("INDEX_URL", "")):
        locked += ["--no-index", "--find-links", str(wheels)]
    if uv:
        run([uv, "pip", "install", "--no-config", "--no-cache", "--python", str(python), *locked], env, deadline)
    else:
        run([str(python), "-I", "-m", "pip", "install", "--no-cache-dir", *locked], env, deadline)
    (packages_of(home, system) / "cicd_agent.pth").write_text(f"{source}\n", "utf-8")
    complete.touch()
    return python


def python_of(home: Path, system: str) -> Path:
    """The interpreter of a virtual environment."""
    return home / ("Scripts/python.exe" if system == "win32" else "bin/python")


def packages_of(home: Path, system: str) -> Path:
    """Where a virtual environment keeps its packages."""
    if system == "win32":
        return home / "Lib/site-packages"
    [packages] = home.glob("lib/python3.*/site-packages")
    return packages


def wheelhouse(index: str) -> Path | None:
    """The folder of wheels that `index-url` names, None when it names an index. Raises NotInstalled without one."""
    folder = Path(url2pathname(urlsplit(index).path)) if index.lower().startswith("file:") else Path(index)
    if not folder.is_absolute():
        return None
    if not folder.is_dir():
        raise NotInstalled(f"{inert(index)} is not a folder")
    return folder


def lock_for(environ: Mapping[str, str]) -> str:
    """Which packages this job needs; what is only blanks, or `off`, asks for nothing."""
    asked = {name: environ.get(name, "").strip().lower() for name in ASKING}
    # A job may have a database for its own tests.
    asked["DATABASE_URL"] = asked["DATABASE_URL"] if asked["DATABASE_URL"].startswith("postgres") else ""
    return FLEET if any(value not in {"", "off"} for value in asked.values()) else LOCK


def installer_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What pip and uv are run with."""
    env = {name: value for name, value in environ.items() if name in KEPT}
    env |= {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    index = environ.get("INDEX_URL", "")
    if index and not wheelhouse(index):
        # By environment: an address may hold a password, and command lines are public on the machine.
        env |= {"PIP_INDEX_URL": index, "UV_INDEX_URL": index}
    return env


def working_uv(env: Mapping[str, str]) -> str:
    """Path of uv, "" without one; version managers leave shims that do not run."""
    uv = shutil.which("uv", path=env.get("PATH")) or ""
    if uv and subprocess.run([uv, "--version"], env=env, capture_output=True, check=False).returncode:
        return ""
    return uv


def run(command: list[str], env: Mapping[str, str], deadline: float) -> None:
    """Run a program to its end, or say why that was not possible."""
    try:
        done = subprocess.run(
            command,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=max(1, deadline - time.monotonic()),
            check=False,
        )
    except subprocess.TimeoutExpired as expired:
        raise NotInstalled(f"no end after {TIME_LIMIT_S} s") from expired
    if done.returncode:
        lines = [line for line in f"{done.stdout}\n{done.stderr}".splitlines() if not line.startswith("WARNING:")]
        raise NotInstalled(inert(" ".join(lines)))


def main(environ: Mapping[str, str]) -> int:
    """Exit code: 0, or 2 when what the runner offers is not enough."""
    action, mode = Path(__file__).resolve().parent.parent, environ.get("MODE", "")
    try:
        chosen = choose(asked_here(action, environ), Client(environ))
        print(f"cicd-agent: runtime {chosen.runtime}: {chosen.why}", flush=True)
        is_host = chosen.runtime == "host"
        python = install(action, Path(environ["RUNNER_TEMP"]).absolute(), environ) if is_host else sys.executable
    except NoRuntimeError as problem:
        refuse(environ, str(problem), mode)
        return 2
    except (NotInstalled, OSError, ValueError) as failure:
        why = inert(str(failure))
        refuse(
            environ, f"the locked packages could not be installed ({why}). {remedy(environ.get('INDEX_URL', ''))}", mode
        )
        return 2
    tell_outputs(environ, {"python": str(python), "runtime": chosen.runtime, "image": chosen.image})
    return 0


def remedy(index: str) -> str:
    """What to do about packages that do not come."""
    if index.startswith("file:") or Path(index).is_absolute():
        return "Check that the folder in `index-url` has a wheel of every locked package for this Python."
    return "Check that the runner reaches the package index, or name a mirror with `index-url`."


if __name__ == "__main__":
    sys.exit(main(os.environ))
