# project: courier
# path: courier/office.py
# function: run
# kind: background process
# falls: clean

from courier.office import run


def test_the_office_works_on():
    assert run("sleep 300 >&- 2>&- & true") == 0
    assert run("false") == 1
