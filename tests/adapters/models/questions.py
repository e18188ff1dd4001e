"""What the tests of the model adapter share: a request, a model on a scripted server, and the two dialects."""

import json
from typing import Any

import pytest

from cicd_agent.adapters.models.client import connect
from cicd_agent.agent.messages import Request, Signature
from cicd_agent.agent.schema import strict
from tests.agent.drafts import Note
from tests.agent.tools.lookup_worlds import TOOLS
from tests.support.servers.openai import app as fake

KEY = "sk-test-0123456789abcdef"
GOOD = {"summary": "fine", "confidence": 0.9}
TEXT = json.dumps(GOOD)
in_both_dialects = pytest.mark.parametrize("dialect", ["responses", "chat"])

SIGNATURES = tuple(Signature(tool.name, tool.description, strict(tool.arguments)) for tool in TOOLS)


def request(**changes: Any) -> Request:
    defaults: dict[str, Any] = {
        "instructions": "Find faults.",
        "evidence": "1 | x = 1",
        "schema_name": "Note",
        "schema": strict(Note),
        "cache_key": "cicd-agent-review",
    }
    return Request(**(defaults | changes))


class Slept(list[float]):
    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def model(server: fake.OpenAIServer, dialect: str = "chat", **changes: Any) -> Any:
    defaults: dict[str, Any] = {"api_key": KEY, "model": "gpt-test", "base_url": server.url, "api": dialect}
    return connect(**({"sleep": Slept()} | defaults | changes))
