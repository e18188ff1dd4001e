"""Inputs, file and defaults become one Settings, and whatever is wrong is said at once."""

import re
from collections.abc import Iterable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cicd_agent.domain.finding import Severity
from cicd_agent.errors import ConfigError, Exit
from cicd_agent.settings.explain import explain, table
from cicd_agent.settings.loader import Problem, lint, load
from cicd_agent.settings.schema import Commenting, Settings
from cicd_agent.settings.values import catalogue

FILE = ".github/cicd-agent.yml"


def said(problems: Iterable[Problem]) -> list[str]:
    """The lines of the problems, less what all of them say."""
    lines = [str(problem) for problem in problems]
    assert all(line.startswith(f"{FILE} line ") and line.endswith(" Ignored for this run.") for line in lines)
    return [line.removeprefix(f"{FILE} line ").removesuffix(" Ignored for this run.") for line in lines]


def refusal(inputs: dict[str, str]) -> str:
    with pytest.raises(ConfigError) as caught:
        load(inputs, None)
    assert caught.value.exit is Exit.CONFIG
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_nothing_configured_is_the_default() -> None:
    loaded = load({}, None)
    assert loaded.settings == Settings()
    assert (loaded.config_status, loaded.problems) == ("absent", ())
    assert set(loaded.origins.values()) == {"default"}


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "\ufeff", "{}", b"", b"\xef\xbb\xbf# bom\n"])
def test_an_empty_file_is_a_good_one(text: str | bytes) -> None:
    loaded = load({}, text)
    assert (loaded.settings, loaded.config_status) == (Settings(), "ok")


def test_an_input_comes_before_the_file_and_the_file_before_the_default() -> None:
    file = "model: from-file\nmax-comments: 7\n"
    loaded = load({"model": "from-input"}, file, fallbacks={"openai-api-key": "k"})
    assert (loaded.settings.model, loaded.settings.max_comments, loaded.settings.max_rounds) == ("from-input", 7, 8)
    assert loaded.origins["model"] == "input"
    assert loaded.origins["max_comments"] == f"{FILE} line 2"
    assert loaded.origins["max_rounds"] == "default"
    assert loaded.origins["openai_api_key"] == "environment"


def test_an_empty_input_leaves_the_file_standing() -> None:
    assert load({"model": " \n"}, "model: m").settings.model == "m"


def test_an_input_comes_before_what_stands_in_for_it() -> None:
    loaded = load({"github-token": "given"}, None, fallbacks={"github-token": "found"})
    assert loaded.settings.github_token.get_secret_value() == "given"
    assert loaded.origins["github_token"] == "input"


def test_every_kind_of_value_can_be_an_input() -> None:
    settings = load(
        {
            "comment": "off",
            "fail-on-model": "TRUE",
            "max-comments": "30",
            "max-cost-usd": ".5",
            "timeout-minutes": "1.5",
            "paths-ignore": "docs/**, *.md\n\n vendor/** ",
            "pull-request": "12",
            "openai-api-key": " sk-1\n",
            "mode": "review",
            "runtime": "host",
        },
        None,
    ).settings
    assert settings.comment is Commenting.OFF
    assert settings.fail_on_model
    assert (settings.max_comments, settings.max_cost_usd, settings.timeout_minutes) == (30, 0.5, 1.5)
    assert settings.paths_ignore == ("docs/**", "*.md", "vendor/**")
    assert settings.pull_request == 12
    assert settings.openai_api_key.get_secret_value() == "sk-1"


def test_every_kind_of_value_can_be_in_the_file() -> None:
    loaded = load(
        {},
        "comment: off\nfail-on: off\nfail-on-model: True\nmax-comments: '3'\nmin-confidence: 1\n"
        "paths-ignore: [docs/**, 'a, b']\nmodel: no\nrules: {a: off, b: high, 'c': \"off\"}\n"
        "instructions: |\n  one\n  two\n",
    )
    assert loaded.problems == ()
    assert loaded.config_status == "ok"
    settings = loaded.settings
    assert (settings.comment, settings.fail_on, settings.fail_on_model) == (Commenting.OFF, "off", True)
    assert (settings.max_comments, settings.min_confidence) == (3, 1.0)
    assert settings.paths_ignore == ("docs/**", "a, b")
    assert settings.model == "no", "YAML's booleans are words here"
    assert settings.rules == {"a": "off", "b": "high", "c": "off"}
    assert settings.instructions == "one\ntwo\n"


