from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cicd_agent.analysis.risk.features import features
from cicd_agent.analysis.rules import excerpt as excerpts
from cicd_agent.analysis.rules.excerpt import compared, excerpt
from cicd_agent.analysis.rules.run import findings, ruled
from cicd_agent.domain.repository.change import Change, ChangeSource
from cicd_agent.domain.repository.diff import ChangeKind, Churn, DiffLine, FileDiff, Hunk, LineKind
from cicd_agent.domain.verdict import RiskLevel
from tests.support.samples.changes import change_of

TOKEN = "ghp_" + "a1B2c3D4e5F6" * 3
LINES = st.lists(
    st.sampled_from(["", "let a;", "eval(x);", "debugger;", "// eval(x);", f'auth("{TOKEN}");', "a" * 30, "expect(a)"]),
    max_size=40,
)


def places(file: FileDiff) -> set[tuple[str, str, int]]:
    seen = findings(Change("", "", ChangeSource.GIT, (file,)))
    return {(found.id, found.location.side, found.location.line) for found in seen}


def rows(file: FileDiff) -> list[tuple[str, int | None, int | None, str]]:
    return [(line.kind.value, line.old, line.new, line.text) for line in file.lines]


@given(LINES, LINES, st.sampled_from([2, 5, 1_000]))
@settings(max_examples=60, deadline=None)
def test_an_excerpt_holds_what_rules_find_and_counts_the_rest(old: list[str], new: list[str], size: int) -> None:
    (whole,) = change_of(("app.js", "\n".join(old), "\n".join(new))).files
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(excerpts, "LINES", size)
        part, notes = excerpt(whole, whole.lines)
    assert (part.added_count, part.deleted_count) == (whole.added_count, whole.deleted_count)
    assert places(part) == places(whole)
    assert set(rows(part)) <= set(rows(whole))
    assert notes == ()
    for hunk in part.hunks:
        for side, start in (("old", hunk.old_start), ("new", hunk.new_start)):
            numbers = [number for line in hunk.lines if (number := getattr(line, side)) is not None]
            assert numbers == list(range(start, start + len(numbers)))


def test_the_flood_of_one_rule_hides_nothing_that_another_finds() -> None:
    def flood() -> Iterator[DiffLine]:
        for number in range(1, 20_000):
            yield DiffLine(LineKind.ADDED, None, number, "eval(x)")
        yield DiffLine(LineKind.ADDED, None, 20_000, f'auth("{TOKEN}")')

    part, notes = excerpt(FileDiff("app.js", "app.js", ChangeKind.ADDED), flood())
    assert [line.new for line in part.lines] == [*range(1, 103), 19_998, 19_999, 20_000]
    assert part.excerpt_of == Churn(20_000, 0)
    assert notes == ("of app.js, the first 100 findings each of: js-dynamic-code",)


def test_of_a_line_of_megabytes_there_is_the_part_that_a_rule_means() -> None:
    line = DiffLine(LineKind.ADDED, None, 1, "a(b);" * 300_000 + f'auth("{TOKEN}");' + "a(b);" * 300_000)
    part, _ = excerpt(FileDiff("app.min.js", "app.min.js", ChangeKind.ADDED), [line])
    assert part.excerpt_of == Churn(1, 0)
    assert places(part) == {("secret", "RIGHT", 1)}
    assert sum(len(each.text) for each in part.lines) < 20_000
    (found,) = findings(Change("", "", ChangeSource.GIT, (part,)))
    assert "‹secret:github-token›" in found.quote


