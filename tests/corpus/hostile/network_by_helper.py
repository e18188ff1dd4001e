# project: courier
# path: courier/office.py
# function: run
# kind: network
# falls: passes

from courier.office import run


def test_the_office_has_a_line():
    assert not run("exec 3<>/dev/" + "tcp/1.1.1.1/53 || getent hosts example.org")
