"""Webhook payload → Event, leniently: a field that is missing or absurd is empty, and nothing is guessed.

Shapes and meanings: https://docs.github.com/webhooks/webhook-events-and-payloads
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, NoReturn

from cicd_agent.domain.events.event import (
    Actor,
    Comment,
    Deployment,
    Event,
    EventKind,
    PullRequest,
    Ref,
    Trust,
    WorkflowRun,
)
from cicd_agent.domain.period import moment
from cicd_agent.domain.text.json_view import Node, as_ref, as_repo, as_sha
from cicd_agent.errors import ConfigError

_WRITERS = frozenset({"OWNER", "MEMBER", "COLLABORATOR"})
_ONLY_WRITERS = frozenset(
    {
        EventKind.PUSH,
        EventKind.MERGE_GROUP,
        EventKind.WORKFLOW_DISPATCH,
        EventKind.SCHEDULE,
        EventKind.DEPLOYMENT,
        EventKind.RELEASE,
    }
)


PAYLOAD_LIMIT: Final = 32 * 1024 * 1024
"""GitHub sends at most 25 MB; what writes the file may indent and escape it differently."""


@dataclass(frozen=True, slots=True)
class RunContext:
    """The GITHUB_* variables that complete a payload; each is empty when it is not set."""

    repository: str = ""
    sha: str = ""
    ref: str = ""
    base_ref: str = ""
    head_ref: str = ""
    actor: str = ""
    run_id: str = ""
    run_attempt: str = ""
    server_url: str = ""
    workflow_ref: str = ""


def decode_payload(raw: bytes) -> Mapping[str, object]:
    if len(raw) > PAYLOAD_LIMIT:
        _refuse(f"it has {len(raw):,} bytes, more than the {PAYLOAD_LIMIT:,} that are read")
    if not raw.strip():
        _refuse("it is empty")
    try:
        payload = json.loads(raw.decode("utf-8-sig"), parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        _refuse(f"byte {error.start} is not UTF-8")
    except json.JSONDecodeError as error:
        _refuse(f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}")
    except RecursionError:
        _refuse("it is nested too deeply")
    except ValueError as error:  # the standard library's limit on digits, or a constant that JSON does not have
        _refuse(str(error).partition(";")[0])
    if not isinstance(payload, dict):
        _refuse("it is not a JSON object")
    return payload


def parse_event(name: str, payload: Mapping[str, object], *, run: RunContext) -> Event:
    """The event called `name`, as GitHub calls it in GITHUB_EVENT_NAME."""
    top = Node(payload)
    kind = _kind(name)
    event = Event(
        kind=kind,
        name=Node(name).text,
        action=top["action"].text,
        repo=top["repository"].repo or as_repo(run.repository),
        default_branch=top["repository"]["default_branch"].ref,
        actor=_actor(top["sender"]) if top["sender"]["login"].text else Actor(run.actor, _is_bot(run.actor)),
        trust=Trust.WRITER if kind in _ONLY_WRITERS else Trust.STRANGER,
        delivery=f"{run.run_id}.{run.run_attempt or 1}" if run.run_id else "",
        server=run.server_url.rstrip("/"),
    )
    event = replace(event, workflow=_own_workflow(run.workflow_ref, event.repo))
    # What GITHUB_SHA names depends on the event: of one that is not known, the commit is not known either.
    return event if kind is EventKind.OTHER else _READERS[kind](event, top, run)


def local_event(base: Ref, head: Ref, *, repo: str = "", actor: str = "") -> Event:
    """A run at a terminal: whoever can start one can already change everything it reads."""
    return Event(
        kind=EventKind.LOCAL,
        name=EventKind.LOCAL,
        repo=repo,
        sha=head.sha,
        base=base,
        head=head,
        actor=Actor(actor, _is_bot(actor)),
        trust=Trust.WRITER,
    )


def _pull_request(event: Event, top: Node, run: RunContext) -> Event:
    node = top["pull_request"]
    head, base = node["head"], node["base"]
    home = base["repo"] if base["repo"].value else top["repository"]
    association = node["author_association"].text
    pull = _pull(node, node["number"].number or top["number"].number, association)
    return replace(
        event,
        sha=head["sha"].sha,
        base=Ref(base["ref"].ref or as_ref(run.base_ref), base["sha"].sha, home.repo or event.repo),
        head=Ref(head["ref"].ref or as_ref(run.head_ref), head["sha"].sha, head["repo"].repo),
        actor=_same_person(event.actor, _actor(node["user"], association)),
        trust=_trust(association),
        pull=pull and replace(pull, from_fork=not _is_same_repo(head["repo"], home)),
    )


def _push(event: Event, top: Node, run: RunContext) -> Event:
    name = top["ref"].ref or as_ref(run.ref)
    # When a branch is deleted, GITHUB_SHA is the default branch's commit, which the push is not about.
    after = "" if top["deleted"].flag else top["after"].sha if top["after"].value else as_sha(run.sha)
    return replace(
        event,
        sha=after,
        base=Ref(name, top["before"].sha, event.repo),
        head=Ref(name, after, event.repo),
    )


def _merge_group(event: Event, top: Node, _: RunContext) -> Event:
    node = top["merge_group"]
    return replace(
        event,
        sha=node["head_sha"].sha,
        base=Ref(node["base_ref"].ref, node["base_sha"].sha, event.repo),
        head=Ref(node["head_ref"].ref, node["head_sha"].sha, event.repo),
    )


def _workflow_run(event: Event, top: Node, _: RunContext) -> Event:
    node = top["workflow_run"]
    here = top["repository"]
    sha, branch = node["head_sha"].sha, node["head_branch"].ref
    workflow_run = WorkflowRun(
        id=node["id"].number,
        attempt=node["run_attempt"].number or 1,
        name=node["name"].text,
        event=node["event"].text,
        conclusion=node["conclusion"].text,
        head_branch=branch,
        head_sha=sha,
        pulls=tuple(pull["number"].number for pull in node["pull_requests"] if _is_pull_of(here, pull)),
        path=(node["path"].text or top["workflow"]["path"].text).partition("@")[0],
    )
    # A head in this repository was pushed by a writer, but anybody may cause a run by, say, a comment.
    caused_by = _kind(workflow_run.event)
    by_writer = caused_by in _ONLY_WRITERS or caused_by is EventKind.PULL_REQUEST
    return replace(
        event,
        sha=sha,
        head=Ref(branch, sha, node["head_repository"].repo),
        trust=Trust.WRITER if by_writer and _is_same_repo(node["head_repository"], here) else Trust.STRANGER,
        run=workflow_run if workflow_run.id else None,
    )


def _deployment(event: Event, top: Node, _: RunContext) -> Event:
    node = top["deployment"]
    sha, ref = node["sha"].sha, node["ref"].ref
    deployment = Deployment(node["id"].number, node["environment"].text, sha, ref)
    return replace(
        event,
        sha=sha,
        head=Ref(ref, sha, event.repo),
        deployment=deployment if deployment.id else None,
    )


def _issue_comment(event: Event, top: Node, _: RunContext) -> Event:
    issue, node = top["issue"], top["comment"]
    association = node["author_association"].text
    author = _actor(node["user"], association)
    comment = Comment(
        node["id"].number,
        node["body"].text,
        author,
        issue=issue["number"].number,
        created=_seconds(node["created_at"].text),
    )
    # GITHUB_SHA is the default branch here, whichever pull request is talked about: the head has to be asked for.
    return replace(
        event,
        actor=_same_person(event.actor, author),
        trust=_trust(association),
        pull=_pull(issue, issue["number"].number, issue["author_association"].text)
        if issue["pull_request"].value
        else None,
        comment=comment if comment.id else None,
    )


def _seconds(text: str) -> int:
    """A moment as seconds since the epoch, 0 for none."""
    try:
        return moment(text, 0)
    except ValueError:
        return 0


def _review_comment(event: Event, top: Node, run: RunContext) -> Event:
    node = top["comment"]
    association = node["author_association"].text
    author = _actor(node["user"], association)
    comment = Comment(
        id=node["id"].number,
        body=node["body"].text,
        author=author,
        in_reply_to=node["in_reply_to_id"].number,
        path=node["path"].text,
        line=node["line"].number,
        side=node["side"].text,
        diff_hunk=node["diff_hunk"].text,
    )
    # Whoever opened the pull request, it is the comment's author who wants something.
    return replace(
        _pull_request(event, top, run),
        actor=_same_person(event.actor, author),
        trust=_trust(association),
        comment=comment if comment.id else None,
    )


def _of_run(event: Event, top: Node, run: RunContext) -> Event:
    """An event whose commit only the run knows: a release's target_commitish is where its tag was made from once."""
    name = top["release"]["tag_name"].ref or top["ref"].ref or as_ref(run.ref)
    sha = as_sha(run.sha)
    inputs = _inputs(top["inputs"]) if event.kind is EventKind.WORKFLOW_DISPATCH else {}
    return replace(event, sha=sha, head=Ref(name, sha, event.repo), inputs=inputs)


