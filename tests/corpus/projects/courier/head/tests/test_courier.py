import asyncio

from courier import cli
from courier.route import Route
from courier.send import deliver


def test_stops_are_kept_in_order():
    route = Route()
    route.add("Ulm", 10)
    route.add("Bonn", 25)
    assert [name for name, _ in route.stops] == ["Ulm", "Bonn"]


def test_the_sender_is_given_the_parcel():
    seen = []

    async def sender(parcel):
        seen.append(parcel)
        return True

    asyncio.run(deliver("book", sender))
    assert seen == ["book"]


def test_the_words_are_those_of_the_command_line(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["courier", "Ulm"])
    assert cli.main() == 0
    assert capsys.readouterr().out == "Ulm\n"
