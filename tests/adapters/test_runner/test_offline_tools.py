"""What a command sees of tools that were installed into a home, and what it does not."""

from pathlib import Path

from cicd_agent.adapters.test_runner.offline_tools import offline_tools
from cicd_agent.app.test_runner import patch_surroundings
from tests.support.fakes.ports import FakeSandbox


def program(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)


def test_modules_are_seen_and_clones_of_them_are_not(tmp_path: Path) -> None:
    modules = tmp_path / "home/go/pkg/mod"
    for name in ("github.com/x", "cache/download/github.com", "cache/vcs/0a1b"):
        (modules / name).mkdir(parents=True)
    readable, variables = offline_tools(tmp_path / "tree", {"HOME": str(tmp_path / "home"), "PATH": ""})
    assert readable == (modules / "github.com", modules / "cache/download")
    assert (variables["GOMODCACHE"], variables["GOPROXY"]) == (str(modules), "off")
    other = {"HOME": str(tmp_path / "other"), "PATH": "", "GOPATH": f"{tmp_path / 'home/go'}:/x"}
    assert offline_tools(tmp_path / "tree", other)[0] == readable
    assert "GOMODCACHE" not in offline_tools(tmp_path / "tree", {"HOME": str(tmp_path / "other")})[1]


def test_an_installation_is_seen_as_a_whole_and_what_merely_has_a_program_is_not(tmp_path: Path) -> None:
    home = tmp_path / "home"
    node, go = home / ".nvm/versions/node/v22.1.0", home / "sdk/go1.22"
    program(node / "bin/node")
    (node / "include/node").mkdir(parents=True)
    program(go / "bin/go")
    (go / "src/runtime").mkdir(parents=True)
    links = home / "links"
    links.mkdir()
    (links / "go").symlink_to(go / "bin/go")
    path = f"{node / 'bin'}:{links}"
    assert offline_tools(tmp_path / "tree", {"HOME": str(home), "PATH": path})[0] == (go, node)
    program(home / ".local/bin/node")
    local = {"HOME": str(home), "PATH": str(home / ".local/bin")}
    assert offline_tools(tmp_path / "tree", local)[0] == ()


def test_nothing_that_the_tree_brings_shows_the_tree_as_it_is(tmp_path: Path) -> None:
    """Beside its files lies `.git`, whose configuration can hold the job's token."""
    top = tmp_path / "a/tree"
    program(top / "bin/node")
    (top / "include/node").mkdir(parents=True)
    (top / "cache/download").mkdir(parents=True)
    tools = {"HOME": "/home/nobody", "PATH": str(top / "bin"), "GOMODCACHE": str(top)}
    assert offline_tools(top, tools)[0] == ()
    around = patch_surroundings(FakeSandbox(), lambda: 0.0, 60.0, top, tools)
    assert not [path for path in around.readable if top.is_relative_to(path)]


def test_a_project_of_python_is_found_in_the_copy(tmp_path: Path) -> None:
    assert "PYTHONPATH" not in offline_tools(tmp_path, {})[1]
    (tmp_path / "pyproject.toml").write_text("")
    assert offline_tools(tmp_path, {})[1]["PYTHONPATH"] == "."
    (tmp_path / "src").mkdir()
    assert offline_tools(tmp_path, {})[1]["PYTHONPATH"] == "src"


def test_package_managers_of_corepack_are_seen(tmp_path: Path) -> None:
    kept = tmp_path / "home/.cache/node/corepack"
    kept.mkdir(parents=True)
    readable, variables = offline_tools(tmp_path / "tree", {"HOME": str(tmp_path / "home"), "PATH": ""})
    assert readable == (kept,)
    assert variables["COREPACK_HOME"] == str(kept)
