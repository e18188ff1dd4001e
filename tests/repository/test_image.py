"""The image, as far as it can be judged without building it; tests/image runs what was built."""

import json
import re
import shutil
import subprocess
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from image.rootfs import UNUSED, UNUSED_PARTS, Copier, NotAssembled, libraries
from image.sbom import bill, locked, normal, owners

ROOT = Path(__file__).parents[2]
# Continuation lines belong to the instruction above.
LINES = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text("utf-8")).splitlines()

STATUS = """Package: libc6
Status: install ok installed
Architecture: amd64
Source: glibc
Version: 2.36-9+deb12u10
Description: GNU C Library
 Package: not-a-field

Package: tzdata
Architecture: all
Version: 1:2025b-0+deb12u1
"""


def arguments(instruction: str) -> list[str]:
    return [line.removeprefix(f"{instruction} ") for line in LINES if line.startswith(f"{instruction} ")]


def test_the_base_can_be_named_by_its_digest_and_stays_behind() -> None:
    assert LINES.index("ARG PYTHON_IMAGE=python:3.13-slim") < LINES.index("FROM ${PYTHON_IMAGE} AS build")
    assert LINES.index("ARG SNAPSHOT=") < LINES.index("FROM ${PYTHON_IMAGE} AS build") < LINES.index("ARG SNAPSHOT")
    assert arguments("FROM") == ["${PYTHON_IMAGE} AS build", "scratch"]


SOURCES = """\
Types: deb
URIs: http://deb.debian.org/debian
Suites: trixie trixie-updates

Types: deb
URIs: http://deb.debian.org/debian-security/
Suites: trixie-security
"""
STATE = "20261120T023145Z"


