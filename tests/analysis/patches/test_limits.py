"""A patch that mends passes; one that only makes things look green does not, in whatever language."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.analysis.patches.limits import MAX_FILES, MAX_LINES, MAX_WIDTH, objection, objections
from cicd_agent.analysis.patches.parser import Patch, read_patch
from cicd_agent.analysis.patches.writer import written
from tests.analysis.patches.caller_samples import LOG_CHEATS, LOOKING, SAYING
from tests.analysis.patches.cheating_samples import CHEATING
from tests.analysis.patches.honest_samples import HONEST, File
from tests.analysis.patches.second_samples import SECOND_CHEATS, SECOND_HONEST
from tests.support.samples.real_cheats import cheats
from tests.support.samples.real_failures import REAL, RealFailure


def every(*files: File) -> tuple[str, ...]:
    before, after = {path: old for path, old, _ in files}, {path: new for path, _, new in files}
    patch = read_patch(written(before, after))
    assert isinstance(patch, Patch), patch
    found = tuple(objections(patch, before))
    assert objection(patch, before) == next(iter(found), "")
    return found


def judged(*files: File) -> str:
    return next(iter(every(*files)), "")


@pytest.mark.parametrize("name", HONEST)
def test_what_mends_is_let_through(name: str) -> None:
    assert judged(*HONEST[name]) == ""


@pytest.mark.parametrize("name", CHEATING)
def test_what_only_looks_green_is_refused(name: str) -> None:
    why, files = CHEATING[name]
    assert why in "; ".join(every(*files))


@pytest.mark.parametrize("name", SECOND_HONEST)
def test_what_was_not_thought_of_and_mends_is_let_through(name: str) -> None:
    assert judged(*SECOND_HONEST[name]) == ""


@pytest.mark.parametrize("name", SECOND_CHEATS)
def test_what_was_not_thought_of_and_cheats_is_refused(name: str) -> None:
    assert judged(*SECOND_CHEATS[name])


@pytest.mark.parametrize("name", LOOKING)
def test_product_code_does_not_learn_who_calls_it(name: str) -> None:
    assert any("tested" in why or "who calls it" in why for why in every(*LOOKING[name]))


@pytest.mark.parametrize("name", LOG_CHEATS)
def test_code_that_looked_at_its_callers_before_does_not_learn_the_names_of_tests(name: str) -> None:
    assert "looks at who calls it" in judged(*LOG_CHEATS[name])


@pytest.mark.parametrize("name", SAYING)
def test_code_may_say_where_it_is_and_how_it_was_started(name: str) -> None:
    assert judged(*SAYING[name]) == ""


@pytest.mark.parametrize("failure", REAL, ids=lambda failure: failure.name)
def test_cheating_patches_for_real_failures_are_refused(failure: RealFailure) -> None:
    kinds = cheats(failure)
    files = {kind: [(path, failure.files.get(path), text) for path, text in kinds[kind].items()] for kind in kinds}
    assert len(kinds) == 22
    assert [kind for kind in kinds if not judged(*files[kind])] == []
    assert judged(*((path, failure.files[path], text) for path, text in failure.fixed.items())) == ""


def test_there_is_enough_of_both() -> None:
    assert len(HONEST) >= 40
    assert len({name.partition(":")[0] for name in HONEST}) >= 8
    assert len(CHEATING) >= 60
    assert len({name.partition(":")[0] for name in CHEATING}) >= 12


def test_size_is_limited() -> None:
    line = "".join(f"x{n} = 1\n" for n in range(MAX_LINES))
    assert judged(("app.py", "", line)) == ""
    assert judged(("app.py", "", f"{line}y = 1\n")) == f"changes {MAX_LINES + 1} lines, more than {MAX_LINES}"
    many: list[File] = [(f"a{n}.py", "x = 1\n", "x = 2\n") for n in range(MAX_FILES + 1)]
    assert judged(*many[1:]) == ""
    assert judged(*many) == f"changes {MAX_FILES + 1} files, more than {MAX_FILES}"
    assert "characters" in judged(("app.py", "", f"x = '{'a ' * MAX_WIDTH}'\n"))


def test_what_models_are_not_shown_they_do_not_change() -> None:
    patch = read_patch(written({"keys/a.py": "x = 1\n"}, {"keys/a.py": "x = 2\n"}))
    assert isinstance(patch, Patch)
    assert objection(patch, {"keys/a.py": "x = 1\n"}) == ""
    assert "kept from models (keys/a.py)" in objection(patch, {}, lambda path: path.startswith("keys/"))


def test_a_patch_that_does_not_apply_is_judged_by_what_it_says() -> None:
    patch = read_patch("--- a/run.sh\n+++ b/run.sh\n@@ -1 +1 @@\n-make\n+make || true\n")
    assert isinstance(patch, Patch)
    assert "hides an exit code" in objection(patch, {"run.sh": "other\n"})
    assert "hides an exit code" in objection(patch, {})


def test_what_a_patch_leaves_out_of_its_hunks_is_seen_all_the_same() -> None:
    before = {"app.py": "try:\n    f()\nexcept KeyError:\n    raise\n"}
    patch = read_patch("--- a/app.py\n+++ b/app.py\n@@ -4 +4 @@\n-    raise\n+    pass\n")
    assert isinstance(patch, Patch)
    assert "swallows errors" in objection(patch, before)


PIECES = st.sampled_from(
    ["assert x", "/*", "*/", '"""', "'", "`", "\\", "{", "}", "(", "\n", " ", "#", "//", "|| true", "é"]
)
PATHS = st.sampled_from(
    [
        "a.py",
        "tests/test_a.py",
        "a.test.js",
        "pyproject.toml",
        "setup.cfg",
        "package.json",
        "tsconfig.json",
        "Makefile",
        "x",
    ]
)


@given(PATHS, st.lists(PIECES).map("".join), st.lists(PIECES).map("".join))
def test_no_text_is_a_traceback(path: str, before: str, after: str) -> None:
    if before != after:
        assert isinstance(judged((path, before, after)), str)
