"""The organisation's word: what it locks nobody changes, what it leaves open anybody may, and what is wrong stops."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cicd_agent.analysis.rules import RULES
from cicd_agent.app.context import in_shadow, settled
from cicd_agent.app.options import RunOptions
from cicd_agent.errors import ConfigError, Exit
from cicd_agent.settings.environment import Environment
from cicd_agent.settings.explain import explain
from cicd_agent.settings.loader import Loaded, Precedence, load
from cicd_agent.settings.schema import Settings
from cicd_agent.settings.values import Setting, catalogue, organisation_schema
from tests.settings.test_json_schema import as_written, values
from tests.support.canaries import LEAKED
from tests.support.jobs.pull_request import AFTER, BEFORE, Job
from tests.support.jobs.recorded import review, same

FILE = ".github/cicd-agent.yml"
ORGANISED = [setting for setting in catalogue().values() if setting.is_for_organisations]


def organised(text: str, inputs: Mapping[str, str] | None = None, file: str | None = None, **more: Any) -> Loaded:
    return load({"organisation-config": text, **(inputs or {})}, file, **more)


def refusal(text: str, **inputs: str) -> str:
    with pytest.raises(ConfigError) as caught:
        organised(text, inputs)
    assert caught.value.exit is Exit.CONFIG
    assert "\n" not in str(caught.value)
    return str(caught.value)


def origin(loaded: Loaded, name: str) -> str:
    return next(row.origin for row in explain(loaded) if row.name == name)


def test_a_lock_comes_before_an_input_an_input_before_the_file_and_the_file_before_a_default() -> None:
    text = "locked:\n  model: a\ndefaults:\n  model: e\n  max-comments: 9\n  max-rounds: 3\n  min-confidence: 0.5\n"
    file = "model: c\nmax-comments: 7\nmax-rounds: 4\n"
    found = organised(text, {"model": "b", "max-comments": "6"}, file)
    told = found.settings
    assert (told.model, told.max_comments, told.max_rounds, told.min_confidence) == ("a", 6, 4, 0.5)
    assert found.origins["model"] == "organisation, locked, line 2"
    assert found.origins["max_comments"] == "input"
    assert found.origins["max_rounds"] == f"{FILE} line 3"
    assert found.origins["min_confidence"] == "organisation, default, line 7"
    assert found.origins["api"] == "default"
    assert found.config_status == "ok"


def test_what_a_lock_puts_aside_is_named_in_one_notice_and_nothing_else_is() -> None:
    text = "locked:\n  fail-on: high\n  comment: off\n  rules: {a: high, b: low}\n  min-severity: low\n"
    text += "defaults: {api: chat}\n"
    found = organised(
        text, {"fail-on": "off", "api": "responses"}, "comment: off\nrules: {a: off, c: off}\nmin-severity: high\n"
    )
    (notice,) = found.notices
    assert notice == (
        "the organisation has locked what is set here, which does not count: `fail-on` (input), "
        f"`rules.a` ({FILE} line 2), `min-severity` ({FILE} line 3)"
    )
    assert found.problems == ()
    assert organised("locked: {fail-on: high}", {"fail-on": "high"}).notices == ()


def test_mappings_are_merged_key_by_key() -> None:
    text = "locked:\n  rules: {a: high}\ndefaults:\n  rules: {a: low, b: low, c: low}\n  areas: {web: [x/**]}\n"
    found = organised(text, file="rules: {a: off, b: off}\n")
    assert found.settings.rules == {"a": "high", "b": "off", "c": "low"}
    assert found.origins["rules"] == f"organisation, locked, line 2; {FILE} line 1; organisation, default, line 4"
    assert found.settings.areas == {"web": ("x/**",)}
    assert origin(found, "rules").endswith(f", not as a of {FILE} line 1 says")


def test_explain_names_what_was_put_aside() -> None:
    found = organised("locked:\n  model: a\n", {"model": "b"})
    assert origin(found, "model") == "organisation, locked, line 2, not as input says"


def test_it_may_say_what_only_inputs_may_and_leave_a_text_empty() -> None:
    text = "locked: {base-url: 'https://models.example', fallback-model: '', paths-ignore: []}"
    found = organised(
        text, {"fallback-model": "x", "paths-ignore": "**"}, fallbacks={"base-url": "https://evil.example"}
    )
    told = found.settings
    assert (told.base_url, told.fallback_model, told.paths_ignore) == ("https://models.example", "", ())
    assert "`base-url` (environment)" in found.notices[0]


def test_off_and_no_stay_words() -> None:
    assert organised("locked: {judge: off, model: no}").settings.judge == "off"
    assert organised("locked: {judge: off, model: no}").settings.model == "no"


def test_everything_that_is_wrong_is_named_at_once_with_its_line() -> None:
    text = """\
