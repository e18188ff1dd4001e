"""Where the agent runs, and the reason that the log gives."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from launch.runtime import Asked, Chosen, Client, NoRuntimeError, asked_here, choose, is_here

IMAGE = "ghcr.test/org/agent@sha256:" + "0a" * 32
NECESSITIES = [
    ({"MODE": "gen-tests"}, "gen-tests runs"),
    ({"VERIFY_COMMAND": "pytest"}, "`verify-command` runs"),
    ({"OPENAI_IDENTITY_PROVIDER_ID": "idp"}, "no token of the runner's"),
    ({"GITHUB_EVENT_PATH": ""}, "no event file"),
    ({"GITHUB_EVENT_PATH": "/nonexistent/event"}, "no event file"),
    ({"BASE_URL": "http://localhost:11434/v1"}, "`base-url` is an address of this machine"),
    ({"OPENAI_BASE_URL": "http://[::1]:80/"}, "OPENAI_BASE_URL is"),
    ({"DATABASE_URL": "postgresql://a:b@127.0.0.1/x"}, "DATABASE_URL is"),
    ({"DATABASE_URL": "postgresql:///x?host=/run/postgresql"}, "DATABASE_URL is"),
    ({"REDIS_URL": "unix:///run/redis.sock"}, "REDIS_URL is"),
    ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318"}, "OTEL_EXPORTER_OTLP_ENDPOINT is"),
    ({"HTTPS_PROXY": "127.0.0.1:3128"}, "HTTPS_PROXY is"),
    ({"CICD_AGENT_DOCKER_NETWORK": "--privileged"}, "is not the name of a network"),
]


@dataclass
class FakeDocker:
    server: str = ""
    images: set[str] = field(default_factory=lambda: {IMAGE})
    pulled: str = ""
    asked: list[str] = field(default_factory=list)

    def answers(self) -> str:
        self.asked.append("version")
        return self.server

    def is_at_hand(self, image: str) -> bool:
        self.asked.append("inspect")
        return image in self.images

    def pull(self, image: str) -> str:
        self.asked.append(f"pull {image}")
        return self.pulled


@pytest.fixture
def asked(tmp_path: Path) -> Asked:
    (tmp_path / "event.json").write_text("{}")
    return Asked({"MODE": "review", "GITHUB_EVENT_PATH": str(tmp_path / "event.json")}, IMAGE)


def told(asked: Asked, **more: str) -> Asked:
    return replace(asked, environ={**asked.environ, **more})


def test_where_docker_answers_and_an_image_is_released_it_is_the_container(asked: Asked) -> None:
    for word in ("", "auto", " container "):
        assert choose(told(asked, RUNTIME=word), FakeDocker()) == Chosen(
            "container", "Docker answers and the released image is at hand", IMAGE
        )


def test_an_image_that_is_not_there_is_fetched_and_one_without_a_name_is_not(asked: Asked) -> None:
    docker = FakeDocker(images=set())
    assert choose(asked, docker).runtime == "container"
    assert docker.asked == ["version", "inspect", f"pull {IMAGE}"]

    alone = replace(asked, image="sha256:" + "0a" * 32)
    assert choose(alone, FakeDocker(images=set())).why.endswith("is not on this machine")
    assert choose(asked, FakeDocker(images=set(), pulled="denied")).why == "denied"


@pytest.mark.parametrize(("more", "why"), NECESSITIES)
def test_what_a_container_cannot_do_is_done_on_the_host_or_refused(
    asked: Asked, more: dict[str, str], why: str
) -> None:
    docker = FakeDocker()
    chosen = choose(told(asked, **more), docker)
    assert (chosen.runtime, docker.asked) == ("host", [])
    assert why in chosen.why

    with pytest.raises(NoRuntimeError, match="`runtime: container` is not possible here: ") as refused:
        choose(told(asked, RUNTIME="container", **more), docker)
    assert why in str(refused.value)
    assert choose(told(asked, RUNTIME="host", **more), docker).why == "`runtime: host`"


def test_on_the_network_of_the_host_its_own_addresses_are_reached(asked: Asked) -> None:
    more = {"BASE_URL": "http://127.0.0.1:1/v1", "CICD_AGENT_DOCKER_NETWORK": "host"}
    assert choose(told(asked, **more), FakeDocker()).runtime == "container"


@pytest.mark.parametrize(
    "image", ["agent:latest", "agent:1@sha256:" + "0" * 64, "agent@sha256:0", "-v /:/x", "a b@sha256:" + "0" * 64, "\0"]
)
def test_an_image_that_is_not_named_by_its_digest_alone_is_never_run(asked: Asked, image: str) -> None:
    docker = FakeDocker(images={image})
    assert choose(replace(asked, image=image), docker).runtime == "host"
    with pytest.raises(NoRuntimeError, match="by its digest"):
        choose(replace(told(asked, RUNTIME="container"), image=image), docker)
    assert docker.asked == []


def test_elsewhere_than_on_linux_and_without_docker_or_a_release_it_is_the_host(asked: Asked) -> None:
    assert choose(replace(asked, system="win32"), FakeDocker()).why == "the image is for Linux, and this runner is not"
    assert choose(replace(asked, system="darwin"), FakeDocker()).runtime == "host"
    assert choose(replace(asked, image=""), FakeDocker()).why == "no image is released with this copy of the action"
    assert choose(asked, FakeDocker(server="there is no `docker` on PATH")).why == "there is no `docker` on PATH"


def test_what_mostly_does_not_work_is_for_who_asks_for_it(asked: Asked) -> None:
    for doubtful in (replace(asked, is_contained=True), told(asked, DOCKER_HOST="tcp://docker:2375")):
        assert choose(doubtful, FakeDocker()).runtime == "host"
        assert choose(told(doubtful, RUNTIME="container"), FakeDocker()).runtime == "container"


@pytest.mark.parametrize("word", ["Docker", "containers", "$(id)", "host\n::error::x"])
def test_a_wrong_word_is_one_line(asked: Asked, word: str) -> None:
    with pytest.raises(NoRuntimeError, match="`runtime` is not understood") as refused:
        choose(told(asked, RUNTIME=word), FakeDocker())
    assert "auto, container, host" in str(refused.value)
    assert "\n" not in str(refused.value)
    assert "::" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://LOCALHOST.:80", True),
        ("http://model.localhost/v1", True),
        ("http://127.1/", True),
        ("http://0.0.0.0:8000", True),
        ("http://[::ffff:127.0.0.1]/", True),
        ("http://model.test/v1", False),
        ("http://10.0.0.1/", False),
        ("redis://cache:6379", False),
        ("http://localhost.example.com/", False),
        ("http://[broken", False),
    ],
)
def test_an_address_of_this_machine_is_known_in_every_spelling(url: str, here: bool) -> None:  # noqa: FBT001
    assert is_here(url) is here


def test_dockers_own_words_become_one_line(tmp_path: Path) -> None:
    docker = tmp_path / "docker"
    docker.write_text("#!/bin/sh\necho '::error::no' >&2\necho 'permission denied ##[x' >&2\nexit 1\n")
    docker.chmod(0o755)
    assert Client({"PATH": str(tmp_path)}).answers() == "Docker does not answer (permission denied ## [x)"
    docker.write_text('#!/bin/sh\n[ -z "$INPUT_X$DATABASE_URL" ] && echo windows\n')
    client = Client({"PATH": str(tmp_path), "INPUT_X": "1", "DATABASE_URL": "x"})
    assert client.answers() == "Docker runs no Linux containers here but windows"
    assert Client({"PATH": ""}).answers() == "there is no `docker` on PATH"


def test_the_image_stands_in_a_file_beside_the_launcher(tmp_path: Path) -> None:
    assert asked_here(tmp_path, {}).image == ""
    (tmp_path / "launch").mkdir()
    (tmp_path / "launch/image.txt").write_text(f"{IMAGE}\n")
    assert asked_here(tmp_path, {}).image == IMAGE
