import ast
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cicd_agent.analysis.rules.run import findings
from cicd_agent.analysis.rules.structure.ddl import schema_of
from cicd_agent.domain.finding import Finding
from tests.support.samples.changes import change_of

START = "import sqlalchemy as sa\nfrom alembic import op\nfrom sqlalchemy import Column, ForeignKey\n"
START += "from sqlalchemy import Index, Integer, Table\nfrom sqlalchemy.orm import mapped_column\n"
START += "from sqlmodel import Field\n\n\n"


def found(*files: tuple[str, str]) -> list[Finding]:
    change = change_of(*((path, None, text) for path, text in files))
    return [each for each in findings(change) if each.id == "foreign-key-without-index"]


def columns(*files: tuple[str, str]) -> list[str]:
    return [name for each in found(*files) for name in re.findall(r"`(\w+)`", each.message.partition(" of ")[0])]


def sql(text: str, path: str = "migrations/0002_a.sql") -> list[str]:
    return columns((path, text))


def python(text: str, path: str = "shop/models.py") -> list[str]:
    ast.parse(START + text)
    return columns((path, START + text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CREATE TABLE a (id int PRIMARY KEY, b_id int REFERENCES b);", ["b_id"]),
        ("create table if not exists x.a (id int, b_id int, foreign key (b_id) references b (id));", ["b_id"]),
        ('CREATE TABLE "a" ("b_id" int CONSTRAINT k REFERENCES b(id), "c_id" int REFERENCES c(id));', ["b_id", "c_id"]),
        ("CREATE TABLE a (b_id int PRIMARY KEY REFERENCES b);", []),
        ("CREATE TABLE a (b_id int UNIQUE REFERENCES b);", []),
        ("CREATE TABLE a (b_id int REFERENCES b, c int, PRIMARY KEY (b_id, c));", []),
        ("CREATE TABLE a (b_id int REFERENCES b, c int, PRIMARY KEY (c, b_id));", ["b_id"]),
        ("CREATE TABLE a (b_id int REFERENCES b, CONSTRAINT k UNIQUE (b_id, c));", []),
        ("CREATE TABLE a (b_id int REFERENCES b);\nCREATE INDEX ON a (b_id);", []),
        (
            "CREATE TABLE a (b_id int REFERENCES b);\nCREATE UNIQUE INDEX CONCURRENTLY i ON s.a USING btree (b_id, c);",
            [],
        ),
        ("CREATE TABLE a (b_id int REFERENCES b);\nCREATE INDEX i ON other (b_id);", ["b_id"]),
        ("ALTER TABLE a ADD COLUMN b_id int REFERENCES b (id);", ["b_id"]),
        ("ALTER TABLE ONLY a ADD CONSTRAINT k FOREIGN KEY (b_id) REFERENCES b (id) ON DELETE CASCADE;", ["b_id"]),
        ("ALTER TABLE a ADD b_id int REFERENCES b, ADD c int;\nCREATE INDEX i ON a (b_id);", []),
        ("CREATE TABLE `a` (`b_id` int REFERENCES b);", []),
        ("CREATE TABLE a (b_id int REFERENCES b) ENGINE=InnoDB;", []),
        ("-- b_id REFERENCES b\nCREATE TABLE a (c text DEFAULT ') REFERENCES b');", []),
        ("CREATE TABLE a (created_by int REFERENCES users);", []),
        ("SELECT 1; REFERENCES", []),
    ],
)
def test_foreign_keys_of_sql_have_an_index_or_are_found(text: str, expected: list[str]) -> None:
    assert sql(text + "\n") == expected


def test_an_index_may_be_in_another_file_of_the_change() -> None:
    table = ("migrations/1.sql", "CREATE TABLE a (b_id int REFERENCES b);\n")
    assert columns(table) == ["b_id"]
    assert columns(table, ("migrations/2.sql", "CREATE INDEX i ON a (b_id);\n")) == []


def test_mysql_has_indexes_of_its_own() -> None:
    assert sql("CREATE TABLE a (b_id int REFERENCES b);\n", "db/mysql/1.sql") == []


