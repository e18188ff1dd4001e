"""Whole files and raw lines, whatever the language: credentials, leftovers, hidden text, weight, our configuration."""

import re
from collections.abc import Iterator

from cicd_agent.analysis.rules.context import FileContext
from cicd_agent.analysis.rules.coverage import runs
from cicd_agent.analysis.rules.rule import NOT_WRITTEN_HERE, Hit, around
from cicd_agent.domain.finding import Severity
from cicd_agent.domain.repository.diff import ChangeKind
from cicd_agent.domain.repository.paths import PathKind, is_named, is_source
from cicd_agent.domain.text.credentials import Basis, find_secrets, signs_in
from cicd_agent.domain.text.redaction import mask
from cicd_agent.settings.config_file import Assignment, ConfigFile, Problem
from cicd_agent.settings.loader import lint

_HEAVY = 1_000_000
_OPENING = re.compile(r"<{7}(?: |$)")
_CLOSING = re.compile(r">{7}(?: |$)")

# Bidirectional controls, and what is invisible and means nothing in code. The zero-width joiners are letters'
# business in some scripts, and a byte order mark may begin a file.
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")
_INVISIBLE = re.compile("[\u200b\u2060-\u2064\u00ad\U000e0000-\U000e007f]")


def conflict_marker(context: FileContext) -> Iterator[Hit]:
    # The middle marker alone is an underline in too many texts; one conflict is one finding.
    opened = [number for number, text in context.added if _OPENING.match(text)]
    closed = [number for number, text in context.added if _CLOSING.match(text)]
    yield from map(Hit, opened or closed)


def hidden_characters(context: FileContext) -> Iterator[Hit]:
    for number, text in context.added:
        if text.isascii():
            continue
        if found := _BIDI.search(text):
            message = "A bidirectional control makes this line look different from what is executed."
            yield Hit(number, message, near=around(text, *found.span()))
        elif (found := _INVISIBLE.search(text)) and not {PathKind.DOCS, PathKind.DATA} & context.kinds:
            message = "This line contains characters that editors do not show."
            near = around(text, *found.span())
            yield Hit(number, message, severity=Severity.MEDIUM, confidence=0.8, near=near)


def large_file(context: FileContext) -> Iterator[Hit]:
    size = sum(len(line.text) + 1 for line in context.diff.added)
    if size > _HEAVY:
        yield Hit(0, f"{size / 1_000_000:.1f} million characters of text are added to the history forever.")


def binary_program(context: FileContext) -> Iterator[Hit]:
    if context.diff.kind is ChangeKind.DELETED or not (context.diff.binary or context.diff.omitted):
        return
    if any(is_named(context.path, group) for group in ("program", "archive", "blob")):
        yield Hit(0)


def path_file(context: FileContext) -> Iterator[Hit]:
    lines = [(number, text.lstrip("\ufeff")) for number, text in context.added]
    if not context.path.lower().endswith(".pth"):
        return
    for number, text in lines:
        if text.startswith(("import ", "import\t")):
            yield Hit(number, severity=Severity.MEDIUM if context.is_fixture else None)
            return
    entry = next((number for number, text in lines if text.strip() and not text.startswith("#")), None)
    if entry is not None:
        message = "Where this file is installed, every Python program finds its modules here as well."
        yield Hit(entry, message, severity=Severity.LOW if context.is_fixture else Severity.MEDIUM)


def escaping_link(context: FileContext) -> Iterator[Hit]:
    if context.diff.new_mode != "120000" or not context.added:
        return
    number, target = context.added[0]
    parts = [part.lower() for part in re.split(r"[/\\]", target)]
    # A part that is a link itself leads anywhere: only where the link lies may be climbed, nothing that it names.
    climbs = parts.count("..") > context.path.count("/")
    leads_out = climbs or ".git" in parts or not parts[0] or re.match("[a-z]:", parts[0])
    if leads_out and target != "/dev/null":
        yield Hit(number, severity=Severity.MEDIUM if context.is_fixture else None)


def binary_source(context: FileContext) -> Iterator[Hit]:
    file = context.diff
    if file.kind is ChangeKind.DELETED or not (file.binary and file.omitted):
        return
    if is_named(file.path, "program") or is_named(file.path, "archive"):
        return
    if runs(file, context.change.mentions):
        yield Hit(0)
    elif is_source(file.path, file.new_mode):
        yield Hit(0, "Nobody can review its content, and nothing in the change refers to it.", severity=Severity.LOW)


