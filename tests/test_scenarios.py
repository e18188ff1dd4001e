"""Runs each folder of tests/scenarios/<mode>/<case> end to end: the real command line, offline, as on a runner.

`case.json` is a `Case`. The repository is the sample pull request, or made of base.txt, on which head.txt puts its
files (each after a line `-- path --`). `event.json` is the payload, in which $base and $head stand for the commits;
$case in an argument is the scenario's folder. `answers.json` holds what the model says, one entry to a request. What
came out is compared with expected/: with outputs.json, summary.md, posted.md (comments, reviews and their comments at
lines) and printed.txt to the letter, with report.json and github.json as the part that must be there.

SCENARIOS=write writes the first four anew: read the difference before you commit it.
"""

import json
import os
import platform
import re
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Any

import pytest
from pydantic import TypeAdapter

from cicd_agent.domain.trials.sandbox import tier_named
from scripts.sample_pull_request import build as build_sample
from scripts.sample_pull_request import commit, git
from tests.support.project_python import project_python
from tests.support.runner import parse_outputs
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.openai.app import OpenAIServer, answer
from tests.support.test_runners import sandbox

ROOT = Path(__file__).parent.parent
GATES = dict.fromkeys(("actions", "checks", "deployments", "issues", "statuses"), "read") | {"pull_requests": "write"}
SEPARATOR = "\n=====\n\n"
"""Between the bodies of posted.md."""
CASES = sorted((ROOT / "tests/scenarios").glob("*/*/case.json"))


@dataclass(frozen=True)
class Case:
    """What a scenario is about and where it runs. `token` names one of the fake GitHub's; empty is a run without.

    With the token `gates` the base runs in production, and the head came by the pull request, `reviewed` and green.
    """

    about: str
    arguments: tuple[str, ...] = ()
    event: str = ""
    token: str = ""
    from_fork: bool = False
    reviewed: bool = True
    inputs: dict[str, str] = field(default_factory=dict)
    exit: int = 0


@dataclass(frozen=True)
class Outcome:
    """What a run left behind, with everything that differs from run to run replaced by its name."""

    exit: int
    outputs: dict[str, str]
    summary: str
    posted: str
    printed: str
    report: dict[str, Any]
    github: dict[str, Any]


@pytest.mark.parametrize("file", CASES, ids=lambda file: f"{file.parent.parent.name}-{file.parent.name}")
def test_a_scenario_ends_as_expected(file: Path, tmp_path: Path) -> None:
    folder = file.parent
    case = TypeAdapter(Case).validate_json(file.read_bytes())
    outcome = play(folder, case, tmp_path)
    assert outcome.exit == case.exit, outcome.printed
    assert "Traceback" not in outcome.printed
    outputs = outcome.report["outputs"]
    assert outcome.outputs.keys() == outputs.keys()
    compare(folder / "expected/outputs.json", json.dumps(outputs, indent=2, ensure_ascii=False) + "\n")
    compare(folder / "expected/summary.md", outcome.summary)
    compare(folder / "expected/posted.md", outcome.posted)
    compare(folder / "expected/printed.txt", outcome.printed)
    for name, found in (("report", outcome.report), ("github", outcome.github)):
        expected = folder / f"expected/{name}.json"
        if expected.exists():
            assert missing(json.loads(expected.read_text()), found) == []


def test_the_step_gets_the_outputs_that_the_report_has(tmp_path: Path) -> None:
    folder = ROOT / "tests/scenarios/review/documentation-only"
    outcome = play(folder, Case(about="", event="pull_request"), tmp_path)
    assert outcome.outputs == outcome.report["outputs"]


def compare(expected: Path, found: str) -> None:
    if os.environ.get("SCENARIOS") == "write" and (found or expected.exists()):
        expected.parent.mkdir(exist_ok=True)
        expected.write_text(found)
    assert found == (expected.read_text() if expected.exists() else "")


def missing(expected: Any, found: Any, at: str = "") -> list[str]:
    """Where `found` lacks a part of `expected`: objects may hold more, lists may not, text ending in … may go on."""
    match expected, found:
        case dict(), dict():
            return [fault for key, value in expected.items() for fault in missing(value, found.get(key), f"{at}.{key}")]
        case list(), list() if len(expected) == len(found):
            pairs = enumerate(zip(expected, found, strict=True))
            return [fault for index, (one, other) in pairs for fault in missing(one, other, f"{at}[{index}]")]
        case str(), str() if expected.endswith("…") and found.startswith(expected[:-1]):
            return []
        case _:
            return [] if expected == found else [f"{at}: expected {expected!r}, found {found!r}"]


def told(value: str) -> str:
    """The value of an input: $python stands for the interpreter of the tests, which has pytest and coverage."""
    return Template(value).safe_substitute(python=project_python())


