"""How many tokens texts have: by o200k_base where tiktoken and its table are at hand, else by our own estimate."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cicd_agent.agent.prompt import estimate

_TABLE = "fb374d419588a4632f3f557e76b4b70aebbca790"
"""The file that tiktoken keeps o200k_base in; the litellm wheel ships it."""
_COUNT = """\
import json, sys, tiktoken
encoding = tiktoken.get_encoding("o200k_base")
print(json.dumps([len(encoding.encode(text, disallowed_special=())) for text in json.load(sys.stdin)]))
"""


@dataclass(frozen=True, slots=True)
class Counter:
    """Counts tokens. Without a `python` that has tiktoken, and its `tables`, it estimates."""

    python: str = ""
    tables: str = ""

    @property
    def name(self) -> str:
        """What the numbers are."""
        return "tokens of o200k_base" if self.python else "tokens as cicd-agent estimates them (no tiktoken here)"

    def count(self, texts: Sequence[str]) -> list[int]:
        """The tokens of each text."""
        if not self.python:
            return [estimate(text) for text in texts]
        environment = {"PATH": os.environ["PATH"], "TIKTOKEN_CACHE_DIR": self.tables}
        ran = subprocess.run(
            [self.python, "-I", "-c", _COUNT],
            check=False,
            input=json.dumps(texts),
            env=environment,
            capture_output=True,
            text=True,
        )
        if ran.returncode:
            raise SystemExit(f"{self.python} cannot count tokens: {ran.stderr}")
        counted: list[int] = json.loads(ran.stdout)
        return counted


def counter(environments: Iterable[Path]) -> Counter:
    """The best counter there is: of this interpreter with TIKTOKEN_CACHE_DIR, or of one of the virtual environments."""
    told = os.environ.get("TIKTOKEN_CACHE_DIR", "")
    for python, tables in [
        (sys.executable, told),
        *((str(each / "bin/python"), _shipped(each)) for each in environments),
    ]:
        if tables and (Path(tables) / _TABLE).exists() and _has_tiktoken(python):
            return Counter(python, tables)
    return Counter()


def _shipped(environment: Path) -> str:
    found = next(environment.glob(f"lib/python*/site-packages/litellm/litellm_core_utils/tokenizers/{_TABLE}"), None)
    return str(found.parent) if found else ""


def _has_tiktoken(python: str) -> bool:
    return subprocess.run([python, "-I", "-c", "import tiktoken"], capture_output=True, check=False).returncode == 0
