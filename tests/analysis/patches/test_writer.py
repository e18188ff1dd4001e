"""What is written is what git accepts, and what is read back."""

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cicd_agent.analysis.patches.apply import apply, split
from cicd_agent.analysis.patches.parser import Flaw, Patch, read_patch
from cicd_agent.analysis.patches.writer import LineMatcher, written
from tests.support.repos import TempRepo

# Lines that look like parts of a diff, repeat themselves, and end in every way that text has.
LINE = st.sampled_from(
    [
        "",
        "a",
        "b",
        " c",
        "-- x",
        "++ y",
        "@@ -1 +1 @@",
        "\\ z",
        "diff --git a/x b/x",
        "```",
        "é",
        "\f",
        "x\ry",
        "\u2028",
    ]
)
NAME = st.sampled_from(["a.txt", "dir/b c.txt", "é/ü.txt", "a/a.txt", "b/x.txt"])


@st.composite
def texts(draw: st.DrawFn) -> str | None:
    """A file with one kind of line end, or none at all."""
    if draw(st.integers(0, 9)) == 0:
        return None
    lines = draw(st.lists(LINE, max_size=30))
    end = draw(st.sampled_from(["\n", "\r\n"]))
    text = "".join(f"{line}{end}" for line in lines)
    return text.removesuffix(end) if lines and lines[-1] and draw(st.booleans()) else text


@st.composite
def pairs(draw: st.DrawFn) -> tuple[str | None, str | None]:
    """A file before and after, with the same line ends."""
    before, after = draw(texts()), draw(texts())
    if before and after and ("\r\n" in before) != ("\r\n" in after):
        after = after.replace("\r\n", "\n") if "\r\n" in after else after.replace("\n", "\r\n")
    return before, after


@given(st.dictionaries(NAME, pairs(), min_size=1, max_size=3))
def test_what_is_written_is_read_and_applied_to_the_same_texts(files: dict[str, tuple[str | None, str | None]]) -> None:
    before = {path: pair[0] for path, pair in files.items()}
    # A new file has no lines whose ends could be taken over.
    after = {path: new.replace("\r\n", "\n") if new and not old else new for path, (old, new) in files.items()}
    text = written(before, after)
    patch = read_patch(text)
    changed = {path: new for path, new in after.items() if new != before[path]}
    if not changed:
        assert (text, patch) == ("", Flaw("is no unified diff"))
    else:
        assert isinstance(patch, Patch), patch
        assert apply(patch, before) == changed


def test_git_applies_what_is_written(tmp_path: Path) -> None:
    repo = TempRepo(tmp_path / "repo")

    @settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.dictionaries(NAME, st.tuples(texts(), texts()), min_size=1, max_size=3))
    def applies(files: dict[str, tuple[str | None, str | None]]) -> None:
        before = {path: old for path, (old, _) in files.items()}
        after = {path: new for path, (_, new) in files.items()}
        text = written(before, after)
        if not text:
            return
        for path, old in before.items():
            (repo.path / path).unlink(missing_ok=True)
            if old is not None:
                repo.write(path, old)
        repo.run("apply", "--whitespace=nowarn", "-", stdin=text.encode())
        for path, new in after.items():
            place = repo.path / path
            assert (place.read_bytes().decode() if place.exists() else None) == new

    applies()


def test_groups_cover_every_difference() -> None:
    before = "".join(f"{n}\n" for n in range(50))
    after = before.replace("\n7\n", "\nseven\n").replace("\n40\n", "\n")
    old, new = split(before), split(after)
    groups = list(LineMatcher(old, new).get_grouped_opcodes(3))
    changes = [[(old[i:j], new[k:m]) for what, i, j, k, m in group if what != "equal"] for group in groups]
    assert changes == [[(["7\n"], ["seven\n"])], [(["40\n"], [])]]
    assert [(group[0][1], group[0][3]) for group in groups] == [(4, 4), (37, 37)]
