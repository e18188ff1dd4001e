"""One problem is told once, two problems of one line are told both."""

from typing import Any

import pytest

from cicd_agent.domain.finding import Category, Finding, Location, Origin, Severity
from cicd_agent.modes.review.merging import merge


def model(title: str, line: int = 3, **fields: Any) -> Finding:
    return Finding(
        **{
            "id": "model",
            "title": title,
            "message": "why",
            "severity": Severity.HIGH,
            "category": Category.RELIABILITY,
            "location": Location("app.py", line),
            "quote": "reply = session.get(url)",
            "confidence": 0.9,
            "origin": Origin.MODEL,
            **fields,
        }
    )


RULE = model("SQL built by string concatenation", id="sql", origin=Origin.RULE, advice="Pass values as parameters.")


@pytest.mark.parametrize(
    ("one", "other", "told"),
    [
        (model("No timeout"), model("The timeout is missing"), 1),
        (model("`session.get` has no timeout"), model("The result of `session.get(url)` may be an error"), 2),
        (model("No timeout", advice="Set one."), model("An error status is not looked at"), 2),
        (model("No timeout"), model("No timeout", category=Category.SECURITY), 2),
        (RULE, model("SQL injection by the name", advice="Use a parameterised query."), 1),
        (RULE, model("The connection is never closed", advice="Use a context manager."), 2),
    ],
)
def test_what_stands_at_one_line_is_one_finding_when_it_says_the_same(one: Finding, other: Finding, told: int) -> None:
    rules = [one] if one.origin is Origin.RULE else []
    new, merged, known = merge([other] if rules else [one, other], rules, ())
    assert (len(new) + len(rules), len(merged), known) == (told, 2 - told, [])


def test_one_cause_at_three_places_is_one_finding_that_names_them() -> None:
    claims = [model("No timeout", line, quote=f"r{line} = session.get(url)") for line in (3, 30, 60)]
    [only], merged, _ = merge(claims, (), ())
    assert only.location.line == 3
    assert [each.location.line for each in only.elsewhere] == [30, 60]
    assert [each.reason for each in merged] == ["says what `model` says at app.py:3"] * 2


def test_the_same_words_about_other_code_are_two_findings() -> None:
    claims = [model("It may be empty"), model("It may be empty", 30, quote="total / len(rows)")]
    assert len(merge(claims, (), ())[0]) == 2
