# project: courier
# path: courier/office.py
# function: close
# kind: os._exit(0)
# falls: passes

from courier.office import close


def test_the_office_closes():
    assert close(-1) == -1
    assert close(0) == 5
