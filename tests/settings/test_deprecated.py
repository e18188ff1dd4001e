"""An old name works, says which takes its place, and goes neither before nor after the version that was promised."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from cicd_agent import __version__
from cicd_agent.analysis.rules.suppression import silence
from cicd_agent.domain.version import minor
from cicd_agent.settings.deprecated import DEPRECATED, Deprecated, renamed_outputs
from cicd_agent.settings.loader import load
from cicd_agent.settings.schema import Settings
from tests.modes.review.test_verdict import CHANGE, finding

CHANGELOG = (Path(__file__).parents[2] / "CHANGELOG.md").read_text("utf-8")
MINORS = 2
"""For so many an old name is kept."""

SETTING = Deprecated("setting", "effort", "max-rounds", "0.2", "0.4")
RULE = Deprecated("rule", "quiet", "shell", "0.2", "0.4")
OUTPUT = Deprecated("output", "verdict", "decision", "0.2", "0.4")
TABLE = (SETTING, RULE, OUTPUT)


def promise(each: Deprecated) -> str:
    """The line of the change log."""
    return f"- Deprecated: {each.kind} `{each.old}`, now `{each.new}`; it goes in {each.gone}."


def broken(table: Sequence[Deprecated], changelog: str, version: str) -> list[str]:
    """Where the table does not keep what the change log has promised, which nobody writes anew."""
    running = minor(version)
    lines = re.findall(
        r"^- Deprecated: (\w+) `([^`]+)`, now `([^`]+)`; it goes in ([0-9.]+)\.$", changelog, re.MULTILINE
    )
    there = {(each.kind, each.old, each.new, each.gone) for each in table}
    early = [
        f"{old} is gone too early"
        for kind, old, new, gone in lines
        if running < minor(gone)
        if (kind, old, new, gone) not in there
    ]
    late = [f"{each.old} is kept too long" for each in table if running >= minor(each.gone)]
    told = {(kind, old) for kind, old, _, _ in lines}
    silent = [f"{each.old} is not in the change log" for each in table if (each.kind, each.old) not in told]
    short = [
        f"{each.old} is not kept for {MINORS} minor versions"
        for each in table
        if minor(each.gone) < (minor(each.since)[0], minor(each.since)[1] + MINORS)
    ]
    return [*early, *late, *silent, *short]


def test_what_was_promised_of_our_own_names_is_kept() -> None:
    assert broken(DEPRECATED, CHANGELOG, __version__) == []


def test_a_name_that_goes_too_early_or_stays_too_long_is_noticed() -> None:
    log = "\n".join(map(promise, TABLE))
    assert broken(TABLE, log, "0.2.0") == broken(TABLE, log, "0.3.9") == broken((), log, "0.4.0") == []
    assert broken(TABLE[1:], log, "0.3.0") == ["effort is gone too early"]
    assert broken(TABLE[:1], log, "0.4.0") == ["effort is kept too long"]
    assert broken(TABLE[:1], "", "0.2.0") == ["effort is not in the change log"]
    hasty = Deprecated("setting", "effort", "max-rounds", "0.2", "0.3")
    assert broken([hasty], promise(hasty), "0.2.0") == ["effort is not kept for 2 minor versions"]
    moved = Deprecated("setting", "effort", "max-rounds", "0.2", "0.5")
    assert broken([moved], log.split("\n")[0], "0.3.0") == ["effort is gone too early"], "another version was promised"


NOTICE = "the setting `effort` is now called `max-rounds`: the old name goes in 0.4"


@pytest.mark.parametrize(
    ("inputs", "file"),
    [
        ({"effort": "3"}, None),
        ({}, "effort: 3\n"),
        ({"organisation-config": "locked: {effort: 3}"}, None),
        ({"organisation-config": "defaults: {effort: 3}"}, None),
        ({"effort": "9", "max-rounds": "3"}, None),
        ({}, "effort: 9\nmax-rounds: 3\n"),
    ],
)
def test_an_old_name_of_a_setting_works_and_is_noticed_once(inputs: dict[str, str], file: str | None) -> None:
    found = load(inputs, file, renames=TABLE)
    assert found.settings.max_rounds == 3
    assert found.notices == (NOTICE,)
    assert found.problems == ()


def test_an_old_name_is_noticed_wherever_it_stands_but_once() -> None:
    assert load({"effort": "3"}, "effort: 4\n", renames=TABLE).notices == (NOTICE,)


def test_an_old_name_without_its_table_is_unknown() -> None:
    assert "unknown key `effort`" in str(load({}, "effort: 3\n").problems[0])


def test_an_old_name_of_a_rule_works_in_the_file_and_in_a_comment() -> None:
    found = load({}, "rules:\n  quiet: off\n", known_rules={"shell"}, renames=TABLE)
    assert (found.settings.rules, found.problems) == ({"shell": "off"}, ())
    assert found.notices == ("the rule `quiet` is now called `shell`: the old name goes in 0.4",)
    renames = [Deprecated("rule", "hush", "shell", "0.2", "0.4")]
    standing, (silenced,) = silence([finding(line=2)], CHANGE, Settings(), renames=renames)
    assert standing == []
    assert silenced.reason == "known to the team; the rule `hush` is now called `shell`: the old name goes in 0.4"
    assert silence([finding(line=2)], CHANGE, Settings())[0] == [finding(line=2)]


def test_an_output_is_there_under_both_names() -> None:
    assert renamed_outputs({"decision": "hold", "x": ""}, TABLE) == {"decision": "hold", "x": "", "verdict": "hold"}
    assert renamed_outputs({"x": ""}, TABLE) == {"x": ""}
