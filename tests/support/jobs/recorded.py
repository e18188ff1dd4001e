"""What the tests of recorded runs share: a change, what a model says of it, the review and its replay."""

from pathlib import Path

from tests.support.jobs.pull_request import Job, Left
from tests.support.servers.openai.app import OpenAIServer

ROOT = Path(__file__).parents[3]
KEY = "sk-test-0123456789abcdef"
CLAIM = {
    "path": "app.py",
    "side": "new",
    "line": 6,
    "quote": "return name",
    "severity": "medium",
    "category": "reliability",
    # Less than what stands without a judge.
    "confidence": 0.75,
    "title": "The exit status is dropped",
    "explanation": "Whether the command worked is not known to the caller.",
    "advice": None,
    "suggestion": None,
    "elsewhere": [],
}
DRAFT = {
    "summary": "Prints the name.",
    "findings": [CLAIM],
    "risk_level": "medium",
    "confidence": 0.7,
    "escalate_to_human": False,
    "escalation_reason": None,
}

# The judge's answer to the one claim.
KEPT = {
    "rulings": [
        {
            "id": "C1",
            "ruling": "keep",
            "reason": "Line 5 throws it away.",
            "quote": "def go(name)",
            "amended": None,
            "severity": None,
            "confidence": None,
        }
    ]
}


def review(job: Job, server: OpenAIServer | None = None, *argv: str, **inputs: str) -> Left:
    asked = {"base_url": server.url, "openai_api_key": KEY} if server else {}
    return job.run("review", "--keep-evidence", *argv, **(asked | inputs))


def folder(job: Job) -> Path:
    return job.temp / "cicd-agent" / "review"


def replay(job: Job, *argv: str, tape: Path | None = None) -> Left:
    """Offline and without a key: no server runs any more."""
    return job.run("replay", str(tape or folder(job) / "tape.jsonl"), *argv)


def same(job: Job) -> bool:
    left = replay(job)
    assert ("identical" in left.log) == (left.exit == 0), left.log
    written, again = (folder(job) / name / "report.json" for name in (".", "replay"))
    return left.exit == 0 and written.read_bytes() == again.read_bytes()