def test_every_problem_of_a_file_is_named_with_its_line_and_the_rest_stands() -> None:
    loaded = load(
        {},
        "# ours\nmin_severty: high\nmax-comments: 99\nmodel: m\nmodel: n\nbase-url: http://evil.example\n"
        "fail-on-model: yes\nmin-severity: Medum\npaths-ignore: docs/**\nmin-confidence: [1]\napi: {a: b}\n"
        "fast-model: !ENV X\ndeny-paths: [a, [b]]\ncomment:\ngithub-token: ghs_x\n",
    )
    assert said(loaded.problems) == [
        "2: unknown key `min_severty`, did you mean `min-severity`?",
        "3: `max-comments` must be a whole number from 0 to 30, got `99`.",
        "5: `model` is set twice: line 4 counts.",
        "6: `base-url` is input-only: set it in the workflow.",
        "7: `fail-on-model` must be `on` or `off`, got `yes`.",
        "8: `min-severity` must be `low`, `medium`, `high` or `critical`, got `Medum`, did you mean `medium`?",
        "9: `paths-ignore` must be a list of texts, got `docs/**`.",
        "10: `min-confidence` must be a number from 0 to 1, got a list.",
        "11: `api` must be `auto`, `responses` or `chat`, got a mapping.",
        "12: `fast-model` must be text, got something with the tag `!ENV`.",
        "13: `deny-paths` must be a list of texts, got a list with something else in it.",
        "15: `github-token` is input-only: set it in the workflow.",
    ]
    assert loaded.config_status == "invalid"
    assert loaded.settings == Settings(model="m")


def test_the_underscore_spelling_of_a_key_is_not_the_key() -> None:
    (problem,) = lint("min_severity: high")
    assert str(problem) == (
        ".github/cicd-agent.yml line 1: unknown key `min_severity`, did you mean `min-severity`? Ignored for this run."
    )


def test_a_secret_in_the_file_is_a_grave_problem_and_is_not_repeated() -> None:
    (problem,) = lint("openai-api-key: sk-abcdef0123456789\n")
    assert problem.severity is Severity.HIGH
    assert "sk-" not in str(problem)


@pytest.mark.parametrize("value", ["nan", "inf", "1e99", "1e999", "0x10", "1_0", "١", "-1", "", "2", "true"])
def test_a_number_is_a_plain_number(value: str) -> None:
    with pytest.raises(ConfigError, match="min-confidence"):
        load({"min-confidence": value or "-"}, None)


def test_no_ceiling_is_lifted_by_a_number_beyond_all_numbers() -> None:
    assert "`max-cost-usd` must be a number of 0 or more, got `1e999`" in refusal({"max-cost-usd": "1e999"})


def test_a_rule_that_is_wrong_does_not_undo_the_others() -> None:
    text = "rules:\n  sql: off\n  evl: off\n  yaml: no\n  sql: high\n  timeout: [low]\n"
    loaded = load({}, text, known_rules={"sql", "eval", "yaml", "timeout"})
    assert loaded.settings.rules == {"sql": "off"}
    assert loaded.origins["rules"] == f"{FILE} line 1"
    assert said(loaded.problems) == [
        "3: unknown rule `evl`, did you mean `eval`?",
        "4: `yaml` must be `off`, `low`, `medium`, `high` or `critical`, got `no`.",
        "5: `sql` is set twice: line 2 counts.",
        "6: `timeout` must be `off`, `low`, `medium`, `high` or `critical`, got a list.",
    ]
    assert lint("rules:\n  anything: low\n") == ()


def test_a_file_without_sense_is_one_problem_and_leaves_the_defaults() -> None:
    loaded = load({}, "model: [\n")
    assert loaded.settings == Settings()
    assert loaded.config_status == "invalid"
    (problem,) = loaded.problems
    assert problem.severity is Severity.HIGH