def test_only_added_keys_are_found_and_a_table_once() -> None:
    before = "CREATE TABLE a (\n  b_id int REFERENCES b\n);\n"
    after = before.replace("b\n", "b,\n  c_id int REFERENCES c,\n  d_id int REFERENCES d\n")
    (only,) = findings(change_of(("1.sql", before, after.replace("int REFERENCES b,", "int REFERENCES b ,"))))
    assert "`b_id`, `c_id`, `d_id` of `a`" in only.message
    (only,) = findings(change_of(("1.sql", after, after + "ALTER TABLE a ADD e_id int REFERENCES e;\n")))
    assert "`e_id` of `a`" in only.message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("class A(Base):\n    b_id = Column(Integer, ForeignKey('b.id'))\n", ["b_id"]),
        ("class A(Base):\n    b = mapped_column('b_id', ForeignKey('b.id'), nullable=False)\n", ["b_id"]),
        ("class A(Base):\n    b_id: int = Field(foreign_key='b.id')\n", ["b_id"]),
        ("class A(Base):\n    b_id: int = Field(foreign_key='b.id', index=True)\n", []),
        ("class A(Base):\n    b_id = Column(ForeignKey('b.id'), primary_key=True)\n", []),
        ("class A(Base):\n    b_id = Column(ForeignKey('b.id'), unique=True)\n", []),
        ("class A(Base):\n    b_id = Column(ForeignKey('b.id'), index=False)\n", []),
        ("class A(Base):\n    b_id = Column(ForeignKey('b.id'), **OPTIONS)\n", []),
        (
            "class A(Base):\n    b_id = Column(ForeignKey('b.id'))\n    __table_args__ = (Index('i', 'b_id', 'c'),)\n",
            [],
        ),
        ("class A(Base):\n    b_id = Column(ForeignKey('b.id'))\n    __table_args__ = (Index('i', b_id),)\n", []),
        ("T = Table('a_b', metadata, Column('b_id', ForeignKey('b.id')))\n", ["b_id"]),
        ("class A(Base):\n    b = models.ForeignKey(B, on_delete=CASCADE)\n", []),
    ],
)
def test_foreign_keys_of_sqlalchemy_have_an_index_or_are_found(text: str, expected: list[str]) -> None:
    assert python(text) == expected


_COLUMN = "sa.Column('b_id', sa.Integer())"
_KEY = "sa.ForeignKeyConstraint(['b_id'], ['b.id'])"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (f"op.create_table('a', {_COLUMN}, {_KEY})", ["b_id"]),
        (f"op.create_table('a', {_COLUMN}, {_KEY})\n    op.create_index(op.f('ix_a_b_id'), 'a', ['b_id'])", []),
        (f"op.create_table('a', {_COLUMN}, {_KEY}, sa.PrimaryKeyConstraint('b_id'))", []),
        ("op.add_column('a', sa.Column('b_id', sa.Integer(), sa.ForeignKey('b.id')))", ["b_id"]),
        ("T = sa.Table('a', metadata, sa.Column('b_id', sa.ForeignKey('b.id')))", []),
    ],
)
def test_migrations_of_alembic_make_an_index_or_are_found(body: str, expected: list[str]) -> None:
    assert python(f"def upgrade():\n    {body}\n", "alembic/versions/0a1b_orders.py") == expected
    assert python(f"def downgrade():\n    {body}\n", "alembic/versions/0a1b_orders.py") == []


_WORDS = (
    "create table",
    "a",
    "(",
    ")",
    ",",
    ";",
    "create index",
    "on",
    "references",
    "foreign key",
    "'x'",
    "--",
    "\n",
    "/*",
)


@given(st.lists(st.sampled_from(_WORDS), max_size=60))
@settings(max_examples=100, deadline=None)
def test_any_sql_is_read_to_its_end(words: list[str]) -> None:
    text = " ".join(words)
    assert all(0 <= key.offset < len(text) for key in schema_of(text).keys)
