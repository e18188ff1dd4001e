"""Models that answer by what a request is for, whatever its number: a strong one as recorded, and a weak one.

The weak model is made of the strong one. It claims what that claims and three false things of each change, it quotes
three claims of ten slightly wrong, and as a judge it contradicts without proof: all that it quotes is the claim's own
code. What is a habit (line numbers in
quotes, blanks, `…`, the wrong side, a path of its own) is repeated after a correction; a slip is not.
"""

import json
import random
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Protocol

from benchmarks.known_bugs.corpus import Change, Claim, LookUp
from benchmarks.known_bugs.evidence import answers_in, shown
from benchmarks.speaking_model import fitting, schema_of
from cicd_agent.agent.prompt import estimate
from tests.support.servers.openai.app import Asked, Canned, OpenAIServer, Step, answer, tool_calls

WRONG = 0.3
"""The share of the weak model's true claims whose quote or place is wrong."""
_CLAIM = re.compile(r"^\S+ (C\d+) ")
_TITLE = re.compile(r"\|title: (.*)$")


class ScriptedModel(Protocol):
    """What a model says of one change."""

    def claims(self, corrections: int) -> Sequence[Mapping[str, object]]:
        """Its findings, after so many of its answers were not accepted."""
        ...

    def rulings(self, titles: Mapping[str, str], corrections: int) -> Sequence[Mapping[str, object]]:
        """What it says as the judge of claims, whose titles are given by their ids."""
        ...


@dataclass(frozen=True, slots=True)
class StrongModel:
    """Answers as recorded, and stands by it."""

    change: Change

    def claims(self, corrections: int) -> Sequence[Mapping[str, object]]:  # noqa: ARG002  it repeats itself
        return [claimed(each) for each in self.change.strong.findings]

    def rulings(self, titles: Mapping[str, str], corrections: int) -> Sequence[Mapping[str, object]]:  # noqa: ARG002
        proofs = {
            each.title: each.second.quote if each.second else each.shown_by for each in self.change.strong.findings
        }
        return [
            ruling(name, "keep", "The code that is quoted shows it.", proofs[title]) for name, title in titles.items()
        ]


@dataclass(frozen=True, slots=True)
class WeakModel:
    """The strong model distorted; the same for the same seed."""

    change: Change
    seed: int = 1

    def claims(self, corrections: int) -> Sequence[Mapping[str, object]]:
        true = [self._distorted(each, corrections) for each in self.change.strong.findings]
        false = [claimed(each) for each in self.change.weak.findings]
        every = [*true, *false]
        self._random("order").shuffle(every)
        return every

    def rulings(self, titles: Mapping[str, str], corrections: int) -> Sequence[Mapping[str, object]]:
        false = {each.title for each in self.change.weak.findings}
        quotes = {each.title: each.quote for each in (*self.change.strong.findings, *self.change.weak.findings)}
        rulings = [
            ruling(name, *self._ruled(title, is_false=title in false), quotes.get(title, ""))
            for name, title in titles.items()
        ]
        if corrections:
            return rulings
        if len(rulings) > 1 and self._random("missing").random() < WRONG:
            rulings.pop()
        if self._random("unknown").random() < WRONG:
            rulings.append(ruling("C99", "drop", "It is a matter of taste."))
        return rulings

    def _ruled(self, title: str, *, is_false: bool) -> tuple[str, str]:
        chance = self._random(f"judge {title}").random()
        if is_false:
            return ("keep", "The code shows it.") if chance < 0.8 else ("unsure", "It depends on the caller.")
        if chance < 0.5:
            return "drop", "The caller handles this, and it was like this before."
        return ("unsure", "It depends on the caller.") if chance < 0.7 else ("keep", "The code shows it.")

    def _distorted(self, claim: Claim, corrections: int) -> Mapping[str, object]:
        whole, chance = claimed(claim), self._random(f"quote {claim.title}")
        if chance.random() >= WRONG:
            return whole
        return chance.choice(DISTORTIONS)(whole, chance, corrections)

    def _random(self, purpose: str) -> random.Random:
        return random.Random(f"{self.seed} {self.change.name} {purpose}")  # noqa: S311  nothing is kept secret by it


def claimed(claim: Claim) -> dict[str, Any]:
    """A claim as an answer has it."""
    return {
        **claim.model_dump(mode="json", exclude={"second", "shown_by"}),
        "side": "new",
        "line": 0,
        "suggestion": None,
        "elsewhere": [claim.second.model_dump()] if claim.second else [],
    }


def ruling(name: str, verdict: str, reason: str, quote: str = "") -> dict[str, object]:
    return {
        "id": name,
        "ruling": verdict,
        "reason": reason,
        "quote": quote,
        "amended": None,
        "severity": None,
        "confidence": None,
    }


def _with_gutter(claim: dict[str, Any], chance: random.Random, _: int) -> dict[str, Any]:
    first = chance.randint(5, 60)
    lines = [f"{first + number}+|{line}" for number, line in enumerate(claim["quote"].split("\n"))]
    return {**claim, "quote": "\n".join(lines)}


