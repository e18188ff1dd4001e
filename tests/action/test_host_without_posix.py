"""The host runtime where the system is not POSIX, as on Windows: what such a Python lacks is taken away here."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.jobs.container import contained_job
from tests.support.jobs.hostile import ROOT, git

MODULES = ("fcntl", "resource", "pwd", "grp", "termios", "pty", "tty", "curses", "readline", "syslog")
# Taken away from our code after the library has been imported: that of another system does not use them.
OS = (
    *("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_DIRECTORY", "O_PATH", "geteuid", "getuid", "getgid", "getegid"),
    *("killpg", "getpgid", "setsid", "fork", "fchmod", "fchown", "chown", "pread", "pwrite", "mkfifo"),
)
SIGNALS = ("SIGALRM", "SIGKILL", "SIGHUP", "setitimer", "ITIMER_REAL", "alarm", "pthread_sigmask")
PRELUDE = f"""
import asyncio, concurrent.futures, ctypes, getpass, http.client, logging, multiprocessing, os, selectors, shutil
import signal, socket, ssl, subprocess, sys, tempfile, threading, urllib.request, uuid, zipfile, unittest.mock
for name in {MODULES!r}:
    sys.modules[name] = None
import git, github, openai, pydantic, requests, yaml
for name in {OS!r}:
    if hasattr(os, name):
        delattr(os, name)
for name in {SIGNALS!r}:
    if hasattr(signal, name):
        delattr(signal, name)
sys.argv = ["cicd-agent", *sys.argv[1:]]
sys.path.insert(0, {str(ROOT / "src")!r})
from cicd_agent.__main__ import main
main()
"""


def run(*arguments: str, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", "-c", PRELUDE, *arguments],
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "HOME": str(cwd), **environ},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    (tmp_path / "app.py").write_text("def calculate(text):\n    return int(text)\n")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message=First")
    (tmp_path / "app.py").write_text("def calculate(text):\n    return eval(text)\n")
    git(tmp_path, "commit", "--quiet", "--all", "--message=Second")
    return tmp_path


def test_help_needs_nothing_of_posix(tmp_path: Path) -> None:
    done = run("--help", cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert "deploy-gate" in done.stdout


def test_a_change_is_reviewed_without_posix(checkout: Path) -> None:
    done = run("review", "--base", "HEAD~1", cwd=checkout)

    assert done.returncode == 0, done.stderr
    assert "eval" in done.stdout


def test_a_review_on_a_runner_keeps_its_files_without_posix(
    checkout: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    job = contained_job(tmp_path_factory.mktemp("job"))
    before, after = git(checkout, "rev-parse", "HEAD~1"), git(checkout, "rev-parse", "HEAD")
    event = {"before": before, "after": after, "ref": "refs/heads/main"}
    (job.top / "runner/event.json").write_text(json.dumps(event))
    environ = job.environ(
        "",
        GITHUB_WORKSPACE=str(checkout),
        GITHUB_EVENT_NAME="push",
        GITHUB_SHA=after,
        INPUT_METRICS_FILE=str(job.top / "home/agent.prom"),
        INPUT_CACHE_DIR=str(job.temp / "answers"),
    )

    done = run("review", cwd=job.temp, **environ)

    log = done.stdout + done.stderr
    assert done.returncode == 0, log
    assert "a bug in cicd-agent" not in log
    assert "was not added to (this system has no file locks)" in log
    assert "findings_count<<" in (job.top / "runner/output").read_text()
    assert (job.temp / "cicd-agent/review/report.json").is_file()
