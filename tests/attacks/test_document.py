"""The page about attacks names those that there are."""

from pathlib import Path

from fuzz.targets import TARGETS
from tests.attacks.payloads import PAYLOADS

PAGE = (Path(__file__).parent.parent.parent / "docs/reference/attacks.md").read_text("utf-8")


def test_the_table_is_that_of_the_payloads() -> None:
    for family in dict.fromkeys(each.family for each in PAYLOADS):
        names = [each.name for each in PAYLOADS if each.family == family]
        assert f"| {family} | {len(names)} | {'; '.join(names)} |\n" in PAGE


def test_every_reader_that_is_fuzzed_has_a_seed() -> None:
    assert all(target.seeds for target in TARGETS.values())
