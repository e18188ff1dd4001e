import ast

import pytest

from cicd_agent.analysis.rules.run import findings
from cicd_agent.domain.finding import Finding, Severity
from tests.support.samples.changes import change_of

START = "import sqlalchemy as sa\nfrom sqlalchemy import select, text\nfrom shop.models import Order, User, db\n"
START += "KINDS = ['a']\n\n\n"
HANDLER = "from flask import Flask, jsonify\nfrom shop.models import Order, Role, db\napp = Flask(__name__)\n\n\n"


def found(text: str, path: str = "shop/orders.py") -> list[Finding]:
    ast.parse(text)
    return list(findings(change_of((path, None, text))))


def body(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.split("\n"))


def inside(text: str, path: str = "shop/orders.py") -> list[str]:
    lines = f"{START}async def f(rows, session, cursor, limit):\n{body(text)}"
    return [each.id for each in found(lines, path) if each.id != "sql-injection"]


@pytest.mark.parametrize(
    "text",
    [
        "for row in rows:\n    User.objects.get(id=row.user)",
        "for row in rows:\n    for order in Order.objects.filter(user=row):\n        print(order)",
        "for row in rows:\n    print(list(Order.objects.filter(user=row)))",
        "for number, row in enumerate(rows):\n    User.objects.filter(id=row.user).first()",
        "for row in rows:\n    key = row.user\n    User.objects.get(id=key)",
        "return {row: User.objects.get(id=row) for row in rows}",
        "return [row for row in rows if User.objects.filter(id=row).exists()]",
        "for row in rows:\n    User.query.get(row)",
        "for row in rows:\n    User.query.filter_by(id=row).first()",
        "for row in rows:\n    db.session.query(User).filter(User.id == row).one()",
        "for row in rows:\n    await session.get(User, row)",
        "for row in rows:\n    session.execute(select(User).where(User.id == row))",
        "for row in rows:\n    (await session.scalars(sa.select(User).where(User.id == row))).all()",
        "for row in rows:\n    query = select(User).where(User.id == row)\n    session.execute(query)",
        "for row in rows:\n    session.execute(text('SELECT name FROM users WHERE id = :id'), {'id': row})",
        "for row in rows:\n    cursor.execute('SELECT name FROM users WHERE id = ?', (row,))",
        "query = 'SELECT name FROM users WHERE id = ?'\nfor row in rows:\n    cursor.execute(query, (row,))",
        "for i in range(len(rows)):\n    User.objects.get(id=rows[i])",
        "async for row in rows:\n    await session.fetchrow('SELECT name FROM users WHERE id = $1', row)",
    ],
)
def test_a_query_for_each_row_is_found(text: str) -> None:
    assert inside(text) == ["query-in-loop"]


@pytest.mark.parametrize(
    "text",
    [
        "for user in User.objects.filter(age=limit):\n    print(user)",
        "for row in rows:\n    User.objects.filter(id=limit).first()",
        "for kind in ('a', 'b'):\n    User.objects.filter(kind=kind).count()",
        "for kind in KINDS:\n    User.objects.filter(kind=kind).count()",
        "days = {'day': 1, 'week': 7}\nfor day, count in days.items():\n    User.objects.filter(age=count).count()",
        "for chunk in chunks(rows):\n    list(User.objects.filter(id__in=chunk))",
        "for start in range(0, 1000, 100):\n    list(User.objects.filter(id=start))",
        "for row in rows:\n    list(User.objects.filter(id__in=row.ids))",
        "for row in rows:\n    session.scalars(select(User).where(User.id.in_(row.ids))).all()",
        "for row in rows:\n    cursor.execute('INSERT INTO users VALUES (?)', (row,))",
        "for row in rows:\n    User.objects.filter(id=row).update(age=1)",
        "for row in rows:\n    User.objects.get_or_create(id=row)",
        "for model in rows:\n    model.objects.get(name=model.name)",
        "for table in rows:\n    cursor.execute(f'SELECT count(*) FROM {table}')",
        "for name in rows:\n    cursor.execute(f'SELECT count(*) FROM \"{name}\"')",
        "for row in rows:\n    cursor.execute('SELECT a FROM t ORDER BY d <-> ? LIMIT 5', (row,))",
        "for row in rows:\n    with open_session() as session:\n        session.get(User, row)",
        "for row in rows:\n    queries.append(User.objects.filter(id=row))",
        "for row in rows:\n    session.get(row.url, timeout=5)",
        "for row in rows:\n    row.objects.get(row)",
        "while rows:\n    User.objects.get(id=rows.pop())",
    ],
)
def test_what_is_asked_once_or_in_batches_is_left_alone(text: str) -> None:
    assert inside(text) == []


