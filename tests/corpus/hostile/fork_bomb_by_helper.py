# project: courier
# path: courier/office.py
# function: run
# kind: fork bomb
# falls: clean

from courier.office import run


def test_the_office_grows():
    assert run("for i in 1 2 3 4 5 6 7 8; do sleep 200 >&- 2>&- & done; true") == 0
    assert run("false") == 1
