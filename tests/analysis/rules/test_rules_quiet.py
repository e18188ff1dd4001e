"""What real changes taught the rules to leave alone, or to say more quietly."""

import pytest

from cicd_agent.analysis.rules.run import findings, ruled
from cicd_agent.domain.finding import Severity
from cicd_agent.domain.repository.paths import PathKind
from tests.support.samples.changes import change_of

Files = tuple[str, str | None, str | None]


def ids(*files: Files, paths: tuple[str, ...] = ()) -> list[str]:
    return [finding.id for finding in findings(change_of(*files, paths=paths))]


def test_a_call_that_only_moves_or_gets_a_comment_is_not_new() -> None:
    before = "import pickle\n\n\ndef read(f):\n    return pickle.load(f)  # nosec\n"
    after = "import pickle\n\n\ndef read(f):\n    if f:\n        return dict(pickle.load(\n            f\n        ))\n"
    assert ids(("store.py", before, after)) == []


def test_a_call_whose_argument_changes_is_new() -> None:
    before = 'import os\n\n\ndef run(x):\n    os.system("ls")\n'
    assert ids(("run.py", before, before.replace('"ls"', 'f"ls {x}"'))) == ["shell-injection"]


def test_a_test_that_goes_with_what_it_tested_is_not_missed() -> None:
    code = "def kept():\n    return 1\n\n\ndef gone():\n    return 2\n"
    test = "def test_kept():\n    assert kept() == 1\n\n\ndef test_gone():\n    assert gone() == 2\n"
    assert ids(("a.py", code, code[:26]), ("tests/test_a.py", test, test[:43])) == []


def test_a_test_that_goes_while_its_code_stays_is_missed() -> None:
    test = "def test_kept():\n    assert kept() == 1\n\n\ndef test_more():\n    assert kept() > 0\n"
    code = "def kept():\n    return 1\n"
    files = (("a.py", code, code.replace("1", "2")), ("tests/test_a.py", test, test[:43]))
    (found,) = findings(change_of(*files))
    assert (found.id, found.severity, found.confidence) == ("test-deleted", Severity.MEDIUM, 0.8)
    assert "`test_more`" in found.message


def test_a_suite_that_is_put_in_order_is_mentioned_quietly() -> None:
    old = ("tests/test_a.py", "def test_a():\n    assert kept() == 1\n", None)
    new = ("tests/test_b.py", None, "def test_b():\n    assert kept() == 1\n")
    (found,) = findings(change_of(old, new))
    assert (found.id, found.severity, found.confidence) == ("test-deleted", Severity.LOW, 0.6)


@pytest.mark.parametrize(
    ("gone", "instead"),
    [
        ("assert x.y is not None", ""),
        ("assert isinstance(x, str)", ""),
        ("assert x == 1", "check_all(x)"),
        ("assert x == 1", "self._assert_one(x)"),
        ("with pytest.raises(OSError):", "if x:"),
        ("assert x.deprecated() == 1", ""),
    ],
)
def test_an_assertion_that_asserted_nothing_or_moved_is_not_missed(gone: str, instead: str) -> None:
    before = f"def test_a():\n    x = f()\n    {gone}\n        pass\n" if gone.endswith(":") else ""
    before = before or f"def test_a():\n    x = f()\n    {gone}\n    assert x > 0\n"
    assert (
        ids(
            (
                "tests/test_a.py",
                before,
                before.replace(gone, instead) if instead else before.replace(f"    {gone}\n", ""),
            )
        )
        == []
    )


@pytest.mark.parametrize("always", ["True", "1 == 1", "x or True", '(x == 1, "message")', '"text"'])
def test_an_assertion_that_cannot_fail_is_found(always: str) -> None:
    before = "def test_a():\n    x = f()\n    assert x == 1\n"
    (found,) = findings(change_of(("tests/test_a.py", before, before.replace("x == 1", always))))
    assert (found.id, found.severity) == ("assertion-weakened", Severity.HIGH)


def test_true_beside_false_is_a_way_to_assert() -> None:
    text = "def test_a():\n    if f():\n        assert True\n    else:\n        assert False\n"
    assert ids(("tests/test_a.py", None, text)) == []


def test_a_function_without_a_test_is_mentioned_only_when_no_test_is_touched() -> None:
    code = "def limit(x):\n    if x < 0:\n        return 0\n    return 9 if x > 9 else x\n"
    assert ids(("a.py", None, code)) == []
    assert ids(("a.py", None, code), paths=("tests/test_b.py",)) == ["untested-function"]
    assert ids(("a.py", None, code), ("tests/test_b.py", "a = 1\n", "a = 2\n")) == []


