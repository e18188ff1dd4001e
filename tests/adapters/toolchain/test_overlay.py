"""What a project's Python lacks: locked wheels, by hash, from the index that is named, and no trace of a failure."""

import hashlib
import platform
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cicd_agent.adapters.toolchain import overlay as module
from cicd_agent.adapters.toolchain.overlay import DIRECTORY, NotInstalled, Packages, lock_for, overlay, requirements
from cicd_agent.adapters.toolchain.probe import InterpreterInfo
from tests.support.servers.packages import PackageIndex, package_index

INFO = InterpreterInfo(
    version=(3, 11, 4), implementation="cpython", machine=platform.machine(), libc=("glibc", "2.31"), threaded=False
)


def wheel(folder: Path, name: str, version: str = "1.0", tag: str = "py3-none-any") -> str:
    """A wheel with one module; returns its hash."""
    path = folder / f"{name}-{version}-{tag}.whl"
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(f"{name}.py", f"NAME = {name!r}\n")
        file.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        file.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
        file.writestr(f"{info}/RECORD", "")
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_lock(folder: Path, hashes: dict[str, str], version: str = "3.11") -> None:
    via = {"pluggy": "pytest", "pytest": "-r requirements.in", "coverage": "-r requirements.in"}
    lines = [f"{name}==1.0 \\\n    --hash=sha256:{value}\n    # via {via[name]}\n" for name, value in hashes.items()]
    (folder / f"{version}.lock").write_text("# made\n" + "".join(lines))


@pytest.fixture
def index(tmp_path: Path) -> Iterator[PackageIndex]:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    with package_index(wheels) as found:
        yield found


@pytest.fixture
def packages(tmp_path: Path, index: PackageIndex) -> Packages:
    locks = tmp_path / "locks"
    locks.mkdir()
    write_lock(locks, {name: wheel(index.wheels, name) for name in ("coverage", "pluggy", "pytest")})
    return Packages(tmp_path / "kept", index.url, {"PATH": "/usr/bin"}, locks=locks)


def test_what_is_lacking_and_what_that_needs_is_installed_once(packages: Packages, index: PackageIndex) -> None:
    place = overlay(INFO, ["pytest"], packages)
    assert {path.name for path in place.glob("*.py")} == {"pluggy.py", "pytest.py"}
    asked = len(index.asked)
    assert overlay(INFO, ["pytest"], packages) == place
    assert len(index.asked) == asked
    assert overlay(INFO, ["coverage"], packages) != place


def test_for_a_python_like_ours_it_is_compiled_beforehand(packages: Packages) -> None:
    version = sys.version_info
    write_lock(packages.locks, {"pytest": wheel(packages.locks.parent / "wheels", "pytest")}, f"3.{version.minor}")
    like_ours = INFO.model_copy(update={"version": tuple(version[:3])})
    assert len([*overlay(like_ours, ["pytest"], packages).glob("__pycache__/pytest.*.pyc")]) == 1
    other = INFO.model_copy(update={"version": (3, version.minor + 1, 0)})
    assert [*overlay(other, ["pytest"], packages).rglob("*.pyc")] == []


def test_a_wheel_with_another_hash_is_not_installed(packages: Packages, index: PackageIndex, tmp_path: Path) -> None:
    wheel(index.wheels, "pytest", tag="py3-none-any")
    with zipfile.ZipFile(index.wheels / "pytest-1.0-py3-none-any.whl", "a") as file:
        file.writestr("more.py", "")
    with pytest.raises(NotInstalled):
        overlay(INFO, ["pytest"], packages)
    assert list((tmp_path / "kept").iterdir()) == []


def test_the_wheel_is_chosen_for_the_project_s_python_and_not_for_ours(packages: Packages, index: PackageIndex) -> None:
    tag = f"cp39-cp39-manylinux_2_17_{platform.machine()}"
    (index.wheels / "coverage-1.0-py3-none-any.whl").unlink()
    locks = packages.locks
    write_lock(locks, {"coverage": wheel(index.wheels, "coverage", tag=tag)}, version="3.9")
    assert (overlay(INFO.model_copy(update={"version": (3, 9, 1)}), ["coverage"], packages) / "coverage.py").is_file()
    write_lock(locks, {"coverage": hashlib.sha256(b"").hexdigest()})
    with pytest.raises(NotInstalled):
        overlay(INFO, ["coverage"], packages)


def test_without_an_index_the_reason_is_one_line_without_a_password(tmp_path: Path, packages: Packages) -> None:
    gone = Packages(tmp_path / "kept", "http://user:hunter2@127.0.0.1:9/simple", {"PATH": ""}, locks=packages.locks)
    with pytest.raises(NotInstalled) as raised:
        overlay(INFO, ["pytest"], gone)
    assert "\n" not in str(raised.value)
    assert "hunter2" not in str(raised.value)


