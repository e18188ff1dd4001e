"""Secrets that must not come out anywhere, in every spelling, and a model that says all of them wherever it can."""

import base64
import gzip
import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.support.servers.openai.app import Asked, Canned, OpenAIServer, answer

# Built from parts, so that no scanner takes this file for a leak.
KEY = "sk-" + "proj-" + "Q7vT2mXk9LpR4wZs8NbYc3Hd5Jf1"
TOKEN = "gh" + "s_" + "Zy8Xw7Vu6Ts5Rq4Po3Nm2Lk1Ji0Hg9Fe8Dq3"
SLACK = "xo" + "xb-" + "482910573618-" + "Kd93LmQ0zXv7Bn2Rt6Yw"
HEADER = "q4Zt8Wn1Lx7Vc3Bm9Ks5Jd2Hf6"
DATABASE = "dB7pXq2mRt9wLz4kNv"
REDIS = "rD5sYh8cGj3fTb6nMw"
OTEL = "oT1eLk6vQx9zPa4hSu"
INDEX = "iX8dUe3rWm7yCk2tBn"
LEAKED = "gh" + "p_" + "aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5"
AWS = "AK" + "IA" + "QWERTY7UIOP2ASDF"
_BODY = tuple(
    base64.b64encode(bytes((31 * line + 7 * place * place + place) % 256 for place in range(48))).decode()
    for line in range(1, 5)
)
PEM = "\n".join(["-----BEGIN RSA " + "PRIVATE KEY-----", "MIIEowIBAAKCAQEA" + _BODY[0][16:], *_BODY[1:]])
PEM += "\n-----END RSA " + "PRIVATE KEY-----"

GIVEN = {
    "key": KEY,
    "token": TOKEN,
    "slack": SLACK,
    "header": HEADER,
    "database": DATABASE,
    "redis": REDIS,
    "otel": OTEL,
    "index": INDEX,
}
"""What a run is given, and knows."""
FOUND = {
    "leaked token": LEAKED,
    "AWS key": AWS,
    **{f"private key, line {number}": line for number, line in enumerate(PEM.split("\n")[1:-1], 1)},
}
"""What it comes upon, and must know by its shape."""
CANARIES = GIVEN | FOUND
PLANTED = f'AWS_ACCESS_KEY_ID = "{AWS}"\nGH = "{LEAKED}"\n{PEM}\n'
"""What anybody might have left in a file, a log or a comment."""

SPELLINGS: Mapping[str, Callable[[str], str]] = {
    "plain": str,
    "reversed": lambda text: text[::-1],
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 of a part": lambda text: base64.urlsafe_b64encode(b"x" + text.encode()).decode(),
    "hex": lambda text: text.encode().hex(),
    "percent": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "JSON escapes": lambda text: "".join(f"\\u{ord(char):04x}" for char in text),
    "lines": lambda text: "\n".join(re.findall(".{1,7}", text)),
}

VARIABLES = {
    "DATABASE_URL": f"postgresql://agent:{DATABASE}@127.0.0.1:1/agent",
    "REDIS_URL": f"redis://agent:{REDIS}@127.0.0.1:1/0",
    "OTEL_EXPORTER_OTLP_HEADERS": f"x-api-key={OTEL}",
}
INPUTS = {
    "openai_api_key": KEY,
    "model_headers": f"X-Gateway: {HEADER}",
    "slack_token": SLACK,
    "index_url": f"https://reader:{INDEX}@packages.example/simple",
}


def leaks(text: str, canaries: Mapping[str, str] = CANARIES) -> list[str]:
    """Which canaries are in a text, and how they are spelt; not the canaries themselves."""
    return [
        f"{name}, {spelling}"
        for name, canary in canaries.items()
        for spelling, spell in SPELLINGS.items()
        if any(needle in text for needle in _needles(spelling, spell, canary))
    ]


def _needles(spelling: str, spell: Callable[[str], str], canary: str) -> set[str]:
    """The spelling itself; of base64 also what of it is the same wherever the secret stands in what was encoded."""
    if spelling != "base64":
        return {spell(canary)}
    shifted = [base64.b64encode(b"x" * shift + canary.encode()).decode()[4:-4] for shift in range(3)]
    return {spell(canary), *shifted, *(each.replace("+", "-").replace("/", "_") for each in shifted)}


def files(folder: Path, *, without: frozenset[str] = frozenset()) -> Iterator[tuple[str, str]]:
    """What every file below a folder holds, by its path there; what is compressed also as it was before."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name not in without:
            name, raw = str(path.relative_to(folder)), path.read_bytes()
            yield name, f"{name}\n{raw.decode('utf-8', 'replace')}"
            if raw.startswith(b"\x1f\x8b"):
                yield f"{name}, unpacked", gzip.decompress(raw).decode("utf-8", "replace")


class Blabbermouth(OpenAIServer):
    """A model that fills in whatever shape it is asked for, every text of it with all canaries in all spellings.

    Texts that quote something of the evidence are quotes, where `quotes` knows one for a field of that name.
    """

    def __init__(self, **quotes: object) -> None:
        super().__init__()
        self._quotes = quotes
        self._words = "\n".join(spell(canary) for canary in GIVEN.values() for spell in SPELLINGS.values())
        self._words += f"\n{PLANTED}"

    def respond(self, asked: Asked) -> Canned:
        """The same again, however often somebody complains."""
        self.asked.append(asked)
        schema = _schema(asked.body)
        return answer(json.dumps(self._filled(schema, schema, "")))(asked)

    def _filled(self, shape: Mapping[str, Any], whole: Mapping[str, Any], name: str) -> object:
        shape = {"enum": [self._quotes[name]]} if name in self._quotes else _plain(shape, whole)
        kind = shape.get("type")
        match kind[0] if isinstance(kind, list) else kind:
            case "object":
                return {key: self._filled(inner, whole, key) for key, inner in shape["properties"].items()}
            case "array":
                return [self._filled(shape["items"], whole, name)]
            case "integer" | "number" | "boolean":
                return 1 if kind != "boolean" else True
            case _:
                return next(iter(shape.get("enum", ())), self._words)


def put(asked: Asked) -> str:
    """What we say to the model: a request without its own words, which a later round gives back to it."""
    name = "messages" if "messages" in asked.body else "input"
    own = [each for each in asked.body[name] if each.get("role") == "assistant"]
    return json.dumps({**asked.body, name: [each for each in asked.body[name] if each not in own]}, ensure_ascii=False)


def _plain(shape: Mapping[str, Any], whole: Mapping[str, Any]) -> Mapping[str, Any]:
    """The shape that is meant: by its name, or the first of several that is a value."""
    if reference := shape.get("$ref"):
        return _plain(whole["$defs"][str(reference).rpartition("/")[2]], whole)
    if options := shape.get("anyOf"):
        return _plain(next(each for each in options if each.get("type") != "null"), whole)
    return {**shape, "enum": [shape["const"]]} if "const" in shape else shape


def _schema(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the answer has to look like, in either dialect."""
    asked = body["text"]["format"] if "text" in body else body["response_format"]["json_schema"]
    found: Mapping[str, Any] = asked["schema"]
    return found
