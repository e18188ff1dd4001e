"""The Chat Completions dialect, which every compatible server speaks: vLLM, Ollama, LM Studio, LiteLLM and others."""

import json
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from cicd_agent.adapters.models_faults import Fault, Trouble, fault_of
from cicd_agent.adapters.models_json import at, usage, without_thinking, words
from cicd_agent.adapters.models_shape import Format, Shape
from cicd_agent.agent.turns import Reply, Request, Stop

if TYPE_CHECKING:
    from openai import OpenAI

# The older name of the parameter, which all but the newest models take.
CAP = "max_tokens"

_ERROR_STATUS = re.compile("[45][0-9]{2}")


def body(request: Request, model: str, shape: Shape) -> dict[str, Any]:
    """The JSON of a request. The schema is printed in it too: some servers take a format and do not keep to it."""
    schema = dict(request.schema)
    instructions = f"{request.instructions}\nThe JSON schema of the answer:\n{json.dumps(schema)}\n"
    form: dict[str, object] = {"type": shape.format.value}
    if shape.format is Format.JSON_SCHEMA:
        form["json_schema"] = {"name": request.schema_name, "schema": schema, "strict": True}
    return {
        "model": model,
        "messages": [
            {"role": "system", "content": instructions},
            {"role": "user", "content": request.evidence},
            *({"role": turn.role.value, "content": turn.text} for turn in request.turns),
        ],
        # Plain text is what a server does unasked; one that knows no formats may not know the word either.
        **({} if shape.format is Format.TEXT else {"response_format": form}),
        **shape.capped(request),
    }


def create(client: "OpenAI") -> Any:
    """The SDK's call for this dialect, with access to the bytes of the answer."""
    return client.chat.completions.with_streaming_response.create


def read(data: object) -> Reply | Fault:
    """The reply in a completion, or the fault that it reports: gateways answer 200 with an error inside."""
    choice = at(data, "choices", 0)
    if error := at(data, "error") or at(choice, "error"):
        code = words(at(error, "code"))
        return fault_of(int(code) if _ERROR_STATUS.fullmatch(code) else HTTPStatus.BAD_REQUEST, {}, error)
    message = at(choice, "message")
    if not isinstance(message, dict):
        return Fault(Trouble.UNREADABLE, message="no message in the completion")
    refusal = words(message.get("refusal"))
    finish = words(at(choice, "finish_reason"))
    ends = {"length": Stop.CUT_OFF, "max_tokens": Stop.CUT_OFF, "content_filter": Stop.FILTERED}
    return Reply(
        text=without_thinking(_content(message.get("content"))),
        stop=Stop.REFUSED if refusal else ends.get(finish, Stop.DONE),
        usage=usage(at(data, "usage"), reads="prompt_tokens", writes="completion_tokens"),
        model=words(at(data, "model")),
        detail=refusal or finish,
    )


def _content(content: object) -> str:
    """The text of a message, also of one in parts; reasoning parts and fields are not part of the answer."""
    if isinstance(content, list):
        return "".join(words(at(part, "text")) for part in content if at(part, "type") in {"text", "output_text"})
    return words(content)
