"""A YAML file as nodes with line numbers: what is compared and pointed at is the structure, not the indentation."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import yaml

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

LIMIT = 2_000_000 if _LOADER is not yaml.SafeLoader else 200_000
"""Characters above which a file is not parsed."""

EVENTS = LIMIT // 4
"""Values, aliases and ends of collections above which it is not: about a second of CPU time."""

DEPTH = 100
"""Levels of nesting above which it is not; GitHub reads no workflow that has more."""


@dataclass(slots=True, eq=False, weakref_slot=True)
class Node:
    """A value: from offset `start` to `end` of `source`, on lines from `line` to `last_line` as git counts them.

    `value` is that of a scalar, `children` are the elements of a sequence, `pairs` the keys and values of a mapping by
    key, the first where one occurs twice. An alias is the node of its anchor: a node may be met in many places, and
    within itself.
    """

    source: str
    start: int
    line: int
    end: int = 0
    last_line: int = 0
    value: str | None = None
    children: list["Node"] | tuple[()] = ()
    pairs: dict[str, tuple["Node", "Node"]] | None = None

    @property
    def raw(self) -> str:
        return self.source[self.start : self.end]


def parse_yaml(text: str | None) -> Node | None:
    """The first document of a file; None for what does not parse, or is above a limit.

    Aliases share nodes and nothing is constructed: a bomb stays a small graph.
    """
    if text is None or len(text) > LIMIT:
        return None
    source = text.removeprefix("\ufeff")
    try:
        return _Composer(source).first(yaml.parse(source, _LOADER))
    except (yaml.YAMLError, ValueError):
        return None


class _Composer:
    """yaml's own recurses, in C without any check: depth would end the process. Its lines end where git's do not."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.breaks = [found.start() for found in re.finditer("\n", source)]
        self.anchors: dict[str, Node] = {}
        self.open: list[tuple[Node, list[Node]]] = []
        self.roots: list[Node] = []

    def first(self, events: Iterable[yaml.Event]) -> Node:
        """Raises ValueError for more than the limits and for an alias of nothing, wherever that is."""
        for count, event in enumerate(events):
            if count > EVENTS or len(self.open) > DEPTH:
                raise ValueError("more than is read")
            if isinstance(event, yaml.NodeEvent):
                self._add(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                self._close(event)
            else:
                self.anchors = {}
        return self.roots[0] if self.roots else Node(self.source, 0, 1, last_line=1, value="")

    def _add(self, event: yaml.NodeEvent) -> None:
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self.anchors:
                raise ValueError("an alias of nothing")
            node = self.anchors[event.anchor]
        else:
            start = _offset(event.start_mark)
            node = Node(self.source, start, bisect_left(self.breaks, start) + 1)
            if event.anchor is not None:
                self.anchors[event.anchor] = node
        (self.open[-1][1] if self.open else self.roots).append(node)
        if isinstance(event, yaml.ScalarEvent):
            node.value = event.value
            self._end(node, event)
        elif isinstance(event, yaml.CollectionStartEvent):
            self.open.append((node, []))

    def _close(self, event: yaml.CollectionEndEvent) -> None:
        node, children = self.open.pop()
        self._end(node, event)
        if isinstance(event, yaml.SequenceEndEvent):
            node.children = children
            return
        node.pairs = {}
        for key, value in zip(children[::2], children[1::2], strict=True):
            if key.value is not None:
                node.pairs.setdefault(key.value, (key, value))

    def _end(self, node: Node, event: yaml.Event) -> None:
        node.end = _offset(event.end_mark)
        # Behind a line break there is nothing of the node on the next line.
        node.last_line = bisect_left(self.breaks, max(node.end - 1, node.start)) + 1


def _offset(mark: Any) -> int:
    return int(mark.index)


def items(node: Node | None) -> Iterator[tuple[str, Node, Node]]:
    if node is not None and node.pairs:
        yield from ((name, key, value) for name, (key, value) in node.pairs.items())


def elements(node: Node | None) -> Iterator[Node]:
    if node is not None:
        yield from node.children


def at(node: Node | None, *keys: str) -> Node | None:
    for key in keys:
        node = node.pairs[key][1] if node is not None and node.pairs and key in node.pairs else None
    return node


def scalar(node: Node | None) -> str:
    return (node.value if node is not None else "") or ""
