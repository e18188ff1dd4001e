"""What a line looks like on its own: how much like trouble, and whether it goes on about the line above it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from cicd_agent.analysis.logs.reader import MAX_SEARCHED, Line

_MAX_SCRIPT_LINES = 300
"""Lines of a step's script that the runner shows before it runs."""

_MAX_EXIT_TROUBLE = 0.4
_MAX_FRAME_TROUBLE = 0.3

_ANNOUNCEMENT = re.compile(
    r"(?:^|[^\w./-])(?:(?:(?:fatal|internal|syntax|type|compile|runtime|build|unhandled|uncaught) )?error|fatal|panic|"
    r"failure|failed|fail|critical|exception|abort(?:ed)?|assertion failed)(?:\[\w{1,12}\])?(?:\s?[:!]|\]|\s-|$)",
    re.IGNORECASE,
)
"""A word that announces what went wrong: `error:`, `[FATAL]`, `FAILED -`."""

_EXCEPTION = re.compile(
    r"(?<![\w/])(?:[\w$.]{0,80}\.)?[A-Z]\w{0,60}(?:Error|Exception|Failure|Fault|Violation)\b(?!\.\w{1,4}\b)"
)
"""The class of an exception."""

_TROUBLE_WORDS = (
    r"errors?|err|fail(?:ed|ure|ures|ing|s)?|exceptions?|fatal|panic(?:ked)?|abort(?:ed|ing)?|crash(?:ed)?",
    r"segmentation fault|core dumped|out of memory|no space left|killed|terminated|interrupted|cancell?ed",
    r"cannot|can't|can not|could ?n[o']t|could not|unable to|not found|no such|missing|no rule|nothing to",
    r"undefined|undeclared|unresolved|unexpected|invalid|illegal|unknown|unsupported|incompatible|ambiguous",
    r"den(?:ied|y)|refused|timed[ -]?out|timeout|broken|reject(?:ed)?|mismatch(?:ed)?|conflicts?|unreachable|expired",
    r"wrong|bad|malformed|corrupt(?:ed)?|inconsistent|stale|dirty|outdated|unformatted|insufficient|duplicate",
    r"not (?:allowed|installed|available|permitted|supported|recogni[sz]ed|defined|exist|a valid|valid|equal|match)",
    r"not (?:up to date|the same|ok)|do(?:es)? ?n[o']t|does not|did not|didn't|is not|was not|were not|are not|has not",
    r"won't|would be|must|should|needs? to|never|please|disallowed|forbidden|unauthori[sz]ed|unrecogni[sz]ed",
    r"exceed(?:s|ed|ing)?|violations?|offen[cs]es?|unused|redefin\w{1,10}|too (?:many|long|few|large|old)",
    r"(?:larger|longer) than",
    r"traceback|backtrace|stack trace|assert(?:ion)?|expected|actual|got:|was:|received|differ(?:s|ent)?",
    r"exit(?:ed)? (?:with )?(?:code|status)|command not|non-zero",
)
_TROUBLE_WORD = re.compile(rf"\b(?:{'|'.join(_TROUBLE_WORDS)})\b", re.IGNORECASE)
"""Words of which a line about a failure has one or more, and a line about progress seldom any."""

_MARK = re.compile(
    r"^\s*(?:✗|✘|×|✖|●|❌|⨯|!!|>>>|not ok\b|\d{1,4}\) |E  |##\[error\]|::error|---- |--- FAIL)|"
    r"\^~{0,200}\s{0,200}$|<<<|\[FAIL|\*\*\*|\[[45]\d\d\]"
)
"""What is put before a line, or below it, for it to be seen."""

_CROSS = re.compile(r"[✗✘✖❌⨯]|^\s*(?:●|×) |^not ok\b|^\s*##\[error\]|^::error")
"""The marks that stand for failed, and for nothing else."""

_LOCATION = re.compile(
    r"(?:^|[\s('\"\[=])(?:[A-Za-z]:)?[\w@.+~/\\-]{0,200}[\w-]\.[A-Za-z]\w{0,9}"
    r"(?::\d{1,6}|\(\d{1,6}(?:,\d{1,6})?\)|:\[\d{1,6},|\", line \d)|\bline \d{1,6}\b|\[\w{0,3}\d{1,6}(?::\d{1,5})?\]"
)
"""A line of a file."""

_FRAME = re.compile(
    r"^\s*(?:(?:\[\w{1,20}\]\s{1,8})?at \S|File \"[^\"]{1,300}\", line \d|from \S{1,300}:\d+:in |\.{3} \d+ more|"
    r"Caused by: |\d{1,3}: +(?:0x[0-9a-f]+ - )?\S|#\d{1,3} |goroutine \d+ |"
    r"\S{1,300}:\d+:in [`']|\S{1,200}\.go:\d+ \+0x)"
)
"""A frame of a stack."""

_COMPARISON = re.compile(
    r"^\s*(?:[+-](?![+-]{2})\s?\S|(?:expected|actual|got|want|received|exp|act|but was|diff|left|right|value)\b"
    r"\s{0,8}[:=(]|@@ |diff --|\| |\d{1,6} {1,200}\|)",
    re.IGNORECASE,
)
"""A line of a comparison, a diff or an excerpt of the source."""

