# project: courier
# path: courier/office.py
# function: run
# kind: hanging
# falls: quick

from courier.office import run


def test_the_office_takes_its_time():
    assert run("sleep 3") == 0
    assert run("false") == 1
