"""A month of deployments of one team: GitHub as the gate finds it, what the real command line decides, and the truth.

What is true of a push is the simulator's knowledge and never the gate's: a decision is compared with it afterwards.
"""

import io
import json
import random
import shutil
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from benchmarks.month_project import DAY, HOUR, MINUTE, START, Change, History, Push, Team
from cicd_agent.app import main
from cicd_agent.app.console import Streams
from cicd_agent.cli.parser import parse
from cicd_agent.settings.schema import Settings
from tests.support.runner import parse_outputs
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.github.gates_made import moment
from tests.support.servers.github.gates_state import Deployment, DeploymentStatus
from tests.support.servers.github.run_state import Attempt, Job, Run
from tests.support.servers.github.state import Account, Issue
from tests.support.servers.openapi import github

SCENARIOS = ("nothing configured", "everything configured", "own holds present")
REPO = "octo/app"
JOBS = ("build", "lint", "unit (3.11)", "unit (3.12)")
READS = ("actions", "checks", "contents", "deployments", "issues", "statuses")
KEEPS = 120
"""Pull requests that the fake still knows: more than any range holds."""


@dataclass
class Tally:
    """What became of the decisions. A cause is the simulator's reason not to deploy."""

    decisions: int = 0
    clean: int = 0
    held: Counter[str] = field(default_factory=Counter)
    """Held without cause, by what held."""
    held_rightly: int = 0
    harmful: Counter[str] = field(default_factory=Counter)
    """Let through in spite of these causes."""
    examples: list[str] = field(default_factory=list)
    requests: int = 0
    """The most of one decision; what was answered "as before" (304) does not count against a rate limit."""

    def as_dict(self) -> dict[str, Any]:
        return {name: dict(value) if isinstance(value, Counter) else value for name, value in vars(self).items()}


class Clock:
    """The time in the simulation, for which nobody waits."""

    def __init__(self) -> None:
        self.now = float(START)
        self.slept = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept += seconds


