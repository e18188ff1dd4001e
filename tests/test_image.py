"""The Dockerfile, as far as it can be judged without building it; `make image-test` builds it and looks inside."""

import json
import re
from pathlib import Path

import pytest

from image import sbom, wheels

ROOT = Path(__file__).parent.parent
# Continuation lines belong to the instruction above.
LINES = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text("utf-8")).splitlines()
LOCK = """\
# made by hand
Two_Words==1.0 \\
    --hash=sha256:{a} \\
    --hash=sha256:{b}
older==2.0 ; python_full_version < '3.11.3' \\
    --hash=sha256:{a}
elsewhere==3.0 ; sys_platform == 'win32' \\
    --hash=sha256:{b}
both==4.0 ; python_full_version >= '3.12' and sys_platform == 'emscripten' \\
    --hash=sha256:{b}
""".format(a="a" * 64, b="b" * 64)


def arguments(instruction: str) -> list[str]:
    return [line.removeprefix(f"{instruction} ") for line in LINES if line.startswith(f"{instruction} ")]


def test_the_base_can_be_named_by_its_digest_and_is_in_no_last_stage() -> None:
    assert arguments("ARG")[0].split("=")[0] == "PYTHON_IMAGE"
    assert [base.split(" ")[0] for base in arguments("FROM")] == ["${PYTHON_IMAGE}", "scratch"]


def test_packages_come_from_the_lock_by_their_hashes() -> None:
    [install] = [run for run in arguments("RUN") if "pip install" in run]
    assert '--require-hashes --only-binary :all: --requirement "/tmp/$LOCK"' in install


def test_the_last_stage_runs_the_agent_as_a_user_without_rights_and_without_a_shell() -> None:
    last = LINES[LINES.index("FROM scratch") :]
    assert arguments("USER") == ["10001:10001"]
    assert not [line for line in last if line.startswith("RUN")]
    assert json.loads(arguments("ENTRYPOINT")[0])[1:] == ["-I", "-m", "cicd_agent"]


def test_the_builder_is_sent_what_it_copies_and_nothing_else() -> None:
    ignored = [line for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line and line[0] != "#"]
    copied = {part for copy in arguments("COPY") if not copy.startswith("--from=") for part in copy.split(" ")[:-1]}
    assert ignored[0] == "*"
    assert {line[1:] for line in ignored if line.startswith("!")} == {name.replace("[s]", "s") for name in copied}
    assert all((ROOT / name).exists() for name in copied - {"wheel[s]"})


def test_a_lock_is_read_with_versions_hashes_and_names_as_the_index_compares_them() -> None:
    found = sbom.locked(LOCK)
    assert found["two-words"] == ("1.0", ["a" * 64, "b" * 64])
    assert found["older"] == ("2.0", ["a" * 64])
    assert len(sbom.locked((ROOT / "requirements-fleet.lock").read_text("utf-8"))) > len(found)


def test_what_is_installed_and_not_locked_stops_the_build() -> None:
    with pytest.raises(SystemExit, match="stowaway 1"):
        list(sbom.python_packages(sbom.locked(LOCK), {"older": "2.0", "stowaway": "1"}))
    [component] = sbom.python_packages(sbom.locked(LOCK), {"older": "2.0"})
    assert component["purl"] == "pkg:pypi/older@2.0"


def test_wheels_are_fetched_for_every_python_on_linux_and_for_nothing_else() -> None:
    text = wheels.unmarked(LOCK)
    assert sorted(sbom.locked(text)) == ["older", "two-words"]
    assert ";" not in text
    assert text.count("--hash") == 3
