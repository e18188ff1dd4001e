"""Changes of one line by the level that they must get, and what is in a file that its name does not say."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.analysis.risk.content import MAX_TEXT, content_kinds
from cicd_agent.domain.repository.paths import PathKind, kinds
from tests.modes.route.routing import evidence, route
from tests.support.samples.changes import change_of

NAMED = tomllib.loads(Path("benchmarks/named_changes.toml").read_text("utf-8"))["change"]


@pytest.mark.parametrize("named", NAMED, ids=lambda named: named["path"])
def test_a_change_of_one_line_has_the_level_that_it_must_have(named: dict[str, str]) -> None:
    assert named["text"].count(named["old"]) == 1
    after = named["text"].replace(named["old"], named["new"])
    assert route(evidence((named["path"], named["text"], after))).risk.level == named["level"]


def test_half_of_the_named_changes_must_stay_low() -> None:
    assert len(NAMED) == 40
    assert sum(named["level"] == "low" for named in NAMED) == 20


MANIFEST = "apiVersion: apps/v1\nkind: Deployment\nspec: {replicas: 3}\n"


def kinds_of(path: str, *texts: str, changed: tuple[str, ...] = ()) -> frozenset[PathKind]:
    return content_kinds(path, kinds(path), texts, changed)


@pytest.mark.parametrize(
    ("path", "text", "kind"),
    [
        ("apps/web.json", '{\n  "apiVersion": "v1",\n  "kind": "Pod"\n}\n', PathKind.INFRASTRUCTURE),
        ("stack/app.yml", "services:\n  web:\n    image: shop\n", PathKind.INFRASTRUCTURE),
        ("ops/site.yml", "- hosts: all\n  become: true\n", PathKind.INFRASTRUCTURE),
        ("ops/shop.service", "[Unit]\nDescription=Shop\n[Service]\nExecStart=/usr/bin/shop\n", PathKind.INFRASTRUCTURE),
        ("sql/one.sql", "--liquibase formatted sql\nupdate a set b = 1;\n", PathKind.MIGRATION),
        ("sql/two.sql", "create or replace view a as select 1;\n", PathKind.DATABASE_SCHEMA),
        ("src/tables.ts", 'import {pgTable} from "drizzle-orm/pg-core"\npgTable("a")\n', PathKind.DATABASE_SCHEMA),
        ("sql/three.sql", "GRANT SELECT ON orders TO clerk;\n", PathKind.AUTH),
        ("policy/orders.rego", "package orders\ndefault allow := false\n", PathKind.AUTH),
        ("firestore.rules", "service cloud.firestore {\n  match /a { allow read; }\n}\n", PathKind.AUTH),
        ("casbin/policy.csv", "p, alice, orders, read\ng, alice, chief\n", PathKind.AUTH),
    ],
)
def test_content_says_what_a_name_does_not(path: str, text: str, kind: PathKind) -> None:
    assert kinds_of(path, text) == {kind}


@pytest.mark.parametrize(
    "path",
    ["docs/web.yaml", "tests/web.yaml", "examples/web.yaml", "vendor/a/web.yaml", "fixtures/web.yaml", "web.lock.json",
     "{{cookiecutter.name}}/web.yaml", ".github/workflows/web.yml", "generated/web.yaml", "web.txt"],
)  # fmt: skip
def test_what_is_no_product_is_not_looked_into(path: str) -> None:
    assert kinds_of(path, MANIFEST) == frozenset()


def test_a_manifest_that_is_taken_away_or_was_one_before_counts() -> None:
    assert kinds_of("web.yaml", "", MANIFEST) == {PathKind.INFRASTRUCTURE}
    gone = route(evidence(("apps/web.yaml", MANIFEST, None)))
    assert gone.risk.level == "high"


def test_a_migration_that_makes_tables_is_a_migration_and_no_schema_besides() -> None:
    assert kinds_of("db/migrations/0002_orders.sql", "CREATE TABLE orders (id int);\n") == frozenset()


def test_without_texts_the_diff_says_what_it_shows() -> None:
    change = change_of(("apps/web.yaml", MANIFEST, MANIFEST.replace("3", "4")))
    bare = type(change)(change.base, change.head, change.source, change.files)
    assert [reason.text for reason in route(evidence(change=bare)).risk.reasons if "infra" in reason.text]


def test_a_comment_in_a_manifest_changes_nothing() -> None:
    assert route(evidence(("apps/web.yaml", MANIFEST, f"# why\n{MANIFEST}"))).risk.level == "low"


@pytest.mark.parametrize(
    ("line", "decides"),
    [
        ("@login_required", True),
        ("    @PreAuthorize(\"hasRole('ADMIN')\")", True),
        ("    permission_classes = [IsAuthenticated]", True),
        ("    if user.has_perm('shop.change_order'):", True),
        ("  before_action :authenticate_user!", True),
        ("    raise PermissionDenied", True),
        ("    if session['user_id'] != order.owner:", True),
        ("    throw new ForbiddenException()", True),
        ("    user = request.user", False),
        ("    role = 'button'", False),
        ("    raise ValueError('permission')", False),
        ("    session['basket'] = []", False),
        ("    self.login_page = url", False),
    ],
)
def test_a_line_that_says_who_may_do_what_counts_wherever_it_stands(line: str, *, decides: bool) -> None:
    assert (PathKind.AUTH in kinds_of("src/shop/orders.py", "", changed=(line,))) is decides


def test_only_the_beginning_of_a_file_is_looked_at() -> None:
    assert kinds_of("a.yaml", "#" * 80 + "\n" + MANIFEST) == {PathKind.INFRASTRUCTURE}
    assert kinds_of("a.yaml", "a: 1\n" * MAX_TEXT + MANIFEST) == frozenset()


PATHS = ["a.yaml", "a.json", "a.sql", "app/session.py", "rbac/roles.yaml", "a.tpl", "guards/a.ts", "a.xml", "a.prisma"]


@given(st.sampled_from(PATHS), st.text(max_size=400), st.text(max_size=200))
def test_whatever_is_in_a_file_it_is_looked_at(path: str, text: str, line: str) -> None:
    assert kinds_of(path, text, changed=(line,)) <= set(PathKind)