_PROGRESS = (
    r"Get:\d|Hit:\d|Ign:\d|Selecting|Unpacking|Setting up|Preparing to|Processing triggers|Receiving|Resolving deltas",
    r"remote:|Collecting|Downloading|Downloaded|Requirement already|Installing|Fetching|Using cached|Compiling|Linking",
    r"Checking out|Cloning|Building|Copying|Creating|Generating|Extracting|Inflating|Already|Updating|\d{1,3}%",
    r"\[INFO\]|\[DEBUG\]|(?:npm )?WARN\b|npm http",
)
_HARMLESS_FORMS = (
    r"\b(?:0|no|zero) (?:errors?|failures?|failed|problems?|warnings?|offenses?|issues?|conflicts?|violations?)\b",
    r"(?:errors?|fail(?:ed|ures?)?|failing|skipped|broken)\s?[:=]\s?0\b",
    r"\b(?:PASS|PASSED|passed|passing|ok|OK|success|succeeded)\b|[✓✔√]|^\s*[.#]",
    r"-Werror|--?\w{0,40}fail|\|\| ?(?:true|exit)|fatal: true|error_reporting|\blib[\w+-]{0,40}error",
    r"(?<![\w-])[\w-]{0,60}(?:error|fail|exception)[\w-]{0,60}\.(?:c|cc|cpp|h|hpp|o|go|rs|js|ts|py|rb|java|html|md|php)\b(?!:\d)",
    r"(?<![\w-])[\w-]{0,60}(?:error|fail|exception)[\w-]{0,60}\.(?:pm|pod|so|el|hs|lo|class)\b(?!:\d)",
    r"warning:|[Dd]eprecat|\bDEP\d{4}\b|\bWARN(?:ING)?\b",
    rf"^\s*(?:{'|'.join(_PROGRESS)})",
    r"^\s*(?:if|fi|then|else|echo|for|done|export|set|function|case|esac|while)\b|^\s*\+\+? |^\s*\$ ",
    r"^\S{1,80}@\S{1,80}:",
)
_HARMLESS = re.compile("|".join(_HARMLESS_FORMS))
"""What looks like trouble and mostly is none: counts of nothing, names of files, options, progress, scripts."""

_JOB_END = re.compile(
    r"^(?:Finished: (?:FAILURE|ABORTED)|Done\. Your build exited with (?!0\b)|Your build has been stopped|"
    r"No output has been received in the last)"
)
"""What the runner writes at the end of a job that failed."""

_EXIT = re.compile(
    r"^The command \"?.{0,2000} (?:failed and )?exited with (?!0\b)-?\d+|^(?:g?make|mingw32-make)(?:\[\d+\])?: \*\*\* |"
    r"^##\[error\](?:Process completed with exit code (?!0\b)|The process .{0,300} failed with exit code|Bash exited|"
    r"The operation was|The action )|^Build step '.{0,200}' marked build as failure|"
    r"^npm ERR! (?:code ELIFECYCLE|Test failed|errno)|^ERROR: Job failed|^error Command failed with exit code|"
    r"^Exited with code (?!0\b)|^exit status (?!0\b)\d|^Command exited with code (?!0\b)"
)
"""What is written of a command that failed, but not why."""

_ECHO = re.compile(r"\++ (?:echo|printf|if|\[|test|grep|exit|case)\b|\$ \S|\[command\]|##\[group\]|::group::")
"""A command that is shown before it runs."""


@dataclass(frozen=True, slots=True)
class LineFeatures:
    """`trouble` is 0–1 by the line's words; a `frame` or what `compares` continues something above it."""

    trouble: float = 0.0
    frame: bool = False
    compares: bool = False
    exits: bool = False
    """Whether it says that a command has failed, but not why."""


def describe_line(text: str) -> LineFeatures:
    """The numbers are fitted to logs in which people have marked the cause."""
    text = text[:MAX_SEARCHED]
    if not text.strip():
        return LineFeatures()
    exits, frame = _EXIT.search(text) is not None, _FRAME.search(text) is not None
    trouble = _trouble(text)
    if frame:
        trouble = min(trouble, _MAX_FRAME_TROUBLE)
    if exits or _JOB_END.search(text):
        trouble = min(trouble, _MAX_EXIT_TROUBLE)
    return LineFeatures(min(trouble, 1.0), frame=frame, compares=_COMPARISON.search(text) is not None, exits=exits)


def _trouble(text: str) -> float:
    words = len({word.lower() for word in _TROUBLE_WORD.findall(text)})
    trouble = 0.3 + 0.08 * min(words, 4) if words else 0.0
    for pattern, minimum, bonus in (
        (_ANNOUNCEMENT, 0.55, 0.15),
        (_EXCEPTION, 0.55, 0.1),
        (_MARK, 0.0, 0.2),
        (_CROSS, 0.5, 0.15),
        (_LOCATION, 0.0, 0.15),
    ):
        if pattern.search(text):
            trouble = max(trouble, minimum) + bonus
    return trouble * 0.35 if trouble and _HARMLESS.search(text) else trouble


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
    """The last line of the head of a step that begins here.

    A program may print a group of that name as well, with whatever it has to say in it: the runner's own one is closed
    soon, and tells the shell or the inputs before that.
    """
    has_details = False
    for index in range(first + 1, min(first + _MAX_SCRIPT_LINES, len(lines))):
        text = lines[index].text
        if text.startswith("##[endgroup]"):
            return index if has_details or index == first + 1 else first
        has_details = has_details or text.startswith(("shell: ", "with:", "env:"))
    return first


def indentation(text: str) -> int:
    return len(text) - len(text.lstrip())
