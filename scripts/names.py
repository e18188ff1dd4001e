"""Names in src that use a word of the private vocabulary, which a later change has to replace.

`tests/forbidden_names.json` lists those that are left; this program writes it again, and never adds to it.
"""

import ast
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src/cicd_agent"
LEFT = ROOT / "tests/forbidden_names.json"

# The term that stands for each, by subject, is in the glossary of CONTRIBUTING.md or plain: told is result or data,
# said text or reply, asked requested, kept stored, wanted expected, found matches, most and least max_ and min_, why
# reason, words summary, place location.
FORBIDDEN = frozenset(
    """
    told tell telling said say asked asking kept keeping wanted found most least why words word place places room rooms
    heard hear shelf drawer book bookkeeping outlet edge scene world sealing seal sealed rationing ration aftermaths
    compared mapped handover brought granting guarding secrecy gated routed believed abreast loose distilled always
    vacuous asserted seating seat screening settling aims goals perturbing suspicion ladder climb meetings meeting seen
    standing acquire lift lifts voice sight talk obstacles strengths look looks survey ruling weighing dialogue timed
    laboratory bench trying putting fixing booked gleaned storing metering judging costing calibrating doctoring
    initialising gating affecting stating remember remembered recall sure mend mended lookup lookups harness ghostwrite
    """.split()  # noqa: SIM905  a hundred quotes would hide the words
)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def is_forbidden(name: str) -> bool:
    return not FORBIDDEN.isdisjoint(word.lower() for word in _WORD.findall(name))


def names(tree: ast.Module) -> Iterator[str]:
    """The names of classes, functions and parameters."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg


def used() -> set[str]:
    """The forbidden names that there are."""
    files = [*SOURCE.rglob("*.py")]
    every = {part for path in files for part in path.relative_to(SOURCE).with_suffix("").parts}
    every.update(name for path in files for name in names(ast.parse(path.read_text("utf-8"))))
    return set(filter(is_forbidden, every))


def left() -> set[str]:
    """The names that may still be there."""
    return set(json.loads(LEFT.read_text("utf-8")))


def main() -> int:
    """Exit code 1 where there is a new one, which is not written down."""
    found = used()
    allowed = left() if LEFT.exists() else found
    LEFT.write_text(json.dumps(sorted(found & allowed), indent=0) + "\n", "utf-8")
    for name in sorted(found - allowed):
        print(f"{name}: choose the field's term", file=sys.stderr)
    print(f"{len(found & allowed)} names are left")
    return int(not found <= allowed)


if __name__ == "__main__":
    sys.exit(main())
