"""The Dockerfile, as far as it can be judged without building it; the job `image` of our CI builds and runs it."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
# Continuation lines belong to the instruction above.
LINES = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text("utf-8")).splitlines()


def arguments(instruction: str) -> list[str]:
    return [line.removeprefix(f"{instruction} ") for line in LINES if line.startswith(f"{instruction} ")]


def test_the_base_can_be_named_by_its_digest() -> None:
    assert [argument.split("=")[0] for argument in arguments("ARG")] == ["PYTHON_IMAGE"]
    assert {base.split(" ")[0] for base in arguments("FROM")} == {"${PYTHON_IMAGE}"}


def test_packages_come_from_the_lock_by_their_hashes() -> None:
    [install] = [run for run in arguments("RUN") if "pip install" in run]
    assert "--require-hashes --only-binary :all: --requirement /tmp/requirements.lock" in install


def test_the_last_stage_runs_the_agent_as_a_user_without_rights() -> None:
    assert arguments("USER") == ["10001"]
    assert arguments("ENTRYPOINT") == ['["cicd-agent"]']
    assert LINES.index("USER 10001") > max(
        index for index, line in enumerate(LINES) if line.startswith(("FROM", "RUN"))
    )


def test_the_builder_is_sent_what_it_copies_and_nothing_else() -> None:
    ignored = [line for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line and line[0] != "#"]
    copied = {copy.split(" ")[0] for copy in arguments("COPY") if not copy.startswith("--from=")}
    assert ignored[0] == "*"
    assert {line[1:] for line in ignored if line.startswith("!")} == copied
    assert all((ROOT / name).exists() for name in copied)
