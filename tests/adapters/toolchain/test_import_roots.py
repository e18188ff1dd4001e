"""Where the modules of a tree are: what an installation points at in the checkout has to be found in the copy."""

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.adapters.toolchain.import_roots import project_name, pyproject, roots
from cicd_agent.adapters.toolchain.interpreter import Toolchain
from cicd_agent.adapters.toolchain.probe import InterpreterInfo
from tests.adapters.toolchain.test_interpreter import ALL, environment, found, site, top

__all__ = ["found", "top"]
INFO = InterpreterInfo(version=(3, 12, 1))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


def placed(top: Path, *directories: str) -> None:
    for directory in directories:
        (top / directory).mkdir(parents=True, exist_ok=True)


def test_src_comes_first_where_there_is_one(top: Path) -> None:
    assert roots(top, {}, INFO) == ()
    placed(top, "src/app")
    assert roots(top, {}, INFO) == ("src",)
    (top / "src/__init__.py").touch()
    assert roots(top, {}, INFO) == ()


@pytest.mark.parametrize(
    "text",
    [
        "[tool.setuptools.packages.find]\nwhere = ['lib']",
        "[tool.setuptools.package-dir]\n'' = 'lib'",
        "[tool.poetry]\npackages = [{include = 'app', from = 'lib'}]",
        "[tool.hatch.build.targets.wheel]\npackages = ['lib/app']",
        "[tool.hatch.build.targets.wheel]\nsources = ['lib']",
        "[tool.pdm.build]\npackage-dir = 'lib'",
        "[tool.uv.build-backend]\nmodule-root = 'lib'",
    ],
)
def test_what_the_build_is_told_counts(text: str, top: Path) -> None:
    placed(top, "lib/app")
    assert roots(top, tomllib.loads(text), INFO) == ("lib",)


def test_places_outside_of_the_tree_and_links_out_of_it_do_not(top: Path, tmp_path: Path) -> None:
    placed(tmp_path, "elsewhere")
    (top / "link").symlink_to(tmp_path / "elsewhere")
    where = ["/etc", "../../elsewhere", "link", "missing", "\0"]
    told = INFO.model_copy(update={"editable": [str(tmp_path), f"{top}/../x", "relative", "\0", f"{top}/link"]})
    assert roots(top, {"tool": {"setuptools": {"packages": {"find": {"where": where}}}}}, told) == ()


def test_a_project_that_is_installed_as_a_copy_is_taken_from_the_tree_unless_it_was_compiled(top: Path) -> None:
    assert roots(top, {}, INFO.model_copy(update={"installed": True})) == (".",)
    assert roots(top, {}, INFO.model_copy(update={"installed": True, "compiled": True})) == ()


def test_a_strict_installation_of_setuptools_is_one_of_the_project_and_not_of_its_links(top: Path) -> None:
    links = "build/__editable__.app-1.0-py3-none-any"
    placed(top, links, "src/app")
    told = INFO.model_copy(update={"editable": [str(top)], "entries": [f"{top}/{links}"], "installed": True})
    assert roots(top, {}, told) == ("src",)
    (top / "src").rename(top / "app")
    assert roots(top, {}, told) == (".",)


@given(JSON)
def test_any_settings_are_read(settings: object) -> None:
    for name in ("setuptools", "poetry", "hatch"):
        tree = {"tool": {name: settings}, "project": settings}
        assert isinstance(roots(Path("/nonexistent"), tree, INFO), tuple)
        assert isinstance(project_name(tree), str)


@pytest.mark.parametrize("content", [b"\xff", b"[", b"a = " + b"[" * 50_000, b"x = 1\n" * 300_000])
def test_a_file_that_cannot_be_read_says_nothing(content: bytes, top: Path) -> None:
    (top / "pyproject.toml").write_bytes(content)
    assert pyproject(top) == {}


def test_installations_for_editing_are_found_in_the_copy(top: Path, found: Callable[..., Toolchain]) -> None:
    environment(top / ".venv", *ALL, "app 1.0", "other 1.0")
    packages = site(top / ".venv")
    placed(top, "lib/app", "plugins/other", "names/deep/pkg")
    url = f'{{"url": "file://{top}/plugins", "dir_info": {{"editable": true}}}}'
    (packages / "other-1.0.dist-info/direct_url.json").write_text(url)
    (packages / "_app.pth").write_text(f"{top}/lib\nimport sys\n/etc\n")
    finder = f"MAPPING: dict[str, str] = {{'deep.pkg': '{top}/names/deep/pkg'}}\nNAMESPACES = {{}}\n"
    (packages / "__editable___deep_1_0_finder.py").write_text(finder)
    assert {*found().roots} == {"lib", "plugins", "names"}


def test_the_top_is_put_on_the_path_by_no_installation_whose_modules_lie_deeper(top: Path) -> None:
    told = INFO.model_copy(update={"editable": [str(top)], "installed": True})
    assert roots(top, {}, told) == (".",)
    placed(top, "src/app", "lib/app")
    assert roots(top, {}, told) == ("src",)
    assert roots(top, {}, told.model_copy(update={"entries": [f"{top}/lib"]})) == ("lib", "src")


def test_an_environment_full_of_nonsense_is_still_asked(top: Path, found: Callable[..., Toolchain]) -> None:
    environment(top / ".venv", *ALL)
    packages = site(top / ".venv")
    (packages / "bad.pth").write_bytes(b"/\xc3\xbc\x00\n" * 2_000)
    (packages / "__editable___x_finder.py").write_bytes(b"\x00(((")
    for name, text in {"direct_url.json": "[1", "METADATA": ""}.items():
        (packages / f"{name}-1.dist-info").mkdir()
        (packages / f"{name}-1.dist-info" / name).write_text(text)
    assert found().interpreter.provides["pytest"] == "8.3"