@pytest.mark.parametrize(
    "path",
    ["tests/test_a.py", "shop/management/commands/a.py", "shop/migrations/0002_a.py", "scripts/a.py", "shop/cli.py"],
)
def test_programs_that_people_start_are_left_alone(path: str) -> None:
    assert inside("for row in rows:\n    User.objects.get(id=row)", path) == []


@pytest.mark.parametrize(
    ("text", "severity"),
    [
        ("    print(user)", Severity.HIGH),
        ("    if user:\n        return user", Severity.MEDIUM),
        ("    user.save()", Severity.MEDIUM),
        ("    session.add(user)", Severity.MEDIUM),
        ("    names.add(user)", Severity.HIGH),
    ],
)
def test_a_loop_that_searches_or_writes_weighs_less(text: str, severity: Severity) -> None:
    loop = f"for row in rows:\n    user = User.objects.get(id=row)\n{text}"
    (only,) = found(f"{START}def f(rows, session, names):\n{body(loop)}")
    assert (only.id, only.severity) == ("query-in-loop", severity)


def test_a_loop_names_what_it_goes_over() -> None:
    (only,) = found(f"{START}def f(orders):\n    return [User.query.filter_by(id=o.user).first() for o in orders]\n")
    assert only.message.startswith("`User.query.filter_by(…).first(…)` queries the database for each `o`")


def answer(text: str) -> list[str]:
    return [each.id for each in found(f'{HANDLER}@app.get("/x")\ndef f(cursor, session):\n{body(text)}')]


@pytest.mark.parametrize(
    "text",
    [
        "return Order.query.all()",
        "orders = Order.query.order_by(Order.id).all()\nreturn jsonify([order.id for order in orders])",
        "orders = db.session.query(Order).all()\nshown = [o.id for o in orders]\nreturn jsonify(shown)",
        "return session.execute(select(Order)).scalars().all()",
        "return session.scalars(select(Order).order_by(Order.id)).all()",
        "cursor.execute('SELECT id, name FROM orders')\nreturn jsonify(cursor.fetchall())",
    ],
)
def test_a_whole_table_in_an_answer_is_found(text: str) -> None:
    assert answer(text) == ["unbounded-query"]


@pytest.mark.parametrize(
    "text",
    [
        "return Order.query.filter_by(user=1).all()",
        "return Order.query.limit(10).all()",
        "return Order.query.all()[:10]",
        "return jsonify(len(Order.query.all()))",
        "orders = Order.query.all()\nreturn jsonify(total(orders[:5]))",
        "orders = Order.query.all()\nstore(orders)\nreturn 'done'",
        "return Role.query.all()",
        "return paginate(Order.query.all())",
        "cursor.execute('SELECT id FROM orders WHERE user = 1')\nreturn jsonify(cursor.fetchall())",
        "cursor.execute('SELECT count(*) FROM orders')\nreturn jsonify(cursor.fetchall())",
    ],
)
def test_an_answer_with_some_rows_is_left_alone(text: str) -> None:
    assert answer(text) == []


def test_only_endpoints_answer() -> None:
    assert [each.id for each in found(f"{HANDLER}def f():\n    return Order.query.all()\n")] == []


def test_a_table_that_may_be_small_weighs_less() -> None:
    text = f'{HANDLER}@app.get("/x")\ndef f():\n    return Thing.query.all()\n'
    assert [each.severity for each in found(text)] == [Severity.LOW]
    assert [each.severity for each in found(text.replace("Thing", "Order"))] == [Severity.MEDIUM]
