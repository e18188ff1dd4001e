"""A mode brings its settings in its folder: they are inputs and keys of the config file like all others."""

import sys
from types import ModuleType

import pytest

from cicd_agent.domain.modes import MODES
from cicd_agent.errors import ConfigError
from cicd_agent.settings.explain import explain
from cicd_agent.settings.loader import load
from cicd_agent.settings.schema import Settings, settings_type
from cicd_agent.settings.section import Section, setting


class Greeting(Section):
    """The section of a mode that greets."""

    greeting: str = setting("What is said.", "hello", max_length=20)


@pytest.fixture
def schema(monkeypatch: pytest.MonkeyPatch) -> type[Settings]:
    package, part = ModuleType("cicd_agent.modes.greet"), ModuleType("cicd_agent.modes.greet.settings")
    package.__path__ = []
    part.SECTION = Greeting  # type: ignore[attr-defined]
    for module in (package, part):
        module.__spec__ = sys.__spec__
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(MODES, "greet", "say hello")
    return settings_type()


@pytest.mark.usefixtures("schema")
def test_a_section_of_a_mode_is_read_from_inputs_and_file() -> None:
    loaded = load({}, "greeting: hi\nfail-on: high\n")
    assert loaded.problems == ()
    assert (getattr(loaded.settings, "greeting"), loaded.settings.fail_on) == ("hi", "high")  # noqa: B009
    assert load({"greeting": "good day"}, "greeting: hi\n").origins["greeting"] == "input"
    with pytest.raises(ConfigError, match="text of at most 20 characters"):
        load({"greeting": "x" * 21}, None)


@pytest.mark.usefixtures("schema")
def test_it_is_explained_after_the_others() -> None:
    assert explain(load({}, None))[-1].name == "greeting"


def test_without_it_nothing_knows_its_settings() -> None:
    assert settings_type() is Settings
    with pytest.raises(ConfigError, match="unknown input"):
        load({"greeting": "hi"}, None)
