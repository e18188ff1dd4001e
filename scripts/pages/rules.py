"""The page of the rules, docs/reference/rules.md, made from the rules themselves so that it cannot fall behind."""

import difflib
from collections.abc import Iterator

from cicd_agent.analysis.rules import RULES
from cicd_agent.analysis.rules.rule import Example, Rule
from cicd_agent.domain.text.markdown import fence
from cicd_agent.domain.text.redaction import mask

_MARK = "<!-- Made by scripts/docs.py from src/cicd_agent/analysis/rules/: change that, then `make docs`. -->"
_INTRODUCTION = """\
A rule finds in a change what needs no model to be known. It looks at added lines (and at what was deleted, for tests,
guards, permissions and interfaces), never at what was there before. What merely touches a risky part, such as a
migration, the login or the contract of an API, is no finding: it is an area, and sets a floor under the risk.

The confidence of each rule is 1.0 where the shape alone is the proof; some places lower it. Only
findings of 0.7 and more become inline comments by default. Most rules leave tests, examples, documents, and vendored
and generated files alone. `console.log` is no rule: too many are meant.

Silence a rule with `rules: {<id>: off}` in `.github/cicd-agent.yml`, or one place with a comment on its line,
`cicd-agent: ignore[<id>] reason`.
"""
_WIDEST = 110


def page() -> str:
    """The whole page, in Markdown."""
    rows = [
        "| rule | severity | confidence | finds |",
        "|---|---|---|---|",
        *(f"| [{rule.id}](#{rule.id}) | {rule.severity} | {rule.confidence} | {rule.title} |" for rule in RULES),
    ]
    parts = ["# Rules", _MARK, _INTRODUCTION.rstrip(), "\n".join(rows), *map(_section, RULES)]
    return "\n\n".join(parts) + "\n"


def _section(rule: Rule) -> str:
    return "\n\n".join(
        [
            f"## {rule.id}",
            f"**{rule.title}** · {rule.severity} · {rule.category} · since {rule.since}",
            f"Looks at {rule.inspects}.",
            f"{rule.reason} {rule.remedy}",
            "Found:",
            *map(_example, rule.bad),
            "Not found:",
            *map(_example, rule.good),
        ]
    )


def _example(example: Example) -> str:
    """The change as a diff, each file under its name; secrets masked, hidden characters shown."""
    lines: list[str] = []
    if not any(path == example.path for path, _, _ in example.also):
        lines += _diff(example.path, example.before, example.after)
    for path, before, after in example.also:
        lines += _diff(path, before, after)
    lines += [f"(also there: {path})" for path in example.paths]
    return fence("\n".join(lines), "diff").rstrip("\n")


def _diff(path: str, before: str | None, after: str | None) -> Iterator[str]:
    yield path
    if "\0" in (before, after):
        yield "(binary)"
        return
    old, new = ([] if text is None else mask(text).expandtabs(4).splitlines() for text in (before, after))
    told = difflib.unified_diff(old, new, lineterm="")
    lines = [line for line in told if not line.startswith(("--- ", "+++ ", "@@ "))]
    yield from (line if len(line) <= _WIDEST else f"{line[:_WIDEST]}…" for line in lines)
