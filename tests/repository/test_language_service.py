"""GitHub's own language service has nothing to say of our actions, our workflows and the parts in documents."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from scripts.language_documents import documents

ROOT = Path(__file__).parents[2]
TOOL = ROOT / "tools/language-service"
FAULTS = {
    "with.yml": "      - uses: org/cicd-agent/review@v1\n        with:\n          no-such-input: x",
    "output.yml": "      - {id: a, uses: org/cicd-agent/review@v1}\n      - run: ${{ steps.nobody.outputs.x }}",
    "key.yml": "      - rnu: make",
}


def judged(given: list[dict[str, object]]) -> list[str]:
    if not shutil.which("node") or not (TOOL / "node_modules/complete").is_file():
        pytest.skip("needs Node and `make language-service`, which installs what judges")
    text = json.dumps(given)
    done = subprocess.run(
        ["node", str(TOOL / "check.mjs"), str(ROOT)], input=text, capture_output=True, text=True, check=False
    )
    assert f"{len(given)} documents" in done.stderr, done.stderr
    assert done.returncode == bool(done.stdout)
    return done.stdout.splitlines()


def test_nothing_is_wrong_and_what_is_wrong_is_found_where_it_stands() -> None:
    head = "on: push\njobs:\n  job:\n    runs-on: ubuntu-24.04\n    steps:\n"
    # All of one name: parts of a page are judged each for itself.
    faulty: list[dict[str, object]] = [
        {"name": "docs/x.md", "text": f"{head}{steps}\n", "lines": [*range(101, 101 + 6 + steps.count("\n"))]}
        for steps in FAULTS.values()
    ]
    found = judged([*documents(ROOT), *faulty])
    assert {line.split(":")[0] for line in found} == {"docs/x.md"}
    said = "\n".join(found)
    assert "docs/x.md:108: " in said
    assert "docs/x.md:107: " in said
    assert "docs/x.md:106: " in said
    for fault in ("no-such-input", "nobody", "rnu"):
        assert fault in said


def test_the_documents_have_their_actions_workflows_and_parts() -> None:
    names = [f"{each['name']}" for each in documents(ROOT)]
    assert {"action.yml", "review/action.yml", "examples/workflows/review.yml", "README.md"} <= {*names}
