"""What a repository tells everybody who works on it, as evidence of lower trust: it may say what to look for."""

from collections.abc import Mapping

from cicd_agent.domain.evidence import Exhibit

GUIDELINES = ("AGENTS.md", "CONTRIBUTING.md", ".github/copilot-instructions.md")
MAX_BYTES = 200_000
"""Bytes of a file that is read at all."""
MAX_GUIDELINE = 12_000
"""Characters that are shown of it: the change is what a question has its room for."""


def guideline_exhibits(texts: Mapping[str, str]) -> tuple[Exhibit, ...]:
    """The texts of GUIDELINES that there are, packed after everything else. `texts` is by path, of the base branch."""
    return tuple(
        Exhibit(f"guideline-{number}", path, _clipped(texts[path]))
        for number, path in enumerate(GUIDELINES, 1)
        if texts.get(path, "").strip()
    )


def _clipped(text: str) -> str:
    """Whole lines up to the limit; a line of ours at the end says what is missing."""
    if len(text) <= MAX_GUIDELINE:
        return text
    kept = text[:MAX_GUIDELINE].rpartition("\n")[0] or text[:MAX_GUIDELINE]
    return f"{kept}\n[{len(text) - len(kept):,} more characters are not shown]\n"
