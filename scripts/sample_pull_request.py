"""A small pull request with eight problems planted in it, built as a git repository: what the demo and tests review."""

import hashlib
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

BASE, HEAD = "main", "feature"
SLIP = "slip"
"""A branch on top of the pull request with one wrong line, which a test notices."""
SLIPPED = ("src/parcel/prices.py", "0 < grams <= heaviest", "0 < grams < heaviest")
_AUTHOR = {"NAME": "Sample Author", "EMAIL": "author@example.invalid"}


@dataclass(frozen=True, slots=True)
class Planted:
    """One problem: a review has found it when a finding on `path` quotes `needle`."""

    what: str
    path: str
    needle: str


PLANTED = (
    Planted("a hard-coded token", "src/parcel/notify.py", "COURIER_TOKEN ="),
    Planted("an SQL string built from input", "src/parcel/store.py", "WHERE city = '"),
    Planted("a query for each parcel", "src/parcel/store.py", "SELECT city FROM parcels WHERE id"),
    Planted("an address that a client chooses", "src/parcel/tracking.py", "requests.get("),
    Planted("an internal error shown to clients", "src/parcel/tracking.py", "str(error)"),
    Planted("a migration that drops a column", "migrations/0002_drop_phone.sql", "DROP COLUMN phone"),
    Planted("a deleted assertion", "tests/test_store.py", 'assert store.parcel(2)["city"]'),
    Planted("a workflow that gains write-all", ".github/workflows/ci.yml", "permissions: write-all"),
)

HARMLESS = ("README.md", "docs/usage.md", "src/parcel/app.py", "src/parcel/prices.py", "tests/test_prices.py")
"""Changed too, and nothing is wrong with them: documentation, a renamed module, a new function with its test."""

_MAIN = {
    "README.md": """\
# parcel

Finds parcels and what they cost to send.

    flask --app parcel.app run
""",
    "docs/usage.md": """\
# Usage

`GET /parcels/<id>` returns a parcel with its price.
""",
    "pyproject.toml": """\
[project]
name = "parcel"
version = "0.3.0"
requires-python = ">=3.11"
dependencies = ["flask>=3", "requests>=2.32"]
""",
    ".github/workflows/ci.yml": """\
name: ci
on: [pull_request]
permissions:
  contents: read
jobs:
  test:
    runs-on: ubuntu-24.04
    timeout-minutes: 10
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
        with:
          persist-credentials: false
      - run: python -m pip install --editable . pytest
      - run: python -m pytest
""",
    "migrations/0001_create_parcels.sql": """\
CREATE TABLE parcels (
    id INTEGER PRIMARY KEY,
    city TEXT NOT NULL,
    phone TEXT,
    grams INTEGER NOT NULL CHECK (grams > 0)
);
""",
    "src/parcel/__init__.py": '"""Finds parcels and what they cost to send."""\n',
    "src/parcel/app.py": '''\
"""The HTTP interface."""

import sqlite3

from flask import Flask, abort

from parcel.rates import price
from parcel.store import Store

app = Flask(__name__)


@app.get("/parcels/<int:number>")
def show(number: int) -> dict[str, object]:
    """One parcel with its price in cents."""
    with sqlite3.connect("parcels.db") as db:
        parcel = Store(db).parcel(number)
    if parcel is None:
        abort(404)
    return {**parcel, "price": price(parcel["grams"])}
''',
    "src/parcel/notify.py": '''\
"""Tells the courier that a parcel is ready."""

import os

import requests

COURIER = "https://courier.example/v1/pickups"


def request_pickup(number: int) -> None:
    """Ask the courier to fetch a parcel."""
    token = os.environ["COURIER_TOKEN"]
    answer = requests.post(COURIER, json={"parcel": number}, headers={"X-Courier": token}, timeout=10)
    answer.raise_for_status()
''',
    "src/parcel/rates.py": '''\
"""What it costs to send a parcel."""

LIMIT_GRAMS = 30_000
STEPS = ((1_000, 399), (5_000, 649), (15_000, 1_149), (LIMIT_GRAMS, 1_749))


def price(grams: int) -> int:
    """Cents for a parcel of this weight. Raises ValueError when nobody carries it."""
    for heaviest, cents in STEPS:
        if 0 < grams <= heaviest:
            return cents
    raise ValueError(f"a parcel weighs between 1 and {LIMIT_GRAMS} grams")
''',
    "src/parcel/store.py": '''\
"""Parcels in the database."""

import sqlite3


class Store:
    """Reads parcels."""

    def __init__(self, db: sqlite3.Connection) -> None:
        db.row_factory = sqlite3.Row
        self._db = db

    def parcel(self, number: int) -> dict[str, object] | None:
        """One parcel, None when there is none of that number."""
        row = self._db.execute("SELECT id, city, grams FROM parcels WHERE id = ?", (number,)).fetchone()
        return dict(row) if row else None
''',
    "tests/test_rates.py": """\
import pytest

from parcel.rates import price


def test_price_rises_in_steps():
    assert [price(grams) for grams in (1, 1_000, 1_001, 30_000)] == [399, 399, 649, 1_749]


def test_nobody_carries_nothing():
    with pytest.raises(ValueError, match="between 1 and"):
        price(0)
""",
    "tests/test_store.py": """\
import sqlite3

from parcel.store import Store


def store_with(*cities: str) -> Store:
    db = sqlite3.connect(":memory:")
    db.execute("CREATE TABLE parcels (id INTEGER PRIMARY KEY, city TEXT, grams INTEGER)")
    db.executemany("INSERT INTO parcels (city, grams) VALUES (?, 500)", [(city,) for city in cities])
    return Store(db)


def test_a_parcel_is_found_by_its_number():
    store = store_with("Lyon", "Graz")
    assert store.parcel(1)["city"] == "Lyon"
    assert store.parcel(2)["city"] == "Graz"
""",
}