def test_all_wrong_inputs_are_named_in_one_line() -> None:
    line = refusal({"min_severty": "x", "max-comments": "-1", "rules": "{}", "comment": "revew"})
    assert line == (
        "4 inputs are wrong (unknown input `min_severty`, did you mean `min-severity`?; "
        "`max-comments` must be a whole number from 0 to 30, got `-1`; "
        "`rules` is no input: set it in the config file; "
        "`comment` must be `review`, `summary` or `off`, got `revew`, did you mean `review`?). "
        "docs/reference/configuration.md lists what each may be."
    )


def test_text_that_cannot_be_encoded_is_replaced() -> None:
    loaded = load({"model": "m\ud800"}, 'instructions: "\\ud83d\\ude00 \\ud800"')
    assert (loaded.settings.model, loaded.settings.instructions) == ("m\ufffd", "😀 \ufffd")


def test_hostile_text_stays_on_its_line_and_in_its_quotes() -> None:
    line = refusal({"x\n::error::fake`": "y", "comment": "a\r##[add-mask]\x1b[31m`" + "z" * 200})
    assert "\n" not in line
    assert "\r" not in line
    assert "\x1b" not in line
    assert "z" * 50 not in line
    assert "fake``" not in line


def test_explain_shows_every_value_with_its_origin_and_no_secret() -> None:
    loaded = load(
        {"github-token": "ghs_0123456789", "instructions": "a\nb" + "c" * 100},
        "paths-ignore: [a, b]\nrules: {x: off}\n",
    )
    rows = {row.name: (row.value, row.origin) for row in explain(loaded)}
    assert list(rows) == list(catalogue())
    assert rows["github-token"] == ("set", "input")
    assert rows["openai-api-key"] == ("unset", "default")
    assert rows["paths-ignore"] == ("a, b", f"{FILE} line 1")
    assert rows["rules"] == ("x: off", f"{FILE} line 2")
    assert rows["min-severity"] == ("medium", "default")
    assert rows["max-input-tokens"] == ("150000", "default")
    assert rows["pull-request"] == ("–", "default")
    text = table(explain(loaded))
    assert len(text.splitlines()) == len(rows)
    assert re.search(r"max-comments +5 ", text)
    assert "ghs_" not in text


@pytest.mark.parametrize(
    ("inputs", "mode", "cost", "minutes"),
    [
        (
            {},
            "",
            ("by mode", "default: review 0.5, gen-tests 1, analyse-failure 0.25, deploy-gate 0.1, route 0"),
            ("by mode", "default: 5, gen-tests 15"),
        ),
        ({}, "gen-tests", ("1", "default of gen-tests"), ("15", "default of gen-tests")),
        ({}, "route", ("0", "default of route"), ("5", "default of route")),
        ({"max-cost-usd": "0", "timeout-minutes": "2"}, "gen-tests", ("0", "input"), ("2", "input")),
    ],
)
def test_explain_tells_which_limit_holds_for_a_mode(
    inputs: dict[str, str], mode: str, cost: tuple[str, str], minutes: tuple[str, str]
) -> None:
    rows = {row.name: (row.value, row.origin) for row in explain(load(inputs, None), mode)}
    assert (rows["max-cost-usd"], rows["timeout-minutes"]) == (cost, minutes)


WORDS = st.sampled_from([*catalogue(), "min_severity", "x", "rules", "", "mode"]) | st.text(max_size=12)
SECRET = st.text("ABCDEFGHJKLMNPQRSTUVWXYZ0123456789", min_size=16, max_size=60)


@given(inputs=st.dictionaries(WORDS, st.text(max_size=30) | st.sampled_from(["true", "5", "high", "0.5"])))
def test_any_inputs_are_settings_or_refused_in_one_line(inputs: dict[str, str]) -> None:
    try:
        loaded = load(inputs, None)
    except ConfigError as refused:
        line = str(refused)
    else:
        line = table(explain(loaded)).replace("\n", "")
    assert line.isprintable()


