"""Words that people would have to be told, in what they read: each has a plain one in the glossary of CONTRIBUTING."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
READ = ("README.md", "SECURITY.md", "docs", "action.yml", "*/action.yml", "examples", "src/**/*.py", "src/**/*.toml")
INSTEAD = {
    r"account[ -]books?": "audit log",
    r"\bmend(?:s|ed|ing)?\b": "fix",
    r"which way out|the way out": "deployment strategy, proxy",
    r"model (?:is|was) heard": "used",
    r"planted faults noticed": "mutants killed",
    r"\bfor ever\b": "forever",
    r"\d sure\b": "confidence",
    r"a person (?:should|has to) look": "needs human review",
    r"not taken as an excuse|nobody can lift": "does not prove, cannot be overridden",
    r"put together from text": "built by string concatenation",
}
DOCUMENTS = ("README.md", "SECURITY.md", "CONTRIBUTING.md", "docs/*.md", "docs/**/*.md")
INSTEAD_IN_DOCUMENTS = {
    r"\btapes?\b(?![.`])(?<!`tape)": "recording",
    r"\b(?:one|no|made-up|the) books?\b": "audit log",
    r"\b0\.\d+ sure\b|\bhow sure\b": "confidence",
    r"\bbugs? of ours\b": "internal error",
    r"\bwas not heard\b|\bhas heard\b": "used",
    r"what it is that|\bwhereof\b": "a direct sentence",
    r"\bcicd-agent-book\b": "cicd-agent-audit",
}
"""Words that are gone from the documents; the code still has some of them as names."""


def found_in(patterns: dict[str, str], *globs: str, least: int) -> list[str]:
    named = subprocess.run(["git", "ls-files", *globs], cwd=ROOT, capture_output=True, text=True, check=True)
    texts = {
        name: (ROOT / name).read_text("utf-8")
        for name in named.stdout.split()
        if (ROOT / name).suffix != ".png" and (ROOT / name).is_file()
    }
    assert len(texts) > least
    return [
        f"{name}: {match[0]!r}, write {plain}"
        for name, text in texts.items()
        for pattern, plain in patterns.items()
        for match in re.finditer(pattern, text, re.IGNORECASE)
    ]


def test_no_word_comes_back_that_has_a_plainer_one() -> None:
    assert found_in(INSTEAD, *READ, least=500) == []


def test_no_word_comes_back_into_the_documents() -> None:
    quoted_from_code = "docs/reference/messages.md: "
    found = found_in(INSTEAD_IN_DOCUMENTS, *DOCUMENTS, least=40)
    assert [line for line in found if not line.startswith(quoted_from_code)] == []
