"""How often a whole run asks GitHub, model included: no more for many files than for few where there is a checkout."""

from pathlib import Path

import pytest

from benchmarks.speaking_model import SpeakingServer
from tests.support.jobs.pull_request import Job
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.github.state import Pull

FEW, MANY = 8, 12
FEW_TEXTS, MANY_TEXTS = 2, 13
"""What the texts of the files (60 a request) and the risk file of the base cost besides where there is no checkout."""
LINE = "    return os.environ['RATE_0']"


def built(place: Path, files: int) -> Job:
    """A pull request that adds a function to so many files, all in one hunk."""
    before = {f"src/part_{number}.py": "import os\n" for number in range(files)}
    after = {
        path: f"{text}\n\ndef rate():\n    return os.environ['RATE_{number}']\n"
        for number, (path, text) in enumerate(before.items())
    }
    return Job(place, before, after)


def calls(job: Job, hub: FakeGitHub, model: SpeakingServer) -> list[str]:
    """The requests of one run."""
    already = len(hub.received)
    left = job.run(base_url=model.url, api="responses", openai_api_key="sk-test", github_token=hub.token)
    assert left.exit == 0, left.log
    assert left.outputs["degraded"] == "false", left.log
    return [f"{request.method} {request.path}" for request in hub.received[already:]]


def assert_posted(pull: Pull) -> None:
    assert len(pull.comments) == len(pull.reviews) == 1
    assert [one.fields["path"] for one in pull.review_comments] == ["src/part_0.py"]


@pytest.mark.parametrize("files", [1, 20, 317])
@pytest.mark.parametrize("checkout", [True, False])
def test_a_review_asks_github_little(tmp_path: Path, files: int, *, checkout: bool) -> None:
    job = built(tmp_path, files)
    most = (MANY if files == 317 else FEW) + (0 if checkout else MANY_TEXTS if files == 317 else FEW_TEXTS)
    with FakeGitHub() as hub, SpeakingServer(("src/part_0.py", 5, LINE.strip()), strict=True) as model:
        hub.add_repo("octo/app", job.repo.path)
        pull = hub.add_pull(7, base="main", head="topic")
        job.variables["GITHUB_API_URL"] = hub.url
        if not checkout:
            job.variables["GITHUB_WORKSPACE"] = str(tmp_path / "nothing")
            (tmp_path / "nothing").mkdir()
        first = calls(job, hub, model)
        assert_posted(pull)
        again = calls(job, hub, model)
        assert_posted(pull)
        assert model.refused == []
    assert max(len(first), len(again)) <= most, (first, again)
    if checkout:
        # Reading nothing by the API, a run asks the same whatever the size.
        assert len(first) <= 7, first
        assert not any("/files" in each for each in first)