@given(secret=SECRET, before=st.text(max_size=8), after=st.text(max_size=8), name=WORDS, data=st.data())
@example(secret="A1B2C3D4E5F6G7H8", before="", after="", name="comment", data=None)
def test_a_secret_in_the_wrong_place_is_in_no_message(
    secret: str, before: str, after: str, name: str, data: st.DataObject | None
) -> None:
    misplaced = before + secret + after
    file = f'{name}: "{secret}"\n{secret}: 1\nrules:\n  {secret}: {secret}\nmodel: &{secret} x\napi: *{secret}\n'
    file = "\n".join(file.split("\n")[data.draw(st.integers(0, 5)) :]) if data else file
    inputs = {"openai-api-key": secret}
    loaded = load(inputs, file, known_rules=())
    lines = [table(explain(loaded)), *(str(problem) for problem in loaded.problems), repr(loaded.settings.github_token)]
    for wrong in ({name: misplaced}, {misplaced: "x"}, {"comment": misplaced}, {"instructions": misplaced}):
        try:
            lines.append(table(explain(load({**wrong, **inputs}, None))))
        except ConfigError as refused:
            lines.append(str(refused))
    for text in lines:
        assert secret not in text
        assert secret[:12] not in text


def test_prices_are_read_item_by_item() -> None:
    text = """\
prices:
  mine: {input: 1.5, cached-input: 0.15, output: 6}
  local: {input: 0, output: 0}
  odd: {input: much, output: 1}
  half: {input: 1}
  minus: {input: -1, output: 1}
  more: {input: 1, output: 1, per: token}
  twice: {input: 1, input: 2, output: 1}
  flat: 5
"""
    loaded = load({}, text)
    assert {name: str(price) for name, price in loaded.settings.prices.items()} == {
        "mine": "input 1.5, cached-input 0.15, output 6",
        "local": "input 0, output 0",
    }
    assert [problem.line for problem in loaded.problems] == [4, 5, 6, 7, 8, 9]
    said = [problem.message for problem in loaded.problems]
    assert said[1] == "`half` must be a mapping of `input`, `cached-input` and `output`, got a mapping."
    assert said[5] == "`flat` must be a mapping of `input`, `cached-input` and `output`, got `5`."


def test_prices_are_no_input() -> None:
    with pytest.raises(ConfigError, match="`prices` is no input"):
        load({"prices": "x"}, None)


SECTIONS = """\
review:
  model: big
  rules: {http-timeout: off}
  threshold: 80
model: small
rules: {debugger-call: off, http-timeout: low}
deploy-gate: {threshold: 90, model: other}
route: 5
revue: {}
"""


def test_a_section_counts_for_its_mode_alone_and_before_what_stands_above_all_sections() -> None:
    loaded = load({}, SECTIONS, mode="review")
    assert loaded.settings.model == "big"
    assert loaded.settings.rules == {"debugger-call": "off", "http-timeout": "off"}
    assert loaded.origins["model"] == ".github/cicd-agent.yml line 2"
    assert load({}, SECTIONS, mode="route").settings.model == "small"
    assert load({}, SECTIONS).settings.rules["http-timeout"] == "low"
    assert load({"model": "input"}, SECTIONS, mode="review").settings.model == "input"


def test_what_only_one_mode_has_counts_for_commands_that_look_back_on_it() -> None:
    assert load({}, SECTIONS).settings.threshold == 90


def test_a_section_that_is_wrong_says_where_and_why() -> None:
    problems = load({}, SECTIONS, mode="gen-tests").problems
    assert [(each.line, each.message) for each in problems] == [
        (4, "`threshold` is a setting of `deploy-gate`, not of `review`."),
        (8, "`route` must be a mapping of settings, got `5`."),
        (9, "unknown key `revue`, did you mean `review`?"),
    ]


def test_a_section_of_the_organization_holds_against_an_input() -> None:
    text = "locked: {review: {model: theirs}, fail-on: high}"
    loaded = load({"organisation-config": text, "model": "mine"}, None, mode="review")
    assert (loaded.settings.model, loaded.settings.fail_on) == ("theirs", "high")
    assert load({"organisation-config": text, "model": "mine"}, None, mode="route").settings.model == "mine"


def test_prices_are_explained_as_they_are_written() -> None:
    rows = {row.name: row.value for row in explain(load({}, "prices:\n  m: {input: 1, output: 2}\n"))}
    assert rows["prices"] == "m: input 1, output 2"
