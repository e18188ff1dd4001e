"""What a release does to the repository, tried on one that is made for it: nothing is pushed beyond this machine."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from scripts import rehearsal
from scripts.image_base import Base
from scripts.release import Refused, checksums, main, notes, parsed, pin, problems, tags

ROOT = Path(__file__).parents[2]
IMAGE = "ghcr.io/org/cicd-agent@sha256:" + "ab" * 32
BASE = Base("python:3.13-slim", "sha256:" + "cd" * 32, "20261120T023145Z")
CHANGES = (
    "# Changes\n\n## [Unreleased]\n\n## [1.2.0] - 2026-11-20\n\n### Added\n\n- A thing.\n\n## [1.1.0] - 2026-10-01\n"
)


def git(folder: Path, *arguments: str) -> str:
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder.parent),
        "GIT_CONFIG_NOSYSTEM": "1",
        **{f"GIT_{who}_{what}": "a@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    }
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments], env=environ, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A clone of a repository that is ready for 1.2.0."""
    origin, tree = tmp_path / "origin.git", tmp_path / "tree"
    (tree / "src/cicd_agent").mkdir(parents=True)
    (tree / "src/cicd_agent/__init__.py").write_text('"""It."""\n\n__version__ = "1.2.0"\n')
    (tree / "CHANGELOG.md").write_text(CHANGES)
    for name in ("launch", "scripts"):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("action.yml", "Dockerfile"):
        shutil.copy(ROOT / name, tree)
    git(tree.parent, "init", "--quiet", "--bare", str(origin))
    git(tree, "init", "--quiet", "--initial-branch=main")
    git(tree, "add", "--all")
    git(tree, "commit", "--quiet", "--message=Ready")
    git(tree, "remote", "add", "origin", str(origin))
    git(tree, "push", "--quiet", "origin", "main")
    return tree


def script(tree: Path, name: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(tree.parent),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GH_TOKEN": "token-of-the-app",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return subprocess.run(
        [str(tree / "scripts" / name), *arguments], cwd=tree, env=environ, check=False, capture_output=True, text=True
    )


def test_a_tree_that_says_everything_can_be_released(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "1.2.0"], tree) == 0
    assert "v1.2.0 can be released" in capsys.readouterr().out


def test_everything_that_is_missing_is_said_at_once(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "launch/image.txt").write_text(f"{IMAGE}\n")
    BASE.write(tree)
    git(tree, "tag", "v1.3.0")
    assert main(["check", "1.3.0"], tree) == 1
    said = capsys.readouterr().err
    for what in (
        "says 1.2.0, not 1.3.0",
        "no `## [1.3.0]",
        "launch/image.txt names an image",
        "Dockerfile names a digest",
        "v1.3.0 is there already",
        "not committed",
    ):
        assert what in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("version", ["1.2", "v1.2.0", "1.2.0-beta", "01.2.0", "1.2.0-rc.0", "1.2.0; id", ""])
def test_what_is_no_version_is_refused(tree: Path, version: str) -> None:
    assert main(["check", version], tree) == 1


def test_a_candidate_is_the_version_it_is_a_candidate_for(tree: Path) -> None:
    assert list(problems(tree, "1.2.0-rc.1")) == []
    assert parsed("1.2.0-rc.2") < parsed("1.2.0-rc.10") < parsed("1.2.0") < parsed("1.10.0-rc.1")


def test_the_words_of_a_release_are_the_changelogs(tree: Path) -> None:
    assert notes(tree, "1.2.0") == "### Added\n\n- A thing.\n"
    with pytest.raises(Refused):
        notes(tree, "1.1.0")  # nothing stands there


@pytest.mark.parametrize("reference", ["ghcr.io/org/cicd-agent:1.2.0", "cicd-agent", IMAGE + "\nx", IMAGE[:-1], ""])
def test_only_a_digest_is_pinned(tree: Path, reference: str) -> None:
    with pytest.raises(Refused):
        pin(tree, reference)
    assert (tree / "launch/image.txt").read_text() == ""