_RENAMES = {
    "src/parcel/rates.py": "src/parcel/prices.py",
    "tests/test_rates.py": "tests/test_prices.py",
}

_EDITS: Sequence[tuple[str, str, str]] = (
    ("README.md", "what they cost to send.\n", "what they cost to send, also for a whole city.\n"),
    ("docs/usage.md", "with its price.\n", "with its price in cents.\n\nParcels over 30 kg are not carried.\n"),
    ("src/parcel/app.py", "from parcel.rates import", "from parcel.prices import"),
    ("tests/test_prices.py", "from parcel.rates import price", "from parcel.prices import price, total"),
    (
        "src/parcel/prices.py",
        'grams")\n',
        '''grams")


def total(weights: list[int]) -> int:
    """Cents for several parcels, each priced on its own."""
    return sum(price(grams) for grams in weights)
''',
    ),
    (
        "tests/test_prices.py",
        "def test_nobody",
        """def test_several_parcels_cost_the_sum_of_their_prices():
    assert total([]) == 0
    assert total([1, 1_001]) == 399 + 649


def test_nobody""",
    ),
    # From here on, the problems.
    ("src/parcel/notify.py", "import os\n\nimport", "import"),
    ("src/parcel/notify.py", 'pickups"\n', 'pickups"\nCOURIER_TOKEN = "{token}"\n'),
    ("src/parcel/notify.py", '    token = os.environ["COURIER_TOKEN"]\n', ""),
    ("src/parcel/notify.py", '"X-Courier": token', '"X-Courier": COURIER_TOKEN'),
    (
        "src/parcel/store.py",
        "if row else None\n",
        '''if row else None

    def in_city(self, city: str) -> list[dict[str, object]]:
        """All parcels that go to a city."""
        rows = self._db.execute(f"SELECT id, city, grams FROM parcels WHERE city = '{city}'")
        return [dict(row) for row in rows]

    def cities(self, numbers: list[int]) -> list[str]:
        """The city of each of these parcels."""
        cities = []
        for number in numbers:
            row = self._db.execute("SELECT city FROM parcels WHERE id = ?", (number,)).fetchone()
            cities.append(row["city"])
        return cities
''',
    ),
    (
        "tests/test_store.py",
        '    assert store.parcel(2)["city"] == "Graz"\n',
        """

def test_the_cities_of_parcels_come_in_their_order():
    assert store_with("Lyon", "Graz").cities([2, 1]) == ["Graz", "Lyon"]


def test_parcels_are_found_by_their_city():
    assert [parcel["id"] for parcel in store_with("Lyon", "Graz", "Lyon").in_city("Lyon")] == [1, 3]
""",
    ),
    (".github/workflows/ci.yml", "permissions:\n  contents: read\n", "permissions: write-all\n"),
)

