# project: courier
# path: courier/cli.py
# function: main
# kind: capsys and the patch that the existing tests use

from courier.cli import main


def test_a_route_without_stops_is_an_error(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["courier"])
    assert main() == 2
    assert capsys.readouterr().err == "no stops\n"
