"""Where the messages of the registry's tools stand in a log: each a block of lines, with the one that says it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from cicd_agent.analysis.logs.failure_kind import Kind, Trouble
from cicd_agent.analysis.logs.line_features import echoes
from cicd_agent.analysis.logs.line_reader import SEEN, Line
from cicd_agent.analysis.logs.registry import Message, Tool
from cicd_agent.analysis.logs.template import numberless

_MOST_KEYS = 50_000


@dataclass(frozen=True, slots=True)
class Form:
    """A message of the registry, ready to be looked for."""

    tool: str
    wraps: bool
    message: Message
    order: int
    quiets: tuple[str, ...]

    @property
    def opens(self) -> re.Pattern[str]:
        """What its first line holds."""
        return _compiled(self.message.opens)

    @property
    def goes_on(self) -> re.Pattern[str] | None:
        """What the lines after the first hold."""
        return _given(self.message.goes_on)

    @property
    def closes(self) -> re.Pattern[str] | None:
        """What its last line holds."""
        return _given(self.message.closes)

    @property
    def stops(self) -> re.Pattern[str] | None:
        """What the line after its last one holds."""
        return _given(self.message.stops)

    @property
    def says(self) -> re.Pattern[str] | None:
        """What the line holds that says it."""
        return _given(self.message.says)

    @property
    def noise(self) -> Iterator[re.Pattern[str]]:
        """What no line holds that opens it."""
        return map(_compiled, self.quiets)

    @property
    def kind(self) -> Kind:
        """What is wrong when it is said."""
        return self.message.kind

    @property
    def trouble(self) -> Trouble | None:
        """What outside of the code it speaks of."""
        return self.message.trouble


@dataclass(frozen=True, slots=True)
class Block:
    """A message found: lines `first`..`last` of a list, by index; `says` is the one that says it."""

    form: Form
    first: int
    last: int
    says: int
    found: re.Match[str]

    @property
    def weight(self) -> float:
        """How near it is to the cause, 0–1."""
        return self.form.message.weight


class Registry:
    """All tools' messages, behind one search for the literals without which none of them opens."""

    def __init__(self, tools: Sequence[Tool]) -> None:
        forms = [
            Form(tool.name, tool.wraps, message, order, tool.noise)
            for order, (tool, message) in enumerate(_messages(tools))
        ]
        by_hint: dict[str, list[Form]] = {}
        for form in forms:
            # A hint with numbers is found in lines whose numbers are masked as its own are.
            for hint in form.message.hints:
                by_hint.setdefault(numberless(hint), []).append(form)
        self._always = tuple(form for form in forms if not form.message.hints)
        self._by_hint = by_hint
        self._pattern = _search(tuple(sorted(by_hint))) if by_hint else None
        self._seen: dict[str, tuple[Form, ...]] = {}

    def candidates(self, text: str) -> tuple[Form, ...]:
        """The forms of which a hint is in the line, in the registry's order."""
        folded = numberless(text[:SEEN])
        known = self._seen.get(folded)
        if known is None:
            if len(self._seen) >= _MOST_KEYS:
                self._seen.clear()
            known = self._seen[folded] = self._look_up(folded)
        return known

    def _look_up(self, folded: str) -> tuple[Form, ...]:
        found: dict[int, Form] = {form.order: form for form in self._always}
        if self._pattern:
            for hint in dict.fromkeys(match[1] for match in self._pattern.finditer(folded)):
                # A hint within another is found with it: the search names only the longest at each place.
                for other, forms in self._by_hint.items():
                    if other in hint:
                        found.update((form.order, form) for form in forms)
        return tuple(found[order] for order in sorted(found))

    def blocks(self, lines: Sequence[Line]) -> Iterator[Block]:
        """The messages in these lines, in the order of their first lines; they may overlap."""
        until: dict[int, int] = {}
        echoed = echoes(lines)
        for index, line in enumerate(lines):
            if echoed[index]:
                continue
            for form in self.candidates(line.text):
                if until.get(form.order, -1) >= index:
                    continue
                text = line.text[:SEEN]
                found = form.opens.search(text)
                if found and not any(noise.search(text) for noise in form.noise):
                    block = _block(form, lines, index, found)
                    until[form.order] = block.last
                    yield block


def _messages(tools: Sequence[Tool]) -> Iterator[tuple[Tool, Message]]:
    for tool in tools:
        for message in tool.messages:
            yield tool, message


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """When it is first looked for: a log speaks of few tools, and to compile for all takes longer than to read it."""
    return re.compile(pattern)


def _given(pattern: str) -> re.Pattern[str] | None:
    return _compiled(pattern) if pattern else None


@cache
def _search(hints: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(f"(?=({_trie(hints)}))")


def _block(form: Form, lines: Sequence[Line], index: int, found: re.Match[str]) -> Block:
    first = index
    while first > 0 and index - first < form.message.lead and lines[first - 1].number == lines[first].number - 1:
        first -= 1
    last, says = index, form.says.search(lines[index].text[:SEEN]) if form.says else found
    place = index
    most = first + form.message.most
    while last + 1 < min(len(lines), most) and lines[last + 1].number == lines[last].number + 1:
        text = lines[last + 1].text[:SEEN]
        closing = form.closes is not None and form.closes.search(text) is not None
        if form.goes_on:
            if not (closing or form.goes_on.search(text)) or (form.stops and form.stops.search(text)):
                break
        elif form.stops and form.stops.search(text):
            break
        last += 1
        if says is None and form.says and (says := form.says.search(text)):
            place = last
        if closing:
            break
    return Block(form, first, last, place, says or found)


def _trie(words: Sequence[str]) -> str:
    """A pattern for any of these words, the longest at its place, that shares their beginnings."""
    tree: dict[str, dict[str, object]] = {}
    for word in words:
        node = tree
        for letter in word:
            node = node.setdefault(letter, {})  # type: ignore[assignment]
        node[""] = {}
    return _branches(tree)


def _branches(node: dict[str, dict[str, object]]) -> str:
    ends = "" in node
    parts = [re.escape(letter) + _branches(below) for letter, below in node.items() if letter]  # type: ignore[arg-type]
    if not parts:
        return ""
    joined = parts[0] if len(parts) == 1 and not ends else f"(?:{'|'.join(parts)})"
    return f"{joined}?" if ends else joined
