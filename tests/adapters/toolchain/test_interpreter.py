"""The project's own Python: found where a person would look, asked in the sandbox, believed no more than it shows."""

import json
import subprocess
import sys
import venv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.adapters.sandbox.sandbox import LocalSandbox
from cicd_agent.adapters.toolchain.interpreter import Toolchain, find
from cicd_agent.adapters.toolchain.overlay import Packages
from cicd_agent.adapters.toolchain.probe import probe
from cicd_agent.analysis.python_tests.test_command import TestCommand, read_test_command
from cicd_agent.domain.ports.test_runner import PytestUnavailable
from cicd_agent.domain.trials.sandbox import Limits, Ran, Sandbox, SandboxUnavailable, Stop
from tests.support.fakes.ports import FakeSandbox, Trial

BASE = Path(sys.base_prefix)
PROBE = "cicd-agent-probe:"


def really(trial: Trial) -> Ran:
    """Runs it, as the interpreters of these tests are our own."""
    done = subprocess.run(trial.command, cwd=trial.tree, env=dict(trial.environment), capture_output=True, check=False)
    return Ran(done.returncode, done.stdout, done.stderr)


def says(text: str, **how: object) -> FakeSandbox:
    return FakeSandbox(lambda _: replace(Ran(0, text.encode("utf-8", "surrogatepass")), **how))  # type: ignore[arg-type]


def environment(place: Path, *packages: str, base: bool = False) -> Path:
    """A virtual environment that says it has these distributions ("pytest 8.3"); returns its interpreter."""
    venv.EnvBuilder(symlinks=True, with_pip=False, system_site_packages=base).create(place)
    install(place, *packages)
    return place / "bin/python"


def install(place: Path, *packages: str) -> None:
    for package in packages:
        name, version = package.split()
        info = site(place) / f"{name}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


def site(place: Path) -> Path:
    [packages] = place.glob("lib/python3*/site-packages")
    return packages


ALL = ("pytest 8.3", "coverage 7.6", "hypothesis 6.1")


@pytest.fixture
def top(tmp_path: Path) -> Path:
    (tmp_path / "work/project").mkdir(parents=True)
    return tmp_path / "work/project"


@pytest.fixture
def found(top: Path, tmp_path: Path) -> Callable[..., Toolchain]:
    def find_(given: str = "", command: str = "pytest", sandbox: Sandbox | None = None, **variables: str) -> Toolchain:
        return find(
            top,
            given,
            read_test_command(command),
            {"HOME": str(tmp_path / "home"), "PATH": "/nonexistent", **variables},
            sandbox or FakeSandbox(really),
            own=tmp_path / "own",
            packages=Packages(None),
        )

    return find_


def test_an_environment_in_the_tree_is_read_in_place_and_not_copied(top: Path, found: Callable[..., Toolchain]) -> None:
    python = environment(top / ".venv", *ALL)
    (top / "old/bin").mkdir(parents=True)
    chain = found(command="A=b python -m pytest tests -m fast")
    assert chain.python == python
    assert chain.interpreter.provides == {"pytest": "8.3", "coverage": "7.6", "hypothesis": "6.1"}
    assert chain.interpreter.version == ".".join(map(str, sys.version_info[:3]))
    # The system's own directories are shown to everything that runs.
    assert {top / ".venv", *([] if BASE.is_relative_to("/usr") else [BASE])} - {*chain.readable} == set()
    assert ".venv" in chain.without
    assert chain.environment["A"] == "b"
    assert chain.environment["PATH"].startswith(f"{top}/.venv/bin:")
    assert (chain.arguments, chain.path_entry, chain.overlay) == (("tests", "-m", "fast"), True, None)


def test_an_environment_of_the_systems_own_python_needs_nothing_beside_itself(
    top: Path, found: Callable[..., Toolchain]
) -> None:
    system = Path("/usr/bin/python3")
    if not system.exists():
        pytest.skip("this machine has no Python of its own")
    subprocess.run([system, "-m", "venv", "--without-pip", top / ".venv"], check=True)
    with pytest.raises(PytestUnavailable, match="has no pytest and no coverage"):
        found()
    install(top / ".venv", *ALL)
    chain = found()
    assert chain.readable == (top / ".venv",)
    assert chain.interpreter.provides["pytest"] == "8.3"


