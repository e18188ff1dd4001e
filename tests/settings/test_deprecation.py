"""What an earlier version called by another name counts, and a line says what to write."""

import pytest

from cicd_agent.errors import ConfigError
from cicd_agent.settings.loader import load

FILE = ".github/cicd-agent.yml"


@pytest.mark.parametrize(
    ("inputs", "file", "meant"),
    [
        ({}, "enforce: true", "fail"),
        ({}, "enforce: False", "shadow"),
        ({}, "on-hold: output", "output"),
        ({}, "enforce: true\non-hold: output", "output"),
        ({}, "on-hold: output\nenforce: true", "output"),
        ({}, "enforce: false\non-hold: fail", "shadow"),
        # What is written in today's spelling says all.
        ({}, "enforce: fail\non-hold: output", "fail"),
        ({}, "enforce: shadow\non-hold: fail", "shadow"),
        # Whoever stands higher counts, whichever spelling it is.
        ({"on-hold": "fail"}, "enforce: shadow", "fail"),
        ({"enforce": "output"}, "on-hold: fail", "output"),
        ({"enforce": "TRUE", "on-hold": "output"}, "enforce: false", "output"),
        ({"organisation-config": "locked: {enforce: true}", "on-hold": "output"}, "", "fail"),
    ],
)
def test_a_deprecated_spelling_means_what_it_did(inputs: dict[str, str], file: str, meant: str) -> None:
    loaded = load(inputs, file)
    assert loaded.settings.enforce == meant
    assert loaded.problems == ()
    assert loaded.deprecated


def test_each_deprecated_spelling_is_named_with_its_place_and_what_to_write() -> None:
    loaded = load({"enforce": "false"}, "model: m\non-hold: output\n")
    assert loaded.notices == (
        f"`on-hold: output` ({FILE} line 2) is deprecated: write `enforce: output`, which it counts as",
        "`enforce: false` (input) is deprecated: write `enforce: shadow`, which it counts as",
    )
    assert (loaded.origins["enforce"], loaded.settings.on_hold) == ("input", "fail")
    assert load({"enforce": "shadow"}, "enforce: output\n").notices == ()


@pytest.mark.parametrize("inputs", [{"enforce": "yes"}, {"enforce": "off"}, {"on-hold": "shadow"}, {"on-hold": "true"}])
def test_what_was_never_a_spelling_is_refused(inputs: dict[str, str]) -> None:
    [name] = inputs
    with pytest.raises(ConfigError, match=f"`{name}` must be"):
        load(inputs, None)
