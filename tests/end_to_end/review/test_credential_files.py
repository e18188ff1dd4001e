"""What stands in files of credentials reaches no prompt, by whichever way, and the rules see it all the same."""

import json
from pathlib import Path

import pytest

from tests.support.jobs.pull_request import AFTER, BEFORE, Job
from tests.support.servers.openai.app import OpenAIServer, answer, tool_calls

NAMES = (
    ".pypirc",
    ".npmrc",
    ".netrc",
    ".docker/config.json",
    "terraform.tfstate",
    "kubeconfig",
    ".kube/config",
    "secrets.yml",
    "app-secrets.yaml",
    "deploy.env",
    ".env.local",
    "server.key",
    ".aws/credentials",
)
# Nothing of this has the shape of a secret: only the name of its file says what it is.
QUIET = "quiet otters swim upstream"
LEAKED = "gh" + "p_" + "aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5"
FILLER = "".join(f"line {number}\n" for number in range(9))
CALM = {"summary": "Fine.", "findings": [], "risk_level": "low", "confidence": 0.8}
CALM |= {"escalate_to_human": False, "escalation_reason": None}


def calls(paths: list[str]) -> tuple[tuple[str, str, str], ...]:
    """Every look-up that shows lines."""
    asked: list[tuple[str, dict[str, object]]] = [
        ("search", {"pattern": "(?i)OTTERS", "glob": None}),
        ("find_name", {"name": "otters"}),
    ]
    for path in paths:
        asked.append(("read_file", {"path": path, "first_line": 1, "last_line": None}))
        asked.append(("file_diff", {"path": path, "skip": 0}))
        asked.append(("history", {"path": path, "first_line": 1, "last_line": 9}))
    return tuple((name, json.dumps(given), f"c{number}") for number, (name, given) in enumerate(asked))


@pytest.mark.parametrize("upper", [False, True], ids=["as usual", "in capitals"])
def test_no_way_leads_from_a_file_of_credentials_to_a_model(tmp_path: Path, *, upper: bool) -> None:
    names = [name.upper() if upper else name for name in NAMES]
    untouched = {f"old/{name}": f"{FILLER}{QUIET}\n" for name in names}
    before = {f"new/{name}": f"{FILLER}{QUIET} before\n" for name in names}
    after = {f"new/{name}": f"{FILLER}{QUIET} after\n//registry.npmjs.org/:_authToken={LEAKED}\n" for name in names}
    moved = {f"moved/{name}": f"{FILLER}{QUIET}, {number}\n" for number, name in enumerate(names)}
    config = {".github/cicd-agent.yml": "paths-ignore: ['docs/**', '!new/**', '!notes/**']\n"}
    job = Job(tmp_path, BEFORE | config | untouched | before | moved, AFTER | after)
    job.repo.git("rm", "-r", "--quiet", "moved")
    notes = {f"notes/{number}.txt": text for number, text in enumerate(moved.values())}
    job.head = job.repo.commit(notes, "Move")
    job.event.write_text(json.dumps(job.payload()))
    look = tool_calls(*calls([*untouched, *after, *moved, *notes]))
    with OpenAIServer(look, answer(CALM)) as server:
        left = job.run(base_url=server.url, max_input_tokens="1000000", max_cost_usd="100")
        first, second = (asked.text for asked in server.asked)
    assert left.exit == 0, left.log
    assert "app.py" in first
    assert "not shown: deny-paths" in second
    assert QUIET not in first + second
    found = {each["location"]["path"] for each in left.report["verdict"]["findings"] if each["id"] == "secret"}
    assert found >= {f"new/{name}" for name in names}, "rules are no models"
