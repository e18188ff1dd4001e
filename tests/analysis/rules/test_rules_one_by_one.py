"""The rules take one file after the other: what they read of it is gone when they come to the next."""

import weakref
from collections.abc import Iterator
from dataclasses import replace

from cicd_agent.analysis.rules import RULES
from cicd_agent.analysis.rules.context import ChangeContext, FileContext
from cicd_agent.analysis.rules.rule import Hit, Rule
from cicd_agent.analysis.rules.run import findings
from cicd_agent.domain.repository.change import Change
from tests.support.samples.changes import change_of

# The same names in all of them, so that the rules which look at the whole change have something to find.
_PRODUCT = "import pickle\n\n\ndef load(data):\n    return pickle.loads(data)\n"
_TEST = "def test_load():\n    assert load(b'') is None\n    assert 1\n"


def some_files() -> Change:
    change = change_of(
        *((f"app/m{n}.py", "import os\n", _PRODUCT.replace("load(", f"load_{n}(", 1)) for n in range(3)),
        ("tests/test_a.py", _TEST, "def test_load():\n    pass\n"),
        ("tests/test_b.py", _TEST, None),
        ("deploy/values.yaml", None, "a: 1\nb: 2\n"),
    )
    assert findings(change)
    return change


def test_parsed_texts_of_a_file_are_gone_when_the_next_one_is_looked_at() -> None:
    parsed: list[weakref.ref[object]] = []
    alive: list[int] = []

    def check(context: FileContext) -> Iterator[Hit]:
        alive.append(sum(1 for each in parsed if each() is not None))
        texts = (context.python, context.old_python, context.yaml)
        parsed.extend(weakref.ref(each) for each in texts if each is not None)
        yield Hit(0)

    probe: Rule = replace(RULES[0], check=check, exempt=frozenset())
    findings(some_files(), rules=(*RULES, probe))
    assert parsed
    assert alive == [0] * len(some_files().files)


def test_a_file_is_judged_the_same_whichever_was_looked_at_before() -> None:
    change = some_files()
    assert findings(replace(change, files=change.files[::-1])) == findings(change)


def test_what_is_asked_of_the_whole_change_parses_no_file() -> None:
    change_context = ChangeContext(some_files())
    for name in ("present", "has_tests", "tests", "tested", "added", "taken_out", "vanished", "shrinks", "gains_tests"):
        getattr(change_context, name)
    assert change_context.lost_module(["app.m1"]) is False
    assert all(
        {"python", "old_python", "yaml", "old_yaml"}.isdisjoint(vars(context)) for context in change_context.files
    )
