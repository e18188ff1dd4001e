"""Takes back what a container leaves behind as if an enemy had written it: every name, value, file and size."""

import json
import os
import re
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

MOST_OUTPUT = 4_194_304
MOST_SUMMARY = 1_048_576
"""Bytes; of one more, the runner shows nothing at all."""
MOST_VALUE = 60_000
MOST_VALUES = 500_000
"""Characters of all values together; the runner takes half a million for a job."""
MOST_FILES = 20_000
MOST_STORED = 1 << 30
EXITS = {0, 1, 2, 3, 4, 5, 6, 70, 130}

MODES = {"review", "gen-tests", "analyse-failure", "deploy-gate", "route"}
DECISIONS = {"review": ("approve", "comment", "request_changes"), "deploy-gate": ("proceed", "hold", "rollback")}
DECIDED = ("decision", "shadow_decision")
FLAG = ("true", "false")
LEVELS = ("low", "medium", "high", "critical")
WORDS: Mapping[str, tuple[str, ...]] = {
    "conclusion": ("success", "failure", "neutral", "skipped"),
    "risk_level": LEVELS,
    **dict.fromkeys(("escalate_to_human", "degraded", "is_flaky", "rerun_recommended", "fix_verified"), FLAG),
    **dict.fromkeys(("requires_approval",), FLAG),
    "failure_type": (
        *("test_failure", "build_error", "lint_error", "timeout", "infrastructure", "flaky_test", "dependency"),
        *("configuration", "unknown"),
    ),
    "cause": ("change", "flaky", "infrastructure", "pre_existing", "unknown"),
    "strategy": ("rolling", "canary", "blue_green", "direct", "hotfix"),
    "tests": ("none", "affected", "full", "extended"),
    "build": ("cached", "full"),
}
PERCENT = 100.0
MOST: Mapping[str, float] = {
    "confidence": 1.0,
    **dict.fromkeys(("risk_score", "safety_score", "canary_percentage"), PERCENT),
    **dict.fromkeys(("coverage_before", "coverage_after"), PERCENT),
    **dict.fromkeys(("changed_coverage_before", "changed_coverage_after"), PERCENT),
    "cost_usd": 1e6,
}
"""Numbers from 0 to this."""
COUNTS = {
    *("findings_count", "blocking_count"),
    *("tests_added", "tests_rejected", "mutants_killed", "possible_bugs", "monitor_minutes", "deployment_id"),
}
COMMITS = {"responsible_commit", "rollback_to"}
LISTS = {
    *("flaky_tests", "pre_deploy_checks", "reasons", "areas", "skipped_areas"),
}
OBJECTS = {"matrix"}
NUMBER = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,9})?")
COUNT = re.compile(r"[0-9]{1,18}")
COMMIT = re.compile(r"[0-9a-f]{7,64}")
LINE = re.compile(r"[^\r\n]*")
FORMS = {**dict.fromkeys(COUNTS, COUNT), **dict.fromkeys(COMMITS, COMMIT)}


class Doubtful(Exception):
    """What of it does not hold, in one line: then nothing of it is believed."""


@dataclass(frozen=True)
class Expected:
    """What may come back: by which names, for which mode, and where files may lie."""

    mode: str
    names: frozenset[str]
    folders: Sequence[Path]

    def value(self, name: str, value: str) -> None:
        """Raise Doubtful unless the output may have this value."""
        if name not in self.names:
            raise Doubtful(f"it set the output {name[:60]!r}, which action.yml does not declare")
        if len(value) > MOST_VALUE or "\0" in value:
            raise Doubtful(f"its output `{name}` is no text, or too long")
        if value and not self._fits(name, value):
            raise Doubtful(f"its output `{name}` is {value[:60]!r}, which is not possible")

    def _fits(self, name: str, value: str) -> bool:
        words = DECISIONS.get(self.mode, ()) if name in DECIDED else WORDS.get(name, FLAG)
        if name in DECIDED or name in WORDS:
            return value in words
        if name in MOST:
            return bool(NUMBER.fullmatch(value)) and float(value) <= MOST[name]
        if name in LISTS | OBJECTS:
            return isinstance(parsed(value), list if name in LISTS else dict)
        if name.endswith("_file"):
            return any(is_plain_file(value, folder) for folder in self.folders)
        return bool(FORMS.get(name, LINE).fullmatch(value))