def env_file(context: FileContext) -> Iterator[Hit]:
    name = context.path.rpartition("/")[2].lower()
    if context.diff.kind not in {ChangeKind.ADDED, ChangeKind.COPIED}:
        return
    if PathKind.ENV_CONFIG in context.kinds and name.startswith(".env") and name != ".envrc":
        if any("=" in text and not text.lstrip().startswith("#") for _, text in context.added) or not context.added:
            yield Hit(0)
    elif is_named(context.path, "key-store"):
        yield Hit(0, "A key store is added to the repository: everyone who can read the history has it.")


def own_config(context: FileContext) -> Iterator[Hit]:
    if PathKind.OWN_CONFIG not in context.kinds or states_the_same(context):
        return
    yield Hit(next((number for number, _ in context.added), 0))
    text = context.head
    problems = () if text is None else lint(text, context.path, known_rules=context.change.rule_ids)
    for problem in problems:
        # The message may quote the file, and what is in a file may be a secret.
        yield Hit(problem.line, mask(problem.message), severity=problem.severity)


def states_the_same(context: FileContext) -> bool:
    """Whether our configuration sets the same before and after, without a mistake: comments set nothing."""
    is_new = context.diff.kind is ChangeKind.ADDED
    if context.head is None or (context.base is None and not is_new):
        return False
    file = ConfigFile(context.path, known_rules=context.change.rule_ids)
    stated = [list(file.read(text)) for text in (context.head, context.base or "")]
    if any(isinstance(each, Problem) for read in stated for each in read):
        return False
    after, before = (
        [(each.section, each.setting, each.value) for each in read if isinstance(each, Assignment)] for read in stated
    )
    return after == before


_TEST_MODE = re.compile(r"(?i)[_-]test[_-]")
"""Of keys that open nothing but what a service has for trials."""
_MIN_PASSWORD = 12
_NOT_LIVE = frozenset({PathKind.TEST, PathKind.EXAMPLE, PathKind.DOCS})


_BRANDS = {
    "api": "API",
    "aws": "AWS",
    "gcp": "GCP",
    "github": "GitHub",
    "gitlab": "GitLab",
    "google": "Google",
    "jwt": "JWT",
    "openai": "OpenAI",
    "pypi": "PyPI",
    "slack": "Slack",
    "stripe": "Stripe",
    "url": "URL",
}


def _named(shape: str) -> str:
    """`github-token` as people write it: GitHub token."""
    return " ".join(_BRANDS.get(word, word) for word in shape.removeprefix("assigned-").split("-"))


def secret(context: FileContext) -> Iterator[Hit]:
    signs = signs_in("\n".join(text for _, text in context.added))
    met = 0
    for number, text in context.added if signs else ():
        for secret in find_secrets(text, signs) if number != met else ():
            value = text[secret.start : secret.end]
            guessed = secret.basis is Basis.CONTEXT
            if secret.basis is Basis.SERVICE or _TEST_MODE.search(value):
                continue
            if guessed and context.kinds & (_NOT_LIVE | NOT_WRITTEN_HERE):
                continue
            if secret.shape == "url-password" and value.isalpha() and len(value) < _MIN_PASSWORD:
                continue  # user:pass@host is how one writes that a password goes there
            fixture = bool(context.kinds & _NOT_LIVE)
            yield Hit(
                number,
                title=f"Hard-coded {_named(secret.shape)}",
                severity=Severity.MEDIUM if context.is_fixture else Severity.HIGH if guessed else None,
                confidence=0.6 if context.is_fixture else 0.8 if guessed else None,
                near=around(text, secret.start, secret.end),
            )
            if fixture:
                return  # test keys come in flocks
            met = number
            break


_HTML = re.compile(
    r"\.(?:inner|outer)HTML\s*\+?=(?!=)\s*(.*)$|\bdocument\.write(?:ln)?\((.*)$|\.insertAdjacentHTML\([^,]*,(.*)$"
)
_REACT_HTML = re.compile(r"dangerouslySetInnerHTML\s*=\s*\{\{\s*__html:\s*(.*)$")
_SAFE_HTML = re.compile(
    r"""^\s*(?:(['"])[^'"]*\1|`[^`$]*`)\s*(?:\+\s*)?[;),}]*\s*\}*\s*[/>]*\s*(?://.*)?$|(?i:sanitize|purify|escape|trusted)"""
)


def js_html_injection(context: FileContext) -> Iterator[Hit]:
    for number, text in context.script:
        if "HTML" not in text and "document.write" not in text:
            continue
        match = _HTML.search(text) or _REACT_HTML.search(text)
        value = next((group for group in match.groups() if group is not None), "") if match else ""
        if match and value.strip() and not _SAFE_HTML.search(value):
            yield Hit(number, near=around(text, match.start(), match.end() - len(value)))