def test_far_from_the_beginning_of_a_long_line_only_sure_rules_count() -> None:
    line = DiffLine(LineKind.ADDED, None, 1, "a(b);" * 1_000 + f'b.innerHTML = c;auth("{TOKEN}");')
    file = FileDiff("app.js", "app.js", ChangeKind.ADDED, (Hunk(0, 0, 1, 1, "", (line,)),))
    assert places(file) == {("secret", "RIGHT", 1)}
    near = replace(line, text="b.innerHTML = c;" + line.text)
    assert len(places(replace(file, hunks=(Hunk(0, 0, 1, 1, "", (near,)),)))) == 2
    unsure = replace(line, text="a(b);" * 1_000 + "b.innerHTML = c;")
    part, _ = excerpt(file, [unsure])
    assert (part.hunks, part.excerpt_of) == ((), Churn(1, 0))


def test_of_a_file_without_a_patch_the_lines_count_that_the_other_side_has_nowhere() -> None:
    file = FileDiff("app.py", "app.py", ChangeKind.MODIFIED, omitted="no patch from the API")
    before = "import os\na = 1\nos.system(input())\ngone = 1\n"
    after = "import os\nos.system(input())\na = 1\neval(input())\n"
    part, notes = compared(file, before, after)
    assert (part.omitted, part.excerpt_of, notes) == ("", Churn(1, 1), ())
    assert [line.text for line in part.added] == ["eval(input())"]
    new, _ = compared(replace(file, kind=ChangeKind.ADDED), "", after)
    assert new.excerpt_of == Churn(4, 0)
    assert {line.new for line in new.lines if "input" in line.text} == {2, 4}
    assert compared(file, after, after)[0].excerpt_of == Churn(0, 0)


def test_a_dangerous_call_in_python_that_is_too_long_to_be_held_is_found() -> None:
    texts = [
        "import os",
        *["# a comment"] * 5_000,
        "# os.system(name)",
        'os.system(f"echo {name}")',
        *["x = 1"] * 5_000,
    ]
    added = [DiffLine(LineKind.ADDED, None, number, text) for number, text in enumerate(texts, 1)]
    part, _ = excerpt(FileDiff("app.py", "app.py", ChangeKind.ADDED), added)
    assert places(part) == {("unparsed-python", "RIGHT", 5_003)}
    other, _ = excerpt(FileDiff("app.txt", "app.txt", ChangeKind.ADDED), added)
    assert places(other) == set()


def bundle(*lines: str, path: str = "dist/index.js", before: Sequence[str] = ()) -> FileDiff:
    """A bundle that gains 3,000 lines, these first."""
    added = (*lines, *["f();"] * 3_000)
    new = [DiffLine(LineKind.ADDED, None, number, text) for number, text in enumerate(added, 1)]
    return excerpt(FileDiff(path, path, ChangeKind.MODIFIED), new, before=before)[0]


def test_what_stood_elsewhere_in_a_bundle_is_not_new_in_it() -> None:
    assert {id_ for id_, *_ in places(bundle("rejectUnauthorized: false"))} == {"js-tls-verification-off"}
    moved = bundle("rejectUnauthorized: false", before=["f();", "\trejectUnauthorized: false"])
    assert places(moved) == set()
    assert (moved.added_count, moved.deleted_count) == (3_001, 0)
    assert places(bundle("rejectUnauthorized: false", "eval(x);", path="app.ts", before=["rejectUnauthorized: false"]))


def test_a_bundle_is_not_reviewed_as_if_it_were_written_by_hand_and_is_not_low() -> None:
    example = ' * const apiToken = "abc123xyz456qrs";'
    assert {id_ for id_, *_ in places(bundle(example, path="src/index.ts"))} == {"secret"}
    assert {id_ for id_, *_ in places(bundle(example, path="src/index.js"))} == {"secret"}
    assert places(bundle(example)) == set()
    assert {id_ for id_, *_ in places(bundle(f'auth("{TOKEN}");'))} == {"secret"}
    change = Change("", "", ChangeSource.GIT, (bundle("eval(x);"),))
    (area,) = ruled(change).areas
    assert (area.floor, area.paths) == (RiskLevel.MEDIUM, ("dist/index.js",))
    assert features(change).measures.added == 0
