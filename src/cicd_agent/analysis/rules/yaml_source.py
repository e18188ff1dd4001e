"""A YAML file as nodes with line numbers: what is compared and pointed at is the structure, not the indentation."""

from collections.abc import Iterable, Iterator

import yaml

LIMIT = 300_000
"""Characters above which a file is not parsed."""

DEPTH = 100
"""Levels of nesting above which it is not."""

Node = yaml.Node

_OTHER_BREAKS = str.maketrans("\x85\u2028\u2029", "   ")
"""YAML ends a line at these, git does not: the numbers must be git's."""


def parse_yaml(text: str | None) -> Node | None:
    """The first document of a file; None for what does not parse, is too long, or nests too deeply.

    Aliases share nodes and nothing is constructed: a bomb stays a small graph.
    """
    if text is None or len(text) > LIMIT:
        return None
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    text = text.translate(_OTHER_BREAKS)
    try:
        if _is_deep(yaml.parse(text, loader)):
            return None
        return next(iter([*yaml.compose_all(text, loader), yaml.ScalarNode("", "")]))
    except (yaml.YAMLError, ValueError):
        return None


def _is_deep(events: Iterable[yaml.Event]) -> bool:
    # The parser is a machine of states, but the composer recurses, in C without any check: depth would end the process.
    depth = 0
    for event in events:
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEPTH:
            return True
    return False


def items(node: Node | None) -> Iterator[tuple[str, Node, Node]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                yield key.value, key, value


def elements(node: Node | None) -> Iterator[Node]:
    if isinstance(node, yaml.SequenceNode):
        yield from node.value


def at(node: Node | None, *keys: str) -> Node | None:
    for key in keys:
        node = next((value for name, _, value in items(node) if name == key), None)
    return node


def scalar(node: Node | None) -> str:
    return str(node.value) if isinstance(node, yaml.ScalarNode) else ""


def line(node: Node) -> int:
    return int(node.start_mark.line) + 1


def last_line(node: Node) -> int:
    return int(node.end_mark.line) + (1 if node.end_mark.column else 0)