def test_it_is_looked_for_in_the_order_in_which_a_person_would(
    top: Path, tmp_path: Path, found: Callable[..., Toolchain]
) -> None:
    on_path = environment(tmp_path / "d/path", *ALL)
    assert found(PATH=str(on_path.parent)).python == on_path.parent / "python3"
    venv_ = environment(top / "venv", *ALL)
    dot = environment(top / ".venv", *ALL)
    active = environment(tmp_path / "d/active", *ALL)
    named = environment(tmp_path / "d/named", *ALL)
    around = {"PATH": f"{on_path.parent}:{named.parent}", "VIRTUAL_ENV": str(tmp_path / "d/active")}
    assert found(str(named), **around).python == named
    assert found("venv/bin/python", **around).python == venv_
    assert found("venv", **around).python == venv_
    assert found("python3", **around).python == on_path.parent / "python3"
    assert found(command=f"{named} -m pytest", **around).python == named
    assert found(**around).python == active
    assert found(PATH=around["PATH"]).python == dot


def test_our_own_environment_is_not_the_project_s_unless_it_lies_in_its_tree(
    top: Path, tmp_path: Path, found: Callable[..., Toolchain]
) -> None:
    own = environment(tmp_path / "own", *ALL)
    other = environment(tmp_path / "d/other", *ALL)
    path = f"{own.parent}:{other.parent}"
    assert found(PATH=path, VIRTUAL_ENV=str(tmp_path / "own")).python == other.parent / "python3"
    inside = environment(top / ".venv", *ALL)
    chain = find(
        top, "", TestCommand(), {"PATH": path}, FakeSandbox(really), own=top / ".venv", packages=Packages(None)
    )
    assert chain.python == inside


def test_a_version_manager_s_shim_on_path_is_passed_by(tmp_path: Path, found: Callable[..., Toolchain]) -> None:
    (tmp_path / "d/shims").mkdir(parents=True)
    for name in ("python", "python3"):
        (tmp_path / "d/shims" / name).write_text("#!/bin/sh\nexec pyenv\n")
        (tmp_path / "d/shims" / name).chmod(0o755)
    real = environment(tmp_path / "d/real", *ALL)
    assert found(PATH=f"{tmp_path}/d/shims:{real.parent}").python == real.parent / "python3"


@pytest.mark.parametrize("given", ["nonsense", "./missing", "a\0b", "notes.txt", "/" + "x" * 5_000, "~/python"])
def test_an_interpreter_that_is_not_there_is_named_with_the_remedy(
    given: str, top: Path, found: Callable[..., Toolchain]
) -> None:
    (top / "notes.txt").touch()
    with pytest.raises(PytestUnavailable, match="with `python`"):
        found(given)


def test_with_no_python_at_all_the_remedy_is_told(found: Callable[..., Toolchain]) -> None:
    with pytest.raises(PytestUnavailable, match="Python is not found"):
        found()


@pytest.mark.parametrize("name", ["python", "python3"])
def test_an_environment_of_the_tree_does_not_open_what_it_links_to(
    name: str, top: Path, tmp_path: Path, found: Callable[..., Toolchain]
) -> None:
    environment(top / ".venv", *ALL)
    keys = tmp_path / "home/.ssh"
    keys.mkdir(parents=True)
    (keys / "python3.11").write_text("#!/bin/sh\n")
    (keys / "python3.11").chmod(0o755)
    (top / ".venv/bin" / name).unlink()
    (top / ".venv/bin" / name).symlink_to(keys / "python3.11")
    sandbox = FakeSandbox(really)
    with pytest.raises(PytestUnavailable, match="no virtual environment"):
        found(f".venv/bin/{name}", sandbox=sandbox)
    assert sandbox.trials == []


def test_an_environment_of_the_tree_that_is_a_link_is_not_taken(
    top: Path, tmp_path: Path, found: Callable[..., Toolchain]
) -> None:
    environment(tmp_path / "home/secret", *ALL)
    (top / ".venv").symlink_to(tmp_path / "home/secret")
    with pytest.raises(PytestUnavailable, match="no virtual environment"):
        found()


def test_directories_of_the_tree_that_are_on_path_are_not_shown(
    top: Path, tmp_path: Path, found: Callable[..., Toolchain]
) -> None:
    python = environment(tmp_path / "d/real", *ALL)
    environment(top / "tools", *ALL)
    chain = found(str(python), PATH=f"{top}/tools/bin:{python.parent}")
    assert not any(path.is_relative_to(top) for path in chain.readable)


