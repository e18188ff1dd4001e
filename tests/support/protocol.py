"""The runner's end of its protocol, for asking what a step has really told it: an oracle that shares no code with us.

Facts: docs of workflow commands, and the behaviour of the public runner (command names without case, two syntaxes,
`\\r` ending a line, characters that its culture-sensitive comparison does not see).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

REGISTERED = (
    "error",
    "warning",
    "notice",
    "debug",
    "group",
    "endgroup",
    "echo",
    "add-mask",
    "add-matcher",
    "remove-matcher",
    "add-path",
    "set-env",
    "set-output",
    "save-state",
    "stop-commands",
)
MOST_OF_A_LEVEL = 10
LONGEST_MESSAGE = 4_096
LARGEST_SUMMARY = 1_048_576
IGNORED = "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\0"
BLANK = "\t\n\v\f\r \u0085\u00a0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))


@dataclass(frozen=True)
class Command:
    name: str
    properties: Mapping[str, str]
    data: str


@dataclass
class Step:
    """What the runner makes of a step's streams and files."""

    commands: list[Command] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    """What is no command, as the log shows it."""
    stopped_by: str = ""

    def hear(self, stream: bytes) -> "Step":
        for line in re.split(r"\r\n|\n|\r", stream.decode("utf-8", "replace")):
            command = self._new_syntax(line) or self._old_syntax(line)
            if command is None:
                self.lines.append(line)
            elif self.stopped_by:
                if command.name == self.stopped_by.lower():
                    self.stopped_by = ""
            else:
                self.commands.append(command)
                if command.name == "stop-commands":
                    self.stopped_by = command.data
        return self

    @property
    def annotations(self) -> list[Command]:
        """Those that are shown, their messages as far as they are shown."""
        shown: list[Command] = []
        for level in ("error", "warning", "notice"):
            of_level = [command for command in self.commands if command.name == level][:MOST_OF_A_LEVEL]
            shown += [Command(level, one.properties, one.data[:LONGEST_MESSAGE]) for one in of_level]
        return shown

    @property
    def masks(self) -> list[str]:
        return [command.data for command in self.commands if command.name == "add-mask"]

    def _new_syntax(self, line: str) -> Command | None:
        found = re.match(r"::(.*?)::(.*)", line.lstrip(BLANK + IGNORED), re.DOTALL)
        return (
            self._command(found[1], found[2], ",", {"%0D": "\r", "%0A": "\n"}, {"%3A": ":", "%2C": ","})
            if found
            else None
        )

    def _old_syntax(self, line: str) -> Command | None:
        found = re.search(r"##\[(.*?)\](.*)", line.translate(dict.fromkeys(map(ord, IGNORED))), re.DOTALL)
        escapes = {"%3B": ";", "%0D": "\r", "%0A": "\n", "%5D": "]"}
        return self._command(found[1], found[2], ";", escapes, {}) if found else None

    def _command(
        self, head: str, data: str, separator: str, escapes: Mapping[str, str], more: Mapping[str, str]
    ) -> Command | None:
        name, _, given = head.partition(" ")
        if name.lower() not in {*REGISTERED, self.stopped_by.lower()} - {""}:
            return None
        pairs = (pair.partition("=") for pair in given.strip().split(separator))
        properties = {key: unescape(value, {**escapes, **more}) for key, _, value in pairs if key and value}
        return Command(name.lower(), properties, unescape(data, escapes))


def unescape(text: str, escapes: Mapping[str, str]) -> str:
    for code, char in escapes.items():
        text = text.replace(code, char)
    return text.replace("%25", "%")


def read_outputs(content: bytes, masks: Iterable[str] = ()) -> dict[str, str]:
    """NAME=VALUE, or NAME<<DELIMITER up to a line that equals it. What holds a masked value is dropped."""
    rest = content.decode("utf-8-sig", "replace")
    outputs: dict[str, str] = {}
    while rest:
        line, _, rest = rest.partition("\n")
        if not line:
            continue
        named = re.match(r"([^=]+?)<<(.+)\Z", line, re.DOTALL) if line.find("<<") >= 0 else None
        if named and not 0 <= line.find("=") < line.find("<<"):
            block = re.match(rf"(?:(.*?)\n)??{re.escape(named[2])}(?:\n|\Z)", rest, re.DOTALL)
            assert block, f"no line ends the value of {named[1]}"
            outputs[named[1]] = block[1] or ""
            rest = rest[block.end() :]
        else:
            name, equals, value = line.partition("=")
            assert equals, f"neither a value nor a delimiter: {line}"
            outputs[name] = value
    return {name: value for name, value in outputs.items() if not any(mask in value for mask in masks)}


def read_summary(content: bytes) -> str:
    """GITHUB_STEP_SUMMARY: one byte too many and there is none."""
    return content.decode("utf-8") if len(content) <= LARGEST_SUMMARY else ""