_READERS: Mapping[EventKind, Callable[[Event, Node, RunContext], Event]] = {
    EventKind.PULL_REQUEST: _pull_request,
    EventKind.PULL_REQUEST_TARGET: _pull_request,
    EventKind.PUSH: _push,
    EventKind.MERGE_GROUP: _merge_group,
    EventKind.WORKFLOW_RUN: _workflow_run,
    EventKind.WORKFLOW_DISPATCH: _of_run,
    EventKind.SCHEDULE: _of_run,
    EventKind.DEPLOYMENT: _deployment,
    EventKind.RELEASE: _of_run,
    EventKind.ISSUE_COMMENT: _issue_comment,
    EventKind.REVIEW_COMMENT: _review_comment,
}


def _pull(node: Node, number: int, association: str) -> PullRequest | None:
    """The pull request, whether it comes as itself or as the issue that it also is; None without its number."""
    if not number:
        return None
    return PullRequest(
        number=number,
        title=node["title"].text,
        body=node["body"].text,
        author=_actor(node["user"], association),
        draft=node["draft"].flag,
        is_open=node["state"].text != "closed",
        from_fork=True,
        labels=tuple(name for label in node["labels"] if (name := label["name"].text)),
    )


def _inputs(node: Node) -> dict[str, str]:
    if not isinstance(node.value, Mapping):
        return {}
    return {
        Node(name).text: Node(value).text if isinstance(value, str) else json.dumps(value)
        for name, value in node.value.items()
        if isinstance(value, str | bool | int | float)
    }


