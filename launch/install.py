"""Makes the environment that the action runs in: the locked wheels by their hashes, and a path to the action's source.

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

LOCK = "requirements.lock"
FLEET = "requirements-fleet.lock"
ASKING = (
    *("STATE_DIR", "DATABASE_URL", "REDIS_URL"),
    *(f"OTEL_EXPORTER_OTLP_{name}ENDPOINT" for name in ("", "TRACES_", "METRICS_")),
)
"""What asks for a database, a shared cache or a collector: only such a job pays for their packages."""
TIME_LIMIT_S = 300
WHY_LIMIT = 400

# All that an installer learns of the job: where programs and proxies are, and whom to trust. The lock file decides
# what is installed and `index-url` from where; the job's PIP_* and UV_* variables and configuration files do not.
KEPT = {
    *("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "LD_LIBRARY_PATH"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy"),
}


class NotInstalled(Exception):
    """Why there is no environment, in one line."""


def install(action: Path, temp: Path, environ: Mapping[str, str]) -> Path:
    """The interpreter of the environment, made now or by an earlier step of the same job."""
    lock, source = action / lock_for(environ), action / "src"
    key = hashlib.sha256(b"\0".join([lock.read_bytes(), os.fsencode(source), os.fsencode(sys.executable)])).hexdigest()
    home = temp / f"cicd-agent-{key[:16]}"
    python, complete = home / "bin/python", home / "complete"
    if complete.exists():
        return python

    shutil.rmtree(home, ignore_errors=True)
    env = installer_environment(environ)
    uv = working_uv(env)
    deadline = time.monotonic() + TIME_LIMIT_S
    run([sys.executable, "-I", "-S", "-m", "venv", *(["--without-pip"] if uv else []), str(home)], env, deadline)
    locked = ["--quiet", "--require-hashes", "--only-binary", ":all:", "--requirement", str(lock)]
    if uv:
        run([uv, "pip", "install", "--no-config", "--no-cache", "--python", str(python), *locked], env, deadline)
    else:
        run([str(python), "-I", "-m", "pip", "install", "--no-cache-dir", *locked], env, deadline)
    [packages] = home.glob("lib/python3.*/site-packages")
    (packages / "cicd_agent.pth").write_text(f"{source}\n", "utf-8")
    complete.touch()
    return python


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
    if index := environ.get("INDEX_URL", ""):
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


def inert(text: str) -> str:
    """Foreign text as part of one log line: the runner finds no command in it."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line[:WHY_LIMIT].replace("::", ": :").replace("##[", "## [")


def append(environ: Mapping[str, str], name: str, text: str) -> None:
    """Add to one of the runner's files, where there is one."""
    with Path(environ.get(name, os.devnull)).open("a", encoding="utf-8") as file:
        file.write(text)


def main(environ: Mapping[str, str]) -> int:
    """Exit code: 0, or 2 when what the runner offers is not enough."""
    try:
        python = install(
            Path(environ["GITHUB_ACTION_PATH"]).absolute(), Path(environ["RUNNER_TEMP"]).absolute(), environ
        )
    except (NotInstalled, OSError) as failure:
        problem = (
            f"the locked packages could not be installed ({inert(str(failure))}). "
            "Check that the runner reaches the package index, or name a mirror with `index-url`."
        )
        print(f"::error title=cicd-agent::cicd-agent: {problem.replace('%', '%25')}")
        append(environ, "GITHUB_OUTPUT", f"conclusion=failure\ndegraded=true\nsummary={problem}\n")
        append(environ, "GITHUB_STEP_SUMMARY", f"**cicd-agent did not run:** {problem}\n")
        return 2
    append(environ, "GITHUB_OUTPUT", f"python={python}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(os.environ))
