"""Whatever a run is given or comes upon, no secret of it is in anything that the run leaves, in any spelling."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cicd_agent.app.storage import DATABASE, open_store
from cicd_agent.settings.environment import Environment
from cicd_agent.settings.values import catalogue
from tests.support.canaries import CANARIES, GIVEN, INPUTS, KEY, PLANTED, REDIS, SPELLINGS, TOKEN, VARIABLES, leaks
from tests.support.jobs.canaries import MODES, Scene, review, surroundings
from tests.support.jobs.pull_request import Job
from tests.support.servers.collector import Collector
from tests.support.services.redis_server import local_redis, needs_redis

LOOKS = (
    "audit list",
    "audit list --format json",
    "audit show 1",
    "audit show 1 --format json",
    "audit verify",
    "audit export --format jsonl",
    "audit export --format csv",
    "audit export --format sarif",
    "metrics",
    "cost --by model --by repository",
    "cost --format json",
)
"""Commands that tell of a book."""


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with surroundings(tmp_path) as found:
        yield found


def rows(scene: Scene, mode: str) -> None:
    """The run stands in its book, which is another place to look at when it is read through its port."""
    store = open_store({"state-dir": str(scene.book)}, Environment(), scene.place)
    assert store
    found = [row for repository in store.repositories() for row in store.rows(repository)]
    store.close()
    assert [row.columns.mode for row in found if row.columns.kind == "run"] == [mode]
    scene.more["rows of the book"] = "\n".join(map(str, found))


@pytest.mark.parametrize("mode", MODES)
def test_no_secret_is_in_anything_that_a_run_leaves(scene: Scene, mode: str) -> None:
    scene.inputs = {"metrics_file": str(scene.place / "temp" / "run.prom")}
    with Collector() as collector:
        scene.variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
        scene.left = MODES[mode](scene)
        sent = b"".join(body for _, body in collector.raw)
    assert scene.left.exit in {0, 1}, scene.left.log
    assert bool(scene.model.asked) == (mode != "route"), "the model had the chance to say it all"
    assert (scene.book / DATABASE).exists()
    assert (scene.place / "temp" / "run.prom").exists()
    assert sent
    rows(scene, mode)
    scene.more["what the collector got"] = sent.decode("utf-8", "replace")
    assert not scene.leaking()


def test_what_tells_of_a_book_tells_no_secret(scene: Scene) -> None:
    scene.left = review(scene)
    assert scene.job is not None
    for line in LOOKS:
        told = scene.job.run(*line.split(), **INPUTS, state_dir=str(scene.book))
        assert told.exit == 0, told.log
        assert told.log
        scene.more[line] = told.log
    assert not scene.leaking()


@needs_redis
def test_what_machines_share_holds_no_secret(scene: Scene, tmp_path: Path) -> None:
    with local_redis(tmp_path, password=REDIS) as shared:
        scene.inputs = {"cache_dir": str(scene.place / "temp" / "answers")}
        scene.variables = {"REDIS_URL": shared.url}
        scene.left = review(scene)
        scene.more["Redis"] = shared.contents.decode("utf-8", "replace")
    assert scene.left.exit == 0, scene.left.log
    assert not scene.leaking()


def test_a_book_that_cannot_be_reached_is_named_without_its_password(scene: Scene) -> None:
    job = scene.begin(Job(scene.place))
    scene.left = job.run("review", **INPUTS, model="off")
    assert scene.left.exit == 0, scene.left.log
    assert "audit log" in scene.left.log
    assert not scene.leaking()


def test_inputs_that_are_all_wrong_are_refused_without_being_shown(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(scene.place)
    job = scene.begin(Job(scene.place))
    wrong = {name.replace("-", "_"): f"x {PLANTED}" for name in catalogue()}
    scene.left = job.run("review", **wrong | INPUTS)
    assert scene.left.exit == 2
    assert not scene.leaking()


def test_variables_of_the_runner_that_hold_a_secret_are_not_entered_as_they_are(scene: Scene) -> None:
    job = scene.begin(Job(scene.place))
    for name in ("ACTOR", "REF", "SHA", "HEAD_REF", "BASE_REF", "RUN_ID", "WORKFLOW", "JOB"):
        job.variables[f"GITHUB_{name}"] = KEY
    scene.left = job.run("review", **INPUTS, state_dir=str(scene.book), model="off")
    assert scene.left.exit == 0, scene.left.log
    rows(scene, "review")
    assert not scene.leaking()


def test_the_search_itself_finds_every_spelling() -> None:
    for name, canary in CANARIES.items():
        for spelling, spell in SPELLINGS.items():
            assert f"{name}, {spelling}" in leaks(f"a {spell(canary)} b")
    assert not leaks("nothing of the kind")


def test_every_secret_that_a_run_is_given_is_planted() -> None:
    planted = "\n".join([*INPUTS.values(), *VARIABLES.values(), TOKEN])
    assert not [name for name, canary in GIVEN.items() if canary not in planted]
