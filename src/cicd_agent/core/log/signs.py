"""Signs of trouble that tools share: words, places in files, marks. What is left to go by when nobody defined the tool."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from cicd_agent.core.log.lines import Line

_LOUD = re.compile(
    r"(?:^|[^\w./-])(?:(?:fatal |internal |syntax |type |compile |runtime |build |unhandled |uncaught )?error|fatal|panic|failure|failed|fail|critical|"
    r"exception|abort(?:ed)?|assertion failed|fehler)(?:\[\w{1,12}\])?(?:\s?[:!]|\]|\s-|$)",
    re.IGNORECASE,
)
_NAMED = re.compile(r"(?<![\w/])(?:[\w$.]{0,80}\.)?[A-Z]\w{0,60}(?:Error|Exception|Failure|Fault|Violation)\b(?!\.\w{1,4}\b)")
_WORDS = re.compile(
    r"\b(?:errors?|err|fail(?:ed|ure|ures|ing|s)?|exceptions?|fatal|panic(?:ked)?|abort(?:ed|ing)?|crash(?:ed)?|segmentation fault|core dumped|"
    r"cannot|can't|can not|could ?n[o']t|could not|unable to|not found|no such|missing|undefined|undeclared|unresolved|unexpected|invalid|illegal|"
    r"den(?:ied|y)|refused|timed[ -]?out|timeout|unknown|unsupported|incompatible|broken|reject(?:ed)?|mismatch(?:ed)?|conflicts?|"
    r"wrong|bad|malformed|corrupt(?:ed)?|not (?:allowed|installed|available|permitted|supported|recogni[sz]ed|defined|exist|a valid|valid|equal|match|up to date|the same)|"
    r"do(?:es)? ?n[o']t|does not|did not|didn't|is not|was not|were not|are not|has not|won't|would be|must|should|needs? to|"
    r"exceed(?:s|ed|ing)?|killed|terminated|unrecogni[sz]ed|unauthori[sz]ed|forbidden|violations?|offen[cs]es?|inconsistent|stale|dirty|"
    r"out of memory|no space left|traceback|backtrace|stack trace|assert(?:ion)?|expected|actual|got:|was:|received|differ(?:s|ent)?|"
    r"nothing to|no rule|not ok|never|interrupted|cancell?ed|insufficient|too (?:many|long|few|large|old)|duplicate|redefin\w{1,10}|unused|ambiguous|"
    r"exit(?:ed)? (?:with )?(?:code|status)|command not|non-zero|unreachable|expired|disallowed|outdated|unformatted|larger than|longer than|please)\b",
    re.IGNORECASE,
)
_MARKS = re.compile(r"^\s*(?:✗|✘|×|✖|●|❌|⨯|!!|>>>|\*\*\*|not ok\b|\d{1,4}\) |E  |##\[error\]|::error|---- |--- FAIL)|\^~*\s*$|<<<|\*{3} ?F|\[FAIL|\*\*\*|\[[45]\d\d\]")
_CROSS = re.compile(r"[✗✘✖❌⨯]|^\s*(?:●|×) |^not ok\b|^\s*##\[error\]|^::error")
_PLACES = re.compile(
    r"(?:^|[\s('\"\[=])(?:[A-Za-z]:)?[\w@.+~/\\-]{0,200}[\w-]\.[A-Za-z]\w{0,9}(?::\d{1,6}|\(\d{1,6}(?:,\d{1,6})?\)|:\[\d{1,6},|\", line \d)|"
    r"\bline \d{1,6}\b|\[\w{0,3}\d{1,6}(?::\d{1,5})?\]",
)
_FRAME = re.compile(
    r"^\s*(?:(?:\[\w+\]\s+)?at \S|File \"[^\"]{1,300}\", line \d|from \S{1,300}:\d+:in |\d{1,3}: +(?:0x[0-9a-f]+ - )?\S|#\d{1,3} |"
    r"\S{1,300}:\d+:in [`']|goroutine \d+ |\.{3} \d+ more|Caused by: |\S{1,200}\.go:\d+ \+0x)"
)
_COMPARES = re.compile(
    r"^\s*(?:[+-](?![+-]{2})\s?\S|(?:expected|actual|got|want|received|exp|act|but was|diff|left|right|value)\b\s{0,8}[:=(]|@@ |diff --|\| |\d{1,6} +\|)",
    re.IGNORECASE,
)
_HARMLESS = re.compile(
    r"\b(?:0|no|zero) (?:errors?|failures?|failed|problems?|warnings?|offenses?|issues?|conflicts?|violations?)\b|"
    r"(?:errors?|fail(?:ed|ures?)?|failing|skipped|broken)\s?[:=]\s?0\b|\b(?:PASS|PASSED|passed|passing|ok|OK|success|succeeded|✓|✔|√)\b|"
    r"^\s*(?:✓|✔|√|\.|#)|-Werror|--?\w*fail|\|\| ?(?:true|exit)|(?:[\w-]*(?:error|fail|exception)[\w-]*)\.(?:c|cc|cpp|h|hpp|o|go|rs|js|ts|py|rb|java|html|md|php|pm|pod|so|el|hs|lo|class)\b(?!:\d)|"
    r"lib[\w+-]*error|error_reporting|^\s*(?:Get:\d|Hit:\d|Ign:\d|Selecting|Unpacking|Setting up|Preparing to|Processing triggers|Receiving|Resolving deltas|remote:|Collecting|Downloading|"
    r"Downloaded|Requirement already|Installing|Fetching|Using cached|Compiling|Checking out|Cloning|Linking|Building|Copying|Creating|Generating|Extracting|Inflating|Already|Updating|\[INFO\]|\[DEBUG\]|(?:npm )?WARN\b|npm http|\d+%)|"
    r"^\s*(?:if|fi|then|else|echo|for|done|export|set|function|case|esac|while)\b|^\s*\+\+? |^\s*\$ |^\S+@\S+:|fatal: true|warning:|[Dd]eprecat|\bDEP\d{4}\b|\bWARN(?:ING)?\b",
)
_ENDS = re.compile(r"^(?:Finished: (?:FAILURE|ABORTED)|Done\. Your build exited with (?!0\b)|Your build has been stopped|No output has been received in the last)")
_EXITS = re.compile(
    r"^The command \"?.{0,2000} (?:failed and )?exited with (?!0\b)-?\d+|^##\[error\](?:Process completed with exit code (?!0\b)|The process .{0,300} failed with exit code|Bash exited|The operation was|The action )|"
    r"^Build step '.{0,200}' marked build as failure|^(?:g?make|gmake|mingw32-make)(?:\[\d+\])?: \*\*\* |^npm ERR! (?:code ELIFECYCLE|Test failed|errno)|"
    r"^ERROR: Job failed|^error Command failed with exit code|^Exited with code (?!0\b)|"
    r"^exit status (?!0\b)\d|^Command exited with code (?!0\b)"
)

_ECHO = re.compile(r"\++ (?:echo|printf|if|\[|test|grep|exit|case)\b|\$ \S|\[command\]|##\[group\]|::group::")
_LONGEST_SCRIPT = 300

LOUDEST = 1.0
_LAST_WORDS = 0.4


@dataclass(frozen=True, slots=True)
class Sign:
    """What a line looks like: `trouble` 0–1 by its words, and whether it continues something above it."""

    trouble: float = 0.0
    frame: bool = False
    compares: bool = False
    exits: bool = False
    """Whether it says that a command has failed, but not why."""


def sign(text: str) -> Sign:
    """What this line looks like, on its own."""
    stripped = text.strip()
    if not stripped:
        return Sign()
    exits = _EXITS.search(text) is not None
    frame = _FRAME.search(text) is not None
    compares = _COMPARES.search(text) is not None
    score = 0.0
    words = len({word.lower() for word in _WORDS.findall(text)})
    if words:
        score = 0.3 + 0.08 * min(words, 4)
    if _LOUD.search(text):
        score = max(score, 0.55) + 0.15
    if _NAMED.search(text):
        score = max(score, 0.55) + 0.1
    if _MARKS.search(text):
        score += 0.2
    if _CROSS.search(text):
        score = max(score, 0.5) + 0.15
    if _PLACES.search(text):
        score += 0.15
    if _HARMLESS.search(text):
        score *= 0.35
    if frame:
        score = min(score, 0.3)
    if exits or _ENDS.search(text):
        score = min(score, _LAST_WORDS)
    return Sign(min(score, LOUDEST), frame=frame, compares=compares, exits=exits)


def echoes(lines: Sequence[Line]) -> list[bool]:
    """Of each line whether it shows a command before it runs: the head of a step on GitHub, or what a shell echoes."""
    found, until = [], -1
    for index, line in enumerate(lines):
        text = line.text
        if text.startswith("##[group]Run "):
            until = index + _LONGEST_SCRIPT
        elif text.startswith("##[endgroup]"):
            until = -1
        found.append(index <= until or _ECHO.match(text) is not None)
    return found


def indent(text: str) -> int:
    """The blanks at its beginning."""
    return len(text) - len(text.lstrip())
