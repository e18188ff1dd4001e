"""What is no pattern is said where it is set: a list that hides files must not turn out to hide none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.domain.repository.paths import all_patterns, matcher
from cicd_agent.errors import ConfigError
from cicd_agent.settings.loader import load
from cicd_agent.settings.schema import Settings

NONE = ("[z-a]", "src/[t-o]*.py", "!", "trailing\\", "\\")


@pytest.mark.parametrize("pattern", NONE)
def test_what_is_no_pattern_is_named_by_its_number(pattern: str) -> None:
    with pytest.raises(ValueError, match="and number 2 is none"):
        all_patterns(("docs/**", pattern))


@given(st.lists(st.text("[]!-^\\*?/#: \nab.{}\0"), max_size=3), st.text("ab./[]-", min_size=1))
def test_any_list_matches_or_is_refused(patterns: list[str], path: str) -> None:
    try:
        found = matcher(all_patterns(tuple(patterns)))
    except ValueError:
        return
    found.match_file(path)


@pytest.mark.parametrize("pattern", NONE)
def test_an_input_that_is_none_ends_the_run(pattern: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load({"paths-ignore": f"docs/**\n{pattern}"}, None)
    assert "must be a list of patterns as .gitignore has them, and number 2 is none" in str(refused.value)


def test_a_file_that_has_none_hides_what_is_hidden_by_default() -> None:
    loaded = load({}, "deny-paths: [secret.txt, '[z-a]']\n")
    [problem] = loaded.problems
    assert problem.line == 1
    assert loaded.settings.deny_paths == Settings().deny_paths
    assert loaded.config_status == "invalid"
