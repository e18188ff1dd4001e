"""What of a machine's programs a trial may read: what a job put on its PATH, and nobody's home."""

from pathlib import Path

import pytest

from cicd_agent.adapters.sandbox.spec import PATH
from cicd_agent.adapters.toolchain.location import surroundings


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    for place in (
        "tools/Python/3.12/bin", "tools/Python/3.12/include", "tools/Python/3.12/lib", "tools/java/bin",
        "home/runner/.local/bin", "home/runner/.local/include", "home/runner/.local/share/keyrings",
        "home/runner/.cargo/bin", "home/runner/bin", "home/runner/work/venv/bin",
        "home/runner/python/bin", "home/runner/python/include", "tools/plain",
    ):  # fmt: skip
        (tmp_path / place).mkdir(parents=True)
    for place in ("tools/Python/3.12", "home/runner/.local", "home/runner/python"):
        (tmp_path / place / "bin/python3").touch()
    (tmp_path / "home/runner/work/venv/pyvenv.cfg").touch()
    (tmp_path / "home/runner/work/venv/bin/python").symlink_to(tmp_path / "tools/Python/3.12/bin/python3")
    return tmp_path


def seen(machine: Path, *places: str, **names: str) -> tuple[list[str], dict[str, str]]:
    path = ":".join(place if place.startswith("/") or not place else f"{machine}/{place}" for place in places)
    named = {name: f"{machine}/{value}" for name, value in names.items()}
    found, given = surroundings({"HOME": f"{machine}/home/runner", "PATH": path, **named})
    return [each.relative_to(machine).as_posix() for each in found], given


def test_a_tool_chain_is_seen_as_a_whole(machine: Path) -> None:
    found, given = seen(machine, "tools/Python/3.12/bin", "/usr/bin", "/bin")
    assert found == ["tools/Python/3.12"]
    assert given == {"PATH": f"{machine}/tools/Python/3.12/bin:{PATH}"}


def test_a_virtual_environment_is_seen_with_the_interpreter_that_it_links_to(machine: Path) -> None:
    found, _ = seen(machine, "home/runner/work/venv/bin")
    assert found == ["home/runner/work/venv", "tools/Python/3.12"]


def test_of_what_lies_in_a_home_only_the_programs_are_seen(machine: Path) -> None:
    found, given = seen(machine, "home/runner/.cargo/bin", "home/runner/.local/bin", "home/runner/python/bin")
    assert found == ["home/runner/.cargo/bin", "home/runner/.local/bin", "home/runner/python"]
    assert given["PATH"].count(":") == 3 + PATH.count(":")


def test_a_home_and_what_is_above_it_is_never_seen(machine: Path) -> None:
    (machine / "link").symlink_to(machine / "home/runner")
    places = ("home/runner", "home", "link", "/", "/home", "", "relative", "home/runner/missing/bin")
    assert seen(machine, *places, "home/runner/bin")[0] == ["home/runner/bin"]


def test_variables_that_name_a_tool_chain_are_kept_and_no_others(machine: Path) -> None:
    found, given = seen(
        machine,
        "tools/plain",
        JAVA_HOME="tools/java",
        GOROOT="home",
        LD_LIBRARY_PATH="tools/java/lib",
        GITHUB_TOKEN="x",
        CARGO_HOME="home/runner/.cargo",
    )
    assert found == ["tools/plain", "tools/java"]
    assert sorted(given) == ["JAVA_HOME", "LD_LIBRARY_PATH", "PATH"]


def test_nothing_is_seen_of_an_empty_environment() -> None:
    assert surroundings({}) == ((), {"PATH": PATH})
