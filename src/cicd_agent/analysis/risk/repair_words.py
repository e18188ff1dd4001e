"""The words by which a commit says that it repairs something: a change and its past are judged by the same ones."""

import re

_REPAIRS = re.compile(r"(?i)\b(?:fix(?:e[sd]|ing)?|bug(?:s|fix|fixes)?|hotfix|defects?)\b(?!-)")
_COSMETICS = re.compile(
    r"(?i)\b(?:typos?|spelling|grammar|lint(?:er|ing)?|format(?:ting)?|docs?|comments?|ci|flake8|ruff)\b"
)


def says_repair(subject: str) -> bool:
    """Whether a commit's subject speaks of the repair of something that was wrong when it ran."""
    return bool(_REPAIRS.search(subject)) and not _COSMETICS.search(subject)
