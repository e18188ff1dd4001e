"""The project that bugs are planted in: two families of modules that know nothing of each other, and their tests."""

FILES = {
    "ledger/__init__.py": "",
    "ledger/money.py": '''\
def cents(amount):
    """Whole cents of a decimal text."""
    whole, _, part = amount.partition(".")
    return int(whole) * 100 + int((part + "00")[:2])


def shown(value):
    return f"{value // 100}.{value % 100:02d}"


def share(value, parts):
    """Split without losing a cent: the first ones get the rest."""
    each, rest = divmod(value, parts)
    return [each + 1] * rest + [each] * (parts - rest)
''',
    "ledger/rates.py": """\
from ledger.money import cents

RATES = {"food": 7, "books": 7, "tools": 19}


def tax(kind, value):
    rate = RATES.get(kind, 19)
    return (value * rate + 50) // 100


def with_tax(kind, amount):
    value = cents(amount)
    return value + tax(kind, value)
""",
    "ledger/account.py": """\
from ledger.rates import with_tax


class Account:
    def __init__(self, limit=0):
        self.balance = 0
        self.limit = limit
        self.entries = []

    def pay_in(self, value):
        if value <= 0:
            raise ValueError("nothing to pay in")
        self.balance += value
        self.entries.append(("in", value))

    def pay_out(self, value):
        if self.balance - value < -self.limit:
            raise ValueError("over the limit")
        self.balance -= value
        self.entries.append(("out", value))

    def buy(self, kind, amount):
        price = with_tax(kind, amount)
        self.pay_out(price)
        return price
""",
    "ledger/report.py": """\
from ledger.money import shown


def total(entries):
    value = 0
    for kind, amount in entries:
        value += amount if kind == "in" else -amount
    return value


def lines(account):
    found = [f"{kind:>4} {shown(amount):>8}" for kind, amount in account.entries]
    found.append(f" sum {shown(total(account.entries)):>8}")
    return found
""",
    "planner/__init__.py": "",
    "planner/days.py": '''\
LENGTHS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]


def is_leap(year):
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def length(year, month):
    if month == 2 and is_leap(year):
        return 29
    return LENGTHS[month - 1]


def number(year, month, day):
    """The day's number within its year."""
    return sum(length(year, before) for before in range(1, month)) + day
''',
    "planner/parse.py": """\
import re

from planner.days import length

DATE = re.compile(r"(\\d{4})-(\\d{2})-(\\d{2})")


def date(text):
    match = DATE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"no date: {text}")
    year, month, day = (int(part) for part in match.groups())
    if not 1 <= month <= 12 or not 1 <= day <= length(year, month):
        raise ValueError(f"no such day: {text}")
    return year, month, day
""",
    "planner/queue.py": '''\
class Queue:
    """Tasks by urgency, then in the order in which they came."""

    def __init__(self):
        self.tasks = []
        self.count = 0

    def add(self, name, urgency=1):
        self.count += 1
        self.tasks.append((-urgency, self.count, name))
        self.tasks.sort()

    def take(self):
        if not self.tasks:
            return None
        return self.tasks.pop(0)[2]

    def __len__(self):
        return len(self.tasks)
''',
    "planner/plan.py": '''\
from planner.days import number
from planner.parse import date
from planner.queue import Queue


def days_between(first, second):
    one, other = date(first), date(second)
    if one[0] != other[0]:
        raise ValueError("not in one year")
    return number(*other) - number(*one)


def plan(tasks, today):
    """The names of the tasks, the nearest first; what is late is left out."""
    queue = Queue()
    for name, due in tasks:
        left = days_between(today, due)
        if left >= 0:
            queue.add(name, -left)
    found = []
    while len(queue) > 0:
        found.append(queue.take())
    return found
''',
    "tests/test_money.py": """\
import pytest

from ledger.money import cents, share, shown


@pytest.mark.parametrize(("text", "value"), [("1.5", 150), ("0.07", 7), ("12", 1200)])
def test_cents(text, value):
    assert cents(text) == value


def test_shown():
    assert shown(1205) == "12.05"


def test_share():
    assert share(100, 3) == [34, 33, 33]
""",
    "tests/test_rates.py": """\
import unittest

from ledger.rates import tax, with_tax


class RatesTest(unittest.TestCase):
    def test_food(self):
        self.assertEqual(tax("food", 1000), 70)

    def test_rounds(self):
        self.assertEqual(tax("tools", 3), 1)

    def test_unknown(self):
        self.assertEqual(with_tax("boats", "10.00"), 1190)
""",
    "tests/test_account.py": """\
import pytest

from ledger.account import Account


@pytest.fixture
def account():
    made = Account(limit=50)
    made.pay_in(1000)
    return made


def test_buys(account):
    assert account.buy("books", "5.00") == 535
    assert account.balance == 465


def test_limit(account):
    account.pay_out(1050)
    with pytest.raises(ValueError, match="over the limit"):
        account.pay_out(1)


def test_nothing(account):
    with pytest.raises(ValueError, match="nothing"):
        account.pay_in(0)
""",
    "tests/test_report.py": """\
import unittest

from ledger.account import Account
from ledger.report import lines, total


class ReportTest(unittest.TestCase):
    def test_lines(self):
        account = Account()
        account.pay_in(500)
        account.pay_out(120)
        self.assertEqual(lines(account), ["  in     5.00", " out     1.20", " sum     3.80"])

    def test_total(self):
        self.assertEqual(total([("in", 7), ("out", 2)]), 5)
""",
    "tests/test_days.py": """\
import unittest

from planner.days import is_leap, length, number


class DaysTest(unittest.TestCase):
    def test_leap(self):
        self.assertEqual([is_leap(year) for year in (1900, 2000, 2023, 2024)], [False, True, False, True])

    def test_length(self):
        self.assertEqual([length(2024, month) for month in (2, 4, 12)], [29, 30, 31])

    def test_number(self):
        self.assertEqual(number(2023, 3, 1), 60)
""",
    "tests/test_parse.py": """\
import pytest

from planner.parse import date


def test_date():
    assert date(" 2024-02-29 ") == (2024, 2, 29)


@pytest.mark.parametrize("text", ["2023-02-29", "2023-13-01", "2023-00-10", "2023-01-00", "soon"])
def test_no_date(text):
    with pytest.raises(ValueError):
        date(text)
""",
    "tests/test_queue.py": """\
import unittest

from planner.queue import Queue


class QueueTest(unittest.TestCase):
    def test_order(self):
        queue = Queue()
        queue.add("later")
        queue.add("first", 5)
        queue.add("last")
        self.assertEqual(len(queue), 3)
        self.assertEqual([queue.take() for _ in range(4)], ["first", "later", "last", None])
""",
    "tests/test_plan.py": """\
import pytest

from planner.plan import days_between, plan


def test_plan():
    tasks = [("tax", "2024-05-31"), ("late", "2024-01-01"), ("call", "2024-03-02"), ("today", "2024-03-01")]
    assert plan(tasks, "2024-03-01") == ["today", "call", "tax"]


def test_other_year():
    with pytest.raises(ValueError, match="one year"):
        days_between("2023-12-31", "2024-01-01")
""",
}