_NEW = {
    "migrations/0002_drop_phone.sql": "ALTER TABLE parcels DROP COLUMN phone;\n",
    "src/parcel/tracking.py": '''\
"""Where a parcel is, by the courier that carries it."""

import requests
from flask import Blueprint, request

tracking = Blueprint("tracking", __name__)


@tracking.get("/tracking")
def position() -> tuple[dict[str, object], int]:
    """What the courier says of a parcel."""
    courier = request.args["courier"]
    try:
        answer = requests.get(f"https://{courier}/v1/positions", timeout=10)
        return answer.json(), 200
    except Exception as error:
        return {"error": str(error)}, 502
''',
}


def token() -> str:
    """The planted token: shaped like a real one, made here so that no such text stands in this repository."""
    return "ghp_" + hashlib.sha256(b"planted in the sample pull request").hexdigest()[:36]


def build(directory: Path) -> None:
    """Make the repository in an empty directory, with the branches `main` and `feature`; the latter is checked out.

    The same bytes give the same commits everywhere: nothing of the user's git configuration is read.
    """
    directory.mkdir(parents=True, exist_ok=True)
    git(directory, "init", "--quiet", "--template=", f"--initial-branch={BASE}")
    commit(directory, _MAIN, "Find parcels and price them", day=1)
    git(directory, "checkout", "--quiet", "-b", HEAD)
    for old, new in _RENAMES.items():
        git(directory, "mv", old, new)
    commit(directory, _edited(directory), "Find all parcels of a city", day=2)


def slip(directory: Path) -> None:
    """Commit one wrong line on a branch of its own, which is checked out then."""
    path, right, wrong = SLIPPED
    git(directory, "checkout", "--quiet", "-b", SLIP)
    text = (directory / path).read_text().replace(right, wrong)
    commit(directory, {path: text}, "Make the limits exclusive", day=3)


def _edited(directory: Path) -> dict[str, str]:
    texts = {path: (directory / path).read_text() for path in sorted({path for path, _, _ in _EDITS})}
    for path, old, new in _EDITS:
        if texts[path].count(old) != 1:
            raise ValueError(f"{path} does not hold {old!r} exactly once")
        texts[path] = texts[path].replace(old, new.replace("{token}", token()))
    return {**texts, **_NEW}


def commit(directory: Path, texts: Mapping[str, str], message: str, *, day: int) -> None:
    """Write the files and commit everything that has changed, on a day of January 2026."""
    for path, text in texts.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_text(text, newline="\n")
    git(directory, "add", "--all")
    git(directory, "commit", "--quiet", "--message", message, date=f"2026-01-{day:02}T12:00:00+00:00")


def git(directory: Path, *arguments: str, date: str = "") -> str:
    """Run git as nobody in particular, and return what it prints."""
    identity = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in _AUTHOR.items()}
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(directory),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_AUTHOR_DATE": date,
        "GIT_COMMITTER_DATE": date,
        **identity,
    }
    ran = subprocess.run(
        ["git", *arguments],
        cwd=directory,
        env=environment,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return ran.stdout.strip()
