# project: relay
# path: relay/machine.py
# function: revision
# kind: subprocess patched

import subprocess

from relay.machine import revision


def test_the_revision_is_what_git_says(monkeypatch, tmp_path):
    seen = []

    def run(line, **options):
        seen.append((line, options["check"]))
        return subprocess.CompletedProcess(line, 0, stdout="abc123\n")

    monkeypatch.setattr(subprocess, "run", run)
    assert revision(tmp_path) == "abc123"
    assert seen == [(["git", "-C", str(tmp_path), "rev-parse", "--short", "HEAD"], True)]
