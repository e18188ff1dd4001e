"""Which files of tests may reach a branch, and under which words: whoever proposes them may have been lied to."""

import hashlib
import re
import unicodedata
from collections.abc import Collection, Sequence

from cicd_agent.domain.effects import Commit, OpenPull, TextFile
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.text.words import clip

MOST_FILES = 20
MOST_ADDED = 200_000
LARGEST = 1_000_000
LONGEST_PATH = 300
LONGEST_MESSAGE = 2_000
UNSAID = "Add tests"
TRAILER = "Cicd-Agent-Key"

_MODULE = re.compile(r"test_[^/]*\.py|[^/]+_test\.py")
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
# Characters by which one file system means another file than git does: separators, streams, short names, wildcards.
_AMBIGUOUS = re.compile(r'[\\:*?"<>|~]')
_HOMES = frozenset({"test", "tests", "testing"})
_FORBIDDEN = frozenset({"conftest.py", "setup.py", "sitecustomize.py", "usercustomize.py", "__init__.py"})

# What makes GitHub skip workflows, close issues or tell people, wherever in a message it stands.
_SKIPS = re.compile(r"\[\s*(skip ci|ci skip|no ci|skip actions|actions skip)\s*\]", re.IGNORECASE)
_REFERS = re.compile(r"#(?=[0-9])|\bGH-(?=[0-9])|@(?=[A-Za-z0-9])|://", re.IGNORECASE)
# A title may begin like a trailer ("test: add some"), as long as it is none that anybody obeys.
_TITLE = re.compile(rf"^(skip-checks|{TRAILER})[ \t]*:", re.IGNORECASE)
_LIKE_TRAILER = re.compile(r"(?<=\n)[ \t]*([A-Za-z0-9-]+)[ \t]*:(?=\s|$)")
_DELIVERY = re.compile(r"cicd-agent/tests-[0-9]+-[0-9a-f]{8}\Z")
_OURS = re.compile(rf"^{TRAILER}: (\S+)$", re.MULTILINE)


def objection(path: str, *, existing: bool) -> str:
    """Why a file may not be written by us, "" when it may: only modules of tests, under names that mean one file.

    A name that is `existing` was chosen by people; ours for a new file are plain.
    """
    parts = path.split("/")
    folders, name = parts[:-1], parts[-1]
    what = ""
    if not path or len(path) > LONGEST_PATH or visible_line(path) != path:
        what = "its name is empty, too long, or has hidden characters"
    elif unicodedata.normalize("NFC", path) != path:
        what = "its name is not in normal form, and could mean another file"
    elif _AMBIGUOUS.search(path) or any(part != part.strip(" .") or not part for part in parts):
        # Dots in front hide files and lead out of the repository; at the end, some file systems drop them.
        what = "its name is hidden, absolute, or does not mean the same file everywhere"
    elif name.casefold() in _FORBIDDEN or not _MODULE.fullmatch(name):
        what = "it is not a module of tests (test_*.py or *_test.py)"
    elif not existing and not all(map(_PLAIN.fullmatch, (*folders, name.removesuffix(".py")))):
        what = "a new file has a plain name: letters, digits, `_` and `-`"
    return f"`{visible_line(clip(path, LONGEST_PATH))}` is not written: {what}" if what else ""


def stray(path: str, beside: Collection[str]) -> str:
    """Why a new module is not where tests are, "" when it is: in a folder of tests, or with other modules of tests.

    `beside` are the names in its folder.
    """
    is_home = _HOMES & {*path.casefold().split("/")[:-1]} or any(map(_MODULE.fullmatch, beside))
    return "" if is_home else f"`{path}` is not written: there are no tests in its folder"


def overload(effect: Commit | OpenPull) -> str:
    """Why the files cannot be delivered, whatever stands on the branch; "" when they can."""
    if not _KEY.fullmatch(effect.key):
        return "the key of the delivery is not plain"
    if not effect.files or len(effect.files) > MOST_FILES:
        return f"it has {len(effect.files):,} files, and {MOST_FILES} at most are delivered at once"
    if len({file.path.casefold() for file in effect.files}) < len(effect.files):
        return "it names a file twice"
    return next(filter(None, map(_unfit, effect.files)), "")


def _unfit(file: TextFile) -> str:
    if what := objection(file.path, existing=True):
        return what
    try:
        size = len(file.text.encode())
    except UnicodeEncodeError:
        return f"`{file.path}` is not written: it is not valid UTF-8"
    if "\0" in file.text or size > LARGEST:
        return f"`{file.path}` is not written: it is binary or larger than {LARGEST:,} bytes"
    return ""


def message(text: str, key: str) -> str:
    return f"{clip(plain(text), LONGEST_MESSAGE) or UNSAID}\n\n{TRAILER}: {key}\n"


def plain(text: str) -> str:
    """Words for a commit, or for a title that becomes one: they skip no workflow, close no issue and call nobody."""
    tidy = "\n".join(visible_line(line).rstrip() for line in text.replace("\r\n", "\n").split("\n"))
    tidy = _SKIPS.sub(r"(\1)", tidy.strip())
    tidy = _REFERS.sub(lambda found: f"{found.group()} ", tidy)
    return _LIKE_TRAILER.sub(r"\1 -", _TITLE.sub(r"\1 -", tidy))


def keys_of(text: str) -> tuple[str, ...]:
    """The keys of deliveries that a commit's message bears. Anybody can write one: it is only a reason to do less."""
    return tuple(_OURS.findall(text.replace("\r\n", "\n")))


def branch_of(effect: OpenPull) -> str:
    digest = hashlib.sha256(f"{effect.key}\n{effect.head}".encode(errors="replace")).hexdigest()
    return f"{family(effect.pull)}{digest[:8]}"


def family(pull: int) -> str:
    return f"cicd-agent/tests-{pull}-"


def is_of_delivery(branch: str) -> bool:
    return _DELIVERY.match(branch) is not None


def gain(befores: Sequence[str], afters: Sequence[str]) -> str:
    """Why the files together gain too much, "" when they do not."""
    added = sum(len(text.encode()) for text in afters) - sum(len(text.encode()) for text in befores)
    return f"{added:,} bytes are added, and {MOST_ADDED:,} at most are delivered at once" if added > MOST_ADDED else ""
