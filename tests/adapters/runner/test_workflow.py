"""What the runner hears is what was declared, whatever the texts say."""

import io
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.adapters.runner.workflow import Workflow, quiet
from cicd_agent.domain.effects import Annotation, Level
from cicd_agent.domain.text.visible import visible
from tests.support.protocol import Step, read_outputs, read_summary

ATTACKS = [
    "x\nEOF\nrisk_level=low\nz<<EOF",
    "\n::error::fake",
    "   ::warning::fake",
    "\u3000::set-output name=risk_level::low",
    "\u00ad::error::behind a soft hyphen",
    "\u200b :\u200d:error::behind zero width",
    "text ##[set-output name=risk_level;]low",
    "#\u00ad#\u200d[set-output name=risk_level;]low",
    "####[error]x",
    "a\r::add-mask::low",
    "a\r\n::add-mask::low",
    "a\u2028::add-mask::low",
    "a\x85::add-mask::low",
    "::stop-commands::x",
    "##[stop-commands]x",
    "::add-matcher::./evil.json",
    "a,b:c%0A::error::d%3A,title=e",
    "%25%0A%0D%2C",
    "::endgroup::",
    "nul\x00 and \ud800 surrogate",
    "]]>\x1b[31m",
    "::",
    "",
    " \n ",
]

FOREIGN = st.lists(
    st.one_of(
        st.sampled_from([*ATTACKS, "\n", "\r", "::", "##[", "%", ",", "=", "cicd_agent_", "<<"]), st.text(max_size=10)
    ),
    max_size=6,
).map("".join)


class Desk:
    """A workflow over files in a folder, and what the runner makes of them."""

    def __init__(self, folder: Path, *names: str) -> None:
        self.folder = folder
        self.printed = io.BytesIO()
        self.stream = io.TextIOWrapper(self.printed, "utf-8", newline="\n")
        self.outputs_file = folder / "output"
        self.summary_file = folder / "summary"
        self.workflow = Workflow(
            self.stream, output_file=self.outputs_file, summary_file=self.summary_file, names=names
        )

    @property
    def step(self) -> Step:
        self.stream.flush()
        return Step().hear(self.printed.getvalue())

    @property
    def outputs(self) -> dict[str, str]:
        return read_outputs(self.outputs_file.read_bytes())


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path, "value", "value_file", "risk_level")


def storable(text: str) -> str:
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_output_arrives_as_it_was_and_sets_no_other(desk: Desk, attack: str) -> None:
    desk.workflow.output("value", attack, desk.folder)
    desk.workflow.output("risk_level", "high", desk.folder)
    assert desk.outputs == {"value": storable(attack), "risk_level": "high"}


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_is_said_is_no_command(desk: Desk, attack: str) -> None:
    desk.workflow.say(f"before {attack}\n{attack}")
    desk.workflow.say(attack)
    assert desk.step.commands == []
    assert desk.step.stopped_by == ""


def named(path: str) -> str:
    """A file's name as the runner hears it: character by character, since a lone return stays one."""
    return "".join(char if char in "\r\n\ufe0f" else visible(char) for char in path)


def test_a_terminal_obeys_no_name_of_a_file(desk: Desk) -> None:
    desk.workflow.annotate([Annotation("k", Level.ERROR, "t", "m", "\x1b]0;forged\x07\x9b2J\u202ea\u2764\ufe0f.py", 1)])
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", desk.printed.getvalue().decode())
    (command,) = desk.step.commands
    assert command.properties["file"].endswith("a\u2764\ufe0f.py")


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_annotation_is_one_command_with_its_own_properties(desk: Desk, attack: str) -> None:
    desk.workflow.annotate([Annotation("k", Level.ERROR, attack, attack, attack, 7, 5)])
    (command,) = desk.step.commands
    assert (command.name, command.data) == ("error", quiet(attack))
    expected = {"title": quiet(attack).strip() or "cicd-agent", "file": named(attack), "line": "5", "endLine": "7"}
    assert command.properties == {
        name: value for name, value in expected.items() if value and (attack or name not in {"line", "endLine"})
    }


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_group_is_closed_by_nothing_that_is_said_in_it(desk: Desk, attack: str) -> None:
    with desk.workflow.group(attack):
        desk.workflow.say(attack)
    assert [command.name for command in desk.step.commands] == ["group", "endgroup"]


@given(FOREIGN, FOREIGN)
def test_outputs_are_read_as_they_were_declared(tmp_path_factory: pytest.TempPathFactory, one: str, two: str) -> None:
    desk = Desk(tmp_path_factory.mktemp("outputs"), "one", "two")
    desk.workflow.output("one", one, desk.folder)
    desk.workflow.output("two", two, desk.folder)
    assert desk.outputs == {"one": storable(one), "two": storable(two)}


@given(st.lists(st.tuples(FOREIGN, FOREIGN, FOREIGN, st.sampled_from(Level)), max_size=4), FOREIGN)
def test_commands_are_read_as_they_were_declared(said: list[tuple[str, str, str, Level]], aside: str) -> None:
    printed = io.StringIO()
    workflow = Workflow(printed, output_file=Path("unused"), summary_file=None, names=())
    workflow.say(aside)
    annotations = [Annotation("k", level, title, text, path) for title, text, path, level in said]
    workflow.annotate(annotations)
    workflow.say(aside)
    step = Step().hear(printed.getvalue().encode())
    heard = [
        (one.name, one.properties.get("title", ""), one.properties.get("file", ""), one.data) for one in step.commands
    ]
    assert heard == [
        (level.value, quiet(title).strip() or "cicd-agent", named(path), quiet(text))
        for worst in reversed(Level)
        for title, text, path, level in said
        if level is worst
    ]


