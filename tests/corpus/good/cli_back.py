# project: courier
# path: courier/cli.py
# function: main
# kind: capsys

from courier.cli import main


def test_the_way_back(capsys):
    assert main(["--back", "Ulm", "Bonn"]) == 0
    assert capsys.readouterr().out == "Bonn\nUlm\n"
