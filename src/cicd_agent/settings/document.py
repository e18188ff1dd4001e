"""The config file's YAML as text with line numbers: nothing is constructed, so nothing can act or explode."""

from collections.abc import Iterator
from dataclasses import dataclass

import yaml

SIZE_LIMIT = 256 * 1024
NODE_LIMIT = 5_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One `key: value`; `line` is the key's, from 1. The key is "" when it is not plain text."""

    key: str
    line: int
    value: "Value"


@dataclass(frozen=True, slots=True)
class Block:
    """A mapping in the order of the file, duplicate keys included."""

    entries: tuple[Entry, ...] = ()


@dataclass(frozen=True, slots=True)
class Tagged:
    """A value whose meaning a YAML tag would change; we give tags none."""

    tag: str


Value = str | tuple["Value", ...] | Block | Tagged | None
"""A scalar is its text, so that the `off` and `no` of YAML 1.1 stay text; None is no value at all."""


class InvalidDocument(Exception):
    """The file as a whole means nothing; `line` is where that shows, 0 when nowhere in particular."""

    def __init__(self, reason: str, line: int = 0) -> None:
        super().__init__(reason, line)
        self.reason = reason
        self.line = line


class _Loader(yaml.SafeLoader):
    """Composes plain trees of bounded size: an alias, the stuff of bombs and cycles, is refused."""

    nodes = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]  # the stubs leave it out
        line = event.start_mark.line + 1
        self.nodes += 1
        if isinstance(event, yaml.AliasEvent):
            raise InvalidDocument("aliases (`*name`) are not allowed", line)
        if self.nodes > NODE_LIMIT:
            raise InvalidDocument(f"more than {NODE_LIMIT:,} keys and values", line)
        return super().compose_node(parent, index)


def parse_document(raw: str | bytes) -> Block:
    """The file's top-level mapping. Raises InvalidDocument."""
    try:
        text = raw if isinstance(raw, str) else raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidDocument("not UTF-8", error.object.count(b"\n", 0, error.start) + 1) from None
    if len(text) > SIZE_LIMIT:
        raise InvalidDocument(f"longer than {SIZE_LIMIT:,} characters")
    try:
        root = _root(text)
        value = None if root is None else _value(root)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = error.problem or error.context or "cannot be parsed"
        if "'\\t'" in problem:
            problem = "a tab where only blanks may stand"
        raise InvalidDocument(f"not YAML: {problem}", mark.line + 1 if mark else 0) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise InvalidDocument("not YAML: a character that is not allowed", line) from None
    except RecursionError:
        raise InvalidDocument("nested too deeply") from None
    except (ValueError, OverflowError):  # PyYAML passes an escape such as "\UFFFFFFFF" on to chr()
        raise InvalidDocument("not YAML: an escape that names no character") from None
    if value is None:
        return Block()
    if not isinstance(value, Block):
        raise InvalidDocument("not a mapping of settings", 1)
    return value


def encodable(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _root(text: str) -> yaml.Node | None:
    loader = _Loader(text)
    try:
        root = loader.get_node() if loader.check_node() else None
        if loader.check_node():
            event = loader.peek_event()  # type: ignore[no-untyped-call]  # the stubs leave it out
            raise InvalidDocument("more than one document", event.start_mark.line + 1)
        return root
    finally:
        loader.dispose()


def _value(node: yaml.Node) -> Value:
    if not node.tag.startswith("tag:yaml.org,2002:") or "/" in node.tag.removeprefix("tag:yaml.org,2002:"):
        return Tagged(encodable(node.tag))
    match node:
        case yaml.MappingNode():
            return Block(tuple(_entries(node)))
        case yaml.SequenceNode():
            return tuple(_value(item) for item in node.value)
        case yaml.ScalarNode() if node.tag.endswith(":null"):
            return None
        case _:
            return encodable(node.value)


def _entries(node: yaml.MappingNode) -> Iterator[Entry]:
    for key, value in node.value:
        name = encodable(key.value) if isinstance(key, yaml.ScalarNode) else ""
        yield Entry(name, key.start_mark.line + 1, _value(value))
