"""The environment is read once, whoever wrote it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.settings.environment import Environment
from cicd_agent.settings.schema import Settings
from cicd_agent.settings.values import catalogue


def test_an_empty_environment_is_a_terminal_on_github_com() -> None:
    environment = Environment.read({})
    assert environment.inputs == environment.fallbacks == environment.system == {}
    assert not environment.on_actions
    assert (environment.api_url, environment.server_url) == ("https://api.github.com", "https://github.com")


def test_what_the_runner_says_is_read() -> None:
    environment = Environment.read(
        {
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_PATH": "/tmp/event \udcff.json",
            "GITHUB_EVENT_NAME": "pull_request",
            "GITHUB_REPOSITORY": "o/r",
            "GITHUB_SHA": "a" * 40,
            "GITHUB_RUN_ID": "12",
            "GITHUB_RUN_ATTEMPT": "3",
            "GITHUB_API_URL": "https://ghe.example/api/v3/",
            "GITHUB_SERVER_URL": "https://ghe.example",
            "GITHUB_OUTPUT": "/tmp/output",
            "GITHUB_STEP_SUMMARY": "/tmp/summary",
            "RUNNER_TEMP": "/tmp",
            "RUNNER_DEBUG": "1",
        }
    )
    assert environment.on_actions
    assert environment.debug
    assert environment.event_path == "/tmp/event \udcff.json", "a path is kept as the system spells it"
    assert (environment.run.repository, environment.run.run_id, environment.run.run_attempt) == ("o/r", "12", "3")
    assert environment.api_url == "https://ghe.example/api/v3"
    assert environment.server_url == environment.run.server_url == "https://ghe.example"
    assert (environment.output_file, environment.summary_file) == ("/tmp/output", "/tmp/summary")


@pytest.mark.parametrize("variable", ["INPUT_MIN_SEVERITY", "INPUT_MIN-SEVERITY", "INPUT_MIN SEVERITY"])
def test_every_spelling_of_an_input_is_its_name(variable: str) -> None:
    assert Environment.read({variable: " high\n"}).inputs == {"min-severity": "high"}


def test_the_spelling_that_the_action_uses_comes_first() -> None:
    both = {"INPUT_MIN-SEVERITY": "low", "INPUT_MIN_SEVERITY": "high"}
    assert Environment.read(both).inputs == {"min-severity": "high"}


@pytest.mark.parametrize("empty", ["", " ", "\n"])
def test_empty_is_unset(empty: str) -> None:
    variables = {"INPUT_MODEL": empty, "OPENAI_API_KEY": empty, "GITHUB_API_URL": empty, "NO_COLOR": empty}
    assert Environment.read(variables) == Environment.read({})


def test_the_variables_of_other_tools_stand_in_for_inputs() -> None:
    variables = {"OPENAI_API_KEY": "key", "OPENAI_BASE_URL": "http://x", "GH_TOKEN": "one", "GITHUB_TOKEN": "other"}
    assert Environment.read(variables).fallbacks == {
        "openai-api-key": "key",
        "base-url": "http://x",
        "github-token": "other",
    }
    assert Environment.read({"GH_TOKEN": "one"}).fallbacks == {"github-token": "one"}


def test_a_child_process_is_told_the_way_and_no_secret() -> None:
    variables = {
        "PATH": "/bin",
        "https_proxy": "http://proxy",
        "GITHUB_TOKEN": "t",
        "INPUT_MODEL": "m",
        "LD_PRELOAD": "x",
    }
    environment = Environment.read({**variables, "REQUESTS_CA_BUNDLE": "/ca.pem"})
    assert environment.system == {"PATH": "/bin", "https_proxy": "http://proxy", "REQUESTS_CA_BUNDLE": "/ca.pem"}
    assert environment.ca_bundle == "/ca.pem"


def test_nothing_secret_is_in_the_representation() -> None:
    variables = {"INPUT_GITHUB_TOKEN": "ghs_secret", "OPENAI_API_KEY": "sk-secret", "HTTPS_PROXY": "http://me:secret@p"}
    assert "secret" not in repr(Environment.read(variables))
    assert "secret" not in repr(Settings.model_validate({"github-token": "ghs_secret", "openai-api-key": "sk-secret"}))


@given(st.dictionaries(st.text(max_size=20).map("INPUT_".__add__) | st.text(max_size=20), st.text(max_size=20)))
def test_any_environment_can_be_read(variables: dict[str, str]) -> None:
    environment = Environment.read(variables)
    for name, value in environment.inputs.items():
        assert value
        f"{name}{value}".encode()


def test_every_setting_has_one_sentence_about_it() -> None:
    for setting in catalogue().values():
        assert setting.description.endswith("."), setting.name
        assert setting.description[0].isupper(), setting.name
        assert "\n" not in setting.description
        assert ". " not in setting.description, setting.name


def test_the_file_may_name_no_secret_host_or_path() -> None:
    input_only = {name for name, setting in catalogue().items() if setting.input_only}
    assert {name for name, setting in catalogue().items() if setting.is_secret} <= input_only
    assert {"base-url", "working-directory", "config-file", "pull-request"} <= input_only
    assert not any(setting.file_only and setting.input_only for setting in catalogue().values())


def test_the_account_at_openai_is_named_in_headers_of_every_request() -> None:
    read = Environment.read({"OPENAI_ORG_ID": "org-1\n", "OPENAI_PROJECT_ID": ""})
    assert read.account == {"OpenAI-Organization": "org-1"}
