"""Where the messages of the registry's tools stand in a log: each a block of lines, with the one that says it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import groupby
from operator import itemgetter
from os.path import commonprefix
from typing import NamedTuple

from cicd_agent.analysis.logs.extract import Kind
from cicd_agent.analysis.logs.reader import MAX_SEARCHED, Line
from cicd_agent.analysis.logs.registry import Message, Tool
from cicd_agent.analysis.logs.template import mask_numbers
from cicd_agent.analysis.logs.test_results import passes

_MAX_KEYS = 50_000
_MAX_SCRIPT_LINES = 300
"""Lines of a step's script that the runner shows before it runs."""
_ECHO = re.compile(r"\++ (?:echo|printf|if|\[|test|grep|exit|case)\b|\$ \S|\[command\]|##\[group\]|::group::")


class _Form(NamedTuple):
    """A message with its tool; `order` is its rank in the registry."""

    order: int
    tool: Tool
    message: Message


@dataclass(frozen=True, slots=True)
class Block:
    """A message in a log: lines `first`..`last` of a list, by index; the one at `headline` says what is wrong."""

    tool: Tool
    message: Message
    first: int
    last: int
    headline: int
    groups: Mapping[str, str]

    @property
    def weight(self) -> float:
        return self.message.weight

    @property
    def kind(self) -> Kind:
        return self.message.kind or self.tool.kind


class Matcher:
    """All tools' messages, behind one search for the literals without which none of them opens."""

    def __init__(self, tools: Sequence[Tool]) -> None:
        messages = ((tool, message) for tool in tools for message in tool.messages)
        by_hint: dict[str, list[_Form]] = {}
        for order, (tool, message) in enumerate(messages):
            form = _Form(order, tool, message)
            for hint in message.hints:
                # A hint with numbers is found in lines whose numbers are masked as its own are.
                by_hint.setdefault(mask_numbers(hint), []).append(form)
        self._by_hint = by_hint
        self._pattern = _any_of(tuple(sorted(by_hint))) if by_hint else None
        self._of_line = lru_cache(_MAX_KEYS)(self._find)
        self._of_hint = cache(self._with_hint)

    def candidates(self, text: str) -> Sequence[_Form]:
        return self._of_line(mask_numbers(text[:MAX_SEARCHED]))

    def _find(self, masked: str) -> Sequence[_Form]:
        if self._pattern is None:
            return ()
        hints = {match[1] for match in self._pattern.finditer(masked)}
        forms = {form.order: form for hint in hints for form in self._of_hint(hint)}
        return [forms[order] for order in sorted(forms)]

    def _with_hint(self, hint: str) -> Sequence[_Form]:
        """The forms with this hint, and with one within it: the search names only the longest at each place."""
        return [form for other, forms in self._by_hint.items() if other in hint for form in forms]

    def blocks(self, lines: Sequence[Line]) -> Iterator[Block]:
        until: dict[int, int] = {}
        echoes = find_echoes(lines)
        for index, line in enumerate(lines):
            if echoes[index]:
                continue
            for form in self.candidates(line.text):
                if until.get(form.order, -1) >= index:
                    continue
                match = _search(form.message.start, line.text)
                # The name of a test that passed may say anything.
                if match and passes(line.text):
                    break
                if match and not any(_search(noise, line.text) for noise in form.tool.noise):
                    block = _block(form, lines, index, match)
                    until[form.order] = block.last
                    yield block


def find_echoes(lines: Sequence[Line]) -> list[bool]:
    """Of each line whether it shows a command before it runs: the head of a step on GitHub, or what a shell echoes."""
    result, until = [], -1
    for index, line in enumerate(lines):
        text = line.text
        if text.startswith("##[group]Run "):
            until = _head_end(lines, index)
        result.append(index <= until or _ECHO.match(text) is not None)
    return result


def _head_end(lines: Sequence[Line], first: int) -> int:
    # A program may print a group of that name as well: the runner's own names the shell or the inputs, and ends soon.
    has_details = False
    for index in range(first + 1, min(first + _MAX_SCRIPT_LINES, len(lines))):
        text = lines[index].text
        if text.startswith("##[endgroup]"):
            return index if has_details or index == first + 1 else first
        has_details = has_details or text.startswith(("shell: ", "with:", "env:"))
    return first


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """When it is first looked for: a log speaks of few tools, and to compile for all takes longer than to read it."""
    return re.compile(pattern)


def _search(pattern: str, text: str) -> re.Match[str] | None:
    return _compiled(pattern).search(text[:MAX_SEARCHED]) if pattern else None


@cache
def _any_of(hints: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(f"(?=({_trie(hints)}))")


def _groups(match: re.Match[str] | None) -> Mapping[str, str]:
    return {name: value.strip() for name, value in match.groupdict().items() if value} if match else {}


def _block(form: _Form, lines: Sequence[Line], index: int, start: re.Match[str]) -> Block:
    message = form.message
    first = last = headline = index
    while first > 0 and index - first < message.lines_before and lines[first - 1].number == lines[first].number - 1:
        first -= 1
    match = _search(message.headline, lines[index].text)
    end = min(len(lines), first + message.max_lines)
    while last + 1 < end and lines[last + 1].number == lines[last].number + 1:
        text = lines[last + 1].text
        ends = _search(message.end, text) is not None
        if _search(message.stop_before, text):
            break
        if message.continuation and not (ends or _search(message.continuation, text)):
            break
        last += 1
        if match is None and (match := _search(message.headline, text)):
            # A line that only names the place below an error is read, but says less than the error.
            headline = last if {"path"} != {*_groups(match)} - {"line"} else index
        if ends:
            break
    return Block(form.tool, message, first, last, headline, {**_groups(start), **_groups(match)})


def _trie(literals: Sequence[str]) -> str:
    """A pattern for any of these sorted literals, the longest at its place, that shares their beginnings."""
    parts = []
    for _, group in groupby(filter(None, literals), itemgetter(0)):
        alike = list(group)
        shared = commonprefix((alike[0], alike[-1]))  # noqa: RUF071  by character is what is meant
        parts.append(re.escape(shared) + _trie([literal[len(shared) :] for literal in alike]))
    if not parts:
        return ""
    optional = "?" if "" in literals else ""
    return parts[0] if len(parts) == 1 and not optional else f"(?:{'|'.join(parts)}){optional}"
