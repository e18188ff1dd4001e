from dataclasses import replace

import pytest

from cicd_agent.analysis.rules import RULES
from cicd_agent.analysis.rules.rule import Example, Rule
from cicd_agent.analysis.rules.run import findings
from cicd_agent.domain.events.event import Event, EventKind
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.finding import Origin, Severity
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.diff import Side
from cicd_agent.modes.review.mode import MODE
from cicd_agent.settings.schema import Settings
from tests.support.samples.changes import BINARY, as_link, change_of

TOKEN = "ghp_" + "0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0uV1wX"


def example(shown: Example) -> Change:
    own = [] if any(path == shown.path for path, _, _ in shown.also) else [(shown.path, shown.before, shown.after)]
    change = change_of(*own, *shown.also, paths=shown.paths)
    return replace(change, files=tuple(map(as_link, change.files))) if shown.link else change


def ids(change: Change) -> set[str]:
    return {finding.id for finding in findings(change)}


def added(path: str, text: str) -> set[str]:
    return ids(change_of((path, None, text)))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_each_bad_example_fires_exactly_its_rule_and_a_good_one_none(rule: Rule) -> None:
    assert [ids(example(bad)) for bad in rule.bad] == [{rule.id}] * len(rule.bad)
    assert [ids(example(good)) for good in rule.good] == [set()] * len(rule.good)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_says_what_it_is(rule: Rule) -> None:
    assert rule.id == rule.id.lower().replace("_", "-").replace(" ", "-")
    assert rule.title
    assert rule.title[0].isupper()
    assert not rule.title.endswith(".")
    assert rule.reason.endswith(".")
    assert rule.remedy.endswith(".")
    assert 0 < rule.confidence <= 1


def test_every_rule_has_its_own_id() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)


def test_findings_are_the_rules_own_and_sorted() -> None:
    change = change_of(("b.py", None, "eval(x)\nbreakpoint()\n"), ("a.py", None, "breakpoint()\n"))
    found = findings(change)
    assert [(one.location.path, one.location.line, one.id) for one in found] == [
        ("a.py", 1, "debugger-call"),
        ("b.py", 1, "dynamic-code"),
        ("b.py", 2, "debugger-call"),
    ]
    assert {one.origin for one in found} == {Origin.RULE}


def test_a_secret_is_reported_and_never_repeated() -> None:
    (found,) = findings(change_of(("deploy.py", None, f'x = 1\nTOKEN = "{TOKEN}"\n')))
    assert (found.id, found.location.line) == ("secret", 2)
    assert "TOKEN" in found.quote
    assert TOKEN not in repr(found)


def test_no_other_rule_repeats_a_secret_on_its_line() -> None:
    for found in findings(change_of(("deploy.py", None, f'eval(f"{{x}}{TOKEN}")\n'))):
        assert TOKEN not in repr(found)


def test_a_secret_in_a_test_weighs_less() -> None:
    (found,) = findings(change_of(("tests/test_x.py", None, f'TOKEN = "{TOKEN}"\n')))
    assert found.severity is Severity.MEDIUM


HEX = "0a1b2c3d4e5f60718293a4b5c6d7e8f9a0b1c2d3"
AUTH = '{"auths": {"h.example": {"auth": "ZGVwbG95ZXI6aHVudGVyLXR3byE="}}}'


@pytest.mark.parametrize(
    ("path", "line", "found"),
    [
        (".netrc", "machine h.example login me password tr0ub4dor", True),
        ("tests/.netrc", "machine h.example login me password tr0ub4dor", False),
        (".docker/config.json", AUTH, True),
        (".NPMRC", f"//registry.npmjs.org/:_authToken={TOKEN}", True),
        ("terraform.tfstate", f'"token": "{TOKEN}"', True),
        ("settings.xml", "<password>tr0ub4dor</password>", True),
        ("deploy.py", "lin" + f"_api_{HEX}", True),
        ("deploy.py", f"datadog = '{HEX}'", False),
        ("deploy.py", "pay('sk" + f"_test_{HEX[:24]}')", False),
        ("deploy.py", "pay('sk" + f"_live_{HEX[:24]}')", True),
    ],
)
def test_what_is_masked_is_reported_where_somebody_could_use_it(path: str, line: str, *, found: bool) -> None:
    assert ("secret" in added(path, f"{line}\n")) == found


def test_lines_that_were_there_before_are_left_alone() -> None:
    before = "import pickle\n\n\ndef read(f):\n    return pickle.load(f)\n"
    assert ids(change_of(("store.py", before, before + "\n\nLIMIT = 3\n"))) == set()


def test_code_in_documents_is_left_alone_but_secrets_and_conflicts_are_not() -> None:
    assert added("docs/guide.md", "eval(x)\nrequests.get(u)\n<<<<<<< HEAD\n") == {"conflict-marker"}
    assert added("README.rst", f"token: {TOKEN}\n") == {"secret"}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("src/_vendor/x.py", {"unsafe-deserialisation"}),
        ("x_pb2.py", {"unsafe-deserialisation"}),
        ("tests/test_x.py", set()),
        ("examples/x.py", set()),
    ],
)
def test_code_that_is_not_ours_or_not_shipped_is_held_to_less(path: str, expected: set[str]) -> None:
    assert added(path, "import pickle, requests\npickle.loads(d)\nrequests.get(u)\n") == expected


def test_attributes_say_what_is_generated() -> None:
    change = change_of(("x.py", None, "eval(y)\n"))
    (file,) = change.files
    assert ids(replace(change, files=(replace(file, attributes=("linguist-generated",)),))) == set()


def test_lock_files_are_not_read_line_by_line() -> None:
    assert added("uv.lock", f'token = "{TOKEN}"\n') == set()


def test_a_file_that_does_not_parse_is_still_read_by_line() -> None:
    assert added("x.py", f'def (:\nTOKEN = "{TOKEN}"\n<<<<<<< HEAD\n') == {"secret", "conflict-marker"}


def test_a_change_to_the_configured_config_file_is_ours() -> None:
    change = change_of((".github/bot.yml", "a: 1\n", "a: 2\n"))
    evidence = Evidence(Event(EventKind.LOCAL), change)
    draft = MODE.rules(evidence, Settings(config_file=".github/bot.yml"))
    assert [found.id for found in draft.findings] == ["own-config"]
    assert MODE.rules(evidence, Settings()).findings == ()


def test_without_a_change_nothing_is_claimed() -> None:
    draft = MODE.rules(Evidence(Event(EventKind.LOCAL)), Settings())
    assert (draft.findings, draft.areas) == ((), ())


def test_a_deleted_assertion_is_found_on_the_old_side() -> None:
    before = "def test_a():\n    x = f()\n    assert x == 1\n    assert x > 0\n"
    (found,) = findings(change_of(("tests/test_a.py", before, before.replace("    assert x == 1\n", ""))))
    assert (found.id, found.location.side, found.location.line) == ("assertion-weakened", Side.LEFT, 3)


def test_a_binary_is_no_text() -> None:
    assert ids(change_of(("a.png", None, BINARY), ("b.so", None, BINARY))) == {"binary-program"}
