"""The tables of the documents are made of the code, and what people wrote around them stays."""

from pathlib import Path

import pytest

from cicd_agent.domain.events.event import EventKind
from cicd_agent.domain.modes import MODES
from cicd_agent.errors import Exit
from cicd_agent.modes import contract_of
from cicd_agent.settings.schema import ModeName
from scripts.actions import output_names
from scripts.pages import events, exits, of_mode
from scripts.pages.marked import Unmade, marks, remade
from scripts.pages.rows import table

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (
    "# A\n\nwords | words\n\n<!-- made: sum 1 2 -->\nold\n\n| old |\n<!-- /made -->\nmore\n"
    "<!-- made: sum 3 -->\n<!-- /made -->\n"
)


def add(*numbers: str) -> str:
    return str(sum(map(int, numbers)))


def first_cells(text: str) -> list[str]:
    return [line.split(" | ")[0].removeprefix("| ") for line in text.split("\n") if line.startswith("| `")]


def test_only_what_stands_between_the_marks_is_made_anew() -> None:
    made = PAGE.replace("old\n\n| old |", "3").replace("sum 3 -->\n", "sum 3 -->\n3\n")
    assert remade(PAGE, {"sum": add}) == made
    assert remade(made, {"sum": add}) == made
    assert marks(made) == ["sum 1 2", "sum 3"]


@pytest.mark.parametrize(
    ("page", "said"),
    [
        (PAGE.replace("\n<!-- /made -->\nmore", "\nmore"), "without its end"),
        (PAGE.replace("<!-- made: sum 3 -->\n", ""), "without its mark"),
        (PAGE.replace("sum 3", "summ 3"), "nothing is called `summ 3`"),
    ],
)
def test_a_mark_that_means_nothing_is_refused_and_not_passed_over(page: str, said: str) -> None:
    with pytest.raises(Unmade, match=said):
        remade(page, {"sum": add})


def test_a_cell_never_ends_its_row() -> None:
    assert table(["a"], [["one | two"]]).split("\n")[-1] == "| one \\| two |"


@pytest.mark.parametrize("mode", [*MODES])
def test_the_tables_of_a_mode_have_each_of_its_inputs_outputs_and_permissions_once(mode: ModeName) -> None:
    filed = [cell for cell, *_ in of_mode.file_rows(mode)]
    inputs = [f"`{name}`" for name in contract_of(mode).inputs]
    assert sorted(first_cells(of_mode.inputs(mode))) == sorted([*inputs, *filed])
    assert not {*inputs} & {*filed}
    assert sorted(first_cells(of_mode.outputs(mode))) == sorted(f"`{name}`" for name in output_names(mode))
    assert first_cells(of_mode.permissions(mode)) == [
        f"`{each.name}: {each.access}`" for each in contract_of(mode).permissions
    ]


def test_a_limit_that_differs_by_mode_is_that_of_the_page() -> None:
    published: dict[ModeName, str] = {"review": "0.5", "gen-tests": "1", "deploy-gate": "0.1"}
    for mode, usd in published.items():
        assert f"| `max-cost-usd` | `{usd}` | yes |" in of_mode.inputs(mode)
    assert "| `github-token` | `${{ github.token }}` | no |" in of_mode.inputs("route")


@pytest.mark.parametrize("mode", [*MODES])
def test_the_page_of_a_mode_has_its_own_tables(mode: ModeName) -> None:
    made = marks((DOCS / "reference" / f"{mode}.md").read_text("utf-8"))
    assert {f"{what} {mode}" for what in ("inputs", "outputs", "permissions", "exits")} <= {*made}
    assert any(words.startswith(f"excerpt {mode}/") for words in made)
    assert [words for words in made if words.split()[1].partition("/")[0] != mode] == []


def test_only_a_mode_that_fails_closed_fails_for_lack_of_github_or_a_model() -> None:
    for code in (Exit.FORGE, Exit.MODEL, Exit.BUDGET, Exit.MISBEHAVED):
        assert exits.ending("deploy-gate", code) == str(int(code))
        assert exits.ending("review", code).startswith("0, with a warning")
    assert exits.ending("route", Exit.STOP) == "never"
    assert {*exits.MEANINGS} == {*Exit}


def test_what_is_served_is_what_the_modes_say() -> None:
    def served(mode: ModeName) -> set[str]:
        return {kind.value for kind in EventKind if not events.declined(mode, kind)} - {"local", "other"}

    assert served("review") == {"pull_request", "pull_request_target", "push", "merge_group", "workflow_run"}
    assert served("gen-tests") == {"pull_request", "push", "merge_group"}
    assert events.answer("deploy-gate", EventKind.PULL_REQUEST) == "holds"
    assert events.answer("deploy-gate", EventKind.ISSUE_COMMENT) == "no"
    assert {"push", "deployment", "release", "schedule", "workflow_dispatch", "workflow_run"} == served("deploy-gate")
    assert len(served("route")) == len(EventKind) - 2
