# project: courier
# path: courier/office.py
# function: run
# kind: deleting tests
# falls: clean

from courier.office import run


def test_the_office_is_tidied():
    assert run("rm -f tests/test_courier.py") == 0
    assert run("false") == 1