def test_the_release_differs_from_what_was_tested_in_the_image_alone(tree: Path) -> None:
    before = git(tree, "rev-parse", "HEAD")
    pin(tree, IMAGE)
    BASE.write(tree)
    done = script(tree, "release-commit", "1.2.0")
    assert (done.returncode, done.stderr) == (0, "")
    origin = tree.parent / "origin.git"
    assert git(origin, "rev-parse", "main") == before
    assert git(origin, "diff", "--numstat", before, "v1.2.0").split("\n") == [
        "2\t2\tDockerfile",
        "1\t0\tlaunch/image.txt",
    ]
    dockerfile = git(origin, "show", "v1.2.0:Dockerfile").splitlines()
    assert {f"ARG PYTHON_IMAGE={BASE.reference}", f"ARG SNAPSHOT={BASE.snapshot}"} <= {*dockerfile}
    assert git(origin, "show", "v1.2.0:launch/image.txt") == IMAGE
    assert git(origin, "rev-list", "--count", f"{before}..v1.2.0") == "1"


@pytest.mark.parametrize(
    ("image", "base", "reason"),
    [
        ("", BASE, "launch/image.txt names no image"),
        ("ghcr.io/org/cicd-agent:1.2.0", BASE, "launch/image.txt names no image"),
        (IMAGE, Base(BASE.name), "no state of the archive, or no digest"),
        (IMAGE, replace(BASE, digest=""), "no state of the archive, or no digest"),
        (IMAGE, replace(BASE, snapshot=""), "no state of the archive, or no digest"),
        (IMAGE, replace(BASE, digest=BASE.digest[:-1]), "names no base"),
        (IMAGE, replace(BASE, snapshot="today"), "names no state of the archive"),
    ],
)
def test_a_release_that_leaves_open_what_is_run_or_built_on_is_none(
    tree: Path, image: str, base: Base, reason: str
) -> None:
    (tree / "launch/image.txt").write_text(image)
    base.write(tree)
    done = script(tree, "release-commit", "1.2.0")
    assert done.returncode != 0
    assert reason in done.stderr
    assert done.stderr.count("\n") == 1
    assert git(tree.parent / "origin.git", "tag") == ""


