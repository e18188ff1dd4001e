"""A fix that a model proposes: tried before anybody sees it, offered where it is proved, refused where it cheats."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.jobs.failure import FailureJobs
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.openai.app import OpenAIServer, answer

SAYS = "FAILED tests/test_limits.py::test_limit - assert 9 == 3"
VERIFY = f"grep -q 'return 3' src/limits.py || {{ echo '{SAYS}'; exit 1; }}"


@pytest.fixture
def hub() -> Iterator[FakeGitHub]:
    with FakeGitHub() as hub:
        yield hub


def test_a_fix_is_proved_by_the_command_that_failed(tmp_path: Path, hub: FakeGitHub) -> None:
    jobs = FailureJobs(tmp_path, hub)
    hunk = "@@ -1,2 +1,2 @@\n def limit(retries):\n-    return retries\n+    return 3\n"
    patch = f"--- a/src/limits.py\n+++ b/src/limits.py\n{hunk}"
    with OpenAIServer(answer(explained(patch))) as server:
        left = jobs.within(base_url=server.url, api="chat", openai_api_key="k", verify_command=VERIFY)
    assert left.exit == 0, left.log
    if "sandbox" in str(left.report["diagnosis"]["trial"]["detail"]):
        pytest.skip(left.report["diagnosis"]["trial"]["detail"])
    assert left.outputs["fix_verified"] == "true", left.report["diagnosis"]["trial"]
    assert Path(left.outputs["fix_file"]).read_text().count("+    return 3") == 1
    [comment] = jobs.comments
    assert "verified: the command that failed fails without it and passes with it" in comment
    # At the line, where the pull request shows it, one click commits it.
    [inline] = jobs.pull.review_comments
    assert "```suggestion\n    return 3\n```" in inline.fields["body"]
    assert (inline.fields["path"], inline.fields["line"]) == ("src/limits.py", 2)


@pytest.mark.parametrize(
    ("name", "patch"),
    {
        "skips the test": (
            "--- a/tests/test_limits.py\n+++ b/tests/test_limits.py\n@@ -1,5 +1,7 @@\n+import pytest\n"
            " from src.limits import limit\n \n \n+@pytest.mark.skip\n def test_limit():\n     assert limit(9) == 3\n"
        ),
        "deletes the test": (
            "--- a/tests/test_limits.py\n+++ /dev/null\n@@ -1,5 +0,0 @@\n-from src.limits import limit\n-\n-\n"
            "-def test_limit():\n-    assert limit(9) == 3\n"
        ),
        "weakens the test": (
            "--- a/tests/test_limits.py\n+++ b/tests/test_limits.py\n@@ -4,2 +4,2 @@\n def test_limit():\n"
            "-    assert limit(9) == 3\n+    assert limit(9)\n"
        ),
        "edits a workflow": ("--- /dev/null\n+++ b/.github/workflows/ci.yml\n@@ -0,0 +1 @@\n+on: push\n"),
        "silences a command": "--- /dev/null\n+++ b/run.sh\n@@ -0,0 +1 @@\n+pytest || true\n",
    }.items(),
)
def test_a_cheating_patch_is_never_offered(tmp_path: Path, hub: FakeGitHub, name: str, patch: str) -> None:
    del name
    jobs = FailureJobs(tmp_path, hub)
    with OpenAIServer(answer(explained(patch))) as server:
        left = jobs.within(base_url=server.url, api="chat", openai_api_key="k", verify_command="true")
    assert left.exit == 0, left.log
    assert left.outputs["fix_file"] == ""
    assert left.report["diagnosis"]["trial"]["step"] == "refused"
    [comment] = jobs.comments
    assert "A patch was proposed and is not offered" in comment
    assert not jobs.pull.review_comments


def explained(patch: str) -> dict[str, Any]:
    """What a model says that has read the log."""
    return {
        "insufficient_evidence": False,
        "claims": [
            {
                "statement": "It returns what it is given.",
                "citations": [{"exhibit": "LOG1", "line": 23, "quote": "E       assert 9 == 3"}],
            }
        ],
        "failure_type": "test_failure",
        "cause": "change",
        "root_cause": "The limit is not a limit any more.",
        "responsible_commit": None,
        "affected_files": [],
        "fix": {"kind": "code_change", "description": "Return 3.", "patch": patch},
        "confidence": 0.9,
        "escalate": None,
    }


def test_a_replay_gives_the_same_report_and_runs_nothing_again(tmp_path: Path, hub: FakeGitHub) -> None:
    jobs = FailureJobs(tmp_path, hub)
    hunk = "@@ -1,2 +1,2 @@\n def limit(retries):\n-    return retries\n+    return 3\n"
    patch = f"--- a/src/limits.py\n+++ b/src/limits.py\n{hunk}"
    with OpenAIServer(answer(explained(patch))) as server:
        left = jobs.within(
            "analyse-failure",
            "--keep-evidence",
            base_url=server.url,
            api="chat",
            openai_api_key="k",
            verify_command="true",
        )
    assert left.report["diagnosis"]["trial"]["step"] in {"not_red", "applies"}
    tape = next(jobs.job.temp.rglob("tape.jsonl"))
    again = jobs.job.run("replay", str(tape))
    assert again.exit == 0, again.log
    assert "identical" in again.log
