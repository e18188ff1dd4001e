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


def test_no_word_comes_back_that_has_a_plainer_one() -> None:
    named = subprocess.run(["git", "ls-files", *READ], cwd=ROOT, capture_output=True, text=True, check=True)
    texts = {name: (ROOT / name).read_text("utf-8") for name in named.stdout.split() if (ROOT / name).suffix != ".png"}
    assert len(texts) > 500
    found = [
        f"{name}: {match[0]!r}, write {plain}"
        for name, text in texts.items()
        for pattern, plain in INSTEAD.items()
        for match in re.finditer(pattern, text, re.IGNORECASE)
    ]
    assert found == []