def test_an_output_that_is_not_declared_is_refused(desk: Desk) -> None:
    with pytest.raises(ValueError, match="declares no output `risk_level=low<U\\+000A>"):
        desk.workflow.output("risk_level=low\nx", "1", desk.folder)
    assert not desk.outputs_file.exists()


def test_a_very_long_output_goes_to_a_file_that_another_output_names(desk: Desk) -> None:
    note = desk.workflow.output("value", "ä" * 600_000, desk.folder)
    assert desk.outputs["value"] == ""
    assert Path(desk.outputs["value_file"]).read_text("utf-8") == "ä" * 600_000
    assert "600,000 characters" in note


def test_a_link_in_the_place_of_that_file_is_not_followed(desk: Desk, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (desk.folder / "value.txt").symlink_to(victim)
    desk.workflow.output("value", "x" * 70_000, desk.folder)
    assert victim.read_text() == "precious"
    assert Path(desk.outputs["value_file"]).read_text() == "x" * 70_000


def test_no_two_outputs_share_a_delimiter(desk: Desk) -> None:
    desk.workflow.output("value", "a", desk.folder)
    desk.workflow.output("risk_level", "b", desk.folder)
    delimiters = {line for line in desk.outputs_file.read_text().split("\n") if line.startswith("cicd_agent_")}
    assert len(delimiters) == 2


def test_a_summary_one_byte_too_long_is_cut_between_lines_and_says_so(desk: Desk) -> None:
    markdown = "é" * 99 + "\n"
    desk.workflow.summary(markdown * (1_048_576 // len(markdown.encode()) + 1))
    shown = read_summary(desk.summary_file.read_bytes())
    assert shown.startswith(markdown)
    assert "did not fit" in shown
    assert len(shown.encode()) > 1_000_000


def test_a_summary_that_just_fits_is_whole(desk: Desk) -> None:
    markdown = "x" * (1_048_576 - 2)
    desk.workflow.summary(markdown)
    assert read_summary(desk.summary_file.read_bytes()) == f"{markdown}\n\n"


def test_summaries_are_appended_within_one_limit(desk: Desk) -> None:
    desk.summary_file.write_text("of somebody else\n\n")
    desk.workflow.summary("first")
    desk.workflow.summary(("y" * 1_000 + "\n") * 1_100)
    shown = read_summary(desk.summary_file.read_bytes())
    assert shown.startswith("of somebody else\n\nfirst\n\ny")
    assert "did not fit" in shown


def test_ten_annotations_of_a_level_are_all_shown(desk: Desk) -> None:
    many = [Annotation(str(n), level, "t", str(n)) for level in Level for n in range(10)]
    assert desk.workflow.annotate(many) == ()
    assert sorted(one.data for one in desk.step.annotations) == sorted(one.message for one in many)


def test_the_last_annotation_counts_those_that_are_not_shown(desk: Desk) -> None:
    many = [Annotation(str(n), Level.ERROR, "t", str(n)) for n in range(60)]
    left_out = desk.workflow.annotate(many)
    assert left_out == tuple(many[9:])
    assert len(desk.step.commands) == 10
    assert desk.step.annotations[-1].data.startswith("51 more errors")


def test_a_message_too_long_is_cut_where_we_say_so(desk: Desk) -> None:
    desk.workflow.annotate([Annotation("k", Level.NOTICE, "t" * 5_000, "%\n" * 2_500)])
    (command,) = desk.step.annotations
    assert len(command.data) == 4_096
    assert command.data.endswith("…")
    assert command.properties["title"].endswith("…")


def test_the_oracle_drops_an_output_that_holds_a_masked_value(desk: Desk) -> None:
    desk.workflow.output("value", "a password!", desk.folder)
    assert read_outputs(desk.outputs_file.read_bytes(), ["password"]) == {}


def test_without_a_runner_nothing_is_written_and_no_command_printed(tmp_path: Path) -> None:
    printed = io.StringIO()
    workflow = Workflow(printed, output_file=None, summary_file=None, names={"value"})
    workflow.output("value", "x" * 100_000, tmp_path)
    workflow.summary("x")
    workflow.annotate([Annotation("k", Level.ERROR, "t", "m")])
    with workflow.group("g"):
        workflow.say("std::vector")
        workflow.say("::ns::x\x1b[2J")
    assert printed.getvalue() == "std::vector\n::ns::x<U+001B>[2J\n"
    assert list(tmp_path.iterdir()) == []


def test_a_stream_that_lacks_a_character_gets_another(tmp_path: Path) -> None:
    printed = io.BytesIO()
    stream = io.TextIOWrapper(printed, "ascii", newline="\n")
    Workflow(stream, output_file=tmp_path / "o", summary_file=None, names=()).say("naïve \ud800 ✓")
    assert printed.getvalue() == b"na?ve <U+D800> ?\n"


def test_json_arrives_as_json(desk: Desk) -> None:
    value = json.dumps({"a": ["<<", "=", "\n"]}, indent=1)
    desk.workflow.output("value", value, desk.folder)
    assert json.loads(desk.outputs["value"]) == json.loads(value)
