"""What a certificate claims is found out when it does not hold."""

from pathlib import Path
from typing import Any

import pytest

from benchmarks.certified import check, passing
from benchmarks.real_change import MODULE, RealChange

BEFORE = "def limited(n):\n    return n\n"
AFTER = "def limited(n):\n    return n if n < 9 else 9\n"
CONFTEST = "import sys\nfrom pathlib import Path\n\nsys.path.insert(0, str(Path(__file__).parent / 'more_itertools'))\n"
PATCH = """\
--- /dev/null
+++ b/tests/test_new.py
@@ -0,0 +1,6 @@
+from recipes import limited
+
+
+def test_limited():
+    assert limited(3) == 3
+    assert limited(10) == 9
"""


@pytest.fixture
def change(tmp_path: Path) -> RealChange:
    repo = tmp_path / "repo"
    for path, text in {MODULE: AFTER, "conftest.py": CONFTEST, "tests/test_old.py": ""}.items():
        (repo / path).parent.mkdir(parents=True, exist_ok=True)
        (repo / path).write_text(text)
    return RealChange("small", repo, BEFORE, AFTER)


def certificate(*faults: str) -> dict[str, Any]:
    kills = [{"line": 2, "fault": fault} for fault in faults]
    return {"tests": [{"name": "test_limited", "file": "tests/test_new.py", "kills": kills}]}


def test_a_certificate_that_is_right_holds_and_one_that_claims_too_much_does_not(
    change: RealChange, tmp_path: Path
) -> None:
    (tmp_path / "tests.patch").write_text(PATCH)
    noticed, missed = "`<` → `>=`", "`<` → `<=`"  # at the boundary both branches give the same
    assert {noticed, missed} <= {fault.words for fault in change.faults}
    found = check(change, certificate(noticed, missed), tmp_path / "tests.patch", tmp_path / "copy", 1)
    assert (found.fresh, found.flips, found.claimed, found.noticed) == (1, 0, 2, 1)
    assert found.wrong == [f"small: tests/test_new.py::test_limited does not notice {missed} in line 2"]


@pytest.mark.parametrize(("said", "passes"), [("limited(10) == 9", True), ("limited(10) == 10", False)])
def test_a_candidate_is_tried_with_plain_pytest(change: RealChange, tmp_path: Path, said: str, *, passes: bool) -> None:
    code = f"def test_it():\n    assert {said}"
    candidate = {"imports": ["from recipes import limited"], "code": code}
    assert passing(change, tmp_path / "plain", candidate) is passes