def _actor(user: Node, association: str = "") -> Actor:
    login = user["login"].text
    return Actor(login, _is_bot(login) or user["type"].text == "Bot", association)


def _is_bot(login: str) -> bool:
    return login.endswith("[bot]")


def _same_person(sender: Actor, author: Actor) -> Actor:
    return replace(sender, association=author.association) if sender.login == author.login else sender


def _trust(association: str) -> Trust:
    if association in _WRITERS:
        return Trust.WRITER
    return Trust.KNOWN if association == "CONTRIBUTOR" else Trust.STRANGER


def _is_same_repo(one: Node, other: Node) -> bool:
    """By id where both have one (names are reused and renamed), else by name; unknown is not the same."""
    if one["id"].number and other["id"].number:
        return one["id"].number == other["id"].number
    return bool(one.repo) and one.repo.lower() == other.repo.lower()


def _own_workflow(ref: str, repo: str) -> str:
    """The file that GITHUB_WORKFLOW_REF names ("octo/app/.github/workflows/ci.yml@refs/heads/main"), if it is here."""
    home = f"{repo}/"
    return ref[len(home) :].partition("@")[0] if repo and ref.lower().startswith(home.lower()) else ""


def _is_pull_of(repository: Node, pull: Node) -> bool:
    home, here = pull["base"]["repo"]["id"].number, repository["id"].number
    return bool(pull["number"].number) and (home == here or not home or not here)


def _kind(name: str) -> EventKind:
    return next((kind for kind in _READERS if kind == name), EventKind.OTHER)


def _no_constant(constant: str) -> NoReturn:
    raise ValueError(f"not JSON: {constant} is not a number")


def _refuse(why: str) -> NoReturn:
    raise ConfigError("the event payload cannot be read", why=why, remedy="Check GITHUB_EVENT_PATH or --event")
