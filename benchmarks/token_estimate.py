"""How far the token estimate is from a real tokenizer, by kind of text: `python benchmarks/token_estimate.py [TABLES]`.

Needs tiktoken and, so that nothing is downloaded, a directory with the table of o200k_base (the litellm wheel ships
it as litellm/litellm_core_utils/tokenizers). Without them it says so and ends.
"""

import base64
import importlib
import os
import random
import string
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from cicd_agent.agent.prompt import estimate

ROOT = Path(__file__).resolve().parent.parent


def samples() -> Mapping[str, str]:
    """Texts that come up in evidence, then texts that somebody would write to break the estimate."""
    made = random.Random(1)  # noqa: S311  a benchmark repeats itself
    python = "".join(path.read_text() for path in sorted((ROOT / "src").rglob("*.py")))[:300_000]
    numbered = "\n".join(f"{number:>4} | {line}" for number, line in enumerate(python.split("\n"), 1))

    def drawn(letters: str, count: int) -> str:
        return "".join(made.choice(letters) for _ in range(count))

    return {
        "Python": python,
        "Python, numbered": numbered,
        "Markdown": "".join(path.read_text() for path in sorted(ROOT.glob("*.md"))),
        "lock file": (ROOT / "requirements.lock").read_text()[:100_000],
        "short lines": "\n".join(f"{n:>4} | {made.choice(['}', ')', '];', 'x', ''])}" for n in range(5_000)),
        "Russian": "Непрерывная интеграция проверяет каждое изменение до слияния. " * 300,
        "Chinese": "持续集成会在合并之前检查每一次更改，并报告发现的问题。" * 300,
        "base64": base64.b64encode(made.randbytes(40_000)).decode(),
        "hex": made.randbytes(40_000).hex(),
        "digits": drawn(string.digits, 40_000),
        "punctuation": drawn(string.punctuation, 40_000),
        "any ASCII": drawn(string.printable, 40_000),
        "random letters": drawn(string.ascii_lowercase, 40_000),
        "random short words": " ".join(drawn(string.ascii_lowercase, 7) for _ in range(5_000)),
        "random ideographs": "".join(chr(made.randrange(0x4E00, 0x9FFF)) for _ in range(15_000)),
        "random letters of all scripts": "".join(chr(made.randrange(0x80, 0xD7FF)) for _ in range(15_000)),
        "random astral characters": "".join(chr(made.randrange(0x10000, 0x10FFFF)) for _ in range(15_000)),
    }


def tokenizer() -> Callable[[str], int] | None:
    """The count by o200k_base, None when the package or its table is not at hand."""
    if len(sys.argv) > 1:
        os.environ["TIKTOKEN_CACHE_DIR"] = sys.argv[1]
    if "TIKTOKEN_CACHE_DIR" not in os.environ:
        return None
    try:
        encoding = importlib.import_module("tiktoken").get_encoding("o200k_base")
    except ImportError:
        return None
    return lambda text: len(encoding.encode(text, disallowed_special=()))


def main() -> None:
    """Print the table."""
    count = tokenizer()
    if count is None:
        print("token estimate: skipped (needs tiktoken, and its tables named as the argument)")
        return
    print(f"{'kind of text':32}{'tokens':>9}{'estimate':>10}{'ratio':>7}")
    for kind, text in samples().items():
        true, guess = count(text), estimate(text)
        print(f"{kind:32}{true:>9,}{guess:>10,}{guess / true:>7.2f}")


if __name__ == "__main__":
    main()
