from pathlib import Path

from cicd_agent import __version__
from cicd_agent.analysis.rules import RULES
from cicd_agent.domain.text.credentials import find_secrets
from scripts.pages.rules import page

DOCS = Path(__file__).resolve().parents[2] / "docs" / "reference" / "rules.md"


def test_the_page_of_the_rules_is_current() -> None:
    assert DOCS.read_text("utf-8") == page()


def test_the_page_has_a_section_for_every_rule_and_no_secret() -> None:
    sections = {line.removeprefix("## ") for line in page().split("\n") if line.startswith("## ")}
    assert sections == {rule.id for rule in RULES}
    assert not [line for line in page().split("\n") if find_secrets(line)]
    assert page().isprintable() or all(line.isprintable() for line in page().split("\n"))


def test_the_page_says_since_when_there_is_a_rule_and_none_is_of_a_version_to_come() -> None:
    def numbers(version: str) -> list[int]:
        return [int(part) for part in version.split(".")]

    assert [rule.id for rule in RULES if f"· since {rule.since}\n" not in page()] == []
    assert [rule.id for rule in RULES if numbers(rule.since) > numbers(__version__)] == []
