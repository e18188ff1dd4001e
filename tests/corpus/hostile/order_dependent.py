# project: courier
# path: courier/office.py
# function: book
# kind: order-dependent
# falls: stable

from courier.office import JOURNAL, book


def test_the_journal_grows():
    before = len(JOURNAL)
    assert book("Ulm") == before + 1
    assert book("") == 1
