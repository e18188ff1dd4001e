"""A patch that mends passes; one that only makes things look green does not, in whatever language."""

import pytest

from cicd_agent.core.patch import Patch, read_patch
from cicd_agent.core.patch_limits import objection
from cicd_agent.core.patch_write import written
from tests.core.patches_cheating import CHEATING
from tests.core.patches_honest import HONEST, File


def judged(*files: File) -> str:
    before, after = {path: old for path, old, _ in files}, {path: new for path, _, new in files}
    patch = read_patch(written(before, after))
    assert isinstance(patch, Patch), patch
    return objection(patch, before)


@pytest.mark.parametrize("name", HONEST)
def test_what_mends_is_let_through(name: str) -> None:
    assert judged(*HONEST[name]) == ""


@pytest.mark.parametrize("name", CHEATING)
def test_what_only_looks_green_is_refused(name: str) -> None:
    why, files = CHEATING[name]
    assert why in judged(*files)
