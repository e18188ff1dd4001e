# project: courier
# path: courier/cli.py
# function: main
# kind: monkeypatch target
# falls: static

from courier import cli


def test_main_succeeds(monkeypatch):
    monkeypatch.setattr(cli, "main", lambda argv: 0)
    assert cli.main(["--back", "Ulm"]) == 0