def parsed(text: str) -> Any:
    """What a JSON text says, None when it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def is_plain_file(name: str, folder: Path) -> bool:
    """Whether a name is that of a regular file below the folder, with no link on the way to it."""
    if os.path.normpath(name) != name or not name.startswith(f"{folder}{os.sep}"):
        return False
    place = folder
    try:
        for part in Path(name).relative_to(folder).parts[:-1]:
            place /= part
            if not stat.S_ISDIR(place.lstat().st_mode):
                return False
        return stat.S_ISREG(Path(name).lstat().st_mode)
    except (OSError, ValueError):
        return False


def outputs(raw: bytes, expected: Expected) -> dict[str, str]:
    """The outputs in a file as the runner would read it. Raises Doubtful, also for a file that it would not take."""
    try:
        lines = iter(raw.decode().split("\n"))
    except UnicodeDecodeError:
        raise Doubtful("its outputs are no text") from None
    found: dict[str, str] = {}
    for line in lines:
        if not line:
            continue
        name, value = line.partition("=")[::2]
        before, heredoc, delimiter = line.partition("<<")
        if heredoc and "=" not in before:
            name, value = before, until(lines, delimiter)
        elif "=" not in line:
            raise Doubtful("its outputs are not in the form that the runner reads")
        expected.value(name, value)
        found[name] = value
    if sum(map(len, found.values())) > MOST_VALUES:
        raise Doubtful("its outputs are too long together")
    return found


def until(lines: Any, delimiter: str) -> str:
    """The lines of a value up to its delimiter."""
    value: list[str] = []
    for line in lines:
        if line == delimiter and delimiter:
            return "\n".join(value)
        value.append(line)
    raise Doubtful("an output of it has no end")


def consistent(code: int, values: Mapping[str, str], mode: str) -> None:
    """Raise Doubtful where the exit code and the outputs of one of our modes do not say the same."""
    if code not in EXITS:
        raise Doubtful(f"it ended with the code {code}, which is none of ours")
    said = values.get("conclusion", "")
    if mode not in MODES:
        return
    if not said:
        raise Doubtful("it did not say how the run ended")
    if (code == 0) == (said == "failure"):
        raise Doubtful(f"it ended with the code {code} and says `conclusion` is {said}")
    decision, shadow = values.get("decision", ""), values.get("shadow_decision", "")
    # In shadow it goes on, and `conclusion` is that of the decision that stops nothing.
    agrees = bool(decision) and ((shadow or decision) == "proceed") == (said == "success")
    if mode == "deploy-gate" and not code and not (agrees and (not shadow or decision == "proceed")):
        raise Doubtful(f"it says `conclusion` is {said} and `decision` is {decision or 'empty'}")


def content(path: Path, most: int, what: str) -> bytes:
    """A regular file's bytes, none when there is no such file. Raises Doubtful for anything else, and a larger one."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise Doubtful(f"{what} cannot be read ({error.strerror})") from None
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise Doubtful(f"{what} is no regular file")
        raw = file.read(most + 1)
    if len(raw) > most:
        raise Doubtful(f"{what} is larger than {most:,} bytes")
    return raw


def summary(path: Path) -> str:
    """The page for the step summary."""
    try:
        return content(path, MOST_SUMMARY, "its summary").decode()
    except UnicodeDecodeError:
        raise Doubtful("its summary is no text") from None


def sweep(folder: Path, most_files: float = inf, most_stored: float = inf) -> int:
    """Remove whatever is neither a regular file nor a folder; how many such things there were.

    Nobody else writes there any more: the container is gone. Raises Doubtful when there is more than may be.
    """
    removed = files = stored = 0
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        if here.stat().st_mode & stat.S_IRWXU != stat.S_IRWXU:
            here.chmod(stat.S_IRWXU)
        with os.scandir(here) as entries:
            for entry in entries:
                files += 1
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISDIR(status.st_mode):
                    waiting.append(Path(entry.path))
                elif is_plain(status):
                    # Not the blocks: a file with a hole in it takes no room here, but an upload would send it whole.
                    stored += status.st_size
                else:
                    Path(entry.path).unlink()
                    removed += 1
                if files > most_files or stored > most_stored:
                    raise Doubtful(f"it left more than {most_files:,} files or {most_stored:,} bytes")
    return removed


def is_plain(status: os.stat_result) -> bool:
    """Whether this is a file and nothing but that: under one name, and with nobody else's rights."""
    return stat.S_ISREG(status.st_mode) and status.st_nlink == 1 and not status.st_mode & (stat.S_ISUID | stat.S_ISGID)