def _with_other_blanks(claim: dict[str, Any], chance: random.Random, _: int) -> dict[str, Any]:
    """A blank that is not there, beside one of the signs of the line."""
    signs = [match.end() for match in re.finditer(r"[(,.:=]", claim["quote"])]
    at = chance.choice(signs or [len(claim["quote"])])
    return {**claim, "quote": f"{claim['quote'][:at]} {claim['quote'][at:].lstrip()} "}


def _abridged(claim: dict[str, Any], *_: object) -> dict[str, Any]:
    lines = claim["quote"].split("\n")
    if len(lines) > 1:
        return {**claim, "quote": "\n".join([lines[0], "…", lines[-1]])}
    return {**claim, "quote": f"{lines[0][: max(len(lines[0]) * 2 // 3, 6)]}…"}


def _on_the_wrong_side(claim: dict[str, Any], *_: object) -> dict[str, Any]:
    return {**claim, "side": "old"}


def _base_name(claim: dict[str, Any], *_: object) -> dict[str, Any]:
    return {**claim, "path": PurePosixPath(claim["path"]).name}


def _in_an_invented_folder(claim: dict[str, Any], *_: object) -> dict[str, Any]:
    return {**claim, "path": f"src/{claim['path']}"}


def _with_a_slip(claim: dict[str, Any], chance: random.Random, corrections: int) -> dict[str, Any]:
    """One word is another one, until somebody says so."""
    if corrections:
        return claim
    found = chance.choice([*re.finditer(r"\w{3,}", claim["quote"])])
    return {**claim, "quote": f"{claim['quote'][: found.start()]}value{claim['quote'][found.end() :]}"}


DISTORTIONS = (
    _with_gutter,
    _with_other_blanks,
    _abridged,
    _on_the_wrong_side,
    _base_name,
    _in_an_invented_folder,
    _with_a_slip,
)


@dataclass
class Conversation:
    """What was sent to a model and what it answered."""

    asked: Asked
    reply: object
    calls: Sequence[LookUp] = field(default=())


class ScriptedServer(OpenAIServer):
    """Answers for a scripted model. A request that the real API would refuse is refused."""

    def __init__(self, change: Change, model: ScriptedModel) -> None:
        super().__init__()
        self.change, self.model = change, model
        self.turns: list[Conversation] = []
        self._turn = threading.Lock()

    def respond(self, asked: Asked) -> Canned:
        """One answer; see the module."""
        with self._turn:
            turn = self._answered(asked)
            self.turns.append(turn)
            self.steps.insert(0, _step(turn))
            sent = super().respond(asked)
            self.steps.clear()
            return sent

    def _answered(self, asked: Asked) -> Conversation:
        schema = schema_of(asked)
        properties = schema["properties"]
        corrections = len(answers_in(asked))
        known: dict[str, object] = {}
        if ("findings" in properties or "rulings" in properties) and (calls := self._lookups(asked)):
            return Conversation(asked, None, calls)
        if "findings" in properties:
            strong = self.change.strong
            known = {"summary": strong.summary, "confidence": strong.confidence, "risk_level": strong.risk.value}
            known["findings"] = self.model.claims(corrections)
        elif "rulings" in properties:
            known["rulings"] = self.model.rulings(_titles(asked), corrections)
        return Conversation(asked, fitting(schema, known))

    def _lookups(self, asked: Asked) -> Sequence[LookUp]:
        """Those that it has to make still: none twice in one conversation, and none when they are closed."""
        if not asked.body.get("tools") or asked.body.get("tool_choice") == "none":
            return ()
        sent = "\n".join(shown(asked))
        made = json.dumps(asked.body.get("input", asked.body.get("messages")))
        lookups = self.change.strong.lookups
        return [each for each in lookups if each.shows not in sent and f'"{each.tool}"' not in made]


def _step(turn: Conversation) -> Step:
    if turn.calls:
        calls = [(each.tool, json.dumps(_whole(each, turn.asked)), f"c{n}") for n, each in enumerate(turn.calls)]
        return tool_calls(*calls)
    text = json.dumps(turn.reply, ensure_ascii=False)
    usage = {"input": sum(map(estimate, shown(turn.asked))), "cached": 0, "output": estimate(text), "reasoning": 0}
    return answer(text, usage=usage)


def _whole(lookup: LookUp, asked: Asked) -> object:
    """Its arguments, and null for those that the tool has beside them."""
    tool = next(each for each in asked.body["tools"] if (each.get("function") or each)["name"] == lookup.tool)
    return fitting((tool.get("function") or tool)["parameters"], lookup.arguments)


def _titles(asked: Asked) -> dict[str, str]:
    """The titles of the claims that a judge is shown, by their ids."""
    titles: dict[str, str] = {}
    name = ""
    for line in "\n".join(shown(asked)).split("\n"):
        if match := _CLAIM.match(line):
            name = match[1]
        elif name and (match := _TITLE.search(line)):
            titles.setdefault(name, match[1])
            name = ""
    return titles