lockd: {}
locked:
  fail-on: hgh
  openai-api-key: x
  organisation-config: x
  fail_on: high
  max-rounds:
  api: ""
  rules: {}
  min-severity: low
  min-severity: high
  areas: {web: 5}
defaults: [a]
locked: {}
runtime: host
"""
    assert refusal(text, **{"max-comments": "x"}) == (
        "the inputs are wrong (`max-comments` must be a whole number from 0 to 30, got `x`; "
        "`organisation-config` line 1: unknown key `lockd`, did you mean `locked`?; "
        "`organisation-config` line 3: `fail-on` must be `off`, `low`, `medium`, `high` or `critical`, got `hgh`,"
        " did you mean `high`?; "
        "`organisation-config` line 4: `openai-api-key` is input-only: set it in the workflow; "
        "`organisation-config` line 5: `organisation-config` is input-only: set it in the workflow; "
        "`organisation-config` line 6: unknown key `fail_on`, did you mean `fail-on`?; "
        "`organisation-config` line 7: `max-rounds` must be a whole number from 1 to 20, got nothing; "
        "`organisation-config` line 8: `api` must be `auto`, `responses` or `chat`, got ``; "
        "`organisation-config` line 9: `rules` names no rules; "
        "`organisation-config` line 11: `min-severity` is set twice: line 10 counts; "
        "`organisation-config` line 12: `web` must be a list of texts, got `5`; "
        "`organisation-config` line 13: `defaults` must be a mapping of settings, got a list; "
        "`organisation-config` line 14: `locked` stands there twice; "
        "`organisation-config` line 15: unknown key `runtime`: it is read before the program is there, set it in the"
        " workflow). docs/reference/configuration.md lists what each may be."
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("# nothing yet", "neither `locked` nor `defaults` is there"),
        ("locked:", "line 1: `locked` must be a mapping of settings, got nothing"),
        ("locked: {}", "line 1: `locked` must be a mapping of settings, got nothing"),
        ("locked: [", "not YAML"),
        ("- a", "line 1: not a mapping of settings"),
        ("locked: &a {model: x}\ndefaults: *a", "aliases"),
        ("a: 1\n---\nb: 2", "more than one document"),
        ("locked: !!python/object:os.system {model: x}", "with the tag"),
        ("locked: {rules: {nonsense: off}}", "unknown rule `nonsense`"),
        ("\x00", "not YAML"),
    ],
)
def test_a_text_that_is_not_understood_is_refused_and_not_ignored(text: str, why: str) -> None:
    with pytest.raises(ConfigError) as caught:
        organised(text, known_rules={"eval", "model"})
    assert why in str(caught.value)
    assert str(caught.value).startswith("the organisation's configuration is wrong (`organisation-config`")
    assert str(caught.value).endswith("docs/reference/organisations.md says what each may be.")


def test_a_flood_of_mistakes_is_counted() -> None:
    text = "locked:\n" + "".join(f"  x{number}: 1\n" for number in range(900))
    assert "; and 850 more)" in refusal(text)


def test_a_secret_that_got_into_it_is_in_no_message() -> None:
    secret = "Q7vT2mXk9L" + "pR4wZs8NbYc3Hd"
    for text in (f"{secret}: 1", f"locked: {{fail-on: {secret}}}", f"locked: {{{secret}: x}}", f"locked: &{secret} x"):
        assert secret[:12] not in refusal(text, **{"openai-api-key": secret})


@pytest.mark.parametrize("key", ["instructions", "base-url", "model"])
def test_a_secret_is_refused_under_whatever_key_it_stands(key: str) -> None:
    found = refusal(f"defaults:\n  {key}: 'x {LEAKED} x'\n")
    assert "`organisation-config` line 2: a secret stands there: give it as an input of its own" in found
    assert LEAKED[:12] not in found
    given_ = "aV3rY" + "0wnT0k3n"
    found = refusal(f"locked: {{{key}: 'https://{given_}@x/'}}", **{"github-token": given_})
    assert "line 1: a secret stands there" in found
    assert given_ not in found


def json_values(setting: Setting) -> st.SearchStrategy[Any]:
    """What the setting may be, as it stands in a file; no mapping is empty."""
    if "pattern" in setting.shape:
        return st.sampled_from(["a" * 40, "b" * 64, "c" * 40])
    found = values(dict(setting.shape))
    return found.filter(bool) if setting.keys else found


def as_input(value: Any) -> str:
    """The same as an input's text; one that an input could not say is the word `x`."""
    match value:
        case bool() | int() | float() | str():
            return str(value).lower() if isinstance(value, bool) else str(value)
        case list():
            return "\n".join(map(str, value))
        case _:
            return "x"


