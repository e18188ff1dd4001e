"""The command itself, on a clone and a GitHub of its own: what stands there is all that it needs."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cicd_agent.app.console import Streams
from cicd_agent.app.main import run
from cicd_agent.cli.metrics import accuracy_samples
from cicd_agent.cli.parser import parse
from cicd_agent.domain.text.markdown import marker
from cicd_agent.insights.metrics import registry
from tests.support.repos import TempRepo
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.github.state import Account, ReviewComment

BOT, PERSON = Account("github-actions[bot]"), Account("octocat", "User")
LINES = [f"value_{number} = compute({number})" for number in range(40)]
FIX = "value_5 = safely(5)"


@pytest.fixture
def repo(tmp_path: Path) -> TempRepo:
    repo = TempRepo(tmp_path / "r")
    repo.commit({"README": "hello\n"})
    repo.branch("topic")
    repo.commit({"a.py": "\n".join(LINES)})
    repo.branch("fixed")
    repo.commit({"a.py": "\n".join(FIX if line == LINES[5] else line for line in LINES)})
    return repo


@pytest.fixture
def hub(repo: TempRepo) -> Iterator[FakeGitHub]:
    with FakeGitHub() as hub:
        hub.add_repo("o/r", repo.path)
        pull = hub.add_pull(7, base="main", head="topic")
        for number, (line, suggestion) in enumerate(((6, FIX), (20, ""), (30, ""))):
            block = f"```suggestion\n{suggestion}\n```\n\n" if suggestion else ""
            last = "<sub>rule `py-shell` · to suppress: `cicd-agent: ignore[py-shell] reason`</sub>"
            body = f"{marker(f'{number:016x}-1')}\n**🟠 high · security** — title\n\n{block}{last}"
            fields = {"path": "a.py", "line": line, "side": "RIGHT", "body": body, "created_at": "2026-10-20T00:00:00Z"}
            pull.review_comments.append(ReviewComment(hub.new_id(), 1, BOT, pull.head_sha, fields))
        pull.push(repo.head, [])
        pull.landed, pull.updated_at = (repo.head,), "2026-11-01T00:00:00Z"
        pull.resolved[pull.review_comments[1].id] = PERSON
        hub.gate.permit("octocat", "write")
        yield hub


def ask(hub: FakeGitHub, repo: TempRepo, *arguments: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    told = parse(["accuracy", "--repo-dir", str(repo.path), "--since", "2026-10-01", *arguments])
    variables = {
        "PATH": repo.env["PATH"],
        "GITHUB_TOKEN": hub.token,
        "GITHUB_REPOSITORY": "o/r",
        "GITHUB_API_URL": hub.url,
    }
    return run(told, variables, Streams(out, err)), out.getvalue(), err.getvalue()


def test_accepted_rejected_and_unknown_findings_of_a_merged_pull_request(hub: FakeGitHub, repo: TempRepo) -> None:
    code, out, _ = ask(hub, repo, "--format", "json", "--out", str(repo.path.parent / "cases.json"))
    told: dict[str, Any] = json.loads(out)
    review = told["modes"]["review"]
    assert (code, review["right"], review["wrong"], review["unknown"]) == (0, 1, 1, 1)
    assert review["grounds"] == {"merged_unchanged": 1, "resolved_unchanged": 1, "suggestion_committed": 1}
    assert told["rules"]["py-shell"]["n"] == 3
    written = json.loads((repo.path.parent / "cases.json").read_text())
    assert {name: each for name, each in written.items() if name != "cases"} == told
    assert any(
        each.metric is registry.METRICS["cicd_agent_accuracy_ratio"]
        for each in accuracy_samples(json.dumps(written).encode(), "cases.json")
    )
    cases = written["cases"]
    assert [case["truth"] for case in cases] == ["right", "wrong", "unknown"]
    assert len(hub.received) == 2, "one for the pull requests, one for what a person may do"


def test_a_token_that_may_not_read_is_a_limit(hub: FakeGitHub, repo: TempRepo) -> None:
    hub.tokens[hub.token] = Account("github-actions[bot]", "Bot", {"metadata": "read"})
    code, out, err = ask(hub, repo)
    assert code == 0
    assert "pull requests were not read: GitHub refused to list the pull requests" in out
    assert "pull-requests: read" in " ".join(out.split())
    assert "Traceback" not in out + err