class Month:
    """One team and one scenario; `run` gives the tally."""

    def __init__(self, team: Team, scenario: str, deployments: int, seed: int, place: Path) -> None:
        self.team, self.scenario, self.place = team, scenario, place
        self.configured = scenario == "everything configured"
        self.config = known_config(team.config) if self.configured else ""
        history = History(team, deployments, seed, self.config)
        self.repo = history.write(place / "checkout")
        self.pushes = history.pushes
        self.chance = random.Random(f"{seed} {team.name} what follows")  # noqa: S311
        self.hub = FakeGitHub()
        self.forge = self.hub.add_repo(REPO, self.repo.path)
        self.token = self.hub.add_token("ghs_month", **dict.fromkeys(READS, "read"), pull_requests="write")
        self.clock = Clock()
        self.tally = Tally()
        self.undeployed: list[Change] = []
        self.asked = self.pushes[0]
        """About which the gate is asked now."""
        self.incidents = sorted(self.chance.randrange(30 * DAY) + START for _ in range(round(team.incidents)))
        self.nights = 0
        self.run_ids = 10**6
        self._settle()

    def run(self) -> Tally:
        clock = SimpleNamespace(
            monotonic=lambda: time.monotonic() + self.clock.slept, time=lambda: self.clock.now, sleep=self._sleep
        )
        # A version that does not wait has no clock there.
        with patch("cicd_agent.app.main.time", clock), patch("cicd_agent.app.stages.time", clock, create=True):
            for push in self.pushes:
                self._deployment(push)
        self.hub.close()
        return self.tally

    def _sleep(self, seconds: float) -> None:
        """The gate waits: what it waits for may end meanwhile."""
        self.clock.sleep(seconds)
        if self.asked.pending_until <= self.clock.now:
            self._ended_pending()

    def _settle(self) -> None:
        """The repository as the first push finds it: people, rules, a week of runs, and what runs in production."""
        gate, team = self.hub.gate, self.team
        for person in range(team.people):
            gate.permit(f"person-{person}", "write")
        self.forge.has_issues = team.issues
        if team.required == "rules":
            gate.require("main", "build", "unit (3.12)")
        elif team.required == "unavailable":
            gate.data.has_rules = False
        for back in range(20):
            self._ended_run("CI", "success", START - DAY - back * HOUR)
        self._deployed(self.pushes[0].before, "production", START - DAY, "success")

    def _deployment(self, push: Push) -> None:
        """One push: its checks, the gate as often as people ask it, and what is deployed then."""
        self.clock.now = max(float(push.at), self.clock.now + MINUTE)
        self.asked = push
        self._world(push)
        self.undeployed += push.changes
        run = self._new_run(push)
        decision = self._ask(push, run, 1)
        attempt = 1
        while decision != "proceed" and "a check goes on" in self._causes(push):
            # Whoever wants it out waits for the end, and runs the held job again.
            self._held(run)
            self.clock.now = push.pending_until + MINUTE
            self._ended_pending()
            self._again(run, push)
            attempt += 1
            decision = self._ask(push, run, attempt, because="asked again after the end of the checks")
        if decision == "proceed":
            self._released(push, run, attempt)
            return
        self._held(run)
        if not push.lifted or set(self._causes(push)) - {"unreviewed", "changes requested"}:
            return
        self.clock.now += HOUR
        by_reviewers = self.team.lifts_by == "environment"
        self._deployed(
            push.sha, "production-approved" if by_reviewers else "production", int(self.clock.now), "success"
        )
        self.undeployed.clear()

    def _released(self, push: Push, run: Run, attempt: int) -> None:
        """The deploy job runs; where its script fails, somebody runs all jobs again, the gate's too."""
        if push.deploy_fails:
            self._deployed(push.sha, "production", int(self.clock.now), "failure")
            self._end(run, [("gate", "success"), ("deploy", "failure")])
            self.clock.now += 10 * MINUTE
            self._again(run, push)
            decision = self._ask(push, run, attempt + 1, because="a deploy script failed by a network error")
            if decision != "proceed":
                self._held(run)
                self._deployed(push.sha, "production", int(self.clock.now), "success")
                self.undeployed.clear()
                return
        self._deployed(push.sha, "production", int(self.clock.now), "success")
        self._end(run, [("gate", "success"), ("deploy", "success")])
        self.undeployed.clear()

    def _held(self, run: Run) -> None:
        fails = self.scenario == "own holds present"
        self._end(run, [("gate", "failure" if fails else "success"), ("deploy", "skipped")])
        checks = self.forge.check_runs
        ours = "failure" if fails else "success"
        checks[:] = [
            replace(one, status="completed", conclusion=ours, completed_at=moment(int(self.clock.now)))
            if one.name == "gate"
            else one
            for one in checks
        ]

    def _ended_pending(self) -> None:
        """The check that went on has passed."""
        done = moment(int(self.clock.now))
        for run in self.forge.runs:
            if run.name == "end to end" and run.attempts[-1].conclusion is None:
                run.attempts[-1] = Attempt([Job(self.hub.new_id(), "end to end", "success")], "success")
        self.forge.check_runs[:] = [
            replace(one, status="completed", conclusion="success", completed_at=done)
            if one.name == "end to end"
            else one
            for one in self.forge.check_runs
        ]

    def _ask(self, push: Push, run: Run, attempt: int, because: str = "") -> str:
        """The gate's decision, compared with the truth at the time of the decision."""
        decision, report = self._gate(push, run, attempt)
        causes = self._causes(push)
        stops = (
            "+".join(each["id"] for each in report.get("gated", {}).get("stops", ()) if not each.get("lifted")) or "?"
        )
        tally = self.tally
        tally.decisions += 1
        tally.clean += not causes
        if decision == "proceed":
            for cause in causes:
                tally.harmful[cause] += 1
                tally.examples.append(f"let through, {cause}: {push.sha[:9]}")
        elif causes:
            tally.held_rightly += 1
        else:
            tally.held[f"{decision}: {stops}" if decision != "hold" else stops] += 1
            text = "; ".join(
                each["text"] for each in report.get("gated", {}).get("stops", ()) if not each.get("lifted")
            )
            about = ", ".join(sorted({self._kind(push, each) for each in self.undeployed}))
            tally.examples.append(f"{stops}: {text} | {about}{f' | {because}' if because else ''}")
        return decision

    def _kind(self, push: Push, change: Change) -> str:
        kind = "direct" if not change.number else f"#{change.number}"
        kind = "bot" if change.is_bot else "lock file" if change.is_lock else kind
        updated = any(at < len(change.branch) - 1 for _, _, _, at in change.reviews)
        return kind + (" updated" if updated else "") + (" tolerated red job" if push.tolerated else "")

    def _causes(self, push: Push) -> list[str]:
        """Why this must not go out now, by what the simulator knows."""
        now, allows = self.clock.now, self.team.allows if self.configured else ()
        causes = ["a check is red"] if push.broken else []
        if push.pending_until > now:
            causes.append("a check goes on")
        unreviewed = [
            each
            for each in self.undeployed
            if not each.fit and not ("bots" in allows and (each.is_bot or each.is_lock) and not each.harm)
        ]
        if unreviewed and "unreviewed" not in allows:
            causes.append("unreviewed")
        if any(each.refused for each in self.undeployed) and "unreviewed" not in allows:
            causes.append("changes requested")
        if self.team.issues and any(at <= now < at + 3 * HOUR for at in self.incidents):
            causes.append("an incident is open")
        return causes

    def _world(self, push: Push) -> None:
        """GitHub at the time of a push: checks, pull requests, runs, issues."""
        gate, repo, now = self.hub.gate, self.forge, int(self.clock.now)
        self.hub.rate_remaining = 10**6
        repo.shas |= {push.sha, *(sha for each in push.changes for sha in each.commits)}
        for change in push.changes:
            self._pull(change, now)
        for number in [*repo.pulls][:-KEEPS]:
            del repo.pulls[number]
        repo.runs[:] = [run for run in repo.runs if run.created_at >= moment(now - 8 * DAY)]
        while START + self.nights * DAY < now:
            red = self.chance.random() < self.team.nightly_red
            night = START + self.nights * DAY
            self._ended_run("nightly", "failure" if red else "success", night, event="schedule")
            self.nights += 1
        repo.check_runs.clear()
        ci = self._ended_run("CI", "failure" if push.broken else "success", now - 12 * MINUTE, sha=push.sha)
        for name in JOBS:
            bad = push.broken and name == "unit (3.12)"
            gate.add_check(push.sha, name, "failure" if bad else "success", run=ci.id, at=now - 5 * MINUTE)
        if push.tolerated:
            gate.add_check(push.sha, "unit (3.15-dev)", "failure", run=ci.id, at=now - 5 * MINUTE)
        if push.pending_until > now:
            self.run_ids += 1
            running = [Attempt([Job(self.hub.new_id(), "end to end", None, "in_progress")], None, "in_progress")]
            repo.runs.insert(
                0,
                Run(
                    self.run_ids,
                    "end to end",
                    push.sha,
                    "main",
                    created_at=moment(now),
                    path=".github/workflows/e2e.yml",
                    attempts=running,
                ),
            )
            gate.add_check(push.sha, "end to end", "", run=self.run_ids)
        repo.issues[:] = [
            Issue(
                10**5 + at % 1000,
                "Checkout is down",
                "",
                Account("octocat", "User"),
                ("incident",),
                created_at=moment(at),
            )
            for at in self.incidents
            if at <= now < at + 3 * HOUR
        ]

    def _pull(self, change: Change, now: int) -> None:
        gate = self.hub.gate
        for sha in change.commits:
            gate.data.wrote[sha] = (change.author,)
        if not change.number:
            return
        account = Account(change.author, "Bot" if change.is_bot else "User")
        pull = self.hub.add_pull(change.number, head_sha=change.branch[-1], author=account, title=change.title)
        pull.revisions = dict.fromkeys(change.branch, ())
        writers = [change.author] * len(change.branch)
        if change.meddler:
            writers[-1] = change.meddler
        if change.is_bot:
            # What a person edits there GitHub signs as well.
            gate.data.signed.update(change.branch)
        gate.merge(change.number, *change.commits, writers=tuple(writers))
        for reviewer, state, association, at in change.reviews:
            gate.review(
                change.number, reviewer, state, commit=change.branch[at], association=association, at=now - 2 * HOUR
            )

    def _ended_run(self, name: str, conclusion: str, at: int, *, event: str = "push", sha: str = "a" * 40) -> Run:
        self.run_ids += 1
        jobs = [Job(self.hub.new_id(), job, conclusion) for job in JOBS[:1]]
        run = Run(
            self.run_ids,
            name,
            sha,
            "main",
            conclusion,
            created_at=moment(at),
            path=f".github/workflows/{name.lower()}.yml",
            event=event,
            attempts=[Attempt(jobs, conclusion)],
        )
        self.forge.runs.insert(0, run)
        return run

    def _new_run(self, push: Push) -> Run:
        """The run of deploy.yml in which the gate is asked."""
        self.run_ids += 1
        attempt = Attempt([Job(self.hub.new_id(), "gate", None, "in_progress")], None, "in_progress")
        run = Run(
            self.run_ids,
            "deploy",
            push.sha,
            "main",
            created_at=moment(int(self.clock.now)),
            path=".github/workflows/deploy.yml",
            workflow=2,
            attempts=[attempt],
        )
        self.forge.runs.insert(0, run)
        self.hub.gate.add_check(push.sha, "gate", "", run=run.id)
        return run

    def _again(self, run: Run, push: Push) -> None:
        """All jobs of a run once more: GitHub shows the newest check run of each."""
        run.attempts.append(Attempt([Job(self.hub.new_id(), "gate", None, "in_progress")], None, "in_progress"))
        self.forge.check_runs[:] = [one for one in self.forge.check_runs if one.name not in {"gate", "deploy"}]
        self.hub.gate.add_check(push.sha, "gate", "", run=run.id)

    def _end(self, run: Run, jobs: list[tuple[str, str]]) -> None:
        conclusion = "failure" if any(each == "failure" for _, each in jobs) else "success"
        run.attempts[-1] = Attempt([Job(self.hub.new_id(), name, each) for name, each in jobs], conclusion)

    def _deployed(self, sha: str, environment: str, at: int, state: str) -> None:
        """A deployment as a job with `environment:` makes it; what succeeded there before is inactive then."""
        data = self.hub.gate.data
        if state == "success":
            for earlier in data.deployments:
                if earlier.environment == environment and earlier.statuses[-1].state == "success":
                    earlier.statuses.append(DeploymentStatus(self.hub.new_id(), "inactive", created_at=moment(at)))
        states = ("queued", "in_progress", state)
        made = Deployment(self.hub.new_id(), sha, "main", environment, created_at=moment(at))
        made.statuses += [DeploymentStatus(self.hub.new_id(), each, created_at=moment(at + 60)) for each in states]
        data.deployments.append(made)
        del data.deployments[:-150]

    def _gate(self, push: Push, run: Run, attempt: int) -> tuple[str, dict[str, Any]]:
        """The real command line, in this process, as the job of a push to main."""
        temp = self.place / "temp"
        shutil.rmtree(temp, ignore_errors=True)
        temp.mkdir()
        here = {"full_name": REPO, "default_branch": "main", "id": 1}
        payload = {"ref": "refs/heads/main", "before": push.before, "after": push.sha, "deleted": False}
        sender = {"login": "merger", "type": "User"}
        (temp / "event.json").write_text(json.dumps(payload | {"repository": here, "sender": sender}))
        inputs = {"github_token": self.token, "environment": "production"}
        if self.configured and self.team.coverage:
            values = {
                "version": 1,
                "measured_at": moment(int(self.clock.now) - 60),
                "coverage_delta": push.coverage_delta,
            }
            (self.repo.path / "signals.json").write_text(json.dumps(values))
            inputs["signals_file"] = "signals.json"
        variables = {
            "PATH": self.repo.env["PATH"],
            "GITHUB_ACTIONS": "true",
            "GITHUB_API_URL": self.hub.url,
            "GITHUB_EVENT_NAME": "push",
            "GITHUB_EVENT_PATH": str(temp / "event.json"),
            "GITHUB_JOB": "gate",
            "GITHUB_OUTPUT": str(temp / "output"),
            "GITHUB_REF": "refs/heads/main",
            "GITHUB_REPOSITORY": REPO,
            "GITHUB_RUN_ATTEMPT": str(attempt),
            "GITHUB_RUN_ID": str(run.id),
            "GITHUB_SERVER_URL": "https://github.test",
            "GITHUB_SHA": push.sha,
            "GITHUB_STEP_SUMMARY": str(temp / "summary"),
            "GITHUB_WORKFLOW": "deploy",
            "GITHUB_WORKFLOW_REF": f"{REPO}/.github/workflows/deploy.yml@refs/heads/main",
            "GITHUB_WORKSPACE": str(self.repo.path),
            "RUNNER_TEMP": str(temp),
        } | {f"INPUT_{name.upper()}": value for name, value in inputs.items()}
        printed = io.StringIO()
        self.hub.received.clear()
        self.hub.unchanged = 0
        code = main.run(parse(("deploy-gate",)), variables, Streams(printed, printed))
        self.tally.requests = max(self.tally.requests, len(self.hub.received) - self.hub.unchanged)
        outputs = parse_outputs((temp / "output").read_text()) if (temp / "output").exists() else {}
        report = next(iter(temp.rglob("report.json")), None)
        if report is None or "decision" not in outputs:
            raise AssertionError(f"the gate ended with {code}: {printed.getvalue()}")
        return outputs["decision"], json.loads(report.read_text())["body"]


def known_config(text: str) -> str:
    """The lines of a configuration that this version knows."""
    lines = (line for line in text.splitlines(keepends=True))
    return "".join(line for line in lines if line.partition(":")[0].replace("-", "_") in Settings.model_fields)


def unchecked() -> None:
    """Answers of the fake are judged by its tests; here that would cost half of the time."""
    description = github()
    description.request = lambda *_: []  # type: ignore[method-assign]
    description.response = lambda *_: []  # type: ignore[method-assign]
