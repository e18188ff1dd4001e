"""What is in the image, and what is not: looked for in the image that was really built."""

import json
from pathlib import Path
from tarfile import TarInfo

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from cicd_agent.cli import MODES
from tests.image.running import contents, inspected, needs_image, run

pytestmark = needs_image
MOST_BYTES = 200_000_000
SBOM = "usr/share/sbom/cicd-agent.cdx.json"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("image")


@pytest.fixture(scope="module")
def members(place: Path) -> list[TarInfo]:
    return contents(place)


def test_it_takes_less_than_it_may(members: list[TarInfo]) -> None:
    size = sum(member.size for member in members if member.isfile())
    assert size <= MOST_BYTES, f"{size / 1e6:.1f} MB"
    assert inspected()["Size"] <= MOST_BYTES


def test_nothing_in_it_can_run_anything_but_python_and_git(place: Path, members: list[TarInfo]) -> None:
    programs = {
        member.name
        for member in members
        if member.isfile() and member.mode & 0o111 and member.size
        if (place / "tree" / member.name).read_bytes()[:4].startswith((b"\x7fELF", b"#!"))
        if ".so" not in member.name and Path(member.name).suffix != ".py"
    }
    assert {Path(name).name.rstrip("0123456789.") for name in programs} == {"python", "git", "git-remote-http"}
    names = {Path(member.name).name for member in members}
    tools = {"sh", "bash", "dash", "busybox", "perl", "apt", "apt-get", "dpkg", "pip", "pip3", "curl", "wget", "ldd"}
    assert names & tools == set()


def test_nothing_in_it_gives_anybody_more_rights(members: list[TarInfo]) -> None:
    assert [member.name for member in members if member.mode & 0o6000] == []
    written = [member.name for member in members if member.mode & 0o002 and not (member.issym() or member.ischr())]
    assert written == ["tmp"]


def test_it_says_what_it_is_and_runs_as_nobody_in_particular() -> None:
    config = inspected()["Config"]
    assert config["User"] == "10001:10001"
    assert config["Entrypoint"] == ["/opt/cicd-agent/bin/python", "-I", "-m", "cicd_agent"]
    assert config["Healthcheck"] == {"Test": ["NONE"]}
    labels = {name.removeprefix("org.opencontainers.image."): value for name, value in config["Labels"].items()}
    assert {"title", "description", "source", "licenses", "version", "revision"} == {*labels}
    assert all(labels.values())


@pytest.mark.parametrize("mode", [*MODES, "gate-result", "doctor"])
def test_the_entry_point_of_each_mode_answers(mode: str) -> None:
    ran = run(mode, "--help")
    assert (ran.exit, ran.err) == (0, "")
    assert f"usage: cicd-agent {mode}" in ran.out


def test_what_it_is_made_of_is_listed_in_it_completely(place: Path, members: list[TarInfo]) -> None:
    text = (place / "tree" / SBOM).read_text("utf-8")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    listed = {each["purl"] for each in json.loads(text)["components"]}
    for member in members:
        if member.name.endswith(".dist-info/METADATA"):
            name, _, version = Path(member.name).parent.name.removesuffix(".dist-info").partition("-")
            assert f"pkg:pypi/{name.replace('_', '-').lower()}@{version}" in listed
    for name in ("git", "libc6", "libssl3", "python3.11-minimal"):
        if any(f"pkg:deb/debian/{name}@" in purl for purl in listed):
            break
    else:
        pytest.fail("no package of the system is listed")


def test_nothing_of_how_it_was_made_is_left(members: list[TarInfo]) -> None:
    left = [member.name for member in members if member.name.startswith(("tmp/", "root/", "var/", "home/"))]
    assert left == []
    assert [member.name for member in members if member.name.endswith((".whl", ".tar", ".pyi"))] == []