def test_nothing_is_installed_where_that_is_not_allowed_or_nothing_is_locked(packages: Packages) -> None:
    with pytest.raises(NotInstalled, match="may be installed"):
        overlay(INFO, ["pytest"], Packages(None))
    with pytest.raises(NotInstalled, match="pypy"):
        overlay(INFO.model_copy(update={"implementation": "pypy"}), ["pytest"], packages)


def test_a_folder_that_others_can_write_to_is_not_believed(packages: Packages, tmp_path: Path) -> None:
    open_to_all = tmp_path / "open"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    (tmp_path / "link").symlink_to(tmp_path)
    for folder in (open_to_all, tmp_path / "link"):
        with pytest.raises(NotInstalled, match="can write to"):
            overlay(INFO, ["pytest"], Packages(folder, packages.index, locks=packages.locks))


def test_variables_of_the_job_do_not_change_what_is_installed(
    packages: Packages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_TARGET", str(tmp_path / "elsewhere"))
    network = {"PATH": "/usr/bin", "PIP_TARGET": str(tmp_path / "elsewhere"), "GITHUB_TOKEN": "secret"}
    place = overlay(INFO, ["pytest"], Packages(packages.folder, packages.index, network, locks=packages.locks))
    assert (place / "pytest.py").is_file()
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("which", ["bundled", "uv"])
def test_without_a_pip_of_its_own_it_takes_what_there_is(
    which: str, packages: Packages, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside = Path(sys.executable).parent
    monkeypatch.setattr(module, "_pip", {"bundled": bundled, "uv": lambda: ()}[which])
    if which == "uv" and not (beside / "uv").exists():
        pytest.skip("uv is not installed beside this Python")
    network = {"PATH": str(beside)}
    place = overlay(INFO, ["pytest"], Packages(packages.folder, packages.index, network, locks=packages.locks))
    assert (place / "pluggy.py").is_file()


def bundled() -> list[str]:
    found = sorted((Path(subprocess.__file__).parent / "ensurepip/_bundled").glob("pip-*.whl"))
    if not found:
        pytest.skip("this Python brings no pip")
    return [sys.executable, "-I", "-c", module._PIP, str(found[0])]


def test_with_neither_pip_nor_uv_it_says_so(packages: Packages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_pip", lambda: ())
    with pytest.raises(NotInstalled, match="neither pip nor uv"):
        overlay(INFO, ["pytest"], Packages(packages.folder, packages.index, {"PATH": ""}, locks=packages.locks))


def test_a_uv_of_the_repository_installs_nothing(
    packages: Packages, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(module, "_pip", lambda: ())
    uv = tmp_path / "project/.venv/bin/uv"
    uv.parent.mkdir(parents=True)
    uv.write_text(f"#!/bin/sh\ntouch {tmp_path}/has-run\n")
    uv.chmod(0o755)
    network, trees = {"PATH": f".:{uv.parent}"}, (tmp_path / "project",)
    with pytest.raises(NotInstalled, match="neither pip nor uv"):
        overlay(INFO, ["pytest"], Packages(packages.folder, packages.index, network, locks=packages.locks, trees=trees))
    assert not (tmp_path / "has-run").exists()


@pytest.mark.parametrize("minor", range(9, 16))
def test_each_python_has_a_lock_with_all_that_is_wanted(minor: int) -> None:
    lock = lock_for((3, minor))
    for wanted in ("pytest", "coverage", "hypothesis"):
        text = requirements(lock, [wanted])
        assert f"\n{wanted}==" in f"\n{text}"
        assert all("--hash=sha256:" in pin for pin in text.split("==")[1:])
    assert "\npluggy==" in f"\n{requirements(lock, ['pytest'])}"
    assert "pytest" not in requirements(lock, ["coverage"])


def test_a_python_older_than_all_locks_has_none() -> None:
    assert lock_for((3, 8)) == ()


def test_every_line_of_a_lock_is_kept_when_all_is_wanted() -> None:
    for minor in range(9, 15):
        lock = lock_for((3, minor))
        text = (DIRECTORY / f"3.{minor}.lock").read_text()
        pins = [line for line in text.splitlines() if "#" not in line]
        assert requirements(lock, [pin.name for pin in lock]).splitlines() == pins
        assert {pin.name for pin in lock} == {
            line.split("==")[0]
            for line in requirements(lock, ["pytest", "coverage", "hypothesis"]).splitlines()
            if "==" in line
        }