@pytest.mark.parametrize("name", ["close", "__exit__", "stop"])
def test_cleaning_up_may_swallow_at_less_weight(name: str) -> None:
    text = f"def {name}(x):\n    try:\n        x()\n    except Exception:\n        pass\n"
    (found,) = findings(change_of(("a.py", None, text)))
    assert (found.id, found.severity) == ("swallowed-exception", Severity.LOW)


def test_swallowing_with_a_reason_is_left_alone() -> None:
    text = "def a(x):\n    try:\n        x()\n    except Exception:\n        pass  # the peer is gone\n"
    assert ids(("a.py", None, text)) == []


@pytest.mark.parametrize(
    "line",
    ["if token == self.token:", "if kind == signature:", "if password != confirm:", "if x.secret_type == y:"],
)
def test_tokens_of_a_parser_are_no_secrets(line: str) -> None:
    assert (
        ids(("parser.py", None, f"def a(x, y, token, kind, signature, password, confirm):\n    {line}\n        pass\n"))
        == []
    )


@pytest.mark.parametrize(
    "call",
    [
        "requests.get(url, timeout=3)",
        "requests.get(url, **options)",
        "urlopen(url, None, 5)",
        "client.get(url)",
        "yaml.load(text, Loader=yaml.SafeLoader)",
        "yaml.load(text, yaml.CSafeLoader)",
        'subprocess.run("ls -l", shell=True)',
        "subprocess.run([tool, name])",
        'cursor.execute("SELECT " + "1")',
        'cursor.execute(f"SELECT {COLUMNS} FROM x")',
        'eval("1 + 1")',
        "model.eval()",
        "re.compile(pattern)",
        "pickle.loads(pickle.dumps(x))",
        "tar.extractall(path, filter='data')",
        "hashlib.md5(content)",
        "ast.literal_eval(text)",
    ],
)
def test_a_call_that_is_fine_is_left_alone(call: str) -> None:
    imports = (
        "import ast, hashlib, pickle, re, requests, subprocess, tarfile, yaml\nfrom urllib.request import urlopen\n"
    )
    assert (
        ids(
            (
                "a.py",
                None,
                f"{imports}\n\ndef a(url, options, text, tool, name, cursor, model, tar, content, x):\n    {call}\n",
            )
        )
        == []
    )


@pytest.mark.parametrize(
    ("call", "rule"),
    [
        ("sp.run(cmd, shell=True)", "shell-injection"),
        ("system(cmd)", "shell-injection"),
        ('db.execute("SELECT * FROM a WHERE b = %s" % cmd)', "sql-injection"),
        ('db.execute("DELETE FROM a WHERE b = {}".format(cmd))', "sql-injection"),
        ("pd.read_pickle(cmd)", "unsafe-deserialisation"),
    ],
)
def test_a_call_is_known_by_any_name_it_is_imported_under(call: str, rule: str) -> None:
    imports = "import subprocess as sp\nimport pandas as pd\nfrom os import system\n"
    assert ids(("a.py", None, f"{imports}\n\ndef a(cmd, db):\n    {call}\n")) == [rule]


def test_a_statement_built_one_line_above_is_followed() -> None:
    text = "def a(db, name):\n    query = f\"SELECT * FROM a WHERE b = '{name}'\"\n    db.execute(query)\n"
    assert ids(("a.py", None, text)) == ["sql-injection"]


def test_a_permission_named_where_none_was_is_no_gain() -> None:
    job = "jobs:\n  a:\n    runs-on: x\n"
    more = f"on: push\n{job}    permissions:\n      contents: write\n"
    assert ids((".github/workflows/a.yml", f"on: push\n{job}", more)) == []
    assert ids(
        (
            ".github/workflows/a.yml",
            f"on: push\npermissions: {{}}\n{job}",
            more.replace("on: push\n", "on: push\npermissions: {}\n"),
        )
    ) == ["workflow-permissions"]


def test_taking_the_permissions_away_opens_the_default() -> None:
    job = "jobs:\n  a:\n    runs-on: x\n"
    assert ids((".github/workflows/a.yml", f"on: push\npermissions:\n  contents: read\n{job}", f"on: push\n{job}")) == [
        "workflow-permissions"
    ]


def test_a_version_bump_of_an_action_by_tag_is_left_alone() -> None:
    step = "on: push\njobs:\n  a:\n    steps:\n      - uses: org/tool@v1\n"
    assert ids((".github/workflows/a.yml", step, step.replace("v1", "v2"))) == []