def installed(tmp_path: Path, snapshot: str, sources: str) -> tuple[int, str, str]:
    """How `packages.sh` ends on a machine without git, the sources that it leaves, and what it asks apt for."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("sh", "sed", "grep"):
        (tools / name).symlink_to(shutil.which(name) or "")
    (tools / "apt-get").write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/asked\n')
    (tools / "apt-get").chmod(0o755)
    (tmp_path / "debian.sources").write_text(sources)
    script = ["sh", str(ROOT / "image/packages.sh"), snapshot, str(tmp_path / "debian.sources")]
    done = subprocess.run(script, env={"PATH": str(tools)}, check=False, capture_output=True)
    asked = tmp_path / "asked"
    return done.returncode, (tmp_path / "debian.sources").read_text(), asked.read_text() if asked.exists() else ""


def test_with_a_state_of_the_archive_debian_s_packages_are_those_of_then(tmp_path: Path) -> None:
    code, sources, asked = installed(tmp_path, STATE, SOURCES)
    assert code == 0
    assert re.findall("URIs: (.*)", sources) == [
        f"http://snapshot.debian.org/archive/{archive}/{STATE}" for archive in ("debian", "debian-security")
    ]
    assert re.findall(r"(update|install) ?(.*)", asked) == [
        ("update", ""),
        ("install", "--yes --no-install-recommends git ca-certificates"),
    ]
    assert asked.count("Check-Valid-Until=false") == 2


def test_without_one_they_are_those_of_today(tmp_path: Path) -> None:
    code, sources, asked = installed(tmp_path, "", SOURCES)
    assert (code, sources) == (0, SOURCES)
    assert "Check-Valid-Until" not in asked


def test_a_source_that_snapshots_do_not_have_is_no_image(tmp_path: Path) -> None:
    code, _, asked = installed(tmp_path, STATE, SOURCES + "\nTypes: deb\nURIs: http://packages.test/x\n")
    assert (code, asked) == (1, "")


def test_packages_come_from_the_lock_by_their_hashes() -> None:
    [install] = [run for run in arguments("RUN") if "pip install" in run]
    assert '--require-hashes --only-binary :all: --requirement "/build/$LOCK"' in install


def test_the_last_stage_runs_the_agent_as_a_user_without_rights_and_nothing_by_a_shell() -> None:
    last = LINES[LINES.index("FROM scratch") :]
    assert arguments("USER") == ["10001:10001"]
    assert arguments("ENTRYPOINT") == ['["cicd-agent"]']
    assert arguments("CMD") == ['["--help"]']
    assert not [line for line in last if line.startswith(("RUN", "ADD"))]


def test_the_builder_is_sent_what_it_copies_and_nothing_else() -> None:
    ignored = [line for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line and line[0] != "#"]
    copies = [copy.split(" ")[:-1] for copy in arguments("COPY") if not copy.startswith("--from=")]
    copied = {Path(name).parts[0] for names in copies for name in names}
    assert ignored[0] == "*"
    assert {line[1:] for line in ignored if line.startswith("!")} == copied
    assert all((ROOT / name).exists() for name in copied)


def test_a_folder_is_copied_without_what_a_program_never_imports(tmp_path: Path) -> None:
    library = tmp_path / "lib"
    for name in ("json/decoder.py", "test/evil.py", "lib-dynload/_tkinter.so", "lib-dynload/_ssl.so", "a.pyc"):
        (library / name).parent.mkdir(parents=True, exist_ok=True)
        (library / name).write_text(name)
    (library / "link.py").symlink_to("json/decoder.py")
    copier = Copier(tmp_path / "root", {})
    copier.tree(library, UNUSED, UNUSED_PARTS)

    there = tmp_path / "root" / library.relative_to("/")
    left = {str(path.relative_to(there)) for path in there.rglob("*") if path.is_file()}
    assert left == {"json/decoder.py", "lib-dynload/_ssl.so", "link.py"}
    assert copier.seen[library / "link.py"] == library / "json/decoder.py"


def test_what_ldd_says_is_read_and_a_missing_library_is_no_image() -> None:
    said = (
        "\tlinux-vdso.so.1 (0x00007ffc)\n\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f)\n"
        "\t/lib64/ld-linux-x86-64.so.2 (0x00007f)\n"
    )
    assert [str(path) for path in libraries(said)] == [
        "/lib/x86_64-linux-gnu/libc.so.6",
        "/lib64/ld-linux-x86-64.so.2",
    ]
    with pytest.raises(NotAssembled, match="libcurl-gnutls"):
        list(libraries("\tlibcurl-gnutls.so.4 => not found\n"))
    assert list(libraries("\tnot a dynamic executable\n")) == []


def debian(place: Path) -> tuple[Path, list[str]]:
    """A Debian of two packages, of which one owns a library that was copied, and the copied files."""
    (place / "info").mkdir(parents=True)
    (place / "status").write_text(STATUS)
    owned = place / "usr/lib/libc.so.6"
    (place / "info/libc6:amd64.list").write_text(f"/.\n{owned}\n")
    (place / "info/tzdata.list").write_text("/usr/share/zoneinfo/Asia/Tokyo\n")
    return place, [str(owned), "/usr/local/lib/libpython3.13.so.1.0"]


def test_a_copied_file_is_traced_to_its_package(tmp_path: Path) -> None:
    dpkg, sources = debian(tmp_path.resolve())
    owned, orphans = owners(sources, dpkg)
    assert [(package.name, package.version, package.source) for package in owned] == [
        ("libc6", "2.36-9+deb12u10", "glibc")
    ]
    assert orphans == ["/usr/local/lib/libpython3.13.so.1.0"]


def test_the_bill_names_every_distribution_with_its_locked_hashes_and_is_valid(tmp_path: Path) -> None:
    dpkg, sources = debian(tmp_path.resolve())
    lock = locked((ROOT / "requirements-fleet.lock").read_text("utf-8"))
    document = bill("1.2.3", distributions(), lock, owners(sources, dpkg))

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(document)) is None
    parts: dict[str, Any] = {part["name"]: part for part in document["components"]}
    assert {normal(each.metadata["Name"]) for each in distributions()} <= {*parts}
    assert {"python", "libc6"} <= {*parts}
    assert "tzdata" not in parts or parts["tzdata"]["purl"].startswith("pkg:pypi/")
    hashes = {each["value"] for each in parts["openai"]["properties"]}
    assert hashes == {*lock["openai"].hashes}
    assert hashes


def test_the_judge_of_the_bill_sees_what_is_wrong_with_one() -> None:
    wrong = bill("1.2.3", [], {}, ([], [])) | {"components": [{"type": "nonsense", "name": "x"}]}
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(wrong)) is not None
