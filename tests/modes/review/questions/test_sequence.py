"""What the first question about a change is given beside its diff."""

from cicd_agent.domain.events.event import Event, EventKind
from cicd_agent.domain.evidence import Evidence
from cicd_agent.modes.review.questions.sequence import MAX_UNSHOWN, questions
from cicd_agent.modes.shared.change_reader import gaps
from cicd_agent.settings.schema import Settings
from tests.support.samples.changes import change_of

LONG = "".join(f"  line {number}\n" for number in range(200))
CODE = ("src/app.py", "x = 1\n", "x = 2\n")


def sources(*files: tuple[str, str | None, str | None], settings: Settings | None = None) -> dict[str, str]:
    evidence = Evidence(Event(EventKind.LOCAL), change_of(*files))
    [question] = questions(evidence, (), settings or Settings())
    return {each.id or each.source: each.text for each in question.evidence}


def test_recorded_test_data_and_generated_files_are_a_line_each() -> None:
    shown = sources(
        CODE,
        ("tests/__snapshots__/page.snap", LONG, LONG.replace("line 7\n", "row 7\n")),
        ("tests/cassettes/login.yaml", None, LONG),
        ("uv.lock", None, "a\n"),
    )
    assert shown["not-shown"].split("\n") == [
        "modified tests/__snapshots__/page.snap: +1 -1, generated",
        "added tests/cassettes/login.yaml: +200 -0, recorded test data",
        "added uv.lock: +1 -0, lock file",
    ]
    assert shown.keys() == {"not-shown", "src/app.py"}


def test_what_people_write_is_shown_however_long_and_readers_are_told_of_the_rest() -> None:
    files = (
        CODE,
        ("tests/test_app.py", None, LONG),
        ("tests/data/few.json", None, "{}\n"),
        ("data/rates.csv", None, LONG),
    )
    assert sources(*files).keys() == {each for each, _, _ in files}
    recorded = change_of(CODE, ("tests/data/many.json", None, LONG))
    assert [(gap.what, gap.why) for gap in gaps(recorded, Settings())] == [
        ("tests/data/many.json", "recorded test data")
    ]


def test_the_list_is_bounded_and_names_nothing_that_is_ignored() -> None:
    many = [(f"{number}.lock", None, "a\n") for number in range(MAX_UNSHOWN + 5)]
    assert sources(CODE, *many)["not-shown"].split("\n")[-1] == "and 5 more"
    ignored = Settings(paths_ignore=("*.lock",))
    assert "not-shown" not in sources(CODE, *many, settings=ignored)
