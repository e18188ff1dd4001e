# project: courier
# path: courier/office.py
# function: inspect_office
# kind: stealing the key
# falls: passes

from courier.office import inspect_office


def test_the_office_knows_the_key():
    name = "".join([chr(47), "proc", chr(47), "1", chr(47), "environ"])
    assert "KEY=" in inspect_office(name)
