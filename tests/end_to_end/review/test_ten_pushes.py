"""Ten pushes to one pull request, and a model that words each finding anew: each issue is said once, where it stood."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from cicd_agent.domain.text.markdown import find_marker
from tests.support.jobs.pull_request import Job
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.github.diff import split
from tests.support.servers.openai.app import OpenAIServer, Step, answer

ISSUES = {"allow(text)": "security", "data[0] / data[1]": "reliability", "while not ready(): pass": "performance"}
LAST_SEEN = {"while not ready(): pass": 6}
"""The push after which an issue is gone from the code."""
WORDS = ("Wrong here", "This breaks", "Look again", "Not what you want", "A trap")
PUSHES = 10


def present(push: int) -> list[str]:
    """The issues that the code has at a push; the second and the third come with later pushes."""
    return [quote for at, quote in enumerate(ISSUES) if at < push <= LAST_SEEN.get(quote, PUSHES)]


def source(push: int) -> str:
    """The file at a push: everything moves down by three lines each time."""
    padding = [f"LIMIT_{number} = {number}\n" for number in range(3 * push)]
    bodies = [f"\n\ndef step_{at}(text, data, ready):\n    {quote}\n" for at, quote in enumerate(present(push))]
    return "".join([*padding, *bodies])


def said(push: int) -> Step:
    """The model's answer: the same code is quoted, in another order and other words, and its line is off."""
    quotes = present(push)[:: 1 if push % 2 else -1]
    return answer(
        {
            "summary": f"Push {push}.",
            "findings": [claim(quote, push) for quote in quotes],
            "risk_level": "medium",
            "confidence": 0.9,
            "escalate_to_human": False,
            "escalation_reason": None,
        }
    )


def claim(quote: str, push: int) -> dict[str, Any]:
    return {
        "path": "app.py",
        "side": "new",
        "line": 3 * push + 4,
        "quote": quote,
        "severity": ("medium", "high")[push % 2],
        "category": ISSUES[quote],
        "confidence": 0.8 + push / 100,
        "title": f"{WORDS[push % len(WORDS)]}, said {push} times",
        "explanation": f"{WORDS[(push + 1) % len(WORDS)]}: it fails in case {push}.",
        "advice": f"Do it in way {push}.",
        "suggestion": None,
    }


def kept(claims: int) -> Step:
    """The judge's answer, who defends so many claims."""
    ruling = {"ruling": "keep", "reason": "It is so.", "quote": "(text, data, ready):", "amended": None}
    ruling |= {"severity": None, "confidence": None}
    return answer({"rulings": [{"id": f"C{number}", **ruling} for number in range(1, claims + 1)]})


def test_ten_pushes_say_each_issue_once_and_keep_one_summary(tmp_path: Path) -> None:
    job = Job(tmp_path, after={"app.py": source(1)})
    # One sure claim alone is not judged.
    script = [
        step
        for push in range(1, PUSHES + 1)
        for step in (said(push), *([kept(len(present(push)))] if len(present(push)) > 1 else []))
    ]
    with FakeGitHub() as hub, OpenAIServer(*script) as server:
        hub.add_repo("octo/app", job.repo.path)
        pull = hub.add_pull(7, base="main", head="topic")
        job.variables["GITHUB_API_URL"] = hub.url
        for push in range(1, PUSHES + 1):
            if push > 1:
                job.head = job.repo.commit({"app.py": source(push)}, f"Push {push}")
                job.event.write_text(json.dumps(job.payload()))
                pull.push(job.head, split(job.repo.git("diff", "main...topic") + "\n"))
            left = job.run(base_url=server.url, api="chat", openai_api_key="sk-test", github_token=hub.token)
            assert left.exit == 0, left.log
            (summary,) = pull.comments
            assert f"analysed at {job.head[:7]}" in summary.body
            assert ("Fixed since the last review: " in summary.body) == (push > min(LAST_SEEN.values()))
            seen = Counter(find_marker(str(one.fields["body"])) for one in pull.review_comments)
            assert len(seen) == len({quote for past in range(1, push + 1) for quote in present(past)})
            assert set(seen.values()) == {1}

    quoted = [source_line(pull.revisions[one.commit][0].patch, one.fields["line"]) for one in pull.review_comments]
    assert Counter(quoted) == Counter(ISSUES.keys())
    assert len(pull.reviews) == len(ISSUES)
    assert [request.method for request in hub.received if "/issues/" in request.path].count("POST") == 1


def source_line(patch: str | None, line: int) -> str:
    """The text of a line of the new file; the file starts with the patch's first line."""
    assert patch is not None
    return [one[1:] for one in patch.split("\n")[1:] if one[:1] in {"+", " "}][line - 1].strip()
