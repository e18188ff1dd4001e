"""A fake model server that answers whoever asks in the shape that they want, with one finding when it sees its line."""

import re
from collections.abc import Iterator, Mapping
from threading import Lock
from typing import Any

from cicd_agent.adapters.models.capabilities import printed
from cicd_agent.agent.schema import strict
from cicd_agent.domain.text.quote import SHORTEST
from cicd_agent.modes.review.questions.description_check import DescriptionDraft
from cicd_agent.modes.review.questions.draft import ReviewDraft
from cicd_agent.modes.review.questions.judge import JudgeDraft
from tests.support.servers.openai.app import Asked, Canned, OpenAIServer, answer

_CLAIM = re.compile(r"(?m)^[a-z]{28} (C\d+) ")
_EXCERPT = re.compile(r"(?m)^[a-z]{28} E\d+ ")
_CODE = re.compile(r"(?m)^\d+[+ ]?\|(.*)$")
_WHERE = "It is not checked before it is used."
_WHAT = "Fails when it is empty"


class SpeakingServer(OpenAIServer):
    """Answers without a script. With `strict` a request that the real API would refuse is refused."""

    def __init__(self, planted: tuple[str, int, str], *, strict: bool) -> None:
        super().__init__()
        self._planted = planted
        self._strict = strict
        self._turn = Lock()

    def respond(self, asked: Asked) -> Canned:
        """One answer; see the module."""
        step = answer(
            self._words(asked), usage={"input": len(asked.text) // 4, "cached": 0, "output": 90, "reasoning": 0}
        )
        if self._strict:
            # Two questions are asked at once: each takes the step that is made for it.
            with self._turn:
                self.steps.insert(0, step)
                said = super().respond(asked)
                self.steps.clear()
            return said
        self.asked.append(asked)
        return step(asked)

    def _words(self, asked: Asked) -> object:
        path, line, text = self._planted
        said = "\n".join(texts(asked))
        seen = text in said and path in said
        if schema := schema_of(asked):
            findings = [_claim(path, line, text)] if seen else []
            return fitting(schema, {**_OURS, "findings": findings, "rulings": list(_rulings(said, text))})
        if "PRReview" in said:
            return _YAML.format(issues=_ISSUE.format(path=path, line=line, what=_WHAT, where=_WHERE) if seen else " []")
        if "JSON array" in said:
            return [{"file": path, "line": line, "message": _WHERE, "suggestion": None}] if seen else []
        return "Updates the package."


def texts(asked: Asked) -> Iterator[str]:
    """The text of every message of a request, the schema and the tools apart."""
    if asked.dialect == "responses":
        yield str(asked.body.get("instructions") or "")
    said = asked.body.get("input" if asked.dialect == "responses" else "messages", ())
    for message in [{"content": said}] if isinstance(said, str) else said:
        content = message.get("content") or ""
        yield content if isinstance(content, str) else "\n".join(str(part.get("text", "")) for part in content)


def schema_of(asked: Asked) -> Mapping[str, Any]:
    """The schema of the answer: of the format, else the one printed in the instructions, as we do for Chat."""
    if asked.dialect == "responses":
        found = asked.body.get("text", {}).get("format", {}).get("schema")
    else:
        found = asked.body.get("response_format", {}).get("json_schema", {}).get("schema")
    if found:
        return dict(found)
    schemas = [strict(draft) for draft in (ReviewDraft, JudgeDraft, DescriptionDraft)]
    return next((schema for schema in schemas if any(printed(schema) in text for text in texts(asked))), {})


def looks_for_problems(asked: Asked) -> bool:
    """Whether a request asks for findings, and is not a second question about them."""
    schema = schema_of(asked)
    return not schema or "findings" in schema["properties"]


_OURS: Mapping[str, object] = {"summary": "Updates the package.", "confidence": 0.8, "risk_level": "low"}
_YAML = """\
```yaml
review:
  estimated_effort_to_review_[1-5]: |
    2
  relevant_tests: |
    Yes
  key_issues_to_review:{issues}
  security_concerns: |
    No
```
"""
_ISSUE = """
    - relevant_file: |
        {path}
      issue_header: |
        {what}
      issue_content: |
        {where}
      start_line: {line}
      end_line: {line}"""


def _claim(path: str, line: int, text: str) -> dict[str, object]:
    return {
        "path": path,
        "side": "new",
        "line": line,
        "quote": text,
        "severity": "medium",
        "category": "reliability",
        "confidence": 0.8,
        "title": _WHAT,
        "explanation": _WHERE,
    }


def _rulings(said: str, text: str) -> Iterator[dict[str, object]]:
    """Every claim is kept, by the first line of code that is shown and not quoted in it."""
    shown = said[excerpt.end() :] if (excerpt := _EXCERPT.search(said)) else ""
    code = (match[1].strip() for match in _CODE.finditer(shown) if text not in match[1])
    quote = next((each for each in code if len(each) >= SHORTEST), "")
    for name in dict.fromkeys(_CLAIM.findall(said)):
        yield {"id": name, "ruling": "keep", "reason": _WHERE, "quote": quote}


def fitting(node: Mapping[str, Any], known: object) -> object:
    """The smallest value of a schema, with what is known in its places."""
    kind = node.get("type")
    if "anyOf" in node:
        return fitting(node["anyOf"][-1], None) if known is None else fitting(node["anyOf"][0], known)
    if "enum" in node:
        return known if known in node["enum"] else node["enum"][0]
    if kind == "object":
        told = known if isinstance(known, dict) else {}
        return {name: fitting(inner, told.get(name)) for name, inner in node.get("properties", {}).items()}
    if kind == "array":
        return [fitting(node["items"], each) for each in known] if isinstance(known, list) else []
    if known is not None:
        return known
    return {"string": "", "integer": 1, "number": 0.5, "boolean": False}.get(str(kind))
