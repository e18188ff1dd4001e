"""`--fix` after gen-tests: puts the tests that were kept into the working tree for which they were written."""

import os
from collections.abc import Iterator
from pathlib import Path

from cicd_agent.adapters.files.atomic import replace_text
from cicd_agent.adapters.files.safe_open import NOFOLLOW
from cicd_agent.app.decision import Decision
from cicd_agent.domain.text.visible import visible
from cicd_agent.domain.text.words import count

_NOTHING = "no test was kept: there is nothing to put into the working tree"


def put(decision: Decision, top: Path) -> Iterator[str]:
    """Write the test modules below `top`; a line for each."""
    generated, tests = decision.generated, decision.evidence.tests if decision.evidence else None
    if generated is None or tests is None or not generated.files:
        yield _NOTHING
        return
    for path, text in generated.files.items():
        before = tests.modules.get(path)
        why = _create(top, path, text) if before is None else replace_text(top, path, before, text)
        own = [each for each in generated.kept if generated.homes.get(each.candidate.key) == path]
        yield f"not written {path}: {why}" if why else f"wrote {path}: {count(len(own), 'test')} added"


def diff(decision: Decision) -> tuple[str, list[str]]:
    """What `put` would do, as a unified diff, and a line where that is nothing."""
    text = visible(decision.generated.patch) if decision.generated else ""
    return text, [] if text else [_NOTHING]


def _create(top: Path, path: str, text: str) -> str:
    """Write a file that is not there yet; why that was not possible, "" when it was."""
    place = top / path
    try:
        if not place.parent.resolve().is_relative_to(top.resolve()):
            return "it lies outside of the working tree"
        place.parent.mkdir(parents=True, exist_ok=True)
        # A link or a file that came meanwhile is not written over.
        descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | NOFOLLOW, 0o644)
    except OSError as error:
        return error.strerror or str(error)
    with os.fdopen(descriptor, "wb") as file:
        file.write(text.encode())
    return ""
