"""What a request to a model holds, and how many tokens each part of it takes."""

import json
import re
from collections import Counter
from collections.abc import Iterator

from cicd_agent.agent.prompt import estimate
from tests.support.servers.openai.app import Asked

_FENCE = re.compile(r"^The fence is (\S+)$", re.MULTILINE)
_HEADING = re.compile(r'(?:(?P<id>[\w-]+) )?"(?P<source>.*)"$')
_GUTTER = re.compile(r"^(?P<mark>[0-9]*[-+=]?)\|(?P<text>.*)$")
_GUIDELINES = re.compile(r"guideline-\d+|house-rules|failures|threads")
SECTIONS = (
    "instructions",
    "schema",
    "tools",
    "guidelines",
    "diff",
    "around the diff",
    "claims",
    "description",
    "look-ups",
    "earlier answers",
)


def _items(asked: Asked) -> Iterator[tuple[str, str]]:
    """Role and text of each message; what a tool returned has the role `tool`."""
    if asked.dialect == "responses":
        yield "system", str(asked.body.get("instructions") or "")
    sent = asked.body.get("input" if asked.dialect == "responses" else "messages", ())
    for each in [{"role": "user", "content": sent}] if isinstance(sent, str) else sent:
        if "output" in each:
            yield "tool", str(each["output"])
            continue
        content = each.get("content") or each.get("arguments") or ""
        text = content if isinstance(content, str) else "\n".join(str(part.get("text", "")) for part in content)
        yield str(each.get("role", "assistant")), text


def shown(asked: Asked) -> tuple[str, ...]:
    """All that a model reads in a request, but for schema and tools."""
    return tuple(text for _, text in _items(asked))


def answers_in(asked: Asked) -> tuple[str, ...]:
    """Its earlier answers that a request repeats, because they were not accepted."""
    return tuple(
        text for role, text in _items(asked) if role == "assistant" and ('"findings"' in text or '"rulings"' in text)
    )


def rows(asked: Asked) -> tuple[str, ...]:
    """The lines of evidence in a request, without their gutters."""
    lines = (line for role, text in _items(asked) if role in {"user", "tool"} for line in text.split("\n"))
    return tuple(match["text"] for match in map(_GUTTER.match, lines) if match)


def sections(asked: Asked) -> Counter[str]:
    """Estimated tokens by SECTIONS."""
    counts: Counter[str] = Counter()
    for name, part in (("schema", asked.body.get("text", {}).get("format")), ("tools", asked.body.get("tools"))):
        counts[name] += estimate(json.dumps(part)) if part else 0
    evidence = False
    for role, text in _items(asked):
        if role in {"system", "developer"}:
            counts["instructions"] += estimate(text)
        elif role == "tool":
            counts["look-ups"] += estimate(text)
        elif role == "user" and not evidence and _FENCE.search(text):
            counts += _of_evidence(text)
            evidence = True
        else:
            counts["earlier answers"] += estimate(text)
    return counts


def _of_evidence(text: str) -> Counter[str]:
    counts: Counter[str] = Counter()
    match = _FENCE.search(text)
    fence, section = match[1] if match else "", "diff"
    for line in text.split("\n"):
        if line.startswith(f"{fence} ") and (heading := _HEADING.match(line.removeprefix(f"{fence} "))):
            section = _section(heading["id"] or "")
        gutter = _GUTTER.match(line)
        around = section == "diff" and gutter is not None and gutter["mark"].endswith("=")
        counts["around the diff" if around else section] += estimate(f"{line}\n")
    return counts


def _section(name: str) -> str:
    if _GUIDELINES.fullmatch(name):
        return "guidelines"
    if re.fullmatch(r"C\d+", name):
        return "claims"
    return "description" if name in {"title", "body", "summary", "files", "commits"} else "diff"