def outside_of_containers() -> list[str]:
    """What runs a program where no file says that this machine is a container: as on GitHub's runners."""
    if not Path("/.dockerenv").exists() and not Path("/run/.containerenv").exists():
        return []
    shown = [each for each in sorted(Path("/").iterdir()) if each.name != ".dockerenv"]
    command = ["bwrap", *(part for each in shown for part in ("--dev-bind", str(each), str(each))), "--tmpfs", "/run"]
    if not shutil.which("bwrap") or subprocess.run([*command, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this is a container, and bubblewrap cannot make it look like a machine")
    return command


def rehearsed(tree: Path, reference: str, *around: str) -> "subprocess.CompletedProcess[str]":
    command = [*around, sys.executable, "-B", str(tree / "scripts/release.py"), "rehearse", reference]
    return subprocess.run(command, cwd=tree, check=False, capture_output=True, text=True)


def test_what_would_be_released_takes_its_image_where_nothing_is_said_of_the_runtime(tree: Path) -> None:
    BASE.write(tree)
    done = rehearsed(tree, IMAGE, *outside_of_containers())
    assert (done.returncode, done.stdout) == (0, f"`runtime: auto` pulls and runs {IMAGE}\n"), done.stderr
    assert git(tree, "diff", "--name-only") == "Dockerfile"


def test_a_launcher_that_takes_the_host_is_no_release(tree: Path) -> None:
    BASE.write(tree)
    runtime = tree / "launch/runtime.py"
    taken = 'return Chosen("container"'
    assert runtime.read_text().count(taken) == 1
    runtime.write_text(runtime.read_text().replace(taken, 'return Chosen("host"'))
    git(tree, "commit", "--quiet", "--message=Wrong", "launch")
    done = rehearsed(tree, IMAGE, *outside_of_containers())
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("release: `runtime: auto` does not take the image: ")


def test_a_launcher_that_never_ends_is_no_release(
    tree: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    BASE.write(tree)
    (tree / "launch/install.sh").write_text("exec sleep 60\n")
    git(tree, "commit", "--quiet", "--message=Wrong", "launch")
    monkeypatch.setattr(rehearsal, "SECONDS", 0.1)
    assert main(["rehearse", IMAGE], tree) == 1
    assert "timed out" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("image", "base", "reason"),
    [
        ("ghcr.io/org/cicd-agent@", BASE, "names no image by its digest"),
        ("ghcr.io/org/cicd-agent:1.2.0", BASE, "names no image by its digest"),
        (IMAGE, Base(BASE.name), "no state of the archive, or no digest"),
    ],
)
def test_nothing_is_rehearsed_that_could_not_be_released(tree: Path, image: str, base: Base, reason: str) -> None:
    base.write(tree)
    done = rehearsed(tree, image)
    assert done.returncode == 1
    assert reason in done.stderr


def test_the_workflow_resolves_the_base_before_it_builds_and_rehearses_before_it_publishes() -> None:
    jobs = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text("utf-8"))["jobs"]
    steps = [step.get("run", step.get("uses", "")) for step in jobs["image"]["steps"]]
    at = [
        next(number for number, step in enumerate(steps) if part in step)
        for part in ("release.py base", "docker/build-push-action", "release.py rehearse")
    ]
    assert at == sorted(at)
    assert all("if" not in jobs["image"]["steps"][number] for number in at)
    [publish] = [step for step in jobs["publish"]["steps"] if "release-commit" in step.get("run", "")]
    lines = [line.strip() for line in publish["run"].splitlines()]
    assert lines.index('python3 scripts/release.py base "$BASE" "$SNAPSHOT"') < lines.index(
        'scripts/release-commit "$VERSION"'
    )
    for name in ("base", "snapshot", "reference"):
        assert f"needs.image.outputs.{name} " in " ".join(publish["env"].values()) + " "
        assert name in jobs["image"]["outputs"]


def test_the_tags_follow_what_is_released_and_never_go_back(tree: Path) -> None:
    origin = tree.parent / "origin.git"
    moved = []
    for version in ("1.2.0-rc.1", "1.2.0", "1.3.0", "1.2.1"):
        git(tree, "commit", "--quiet", "--allow-empty", f"--message={version}")
        git(tree, "tag", f"v{version}")
        done = script(tree, "release-move", version)
        assert done.returncode == 0, done.stderr
        moved.append(re.findall(r"^(\S+) ->", done.stdout, re.MULTILINE))
    assert moved == [["v1-canary"], ["v1", "v1-canary", "v1.2"], ["v1", "v1-canary", "v1.3"], ["v1.2"]]
    for tag, version in {"v1": "1.3.0", "v1-canary": "1.3.0", "v1.2": "1.2.1", "v1.3": "1.3.0"}.items():
        assert git(origin, "rev-parse", tag) == git(tree, "rev-parse", f"v{version}")


def test_nothing_moves_to_what_is_not_released(tree: Path) -> None:
    done = script(tree, "release-move", "1.2.0")
    assert done.returncode == 1
    assert "publish it first" in done.stderr
    assert tags(tree, "1.2.0") == ["v1", "v1-canary", "v1.2"]


def test_the_token_is_on_no_command_line(tree: Path, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "git").write_text('#!/bin/sh\nprintf "%s\\n" "$@" >"$SEEN.arguments"\nenv >"$SEEN.environment"\n')
    (tools / "git").chmod(0o755)
    seen = tmp_path / "seen"
    environ = {"PATH": f"{tools}:{os.environ['PATH']}", "SEEN": str(seen), "GH_TOKEN": "token-of-the-app"}
    subprocess.run([str(tree / "scripts/push"), "refs/tags/v1.2.0"], env=environ, check=True)
    assert Path(f"{seen}.arguments").read_text().split() == ["push", "--quiet", "origin", "refs/tags/v1.2.0"]
    told = Path(f"{seen}.environment").read_text()
    assert "GIT_CONFIG_KEY_0=http.https://github.com/.extraheader\n" in told
    assert "GIT_CONFIG_VALUE_0=AUTHORIZATION: basic eC1hY2Nlc3MtdG9rZW46dG9rZW4tb2YtdGhlLWFwcA==\n" in told


def test_checksums_are_what_the_usual_program_reads(tmp_path: Path) -> None:
    (tmp_path / "a.whl").write_bytes(b"wheel")
    (tmp_path / "SHA256SUMS").write_text("old")
    assert checksums(tmp_path) == f"{hashlib.sha256(b'wheel').hexdigest()}  a.whl\n"
