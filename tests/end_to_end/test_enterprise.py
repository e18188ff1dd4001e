"""A company's network: an Enterprise server, a model, a proxy in between, and an authority nobody else knows."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.jobs.pull_request import Job
from tests.support.jobs.recorded import DRAFT
from tests.support.servers.enterprise import Proxy
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.github.state import Pull
from tests.support.servers.openai.app import OpenAIServer, Step, answer

ROOT = Path(__file__).parents[2]
FORGE, MODEL = "github.company.test", "models.company.test"


@dataclass
class Company:
    """The network, and a job in it."""

    job: Job
    hub: FakeGitHub
    pull: Pull
    proxy: Proxy

    def review(self, **variables: str) -> "subprocess.CompletedProcess[str]":
        """The command line in a process of its own: clients find proxies in the environment of their process."""
        environ = {
            **self.job.variables,
            "PYTHONPATH": str(ROOT / "src"),
            "HOME": str(self.job.place),
            "GITHUB_API_URL": f"https://{FORGE}/api/v3",
            "GITHUB_SERVER_URL": f"https://{FORGE}",
            "INPUT_GITHUB_TOKEN": self.hub.token,
            "INPUT_BASE_URL": f"https://{MODEL}/v1",
            "INPUT_OPENAI_API_KEY": "key-of-the-company",
            "HTTPS_PROXY": self.proxy.url,
            "SSL_CERT_FILE": str(self.proxy.authority),
            **variables,
        }
        command = [sys.executable, "-m", "cicd_agent", "review"]
        kept = {name: value for name, value in environ.items() if value}
        return subprocess.run(command, env=kept, cwd=self.job.place, capture_output=True, text=True, check=False)


@contextmanager
def network(place: Path, *steps: Step) -> Iterator[Company]:
    job = Job(place)
    with FakeGitHub("/api/v3") as hub, OpenAIServer(*steps) as server:
        hub.add_repo("octo/app", job.repo.path)
        pull = hub.add_pull(7, base="main", head="topic", head_ref="topic")
        behind = {FORGE: urlsplit(hub.url).port or 0, MODEL: urlsplit(server.url).port or 0}
        with Proxy(place, behind) as proxy:
            yield Company(job, hub, pull, proxy)


def test_everything_goes_by_the_proxy_and_links_lead_to_the_companys_server(tmp_path: Path) -> None:
    with network(tmp_path, answer({**DRAFT, "findings": []})) as company:
        ran = company.review()
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert len(company.pull.reviews) == 1, ran.stdout
    assert {*company.proxy.asked} == {FORGE, MODEL}
    [summary] = [one.body for one in company.pull.comments]
    assert f"https://{FORGE}/octo/app/" in summary
    assert "https://github.com/octo" not in summary


def test_an_authority_that_nobody_named_is_one_line_that_says_what_to_set(tmp_path: Path) -> None:
    with network(tmp_path) as company:
        ran = company.review(SSL_CERT_FILE="")
    told = ran.stdout + ran.stderr
    assert ran.returncode == 0, told  # a review only advises
    assert "REQUESTS_CA_BUNDLE" in told
    assert "Traceback" not in told
    assert not company.pull.reviews