@pytest.mark.parametrize(
    "sql",
    [
        "ALTER TABLE a DROP CONSTRAINT b;",
        "DROP INDEX a;",
        "DELETE FROM a WHERE b = 1;",
        "ALTER TABLE a ADD COLUMN b int NOT NULL DEFAULT 0;",
        "ALTER TABLE a ADD COLUMN b int, ALTER COLUMN c SET NOT NULL;",
        "ALTER TABLE a ADD COLUMN b int NULL; ALTER TABLE a ALTER c SET NOT NULL;",
        "CREATE TABLE a (b int NOT NULL);",
        "-- DROP TABLE a;",
        "-- +goose Down\nDROP TABLE a;",
    ],
)
def test_a_migration_that_loses_nothing_is_left_alone(sql: str) -> None:
    assert ids(("migrations/0001.sql", None, f"{sql}\n")) == []


@pytest.mark.parametrize(
    "sql",
    [
        "DROP TABLE a;",
        "TRUNCATE a;",
        "DELETE FROM a;",
        "ALTER TABLE a DROP b;",
        "ALTER TABLE a RENAME COLUMN b TO c;",
        "ALTER TABLE a ADD COLUMN b int NOT NULL;",
        "ALTER TABLE a ADD b int NOT NULL;",
        "ALTER TABLE a ADD column not null;",
        "ALTER TABLE a ADD add not null;",
        'alter table a add b int, add column  "c"\tvarchar(20)  not  null;',
    ],
)
def test_a_migration_that_loses_data_is_found(sql: str) -> None:
    assert ids(("migrations/0001.sql", None, f"{sql}\n")) == ["destructive-migration"]


def test_the_way_back_of_a_migration_may_drop() -> None:
    ways = "from alembic import op\n\n\ndef {}():\n    op.add_column('a')\n\n\ndef {}():\n    op.drop_column('a')\n"
    assert ids(("alembic/versions/a1_x.py", None, ways.format("upgrade", "downgrade"))) == []
    assert ids(("alembic/versions/a1_x.py", None, ways.format("downgrade", "upgrade"))) == ["destructive-migration"]


def test_prose_about_reviewers_is_no_order() -> None:
    text = "The reviewer must approve. Ignore the previous section if you are new.\nAutomated reviewers help.\n"
    assert ids(("docs/guide.md", None, text)) == []


_SUITE = "import pytest\n\n\ndef test_sum(expression, expected):\n    assert eval(expression) == expected\n"
_NEW_CODE = "def total(a):\n    if a and a > 1:\n        return [b for b in a if b]\n    return []\n"


def test_a_suite_in_a_folder_of_any_name_is_one_of_tests() -> None:
    code: Files = ("core/total.py", "", _NEW_CODE)
    assert ids(code, paths=("tests/test_a.py",)) == ["untested-function"]
    assert ids(code, ("testing/python/collect.py", None, _SUITE), paths=("tests/test_a.py",)) == []


def test_a_file_of_the_product_becomes_none_of_tests_by_what_a_change_writes_into_it() -> None:
    before = "import math\n\n\ndef area(r):\n    return r * math.pi\n"
    assert ids(("core/area.py", before, _SUITE)) == ["dynamic-code"]
    assert ids(("core/area.py", _SUITE.replace("expected", "other"), _SUITE)) == []


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        (None, "# fail-on: off\n", []),
        ("fail-on: high\n", "# who may merge\nfail-on: high # and so on\n", []),
        ("fail-on: high\n", "# fail-on: high\n", ["own-config"]),
        (None, "fail-on: off\n", ["own-config"]),
        ("review: {fail-on: high}\n", "review: {fail-on: low}\n", ["own-config"]),
        ("review: {fail-on: high}\n", "route: {fail-on: high}\n", ["own-config"]),
        (None, "# ours\nfail-in: never\n", ["own-config"] * 2),
        ("rules:\n  secret: off\n", "rules:\n  secret: off\n  http-timeout: off\n", ["own-config"]),
    ],
)
def test_a_configuration_that_sets_the_same_changes_no_rule(before: str | None, after: str, found: list[str]) -> None:
    change = change_of((".github/cicd-agent.yml", before, after))
    draft = ruled(change)
    assert [finding.id for finding in draft.findings] == found
    assert [area.kind for area in draft.areas] == [PathKind.OWN_CONFIG] * bool(found)


@pytest.mark.parametrize(
    ("action", "found"),
    [
        ("org/cicd-agent/review@v1", []),
        ("org/cicd-agent@v1.2.3", []),
        ("org/cicd-agent/review@main", ["unpinned-action"]),
        ("org/cicd-agents/review@v1", ["unpinned-action"]),
    ],
)
def test_our_own_action_by_its_version_is_as_we_write_it(action: str, found: list[str]) -> None:
    steps = "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n"
    assert ids((".github/workflows/a.yml", steps, f"{steps}      - uses: {action}\n")) == found
