"""What the image is built on is what the services say, and nothing else."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.image_base import Base, NotResolved, Registry, states, verify
from scripts.release import main
from tests.support.servers import registry as served
from tests.support.servers.registry import Registry as Served
from tests.support.servers.registry import digest, index

ROOT = Path(__file__).parents[2]
STATE = "20261118T023145Z"
STATES = {"debian": [STATE, "20261120T023145Z"], "debian-security": ["20261118T101500Z"]}


@pytest.fixture
def server() -> Iterator[Served]:
    with served.registry() as server:
        server.tags["library/python:3.13-slim"] = index("monday")
        server.states = STATES
        yield server


@pytest.fixture
def name(server: Served) -> str:
    return f"{server.host}/library/python:3.13-slim"


@pytest.fixture
def tree(tmp_path: Path, name: str) -> Path:
    """A tree whose Dockerfile builds on the image of that server."""
    text = (ROOT / "Dockerfile").read_text("utf-8")
    (tmp_path / "Dockerfile").write_text(text.replace("ARG PYTHON_IMAGE=python:3.13-slim", f"ARG PYTHON_IMAGE={name}"))
    return tmp_path


def run(tree: Path, server: Served, *arguments: str) -> int:
    return main(["base", *arguments, "--snapshots", server.url], tree)


def test_a_base_is_resolved_by_the_registry_and_written_down(
    tree: Path, server: Served, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (tree / "Dockerfile").read_text()
    assert run(tree, server) == 0
    base = Base(name, digest(index("monday")), "20261118T101500Z")
    assert capsys.readouterr().out == f"base={base.reference}\nsnapshot={base.snapshot}\n"
    assert Base.read(tree) == base
    changed = {*(tree / "Dockerfile").read_text().splitlines()} - {*before.splitlines()}
    assert changed == {f"ARG PYTHON_IMAGE={base.reference}", f"ARG SNAPSHOT={base.snapshot}"}
    # A question without a token, one with it, and the bytes of that digest.
    manifests = "/v2/library/python/manifests"
    assert server.requests[:4] == [
        ("HEAD", f"{manifests}/3.13-slim"),
        ("GET", "/token"),
        ("HEAD", f"{manifests}/3.13-slim"),
        ("GET", f"{manifests}/{base.digest}"),
    ]


def test_what_was_built_on_is_written_as_long_as_the_registry_says_the_same(
    tree: Path, server: Served, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    base = Base(name, digest(index("monday")), STATE)
    assert run(tree, server, base.reference, base.snapshot) == 0
    assert Base.read(tree) == base

    Base(name).write(tree)
    server.tags["library/python:3.13-slim"] = index("tuesday")
    assert run(tree, server, base.reference, base.snapshot) == 1
    refusal = capsys.readouterr().err
    assert f"is {digest(index('tuesday'))} now, not {base.digest}" in refusal
    assert Base.read(tree) == Base(name)


@pytest.mark.parametrize(
    ("given_base", "reason"),
    [
        (("{name}", STATE), "no digest"),
        (("{name}@", STATE), "no digest"),
        (("{name}@sha256:0", STATE), "no digest"),
        (("{name}@sha512:" + "0" * 64, STATE), "no digest"),
        (("{name}@sha256:" + "0" * 64, STATE), " now, not "),
        (("{name}@{digest}", ""), "no state of the archive"),
        (("{name}@{digest}", "yesterday"), "no state of the archive"),
        (("{name}@{digest}", "20250101T000000Z"), "has no state 20250101T000000Z"),
        (("other:1@{digest}", STATE), "not on other:1"),
        (("", ""), "builds on"),
    ],
)
def test_nothing_is_written_that_no_service_has_said(
    tree: Path, server: Served, capsys: pytest.CaptureFixture[str], given_base: tuple[str, str], reason: str
) -> None:
    before = (tree / "Dockerfile").read_bytes()
    reference, snapshot = given_base
    reference = reference.format(name=Base.read(tree).name, digest=digest(index("monday")))
    assert run(tree, server, reference, snapshot) == 1
    refusal = capsys.readouterr().err
    assert reason in refusal
    assert refusal.count("\n") == 1
    assert (tree / "Dockerfile").read_bytes() == before


def faults() -> Iterator[tuple[str, dict[str, object], str]]:
    """What a registry may answer, and what is said then."""
    own = digest(index("monday"))
    yield "down", {"status": 503}, "answered 503"
    yield "limited", {"status": 429}, "answered 429"
    yield "no image", {"tags": {}}, "answered 404"
    yield "another digest", {"headers": {"Docker-Content-Digest": "sha256:" + "0" * 64}}, "answered 404"
    yield "no digest", {"headers": {"Docker-Content-Digest": ""}}, "no digest"
    yield "half a digest", {"headers": {"Docker-Content-Digest": own[:20]}}, "no digest"
    yield "other bytes", {"bodies": {own: index("tuesday")}}, "something else"
    yield "too many bytes", {"bodies": {own: b" " * 5_000_000}}, "more than"
    yield "no token", {"headers": {"WWW-Authenticate": "Basic realm=x"}}, "no token for anybody"
    yield "empty challenge", {"headers": {"WWW-Authenticate": "Bearer "}}, "no token for anybody"
    yield "a realm of its own", {"headers": {"WWW-Authenticate": 'Bearer realm="http://evil.test/t"'}}, "https"
    yield "a file", {"headers": {"WWW-Authenticate": 'Bearer realm="file:///etc/passwd"'}}, "https"
    yield "one platform", {"tags": one_platform()}, "for one platform only"
    yield "no arm64", {"tags": {"library/python:3.13-slim": index("x", ("linux/amd64",))}}, "linux/arm64"
    yield "no JSON", {"tags": {"library/python:3.13-slim": b"<html>"}}, "no JSON"
    yield "a list", {"tags": {"library/python:3.13-slim": b"[]"}}, "no JSON object"
    yield "no states", {"states": {}}, "lists no states of debian"
    yield "no list", {"states": [1]}, "lists no states of debian"
    yield "no stamps", {"states": {**STATES, "debian-security": ["now"]}}, "lists no states of debian-security"
    yield "empty", {"states": {**STATES, "debian": []}}, "lists no states of debian"


def one_platform() -> dict[str, bytes]:
    media_type = "application/vnd.oci.image.manifest.v1+json"
    return {"library/python:3.13-slim": json.dumps({"schemaVersion": 2, "mediaType": media_type}).encode()}


@pytest.mark.parametrize(("fault", "reason"), [pytest.param(*each[1:], id=each[0]) for each in faults()])
def test_a_service_that_says_nothing_of_use_is_one_line_and_no_base(
    tree: Path, server: Served, capsys: pytest.CaptureFixture[str], fault: dict[str, object], reason: str
) -> None:
    before = (tree / "Dockerfile").read_bytes()
    for field, value in fault.items():
        setattr(server, field, value)
    assert run(tree, server) == 1
    refusal = capsys.readouterr().err
    assert reason in refusal
    assert refusal.count("\n") == 1
    assert (tree / "Dockerfile").read_bytes() == before


def test_a_registry_that_is_not_there_is_one_line(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Base("127.0.0.1:9/library/python:3.13-slim").write(tree)
    assert main(["base"], tree) == 1
    assert re.fullmatch(r"release: http://127\.0\.0\.1:9/\S+ cannot be reached \(.*\)\n", capsys.readouterr().err)


@given(st.text() | st.from_regex(r"[a-z0-9./:@-]{1,40}", fullmatch=True))
def test_what_is_no_name_of_an_image_is_never_asked_for(text: str) -> None:
    if not re.fullmatch(r"(?:[a-z0-9.-]+(?::[0-9]+)?/)?[a-z0-9._/-]+:[A-Za-z0-9_.-]+", text):
        with pytest.raises(NotResolved, match="no image with a tag"):
            Registry(text)


@pytest.mark.parametrize("url", ["http://snapshot.test", "file:///etc/passwd", "ftp://x", ""])
def test_only_https_is_asked_beyond_this_machine(url: str) -> None:
    with pytest.raises(NotResolved, match="no address of https"):
        states(url)


def test_a_base_that_is_not_resolved_needs_no_question(server: Served, name: str) -> None:
    with pytest.raises(NotResolved, match="no digest"):
        verify(Base(name), server.url)
    assert server.requests == []
