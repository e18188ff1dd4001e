"""Code of others runs, too: what is new in it and sure is a finding, an update of it is none."""

import pytest

from cicd_agent.analysis.rules import RULES
from cicd_agent.analysis.rules.run import findings
from tests.support.samples.changes import change_of

SHELL = 'import subprocess\n\n\ndef run(x):\n    subprocess.run(f"ls {x}", shell=True)\n'


@pytest.mark.parametrize(
    "path", ["vendor/lib/a.py", "src/_vendor/a.py", "third_party/a.py", "node_modules/a/a.py", "proto/a_pb2.py"]
)
def test_what_is_new_and_sure_is_found_wherever_it_stands(path: str) -> None:
    (found,) = findings(change_of((path, None, SHELL)))
    assert (found.id, found.location.path, found.location.line) == ("shell-injection", path, 5)


def test_what_is_only_style_or_unsure_is_no_remark_on_code_of_others() -> None:
    text = "import requests\n\n\ndef load(x):\n    requests.get(x)\n    return eval(x)\n"
    assert {each.id for each in findings(change_of(("app/a.py", None, text)))} == {"dynamic-code", "http-timeout"}
    assert findings(change_of(("vendor/a.py", None, text))) == ()


def test_an_update_that_brings_the_same_line_again_is_no_noise() -> None:
    moved = SHELL.replace("run(x)", "execute(x)").replace("    subprocess", "    if x:\n        subprocess")
    assert findings(change_of(("vendor/lib/a.py", SHELL, moved))) == ()
    assert findings(change_of(("vendor/old.py", SHELL, None), ("vendor/new.py", None, SHELL))) == ()


def test_the_rules_for_code_of_others_are_few_and_sure() -> None:
    assert [rule.id for rule in RULES if rule.is_high_confidence] == [
        "unsafe-deserialisation",
        "shell-injection",
        "command-from-input",
        "sql-injection",
        "tls-verification-off",
        "weak-password-hash",
        "js-shell-injection",
        "js-tls-verification-off",
        "js-sql-injection",
        "ssrf-from-request",
        "path-from-request",
        "access-weakened",
        "open-infrastructure",
    ]
