"""What masking by shape costs, and what it masks where there is nothing: in the sources of Python's standard library.

.venv/bin/python benchmarks/masking.py [FOLDER]     any folder of text in its place
"""

import sys
import sysconfig
import time
from collections import Counter
from pathlib import Path

from cicd_agent.domain.text.credentials import find_secrets, known_shapes, signs_in
from cicd_agent.domain.text.redaction import mask

SUFFIXES = frozenset(
    {".py", ".pyi", ".js", ".ts", ".json", ".toml", ".yml", ".yaml", ".lock", ".txt", ".md", ".rst", ".html"}
)


def main(folder: str) -> None:
    paths = [path for path in sorted(Path(folder).rglob("*")) if path.suffix in SUFFIXES and path.is_file()]
    texts = {path: path.read_text("utf-8", "replace") for path in paths if "site-packages" not in path.parts}
    megabytes = sum(map(len, texts.values())) / 1e6
    mask("a warm cache")
    began = time.process_time()
    for text in texts.values():
        mask(text)
    seconds = time.process_time() - began
    found: Counter[tuple[str, str]] = Counter()
    for path, text in texts.items():
        signs = signs_in(text)
        for number, line in enumerate(text.split("\n"), 1):
            for secret in find_secrets(line, signs):
                found[secret.shape, secret.basis] += 1
                print(f"  {secret.shape} ({secret.basis}) {path.relative_to(folder)}:{number}")
    print(f"{len(known_shapes())} shapes, {len(texts):,} files, {megabytes:.1f} MB")
    print(f"{seconds / megabytes * 1_000:.0f} ms of CPU time a megabyte")
    print(f"{found.total()} masked: {', '.join(f'{name} {number}' for (name, _), number in found.most_common())}")


if __name__ == "__main__":
    main(*sys.argv[1:] or [sysconfig.get_path("stdlib")])