EACH = st.sampled_from(ORGANISED).flatmap(lambda one: st.tuples(st.just(one), *[json_values(one) for _ in range(4)]))


@settings(max_examples=150)
@given(EACH, st.sets(st.sampled_from([Precedence.LOCKED, Precedence.INPUT, Precedence.FILE, Precedence.DEFAULTS])))
def test_of_every_setting_the_highest_word_counts(
    told: tuple[Setting, Any, Any, Any, Any], said: set[Precedence]
) -> None:
    setting, locked, given_, filed, default = told
    may = (
        said
        - ({Precedence.INPUT} if setting.file_only else set())
        - ({Precedence.FILE} if setting.input_only else set())
    )
    layers = {Precedence.LOCKED: locked, Precedence.INPUT: given_, Precedence.FILE: filed, Precedence.DEFAULTS: default}
    parts = {
        name: {setting.name: layers[rank]}
        for name, rank in (("locked", Precedence.LOCKED), ("defaults", Precedence.DEFAULTS))
        if rank in may
    }
    inputs = {"organisation-config": json.dumps(parts)} if parts else {}
    if Precedence.INPUT in may and as_input(given_).strip():
        inputs[setting.name] = as_input(given_)
    else:
        may -= {Precedence.INPUT}
    if Precedence.FILE in may and filed in ("", None):
        may -= {Precedence.FILE}
    try:
        found = load(inputs, json.dumps({setting.name: filed}) if Precedence.FILE in may else None)
    except ConfigError:
        assert Precedence.INPUT in may, "only an input that the setting cannot have"
        return
    field = setting.field
    assert found.precedence(field) == max(may, default=Precedence.BUILT_IN)
    if not may:
        assert getattr(found.settings, field) == getattr(Settings(), field)
    elif setting.keys:
        for key in {key for rank in may for key in layers[rank]}:
            best = max(rank for rank in may if key in layers[rank])
            assert as_written(getattr(found.settings, field)[key]) == layers[best][key]
            assert found.precedence(f"{field}.{key}") == best
    elif max(may) is not Precedence.INPUT:
        assert as_written(getattr(found.settings, field)) == layers[max(may)]


@settings(max_examples=150)
@given(
    EACH,
    st.dictionaries(
        st.sampled_from([*catalogue(), "x"]), st.text(max_size=20) | st.sampled_from(["true", "5", "high"])
    ),
    st.just("")
    | st.text(max_size=60)
    | st.sampled_from(["locked: {}", "defaults: {model: x}", "model: x\nmodels: {review: y}\n"]),
)
@example((catalogue()["rules"], {"a": "high"}, {}, {}, {}), {}, "rules: {a: off}\nrules: {a: low}\n")
def test_no_input_and_no_file_changes_what_is_locked(
    told: tuple[Setting, Any, Any, Any, Any], inputs: dict[str, str], file: str
) -> None:
    setting, locked, other, another, _ = told
    text = json.dumps({"locked": {setting.name: locked}})
    inputs = inputs if setting.file_only else {setting.name: as_input(other), **inputs}
    file = file if setting.input_only or file else json.dumps({setting.name: another})
    alone = getattr(organised(text).settings, setting.field)
    try:
        found = getattr(load({**inputs, "organisation-config": text}, file).settings, setting.field)
    except ConfigError:
        return  # an input that makes no sense stops the run: nothing went past the lock
    if setting.keys:
        assert {key: found[key] for key in alone} == alone
    else:
        assert found == alone