def test_a_tool_that_hides_its_environment_is_not_mistaken_for_the_machine_s(
    tmp_path: Path, found: Callable[..., Toolchain]
) -> None:
    python = environment(tmp_path / "d/bare")
    with pytest.raises(PytestUnavailable, match="poetry env info"):
        found(command="poetry run pytest", PATH=str(python.parent))


def test_without_pytest_or_coverage_nothing_can_be_judged_and_without_hypothesis_less(
    top: Path, found: Callable[..., Toolchain]
) -> None:
    environment(top / ".venv", "pytest 8.3")
    with pytest.raises(PytestUnavailable, match=r"no coverage.*Install pytest and coverage"):
        found()
    environment(top / "venv", "pytest 8.3", "coverage 7.6")
    assert found("venv").interpreter.lacks == ("hypothesis",)


def test_other_environments_at_the_top_are_not_copied_either(top: Path, found: Callable[..., Toolchain]) -> None:
    environment(top / "envs/ci", *ALL)
    environment(top / "venv", *ALL)
    (top / ".tox").mkdir()
    chain = found("envs/ci")
    assert {*chain.without} == {".nox", ".tox", "venv"}


def told(**fields: object) -> str:
    return PROBE + json.dumps({"version": [3, 12, 1], **fields})


@pytest.mark.parametrize(
    ("answer", "how", "why"),
    [
        ("", {}, "does not run"),
        ("hello", {}, "does not run"),
        (told(), {"exit_code": 1, "stderr": b"Fatal\x1b[31m\nlast  line"}, "exit 1: last line"),
        (told(), {"stopped": Stop.WALL}, "limit of wall_seconds"),
        (told(version=[3, 8, 18]), {}, "is Python 3.8.18"),
        (told(version=[2, 7, 18]), {}, "is Python 2.7.18"),
        (told(version=["3", 12, 1]), {}, "does not say what it is"),
        (told(version=[3, 12, 1], more=1), {}, "does not say what it is"),
        (told(machine="x86\n::error::"), {}, "does not say what it is"),
        (told(editable=["/x"] * 501), {}, "does not say what it is"),
        (PROBE + "[" * 100_000, {}, "does not say what it is"),
        (PROBE + "{}", {}, "does not say what it is"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(answer: str, how: dict[str, object], why: str) -> None:
    with pytest.raises(PytestUnavailable) as raised:
        probe(Path("/usr/bin/python3"), says(answer, **how), (), {}, requested=["pytest"])
    assert why in str(raised.value)
    assert "\x1b" not in str(raised.value)


@given(st.text() | st.from_type(dict).map(str).map(PROBE.__add__) | st.binary().map(repr).map(PROBE.__add__))
def test_any_answer_is_understood_or_refused(answer: str) -> None:
    with pytest.raises(PytestUnavailable):
        probe(Path("/usr/bin/python3"), says(answer), (), {}, requested=["pytest"])


def test_a_machine_without_a_sandbox_is_said_to_be_one() -> None:
    def none(_: Trial) -> Ran:
        raise SandboxUnavailable("this machine has no sandbox", why="none", remedy="Install one")

    with pytest.raises(PytestUnavailable, match="Install one"):
        probe(Path("/usr/bin/python3"), FakeSandbox(none), (), {}, requested=[])


def test_it_is_asked_inside_a_real_sandbox(top: Path, tmp_path: Path) -> None:
    sandbox = LocalSandbox()
    try:
        sandbox.tier()
    except SandboxUnavailable as error:
        pytest.skip(f"this machine has none: {error.why}")
    environment(top / ".venv", *ALL)
    variables = {"HOME": str(tmp_path / "home"), "PATH": "/usr/bin:/bin"}
    chain = find(top, "", TestCommand(), variables, sandbox, own=tmp_path / "own", packages=Packages(None))
    assert chain.interpreter.provides["pytest"] == "8.3"
    ran = sandbox.run(
        [str(chain.python), "-c", "import os, sys; print(sys.prefix, os.path.exists('.venv'))"],
        top,
        limits=Limits(wall_seconds=20),
        readable=chain.readable,
        environment=chain.environment,
        without=chain.without,
    )
    assert ran.stdout.decode().split() == [f"{top}/.venv", "False"]