def play(folder: Path, case: Case, place: Path) -> Outcome:
    """Build the world of a case, run the command line in it, and gather what it left."""
    repository, temp = place / "repository", place / "temp"
    # Only what runs code needs one, and skips where there is none.
    choice = str(sandbox().choice()) if folder.parent.name == "gen-tests" else "no sandbox is asked for"
    build(folder, repository)
    temp.mkdir()
    base, head = git(repository, "rev-parse", "main"), git(repository, "rev-parse", "feature")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(place),
        "PYTHONPATH": str(ROOT / "src"),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "INPUT_STATE_DIR": str(temp / "state"),
        **{f"INPUT_{name.upper().replace('-', '_')}": told(value) for name, value in case.inputs.items()},
    }
    with ExitStack() as stack:
        hub = stack.enter_context(FakeGitHub())
        hub.add_repo("octo/parcel", repository)
        pull = hub.add_pull(
            7, base="main", head="feature", head_repo="fork/parcel" if case.from_fork else "octo/parcel"
        )
        if case.token:
            tokens = {"writes": hub.token, "reads": hub.read_only, "gates": hub.add_token("ghs_gates", **GATES)}
            environment["INPUT_GITHUB_TOKEN"] = tokens[case.token]
        if case.token == "gates":
            deployed(hub, base, head, reviewed=case.reviewed)
        if case.event:
            event = place / "event.json"
            event.write_text(Template((folder / "event.json").read_text()).substitute(base=base, head=head))
            environment |= {
                "GITHUB_ACTIONS": "true",
                "GITHUB_API_URL": hub.url,
                "GITHUB_EVENT_NAME": case.event,
                "GITHUB_EVENT_PATH": str(event),
                "GITHUB_OUTPUT": str(temp / "output"),
                "GITHUB_REPOSITORY": "octo/parcel",
                "GITHUB_RUN_ID": "1",
                "GITHUB_STEP_SUMMARY": str(temp / "summary"),
                "GITHUB_WORKSPACE": str(repository),
                "RUNNER_TEMP": str(temp),
            }
        script = json.loads(text(folder / "answers.json") or "[]")
        model = stack.enter_context(OpenAIServer(*map(answer, script)))
        if script:
            environment["INPUT_BASE_URL"] = model.url
        arguments = [Template(each).safe_substitute(case=folder) for each in case.arguments]
        ran = subprocess.run(
            [sys.executable, "-m", "cicd_agent", folder.parent.name, *arguments],
            cwd=repository,
            env=environment,
            check=False,
            capture_output=True,
            text=True,
        )
        said = {
            "reviews": [{"body": each.body, "state": each.state} for each in pull.reviews],
            "inline": [dict(each.fields) for each in pull.review_comments],
            "comments": [each.body for each in pull.comments],
            "requests": len(hub.received),
        }
        posted = [each.body for each in pull.comments] + [each.body for each in pull.reviews]
        posted += [str(dict(each.fields)["body"]) for each in pull.review_comments]
        plain = Names(
            {
                str(folder): "<case>",
                str(place): "<dir>",
                hub.url: "<api>",
                model.url: "<model>",
                choice: "<sandbox>",
                tier_named(choice): "<sandbox>",
                platform.python_version(): "<python>",
                # As Markdown has it: what could begin a list does not.
                platform.python_version().replace(".", "\\.", 1): "<python>",
                base: "<base>",
                head: "<head>",
            }
        )
        written = parse_outputs(text(temp / "output"))
        if hash_ := written.get("approval_hash"):
            plain.of[hash_] = "<hash>"
    return Outcome(
        exit=ran.returncode,
        outputs=parse_outputs(plain.put(text(temp / "output"))),
        summary=plain.put(text(temp / "summary")),
        posted=plain.put(SEPARATOR.join(each.strip() + "\n" for each in posted if each.strip())),
        printed=plain.put(ran.stdout + ran.stderr),
        report=json.loads(plain.put(next(place.rglob("report.json")).read_text()))["body"],
        github=said,
    )


@dataclass(frozen=True)
class Names:
    """What differs from run to run, and the names to put in its place."""

    of: dict[str, str]

    def put(self, text: str) -> str:
        text = re.sub(r"#(\d+):[0-9a-f]{64}\b", r"#\1:<hash>", text)
        for value, name in self.of.items():
            text = text.replace(value, name)
            if name in {"<base>", "<head>"}:
                text = re.sub(rf"\b{value[:7]}[0-9a-f]*\b", name, text)
        return text


def deployed(hub: FakeGitHub, base: str, head: str, *, reviewed: bool) -> None:
    """What a gate likes to read, an hour ago."""
    at = int(time.time()) - 3_600
    hub.gate.merge(7, head)
    if reviewed:
        hub.gate.review(7, "reviewer", at=at)
    hub.gate.add_check(head, "unit", at=at)
    hub.gate.require("main", "unit")
    hub.gate.add_run("main", at=at)
    hub.gate.add_deployment(base, "production", "success", at=at - 86_400)


def build(folder: Path, repository: Path) -> None:
    """The repository of a case: made of base.txt and head.txt, or the sample pull request."""
    if not (folder / "base.txt").exists():
        build_sample(repository)
        return
    repository.mkdir()
    git(repository, "init", "--quiet", "--template=", "--initial-branch=main")
    commit(repository, files(folder / "base.txt"), "Begin", day=1)
    git(repository, "checkout", "--quiet", "-b", "feature")
    commit(repository, files(folder / "head.txt"), "Change", day=2)


def files(archive: Path) -> dict[str, str]:
    parts = re.split(r"^-- (.+) --\n", archive.read_text(), flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def text(path: Path) -> str:
    return path.read_text() if path.exists() else ""
