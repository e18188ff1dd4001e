"""Credentials in added lines: found by core.redact, reported without ever repeating them."""

from collections.abc import Iterator

from cicd_agent.analysis.rules.context import Look
from cicd_agent.analysis.rules.rule import Example, Hit, Rule
from cicd_agent.domain.finding import Category, Severity
from cicd_agent.domain.paths import PathKind
from cicd_agent.domain.text.credentials import find_secrets, signs_in

_GUESSED = frozenset({"assigned-secret", "url-password", "authorization"})
_WORD = 12
_NOT_LIVE = frozenset({PathKind.TEST, PathKind.EXAMPLE, PathKind.DOCS})
_NOT_WRITTEN_HERE = frozenset({PathKind.GENERATED, PathKind.VENDORED})


def _secret(look: Look) -> Iterator[Hit]:
    signs = signs_in("\n".join(text for _, text in look.added))
    for number, text in look.added if signs else ():
        for secret in find_secrets(text, signs):
            guessed = secret.shape in _GUESSED
            if guessed and look.kinds & (_NOT_LIVE | _NOT_WRITTEN_HERE):
                continue
            value = text[secret.start : secret.end]
            if secret.shape == "url-password" and value.isalpha() and len(value) < _WORD:
                continue  # user:pass@host is how one writes that a password goes there
            fixture = bool(look.kinds & _NOT_LIVE)
            yield Hit(
                number,
                f"A {secret.shape.replace('-', ' ')} stands in the text. "
                "Everyone who can read the repository has it, and history keeps it after it is removed.",
                severity=Severity.MEDIUM if fixture else Severity.HIGH if guessed else None,
                confidence=0.6 if fixture else 0.8 if guessed else None,
            )
            if fixture:
                return  # test keys come in flocks
            break


SECRETS = (
    Rule(
        id="secret",
        since="0.1",
        title="A credential is committed",
        severity=Severity.CRITICAL,
        category=Category.SECURITY,
        looks_at="shapes of known tokens, private keys, passwords in URLs, random values of secret-looking names; "
        "in tests, examples and documents only the known shapes",
        why="Everyone who can read the repository has it, and history keeps it after it is removed.",
        remedy="Revoke it first, then read it from the environment or a secret store.",
        bad=Example("deploy.py", 'TOKEN = "ghp_' + "0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0uV1wX" + '"\n'),
        good=Example("deploy.py", 'import os\n\nTOKEN = os.environ["TOKEN"]\n'),
        check=_secret,
        confidence=0.98,
        quiet_in=frozenset({PathKind.LOCK_FILE}),
    ),
)