@given(st.binary(max_size=80) | st.text(max_size=80).map(str.encode))
def test_any_text_is_read_or_refused_in_one_line(raw: bytes) -> None:
    text = raw.decode("utf-8", "surrogateescape")
    try:
        line = organised(text).settings.api.value
    except ConfigError as refused:
        line = str(refused)
    assert line.isprintable()


@pytest.mark.parametrize(
    ("asked", "text", "is_shadow"),
    [
        ({"enforce": "shadow"}, "", True),
        ({"enforce": "output"}, "", False),
        ({}, "locked: {enforce: shadow}", True),
        ({"enforce": "shadow"}, "locked: {enforce: fail}", False),
        ({"enforce": "shadow"}, "locked: {enforce: maybe}", False),
        ({"enforce": "shadow", "api": "x"}, "", True),
        ({}, "defaults: {enforce: shadow}", False),
    ],
)
def test_no_gate_is_let_off_against_a_lock(asked: dict[str, str], text: str, is_shadow: bool) -> None:  # noqa: FBT001
    inputs = {**asked, **({"organisation-config": text} if text else {})}
    assert in_shadow(RunOptions(), Environment(inputs=inputs)) is is_shadow


def test_the_account_book_is_where_the_organisation_says() -> None:
    inputs = {"organisation-config": "locked: {state-dir: /srv/book}", "state-dir": "off"}
    assert settled(RunOptions(), Environment(inputs=inputs))["state-dir"] == "/srv/book"


def test_the_published_schema_says_the_same() -> None:
    schema = organisation_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    valid = jsonschema.Draft202012Validator(schema).is_valid
    assert valid({"locked": {"base-url": "x", "rules": {"a": "off"}}, "defaults": {"model": "m"}})
    bad: list[dict[str, Any]] = [{}, {"locked": {}}, {"locked": {"openai-api-key": "x"}}, {"model": "x"}]
    assert [wrong for wrong in bad if valid(wrong)] == []


def test_the_example_of_the_document_is_a_good_one() -> None:
    page = (Path(__file__).parents[2] / "docs/reference/organisations.md").read_text("utf-8")
    block = page.partition("```yaml\n")[2].partition("```")[0]
    text = yaml.safe_load(block)[0]["with"]["organisation-config"]
    found = organised(text, known_rules={rule.id for rule in RULES})
    assert found.settings.rules == {"http-timeout": "low", "secret": "critical"}
    assert found.precedence("model") is Precedence.LOCKED


def test_a_lock_holds_in_a_job_whose_summary_names_what_it_put_aside_and_in_its_replay(tmp_path: Path) -> None:
    job = Job(tmp_path, BEFORE | {".github/cicd-agent.yml": "min-confidence: 1\n"}, AFTER)
    assert review(job, fail_on="off").exit == 0
    left = review(job, fail_on="off", organisation_config="locked: {fail-on: low, min-confidence: 0}")
    assert (left.exit, left.report["account"]["config_status"]) == (1, "ok"), left.log
    assert "the organisation has locked what is set here" in left.summary
    assert "`fail-on` (input)" in left.log
    assert same(job)


def test_a_job_whose_organisation_is_not_understood_fails_though_it_only_advises(tmp_path: Path) -> None:
    left = review(Job(tmp_path), organisation_config="locked: {fail-on: hgh}")
    assert (left.exit, left.outputs["conclusion"]) == (2, "failure")
    assert "line 1: `fail-on` must be" in left.outputs["summary"]


@pytest.mark.parametrize("mode", ["route", "gen-tests"])
def test_one_file_and_one_text_serve_modes_that_know_fewer_rules(tmp_path: Path, mode: str) -> None:
    config = "rules: {model: low, http-timeout: off}\n"
    job = Job(tmp_path, BEFORE | {".github/cicd-agent.yml": config}, {"README.md": "Another app.\n"})
    left = job.run(mode, organisation_config="locked: {rules: {model: high, shell-injection: high}}")
    assert (left.exit, left.report["account"]["config_status"]) == (0, "ok"), left.log
